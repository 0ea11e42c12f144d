"""Settings of sending and writing: what goes out by itself, and the texts staff begin a mail with."""

from __future__ import annotations

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from wtforms.fields.choices import SelectChoice

from portal.accounts.access import current_actor, get_or_404, requires
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import render, see_other, toast
from portal.core.once import made_at, sent_once
from portal.orders.fulfilment.forms import LANGUAGES, LetterForm, SettingsForm
from portal.orders.fulfilment.settings import fulfilment_settings, save_fulfilment_settings
from portal.orders.letters.moments import built_in
from portal.orders.letters.texts import (
    BUILT_IN,
    MOMENTS,
    OWN_PLACEHOLDERS,
    PLACEHOLDERS,
    own_texts,
    save_text,
)
from portal.orders.models import LetterTemplate

bp = Blueprint("fulfilment", __name__, url_prefix="/settings")

NAMES = ("collect_days", "mails_order", "mails_dispatch", "mails_ready", "mails_for_channels")


@bp.get("/fulfilment")
@requires("settings.view")
def fulfilment() -> Response:
    now = fulfilment_settings()
    values = {name: getattr(now, name) for name in NAMES}
    return _page(SettingsForm(formdata=None, data={**values, "version": now.version}))


@bp.post("/fulfilment")
@requires("settings.edit")
def save_fulfilment() -> ResponseReturnValue:
    form = SettingsForm()
    if not form.validate():
        return _page(form, status=422)
    try:
        save_fulfilment_settings(
            {name: form[name].data for name in NAMES}, version=_number(form.version.data), by=current_actor()
        )
    except DomainError as error:
        db.session.rollback()
        return _page(form, status=error.status, problem=error.message)
    db.session.commit()
    toast("The settings are saved.")
    return see_other("/settings/fulfilment")


@bp.get("/letters")
@requires("settings.view")
def letters() -> Response:
    return render("orders/settings/letters.html", own=own_texts(), built_in=BUILT_IN, moments=MOMENTS)


@bp.get("/letters/new")
@requires("settings.edit")
def new_letter_text() -> Response:
    """An empty text, or ours for a moment to begin with."""
    data: dict[str, object] = {"version": 0, "is_active": True}
    moment, locale = request.args.get("moment", ""), request.args.get("locale", "en")
    if moment in MOMENTS:
        ours = built_in(moment, locale)
        data |= {
            "moment": moment,
            "locale": locale,
            "name": ours.name,
            "subject": ours.subject,
            "body": ours.body,
        }
    return _letter(_form(LetterForm(formdata=None, data=data)), None)


@bp.post("/letters")
@requires("settings.edit")
@sent_once
def add_letter_text() -> ResponseReturnValue:
    return _save(None)


@bp.get("/letters/<int:template_id>")
@requires("settings.view")
def letter_text(template_id: int) -> Response:
    return _letter(_form(LetterForm(formdata=None, obj=get_or_404(LetterTemplate, template_id))), template_id)


@bp.post("/letters/<int:template_id>")
@requires("settings.edit")
def save_letter_text(template_id: int) -> ResponseReturnValue:
    get_or_404(LetterTemplate, template_id)
    return _save(template_id)


def _save(template_id: int | None) -> ResponseReturnValue:
    form = _form(LetterForm())
    if not form.validate():
        return _letter(form, template_id, status=422)
    values = {name: form[name].data or "" for name in ("name", "locale", "moment", "subject", "body")}
    values["is_active"] = "1" if form.is_active.data else "0"
    try:
        save_text(template_id, values, version=_number(form.version.data), by=current_actor())
    except DomainError as error:
        db.session.rollback()
        if error.field in form:
            form[error.field].errors = [error.message]
            return _letter(form, template_id, status=error.status)
        return _letter(form, template_id, status=error.status, problem=error.message)
    toast("The text is saved.")
    return made_at("/settings/letters")


def _form(form: LetterForm) -> LetterForm:
    form.locale.choices = LANGUAGES
    form.moment.choices = [
        SelectChoice("", "When staff write a mail"),
        *(SelectChoice(*each) for each in MOMENTS.items()),
    ]
    return form


def _page(form: SettingsForm, *, status: int = 200, problem: str | None = None) -> Response:
    return render("orders/settings/fulfilment.html", form=form, problem=problem, status=status)


def _letter(
    form: LetterForm, template_id: int | None, *, status: int = 200, problem: str | None = None
) -> Response:
    return render(
        "orders/settings/letter_text.html", form=form, template_id=template_id, placeholders=PLACEHOLDERS,
        of_moments=[(MOMENTS[moment], words) for moment, words in OWN_PLACEHOLDERS.items()], problem=problem,
        status=status,
    )  # fmt: skip


def _number(text: object) -> int:
    word = str(text or "")
    return int(word) if word.isascii() and word.isdigit() and len(word) < 10 else 0
