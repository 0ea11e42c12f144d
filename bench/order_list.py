"""The order list at a million orders against ten thousand, and against the bare page: ``make bench NAME=order-list``.

Cases: the first page, a page 50,000 rows deep (half of the shop at size S), by state, by period and channel, by the beginning of a
customer's e-mail; each as a whole page, as the fragment htmx asks for, and bare, with one client and with four.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import sqlalchemy as sa
from flask import Flask

from bench.databases import SizedShop, at_size
from bench.ground import (
    Address,
    Bars,
    Measured,
    measure,
    sequential_scans,
    served,
    sign_in_cookie,
)
from portal import create_app
from portal.core.clock import utc_now
from portal.core.database import db, merchant_scope
from portal.core.formats import Region, in_region
from portal.core.listing import Page, Viewer
from portal.core.listing.cursor import Cursor, seal
from portal.core.listing.statements import execute
from portal.orders.listings import ORDERS
from portal.orders.models import Order, OrderContact, SalesChannel

DEEP: Final = 50_000
MOST_STATEMENTS: Final = 12
LARGE: Final = 100_000
PAGE_LIMIT, FRAGMENT_LIMIT, GROWTH_LIMIT = 5.0, 3.0, 1.5


@dataclass(frozen=True, slots=True)
class Case:
    """One way to look at the list, and the statement that brings its rows."""

    name: str
    path: str
    sql: str
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Times:
    """What a case took, per kind of answer."""

    page: Measured
    fragment: Measured
    bare: Measured


def main() -> None:
    parser = argparse.ArgumentParser(prog="order-list", description=__doc__)
    parser.add_argument("--sizes", default="S,M", help="the smaller and the larger size")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    given = parser.parse_args()
    small, large = given.sizes.split(",")
    bars, measured = Bars(), {}
    for size in (small, large):
        with at_size(size) as shop:
            measured[size] = measure_size(create_app(), shop, given.seconds)
    worst = 0.0
    for (name, clients), times in measured[large].items():
        before = measured[small][name, clients]
        print(f"{name}, {clients} client{'s' if clients > 1 else ''}:")
        bars.hold("whole page against bare, p50", times.page.p50 / times.bare.p50, PAGE_LIMIT)
        bars.hold("fragment against bare, p50", times.fragment.p50 / times.bare.p50, FRAGMENT_LIMIT)
        bars.hold(f"p95 at {large} against {small}", times.page.p95 / before.page.p95, GROWTH_LIMIT)
        bars.hold("statements", max(times.page.statements, before.page.statements), MOST_STATEMENTS, "")
        worst = max(worst, times.page.p50 / times.bare.p50)
    bars.finish("order-list", worst, PAGE_LIMIT)


def measure_size(app: Flask, shop: SizedShop, seconds: float) -> dict[tuple[str, int], Times]:
    """Every case on the shop of one size, with one client and with four."""
    merchant_id = shop.merchant_id
    cookie = sign_in_cookie(app, merchant_id)
    with app.app_context(), merchant_scope(merchant_id):
        cases = list(cases_of(app))
    statements = json.dumps(
        {case.name.replace(" ", "-"): {"sql": case.sql, "parameters": case.parameters} for case in cases}
    )
    found = {}
    with served({"BENCH_STATEMENTS": statements}) as port:
        scans = sequential_scans(LARGE)
        for case in cases:
            bare = Address(f"/bare/{case.name.replace(' ', '-')}?merchant={merchant_id}")
            for clients in (1, 4):
                times = Times(
                    page=measure(port, [Address(case.path)], cookie, clients=clients, seconds=seconds),
                    fragment=measure(
                        port, [Address(case.path, is_fragment=True)], cookie, clients=clients, seconds=seconds
                    ),
                    bare=measure(port, [bare], cookie, clients=clients, seconds=seconds),
                )
                found[case.name, clients] = times
                _tell(shop.size, case.name, clients, times)
        read_whole = [name for name, count in sequential_scans(LARGE).items() if count > scans.get(name, 0)]
    if read_whole and shop.size == "M":
        raise SystemExit(f"order-list: read from end to end: {', '.join(read_whole)} short")
    return found


def cases_of(app: Flask) -> Iterator[Case]:
    """The cases of the merchant in scope."""
    o, contact = Order.__table__.c, OrderContact.__table__.c
    scope = ORDERS.tenant == sa.literal_column(
        "NULLIF(current_setting('portal.merchant_id', true), '')::integer"
    )
    deep = execute(sa.select(o.id).where(scope).order_by(o.id.desc()).offset(_depth()).limit(1)).scalar_one()
    channel = db.session.scalars(sa.select(SalesChannel.id).order_by(SalesChannel.id)).first()
    email = execute(
        sa.select(contact.email_key)
        .where(contact.merchant_id == scope.right, contact.email_key.is_not(None))
        .limit(1)
    ).scalar_one()
    year = utc_now().year - 1
    queries: dict[str, list[tuple[str, str]]] = {
        "first page": [],
        "deep page": [("after", seal(Cursor(deep, deep, 10_001), ("orders", ORDERS.default_sort)))],
        "by state": [("f", "1.state.is.open")],
        "by period and channel": [
            ("f", f"1.placed.since.{year}-02-01"),
            ("f", f"2.placed.until.{year}-03-31"),
            ("f", f"3.channel.is.{channel}"),
        ],
        "by e-mail": [("f", f"1.email.starts.{email[:6]}")],
    }
    for name, query in queries.items():
        yield _case(app, name, query)


def _depth() -> int:
    o = Order.__table__.c
    scope = o.merchant_id == sa.literal_column(
        "NULLIF(current_setting('portal.merchant_id', true), '')::integer"
    )
    inside = execute(
        sa.select(sa.func.count()).select_from(sa.select(o.id).where(scope).limit(DEEP * 2).subquery())
    ).scalar_one()
    return int(min(DEEP, inside // 2))


def _case(app: Flask, name: str, query: list[tuple[str, str]]) -> Case:
    path = "/orders" + ("?" + urlencode(query) if query else "")
    with (
        _noted() as statements,
        in_region(Region("en_GB", "Europe/Berlin")),
        app.test_request_context(path) as context,
    ):
        Page.read(ORDERS, context.request.args, path="/orders", viewer=Viewer(), with_views=False)
    # The last reading of the rows is the one that filled the page.
    sql, parameters = [
        each for each in statements if "ORDER BY sales_order.id" in each[0] and "count(" not in each[0]
    ][-1]
    return Case(name, path, sql, dict(parameters))


@contextmanager
def _noted() -> Iterator[list[tuple[str, Any]]]:
    statements: list[tuple[str, Any]] = []

    def note(conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        statements.append((statement, parameters))

    sa.event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", note)


def _tell(size: str, name: str, clients: int, times: Times) -> None:
    print(
        f"{size} {name:22} {clients} client{'s' if clients > 1 else ' '}  page {times.page.p50:6.2f} / {times.page.p95:6.2f} ms"
        f"  fragment {times.fragment.p50:6.2f} / {times.fragment.p95:6.2f}  bare {times.bare.p50:6.2f} / {times.bare.p95:6.2f}"
        f"  {times.page.statements} statements  {times.page.size / 1000:.0f} kB",
        flush=True,
    )


if __name__ == "__main__":
    main()
