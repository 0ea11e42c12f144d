"""One engine: begin, preview, confirm, drop; cancel, refund and restock each by itself."""

from __future__ import annotations

from decimal import Decimal

import pytest
import sqlalchemy as sa

from portal.core.database import db
from portal.core.errors import ConflictError, DomainError
from portal.orders.changes import services
from portal.orders.changes.proposal import ChargeWish, LineWish, NewLineWish, Proposal, RefundWish
from portal.orders.models import Order, OrderChange, OrderChangeLine, OrderLine, OrderRefund
from portal.orders.payments.rows import change_payment
from tests.orders.changes.books import Sent, money_of
from tests.support.people import SYSTEM
from tests.support.shop import Shop, levels

D = Decimal


def change(order_id: int, proposal: Proposal, reason: str = "other") -> services.Outcome:
    outcome = services.change_at_once(order_id, proposal, reason_code=reason, by=SYSTEM)
    db.session.commit()
    return outcome


def test_cancelling_units_owes_their_price_and_frees_their_stock(scope: int, shop: Shop) -> None:
    placed = shop.order(("MUG", 3, "4.50"), ("PLATE", 1, "10"), paid="28.40", shipping="4.90")
    change(placed.order_id, Proposal("cancel", lines=(LineWish(1, cancel=2),)))
    assert money_of(scope, placed.order_id) == {
        "due": D("19.40"), "captured": D("28.40"), "refunded": D(0), "credit": D("9.00")
    }  # fmt: skip
    assert levels([shop.variants["MUG"]]) == {shop.variants["MUG"]: (10, 1)}


def test_a_refund_without_a_cancellation_pays_what_is_owed_first(scope: int, shop: Shop) -> None:
    placed = shop.order(("MUG", 2, "4.50"), paid="9")
    change(placed.order_id, Proposal("cancel", lines=(LineWish(1, cancel=1),)))
    change(placed.order_id, Proposal("refund", refund=RefundWish(D("6"))))
    money = money_of(scope, placed.order_id)
    # 4.50 was owed, the other 1.50 lowers the price.
    assert money == {"due": D("3.00"), "captured": D(9), "refunded": D(6), "credit": D(0)}
    assert db.session.scalars(sa.select(OrderRefund.amount)).all() == [D(6)]


def test_money_given_back_that_does_not_lower_the_price_is_owed_again(scope: int, shop: Shop) -> None:
    placed = shop.order(("MUG", 2, "4.50"), paid="9")
    change(placed.order_id, Proposal("refund", refund=RefundWish(D("9"), lowers_price=False)))
    assert money_of(scope, placed.order_id) == {
        "due": D(9),
        "captured": D(9),
        "refunded": D(9),
        "credit": D(-9),
    }


def test_goods_taken_back_go_on_sale_only_when_so_ticked(scope: int, shop: Shop, sent: Sent) -> None:
    placed = sent(("MUG", 2, "4.50"), paid="9")
    mug = shop.variants["MUG"]
    change(
        placed.order_id,
        Proposal("refund", lines=(LineWish(1, take_back=1, fate="none"),), refund=RefundWish()),
    )
    assert levels([mug]) == {mug: (8, 0)}
    change(placed.order_id, Proposal("refund", lines=(LineWish(1, take_back=1, fate="sale"),)))
    assert levels([mug]) == {mug: (9, 0)}
    assert money_of(scope, placed.order_id) == {
        "due": D(0),
        "captured": D(9),
        "refunded": D("4.50"),
        "credit": D("4.50"),
    }


def test_no_more_is_given_back_than_came_in(shop: Shop) -> None:
    placed = shop.order(("MUG", 2, "4.50"), paid="5")
    with pytest.raises(DomainError, match="At most £5.00"):
        change(placed.order_id, Proposal("refund", refund=RefundWish(D("5.01"))))


def test_an_edit_adds_and_takes_away(scope: int, shop: Shop) -> None:
    placed = shop.order(("MUG", 2, "4.50"), paid="13.90", shipping="4.90")
    change(
        placed.order_id,
        Proposal(
            "edit", lines=(LineWish(1, quantity=4, unit_price=D("4")),),
            added=(NewLineWish("PLATE", "Plate", 1, D("10"), variant_id=shop.variants["PLATE"]),),
            charges=(ChargeWish(D("2.00"), n=1),),
        ),
    )  # fmt: skip
    assert money_of(scope, placed.order_id) == {
        "due": D("28.00"), "captured": D("13.90"), "refunded": D(0), "credit": D("-14.10")
    }  # fmt: skip
    assert levels(list(shop.variants.values())) == {
        shop.variants["MUG"]: (10, 4),
        shop.variants["PLATE"]: (10, 1),
    }


def test_an_edit_that_stock_cannot_cover_changes_nothing(scope: int, shop: Shop) -> None:
    placed = shop.order(("MUG", 2, "4.50"), paid="9")
    with pytest.raises(ConflictError, match="not enough stock of MUG"):
        change(placed.order_id, Proposal("edit", lines=(LineWish(1, quantity=11),)))
    db.session.rollback()
    assert money_of(scope, placed.order_id)["due"] == D(9)
    assert levels([shop.variants["MUG"]]) == {shop.variants["MUG"]: (10, 2)}


def test_a_sent_order_that_gets_a_line_is_open_again(scope: int, shop: Shop, sent: Sent) -> None:
    placed = sent(("MUG", 1, "4.50"), paid="4.50")
    change(
        placed.order_id, Proposal("claim", added=(NewLineWish("MUG", "Mug", 1, D(0), shop.variants["MUG"]),))
    )
    order = db.session.get_one(Order, (scope, placed.order_id))
    assert (order.state, order.fulfilment_state, order.due_total) == ("open", "part_fulfilled", D("4.50"))


def test_the_whole_cancellation_leaves_nothing_due(scope: int, shop: Shop) -> None:
    placed = shop.order(("MUG", 3, "3.33"), paid="14.89", shipping="4.90")
    now = services.preview(
        placed.order_id, services.begin(placed.order_id, Proposal("refund", refund=RefundWish(D(1))), reason_code="other", by=SYSTEM)
    ).now  # fmt: skip
    change(placed.order_id, services.whole_cancellation(now))
    order = db.session.get_one(Order, (scope, placed.order_id))
    assert (order.state, order.fulfilment_state, order.due_total, order.credit_total) == (
        "cancelled", "none", D(0), D("14.89")
    )  # fmt: skip


def test_a_change_is_confirmed_once(scope: int, shop: Shop) -> None:
    placed = shop.order(("MUG", 2, "4.50"), paid="9")
    n = services.begin(
        placed.order_id, Proposal("refund", refund=RefundWish(D(2))), reason_code="late", by=SYSTEM
    )
    version = services.preview(placed.order_id, n).now.version
    first = services.confirm(placed.order_id, n, version=version, by=SYSTEM)
    second = services.confirm(placed.order_id, n, version=version, by=SYSTEM)
    db.session.commit()
    assert (first.state, second.state) == ("confirmed", "already")
    assert money_of(scope, placed.order_id)["refunded"] == D(2)


def test_a_stale_preview_does_nothing(scope: int, shop: Shop) -> None:
    placed = shop.order(("MUG", 2, "4.50"), paid="9")
    n = services.begin(
        placed.order_id, Proposal("refund", refund=RefundWish(D(2))), reason_code="late", by=SYSTEM
    )
    version = services.preview(placed.order_id, n).now.version
    services.change_at_once(placed.order_id, Proposal("goodwill", off=D(1)), reason_code="late", by=SYSTEM)
    # The same person's older proposal is forgotten with the new one.
    with pytest.raises(ConflictError, match="dropped"):
        services.confirm(placed.order_id, n, version=version, by=SYSTEM)


def test_a_dropped_change_leaves_no_trace_in_the_money(scope: int, shop: Shop) -> None:
    placed = shop.order(("MUG", 2, "4.50"), paid="9")
    n = services.begin(placed.order_id, Proposal("goodwill", off=D(3)), reason_code="late", by=SYSTEM)
    services.drop(placed.order_id, n, by=SYSTEM)
    db.session.commit()
    assert money_of(scope, placed.order_id)["due"] == D(9)
    with pytest.raises(ConflictError):
        services.confirm(placed.order_id, n, version=1, by=SYSTEM)


def test_a_goodwill_is_shared_over_what_it_is_for_with_its_tax(scope: int, shop: Shop) -> None:
    placed = shop.order(("MUG", 1, "4.50"), ("PLATE", 1, "4.50"), paid="9")
    change(placed.order_id, Proposal("goodwill", off=D("1.01"), refund=RefundWish()))
    lines = db.session.scalars(sa.select(OrderLine.credited_amount).order_by(OrderLine.n)).all()
    assert sum(lines) == D("1.01")
    assert money_of(scope, placed.order_id) == {
        "due": D("7.99"),
        "captured": D(9),
        "refunded": D("1.01"),
        "credit": D(0),
    }


def test_the_record_sums_to_the_head(scope: int, shop: Shop) -> None:
    placed = shop.order(("MUG", 3, "3.33"), ("PLATE", 2, "7.10"), paid="24.19")
    change(
        placed.order_id,
        Proposal("cancel", lines=(LineWish(1, cancel=1), LineWish(2, cancel=1)), refund=RefundWish()),
    )
    change(placed.order_id, Proposal("goodwill", off=D("0.55")))
    change(placed.order_id, Proposal("edit", lines=(LineWish(2, quantity=3),)))
    order = db.session.get_one(Order, (scope, placed.order_id))
    charged, credited = db.session.execute(
        sa.select(sa.func.sum(OrderChange.charged_delta), sa.func.sum(OrderChange.credited_delta))
    ).one()
    by_line = db.session.execute(
        sa.select(sa.func.sum(OrderChangeLine.charged_delta), sa.func.sum(OrderChangeLine.credited_delta))
    ).one()
    assert (charged, credited) == tuple(by_line) == (order.total - D("24.19"), order.credited_total)


@pytest.mark.parametrize(
    ("proposal", "message"),
    [
        (Proposal("cancel", lines=(LineWish(1, cancel=3),)), "only 2 are left to cancel"),
        (Proposal("cancel", lines=(LineWish(9, cancel=1),)), "Line 9"),
        (Proposal("refund", lines=(LineWish(1, take_back=1),)), "only 0 have left"),
        (Proposal("edit"), "change nothing"),
        (Proposal("edit", lines=(LineWish(1, quantity=2),)), "change nothing"),
        (Proposal("goodwill", off=D("9.01")), "costs £9.00"),
        (Proposal("goodwill", off=D("0.001")), "2 decimals"),
        (Proposal("refund", refund=RefundWish(D("NaN"))), "above zero"),
        (Proposal("refund", refund=RefundWish(D(1), destination="store_credit")), "guest"),
        (Proposal("edit", lines=(LineWish(1, unit_price=D(-1)),)), "below zero"),
    ],
)
def test_it_refuses_what_cannot_be(shop: Shop, proposal: Proposal, message: str) -> None:
    placed = shop.order(("MUG", 2, "4.50"), paid="9")
    with pytest.raises(DomainError, match=message):
        services.begin(placed.order_id, proposal, reason_code="other", by=SYSTEM)


def test_it_asks_for_a_reason(shop: Shop) -> None:
    placed = shop.order(("MUG", 2, "4.50"), paid="9")
    with pytest.raises(DomainError, match="reason"):
        services.begin(placed.order_id, Proposal("goodwill", off=D(1)), reason_code="", by=SYSTEM)


def test_what_a_buyer_disputes_is_not_given_back_by_us_too(scope: int, shop: Shop) -> None:
    placed = shop.order(("MUG", 2, "4.50"), paid="9")
    change_payment(placed.order_id, 1, disputed_amount=D(7))
    db.session.commit()
    for wish in (RefundWish(D("2.01")), RefundWish(D("2.01"), destination="store_credit")):
        with pytest.raises(DomainError, match="At most £2.00 can be given back.*£7.00 is held by a dispute"):
            change(placed.order_id, Proposal("refund", refund=wish), "late")
        db.session.rollback()
    change(placed.order_id, Proposal("refund", refund=RefundWish(D(2))), "late")
    assert money_of(scope, placed.order_id)["refunded"] == D(2)
