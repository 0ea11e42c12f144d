"""Placing an order of three lines, whole, against the same rows written by pgbench: ``make bench NAME=place-order``.

20,000 variants at one location. An order is its reference, head, lines, contacts, charge, payment intent, allocations,
movements, events and audit entry. The limit is ``pgbench -M prepared``, which writes the same rows of every table, lines and
movements batched into one statement each, as the same role behind the same row-level security; that the rows are the same
is checked first. It also writes the book of 20,000 orders beside which all is measured. Then the placement service, tax and
totals computed, in four processes, and ``POST /api/v1/orders`` from sixteen clients. Rounds alternate; medians count. No
deadlock may reach a caller.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg

from bench.dataset import make_merchants
from bench.ground import BENCH, served
from portal import create_app
from portal.accounts.api_keys import create_key
from portal.core.database import Base, db, merchant_scope, retrying
from portal.core.jobs import ring_beside_requests
from portal.core.tenancy import Tenant
from portal.orders.models import SalesChannel
from portal.orders.new_order import NewCharge, NewContact, NewLine, NewOrder
from portal.orders.placement import place_order
from portal.stock.models import Location

VARIANTS: Final = 20_000
UNITS: Final = 1_000_000
BOOK: Final = 20_000
THIRD: Final = VARIANTS // 3
PROCESSES, CLIENTS = 4, 16
SERVICE_FLOOR, API_FLOOR = 25.0, 8.0


@dataclass(frozen=True, slots=True)
class Store:
    """What was built to sell from; variants are numbered without gaps from ``first_variant``."""

    merchant_id: int
    channel_id: int
    location_id: int
    first_variant: int
    secret: str


@dataclass(frozen=True, slots=True)
class Rate:
    """Orders a second, and what went wrong for callers."""

    orders: float
    failed: int = 0


def main() -> None:
    parser = argparse.ArgumentParser(prog="place-order", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3, help="of all measurements; the median counts")
    given = parser.parse_args()
    store = _build()
    script = _script(store)
    _require_same_rows(store, script)
    _fill_book(script)
    measurements: dict[str, Callable[[], Rate]] = {
        "pgbench -M prepared, 4 clients": lambda: _pgbench(script, given.seconds),
        "place_order, 4 processes": lambda: _service(store, given.seconds),
    }
    rates: dict[str, list[Rate]] = {}
    with served() as port:
        measurements["POST /api/v1/orders, 16 clients"] = lambda: _api(store, port, given.seconds)
        for number in range(given.rounds):
            for what, measure in measurements.items():
                rates.setdefault(what, []).append(measure())
                print(f"  round {number + 1}: {what}: {rates[what][-1].orders:,.0f} orders/s", flush=True)
    limit, service, api = (median(rate.orders for rate in found) for found in rates.values())
    failed = sum(rate.failed for found in rates.values() for rate in found)
    is_short = False
    for what, figure, floor in (("place_order", service, SERVICE_FLOOR), ("the API", api, API_FLOOR)):
        share = figure / limit * 100
        is_short |= share < floor
        print(
            f"  {'ok   ' if share >= floor else 'SHORT'} {what}: {share:.1f} % of {limit:,.0f} orders/s (at least {floor:g})"
        )
    print(
        f"  {'ok   ' if not failed else 'SHORT'} deadlocks and failures shown to a caller: {failed} (at most 0)"
    )
    is_short |= failed > 0
    print(
        f"place-order: {service / limit * 100:.1f} % (floor {SERVICE_FLOOR:g}) {'short' if is_short else 'ok'}"
    )
    raise SystemExit(1 if is_short else 0)


def _build() -> Store:
    """A merchant of its own with variants, prices, stock, a rate of tax, a channel and a key."""
    app = create_app()
    with psycopg.connect(_plain(os.environ["OWNER_DATABASE_URL"])) as owner:
        owner.execute("UPDATE merchant SET slug = slug || '-old-' || id WHERE slug LIKE 'bench-%'")
        merchant_id = make_merchants(owner, 1)[0]
    with app.app_context(), merchant_scope(merchant_id):
        channel = SalesChannel(code="shop", name="Shop", kind="web")
        location = Location(name="Main", code="MAIN")
        db.session.add_all([channel, location])
        db.session.flush()
        key, secret = create_key(
            name="Shop", scopes=["orders.write"], channel_id=channel.id, rate_per_minute=60_000, by=BENCH
        )
        channel_id, location_id = channel.id, location.id
        db.session.commit()
    with psycopg.connect(_plain(os.environ["OWNER_DATABASE_URL"])) as owner:
        first = owner.execute(
            _GOODS, {"m": merchant_id, "place": location_id, "units": UNITS, "count": VARIANTS}
        ).fetchone()
        owner.execute(
            "INSERT INTO tax_rate (merchant_id, country_code, tax_class, name, rate, valid_from, version)"
            " VALUES (%s, 'DE', 'standard', 'VAT', 0.19, '2020-01-01', 1)",
            (merchant_id,),
        )
        owner.commit()
        owner.autocommit = True
        owner.execute("VACUUM ANALYZE")
    assert first is not None
    return Store(merchant_id, channel_id, location_id, first[0], secret)


def _require_same_rows(store: Store, script: Path) -> None:
    """The limit writes as many rows of each table as the service does, or it is no limit of the same work."""
    app = create_app()
    with app.app_context(), merchant_scope(store.merchant_id):
        # The first order takes a block of numbers; its rows are not every order's.
        for _ in range(2):
            before = _rows(store)
            place_order(_order(store, random.Random(1)), by=BENCH)
            db.session.commit()
            ours = _added(before, _rows(store))
        db.engine.dispose()
    before = _rows(store)
    _run_pgbench(script, ["-t", "1", "-c", "1"])
    theirs = _added(before, _rows(store))
    if ours != theirs:
        sys.exit(f"place-order: not the same rows.\n  service: {ours}\n  pgbench: {theirs}")
    print(f"  an order is {sum(ours.values())} rows: " + ", ".join(f"{n} {name}" for name, n in ours.items()))


def _fill_book(script: Path) -> None:
    """Next to empty tables, every connection would keep plans that read all of them."""
    _run_pgbench(script, ["-t", str(BOOK // PROCESSES), "-c", str(PROCESSES), "-j", "2"])
    with psycopg.connect(_plain(os.environ["OWNER_DATABASE_URL"]), autocommit=True) as owner:
        owner.execute("VACUUM ANALYZE")


def _rows(store: Store) -> dict[str, int]:
    names = sorted(
        mapper.local_table.name  # type: ignore[attr-defined]
        for mapper in Base.registry.mappers
        if issubclass(mapper.class_, Tenant)
    )
    with psycopg.connect(_plain(os.environ["OWNER_DATABASE_URL"])) as owner:
        return {
            name: int(
                owner.execute(
                    f"SELECT count(*) FROM {name} WHERE merchant_id = {store.merchant_id}"
                ).fetchone()[0]
            )  # type: ignore[index]
            for name in names
        }


def _added(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {name: after[name] - before[name] for name in after if after[name] != before[name]}


# --- the limit -------------------------------------------------------------------------------------------------------


def _pgbench(script: Path, seconds: float) -> Rate:
    said = _run_pgbench(script, ["-T", str(int(seconds)), "-c", str(PROCESSES), "-j", "2"])
    tps = next(line for line in said.splitlines() if line.startswith("tps = "))
    return Rate(float(tps.split()[2]))


def _run_pgbench(script: Path, arguments: list[str]) -> str:
    parts = urlsplit(_plain(os.environ["DATABASE_URL"]))
    done = subprocess.run(
        [
            "pgbench",
            "-n",
            "-M",
            "prepared",
            "-f",
            str(script),
            *arguments,
            _plain(os.environ["DATABASE_URL"]),
        ],
        env=os.environ | {"PGPASSWORD": parts.password or ""},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or "aborted" in done.stderr:
        sys.exit(f"pgbench failed: {done.stderr[-2000:]}")
    return done.stdout


def _script(store: Store) -> Path:
    path = Path(tempfile.mkdtemp(prefix="portal-bench-")) / "place_order.sql"
    path.write_text(
        _STATEMENTS.format(
            m=store.merchant_id,
            channel=store.channel_id,
            place=store.location_id,
            a=store.first_variant,
            b=store.first_variant + THIRD,
            c=store.first_variant + 2 * THIRD,
            third=THIRD - 1,
        )
    )
    return path


# --- the service -----------------------------------------------------------------------------------------------------


def _service(store: Store, seconds: float) -> Rate:
    context = multiprocessing.get_context("spawn")
    gate, out = context.Barrier(PROCESSES), context.Queue()
    processes = [
        context.Process(target=_place_for, args=(store, seed, seconds, gate, out))
        for seed in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    results = [out.get(timeout=seconds + 120) for _ in processes]
    for process in processes:
        process.join(30)
    return Rate(sum(placed for placed, _ in results) / seconds, sum(failed for _, failed in results))


def _place_for(store: Store, seed: int, seconds: float, gate: Any, out: Any) -> None:
    app, chance, placed, failed = create_app(), random.Random(os.getpid() + seed), 0, 0

    def once() -> None:
        place_order(_order(store, chance), by=BENCH)
        db.session.commit()

    ring_beside_requests(app)
    with app.app_context(), merchant_scope(store.merchant_id):
        for _ in range(5):
            once()
        gate.wait(120)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                retrying(once)()
                placed += 1
            except Exception as error:
                db.session.rollback()
                failed += 1
                print(f"place-order: {error!r}", file=sys.stderr)
        db.session.rollback()
        db.engine.dispose()
    out.put((placed, failed))


def _order(store: Store, chance: random.Random) -> NewOrder:
    return NewOrder(
        channel_id=store.channel_id,
        currency="EUR",
        lines=[
            NewLine(
                _sku(n),
                "A thing",
                1,
                Decimal("10.00"),
                variant_id=store.first_variant + n,
                tax_class="standard",
            )
            for n in _basket(chance)
        ],
        contacts=[NewContact(kind, **_ADA) for kind in ("buyer", "shipping")],
        charges=[NewCharge("shipping", "Standard", Decimal("4.90"))],
        payment_method="card",
        by_rules=True,
    )


def _basket(chance: random.Random) -> list[int]:
    basket = [third * THIRD + chance.randrange(THIRD) for third in range(3)]
    chance.shuffle(basket)
    return basket


def _sku(n: int) -> str:
    return f"SKU-{n:06d}"


# --- the API ---------------------------------------------------------------------------------------------------------


def _api(store: Store, port: int, seconds: float) -> Rate:
    context = multiprocessing.get_context("spawn")
    gate, out = context.Barrier(2), context.Queue()
    processes = [context.Process(target=_post_for, args=(store, port, seconds, gate, out)) for _ in range(2)]
    for process in processes:
        process.start()
    results = [out.get(timeout=seconds + 120) for _ in processes]
    for process in processes:
        process.join(30)
    return Rate(sum(placed for placed, _ in results) / seconds, sum(failed for _, failed in results))


def _post_for(store: Store, port: int, seconds: float, gate: Any, out: Any) -> None:
    placed, failed, lock = [0], [0], threading.Lock()
    start = threading.Barrier(CLIENTS // 2 + 1)

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        chance = random.Random()
        start.wait()
        until, mine, wrong = time.monotonic() + seconds, 0, 0
        while time.monotonic() < until:
            status, said = _post(connection, store, chance)
            mine += status == 201
            wrong += status != 201
            if status != 201:
                print(f"place-order: the API answered {status}: {said[:200]!r}", file=sys.stderr)
        with lock:
            placed[0] += mine
            failed[0] += wrong
        connection.close()

    threads = [threading.Thread(target=client) for _ in range(CLIENTS // 2)]
    for thread in threads:
        thread.start()
    gate.wait(120)
    start.wait()
    for thread in threads:
        thread.join()
    out.put((placed[0], failed[0]))


def _post(connection: http.client.HTTPConnection, store: Store, chance: random.Random) -> tuple[int, bytes]:
    body = {
        "currency": "EUR",
        "lines": [{"sku": _sku(n), "quantity": 1} for n in _basket(chance)],
        "buyer": _ADA,
        "shipping_address": _ADA,
        "shipping": {"label": "Standard", "amount": "4.90"},
        "payment": {"method": "card"},
    }
    connection.request(
        "POST",
        "/api/v1/orders",
        json.dumps(body),
        {
            "Authorization": f"Bearer {store.secret}",
            "Content-Type": "application/json",
            "Idempotency-Key": uuid.uuid4().hex,
        },
    )
    response = connection.getresponse()
    return response.status, response.read()


def _plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


_ADA: Final[dict[str, str]] = {
    "name": "Ada Lovelace",
    "email": "ada@example.com",
    "line1": "Hauptstrasse 1",
    "city": "Berlin",
    "postcode": "10115",
    "country_code": "DE",
}

_GOODS: Final = """
    WITH made AS (
        INSERT INTO product (merchant_id, title, title_key, slug, state, version)
        VALUES (%(m)s, 'A thing', 'a thing', 'a-thing', 'active', 1) RETURNING id
    ), sold AS (
        INSERT INTO variant (merchant_id, product_id, sku, sku_key, version)
        SELECT %(m)s, made.id, s.sku, s.sku, 1
        FROM made, (SELECT 'SKU-' || lpad(n::text, 6, '0') AS sku FROM generate_series(0, %(count)s - 1) AS n ORDER BY n) AS s
        RETURNING id
    ), priced AS (
        INSERT INTO price (merchant_id, variant_id, currency, amount, version)
        SELECT %(m)s, id, 'EUR', 10.00, 1 FROM sold
    ), stocked AS (
        INSERT INTO stock_level (merchant_id, variant_id, location_id, on_hand)
        SELECT %(m)s, id, %(place)s, %(units)s FROM sold
    )
    SELECT min(id), max(id) FROM sold"""

_STATEMENTS: Final = r"""
\set v1 {a} + random(0, {third})
\set v2 {b} + random(0, {third})
\set v3 {c} + random(0, {third})
\set number random(1, 9000000000000000)
BEGIN;
SET LOCAL portal.merchant_id = '{m}';
INSERT INTO data_subject (merchant_id) VALUES ({m}) RETURNING id AS subject \gset
INSERT INTO order_ref (merchant_id, number, channel_id, subject_id, placed_at) VALUES ({m}, :number::text, {channel}, :subject, now()) RETURNING order_id AS id \gset
SELECT on_hand FROM stock_level WHERE merchant_id = {m} AND variant_id IN (:v1, :v2, :v3) AND location_id = {place} ORDER BY variant_id, location_id, slot FOR UPDATE;
UPDATE stock_level SET allocated = allocated + 1, updated_at = now() WHERE merchant_id = {m} AND variant_id IN (:v1, :v2, :v3) AND location_id = {place} AND on_hand - allocated - reserved - unavailable >= 1;
INSERT INTO stock_movement (merchant_id, variant_id, location_id, slot, kind, allocated_delta, on_hand_after, promised_after, incoming_after, cause_kind, cause_id, actor_kind) SELECT {m}, l.variant_id, {place}, 0, 'allocated', 1, l.on_hand, l.allocated + l.reserved + l.unavailable, l.incoming, 'order', :id, 'system' FROM stock_level AS l WHERE l.merchant_id = {m} AND l.variant_id IN (:v1, :v2, :v3) AND l.location_id = {place};
INSERT INTO outbox_event (merchant_id, kind, key, payload) SELECT {m}, 'stock.changed', 'variant:' || v, jsonb_build_object('variant_id', v) FROM unnest(ARRAY[:v1, :v2, :v3]::bigint[]) AS v;
INSERT INTO sales_order (merchant_id, id, number, channel_id, placed_at, state, payment_state, fulfilment_state, country_code, currency, tax_inclusive, items_total, charges_total, tax_total, total, base_currency, base_total, line_count, unit_count, version) VALUES ({m}, :id, :number::text, {channel}, now(), 'open', 'unpaid', 'unfulfilled', 'DE', 'EUR', true, 30, 4.90, 5.57, 34.90, 'EUR', 34.90, 3, 3, 1);
INSERT INTO order_line (merchant_id, order_id, n, variant_id, sku, title, quantity, unit_price, tax_rate, tax_amount, line_total, location_id, allocated_quantity, promise_state) VALUES ({m}, :id, 1, :v1, 'SKU-000001', 'A thing', 1, 10, 0.19, 1.60, 10, {place}, 1, 'allocated'), ({m}, :id, 2, :v2, 'SKU-000002', 'A thing', 1, 10, 0.19, 1.60, 10, {place}, 1, 'allocated'), ({m}, :id, 3, :v3, 'SKU-000003', 'A thing', 1, 10, 0.19, 1.60, 10, {place}, 1, 'allocated');
INSERT INTO order_allocation (merchant_id, order_id, line_n, variant_id, location_id, slot, quantity) VALUES ({m}, :id, 1, :v1, {place}, 0, 1), ({m}, :id, 2, :v2, {place}, 0, 1), ({m}, :id, 3, :v3, {place}, 0, 1);
INSERT INTO order_contact (merchant_id, order_id, n, kind, name, name_key, email, email_key, line1, city, postcode, postcode_key, country_code) VALUES ({m}, :id, 1, 'buyer', 'Ada Lovelace', 'lovelace ada', 'ada@example.com', 'ada@example.com', 'Hauptstrasse 1', 'Berlin', '10115', '10115', 'DE'), ({m}, :id, 2, 'shipping', 'Ada Lovelace', 'lovelace ada', 'ada@example.com', 'ada@example.com', 'Hauptstrasse 1', 'Berlin', '10115', '10115', 'DE');
INSERT INTO order_charge (merchant_id, order_id, n, kind, label, amount, tax_rate, tax_amount) VALUES ({m}, :id, 1, 'shipping', 'Standard', 4.90, 0.19, 0.78);
INSERT INTO order_payment (merchant_id, order_id, n, state, method, gateway, amount, currency) VALUES ({m}, :id, 1, 'pending', 'card', 'manual', 34.90, 'EUR');
INSERT INTO order_event (merchant_id, order_id, kind, actor_kind, at, data) VALUES ({m}, :id, 'placed', 'system', now(), '{{"total": "34.90", "currency": "EUR"}}');
INSERT INTO audit_entry (merchant_id, actor_kind, actor_name, action, subject_kind, subject_id, fields, changes) VALUES ({m}, 'system', 'bench', 'order.placed', 'order', :id::bigint::text, '{{number,total,currency}}', '{{"after": {{"total": "34.90"}}}}');
INSERT INTO outbox_event (merchant_id, kind, key, payload) VALUES ({m}, 'order.placed', 'order:' || :id::bigint, jsonb_build_object('order_id', :id::bigint));
COMMIT;
"""
