"""Invoices that are issued by themselves, when an order is paid or when it leaves, as the merchant chose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from portal.core.audit import SYSTEM
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.core.jobs import JobRun, enqueue, job
from portal.core.outbox import Event, consumer
from portal.orders.documents.sending import send_document
from portal.orders.documents.services import NothingToInvoiceError, issue_invoice
from portal.orders.documents.settings import document_settings
from portal.orders.models import InvoiceRef, Order

# An order may come in paid already, as from a till.
MOMENTS: Final = {"paid": {"order.paid", "order.placed"}, "shipped": {"order.shipped"}}
LEFT: Final = ("part_fulfilled", "fulfilled")

_order: Final = Order.__table__.c
_ref: Final = InvoiceRef.__table__.c


@consumer("documents", kinds=sorted(MOMENTS["paid"] | MOMENTS["shipped"]))
def issue_when_due(events: Sequence[Event]) -> None:
    """Ask for the invoices of orders that were paid or left just now."""
    wanted = MOMENTS.get(document_settings().issued_when, set())
    order_ids = sorted({int(event.payload["order_id"]) for event in events if event.kind in wanted})
    if order_ids:
        enqueue("documents.issue", {"order_ids": order_ids}, by=SYSTEM, total=len(order_ids))


@job("documents.issue", title="Issue invoices", permission="orders.edit", queue="quick", quiet=True)
def issue_invoices(run: JobRun) -> None:
    """Issue the invoice of each order that is due one, each in a transaction of its own."""
    done = int(run.state.get("done", 0))
    for order_id in run.args["order_ids"][done:]:
        try:
            with db.session.begin_nested():
                run.item(order_id, True, _issue(order_id, run))
        except DomainError as error:
            run.item(order_id, False, error.message)
        done += 1
        run.checkpoint({"done": done})
        run.commit(done=done)


@job("documents.send", title="Send an invoice", permission="orders.edit", queue="quick", quiet=True)
def send(run: JobRun) -> None:
    """Mail one document to its buyer."""
    send_document(int(run.args["document_id"]), by=run.by)


def _issue(order_id: int, run: JobRun) -> str:
    settings = document_settings()
    if not _is_due(order_id, settings.issued_when):
        return "Not due yet"
    before = _newest(order_id)
    try:
        number = issue_invoice(order_id, by=run.by)
    except NothingToInvoiceError:
        return "Nothing to invoice"
    document_id = _newest(order_id)
    if document_id != before and settings.is_mailed:
        enqueue(
            "documents.send", {"document_id": document_id}, by=run.by, unique_key=f"document-{document_id}"
        )
    return number


def _is_due(order_id: int, moment: str) -> bool:
    head = db.session.execute(
        sa.select(_order.state, _order.fulfilment_state, _order.captured_total, _order.total, _order.credited_total)
        .where(_order.merchant_id == current_merchant_id(), _order.id == order_id)
    ).one_or_none()  # fmt: skip
    if head is None or head.state == "cancelled":
        return False
    if moment == "paid":
        return bool(head.captured_total >= head.total - head.credited_total)
    return head.fulfilment_state in LEFT


def _newest(order_id: int) -> int | None:
    newest: int | None = db.session.execute(
        sa.select(sa.func.max(_ref.id)).where(
            _ref.merchant_id == current_merchant_id(), _ref.order_id == order_id, _ref.kind == "invoice"
        )
    ).scalar_one()
    return newest
