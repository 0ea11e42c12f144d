"""Orders of a shop on their way in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import pytest
import sqlalchemy as sa
import time_machine

from portal.channels import inbox, incoming, keys, services, sync
from portal.channels.models import ChannelAccount, ChannelInboundOrder, ChannelSync
from portal.core import keyring
from portal.core.audit import SYSTEM
from portal.core.database import db
from portal.core.tenancy import Tenant
from portal.customers.models import Customer
from portal.orders.models import (
    Order,
    OrderCharge,
    OrderContact,
    OrderFulfilment,
    OrderLine,
    OrderPayment,
    OrderRef,
    OrderRefund,
)
from portal.stock.models import StockLevel, StockMovement
from tests.channels.conftest import NewVariant
from tests.channels.received import inbound, order_of
from tests.channels.woocommerce_server import Shop

Turn = Callable[[], bool]


def count(model: type[Tenant]) -> int:
    return db.session.scalar(sa.select(sa.func.count(model.merchant_id))) or 0


def level(variant_id: int) -> tuple[int, int]:
    db.session.expire_all()
    row = db.session.scalars(sa.select(StockLevel).where(StockLevel.variant_id == variant_id)).one()
    return row.on_hand, row.allocated


def test_an_order_arrives_whole(turn: Turn, shop: Shop, new_variant: NewVariant) -> None:
    shop.add_product("A", name="Teapot")
    variant = new_variant("A", stock=5)
    key = shop.add_order([("A", 2, "6.50")], shipping_price="4.00", transaction_id="tx_9")
    assert turn()
    row, order = inbound(key), order_of(key)
    assert (row.state, row.reason, row.external_status) == ("applied", None, "processing")
    assert (order.total, order.items_total, order.charges_total) == (Decimal(17), Decimal(13), Decimal(4))
    assert (order.currency, order.state, order.payment_state, order.captured_total) == (
        "GBP",
        "open",
        "paid",
        Decimal(17),
    )
    line = db.session.scalars(sa.select(OrderLine).where(OrderLine.order_id == order.id)).one()
    assert (line.sku, line.title, line.quantity, line.variant_id, line.allocated_quantity) == (
        "A",
        "Teapot",
        2,
        variant,
        2,
    )
    contacts = {
        c.kind: c
        for c in db.session.scalars(sa.select(OrderContact).where(OrderContact.order_id == order.id))
    }
    assert (contacts["buyer"].name, contacts["buyer"].email) == ("Joan Doe", f"joan.{key}@example.com")
    assert (contacts["shipping"].postcode, contacts["shipping"].country_code) == ("LS1 4DT", "GB")
    payment = db.session.scalars(sa.select(OrderPayment).where(OrderPayment.order_id == order.id)).one()
    assert (payment.gateway_reference, payment.state) == ("tx_9", "captured")
    charge = db.session.scalars(sa.select(OrderCharge).where(OrderCharge.order_id == order.id)).one()
    assert (charge.kind, charge.label) == ("shipping", "Flat rate")
    ref = db.session.scalars(sa.select(OrderRef).where(OrderRef.order_id == order.id)).one()
    assert (ref.external_id, ref.subject_id) == (str(key), row.subject_id)
    assert level(variant) == (5, 2)


def test_the_same_order_a_hundred_times_is_one_order(
    account: ChannelAccount, shop: Shop, new_variant: NewVariant
) -> None:
    variant = new_variant("A", stock=5)
    shop.add_order([("A", 1, "2.00")])
    [document] = shop.orders.values()
    caller = keys.connector_of(account)
    states = [incoming.receive(account.id, caller, dict(document), db.session.commit) for _ in range(100)]
    assert states == ["applied"] + ["known"] * 99
    assert (count(Order), count(OrderRef), count(OrderPayment), count(Customer)) == (1, 1, 1, 1)
    assert level(variant) == (5, 1)


def test_forcing_the_same_order_changes_nothing(
    account: ChannelAccount, shop: Shop, new_variant: NewVariant
) -> None:
    variant = new_variant("A", stock=5)
    key = shop.add_order([("A", 1, "2.00")], status="completed")
    shop.refund_order(key, "0.50")
    caller = keys.connector_of(account)
    for _ in range(5):
        incoming.receive(account.id, caller, dict(shop.orders[key]), db.session.commit, force=True)
    assert (count(Order), count(OrderPayment), count(OrderRefund), count(OrderFulfilment)) == (1, 1, 1, 1)
    assert level(variant) == (4, 0)
    assert count(StockMovement) == 3


def test_an_older_version_never_overwrites_a_newer(
    account: ChannelAccount, shop: Shop, new_variant: NewVariant
) -> None:
    new_variant("A", stock=5)
    key = shop.add_order([("A", 1, "2.00")], status="pending")
    old = dict(shop.orders[key])
    shop.tick(60)
    shop.change_order(key, status="processing")
    caller = keys.connector_of(account)
    incoming.receive(account.id, caller, dict(shop.orders[key]), db.session.commit)
    assert incoming.receive(account.id, caller, old, db.session.commit) == "known"
    assert order_of(key).payment_state == "paid"


def test_two_versions_of_one_second_are_told_apart(
    account: ChannelAccount, turn: Turn, shop: Shop, new_variant: NewVariant
) -> None:
    new_variant("A", stock=5)
    key = shop.add_order([("A", 1, "2.00")], status="pending")
    turn()
    shop.change_order(key, status="processing")
    turn()
    assert order_of(key).payment_state == "paid"


@pytest.mark.parametrize(
    ("status", "state", "payment", "fulfilment"),
    [
        ("pending", "open", "unpaid", "unfulfilled"),
        ("on-hold", "open", "unpaid", "unfulfilled"),
        ("processing", "open", "paid", "unfulfilled"),
        ("completed", "closed", "paid", "fulfilled"),
    ],
)
def test_each_status_is_one_of_ours(
    turn: Turn, shop: Shop, new_variant: NewVariant, status: str, state: str, payment: str, fulfilment: str
) -> None:
    new_variant("A", stock=5)
    key = shop.add_order([("A", 1, "2.00")], status=status)
    turn()
    order = order_of(key)
    assert (order.state, order.payment_state, order.fulfilment_state) == (state, payment, fulfilment)


@pytest.mark.parametrize("status", ["cancelled", "failed", "checkout-draft"])
def test_what_never_became_an_order_is_noted_and_not_placed(turn: Turn, shop: Shop, status: str) -> None:
    key = shop.add_order([("A", 1, "2.00")], status=status)
    turn()
    row = inbound(key)
    assert (row.state, row.order_id, count(Order)) == ("ignored", None, 0)
    assert row.reason


def test_a_cancelled_order_gives_its_stock_back(turn: Turn, shop: Shop, new_variant: NewVariant) -> None:
    variant = new_variant("A", stock=5)
    key = shop.add_order([("A", 2, "2.00")])
    turn()
    assert level(variant) == (5, 2)
    shop.tick(60)
    shop.change_order(key, status="cancelled")
    turn()
    assert (order_of(key).state, level(variant)) == ("cancelled", (5, 0))


def test_an_order_that_goes_on_after_all_is_promised_again(
    turn: Turn, shop: Shop, new_variant: NewVariant
) -> None:
    variant = new_variant("A", stock=5)
    key = shop.add_order([("A", 2, "2.00")])
    turn()
    for status in ("cancelled", "processing"):
        shop.tick(60)
        shop.change_order(key, status=status)
        turn()
    assert (order_of(key).state, level(variant)) == ("open", (5, 2))


def test_a_completed_order_takes_its_stock(turn: Turn, shop: Shop, new_variant: NewVariant) -> None:
    variant = new_variant("A", stock=5)
    key = shop.add_order([("A", 2, "2.00")])
    turn()
    shop.tick(60)
    shop.change_order(key, status="completed")
    turn()
    order = order_of(key)
    assert (order.state, order.fulfilment_state, level(variant)) == ("closed", "fulfilled", (3, 0))


def test_a_refund_is_recorded_once(turn: Turn, shop: Shop, new_variant: NewVariant) -> None:
    new_variant("A", stock=5)
    key = shop.add_order([("A", 2, "5.00")])
    turn()
    for amount, state, total in (("4.00", "part_refunded", 4), ("6.00", "refunded", 10)):
        shop.tick(60)
        shop.refund_order(key, amount)
        turn()
        turn()
        assert (order_of(key).payment_state, order_of(key).refunded_total) == (state, Decimal(total))
    assert count(OrderRefund) == 2


def test_an_order_refunded_whole_before_it_left_leaves_no_promise(
    turn: Turn, shop: Shop, new_variant: NewVariant
) -> None:
    variant = new_variant("A", stock=5)
    key = shop.add_order([("A", 1, "5.00")])
    turn()
    shop.tick(60)
    shop.refund_order(key, "5.00", status="refunded")
    turn()
    assert (order_of(key).state, order_of(key).payment_state, level(variant)) == (
        "cancelled",
        "refunded",
        (5, 0),
    )


def test_an_unknown_article_holds_the_order_and_loses_nothing(
    turn: Turn, shop: Shop, new_variant: NewVariant
) -> None:
    new_variant("A", stock=5)
    key = shop.add_order([("A", 1, "2.00"), ("STRANGE", 3, "4.00")])
    turn()
    row, order = inbound(key), order_of(key)
    assert (row.state, row.reason) == ("held", "Not in the catalogue: STRANGE.")
    assert (order.state, order.hold_reason, order.total) == (
        "on_hold",
        "Not in the catalogue: STRANGE.",
        Decimal(14),
    )
    new_variant("STRANGE", stock=9)
    services.retry_order(row.id, by=SYSTEM)
    db.session.commit()
    turn()
    assert (inbound(key).state, inbound(key).reason, order_of(key).state) == ("applied", None, "open")
    lines = db.session.scalars(sa.select(OrderLine).where(OrderLine.order_id == order.id)).all()
    assert all(line.variant_id and line.allocated_quantity == line.quantity for line in lines)


def test_a_hold_that_a_person_set_is_not_lifted(turn: Turn, shop: Shop, new_variant: NewVariant) -> None:
    new_variant("A", stock=5)
    key = shop.add_order([("A", 1, "2.00")])
    turn()
    order = order_of(key)
    order.state, order.hold_reason = "on_hold", "The buyer asked us to wait"
    db.session.commit()
    shop.tick(60)
    shop.change_order(key, customer_note="Hello")
    turn()
    assert order_of(key).hold_reason == "The buyer asked us to wait"


def test_too_little_stock_holds_the_order(turn: Turn, shop: Shop, new_variant: NewVariant) -> None:
    variant = new_variant("A", stock=1)
    key = shop.add_order([("A", 3, "2.00")])
    turn()
    assert (inbound(key).state, order_of(key).state, level(variant)) == ("held", "on_hold", (1, 1))
    assert "Not enough stock" in (inbound(key).reason or "")


def test_amounts_that_do_not_add_up_hold_the_order(turn: Turn, shop: Shop, new_variant: NewVariant) -> None:
    new_variant("A", stock=5)
    key = shop.add_order([("A", 1, "2.00")], total="5.00")
    turn()
    assert (order_of(key).state, order_of(key).total) == ("on_hold", Decimal(5))
    assert inbound(key).reason == "The shop's amounts differ from its total by 3.00 GBP."


def test_a_cent_of_rounding_is_a_line_of_its_own(turn: Turn, shop: Shop, new_variant: NewVariant) -> None:
    new_variant("A", stock=5)
    key = shop.add_order([("A", 1, "2.00")], total="2.01")
    turn()
    assert (order_of(key).state, order_of(key).total, order_of(key).captured_total) == (
        "open",
        Decimal("2.01"),
        Decimal("2.01"),
    )


def test_one_order_that_cannot_be_read_holds_up_no_other(
    turn: Turn, shop: Shop, new_variant: NewVariant
) -> None:
    new_variant("A", stock=5)
    good = shop.add_order([("A", 1, "2.00")])
    bad = shop.add_order([("A", 1, "2.00")], currency="???")
    last = shop.add_order([("A", 1, "2.00")])
    turn()
    assert [inbound(key).state for key in (good, bad, last)] == ["applied", "failed", "applied"]
    assert inbound(bad).reason == "The order has no currency we know."
    shop.orders[bad]["currency"] = "GBP"
    with time_machine.travel(dt.datetime.now(dt.UTC) + dt.timedelta(minutes=2)):
        turn()
    assert (inbound(bad).state, inbound(bad).attempts, count(Order)) == ("applied", 0, 3)


def test_a_failed_order_dies_after_thirty_hours_and_can_be_tried_again(
    turn: Turn, shop: Shop, new_variant: NewVariant
) -> None:
    new_variant("A", stock=5)
    key = shop.add_order([("A", 1, "2.00")], currency="???")
    with time_machine.travel(dt.datetime.now(dt.UTC)) as clock:
        for _ in range(60):
            turn()
            clock.shift(dt.timedelta(hours=1))
            if inbound(key).state == "dead":
                break
        assert inbound(key).state == "dead"
        shop.orders[key]["currency"] = "GBP"
        turn()
        assert inbound(key).state == "dead"
        services.retry_order(inbound(key).id, by=SYSTEM)
        db.session.commit()
        turn()
    assert inbound(key).state == "applied"


def test_the_document_is_kept_under_the_buyers_key_alone(
    account: ChannelAccount, turn: Turn, shop: Shop, new_variant: NewVariant
) -> None:
    new_variant("A", stock=5)
    key = shop.add_order([("A", 1, "2.00")])
    turn()
    row = inbound(key)
    assert row.payload is not None and b"joan" not in row.payload
    document = inbox.original(row)
    assert document is not None and document["billing"]["first_name"] == "Joan"
    assert row.subject_id is not None
    keyring.destroy_person_key(row.subject_id)
    assert inbox.original(inbound(key)) is None


def test_a_change_after_erasure_brings_no_one_back(turn: Turn, shop: Shop, new_variant: NewVariant) -> None:
    new_variant("A", stock=5)
    key = shop.add_order([("A", 1, "2.00")])
    turn()
    subject = inbound(key).subject_id
    assert subject is not None
    keyring.destroy_person_key(subject)
    db.session.execute(sa.update(ChannelInboundOrder).values(payload=None))
    db.session.commit()
    shop.tick(60)
    shop.change_order(key, status="completed")
    turn()
    assert (order_of(key).state, inbound(key).payload) == ("closed", None)


def test_orders_of_one_buyer_are_of_one_customer(turn: Turn, shop: Shop, new_variant: NewVariant) -> None:
    new_variant("A", stock=9)
    person = {
        "first_name": "Ann",
        "last_name": "Lee",
        "email": "Ann@Example.com",
        "country": "GB",
        "address_1": "1 Road",
    }
    for email in ("Ann@Example.com", " ann@example.COM"):
        shop.add_order([("A", 1, "2.00")], billing=person | {"email": email})
    turn()
    customer = db.session.scalars(sa.select(Customer)).one()
    assert (customer.order_count, customer.name, customer.source) == (2, "Ann Lee", "woocommerce")


def test_the_cursor_moves_on_and_reads_a_little_of_the_past_again(
    account: ChannelAccount, turn: Turn, shop: Shop, new_variant: NewVariant
) -> None:
    new_variant("A", stock=99)
    shop.add_order([("A", 1, "2.00")])
    late = shop.add_order([("A", 1, "2.00")])
    shop.hidden_orders.add(late)
    shop.tick(300)
    shop.add_order([("A", 1, "2.00")])
    turn()
    db.session.expire_all()
    assert db.session.scalars(sa.select(ChannelSync.orders_seen_until)).one() == shop.now
    assert count(Order) == 2
    shop.hidden_orders.clear()
    turn()
    assert count(Order) == 3, "an order the shop showed late is not lost"


def test_an_order_the_feed_lost_for_days_is_found_by_the_comparison(
    account: ChannelAccount, turn: Turn, shop: Shop, new_variant: NewVariant
) -> None:
    new_variant("A", stock=99)
    shop.now = dt.datetime.now(dt.UTC).replace(microsecond=0) - dt.timedelta(days=8)
    account.takes_orders_from = shop.now
    db.session.commit()
    lost = shop.add_order([("A", 1, "2.00")])
    shop.hidden_orders.add(lost)
    shop.tick(7 * 86400)
    shop.add_order([("A", 1, "2.00")])
    turn()
    shop.hidden_orders.clear()
    turn()
    assert count(Order) == 1
    fresh = services.account_of(account.id)
    sync.compare(fresh, keys.connector_of(fresh), db.session.commit)
    assert (inbound(lost).state, count(Order)) == ("applied", 2)
    note = db.session.scalars(sa.select(ChannelSync)).one()
    assert (note.compared_orders, note.recovered_orders) == (2, 1)


def test_orders_placed_before_the_shop_was_connected_stay_there(
    account: ChannelAccount, turn: Turn, shop: Shop
) -> None:
    shop.now -= dt.timedelta(days=30)
    shop.add_order([("A", 1, "2.00")])
    turn()
    assert count(ChannelInboundOrder) == 0


def test_an_order_from_before_the_months_of_the_order_book_arrives(
    account: ChannelAccount, turn: Turn, shop: Shop, new_variant: NewVariant
) -> None:
    new_variant("A", stock=5)
    shop.now = account.takes_orders_from = dt.datetime(1993, 5, 5, 9, 0, tzinfo=dt.UTC)
    db.session.commit()
    key = shop.add_order([("A", 1, "2.00")])
    assert turn()
    assert (inbound(key).state, order_of(key).placed_at) == ("applied", shop.now)


def test_doubled_and_shuffled_pages_make_no_doubled_orders(
    turn: Turn, shop: Shop, new_variant: NewVariant
) -> None:
    variant = new_variant("A", stock=99)
    shop.is_doubling = shop.is_shuffling = True
    for _ in range(30):
        shop.add_order([("A", 1, "2.00")])
        shop.tick()
    turn()
    assert (count(Order), level(variant)) == (30, (99, 30))


def test_an_order_from_before_an_erasure_comes_without_its_person(
    turn: Turn, shop: Shop, new_variant: NewVariant, scope: int
) -> None:
    from portal.core.clock import utc_now
    from portal.privacy.suppression import suppress

    new_variant("A", stock=5)
    key = shop.add_order([("A", 1, "2.00")])
    suppress(scope, [("email", f"joan.{key}@example.com")], erased_at=utc_now())
    db.session.commit()
    turn()
    row = inbound(key)
    assert (row.state, row.subject_id, row.payload) == ("applied", None, None)
    assert (count(Order), count(Customer), count(OrderContact)) == (1, 0, 0)
