"""Reasons for adjustments."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Response, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, get_row_or_404, requires
from portal.catalog.conflicts import stale_answer
from portal.catalog.forms import refuse, texts
from portal.catalog.queries import history
from portal.core.database import db
from portal.core.errors import DomainError, StaleError
from portal.core.http import render, see_other, toast
from portal.core.merging import pack_base, unpack_base
from portal.core.once import made_at, sent_once
from portal.stock import places, queries
from portal.stock.forms import ReasonForm
from portal.stock.models import StockReason
from portal.stock.views.blueprint import bp


@bp.get("/reasons")
@requires("stock.view")
def reasons() -> Response:
    return _page(ReasonForm(formdata=None))


@bp.post("/reasons")
@requires("stock.edit")
@sent_once
def create_reason() -> ResponseReturnValue:
    form = ReasonForm()
    try:
        places.add_reason(texts(form), by=current_actor())
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "label")
        return _page(form, status=error.status)
    toast("The reason is added.")
    return made_at(url_for("stock.reasons"))


@bp.get("/reasons/<int:reason_id>")
@requires("stock.edit")
def edit_reason(reason_id: int) -> Response:
    found = _reason(reason_id)
    values = places.reason_values(found)
    form = ReasonForm(formdata=None, data={**values, "version": found.version, "base": pack_base(values)})
    return render("stock/edit_reason.html", form=form, reason=found)


@bp.post("/reasons/<int:reason_id>")
@requires("stock.edit")
def save_reason(reason_id: int) -> ResponseReturnValue:
    found, form = _reason(reason_id, lock=True), ReasonForm()
    try:
        places.change_reason(found, texts(form), base=unpack_base(form.base.data or ""), by=current_actor())
    except StaleError as error:
        return _stale(found, form, error)
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "label")
        return render("stock/edit_reason.html", form=form, reason=_reason(reason_id), status=error.status)
    db.session.commit()
    toast("The reason is saved.")
    return see_other(url_for("stock.reasons"))


@bp.post("/reasons/<int:reason_id>/activation")
@requires("stock.edit")
def activate_reason(reason_id: int) -> ResponseReturnValue:
    return _switch(reason_id, on=True)


@bp.post("/reasons/<int:reason_id>/activation/remove")
@requires("stock.edit")
def deactivate_reason(reason_id: int) -> ResponseReturnValue:
    return _switch(reason_id, on=False)


def _switch(reason_id: int, *, on: bool) -> ResponseReturnValue:
    places.switch_reason(_reason(reason_id, lock=True), on=on, by=current_actor())
    db.session.commit()
    toast(
        "The reason is offered again." if on else "The reason is no longer offered. Past movements keep it."
    )
    return see_other(url_for("stock.reasons"))


def _reason(reason_id: int, *, lock: bool = False) -> StockReason:
    statement = sa.select(StockReason).where(StockReason.id == reason_id)
    return get_row_or_404(statement.with_for_update(key_share=True) if lock else statement)


def _page(form: ReasonForm, *, status: int = 200) -> Response:
    return render("stock/reasons.html", reasons=queries.reasons(), form=form, status=status)


def _stale(reason: StockReason, form: ReasonForm, error: StaleError) -> Response:
    return stale_answer(
        form,
        error,
        now=places.reason_values(reason),
        mine=texts(form),
        action_url=url_for("stock.edit_reason", reason_id=reason.id),
        heading=reason.label,
        back_url=url_for("stock.reasons"),
        back_label="Reasons",
        history=history("stock_reason", reason.id, most=1),
    )
