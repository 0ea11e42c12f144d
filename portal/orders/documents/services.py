"""Issue invoices and credit notes, show them again, send them. Once issued, a document never changes.

    issue_invoice(order_id, by=actor)                 -> "INV-2026-00042"
    issue_credit_note(order_id, change_n, by=actor)   -> "CN-2026-00007", or None without an invoice
    packing_slip(order_id, parcel_n)                  -> PDF

Take a number last and commit at once: the number's counter stays locked until then.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError, NotFoundError
from portal.orders.book import tell
from portal.orders.documents.billing import Position, owed, positions_of, reversed_positions
from portal.orders.documents.composing import buyer_of, compose
from portal.orders.documents.numbering import NewRef, take_number
from portal.orders.documents.reading import Issued, Source, billed_positions, issued_of, read_source
from portal.orders.documents.sealing import seal_party
from portal.orders.documents.sellers import missing_of, missing_of_buyer
from portal.orders.documents.settings import document_settings
from portal.orders.documents.slips import packing_slip, return_slip
from portal.orders.models import InvoiceRef, OrderDocument

__all__ = [
    "BuyerIncompleteError",
    "NothingToInvoiceError",
    "SellerIncompleteError",
    "issue_credit_note",
    "issue_invoice",
    "packing_slip",
    "require_document_of",
    "return_slip",
    "reverse_invoices",
]

_document: Final = OrderDocument.__table__


class SellerIncompleteError(DomainError):
    """The law asks for data of the seller that the settings lack; the message names it."""

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(
            f"An invoice must name the seller fully. Still missing under Settings, Documents: {', '.join(missing)}."
        )


class BuyerIncompleteError(DomainError):
    """The law asks for data of the buyer that the order lacks; the message names it."""

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(
            f"An invoice with reverse charge must name the buyer fully. Still missing in the order: {', '.join(missing)}."
        )


class NothingToInvoiceError(ConflictError):
    """Everything the order costs is invoiced, or it costs nothing."""

    def __init__(self) -> None:
        super().__init__("There is nothing to invoice on this order.")


def issue_invoice(order_id: int, *, by: Actor) -> str:
    """Invoice what the order costs and no invoice bills yet; gives the number.

    An order that is invoiced already gives the number of its newest invoice, so asking twice is harmless. When an order
    grew since, the invoice is for what was added.

    Raises:
        SellerIncompleteError: the seller's legal data is not complete.
        BuyerIncompleteError: a business buyer's, where tax is left to them, is not complete.
        NothingToInvoiceError: there is nothing to bill.
        NotFoundError: the order is not in the order book.
        KeyringUnavailableError: the buyer cannot be sealed.
    """
    source, issued = read_source(order_id, lock=True), issued_of(order_id)
    positions = owed(_positions(source), billed_positions(issued)).to_invoice
    if not positions:
        invoices = [each for each in issued if each.kind == "invoice"]
        if invoices and billed_positions(issued) and not _is_taken_back(issued):
            return invoices[-1].number
        raise NothingToInvoiceError
    if sum(position.gross for position in positions) < 0:
        raise NothingToInvoiceError
    return _issue(source, positions, "invoice", by=by)


def issue_credit_note(order_id: int, change_n: int, *, by: Actor) -> str | None:
    """Credit what confirmed changes took off the invoiced order; gives the number.

    A change gets one credit note, however often it is asked for. None when nothing of the order is invoiced, or when the
    change took nothing off what was.

    Raises:
        NotFoundError: the order is not in the order book.
        KeyringUnavailableError: the buyer cannot be sealed.
    """
    source, issued = read_source(order_id, lock=True), issued_of(order_id)
    known = next((each.number for each in issued if each.change_n == change_n), None)
    invoices = [each for each in issued if each.kind == "invoice"]
    if known is not None or not invoices:
        return known
    positions = owed(_positions(source), billed_positions(issued)).to_credit
    if not positions or not any(position.gross for position in positions):
        return None
    return _issue(source, positions, "credit_note", change_n=change_n, corrects=invoices[-1], by=by)


def reverse_invoices(order_id: int, *, by: Actor) -> str:
    """Take back all that is invoiced by one credit note, because the invoice was wrong; it can then be issued anew.

    Raises:
        ConflictError: nothing is invoiced, or it was taken back already.
        NotFoundError: the order is not in the order book.
    """
    source, issued = read_source(order_id, lock=True), issued_of(order_id)
    invoices = [each for each in issued if each.kind == "invoice"]
    positions = reversed_positions(billed_positions(issued))
    if not invoices or not positions:
        raise ConflictError("Nothing of this order is invoiced any more.")
    return _issue(source, positions, "credit_note", corrects=invoices[-1], by=by)


def require_document_of(order_id: int, document_id: int) -> None:
    """Check that the order has this document.

    Raises:
        NotFoundError: it has not.
    """
    table = InvoiceRef.__table__.c
    found = db.session.execute(
        sa.select(table.id).where(
            table.merchant_id == current_merchant_id(), table.order_id == order_id, table.id == document_id
        )
    ).first()  # fmt: skip
    if found is None:
        raise NotFoundError("The order has no such document.")


def _issue(
    source: Source, positions: Sequence[Position], kind: str, *, by: Actor,
    change_n: int | None = None, corrects: Issued | None = None,
) -> str:  # fmt: skip
    settings, document_id = document_settings(), source.document_id
    missing = missing_of(settings)
    if missing:
        raise SellerIncompleteError(missing)
    unknown = missing_of_buyer(buyer_of(source), source.head["tax_treatment"]) if kind == "invoice" else []
    if unknown:
        raise BuyerIncompleteError(unknown)
    issued_on = utc_now().astimezone(ZoneInfo(source.zone)).date()
    composed = compose(
        source,
        positions,
        settings,
        kind=kind,
        issued_on=issued_on,
        corrects=corrects,
    )
    sealed = seal_party(
        composed.party, document_id, source.subject_id, country=settings.country_code or source.country,
        issued_on=issued_on,
    )  # fmt: skip
    db.session.execute(
        sa.insert(_document).values(
            merchant_id=current_merchant_id(), order_id=source.order_id, n=document_id, content=composed.content,
            sealed=sealed.data, law=sealed.law, ends_on=sealed.ends_on,
        )
    )  # fmt: skip
    tell(source.order_id, "invoiced" if kind == "invoice" else "credit_noted", by, document=str(document_id))
    new = NewRef(
        document_id, source.order_id, kind, issued_on, source.head["currency"], composed.net, composed.tax,
        change_n=change_n, refers_to_id=corrects.id if corrects else None,
    )  # fmt: skip
    return take_number(new, settings)


def _positions(source: Source) -> list[Position]:
    return positions_of(source.head, source.lines, source.charges)


def _is_taken_back(issued: Sequence[Issued]) -> bool:
    return not reversed_positions(billed_positions(issued))
