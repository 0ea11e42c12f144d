"""Disputes: the list, the page with its evidence, and what home says of them."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import can, current_actor, requires
from portal.core import storage
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError, NotFoundError
from portal.core.http import render, render_region, toast
from portal.core.listing import show_list
from portal.core.merging import version_in
from portal.core.once import made_at, sent_once
from portal.core.storage import StoredFile
from portal.orders.models import OrderRef, PaymentDispute
from portal.orders.payments import disputes, worklist
from portal.orders.payments.forms import EvidenceFileForm, EvidenceForm
from portal.orders.payments.listings import DISPUTES
from portal.orders.payments.views.blueprint import bp


@bp.get("/disputes")
@requires("orders.view")
def dispute_list() -> ResponseReturnValue:
    return show_list(DISPUTES, "orders/payments/disputes.html")


@bp.get("/disputes/<int:dispute_id>")
@requires("orders.view")
def dispute(dispute_id: int) -> Response:
    return _page(dispute_id)


@bp.post("/disputes/<int:dispute_id>/evidence")
@requires("orders.edit")
def save_evidence(dispute_id: int) -> ResponseReturnValue:
    form = EvidenceForm()
    if not form.validate():
        return _page(dispute_id, form=form, status=422)
    try:
        disputes.save_evidence(
            disputes.dispute_of(dispute_id, lock=True),
            form.texts(),
            version=version_in(request.form.get("version")),
            by=current_actor(),
        )
    except DomainError as error:
        return _refused(dispute_id, error, form)
    return _done(dispute_id, "The answer is saved. It is not sent yet.")


@bp.post("/disputes/<int:dispute_id>/files")
@requires("orders.edit")
@sent_once
def add_evidence_file(dispute_id: int) -> ResponseReturnValue:
    form = EvidenceFileForm()
    upload = request.files.get("file")
    if not form.validate() or upload is None or not upload.filename:
        form.file.errors = ["Choose a file."]
        return _page(dispute_id, file_form=form, status=422)
    try:
        disputes.add_file(
            disputes.dispute_of(dispute_id, lock=True), form.kind.data, upload.filename,
            upload.stream.read(disputes.LARGEST_FILE + 1), by=current_actor(),
        )  # fmt: skip
    except DomainError as error:
        db.session.rollback()
        form["file" if error.field is None else error.field].errors = [error.message]
        return _page(dispute_id, file_form=form, status=error.status)
    return _done(dispute_id, "The file is added.")


@bp.get("/disputes/<int:dispute_id>/files/<int:paper_id>")
@requires("orders.edit")
def evidence_file(dispute_id: int, paper_id: int) -> Response:
    found = next((each for each in disputes.files_of(dispute_id) if each.id == paper_id), None)
    if found is None:
        raise NotFoundError("The answer has no such file.")
    stored = db.session.get_one(StoredFile, (current_merchant_id(), found.file_id))
    answer = Response(storage.read_bytes(stored.key), mimetype=stored.media_type)
    answer.headers.set("Content-Disposition", "attachment", filename=found.name)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


@bp.post("/disputes/<int:dispute_id>/files/<int:paper_id>/remove")
@requires("orders.edit")
def remove_evidence_file(dispute_id: int, paper_id: int) -> ResponseReturnValue:
    disputes.remove_file(disputes.dispute_of(dispute_id, lock=True), paper_id, by=current_actor())
    return _done(dispute_id, "The file is taken off the answer.")


@bp.post("/disputes/<int:dispute_id>/submission")
@requires("orders.edit")
@sent_once
def submit_evidence(dispute_id: int) -> ResponseReturnValue:
    try:
        disputes.submit(
            disputes.dispute_of(dispute_id, lock=True),
            version=version_in(request.form.get("version")),
            by=current_actor(),
        )
    except DomainError as error:
        return _refused(dispute_id, error, None)
    return _done(dispute_id, "The answer is on its way to the bank.")


@bp.get("/payments/worklist")
@requires("orders.view", passive=True)
def worklist_region() -> Response:
    """The region of home that counts what waits for someone about payments."""
    return render_region(
        "orders/payments/_worklist.html", title="Payments that wait", counts=worklist.counts()
    )


def _page(
    dispute_id: int, *, form: EvidenceForm | None = None, file_form: EvidenceFileForm | None = None, status: int = 200,
    problem: str | None = None,
) -> Response:  # fmt: skip
    found = disputes.dispute_of(dispute_id)
    is_shown = can("orders.edit")
    filled = form or EvidenceForm(
        formdata=None, data={**(found.evidence if is_shown else {}), "version": found.version}
    )
    return render(
        "orders/payments/dispute.html", dispute=found, number=_number_of(found), files=disputes.files_of(dispute_id) if is_shown else [],
        form=filled, file_form=file_form or EvidenceFileForm(formdata=None), may_answer=disputes.may_answer(found) and is_shown,
        is_shown=is_shown, texts=disputes.TEXTS, file_kinds=disputes.FILE_KINDS, days_left=disputes.days_left(found),
        status=status, problem=problem,
    )  # fmt: skip


def _refused(dispute_id: int, error: DomainError, form: EvidenceForm | None) -> Response:
    db.session.rollback()
    shown: dict[str, Any] = {"form": form}
    if form is not None and error.field in form:
        form[error.field].errors = [error.message]
        return _page(dispute_id, **shown, status=error.status)
    return _page(dispute_id, **shown, status=error.status, problem=error.message)


def _number_of(found: PaymentDispute) -> str | None:
    if found.order_id is None:
        return None
    ref = db.session.get(OrderRef, (current_merchant_id(), found.order_id))
    return ref.number if ref else None


def _done(dispute_id: int, words: str) -> ResponseReturnValue:
    toast(words)
    return made_at(url_for("payments.dispute", dispute_id=dispute_id))
