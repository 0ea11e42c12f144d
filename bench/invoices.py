"""Invoices by 64 at once, and 500 as one PDF: ``make bench NAME=invoices``.

(a) 64 invoicers, 8 processes of 8 threads, issue a thousand invoices; every tenth transaction is rolled back after it took
its number and tried again. No gap, no duplicate. (b) A job issues 500 invoices and makes one PDF of them: how many a second,
and how much memory its worker takes. (c) The same, with the worker killed in the middle: a second one goes on, no number is
lost, and the file is whole.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import psycopg
import sqlalchemy as sa

from bench.dataset import make_merchants
from bench.ground import BENCH, ROOT, Bars
from portal import create_app
from portal.core import storage
from portal.core.database import db, merchant_scope
from portal.core.jobs import Job, run_job
from portal.core.keyring import KeyringUnavailableError
from portal.core.listing import Selection
from portal.core.selected import set_aside
from portal.orders.documents.merging import page_count
from portal.orders.documents.printing import start_printing
from portal.orders.documents.services import issue_invoice
from portal.orders.documents.settings import document_settings
from portal.orders.listings import ORDERS
from portal.orders.models import InvoiceRef, SalesChannel
from portal.orders.placement import NewCharge, NewContact, NewLine, NewOrder, place_order
from workers.bells import worker_app

PROCESSES, THREADS = 8, 8
LOST: Final = 0.1
FLOOR: Final = 20.0
MOST_MEGABYTES: Final = 300
SELLER: Final = {
    "company": "Nordlicht Handel GmbH", "line1": "Hafenstraße 12", "postcode": "20457", "city": "Hamburg", "country_code": "DE",
    "vat_id": "DE136695976", "registration": "Amtsgericht Hamburg HRB 12345", "iban": "DE89370400440532013000",
    "bank": "Hanseatische Bank", "bic": "COBADEFFXXX",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="invoices", description=__doc__)
    parser.add_argument("--orders", type=int, default=500, help="of the PDF")
    parser.add_argument("--issued", type=int, default=1_024, help="by 64 invoicers")
    parser.add_argument("--worker", nargs=2, type=int, metavar=("MERCHANT", "JOB"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        _work(*given.worker)
        return
    bars = Bars()
    app = create_app()
    with app.app_context():
        issue_at_once(_shop(given.issued), bars)
        rate = print_one_file(_shop(given.orders), bars)
        print_through_a_kill(_shop(given.orders), bars)
    bars.finish("invoices", rate, FLOOR, "invoices/s")


def issue_at_once(shop: tuple[int, list[int]], bars: Bars) -> None:
    """(a)"""
    merchant_id, orders = shop
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(PROCESSES + 1)
    processes = [
        context.Process(target=_invoicer, args=(merchant_id, orders[place::PROCESSES], barrier))
        for place in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    barrier.wait()
    began = time.perf_counter()
    for process in processes:
        process.join()
    seconds = time.perf_counter() - began
    if any(process.exitcode for process in processes):
        raise SystemExit("invoices: an invoicer failed short")
    print(
        f"{PROCESSES * THREADS} invoicers: {len(orders):,} invoices in {seconds:.1f} s, {len(orders) / seconds:.0f} a second"
    )
    _hold_numbers(merchant_id, len(orders), bars)


def print_one_file(shop: tuple[int, list[int]], bars: Bars) -> float:
    """(b); gives invoices a second, from the claim of the job to its file."""
    merchant_id, orders = shop
    job_id = _start(merchant_id, orders)
    process = _worker(merchant_id, job_id)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit("invoices: the worker failed short")
    seconds, size = _finished(merchant_id, job_id, len(orders))
    megabytes = used.ru_maxrss / 1024
    print(
        f"one PDF: {len(orders)} invoices issued and set in {seconds:.1f} s, {size / 1e6:.1f} MB, worker {megabytes:.0f} MB"
    )
    bars.hold("seconds for each 20 invoices", seconds / len(orders) * FLOOR, 1.0, "s")
    bars.hold("memory of the worker", megabytes, MOST_MEGABYTES, "MB")
    _hold_numbers(merchant_id, len(orders), bars)
    return len(orders) / seconds


def print_through_a_kill(shop: tuple[int, list[int]], bars: Bars) -> None:
    """(c)"""
    merchant_id, orders = shop
    job_id = _start(merchant_id, orders)
    process = _worker(merchant_id, job_id)
    while (done := _done(merchant_id, job_id)) < len(orders) * 0.4:
        time.sleep(0.02)
        if process.poll() is not None:
            raise SystemExit("invoices: the worker ended before it was killed short")
    process.send_signal(signal.SIGKILL)
    process.wait()
    issued = _numbers(merchant_id)
    print(
        f"killed at {done} of {len(orders)}, with {len(issued)} numbers taken; waiting for its lease to end …"
    )
    _wait_for_lease(merchant_id, job_id)
    if _worker(merchant_id, job_id).wait():
        raise SystemExit("invoices: the second worker failed short")
    _finished(merchant_id, job_id, len(orders))
    kept = dict(issued.items() & _numbers(merchant_id).items())
    bars.hold("numbers lost by the kill", len(issued) - len(kept), 0, "")
    _hold_numbers(merchant_id, len(orders), bars)


def _shop(count: int) -> tuple[int, list[int]]:
    """A merchant with so many orders of three lines; gives both by id."""
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"].replace("+psycopg", "")) as connection:
        (merchant_id,) = make_merchants_once(connection)
    chance, orders = random.Random(7), []
    with merchant_scope(merchant_id):
        settings = document_settings(lock=True)
        for name, value in SELLER.items():
            setattr(settings, name, value)
        channel = SalesChannel(code="web", name="Web shop", kind="web")
        db.session.add_all([settings, channel])
        db.session.commit()
        channel_id = channel.id
        for place in range(count):
            orders.append(place_order(_order(channel_id, place, chance), by=BENCH).order_id)
            if place % 50 == 49:
                db.session.commit()
        db.session.commit()
    return merchant_id, orders


def make_merchants_once(connection: psycopg.Connection[Any]) -> list[int]:
    """One bare merchant of its own, whatever ran here before."""
    row = connection.execute("SELECT count(*) FROM merchant").fetchone()
    if row is not None and row[0] == 0:
        return make_merchants(connection, 1)
    made = connection.execute(
        "INSERT INTO merchant (name, slug, country, currency, time_zone, prices_include_tax)"
        " VALUES ('Bench shop', 'invoices-' || gen_random_uuid(), 'DE', 'EUR', 'Europe/Berlin', true) RETURNING id"
    ).fetchone()
    connection.commit()
    assert made is not None
    return [int(made[0])]


def _order(channel_id: int, place: int, chance: random.Random) -> NewOrder:
    lines = [
        NewLine(f"SKU-{chance.randrange(20_000)}", f"Artikel {chance.randrange(20_000)} in Größe L", chance.randint(1, 4),
                Decimal(chance.randrange(100, 9_900)) / 100, tax_rate=Decimal("0.19"), is_stocked=False)
        for _ in range(3)
    ]  # fmt: skip
    buyer = NewContact(
        "billing", name=f"Käufer {place}", line1=f"Beispielweg {place}", city="München", postcode="80331", country_code="DE",
        email=f"buyer{place}@example.com",
    )  # fmt: skip
    return NewOrder(
        channel_id=channel_id, currency="EUR", lines=lines, contacts=(buyer,), charges=(NewCharge("shipping", "Versand", Decimal("4.90")),)
    )  # fmt: skip


def _invoicer(merchant_id: int, orders: Sequence[int], barrier: Any) -> None:
    os.environ["POOL_SIZE"] = str(THREADS)
    app, chance, waiting, lock = create_app(), random.Random(orders[0]), list(orders), threading.Lock()

    def work() -> None:
        while True:
            with lock:
                if not waiting:
                    return
                order_id, is_lost = waiting.pop(), chance.random() < LOST
            with app.app_context(), merchant_scope(merchant_id):
                try:
                    if is_lost:
                        issue_invoice(order_id, by=BENCH)
                        db.session.rollback()
                    issue_invoice(order_id, by=BENCH)
                    db.session.commit()
                except KeyringUnavailableError:
                    # A busy machine may not let 64 connect to the key store in its two seconds: nothing is issued, so again.
                    db.session.rollback()
                    with lock:
                        waiting.append(order_id)

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    barrier.wait()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _start(merchant_id: int, orders: Sequence[int]) -> int:
    with merchant_scope(merchant_id):
        job_id = start_printing(
            "issue_invoices", set_aside(ORDERS, Selection(tuple(orders), None), by=BENCH), by=BENCH
        ).id
        db.session.commit()
    return int(job_id)


def _worker(merchant_id: int, job_id: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "bench", "invoices", "--worker", str(merchant_id), str(job_id)]
    return subprocess.Popen(command, cwd=ROOT)


def _work(merchant_id: int, job_id: int) -> None:
    with worker_app().app_context():
        if not run_job(merchant_id, job_id):
            raise SystemExit("invoices: the job was not there to be done short")


def _job(merchant_id: int, job_id: int) -> Job:
    db.session.rollback()
    return db.session.get_one(Job, (merchant_id, job_id), populate_existing=True)


def _done(merchant_id: int, job_id: int) -> int:
    with merchant_scope(merchant_id):
        return _job(merchant_id, job_id).done


def _wait_for_lease(merchant_id: int, job_id: int) -> None:
    with merchant_scope(merchant_id):
        while db.session.scalar(sa.select(Job.lease_until > sa.func.now()).where(Job.id == job_id)):
            db.session.rollback()
            time.sleep(0.5)
        db.session.rollback()


def _finished(merchant_id: int, job_id: int, orders: int) -> tuple[float, int]:
    """Seconds the job took and bytes of its file, which must have a page for each order."""
    with merchant_scope(merchant_id):
        job = _job(merchant_id, job_id)
        if job.state != "done" or job.failed_items or job.started_at is None or job.finished_at is None:
            raise SystemExit(
                f"invoices: the job is {job.state} ({job.error}), {job.failed_items} failed short"
            )
        stored = db.session.get_one(storage.StoredFile, (merchant_id, job.result_file_id))
        pages = page_count(storage.read_bytes(stored.key))
        if pages != orders:
            raise SystemExit(f"invoices: {pages} pages for {orders} invoices short")
        return (job.finished_at - job.started_at).total_seconds(), stored.size


def _numbers(merchant_id: int) -> dict[int, str]:
    """The numbers given so far, by order."""
    with merchant_scope(merchant_id):
        rows = db.session.execute(sa.select(InvoiceRef.order_id, InvoiceRef.number)).all()
        db.session.rollback()
    return {row.order_id: row.number for row in rows}


def _hold_numbers(merchant_id: int, orders: int, bars: Bars) -> None:
    with merchant_scope(merchant_id):
        taken = db.session.scalars(sa.select(InvoiceRef.sequence).order_by(InvoiceRef.sequence)).all()
        db.session.rollback()
    bars.hold("gaps in the numbers", len(set(range(1, orders + 1)) - set(taken)), 0, "")
    bars.hold("duplicates and strays", len(taken) - len(set(taken) & set(range(1, orders + 1))), 0, "")


if __name__ == "__main__":
    main()
