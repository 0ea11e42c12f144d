"""Documents that are issued by themselves: invoices at the moment the merchant chose, credit notes after every change
that takes something off an invoiced order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from portal.core.audit import SYSTEM
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.core.jobs import JobRun, enqueue, job
from portal.core.outbox import Event, consumer
from portal.orders.book import of_order
from portal.orders.causes import order_rows
from portal.orders.documents.sending import send_document
from portal.orders.documents.services import NothingToInvoiceError, issue_credit_note, issue_invoice
from portal.orders.documents.settings import document_settings
from portal.orders.models import InvoiceRef, Order, OrderChange

CHANGED: Final = ("order.changed", "order.cancelled")
# An order may come in paid already, as from a till, and a paid one may grow.
MOMENTS: Final = {
    "by_hand": frozenset[str](),
    "paid": frozenset({"order.placed", "order.paid", "order.changed"}),
    "shipped": frozenset({"order.shipped", "order.collected", "order.handed_over", "order.changed"}),
}
LEFT: Final = ("part_fulfilled", "fulfilled")

_order: Final = Order.__table__.c
_ref: Final = InvoiceRef.__table__.c


@consumer("documents", kinds=sorted({*CHANGED, *MOMENTS["paid"], *MOMENTS["shipped"]}))
def issue_when_due(events: Sequence[Event]) -> None:
    """Ask for the documents of orders that were paid, left or changed just now."""
    moments = MOMENTS[document_settings().issued_when]
    due = {int(event.payload["order_id"]) for event in events if event.kind in moments}
    changed = {int(event.payload["order_id"]) for event in events if event.kind in CHANGED}
    wanted = sorted(due | _invoiced(changed))
    if wanted:
        enqueue("documents.issue", {"order_ids": wanted}, by=SYSTEM, total=len(wanted))


@job(
    "documents.issue",
    title="Issue invoices and credit notes",
    permission="orders.edit",
    queue="quick",
    quiet=True,
    row_names=order_rows,
)
def issue_documents(run: JobRun) -> None:
    """Issue what each order is due, each in a transaction of its own."""
    done = int(run.state.get("done", 0))
    for order_id in run.args["order_ids"][done:]:
        try:
            with db.session.begin_nested():
                message = _issue(order_id, run)
        except DomainError as error:
            run.item(order_id, False, error.message)
        else:
            run.item(order_id, True, message)
        done += 1
        run.checkpoint({"done": done})
        run.commit(done=done)


@job("documents.send", title="Send an invoice", permission="orders.edit", queue="quick", quiet=True)
def send(run: JobRun) -> None:
    """Mail one document to its buyer."""
    send_document(int(run.args["document_id"]), by=run.by)


def _invoiced(order_ids: set[int]) -> set[int]:
    found = db.session.execute(
        sa.select(_ref.order_id).where(
            _ref.merchant_id == current_merchant_id(), _ref.order_id.in_(order_ids), _ref.kind == "invoice"
        )
    )
    return set(found.scalars())


def _issue(order_id: int, run: JobRun) -> str:
    settings, before = document_settings(), _newest(order_id)
    issued = [
        number for number in (_credit(order_id, run), _invoice(order_id, settings.issued_when, run)) if number
    ]
    if settings.is_mailed:
        for document_id in _after(order_id, before):
            enqueue(
                "documents.send",
                {"document_id": document_id},
                by=run.by,
                unique_key=f"document-{document_id}",
            )
    return ", ".join(issued) or "Nothing to issue"


def _credit(order_id: int, run: JobRun) -> str | None:
    """The note of the newest change; it takes in what older ones left uncredited."""
    table = OrderChange.__table__
    newest = db.session.execute(
        sa.select(sa.func.max(table.c.n)).where(of_order(table, order_id))
    ).scalar_one()
    return None if newest is None else issue_credit_note(order_id, newest, by=run.by)


def _invoice(order_id: int, moment: str, run: JobRun) -> str | None:
    if not _is_due(order_id, moment):
        return None
    try:
        return issue_invoice(order_id, by=run.by)
    except NothingToInvoiceError:
        return None


def _is_due(order_id: int, moment: str) -> bool:
    head = db.session.execute(
        sa.select(_order.state, _order.fulfilment_state, _order.captured_total, _order.total, _order.credited_total)
        .where(_order.merchant_id == current_merchant_id(), _order.id == order_id)
    ).one_or_none()  # fmt: skip
    if head is None or head.state == "cancelled" or moment == "by_hand":
        return False
    if moment == "paid":
        return bool(head.captured_total >= head.total - head.credited_total)
    return head.fulfilment_state in LEFT


def _newest(order_id: int) -> int:
    newest = db.session.execute(
        sa.select(sa.func.coalesce(sa.func.max(_ref.id), 0)).where(
            _ref.merchant_id == current_merchant_id(), _ref.order_id == order_id
        )
    )
    return int(newest.scalar_one())


def _after(order_id: int, document_id: int) -> list[int]:
    found = db.session.execute(
        sa.select(_ref.id).where(
            _ref.merchant_id == current_merchant_id(), _ref.order_id == order_id, _ref.id > document_id
        )
    )
    return list(found.scalars())
