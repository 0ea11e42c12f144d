"""Returns, from the request to the refund or the refusal."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError
from portal.orders import services as orders
from portal.orders.changes.proposal import NewLineWish, RefundWish
from portal.orders.changes.services import Outcome
from portal.orders.models import Order, OrderFulfilment, OrderLine, OrderReturn, OrderReturnLine
from portal.orders.placement import PlacedOrder
from portal.orders.returns import services as desk
from portal.orders.returns.queries import rejection_of
from portal.orders.returns.states import MOVES, OPEN
from portal.orders.returns.withdrawal import end_of_period, right_of
from portal.stock.models import StockLevel
from tests.orders.changes.books import money_of
from tests.support.people import SYSTEM
from tests.support.shop import Shop, open_shop

D = Decimal
ZONE = ZoneInfo("Europe/London")


@pytest.fixture
def shop(scope: int) -> Shop:
    return open_shop({"MUG": 10, "PLATE": 1})


@pytest.fixture
def sent(shop: Shop) -> Callable[..., PlacedOrder]:
    def make(*lines: tuple[str, int, str], **values: str) -> PlacedOrder:
        placed = shop.order(*lines, **values)
        units = {n: line[1] for n, line in enumerate(lines, 1)}
        orders.ship_lines(placed.order_id, units, carrier=None, tracking_number=None, by=SYSTEM)
        db.session.commit()
        return placed

    return make


def ask(order_id: int, units: dict[int, int], kind: str = "return", **values: object) -> int:
    reason = values.pop("reason_code", "changed_mind")
    return desk.request_return(order_id, units, kind=kind, reason_code=reason, by=SYSTEM, **values)  # type: ignore[arg-type]


def level(variant_id: int) -> tuple[int, int]:
    row = db.session.execute(
        sa.select(sa.func.sum(StockLevel.on_hand), sa.func.sum(StockLevel.unavailable)).where(
            StockLevel.variant_id == variant_id
        )
    ).one()
    return int(row[0]), int(row[1])


def state_of(order_id: int, n: int) -> str:
    found = db.session.scalars(
        sa.select(OrderReturn.state).where(OrderReturn.order_id == order_id, OrderReturn.n == n)
    ).one()
    return str(found)


def arrive(order_id: int, n: int, units: dict[int, int]) -> None:
    desk.receive(order_id, n, units, location_id=None, by=SYSTEM)


def settle(order_id: int, n: int) -> Outcome:
    return desk.settle_return(order_id, n, refund=RefundWish(), by=SYSTEM)


def test_a_return_runs_from_request_to_refund(
    scope: int, shop: Shop, sent: Callable[..., PlacedOrder]
) -> None:
    placed = sent(("MUG", 3, "4.50"), paid="13.50")
    mug, order_id = shop.variants["MUG"], placed.order_id
    n = ask(order_id, {1: 3})
    desk.approve_return(order_id, n, by=SYSTEM)
    desk.mark_sent_back(order_id, n, tracking_number="1Z", has_proof=False, by=SYSTEM)
    arrive(order_id, n, {1: 2})
    assert level(mug) == (9, 2), "what arrived lies in quarantine"
    arrive(order_id, n, {1: 1})
    assert state_of(order_id, n) == "received"
    desk.inspect(order_id, n, {1: {"sale": 1, "quarantine": 1, "write_off": 1}}, by=SYSTEM)
    assert level(mug) == (9, 1)
    assert settle(order_id, n).state == "confirmed"
    db.session.commit()
    assert state_of(order_id, n) == "refunded"
    assert money_of(scope, order_id) == {
        "due": D(0),
        "captured": D("13.50"),
        "refunded": D("13.50"),
        "credit": D(0),
    }
    assert db.session.get_one(Order, (scope, order_id)).fulfilment_state == "returned"


def test_what_never_arrived_is_not_credited(scope: int, shop: Shop, sent: Callable[..., PlacedOrder]) -> None:
    placed = sent(("MUG", 3, "4.50"), paid="13.50")
    n = ask(placed.order_id, {1: 3})
    desk.approve_return(placed.order_id, n, by=SYSTEM)
    arrive(placed.order_id, n, {1: 1})
    desk.inspect(placed.order_id, n, {1: {"sale": 1}}, by=SYSTEM)
    settle(placed.order_id, n)
    db.session.commit()
    assert money_of(scope, placed.order_id)["refunded"] == D("4.50")


@pytest.mark.parametrize("units", [{1: 3}, {1: -1}, {}, {9: 1}])
def test_no_more_comes_back_than_left(
    shop: Shop, sent: Callable[..., PlacedOrder], units: dict[int, int]
) -> None:
    placed = sent(("MUG", 2, "4.50"), paid="9")
    with pytest.raises(DomainError):
        ask(placed.order_id, units)


def test_units_are_in_one_return_at_a_time(shop: Shop, sent: Callable[..., PlacedOrder]) -> None:
    placed = sent(("MUG", 2, "4.50"), paid="9")
    n = ask(placed.order_id, {1: 2})
    with pytest.raises(DomainError, match="0 can come back"):
        ask(placed.order_id, {1: 1})
    desk.reject(placed.order_id, n, by=SYSTEM)
    assert ask(placed.order_id, {1: 1}) == 2


def test_each_step_happens_once(shop: Shop, sent: Callable[..., PlacedOrder]) -> None:
    placed = sent(("MUG", 2, "4.50"), paid="9")
    n = ask(placed.order_id, {1: 2})
    desk.approve_return(placed.order_id, n, by=SYSTEM)
    with pytest.raises(ConflictError, match="approved now"):
        desk.approve_return(placed.order_id, n, by=SYSTEM)
    arrive(placed.order_id, n, {1: 2})
    with pytest.raises(DomainError, match="only 0 more"):
        arrive(placed.order_id, n, {1: 1})
    with pytest.raises(ConflictError, match="not inspected"):
        settle(placed.order_id, n)
    desk.inspect(placed.order_id, n, {1: {"sale": 2}}, by=SYSTEM)
    settle(placed.order_id, n)
    with pytest.raises(ConflictError):
        settle(placed.order_id, n)
    with pytest.raises(ConflictError, match="went back already"):
        desk.reject(placed.order_id, n, by=SYSTEM)


def test_every_unit_that_arrived_has_a_fate(shop: Shop, sent: Callable[..., PlacedOrder]) -> None:
    placed = sent(("MUG", 2, "4.50"), paid="9")
    n = ask(placed.order_id, {1: 2})
    desk.approve_return(placed.order_id, n, by=SYSTEM)
    arrive(placed.order_id, n, {1: 2})
    for fates in (
        {},
        {1: {"sale": 1}},
        {1: {"sale": 3}},
        {1: {"lost": 2}},
        {1: {"sale": 3, "write_off": -1}},
    ):
        with pytest.raises(DomainError):
            desk.inspect(placed.order_id, n, fates, by=SYSTEM)
        db.session.rollback()


def test_a_withdrawal_gives_standard_delivery_back(
    scope: int, shop: Shop, sent: Callable[..., PlacedOrder]
) -> None:
    placed = sent(("MUG", 2, "4.50"), paid="13.90", shipping="4.90")
    n = ask(placed.order_id, {1: 2}, "withdrawal", reason_code="withdrawal")
    desk.approve_return(placed.order_id, n, by=SYSTEM)
    desk.mark_sent_back(placed.order_id, n, tracking_number=None, has_proof=True, by=SYSTEM)
    # The buyer proved that the goods are on their way: the money may not wait for them.
    settle(placed.order_id, n)
    db.session.commit()
    assert money_of(scope, placed.order_id) == {
        "due": D(0),
        "captured": D("13.90"),
        "refunded": D("13.90"),
        "credit": D(0),
    }
    assert state_of(placed.order_id, n) == "on_the_way"
    arrive(placed.order_id, n, {1: 2})
    desk.inspect(placed.order_id, n, {1: {"sale": 2}}, by=SYSTEM)
    assert state_of(placed.order_id, n) == "refunded", "the goods are here, and nothing is left to do"


def test_a_withdrawal_of_a_part_keeps_the_delivery(
    scope: int, shop: Shop, sent: Callable[..., PlacedOrder]
) -> None:
    placed = sent(("MUG", 2, "4.50"), paid="13.90", shipping="4.90")
    n = ask(placed.order_id, {1: 1}, "withdrawal", reason_code="withdrawal")
    desk.approve_return(placed.order_id, n, by=SYSTEM)
    arrive(placed.order_id, n, {1: 1})
    desk.inspect(placed.order_id, n, {1: {"sale": 1}}, by=SYSTEM)
    settle(placed.order_id, n)
    assert money_of(scope, placed.order_id)["due"] == D("9.40")


def test_the_time_to_withdraw_ends(shop: Shop, sent: Callable[..., PlacedOrder]) -> None:
    placed = sent(("MUG", 1, "4.50"), paid="4.50")
    assert right_of(placed.order_id).until is None, "nothing has arrived, so no time runs"
    orders.mark_delivered(placed.order_id, 1, by=SYSTEM)
    db.session.execute(
        sa.update(OrderFulfilment.__table__)
        .where(OrderFulfilment.__table__.c.merchant_id == current_merchant_id())
        .values(delivered_at=utc_now() - dt.timedelta(days=20))
    )
    with pytest.raises(DomainError, match="time to withdraw ended"):
        ask(placed.order_id, {1: 1}, "withdrawal", reason_code="withdrawal")
    assert ask(placed.order_id, {1: 1}) == 1


def test_no_time_to_withdraw_runs_before_the_last_of_it_was_sent(shop: Shop) -> None:
    placed = shop.order(("MUG", 2, "4.50"), paid="9")
    orders.ship_lines(placed.order_id, {1: 1}, carrier=None, tracking_number=None, by=SYSTEM)
    orders.mark_delivered(placed.order_id, 1, by=SYSTEM)
    assert right_of(placed.order_id).until is None
    orders.ship_lines(placed.order_id, {1: 1}, carrier=None, tracking_number=None, by=SYSTEM)
    orders.mark_delivered(placed.order_id, 2, by=SYSTEM)
    assert right_of(placed.order_id).until is not None


def test_a_withdrawal_needs_no_reason_and_an_exchange_one_of_its_own(
    shop: Shop, sent: Callable[..., PlacedOrder]
) -> None:
    placed = sent(("MUG", 3, "4.50"), paid="13.50")
    assert ask(placed.order_id, {1: 1}, "withdrawal", reason_code="") == 1
    with pytest.raises(DomainError, match="Choose a reason"):
        ask(placed.order_id, {1: 1}, reason_code="")
    plate = NewLineWish("PLATE", "Plate", 1, D(6), shop.variants["PLATE"])
    with pytest.raises(DomainError, match="does not go with an exchange"):
        ask(placed.order_id, {1: 1}, "exchange", reason_code="withdrawal", wanted=(plate,))


@pytest.mark.parametrize(
    ("fate", "kept", "after"),
    [(None, (10, 2), (8, 0)), ("sale", (10, 0), (8, 0)), ("quarantine", (10, 2), (8, 0)), ("write_off", (8, 0), (8, 0))],
)  # fmt: skip
def test_what_is_rejected_goes_back_to_the_buyer(
    scope: int, shop: Shop, sent: Callable[..., PlacedOrder], fate: str | None, kept: tuple[int, int], after: tuple[int, int]
) -> None:  # fmt: skip
    placed = sent(("MUG", 2, "4.50"), paid="9")
    n = ask(placed.order_id, {1: 2})
    desk.approve_return(placed.order_id, n, by=SYSTEM)
    arrive(placed.order_id, n, {1: 2})
    if fate:
        desk.inspect(placed.order_id, n, {1: {fate: 2}}, by=SYSTEM)
    assert level(shop.variants["MUG"]) == kept
    desk.reject(placed.order_id, n, reason_code="used", goes_back=True, by=SYSTEM)
    db.session.commit()
    assert level(shop.variants["MUG"]) == after
    assert rejection_of(placed.order_id, n) == "used"
    line = db.session.get_one(OrderLine, (scope, placed.order_id, 1))
    assert line.returned_quantity == (2 if fate == "write_off" else 0)
    assert money_of(scope, placed.order_id)["due"] == D(9)
    if fate != "write_off":
        assert ask(placed.order_id, {1: 2}) == 2, "it may come back by another return"


def test_a_rejection_names_a_reason(shop: Shop, sent: Callable[..., PlacedOrder]) -> None:
    placed = sent(("MUG", 1, "4.50"), paid="4.50")
    n = ask(placed.order_id, {1: 1})
    with pytest.raises(DomainError, match="Choose a reason"):
        desk.reject(placed.order_id, n, reason_code="because", by=SYSTEM)
    assert state_of(placed.order_id, n) == "requested"


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        ("2026-11-02T10:00", "2026-11-16"),
        ("2026-11-07T23:59", "2026-11-23"),  # the 21st is a Saturday
        ("2026-11-08T00:01", "2026-11-23"),  # the 22nd is a Sunday
        ("2026-10-20T23:30", "2026-11-03"),  # the clocks went back meanwhile
    ],
)
def test_a_period_ends_with_a_working_day(begins: str, ends: str) -> None:
    end = end_of_period(dt.datetime.fromisoformat(begins).replace(tzinfo=ZONE), 14, ZONE)
    assert (end.date().isoformat(), end.hour) == (ends, 23)


def test_an_exchange_promises_the_new_goods_when_it_is_approved(
    scope: int, shop: Shop, sent: Callable[..., PlacedOrder]
) -> None:
    placed = sent(("MUG", 1, "4.50"), paid="4.50")
    wanted = NewLineWish("PLATE", "Plate", 1, D("6.00"), shop.variants["PLATE"])
    n = ask(placed.order_id, {1: 1}, "exchange", wanted=(wanted,))
    desk.approve_return(placed.order_id, n, by=SYSTEM)
    db.session.commit()
    line = db.session.get_one(OrderLine, (scope, placed.order_id, 2))
    assert (line.sku, line.allocated_quantity) == ("PLATE", 1)
    arrive(placed.order_id, n, {1: 1})
    desk.inspect(placed.order_id, n, {1: {"sale": 1}}, by=SYSTEM)
    settle(placed.order_id, n)
    db.session.commit()
    assert money_of(scope, placed.order_id) == {
        "due": D(6),
        "captured": D("4.50"),
        "refunded": D(0),
        "credit": D("-1.50"),
    }


def test_an_exchange_for_what_is_gone_is_not_approved(shop: Shop, sent: Callable[..., PlacedOrder]) -> None:
    placed = sent(("MUG", 1, "4.50"), paid="4.50")
    n = ask(
        placed.order_id,
        {1: 1},
        "exchange",
        wanted=(NewLineWish("PLATE", "Plate", 1, D(6), shop.variants["PLATE"]),),
    )
    db.session.commit()
    shop.order(("PLATE", 1, "6"))
    with pytest.raises(ConflictError, match="not enough stock of PLATE"):
        desk.approve_return(placed.order_id, n, by=SYSTEM)
    db.session.rollback()
    assert state_of(placed.order_id, n) == "requested"


def test_a_rejected_exchange_lets_the_new_goods_go(
    scope: int, shop: Shop, sent: Callable[..., PlacedOrder]
) -> None:
    placed = sent(("MUG", 1, "4.50"), paid="4.50")
    n = ask(
        placed.order_id,
        {1: 1},
        "exchange",
        wanted=(NewLineWish("PLATE", "Plate", 1, D(6), shop.variants["PLATE"]),),
    )
    desk.approve_return(placed.order_id, n, by=SYSTEM)
    desk.reject(placed.order_id, n, by=SYSTEM)
    db.session.commit()
    assert money_of(scope, placed.order_id)["due"] == D("4.50")
    assert (
        db.session.scalars(
            sa.select(StockLevel.allocated).where(StockLevel.variant_id == shop.variants["PLATE"])
        ).one()
        == 0
    )
    assert db.session.get_one(Order, (scope, placed.order_id)).state == "closed"


def test_every_open_state_has_a_way_out_and_a_queue() -> None:
    ends = {state for state, moves in MOVES.items() if not moves}
    assert ends == {"refunded", "rejected"}
    for state in OPEN:
        seen, todo = set(), {state}
        while todo:
            here = todo.pop()
            seen.add(here)
            todo |= MOVES[here] - seen
        assert ends <= seen


def test_the_database_refuses_units_that_never_arrived(shop: Shop, sent: Callable[..., PlacedOrder]) -> None:
    placed = sent(("MUG", 2, "4.50"), paid="9")
    n = ask(placed.order_id, {1: 2})
    table = OrderReturnLine.__table__
    with pytest.raises(sa.exc.IntegrityError):
        db.session.execute(
            sa.update(table)
            .where(
                table.c.merchant_id == current_merchant_id(),
                table.c.order_id == placed.order_id,
                table.c.return_n == n,
            )
            .values(restocked_quantity=1)
        )
    db.session.rollback()
