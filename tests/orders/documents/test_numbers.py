"""Numbers under concurrency: 64 invoicers in processes of their own leave no gap and no duplicate."""

from __future__ import annotations

import json
import subprocess
import sys
import threading

import sqlalchemy as sa
from flask import Flask

from deploy.local.layout import ROOT
from portal.core.clock import utc_now
from portal.core.database import db, merchant_scope
from portal.orders.documents.services import issue_invoice
from portal.orders.models import DocumentCounter, InvoiceRef
from tests.support.people import SYSTEM
from tests.support.shop import Shop

PROCESSES, THREADS, ORDERS = 4, 16, 160


def test_64_at_once_take_numbers_without_gap_or_duplicate(
    scope: int, shop: Shop, process_environment: dict[str, str]
) -> None:
    orders = [shop.order(("MUG", 1, "4.50")).order_id for _ in range(ORDERS)]
    # The same orders are given to two processes each, so that asking twice at once is tried too.
    shares = [orders[place % 2 :: 2] for place in range(PROCESSES)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.orders.documents.invoicer",
             json.dumps({"merchant_id": scope, "order_ids": share, "threads": THREADS, "lost": 0.2})],
            cwd=ROOT, env=process_environment | {"POOL_SIZE": str(THREADS)}, stdout=subprocess.PIPE, text=True,
        )
        for share in shares
    ]  # fmt: skip
    given = [json.loads(process.communicate(timeout=120)[0]) for process in processes]
    assert [process.returncode for process in processes] == [0] * PROCESSES
    refs = db.session.scalars(sa.select(InvoiceRef).order_by(InvoiceRef.sequence)).all()
    assert [ref.sequence for ref in refs] == list(range(1, ORDERS + 1))
    assert {ref.order_id for ref in refs} == set(orders)
    expected = {f"INV-{utc_now().year}-{n:05d}" for n in range(1, ORDERS + 1)}
    assert {ref.number for ref in refs} == expected
    assert {number for numbers in given for number in numbers} == expected
    assert db.session.scalars(sa.select(DocumentCounter.last_value)).all() == [ORDERS]


def test_one_order_asked_for_by_many_at_once_is_invoiced_once(app: Flask, scope: int, shop: Shop) -> None:
    order_id = shop.order(("MUG", 1, "4.50")).order_id
    db.session.rollback()
    barrier, numbers = threading.Barrier(8), set()

    def issue() -> None:
        with app.app_context(), merchant_scope(scope):
            barrier.wait()
            numbers.add(issue_invoice(order_id, by=SYSTEM))
            db.session.commit()

    threads = [threading.Thread(target=issue) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(numbers) == 1
    assert db.session.scalar(sa.select(sa.func.count(InvoiceRef.id))) == 1
