"""An issued document, shown again as it was issued: the same content gives the same bytes."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import sqlalchemy as sa

from portal.core.audit import Actor, record
from portal.core.database import current_merchant_id, db
from portal.core.errors import NotFoundError
from portal.core.reveal import checked_reason, reveal
from portal.core.subjects import DataSubject
from portal.orders.documents.papers import Paper, paper_of
from portal.orders.documents.sealing import Sealed, open_party
from portal.orders.documents.settings import logo_bytes
from portal.orders.documents.typesetting import pdf_of
from portal.orders.models import InvoiceRef, OrderDocument, OrderRef

_ref: Final = InvoiceRef.__table__
_document: Final = OrderDocument.__table__
_order: Final = OrderRef.__table__
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Document:
    """An issued document with everything on it but the buyer, who is sealed."""

    id: int
    kind: str
    number: str
    order_id: int
    order_number: str
    subject_id: int | None
    is_erased: bool
    issued_at: dt.datetime
    content: Mapping[str, Any]
    sealed: Sealed

    @property
    def filename(self) -> str:
        """The name of its file: letters any file system takes."""
        return f"{_NOT_IN_NAMES.sub('-', self.number).strip('-.') or self.id}.pdf"


def document_of(document_id: int) -> Document:
    """The document of that id.

    Raises:
        NotFoundError: there is none, or its order is in the archive.
    """
    found = documents_of([document_id])
    if not found:
        raise NotFoundError("There is no such document, or its order is in the archive.")
    return found[0]


def documents_of(document_ids: Sequence[int]) -> list[Document]:
    """Documents by id, in the order asked for; those that are not there are left out."""
    subject = DataSubject.__table__
    merchant_id = current_merchant_id()
    order_ids = sa.select(_ref.c.order_id).where(
        _ref.c.merchant_id == merchant_id, _ref.c.id.in_(document_ids)
    )
    orders = list(db.session.execute(order_ids).scalars())
    rows = db.session.execute(
        sa.select(
            _ref.c.id, _ref.c.kind, _ref.c.number, _ref.c.order_id, _ref.c.issued_at, _order.c.number.label("order_number"),
            _order.c.subject_id, subject.c.erased_at, _document.c.content, _document.c.sealed, _document.c.law, _document.c.ends_on,
        )
        .join(_document, sa.and_(_document.c.merchant_id == _ref.c.merchant_id, _document.c.order_id == _ref.c.order_id,
                                 _document.c.n == _ref.c.id))
        .join(_order, sa.and_(_order.c.merchant_id == _ref.c.merchant_id, _order.c.order_id == _ref.c.order_id))
        .outerjoin(subject, sa.and_(subject.c.merchant_id == _order.c.merchant_id, subject.c.id == _order.c.subject_id))
        .where(_ref.c.merchant_id == merchant_id, _ref.c.id.in_(document_ids), _document.c.order_id.in_(orders))
    )  # fmt: skip
    found = {
        row.id: Document(
            row.id, row.kind, row.number, row.order_id, row.order_number, row.subject_id, row.erased_at is not None,
            row.issued_at, row.content, Sealed(row.sealed, row.law, row.ends_on),
        )
        for row in rows
    }  # fmt: skip
    return [found[each] for each in document_ids if each in found]


def document_pdf(document: Document) -> bytes:
    """The document as PDF. Of an erased person it shows that they are erased; see ``retained_pdf``.

    Raises:
        KeyringUnavailableError: the buyer cannot be opened.
    """
    return _pdf(document, paper_of_document(document))


def retained_pdf(document: Document, *, reason: str, by: Actor) -> bytes:
    """The whole document of an erased person, as the law keeps it. The look and its reason are logged first.

    The caller has checked that the person may open restricted records.

    Raises:
        DomainError: the reason says too little.
        KeyringUnavailableError: the buyer cannot be opened.
    """
    typed = checked_reason(reason)
    if document.subject_id is not None:
        reveal(by, document.subject_id, reason=typed, fields=("recipient", "vat_id"))
    record(
        "retained_document.opened", by=by, subject=("order_document", document.id),
        after={"number": document.number, "law": document.sealed.law},
    )  # fmt: skip
    return _pdf(document, _with_party(document, typed))


def paper_of_document(document: Document) -> Paper:
    """The document as it is set."""
    return _with_party(document, None)


def logos_of_papers(papers: Sequence[Paper]) -> dict[str, bytes]:
    """The pictures that the papers name."""
    keys = {paper.logo for paper in papers if paper.logo}
    return {key: picture for key in sorted(keys) if (picture := logo_bytes(key)) is not None}


def _with_party(document: Document, reason: str | None) -> Paper:
    paper, content = paper_of(document.content["paper"]), document.content
    facts: list[Sequence[str | bool]] = [[content["number_label"], document.number, True], *paper.facts]
    recipient: list[str] = []
    if document.sealed.data is not None:
        party = None
        if reason is not None:
            party = open_party(document.sealed, document.id, document.subject_id, reason=reason)
        elif not document.is_erased:
            party = open_party(document.sealed, document.id, document.subject_id)
        recipient = list(party["recipient"]) if party else [content["erased"]]
        facts += party["facts"] if party else []
    return replace(paper, heading=f"{paper.heading} {document.number}", facts=facts).to(recipient)


def _pdf(document: Document, paper: Paper) -> bytes:
    return pdf_of([paper], made_at=document.issued_at, logos=logos_of_papers([paper]))
