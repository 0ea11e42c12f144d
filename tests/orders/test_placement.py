"""Placing orders: once, adding up, never promising a unit twice."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.core.audit.models import AuditEntry
from portal.core.database import db, merchant_scope
from portal.core.errors import DomainError
from portal.core.outbox import OutboxEvent
from portal.orders.models import Order, OrderContact, OrderLine, OrderRef
from portal.orders.placement import NewDiscount, NewLine, NewOrder, place_order
from portal.paths import ROOT
from tests.support.people import SYSTEM
from tests.support.shop import levels, open_shop


def test_it_writes_the_order_its_promise_and_its_news_together(scope: int) -> None:
    shop = open_shop({"MUG": 10, "PLATE": 4})
    placed = shop.order(("MUG", 3, "4.50"), ("PLATE", 1, "7.25"), shipping="3.95", paid="24.70")
    order = db.session.get_one(Order, (scope, placed.order_id))
    assert (order.items_total, order.charges_total, order.total) == (
        Decimal("20.75"),
        Decimal("3.95"),
        Decimal("24.70"),
    )
    assert (order.state, order.payment_state, order.fulfilment_state) == ("open", "paid", "unfulfilled")
    assert levels(list(shop.variants.values())) == {
        shop.variants["MUG"]: (10, 3),
        shop.variants["PLATE"]: (4, 1),
    }
    contact = db.session.scalars(
        sa.select(OrderContact).where(OrderContact.order_id == placed.order_id)
    ).one()
    assert (contact.email_key, contact.phone_key, contact.name_key) == (
        "ada@example.com",
        "442079460018",
        "lovelace ada",
    )
    assert (
        db.session.scalar(
            sa.select(sa.func.count()).where(
                AuditEntry.action == "order.placed", AuditEntry.merchant_id == scope
            )
        )
        == 1
    )
    assert (
        db.session.scalar(
            sa.select(sa.func.count()).where(
                OutboxEvent.kind == "order.placed", OutboxEvent.merchant_id == scope
            )
        )
        == 1
    )


def test_the_same_number_on_a_channel_is_one_order(scope: int) -> None:
    shop = open_shop()
    first = shop.order(("MUG", 2, "4.50"), external_id="W-7")
    second = shop.order(("MUG", 2, "4.50"), external_id="W-7")
    assert (first.is_new, second.is_new) == (True, False)
    assert first.order_id == second.order_id
    assert levels([shop.variants["MUG"]]) == {shop.variants["MUG"]: (10, 2)}


def test_an_order_that_stock_cannot_cover_waits_and_says_which_sku_is_short(scope: int) -> None:
    shop = open_shop({"MUG": 2, "PLATE": 5})
    placed = shop.order(("MUG", 3, "4.50"), ("PLATE", 1, "1"))
    assert placed.hold_reason == "Not enough stock: MUG"
    assert levels(list(shop.variants.values())) == {
        shop.variants["MUG"]: (2, 2),
        shop.variants["PLATE"]: (5, 1),
    }


def test_the_same_sku_on_two_lines_is_promised_from_one_shelf(scope: int) -> None:
    shop = open_shop({"MUG": 3})
    placed = shop.order(("MUG", 2, "1"), ("MUG", 2, "1"))
    assert placed.hold_reason == "Not enough stock: MUG"
    assert levels([shop.variants["MUG"]]) == {shop.variants["MUG"]: (3, 3)}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "at least one line"),
        ([NewLine("A", "A", 0, Decimal(1))], "Line 1: the quantity"),
        ([NewLine("A", "A", 1, Decimal(1)), NewLine("B", "B", 1, Decimal(-1))], "Line 2: the price"),
    ],
)
def test_it_refuses_what_is_no_order(scope: int, lines: list[NewLine], message: str) -> None:
    shop = open_shop()
    with pytest.raises(DomainError, match=message):
        place_order(NewOrder(channel_id=shop.channel_id, currency="GBP", lines=lines), by=SYSTEM)


def test_many_at_once_sell_exactly_what_is_there(app: Flask, scope: int) -> None:
    shop = open_shop({"MUG": 5})
    db.session.rollback()
    barrier, held = threading.Barrier(8), []

    def buy() -> None:
        with app.app_context(), merchant_scope(scope):
            barrier.wait()
            held.append(shop.order(("MUG", 1, "4.50")).hold_reason)

    _together(buy, 8)
    assert sum(reason is None for reason in held) == 5
    assert levels([shop.variants["MUG"]]) == {shop.variants["MUG"]: (5, 5)}


def test_the_same_order_sent_by_many_at_once_is_one(app: Flask, scope: int) -> None:
    shop = open_shop({"MUG": 50})
    db.session.rollback()
    barrier, placed = threading.Barrier(8), []

    def send() -> None:
        with app.app_context(), merchant_scope(scope):
            barrier.wait()
            placed.append(shop.order(("MUG", 1, "4.50"), external_id="SAME"))

    _together(send, 8)
    assert len({each.order_id for each in placed}) == 1
    assert [each.is_new for each in placed].count(True) == 1
    assert db.session.scalar(sa.select(sa.func.count(OrderRef.order_id))) == 1
    assert db.session.scalar(sa.select(sa.func.count(OrderLine.n))) == 1


def _together(work: object, count: int) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]  # type: ignore[arg-type]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_every_column_that_placement_names_is_written(scope: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """``write_order`` names its columns in SQL: one it does not know would be dropped in silence."""
    from portal.orders import placement

    sent: dict[str, list[dict[str, object]]] = {}
    real = placement.write_order
    monkeypatch.setattr(
        placement, "write_order", lambda rows, *moves, **how: (sent.update(rows), real(rows, *moves, **how))
    )
    shop = open_shop({"MUG": 5})
    shop.order(
        ("MUG", 1, "4.50"),
        shipping="3.95",
        paid="8.45",
        tags=["gift"],
        discounts=[NewDiscount("staff", "Kind", percent=Decimal(1), amount_off=Decimal("0.05"))],
    )
    text = (ROOT / "migrations" / "functions" / "placement.sql").read_text(encoding="utf-8")
    assert len(sent) == 11
    for table, rows in sent.items():
        named = text.partition(f"INSERT INTO {table} (")[2].partition(")")[0]
        known = {name.strip() for name in named.split(",")} - {"merchant_id"}
        assert rows, table
        assert all(set(row) == known for row in rows), (table, known ^ set(rows[0]))
