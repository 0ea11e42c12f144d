"""An issued document sent to the buyer by mail, as a PDF with a short letter in their language."""

from __future__ import annotations

from portal.core.audit import Actor, record
from portal.core.errors import ConflictError
from portal.core.mail import Attachment
from portal.orders.documents.rendering import document_of, document_pdf
from portal.orders.letters.sending import write_to_buyer

TITLES = {"invoice": "Invoice", "credit_note": "Credit note"}


def send_document(document_id: int, *, by: Actor) -> int:
    """Write to the buyer with the document attached; gives the message's id. It goes out after the commit.

    Raises:
        NotFoundError: there is no such document.
        ConflictError: the person was erased.
        DomainError: the order has no e-mail address.
        KeyringUnavailableError: the buyer cannot be opened.
    """
    document = document_of(document_id)
    if document.is_erased:
        raise ConflictError("This person was erased, so nothing is sent to them.")
    attachment = Attachment(document.filename, "application/pdf", document_pdf(document))
    message_id = write_to_buyer(
        document.order_id, "document", title=f"{TITLES[document.kind]} {document.number}",
        context={"kind": document.kind, "number": document.number}, language=document.content["language"],
        attachments=[attachment], by=by,
    )  # fmt: skip
    record("document.sent", by=by, subject=("order_document", document_id), after={"message_id": message_id})
    return message_id
