"""Requests: the worklist, one request, and every act on it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, current_identity, get_or_404, requires
from portal.core import storage
from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import can, render, render_region, toast, wants_fragment
from portal.core.listing import show_list
from portal.core.once import made_at, sent_once
from portal.core.reveal import log_view
from portal.privacy import approving, queries, services, telling
from portal.privacy.evidence import merchant_zone
from portal.privacy.forms import (
    ExtensionForm,
    IdentityForm,
    NoteForm,
    RecipientForm,
    RecipientStateForm,
    RefusalForm,
    RequestForm,
)
from portal.privacy.listings import REQUESTS
from portal.privacy.models import PrivacyRequest
from portal.privacy.page import RequestPage
from portal.privacy.subjects import describe, find_subjects
from portal.privacy.views import bp, show_error
from portal.privacy.worklist import worklist_summary

Act = Callable[[PrivacyRequest], None]


@bp.get("/")
@requires("privacy.view")
def requests() -> ResponseReturnValue:
    return show_list(
        REQUESTS, "privacy/requests.html", summary=None if wants_fragment() else worklist_summary()
    )


@bp.get("/requests/new")
@requires("privacy.request")
def new_request() -> Response:
    return _new_request_page(
        RequestForm(received_on=utc_now().date(), subject_id=request.args.get("subject", ""))
    )


@bp.post("/requests")
@requires("privacy.request")
@sent_once
def record_request() -> ResponseReturnValue:
    form = RequestForm()
    if not form.validate_on_submit():
        return _new_request_page(form, status=422)
    zone = merchant_zone()
    now = utc_now()
    received = dt.datetime.combine(form.received_on.data, dt.time(), zone)
    try:
        recorded = services.record_request(
            kind=form.kind.data,
            law=form.law.data,
            subject_id=_chosen(form),
            contact=form.contact.data or "",
            note=form.note.data or "",
            received_at=now if received.date() == now.astimezone(zone).date() else received,
            by=current_actor(),
        )
    except DomainError as error:
        db.session.rollback()
        show_error(form, error)
        return _new_request_page(form, status=error.status)
    toast(f"Request {recorded.id} is recorded. It is due on {recorded.due_on:%-d %B %Y}.")
    # Support records what people write in; only officers go on with it.
    return made_at(
        url_for("privacy.request_page", request_id=recorded.id)
        if can("privacy.view")
        else url_for("privacy.new_request")
    )


@bp.get("/requests/<int:request_id>")
@requires("privacy.view")
def request_page(request_id: int) -> Response:
    return _request_page(get_or_404(PrivacyRequest, request_id))


@bp.get("/regions/requests/<int:request_id>/step")
@requires("privacy.view", passive=True)
def request_step(request_id: int) -> Response:
    page = RequestPage(get_or_404(PrivacyRequest, request_id), viewer_id=current_identity().id, forms={})
    response = render_region("privacy/_request_step.html", title=page.title, page=page)
    if not page.is_working:
        # Everything else on the page changed with the end of the work: certificate, recipients, evidence.
        response.headers["HX-Refresh"] = "true"
    return response


@bp.post("/requests/<int:request_id>/identity")
@requires("privacy.edit")
def verify_identity(request_id: int) -> ResponseReturnValue:
    form = IdentityForm()
    return _act(
        request_id,
        form,
        "identity",
        "The identity is recorded.",
        lambda found: services.verify_identity(
            found, method=form.method.data, note=form.note.data or "", by=current_actor()
        ),
    )


@bp.post("/requests/<int:request_id>/scope")
@requires("privacy.edit")
def set_scope(request_id: int) -> ResponseReturnValue:
    chosen = [found for value in request.form.getlist("subject") if (found := _id(value)) is not None]
    return _act(
        request_id,
        None,
        "scope",
        "The scope is set.",
        lambda found: services.set_scope(found, chosen, by=current_actor()),
    )


@bp.post("/requests/<int:request_id>/preview")
@requires("privacy.edit")
def make_preview(request_id: int) -> ResponseReturnValue:
    return _act(
        request_id,
        None,
        "preview",
        "The preview is made. A second person can approve it now.",
        lambda found: approving.make_preview(found, by=current_actor()),
    )


@bp.post("/requests/<int:request_id>/approval")
@requires("privacy.approve", fresh=True)
def approve(request_id: int) -> ResponseReturnValue:
    return _act(
        request_id,
        None,
        "approve",
        "Approved. A worker erases it now; this page shows how far it is.",
        lambda found: approving.approve(
            found, seen_digest=request.form.get("digest", ""), by=current_actor()
        ),
    )


@bp.post("/requests/<int:request_id>/resumption")
@requires("privacy.approve")
def resume(request_id: int) -> ResponseReturnValue:
    return _act(
        request_id,
        None,
        "resumption",
        "A worker goes on with it now.",
        lambda found: approving.resume(found, by=current_actor()),
    )


@bp.post("/requests/<int:request_id>/refusal")
@requires("privacy.approve")
def refuse(request_id: int) -> ResponseReturnValue:
    form = RefusalForm()
    return _act(
        request_id,
        form,
        "refusal",
        "The request is refused. Tell the person why and where they can complain.",
        lambda found: services.refuse(
            found, ground=form.ground.data, note=form.note.data or "", by=current_actor()
        ),
    )


@bp.post("/requests/<int:request_id>/extension")
@requires("privacy.edit")
def extend(request_id: int) -> ResponseReturnValue:
    form = ExtensionForm()
    return _act(
        request_id,
        form,
        "extension",
        "The term is extended. Tell the person and say why.",
        lambda found: services.extend(found, ground=form.ground.data, by=current_actor()),
    )


@bp.post("/requests/<int:request_id>/acknowledgement")
@requires("privacy.edit")
def acknowledge(request_id: int) -> ResponseReturnValue:
    return _act(
        request_id,
        None,
        "acknowledgement",
        "Noted that receipt was confirmed.",
        lambda found: services.acknowledge(found, by=current_actor()),
    )


@bp.post("/requests/<int:request_id>/copy")
@requires("privacy.edit")
def make_copy(request_id: int) -> ResponseReturnValue:
    return _act(
        request_id,
        None,
        "copy",
        "A worker makes the copy now.",
        lambda found: services.start_access_export(found, by=current_actor()),
    )


@bp.get("/requests/<int:request_id>/copy")
@requires("privacy.edit", fresh=True)
def download_copy(request_id: int) -> Response:
    stored = queries.copy_of(get_or_404(PrivacyRequest, request_id))
    services.note_download(get_or_404(PrivacyRequest, request_id), by=current_actor())
    db.session.commit()
    content = storage.open_stream(stored.key)
    return Response(
        content,
        mimetype="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="request-{request_id}.zip"',
            "X-Content-Type-Options": "nosniff",
        },
    )


@bp.post("/requests/<int:request_id>/fulfilment")
@requires("privacy.edit")
def carry_out(request_id: int) -> ResponseReturnValue:
    form = NoteForm()
    return _act(
        request_id,
        form,
        "fulfilment",
        "Noted as carried out.",
        lambda found: services.carry_out(found, note=form.note.data or "", by=current_actor()),
    )


@bp.post("/requests/<int:request_id>/lifting")
@requires("privacy.approve")
def lift_restriction(request_id: int) -> ResponseReturnValue:
    form = NoteForm()
    return _act(
        request_id,
        form,
        "lifting",
        "The restriction is lifted.",
        lambda found: services.lift_restriction(found, note=form.note.data or "", by=current_actor()),
    )


@bp.post("/requests/<int:request_id>/recipients")
@requires("privacy.edit")
@sent_once
def add_recipient(request_id: int) -> ResponseReturnValue:
    form = RecipientForm()
    return _act(
        request_id,
        form,
        "recipient",
        "The recipient is added.",
        lambda found: telling.add_recipient(found, form.recipient.data, by=current_actor()),
    )


@bp.post("/requests/<int:request_id>/recipients/<int:task_id>")
@requires("privacy.edit")
def settle_recipient(request_id: int, task_id: int) -> ResponseReturnValue:
    form = RecipientStateForm()
    return _act(
        request_id,
        form,
        "recipient_state",
        "Noted.",
        lambda found: telling.settle_recipient(found, task_id, state=form.state.data, by=current_actor()),
    )


@bp.post("/requests/<int:request_id>/answer")
@requires("privacy.edit")
def answer(request_id: int) -> ResponseReturnValue:
    form = NoteForm()
    return _act(
        request_id,
        form,
        "answer",
        "Noted that the person was answered.",
        lambda found: services.answer(found, note=form.note.data or "", by=current_actor()),
    )


@bp.post("/requests/<int:request_id>/closure")
@requires("privacy.edit")
def close(request_id: int) -> ResponseReturnValue:
    return _act(
        request_id,
        None,
        "closure",
        "The request is closed. Its evidence stays.",
        lambda found: services.close(found, by=current_actor()),
    )


def _act(request_id: int, form: Any, name: str, done: str, act: Act) -> ResponseReturnValue:
    """Load the request, do one thing, commit; a broken rule comes back on the same page beside its form."""
    found = get_or_404(PrivacyRequest, request_id)
    if form is not None and not form.validate_on_submit():
        return _request_page(found, {name: form}, status=422)
    try:
        act(found)
    except DomainError as error:
        db.session.rollback()
        found = get_or_404(PrivacyRequest, request_id)
        if form is not None:
            show_error(form, error)
        return _request_page(
            found, {name: form} if form is not None else {}, error=error.message, status=error.status
        )
    toast(done)
    return made_at(url_for("privacy.request_page", request_id=request_id))


def _request_page(
    found: PrivacyRequest, forms: dict[str, Any] | None = None, *, error: str | None = None, status: int = 200
) -> Response:
    page = RequestPage(found, viewer_id=current_identity().id, forms=forms or {})
    log_view(
        current_actor(), page.scope, case=("privacy_request", found.id), fields=["name", "email", "phone"]
    )
    return render("privacy/request.html", page=page, error=error, status=status)


def _new_request_page(form: RequestForm, status: int = 200) -> Response:
    wanted = (request.args.get("q") or "").strip()
    found = find_subjects(wanted) if wanted else []
    chosen = _chosen(form)
    people = describe([chosen]) if chosen is not None else []
    return render(
        "privacy/new_request.html",
        form=form,
        wanted=wanted,
        found=found,
        asker=people[0] if people else None,
        status=status,
    )


def _chosen(form: RequestForm) -> int | None:
    return _id(form.subject_id.data or "")


def _id(text: str) -> int | None:
    """A key that came with a form, or None when the text is none."""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else 0
    return number if 0 < number < 1 << 63 else None
