"""Vouchers: what they take off, whom they refuse, and that none is used too often."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from decimal import Decimal as D
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.core.database import db, merchant_scope
from portal.core.errors import ConflictError, DomainError
from portal.core.outbox.consuming import run_consumers
from portal.orders.cancelling import cancel_order
from portal.orders.models import Order, OrderCharge, OrderDiscount, OrderLine, Voucher, VoucherUse
from portal.orders.new_order import NewCharge, NewLine, NewOrder, PlacedOrder
from portal.orders.placement import place_order
from portal.orders.vouchers.checking import VoucherError, voucher_for
from portal.orders.vouchers.services import FIELDS, change_voucher, create_voucher, voucher_values
from portal.orders.vouchers.using import give_vouchers_back
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person
from tests.support.shop import Shop, open_shop
from tests.support.waiting import settle

ZONE = ZoneInfo("Europe/London")


def make(**values: str) -> Voucher:
    given = dict.fromkeys(FIELDS, "") | {
        "code": "SPRING",
        "kind": "percent",
        "percent": "10",
        "is_active": "y",
    }
    voucher = create_voucher(given | values, zone=ZONE, by=SYSTEM)
    db.session.commit()
    return voucher


def order(shop: Shop, code: str, **values: Any) -> PlacedOrder:
    placed = place_order(
        NewOrder(
            channel_id=shop.channel_id,
            currency=values.pop("currency", "GBP"),
            lines=[NewLine(sku, sku, 1, D("10.00"), is_stocked=False) for sku in ("A", "B", "C")],
            charges=[NewCharge("shipping", "Post", D("4.00"))],
            voucher_code=code,
            by_rules=True,
            **values,
        ),
        by=SYSTEM,
    )
    db.session.commit()
    return placed


def test_a_percentage_is_shared_out_to_the_lines(scope: int) -> None:
    shop, voucher = open_shop(), make(percent="10")
    placed = order(shop, "spring ")
    head = db.session.get_one(Order, (scope, placed.order_id))
    lines = db.session.scalars(sa.select(OrderLine).order_by(OrderLine.n)).all()
    assert [(line.discount, line.shared_discount, line.line_total) for line in lines] == [(1, 1, 9)] * 3
    assert (head.items_total, head.discount_total, head.total) == (D("27"), D("0"), D("31"))
    discount = db.session.scalars(sa.select(OrderDiscount)).one()
    assert (discount.source, discount.label, discount.amount, discount.voucher_id) == (
        "voucher",
        "SPRING",
        D("3"),
        voucher.id,
    )
    use = db.session.scalars(sa.select(VoucherUse)).one()
    assert (use.order_id, use.amount, use.currency) == (placed.order_id, D("3"), "GBP")


def test_an_amount_is_exact_to_the_cent(scope: int) -> None:
    shop = open_shop()
    make(kind="amount", percent="", amount="10", currency="GBP")
    order(shop, "SPRING")
    lines = db.session.scalars(sa.select(OrderLine).order_by(OrderLine.n)).all()
    assert [line.discount for line in lines] == [D("3.34"), D("3.33"), D("3.33")]


def test_free_shipping_takes_the_charge(scope: int) -> None:
    shop = open_shop()
    make(kind="free_shipping", percent="")
    placed = order(shop, "SPRING")
    charge = db.session.scalars(sa.select(OrderCharge)).one()
    assert (charge.amount, charge.discount) == (0, 4)
    assert db.session.get_one(Order, (scope, placed.order_id)).total == 30


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"is_active": ""}, "not in use"),
        ({"starts_on": "2999-01-01"}, "yet"),
        ({"ends_on": "2020-01-01"}, "ended"),
        ({"minimum": "30.01", "currency": "GBP"}, "at least"),
        ({"kind": "amount", "percent": "", "amount": "5", "currency": "EUR"}, "orders in EUR"),
    ],
)
def test_who_may_not_use_it_is_told_why(scope: int, values: dict[str, str], words: str) -> None:
    shop = open_shop()
    make(**values)
    with pytest.raises(VoucherError, match=words):
        order(shop, "SPRING")


def test_the_last_day_counts_whole(scope: int) -> None:
    make(ends_on="2026-03-31")
    before = dt.datetime(2026, 3, 31, 23, 59, tzinfo=ZONE)
    assert voucher_for("SPRING", D(30), "GBP", before).percent == 10
    with pytest.raises(VoucherError, match="ended"):
        voucher_for("SPRING", D(30), "GBP", before + dt.timedelta(minutes=1))


def test_many_at_once_use_it_as_often_as_it_may_be(app: Flask, scope: int) -> None:
    shop = open_shop()
    voucher = make(usage_limit="3")
    db.session.rollback()
    barrier, outcomes = threading.Barrier(8), []

    def buy() -> None:
        with app.app_context(), merchant_scope(scope):
            barrier.wait()
            try:
                order(shop, "SPRING")
                outcomes.append("placed")
            except VoucherError:
                db.session.rollback()
                outcomes.append("refused")

    threads = [threading.Thread(target=buy) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["placed"] * 3 + ["refused"] * 5
    db.session.expire_all()
    assert db.session.get_one(Voucher, (scope, voucher.id)).used_count == 3
    assert db.session.scalar(sa.select(sa.func.count(VoucherUse.order_id))) == 3
    assert db.session.scalar(sa.select(sa.func.count(Order.id))) == 3


def test_a_cancelled_order_gives_its_voucher_back_once(scope: int) -> None:
    shop = open_shop()
    voucher = make(usage_limit="1")
    placed = order(shop, "SPRING")
    give_vouchers_back(placed.order_id)
    give_vouchers_back(placed.order_id)
    db.session.commit()
    assert db.session.get_one(Voucher, (scope, voucher.id)).used_count == 0
    order(shop, "SPRING")


def test_a_cancellation_is_followed(scope: int) -> None:
    shop = open_shop()
    make(usage_limit="1")
    placed = order(shop, "SPRING")
    cancel_order(placed.order_id, by=SYSTEM)
    db.session.commit()
    settle()
    run_consumers("vouchers")
    db.session.expire_all()
    assert db.session.scalars(sa.select(Voucher.used_count).where(Voucher.merchant_id == scope)).one() == 0


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"code": " "}, "code"),
        ({"code": "x" * 41}, "code"),
        ({"percent": "0"}, "percent"),
        ({"percent": "101"}, "percent"),
        ({"percent": "ten"}, "percent"),
        ({"kind": "amount", "percent": "", "amount": "1.005", "currency": "GBP"}, "amount"),
        ({"kind": "amount", "percent": "", "amount": "1", "currency": "XQQ"}, "currency"),
        ({"kind": "amount", "percent": "", "amount": "1e400", "currency": "GBP"}, "amount"),
        ({"minimum": "1e400", "currency": "GBP"}, "minimum"),
        ({"starts_on": "2026-02-02", "ends_on": "2026-02-01"}, "ends_on"),
        ({"usage_limit": "0"}, "usage_limit"),
        ({"kind": "magic"}, "kind"),
    ],
)
def test_a_voucher_that_makes_no_sense_is_refused(scope: int, values: dict[str, str], field: str) -> None:
    with pytest.raises(DomainError) as refused:
        make(**values)
    assert refused.value.field == field


def test_a_code_is_one_voucher_and_a_limit_never_falls_below_its_use(scope: int) -> None:
    shop, voucher = open_shop(), make()
    with pytest.raises(ConflictError, match="this code"):
        make(code="spring")
    order(shop, "SPRING")
    order(shop, "SPRING")
    voucher = db.session.get_one(Voucher, (scope, voucher.id), with_for_update=True)
    base = voucher_values(voucher, ZONE)
    with pytest.raises(DomainError, match="used 2 times"):
        change_voucher(voucher, base | {"usage_limit": "1"}, base=base, zone=ZONE, by=SYSTEM)


def test_its_screens(scope: int, login: Callable[..., HouseClient], member: Callable[..., Person]) -> None:
    manager, support = login(member("catalogue-manager")), login(member("support"))
    sent = {"code": "WELCOME", "kind": "percent", "percent": "5", "is_active": "y", "currency": "GBP"}
    assert support.post("/vouchers/new", data=sent).status_code == 403
    assert manager.post("/vouchers/new", data=sent).status_code == 303
    voucher = db.session.scalars(sa.select(Voucher)).one()
    assert "WELCOME" in support.get("/vouchers").text
    assert "disabled" in support.get(f"/vouchers/{voucher.id}").text
    wrong = manager.post("/vouchers/new", data=sent | {"percent": "200", "code": "X"})
    assert wrong.status_code == 422
    assert "above 0 and up to 100" in wrong.text
    page = manager.get(f"/vouchers/{voucher.id}").text
    base = page.partition('name="base" type="hidden" value="')[2].partition('"')[0].replace("&#34;", '"')
    changed = sent | {"percent": "7.5", "base": base}
    assert manager.post(f"/vouchers/{voucher.id}", data=changed).status_code == 303
    db.session.expire_all()
    assert db.session.scalars(sa.select(Voucher.percent)).one() == D("7.5")
