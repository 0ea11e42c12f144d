"""One SKU that thousands want, against a row lock: ``make bench NAME=hot-sku``.

(a) 500 buyers at once, 10 processes of 50 threads behind a barrier with 60 connections, of one unit: exactly one gets it,
round after round; then of half as many units as buyers, and of as many. (b) Units reserved a second by 16 and by 64 clients
against SELECT … FOR UPDATE and UPDATE of the single row that write the same rows over the same driver and as many
connections; rows of reservations are counted, not answers. ``--compare`` measures every technique that was considered.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import queue
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from statistics import median, quantiles
from typing import Any, Final

import psycopg

from bench.dataset import make_merchants
from bench.ground import BENCH, Bars
from portal import create_app
from portal.catalog.models import Product, Variant
from portal.core.clock import utc_now
from portal.core.database import db, merchant_scope
from portal.stock.heat import cool_variant, heat_variant
from portal.stock.models import Location
from portal.stock.reservations import NotEnoughUnitsError
from portal.stock.rush import Ask, Target, reserve_at_once, reserve_together
from portal.stock.services import Move, apply_moves

PROCESSES, THREADS, CONNECTIONS = 10, 50, 6
BUYERS: Final = PROCESSES * THREADS
SLOTS: Final = 8
RATES: Final = {16: 3.0, 64: 4.0}
# As gunicorn runs the portal: two processes of eight threads on a machine; with more clients, more of both.
CLIENT_PROCESSES: Final = {16: 2, 64: 4}
SKU: Final = "HOT"
OLD_RESERVATIONS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Stall:
    """One variant at one location of one merchant."""

    merchant_id: int
    variant_id: int
    location_id: int


@dataclass(frozen=True, slots=True)
class Rate:
    """What a technique reached: rows a second, and how long a client waited."""

    rows: float
    p50: float
    p95: float


def main() -> None:
    parser = argparse.ArgumentParser(prog="hot-sku", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1_000, help="of 500 buyers and one unit")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    parser.add_argument("--repeat", type=int, default=3, help="measurements of each; the median counts")
    parser.add_argument("--compare", action="store_true", help="measure every technique")
    given = parser.parse_args()
    bars = Bars()
    stall = _open_stall()
    ratios = {clients: compare(stall, clients, given, bars) for clients in RATES}
    if given.rounds:
        sell_out(given.rounds, bars)
    bars.finish("hot-sku", ratios[64], RATES[64])


# --- (b) -------------------------------------------------------------------------------------------------------------


def compare(stall: Stall, clients: int, given: argparse.Namespace, bars: Bars) -> float:
    """The way of the portal against the single row; gives how many times as many rows it writes."""
    names = ["row lock", "portal, cold", "portal, hot"]
    if given.compare:
        names += ["row lock, prepared", "function alone", "function alone, slots"]
    found: dict[str, list[Rate]] = {name: [] for name in names}
    for _ in range(given.repeat):
        for name in names:
            found[name].append(_measure(stall, name, clients, given.seconds))
    rates = {
        name: Rate(*(median(getattr(each, what) for each in each_time) for what in ("rows", "p50", "p95")))
        for name, each_time in found.items()
    }
    print(f"{clients} clients in {CLIENT_PROCESSES[clients]} processes:")
    for name, rate in rates.items():
        print(f"  {name:24} {rate.rows:8,.0f} rows/s   p50 {rate.p50:7.2f} ms   p95 {rate.p95:7.2f} ms")
    row, hot = rates["row lock"], rates["portal, hot"]
    ratio = hot.rows / row.rows
    bars.hold(f"rows of a row lock against ours, {clients} clients", row.rows / hot.rows, 1 / RATES[clients])
    if clients == 64:
        bars.hold("p95 against a row lock's, 64 clients", hot.p95 / row.p95, 0.5)
    return ratio


def _measure(stall: Stall, name: str, clients: int, seconds: float) -> Rate:
    _fill(stall, 50_000_000)
    _slots(stall, SLOTS if name in {"portal, hot", "function alone, slots"} else 0)
    before = _reservations(stall)
    context = multiprocessing.get_context("spawn")
    out: Any = context.Queue()
    count = CLIENT_PROCESSES[clients]
    barrier = context.Barrier(count)
    each = clients // count
    processes = [
        context.Process(target=_client_process, args=(stall, name, each, seconds, barrier, out))
        for _ in range(count)
    ]
    for process in processes:
        process.start()
    times: list[float] = []
    slowest = 0.0
    for _ in processes:
        took, spent = out.get(timeout=seconds + 120)
        times += took
        slowest = max(slowest, spent)
    for process in processes:
        process.join()
    # Each client reserved once before the clock ran.
    made = _reservations(stall) - before - clients
    if made != len(times):
        raise SystemExit(
            f"hot-sku: {name}: {made} reservations stand for {len(times)} that were answered short"
        )
    cuts = quantiles(times, n=100)
    return Rate(made / slowest, cuts[49] * 1000, cuts[94] * 1000)


def _client_process(
    stall: Stall, name: str, threads: int, seconds: float, barrier: Barrier, out: Any
) -> None:
    os.environ["POOL_SIZE"] = str(threads)
    with _buyers(stall, name) as buy:
        times: list[list[float]] = [[] for _ in range(threads)]
        ready = threading.Barrier(threads + 1)
        until = [0.0]

        def work(own: list[float]) -> None:
            with buy() as once:
                once()
                own.clear()
                ready.wait()
                while time.perf_counter() < until[0]:
                    began = time.perf_counter()
                    once()
                    own.append(time.perf_counter() - began)

        running = [threading.Thread(target=work, args=(own,)) for own in times]
        for thread in running:
            thread.start()
        while ready.n_waiting < threads:
            time.sleep(0.005)
        barrier.wait(60)
        began = time.perf_counter()
        until[0] = began + seconds
        ready.wait()
        for thread in running:
            thread.join()
        spent = time.perf_counter() - began
    out.put(([each for own in times for each in own], spent))


@contextmanager
def _buyers(stall: Stall, name: str) -> Iterator[Callable[[], Any]]:
    """What makes a client of a technique: a context that gives the act of reserving one unit once."""
    if name.startswith("row lock"):
        yield lambda: _row_lock_client(stall, is_prepared=name.endswith("prepared"))
        return
    app = create_app()

    @contextmanager
    def client() -> Iterator[Callable[[], None]]:
        target = Target(stall.merchant_id, stall.variant_id, (stall.location_id,), 0)
        with app.app_context(), merchant_scope(stall.merchant_id):

            def through_portal() -> None:
                reserve_at_once(secrets.token_hex(8), stall.variant_id, 1, sku=SKU, by=BENCH)

            def alone() -> None:
                reserve_together(target, [Ask(secrets.token_hex(8), 1, "basket", None, utc_now(), BENCH)])

            yield alone if name.startswith("function") else through_portal

    yield client


ROW: Final = """SELECT on_hand, allocated + reserved + unavailable, incoming FROM stock_level
    WHERE merchant_id = %s AND variant_id = %s AND location_id = %s AND slot = 0 FOR UPDATE"""
TAKE: Final = """UPDATE stock_level SET reserved = reserved + 1, updated_at = now()
    WHERE merchant_id = %s AND variant_id = %s AND location_id = %s AND slot = 0"""
KEEP: Final = """INSERT INTO stock_reservation (merchant_id, key, holder, unit_count, expires_at)
    VALUES (%s, %s, 'basket', 1, now() + interval '15 minutes') RETURNING id"""
LINE: Final = """INSERT INTO stock_reservation_line (merchant_id, reservation_id, n, variant_id, location_id, slot, quantity)
    VALUES (%s, %s, 1, %s, %s, 0, 1)"""
MOVE: Final = """INSERT INTO stock_movement (merchant_id, variant_id, location_id, slot, kind, reserved_delta, on_hand_after,
        promised_after, incoming_after, cause_kind, cause_id, actor_kind)
    VALUES (%s, %s, %s, 0, 'reserved', 1, %s, %s, %s, 'reservation', %s, 'system')"""


@contextmanager
def _row_lock_client(stall: Stall, *, is_prepared: bool) -> Iterator[Callable[[], None]]:
    """Lock the row, look, update it, write reservation, line and movement; each client on a connection it keeps."""
    level = (stall.merchant_id, stall.variant_id, stall.location_id)
    with psycopg.connect(_plain(os.environ["DATABASE_URL"]), prepare_threshold=None) as connection:

        def once() -> None:
            run = connection.execute
            connection.execute(f"SET LOCAL portal.merchant_id = '{stall.merchant_id}'")
            found = run(ROW, level, prepare=is_prepared).fetchone()
            assert found is not None
            on_hand, promised, incoming = found
            if on_hand - promised >= 1:
                run(TAKE, level, prepare=is_prepared)
                kept = run(KEEP, (stall.merchant_id, secrets.token_hex(8)), prepare=is_prepared).fetchone()
                assert kept is not None
                run(LINE, (stall.merchant_id, kept[0], *level[1:]), prepare=is_prepared)
                run(MOVE, (*level, on_hand, promised + 1, incoming, kept[0]), prepare=is_prepared)
            connection.commit()

        yield once


# --- (a) -------------------------------------------------------------------------------------------------------------


def sell_out(rounds: int, bars: Bars) -> None:
    """Buyers at once, of too few units and of just enough."""
    stall = _open_stall()
    began = time.monotonic()
    with _crowd(stall) as buy:
        wrong = 0
        for number in range(rounds):
            if number == rounds // 2:
                # The second half of the rounds runs over slots.
                _slots(stall, SLOTS)
            _add(stall, 1)
            wrong += buy(1) != (1, BUYERS - 1)
        bars.hold(f"rounds of {rounds:,} in which not exactly one of {BUYERS} got the unit", wrong, 0, "")
        print(f"  {rounds:,} rounds in {time.monotonic() - began:.0f} s")
        wrong = refused = 0
        for slots in (0, SLOTS) * 5:
            _slots(stall, slots)
            _add(stall, BUYERS // 2)
            wrong += buy(1) != (BUYERS // 2, BUYERS // 2)
            _add(stall, BUYERS)
            refused += buy(1)[1]
            _add(stall, BUYERS * 3)
            refused += buy(3)[1]
        bars.hold(f"crowds of {BUYERS} that did not buy exactly {BUYERS // 2} units", wrong, 0, "")
        bars.hold("buyers refused while there was a unit for each", refused, 0, "")
    for what, count in _disagreements(stall).items():
        bars.hold(what, count, 0, "")


@contextmanager
def _crowd(stall: Stall) -> Iterator[Callable[[int], tuple[int, int]]]:
    """Ten processes of fifty threads; gives the act of letting all of them buy so many units at once."""
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(PROCESSES + 1)
    orders: list[Any] = [context.Queue() for _ in range(PROCESSES)]
    out: Any = context.Queue()
    processes = [context.Process(target=_crowd_process, args=(stall, gate, order, out)) for order in orders]
    for process in processes:
        process.start()

    def buy(units: int) -> tuple[int, int]:
        for order in orders:
            order.put(units)
        gate.wait(120)
        results = [out.get(timeout=120) for _ in processes]
        return sum(won for won, _ in results), sum(lost for _, lost in results)

    try:
        yield buy
    finally:
        for order in orders:
            order.put(0)
        for process in processes:
            process.join(30)


def _crowd_process(stall: Stall, gate: Barrier, orders: Any, out: Any) -> None:
    os.environ["POOL_SIZE"] = str(CONNECTIONS)
    app = create_app()
    start, end = threading.Barrier(THREADS + 1), threading.Barrier(THREADS + 1)
    wanted, won, lost = [0], queue.SimpleQueue[int](), queue.SimpleQueue[int]()

    def buyer() -> None:
        while True:
            start.wait()
            if not wanted[0]:
                return
            with app.app_context(), merchant_scope(stall.merchant_id):
                try:
                    reserve_at_once(secrets.token_hex(8), stall.variant_id, wanted[0], sku=SKU, by=BENCH)
                    won.put(1)
                except NotEnoughUnitsError:
                    lost.put(1)
                except Exception as error:
                    print(f"hot-sku: a buyer failed: {error!r}", file=sys.stderr)
            end.wait()

    for _ in range(THREADS):
        threading.Thread(target=buyer, daemon=True).start()
    while wanted.__setitem__(0, orders.get()) or wanted[0]:
        gate.wait(120)
        start.wait()
        end.wait()
        out.put((_drained(won), _drained(lost)))
    start.wait()


def _drained(results: queue.SimpleQueue[int]) -> int:
    count = 0
    while not results.empty():
        count += results.get()
    return count


# --- the stall -------------------------------------------------------------------------------------------------------


def _open_stall() -> Stall:
    with psycopg.connect(_plain(os.environ["OWNER_DATABASE_URL"])) as connection:
        connection.execute("UPDATE merchant SET slug = slug || '-' || id WHERE slug = 'bench-1'")
        merchant_id = make_merchants(connection, 1)[0]
    app = create_app()
    with app.app_context(), merchant_scope(merchant_id):
        product = Product(title="Hot", title_key="hot", slug="hot", state="active")
        location = Location(name="Main", code="MAIN")
        db.session.add_all([product, location])
        db.session.flush()
        variant = Variant(product_id=product.id, sku=SKU, sku_key=SKU)
        db.session.add(variant)
        db.session.flush()
        stall = Stall(merchant_id, variant.id, location.id)
        db.session.commit()
    _remember(stall)
    return stall


def _remember(stall: Stall) -> None:
    """Reservations of yesterday: next to an empty table, every connection would keep a plan that reads all of it."""
    with psycopg.connect(_plain(os.environ["OWNER_DATABASE_URL"])) as connection:
        connection.execute(
            "INSERT INTO stock_reservation (merchant_id, key, holder, state, unit_count, expires_at, ended_at)"
            " SELECT %s, 'old-' || n, 'basket', 'expired', 1, now() - interval '1 day', now() FROM generate_series(1, %s) AS n",
            (stall.merchant_id, OLD_RESERVATIONS),
        )


def _fill(stall: Stall, units: int) -> None:
    """So many units on hand and nothing promised: what a measurement left goes."""
    with psycopg.connect(_plain(os.environ["OWNER_DATABASE_URL"])) as connection:
        own = (stall.merchant_id,)
        connection.execute("DELETE FROM stock_level WHERE merchant_id = %s", own)
        connection.execute("DELETE FROM stock_reservation_line WHERE merchant_id = %s", own)
        connection.execute("DELETE FROM stock_reservation WHERE merchant_id = %s AND state = 'held'", own)
        connection.execute("DELETE FROM hot_variant WHERE merchant_id = %s", own)
        connection.execute(
            "INSERT INTO stock_level (merchant_id, variant_id, location_id, on_hand) VALUES (%s, %s, %s, %s)",
            (stall.merchant_id, stall.variant_id, stall.location_id, units),
        )
        connection.commit()
        connection.autocommit = True
        connection.execute(
            "VACUUM (ANALYZE) stock_level, stock_reservation, stock_reservation_line, hot_variant"
        )


def _slots(stall: Stall, slots: int) -> None:
    with _in_shop(stall):
        if slots:
            heat_variant(stall.variant_id, slots, by=BENCH)
        else:
            cool_variant(stall.variant_id, by=BENCH)
        db.session.commit()


def _add(stall: Stall, units: int) -> None:
    with _in_shop(stall):
        apply_moves([Move(stall.variant_id, stall.location_id, "received", on_hand=units)], by=BENCH)
        db.session.commit()


@contextmanager
def _in_shop(stall: Stall) -> Iterator[None]:
    with _app().app_context(), merchant_scope(stall.merchant_id):
        yield


_apps: list[Any] = []


def _app() -> Any:
    if not _apps:
        _apps.append(create_app())
    return _apps[0]


def _reservations(stall: Stall) -> int:
    return _count("SELECT count(*) FROM stock_reservation WHERE merchant_id = %(m)s", stall)


def _disagreements(stall: Stall) -> dict[str, int]:
    """Figures that must be the same, and are not: each by how much."""
    reserved = "(SELECT coalesce(sum(reserved), 0) FROM stock_level WHERE merchant_id = %(m)s)"
    return {
        "units reserved of a level and not by a line": _count(
            f"SELECT abs({reserved} - (SELECT coalesce(sum(quantity), 0) FROM stock_reservation_line WHERE merchant_id = %(m)s))",
            stall,
        ),
        "units reserved of a level and not in the ledger": _count(
            f"SELECT abs({reserved} - (SELECT sum(reserved_delta) FROM stock_movement WHERE merchant_id = %(m)s))",
            stall,
        ),
        "units left": _count(
            "SELECT abs(sum(on_hand - reserved)) FROM stock_level WHERE merchant_id = %(m)s", stall
        ),
    }


def _count(statement: str, stall: Stall) -> int:
    with psycopg.connect(_plain(os.environ["OWNER_DATABASE_URL"])) as connection:
        found = connection.execute(statement, {"m": stall.merchant_id}).fetchone()
    assert found is not None
    return int(found[0])


def _plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


if __name__ == "__main__":
    main()
