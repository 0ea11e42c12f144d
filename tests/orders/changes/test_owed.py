"""What buyers are owed: what is on its way or waits for a second person is shown as such, and no list ends in nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.core.clock import utc_now
from portal.core.database import db
from portal.orders.book import insert_row
from portal.orders.changes import queries, services
from portal.orders.changes.listings import OWED
from portal.orders.changes.proposal import LineWish, Proposal, RefundWish
from portal.orders.models import OrderChangeDraft, OrderRefund
from portal.orders.placement import PlacedOrder
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person
from tests.support.shop import Shop
from tests.support.statements import statements_seen

D = Decimal
Login = Callable[[Person], HouseClient]
Member = Callable[..., Person]


@pytest.fixture
def owing(shop: Shop) -> Callable[[], PlacedOrder]:
    """Makes orders that were paid and of which 4.50 is owed back."""

    def make() -> PlacedOrder:
        placed = shop.order(("MUG", 2, "4.50"), paid="9")
        services.change_at_once(
            placed.order_id,
            Proposal("cancel", lines=(LineWish(1, cancel=1),)),
            reason_code="asked",
            by=SYSTEM,
        )
        db.session.commit()
        return placed

    return make


def on_its_way(placed: PlacedOrder, amount: str) -> None:
    insert_row(
        OrderRefund.__table__, placed.order_id, n=1, state="pending", payment_n=1, amount=D(amount), actor_kind="system", at=utc_now()
    )  # fmt: skip
    db.session.commit()


def waits(placed: PlacedOrder, amount: str) -> None:
    n = services.begin(
        placed.order_id, Proposal("refund", refund=RefundWish(D(amount))), reason_code="late", by=SYSTEM
    )
    draft = OrderChangeDraft.__table__
    db.session.execute(
        sa.update(draft)
        .where(draft.c.merchant_id == sa.text("current_setting('portal.merchant_id')::integer"))
        .where(draft.c.order_id == placed.order_id, draft.c.n == n)
        .values(state="waiting")
    )
    db.session.commit()


def row_of(page: str, number: str) -> str:
    return next(row for row in page.split("<tr") if f">{number}<" in row)


def test_a_refund_under_way_is_shown_as_such(
    owing: Callable[[], PlacedOrder], login: Login, member: Member
) -> None:
    untouched, sent, part, waiting = (owing() for _ in range(4))
    on_its_way(sent, "4.50")
    on_its_way(part, "1.50")
    waits(waiting, "4.50")
    client = login(member("support"))
    page = client.get("/refunds/owed").text
    assert "£4.50 is on its way" in row_of(page, sent.number) and "£0.00" in row_of(page, sent.number)
    assert "£1.50 is on its way" in row_of(page, part.number) and "£3.00" in row_of(page, part.number)
    assert "£4.50 waits for a second person" in row_of(page, waiting.number)
    assert "on its way" not in row_of(page, untouched.number)
    assert queries.owed_count() == queries.Owed(2, has_more=False)
    assert "Owed to buyers" in client.fragment("/refunds/worklist").text


def test_home_looks_at_no_more_than_it_says(
    app: Flask,
    owing: Callable[[], PlacedOrder],
    login: Login,
    member: Member,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = [owing() for _ in range(4)]
    client = login(member("support"))

    def tile() -> str:
        page = client.fragment("/refunds/worklist").text.partition("Owed to buyers")[2]
        return re.findall(r'stat-value">([^<]*)<', page)[0]

    assert tile() == "4"
    monkeypatch.setattr(queries, "OWED_SHOWN", 3)
    assert tile() == "3+", "more than are shown"
    monkeypatch.setattr(queries, "OWED_LOOKED_AT", 2)
    on_its_way(made[-1], "4.50")
    assert tile() == "1+", "of the two that were looked at one is asked for; there may be others"
    with statements_seen(app) as seen:
        assert queries.owed_count() == queries.Owed(1, has_more=True)
    assert len(seen) == 1 and "LIMIT" in seen[0][0]


def test_a_second_refund_is_not_invited(
    owing: Callable[[], PlacedOrder], login: Login, member: Member
) -> None:
    placed, other = owing(), owing()
    on_its_way(placed, "4.50")
    waits(other, "4.50")
    client = login(member("support"))
    form = client.get(f"/orders/{placed.number}/refund/new").text
    assert "£4.50 is on its way to the buyer already." in form
    assert 'name="give_back" value="1" checked' not in form
    form = client.get(f"/orders/{other.number}/refund/new").text
    assert "£4.50 waits for a second person." in form
    assert 'name="give_back" value="1" checked' not in form
    fine = client.get(f"/orders/{owing().number}/refund/new").text
    assert 'name="give_back" value="1" checked' in fine and "comes on top" not in fine


def test_refunds_to_agree_to_go_on_over_pages(
    owing: Callable[[], PlacedOrder], login: Login, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "PAGE", 2)
    made = [owing() for _ in range(5)]
    for placed in made:
        waits(placed, "1")
    client, url, shown = login(member("support")), "/refunds/waiting", []
    for _ in range(3):
        page = client.get(url).text
        shown += re.findall(r'class="cell-link" href="/orders/(\S+)/changes/', page)
        following = re.search(r'rel="next" href="([^"]+)"', page)
        url = following[1].replace("&amp;", "&") if following else ""
    assert not url
    assert shown == [placed.number for placed in made]
    assert client.get("/refunds/waiting?after=9999999999999999999-1").status_code == 200


def test_what_is_owed_goes_on_over_pages(
    owing: Callable[[], PlacedOrder], login: Login, member: Member
) -> None:
    made = [owing() for _ in range(3)]
    object.__setattr__(OWED, "page_size", 2)
    try:
        client = login(member("support"))
        first = client.get("/refunds/owed").text
        following = re.search(r'href="(/refunds/owed\?after=[^"]+)"', first)
        assert following
        second = client.get(following[1].replace("&amp;", "&")).text
    finally:
        object.__setattr__(OWED, "page_size", 50)
    assert f">{made[0].number}<" in second and f">{made[0].number}<" not in first
    assert login(member("warehouse")).get("/refunds/owed").status_code == 403
