"""Each kind of look-up under row-level security against the bare page of its indexed query: ``make bench NAME=lookup``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import sqlalchemy as sa

from bench.databases import at_size
from bench.ground import Address, Bars, measure, served, sign_in_cookie
from portal import create_app
from portal.catalog.models import Variant
from portal.core.database import merchant_scope
from portal.core.listing.statements import execute
from portal.core.tenancy import current_merchant_id
from portal.customers.models import Customer
from portal.orders.models import OrderContact, OrderFulfilment, OrderRef

LIMIT: Final = 4.0
SAMPLES: Final = 20


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of thing people type: values from the shop, and the indexed query that answers one of them."""

    name: str
    typed: list[str]
    sql: str
    parameters: dict[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(prog="lookup", description=__doc__)
    parser.add_argument("--size", default="M")
    parser.add_argument("--seconds", type=float, default=4.0)
    given = parser.parse_args()
    bars = Bars()
    with at_size(given.size) as shop:
        worst = hold_kinds(bars, shop.merchant_id, given.seconds)
    bars.finish("lookup", worst, LIMIT)


def hold_kinds(bars: Bars, merchant_id: int, seconds: float) -> float:
    """Measure every kind against its bare page; gives the worst ratio."""
    app = create_app()
    cookie = sign_in_cookie(app, merchant_id)
    with app.app_context(), merchant_scope(merchant_id):
        kinds = [kind for kind in kinds_of(merchant_id) if kind.typed]
    statements = json.dumps({kind.name: {"sql": kind.sql, "parameters": kind.parameters} for kind in kinds})
    worst = 0.0
    with served({"BENCH_STATEMENTS": statements}) as port:
        for kind in kinds:
            wanted = [Address("/lookup?" + urlencode({"q": text}), is_fragment=True) for text in kind.typed]
            ours = measure(port, wanted, cookie, clients=1, seconds=seconds)
            bare = measure(
                port,
                [Address(f"/bare/{kind.name}?merchant={merchant_id}")],
                cookie,
                clients=1,
                seconds=seconds,
            )
            print(
                f"{kind.name:18} {ours.p50:6.2f} / {ours.p95:6.2f} ms  bare {bare.p50:6.2f} / {bare.p95:6.2f} ms  {ours.statements} statements"
            )
            bars.hold(f"{kind.name}, p95 against bare", ours.p95 / bare.p95, LIMIT)
            worst = max(worst, ours.p95 / bare.p95)
    return worst


def kinds_of(merchant_id: int) -> Iterator[Kind]:
    """Every kind with values that the shop of the merchant in scope really holds."""
    ref, customer, variant, parcel = (
        OrderRef.__table__.c,
        Customer.__table__.c,
        Variant.__table__.c,
        OrderFulfilment.__table__.c,
    )
    order = "SELECT order_id, number, external_id, placed_at FROM order_ref WHERE merchant_id = {m} AND {c} = %(key)s LIMIT 20"
    person = "SELECT id, name, email, order_count FROM customer WHERE merchant_id = {m} AND {c} = %(key)s AND state = 'active' LIMIT 20"
    goods = (
        "SELECT v.id, v.sku, v.barcode, p.title FROM variant v JOIN product p ON p.merchant_id = v.merchant_id AND p.id = v.product_id"
        " WHERE v.merchant_id = {m} AND v.{c} = %(key)s LIMIT 20"
    )
    yield _kind("order-number", order.format(m=merchant_id, c="number"), ref.number)
    yield _kind(
        "external-number",
        order.format(m=merchant_id, c="external_key"),
        ref.external_id,
        key=ref.external_key,
    )
    yield _kind("e-mail", person.format(m=merchant_id, c="email_key"), customer.email, key=customer.email_key)
    yield _kind("phone", person.format(m=merchant_id, c="phone_key"), customer.phone, key=customer.phone_key)
    yield _kind("name", person.format(m=merchant_id, c="name_key"), customer.name, key=customer.name_key)
    yield _kind("sku", goods.format(m=merchant_id, c="sku_key"), variant.sku, key=variant.sku_key)
    yield _kind(
        "barcode", goods.format(m=merchant_id, c="barcode_key"), variant.barcode, key=variant.barcode_key
    )
    yield _kind(
        "tracking-number",
        f"SELECT r.order_id, r.number, r.external_id, r.placed_at FROM order_fulfilment f JOIN order_ref r ON r.merchant_id = f.merchant_id"
        f" AND r.order_id = f.order_id WHERE f.merchant_id = {merchant_id} AND f.tracking_key = %(key)s LIMIT 20",
        parcel.tracking_number,
        key=parcel.tracking_key,
    )
    yield _place(merchant_id)
    yield _prefix("sku-prefix", "variant", "sku_key", "id, sku, barcode", variant.sku_key, merchant_id)
    yield _prefix(
        "e-mail-prefix",
        "customer",
        "email_key",
        "id, name, email, order_count",
        customer.email_key,
        merchant_id,
    )


def _kind(
    name: str, sql: str, shown: sa.ColumnElement[Any], *, key: sa.ColumnElement[Any] | None = None
) -> Kind:
    key = shown if key is None else key
    table: Any = shown.table  # type: ignore[attr-defined]
    rows = execute(
        sa.select(shown.label("shown"), key.label("key"))
        .where(table.c.merchant_id == current_merchant_id(), key.is_not(None))
        .limit(SAMPLES)
    ).all()
    return Kind(name, [row.shown for row in rows], sql, {"key": rows[0].key} if rows else {})


def _place(merchant_id: int) -> Kind:
    contact = OrderContact.__table__.c
    rows = execute(
        sa.select(contact.postcode, contact.postcode_key, contact.name_key)
        .where(contact.merchant_id == current_merchant_id(), contact.postcode_key.is_not(None))
        .limit(SAMPLES)
    ).all()
    sql = (
        "SELECT r.order_id, r.number, r.external_id, r.placed_at, c.name FROM order_contact c JOIN order_ref r ON r.merchant_id = c.merchant_id"
        f" AND r.order_id = c.order_id WHERE c.merchant_id = {merchant_id} AND c.postcode_key = %(key)s"
        " AND starts_with(c.name_key, %(surname)s) ORDER BY c.order_id DESC LIMIT 20"
    )
    named = [(row, row.name_key.split()[0]) for row in rows if row.name_key]
    typed = [f"{row.postcode} {surname}" for row, surname in named]
    first = {"key": named[0][0].postcode_key, "surname": named[0][1]} if named else {}
    return Kind("postcode-and-name", typed, sql, first)


def _prefix(
    name: str, table: str, column: str, values: str, key: sa.ColumnElement[Any], merchant_id: int
) -> Kind:
    rows = (
        execute(sa.select(key).where(key.table.c.merchant_id == current_merchant_id()).limit(SAMPLES))
        .scalars()
        .all()
    )  # type: ignore[attr-defined]
    sql = (
        f"SELECT {values} FROM {table} WHERE merchant_id = {merchant_id} AND {column} >= %(key)s AND {column} < %(key)s || '~'"
        f" ORDER BY {column} LIMIT 20"
    )
    return Kind(name, [row[:-1] for row in rows if row], sql, {"key": rows[0][:-1]} if rows else {})


if __name__ == "__main__":
    main()
