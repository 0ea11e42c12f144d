"""The documents of one order: a panel of its page, and the acts on it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Response
from flask.typing import ResponseReturnValue

from portal.accounts.access import can, current_actor, requires
from portal.core.database import current_merchant_id, db
from portal.core.once import sent_once
from portal.core.reveal import log_view
from portal.core.subjects import DataSubject
from portal.orders.documents import services
from portal.orders.documents.billing import owed, positions_of, reversed_positions
from portal.orders.documents.reading import billed_positions, issued_of, read_source, rows_of
from portal.orders.documents.sellers import missing_of
from portal.orders.documents.sending import send_document
from portal.orders.documents.settings import document_settings
from portal.orders.documents.views.blueprint import bp, pdf_response
from portal.orders.models import InvoiceRef, OrderFulfilment, OrderReturn
from portal.orders.queries import find_order
from portal.orders.views.frame import Panel, act


def _documents_of(number: str) -> dict[str, Any]:
    found = find_order(number)
    source, issued = read_source(found.order_id), issued_of(found.order_id)
    billed = billed_positions(issued)
    table = InvoiceRef.__table__
    documents = db.session.execute(
        sa.select(table).where(table.c.merchant_id == current_merchant_id(), table.c.order_id == found.order_id)
        .order_by(table.c.id.desc())
    ).mappings().all()  # fmt: skip
    subject = (
        db.session.get(DataSubject, (current_merchant_id(), found.subject_id)) if found.subject_id else None
    )
    to_invoice = owed(positions_of(source.head, source.lines, source.charges), billed).to_invoice
    return {
        "order": source.head, "documents": documents, "to_invoice": sum(each.gross for each in to_invoice) if to_invoice else None,
        "can_reverse": bool(reversed_positions(billed)), "missing": missing_of(document_settings()),
        "parcels": [row for row in rows_of(OrderFulfilment, found.order_id) if row["state"] != "cancelled"],
        "returns": rows_of(OrderReturn, found.order_id), "may_edit": can("orders.edit"),
        "is_erased": subject is not None and subject.erased_at is not None, "problem": None, "acted": None, "typed": {},
    }  # fmt: skip


DOCUMENTS_OF_ORDER = Panel(
    "documents.order_documents", "orders/documents/_documents.html", "Documents", _documents_of
)


@bp.get("/orders/<order_number:number>/documents")
@requires("orders.view", passive=True)
def order_documents(number: str) -> Response:
    return DOCUMENTS_OF_ORDER.show(number)


@bp.post("/orders/<order_number:number>/invoices")
@requires("orders.edit")
@sent_once
def issue_invoice(number: str) -> ResponseReturnValue:
    """Issue the invoice. A second click finds nothing left to invoice and gives the same number."""
    issued: list[str] = []
    return act(
        number,
        lambda: f"Invoice {issued[0]} is issued.",
        lambda order_id: issued.append(services.issue_invoice(order_id, by=current_actor())),
        panel=DOCUMENTS_OF_ORDER,
    )


@bp.post("/orders/<order_number:number>/invoices/reversal")
@requires("orders.refund")
@sent_once
def reverse_invoices(number: str) -> ResponseReturnValue:
    """Take back what is invoiced by a credit note, to issue it anew."""
    issued: list[str] = []
    return act(
        number,
        lambda: f"Credit note {issued[0]} takes the invoice back. It can be issued anew.",
        lambda order_id: issued.append(services.reverse_invoices(order_id, by=current_actor())),
        panel=DOCUMENTS_OF_ORDER,
    )


@bp.post("/orders/<order_number:number>/documents/<int:document_id>/mail")
@requires("orders.edit")
@sent_once
def mail_document(number: str, document_id: int) -> ResponseReturnValue:
    def send(order_id: int) -> None:
        services.require_document_of(order_id, document_id)
        send_document(document_id, by=current_actor())

    return act(number, "The document goes out by mail.", send, panel=DOCUMENTS_OF_ORDER)


@bp.get("/orders/<order_number:number>/packing-slips/<int(max=2147483647):parcel>")
@requires("orders.edit")
def packing_slip(number: str, parcel: int) -> Response:
    found = find_order(number)
    _log(found)
    return pdf_response(services.packing_slip(found.order_id, parcel), f"packing-slip-{parcel}.pdf")


@bp.get("/orders/<order_number:number>/return-slips/<int(max=2147483647):return_n>")
@requires("orders.edit")
def return_slip(number: str, return_n: int) -> Response:
    found = find_order(number)
    _log(found)
    return pdf_response(services.return_slip(found.order_id, return_n), f"return-slip-{return_n}.pdf")


def _log(found: Any) -> None:
    if found.subject_id:
        log_view(
            current_actor(), [found.subject_id], case=("order", found.order_id), fields=("name", "address")
        )
