"""The timeline says what happened, to what and by whom."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

import pytest

from portal.core.database import db
from portal.core.jobs import enqueue, run_due_jobs
from portal.core.listing import Selection
from portal.core.selected import arguments_of, set_aside
from portal.orders import queries, services
from portal.orders.assigning import assign_order
from portal.orders.fulfilment.parcels import plan_parcel
from portal.orders.listings import ORDERS
from portal.orders.timeline import WORDS
from portal.paths import ROOT
from tests.support.client import HouseClient
from tests.support.people import Person
from tests.support.shop import Shop

Login = Callable[[Person], HouseClient]
Member = Callable[..., Person]

TOLD = re.compile(
    r"""tell\(\s*[a-z_.\[\]"]+,\s*"([a-z_]+)"|what = "([a-z_]+)"|news\S* = \[\("([a-z_]+)"|return \[\("([a-z_]+)", payment"""
)


def test_every_kind_of_event_has_its_words() -> None:
    told = (
        found
        for path in (ROOT / "portal" / "orders").rglob("*.py")
        for found in TOLD.findall(path.read_text(encoding="utf-8"))
    )
    kinds = {kind for found in told for kind in found if kind}
    assert {"refund_failed", "payment_released", "dispute_lost", "shipped"} <= kinds
    assert kinds <= WORDS.keys()


def test_it_names_the_person_the_parcel_and_the_rule(shop: Shop, login: Login, member: Member) -> None:
    placed = shop.order(("MUG", 2, "4.50"))
    anna, ben = member("support", name="Anna Ames"), member("owner", name="Ben Bale")
    assign_order(placed.order_id, ben.user_id, by=anna.actor)
    plan_parcel(placed.order_id, {1: 1}, by=anna.actor)
    services.hold_order(placed.order_id, "It may be fraud", rule="when_paid", by=anna.actor)
    db.session.commit()
    page = login(anna).get(f"/orders/{placed.number}").text
    timeline = page[page.index('id="timeline"') :]
    assert "Ben Bale" in timeline
    assert "parcel 1, 1 unit" in timeline
    assert "It may be fraud, until it is paid" in timeline


def test_a_bulk_act_is_told_of_the_person_who_started_it(shop: Shop, login: Login, member: Member) -> None:
    placed = shop.order(("MUG", 1, "4.50"))
    anna = member("support", name="Anna Ames")
    chosen = set_aside(ORDERS, Selection((placed.order_id,), None), by=anna.actor)
    enqueue(
        "orders.bulk",
        {**arguments_of(chosen), "act": "hold", "value": "It may be fraud"},
        by=anna.actor,
    )
    db.session.commit()
    run_due_jobs()
    page = login(anna).get(f"/orders/{placed.number}").text
    timeline = page[page.index('id="timeline"') :]
    assert re.search(r"Put on hold.{0,400}Anna Ames", timeline, re.S)


def test_a_long_life_goes_on_over_pages(
    shop: Shop, login: Login, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed, anna = shop.order(("MUG", 2, "4.50")), member("support", name="Anna Ames")
    for n in range(5):
        services.add_note(placed.order_id, f"note {n}", is_internal=True, subject_id=None, by=anna.actor)
        services.hold_order(placed.order_id, "It may be fraud", by=anna.actor)
        services.release_order(placed.order_id, by=anna.actor)
    db.session.commit()
    monkeypatch.setattr(queries, "HISTORY_PAGE", 4)
    client, seen = login(anna), []
    page = client.get(f"/orders/{placed.number}").text
    page = page[page.index('id="timeline"') :]
    for _ in range(20):
        seen += re.findall(r"note \d|Released from hold|Put on hold|Order placed", page)
        following = re.search(r'rel="next" href="([^"]+)"', page)
        if following is None:
            break
        page = client.fragment(html.unescape(following[1])).text
    each = [word for n in (4, 3, 2, 1, 0) for word in ("Released from hold", "Put on hold", f"note {n}")]
    assert seen == [*each, "Order placed"]
    assert "<h1" in client.get(f"/orders/{placed.number}/timeline?before=1").text
    for odd in ("0", "-1", "x", "9" * 30, "\u0661"):
        assert client.get(f"/orders/{placed.number}/timeline?before={odd}").status_code == 200


def test_older_notes_are_masked_as_the_newest_are(shop: Shop, login: Login, member: Member) -> None:
    placed, anna = shop.order(("MUG", 2, "4.50")), member("support")
    services.add_note(placed.order_id, "Ask Bernard", is_internal=True, subject_id=None, by=anna.actor)
    db.session.commit()
    assert "Bernard" in login(anna).get(f"/orders/{placed.number}/timeline").text
    assert "Bernard" not in login(member("read-only")).get(f"/orders/{placed.number}/timeline").text
