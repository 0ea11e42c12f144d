"""Settings of documents: the seller, the logo, numbers, and a specimen to look at."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import can, current_actor, requires
from portal.core.database import db
from portal.core.errors import DomainError, NotFoundError, StaleError
from portal.core.http import cacheable, render, see_other, toast
from portal.core.merging import pack_base, unpack_base
from portal.orders.documents import settings as own
from portal.orders.documents.forms import DocumentSettingsForm, LogoForm
from portal.orders.documents.sellers import fields_asked_for, missing_of
from portal.orders.documents.specimen import specimen_pdf
from portal.orders.documents.views.blueprint import bp, pdf_response


@bp.get("/settings/documents")
@requires("settings.view")
def document_settings() -> Response:
    settings = own.document_settings()
    values = own.settings_values(settings)
    form = DocumentSettingsForm(
        formdata=None, data=values | {"version": str(settings.version or 0), "base": pack_base(values)}
    )
    return _page(form, 200)


@bp.post("/settings/documents")
@requires("settings.edit")
def save_document_settings() -> ResponseReturnValue:
    form = DocumentSettingsForm()
    if not form.validate():
        return _page(form, 422)
    typed = form.version.data or ""
    try:
        own.save_settings(
            {name: form[name].data for name in own.FIELDS}, base=unpack_base(form.base.data or ""),
            version=int(typed) if typed.isdigit() else 0, by=current_actor(),
        )  # fmt: skip
    except StaleError as error:
        db.session.rollback()
        return _stale(form, error)
    except DomainError as error:
        db.session.rollback()
        form[error.field or "company"].errors = [error.message]
        return _page(form, error.status)
    db.session.commit()
    toast("The settings are saved.")
    return see_other(url_for("documents.document_settings"))


@bp.post("/settings/documents/logo")
@requires("settings.edit")
def save_logo() -> ResponseReturnValue:
    form, upload = LogoForm(), request.files.get("logo")
    try:
        own.save_logo(upload.read(own.LOGO.most_bytes + 1) if upload else b"", by=current_actor())
    except DomainError as error:
        db.session.rollback()
        form.logo.errors = [error.message]
        return _page(None, error.status, logo_form=form)
    db.session.commit()
    toast("The logo is saved.")
    return see_other(url_for("documents.document_settings"))


@bp.post("/settings/documents/logo/remove")
@requires("settings.edit")
def remove_logo() -> ResponseReturnValue:
    own.remove_logo(by=current_actor())
    db.session.commit()
    toast("Documents carry no logo from now on.")
    return see_other(url_for("documents.document_settings"))


@bp.get("/settings/documents/logo")
@requires("settings.view")
def logo() -> Response:
    data = own.logo_bytes(own.document_settings().logo_key)
    if data is None:
        raise NotFoundError("There is no logo.")
    return cacheable(Response(data, mimetype="image/png"), 60)


@bp.get("/settings/documents/specimen")
@requires("settings.view")
def specimen() -> Response:
    """An invoice of nobody, to see how the saved settings print."""
    return pdf_response(specimen_pdf(own.document_settings()), "specimen.pdf")


def _page(
    form: DocumentSettingsForm | None, status: int, *, logo_form: LogoForm | None = None, **context: Any
) -> Response:
    settings = own.document_settings()
    values = own.settings_values(settings)
    return render(
        "orders/documents/document_settings.html",
        form=form or DocumentSettingsForm(
            formdata=None, data=values | {"version": str(settings.version or 0), "base": pack_base(values)}
        ),
        logo_form=logo_form or LogoForm(formdata=None), has_logo=settings.logo_key is not None, logo_key=settings.logo_key,
        missing=missing_of(settings), needed=fields_asked_for(settings), may_edit=can("settings.edit"), status=status,
        **{"conflict": None, **context},
    )  # fmt: skip


def _stale(form: DocumentSettingsForm, error: StaleError) -> Response:
    settings = own.document_settings()
    now, base = own.settings_values(settings), unpack_base(form.base.data or "")
    clashes = [
        {"name": name, "label": form[name].label.text, "mine": _raw(mine), "theirs": _raw(theirs)}
        for name, (theirs, mine) in error.clashes.items()
    ]
    carried = [
        (name, _raw(now[name] if now[name] != base.get(name) else form[name].data))
        for name in own.FIELDS
        if name not in error.clashes
    ]
    conflict = {
        "version": settings.version or 0, "clashes": clashes,
        "carried": [*((name, value) for name, value in carried if value), ("base", pack_base(now))],
    }  # fmt: skip
    return _page(form, 409, conflict=conflict)


def _raw(value: Any) -> str:
    """A value as its form field sends it: an unticked box sends nothing."""
    return "" if value is False else "y" if value is True else str(value)
