"""Documents to read: the list, one as PDF, and the restricted ones of people who were erased."""

from __future__ import annotations

from flask import Response, request
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, requires
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import render
from portal.core.listing import show_list
from portal.core.reveal import log_view
from portal.orders.documents.forms import ReasonForm
from portal.orders.documents.listings import DOCUMENTS
from portal.orders.documents.picklists import pick_list
from portal.orders.documents.rendering import Document, document_of, document_pdf, retained_pdf
from portal.orders.documents.sellers import missing_of
from portal.orders.documents.settings import document_settings
from portal.orders.documents.views.blueprint import bp, pdf_response

LARGEST = 2**63 - 1


@bp.get("/documents")
@requires("orders.view")
def documents() -> ResponseReturnValue:
    return show_list(DOCUMENTS, "orders/documents/documents.html", missing=missing_of(document_settings()))


@bp.get("/documents/<int:document_id>")
@requires("orders.edit")
def document(document_id: int) -> Response:
    """The document as it was issued; who looks at it is logged with its order."""
    found = _found(document_id)
    if found.subject_id is not None:
        log_view(
            current_actor(),
            [found.subject_id],
            case=("order", found.order_id),
            fields=("name", "address", "vat_id"),
        )
    return pdf_response(document_pdf(found), found.filename, is_download="download" in request.args)


@bp.get("/documents/pick-lists/<int:list_id>")
@requires("orders.view")
def printed_pick_list(list_id: int) -> Response:
    number, pdf = pick_list(min(list_id, LARGEST))
    return pdf_response(pdf, f"pick-list-{number}.pdf")


@bp.get("/documents/<int:document_id>/retained")
@requires("privacy.approve")
def retained_document(document_id: int) -> Response:
    return _retained_page(_found(document_id), ReasonForm(formdata=None))


@bp.post("/documents/<int:document_id>/retained")
@requires("privacy.approve")
def open_retained_document(document_id: int) -> Response:
    found, form = _found(document_id), ReasonForm()
    try:
        data = retained_pdf(found, reason=form.reason.data or "", by=current_actor())
    except DomainError as error:
        db.session.rollback()
        form.reason.errors = [error.message]
        return _retained_page(found, form, status=error.status)
    db.session.commit()
    return pdf_response(data, found.filename)


def _retained_page(found: Document, form: ReasonForm, *, status: int = 200) -> Response:
    return render("orders/documents/retained_document.html", document=found, form=form, status=status)


def _found(document_id: int) -> Document:
    return document_of(min(document_id, LARGEST))
