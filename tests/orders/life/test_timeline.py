"""The timeline says what happened, to what and by whom."""

from __future__ import annotations

import re
from collections.abc import Callable

from portal.core.database import db
from portal.core.jobs import enqueue, run_due_jobs
from portal.core.listing import Selection
from portal.core.selected import arguments_of, set_aside
from portal.orders import services
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
