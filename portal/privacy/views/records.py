"""What is left of an erasure, and who saw whom: certificates, restricted records, holds, suppression, views, the map."""

from __future__ import annotations

import datetime as dt

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue
from wtforms.fields.choices import SelectChoice

from portal.accounts.access import current_actor, current_identity, get_or_404, requires
from portal.accounts.queries import members
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError, NotFoundError
from portal.core.http import render, see_other, toast
from portal.core.normalise import email_key, phone_key
from portal.core.once import made_at, sent_once
from portal.core.reveal import volumes
from portal.core.subjects import DataSubject
from portal.privacy import holds as legal_holds
from portal.privacy import queries
from portal.privacy.evidence import merchant
from portal.privacy.forms import HoldForm, ReasonForm
from portal.privacy.map import personal_data_map
from portal.privacy.models import PrivacyRequest, RetainedRecord
from portal.privacy.page import RequestPage
from portal.privacy.retained import open_record
from portal.privacy.suppression import suppressed_before
from portal.privacy.views import bp, show_error

REVIEW_DAYS = 90


@bp.get("/requests/<int:request_id>/certificate")
@requires("privacy.view")
def certificate(request_id: int) -> Response:
    page = RequestPage(get_or_404(PrivacyRequest, request_id), viewer_id=current_identity().id, forms={})
    if page.certificate is None:
        raise NotFoundError("This request has no certificate yet.")
    return render(
        "privacy/certificate.html", page=page, body=page.certificate.body, merchant_name=merchant().name
    )


@bp.get("/retained/<int:record_id>")
@requires("privacy.approve")
def retained_record(record_id: int) -> Response:
    return render(
        "privacy/retained_record.html",
        record=get_or_404(RetainedRecord, record_id),
        form=ReasonForm(),
        values=None,
    )


@bp.post("/retained/<int:record_id>/opening")
@requires("privacy.approve", fresh=True)
def open_retained_record(record_id: int) -> ResponseReturnValue:
    found, form = get_or_404(RetainedRecord, record_id), ReasonForm()
    if not form.validate_on_submit():
        return render("privacy/retained_record.html", record=found, form=form, values=None, status=422)
    try:
        values = open_record(record_id, reason=form.reason.data, by=current_actor())
    except DomainError as error:
        db.session.rollback()
        show_error(form, error)
        return render(
            "privacy/retained_record.html", record=found, form=form, values=None, status=error.status
        )
    db.session.commit()
    return render("privacy/retained_record.html", record=found, form=form, values=values)


@bp.get("/holds")
@requires("privacy.view")
def holds() -> Response:
    standing, lifted = queries.holds(), queries.holds(lifted=True)
    users = [
        user
        for hold in [*standing, *lifted]
        for user in (hold.owner_id, hold.placed_by, hold.lift_asked_by, hold.lifted_by)
    ]
    return render(
        "privacy/holds.html",
        holds=standing,
        lifted=lifted,
        names=queries.user_names(users),
        today=utc_now().date(),
        viewer_id=current_identity().id,
    )


@bp.route("/people/<int:subject_id>/hold", methods=["GET", "POST"])
@requires("privacy.approve")
@sent_once
def place_hold(subject_id: int) -> ResponseReturnValue:
    get_or_404(DataSubject, subject_id)
    form = HoldForm(
        subject_id=str(subject_id),
        review_on=utc_now().date() + dt.timedelta(days=REVIEW_DAYS),
        owner_id=current_identity().id,
    )
    form.owner_id.choices = [SelectChoice(str(each.user_id), each.name) for each in members()]
    if not form.validate_on_submit():
        return render(
            "privacy/place_hold.html",
            form=form,
            subject_id=subject_id,
            status=422 if form.is_submitted() else 200,
        )
    try:
        legal_holds.place_hold(
            subject_id,
            reason=form.reason.data,
            owner_id=form.owner_id.data,
            review_on=form.review_on.data,
            by=current_actor(),
        )
    except DomainError as error:
        db.session.rollback()
        show_error(form, error)
        return render("privacy/place_hold.html", form=form, subject_id=subject_id, status=error.status)
    toast("The person is under legal hold. No erasure touches their data until two people lift it.")
    return made_at(url_for("privacy.holds"))


@bp.post("/holds/<int:hold_id>/lifting-request")
@requires("privacy.approve")
def ask_to_lift_hold(hold_id: int) -> ResponseReturnValue:
    legal_holds.ask_to_lift(hold_id, by=current_actor())
    db.session.commit()
    toast("A second person can lift the hold now.")
    return see_other(url_for("privacy.holds"))


@bp.post("/holds/<int:hold_id>/lifting")
@requires("privacy.approve", fresh=True)
def lift_hold(hold_id: int) -> ResponseReturnValue:
    legal_holds.lift_hold(hold_id, by=current_actor())
    db.session.commit()
    toast("The hold is lifted. What it had stopped goes on.")
    return see_other(url_for("privacy.holds"))


@bp.route("/suppression", methods=["GET", "POST"])
@requires("privacy.view")
def suppression() -> Response:
    typed = (request.form.get("identifier") or "").strip()[:320]
    found = None
    if typed:
        keys = [
            ("email", email_key(typed)),
            ("phone", phone_key(typed, merchant().country)),
            ("number", typed),
        ]
        found = bool(suppressed_before(current_merchant_id(), keys))
    return render("privacy/suppression.html", counts=queries.suppression_counts(), found=found)


@bp.get("/people/<int:subject_id>/views")
@requires("privacy.view")
def people_views(subject_id: int) -> Response:
    subject = get_or_404(DataSubject, subject_id)
    seen = queries.sightings_of([subject.id])
    return render(
        "privacy/people_views.html",
        subject=subject,
        sightings=seen,
        names=queries.user_names([each.actor_id for each in seen]),
    )


@bp.get("/views")
@requires("privacy.view")
def view_volumes() -> Response:
    found = volumes()
    return render(
        "privacy/view_volumes.html",
        volumes=found,
        names=queries.user_names([each.actor_id for each in found]),
    )


@bp.get("/map")
@requires("privacy.view")
def data_map() -> Response:
    found = personal_data_map()
    return render(
        "privacy/data_map.html",
        tables=sorted(found.holding_data(), key=lambda table: table.name),
        version=found.version,
    )
