"""What the wall between merchants costs, and whether anything gets over it: ``make bench NAME=tenancy``.

Three parts: the same pages with row-level security and without; ten thousand requests of fifty merchants over a pool of five
connections while requests fail, time out and lose their backends; the attacks, by someone who may write SQL as the app.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Final

import psycopg
import sqlalchemy as sa
from flask import Flask, Response, jsonify

from bench.databases import SizedShop, at_size
from bench.ground import Address, Bars, Measured, measure, served, sign_in_cookie
from bench.order_list import cases_of
from bench.tenancy_attacks import attacks
from portal import create_app
from portal.accounts.access import requires
from portal.config import Settings
from portal.core.database import current_merchant_id, db, merchant_scope
from portal.customers.models import Customer
from portal.orders.models import OrderRef

LIMIT: Final = 1.3
REQUESTS: Final = 10_000
POOL: Final = 5
CLIENTS: Final = 12
ROUNDS: Final = 6
# The filter is there for the guard and says nothing: only the wall stands between these statements and the others' rows.
WIDE: Final = tuple(
    f"SELECT DISTINCT merchant_id FROM (SELECT merchant_id FROM {table} WHERE merchant_id = merchant_id LIMIT 200) AS seen"
    for table in (
        "sales_order",
        "order_line",
        "order_contact",
        "customer",
        "product",
        "stock_level",
        "stock_movement",
    )
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="tenancy", description=__doc__)
    parser.add_argument("--size", default="M")
    parser.add_argument(
        "--seconds", type=float, default=2.0, help="of each of the measurements, which take turns"
    )
    parser.add_argument("--requests", type=int, default=REQUESTS)
    given = parser.parse_args()
    bars = Bars()
    with at_size(given.size) as shop:
        worst = hold_cost(bars, shop, given.seconds)
        foreign, kinds = storm(shop, given.requests)
        print(
            f"  {sum(kinds.values()):,} requests: "
            + ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
        )
        bars.hold("rows of others in interleaved requests", foreign, 0, "rows")
        for name, leaked in attacks(shop):
            bars.hold(name, leaked, 0, "rows")
    bars.finish("tenancy", worst, LIMIT)


def hold_cost(bars: Bars, shop: SizedShop, seconds: float) -> float:
    """The same pages from two servers, one as the app and one as the owner, whom the policies do not bind."""
    app = create_app()
    cookie = sign_in_cookie(app, shop.merchant_id)
    with app.app_context(), merchant_scope(shop.merchant_id):
        pages = {f"orders, {case.name}": case.path for case in cases_of(app)}
        number = db.session.scalars(
            sa.select(OrderRef.number).order_by(OrderRef.order_id.desc()).limit(1)
        ).one()
        email = db.session.scalars(sa.select(Customer.email).limit(1)).one()
    pages |= {
        "an order": f"/orders/{number}",
        "customers": "/customers",
        "look-up by e-mail": f"/lookup?q={email}",
    }
    worst = 0.0
    with served() as walled, served({"DATABASE_URL": os.environ["OWNER_DATABASE_URL"]}) as open_:
        for name, path in pages.items():
            with_wall, without = _in_turns(
                (walled, open_), Address(path, is_fragment=path.startswith("/lookup")), cookie, seconds
            )
            print(
                f"{name:34} {with_wall.p50:7.2f} / {with_wall.p95:7.2f} ms with, {without.p50:7.2f} / {without.p95:7.2f} ms without"
            )
            bars.hold(f"{name}, p95", with_wall.p95 / without.p95, LIMIT)
            worst = max(worst, with_wall.p95 / without.p95)
    return worst


def _in_turns(ports: Sequence[int], address: Address, cookie: str, seconds: float) -> list[Measured]:
    """Both in short turns, so that what else the machine does falls on both."""
    found = [Measured([]) for _ in ports]
    for _ in range(ROUNDS):
        for measured, port in zip(found, ports, strict=True):
            measured.times += measure(port, [address], cookie, clients=1, seconds=seconds / ROUNDS).times
    return found


def storm(shop: SizedShop, requests: int) -> tuple[int, Counter[str]]:
    """Requests of all merchants at once; gives how many answers held a row of another merchant, and how they ended."""
    app = create_app(replace(Settings.from_environment(os.environ), pool_size=POOL))
    _add_views(app)
    cookies = {merchant_id: sign_in_cookie(app, merchant_id) for merchant_id in shop.merchant_ids}
    pick = random.Random(7)
    acts = ("rows",) * 80 + ("orders",) * 3 + ("error",) * 6 + ("timeout",) * 6 + ("lost",) * 5
    plan = [(pick.choice(shop.merchant_ids), pick.choice(acts)) for _ in range(requests)]
    foreign, kinds, lock = 0, Counter[str](), threading.Lock()

    def ask(step: tuple[int, str]) -> None:
        nonlocal foreign
        merchant_id, act = step
        path = "/orders" if act == "orders" else f"/bench/storm/{act}"
        try:
            answer = app.test_client(use_cookies=False).get(
                path, headers={"Cookie": cookies[merchant_id], "Accept": "application/json"}
            )
        except sa.exc.DBAPIError:
            # The connection died while the request was being ended; a server cuts the answer off.
            with lock:
                kinds[f"{act} cut off"] += 1
            return
        rows = (
            set(answer.json["merchants"])
            if act == "rows" and answer.status_code == 200 and answer.json
            else set()
        )
        with lock:
            kinds[f"{act} {answer.status_code}"] += 1
            foreign += bool(rows - {merchant_id})
            if act == "rows" and answer.status_code == 200 and not rows:
                kinds["empty answers"] += 1

    stop = threading.Event()
    killer = threading.Thread(target=_kill_backends, args=(stop, random.Random(8)))
    killer.start()
    try:
        with ThreadPoolExecutor(CLIENTS) as clients:
            list(clients.map(ask, plan))
    finally:
        stop.set()
        killer.join()
    return foreign, kinds


def _add_views(app: Flask) -> None:
    """Views that read past every filter, and break in the ways requests break."""

    @requires()
    def rows() -> Response:
        seen = [
            merchant for statement in WIDE for merchant in db.session.execute(sa.text(statement)).scalars()
        ]
        seen += [row.merchant_id for row in db.session.scalars(sa.select(Customer).limit(5))]
        return jsonify(merchants=sorted(set(seen)))

    @requires()
    def error() -> Response:
        db.session.execute(sa.text(WIDE[0])).all()
        raise RuntimeError("a fault of ours")

    @requires()
    def timeout() -> Response:
        db.session.execute(sa.text("SET LOCAL statement_timeout = '5ms'"))
        db.session.execute(sa.text("SELECT pg_sleep(1)"))
        return jsonify(merchants=[])

    @requires()
    def lost() -> Response:
        db.session.execute(sa.text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return jsonify(merchants=[current_merchant_id()])

    for view in (rows, error, timeout, lost):
        app.add_url_rule(f"/bench/storm/{view.__name__}", f"storm_{view.__name__}", view)
    # Four in a hundred requests are broken on purpose; their log lines tell nothing.
    logging.disable(logging.CRITICAL)


def _kill_backends(stop: threading.Event, pick: random.Random) -> None:
    """End a random connection of the app twice a second, as an operator or a failover does."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        while not stop.is_set():
            rows: list[tuple[Any, ...]] = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'portal' AND datname = current_database() AND pid <> pg_backend_pid()"
            ).fetchall()
            if rows:
                connection.execute("SELECT pg_terminate_backend(%s)", pick.choice(rows))
            time.sleep(0.5)


if __name__ == "__main__":
    main()
