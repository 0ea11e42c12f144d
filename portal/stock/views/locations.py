"""Locations: where stock lies."""

from __future__ import annotations

from flask import Response, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, requires
from portal.catalog.conflicts import stale_answer
from portal.catalog.forms import refuse, texts, version_of
from portal.catalog.queries import history
from portal.core.database import db
from portal.core.errors import DomainError, StaleError
from portal.core.http import render, see_other, toast
from portal.core.merging import pack_base, unpack_base
from portal.core.once import made_at, sent_once
from portal.stock import places, queries
from portal.stock.forms import LocationForm
from portal.stock.models import Location
from portal.stock.views.blueprint import bp, location_or_404


@bp.get("/locations")
@requires("stock.view")
def locations() -> Response:
    return render(
        "stock/locations.html",
        locations=queries.locations(),
        units=queries.units_per_location(),
        labels=places.KIND_LABELS,
    )


@bp.get("/locations/new")
@requires("stock.edit")
def new_location() -> Response:
    return _page(LocationForm(formdata=None, data={"kind": "warehouse", "position": "0"}), None)


@bp.post("/locations/new")
@requires("stock.edit")
@sent_once
def create_location() -> ResponseReturnValue:
    form = LocationForm()
    try:
        places.add_location(texts(form), by=current_actor())
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "name")
        return _page(form, None, status=error.status)
    toast("The location is added.")
    return made_at(url_for("stock.locations"))


@bp.get("/locations/<int:location_id>")
@requires("stock.edit")
def edit_location(location_id: int) -> Response:
    found = location_or_404(location_id)
    values = places.location_values(found)
    return _page(
        LocationForm(formdata=None, data={**values, "version": found.version, "base": pack_base(values)}),
        found,
    )


@bp.post("/locations/<int:location_id>")
@requires("stock.edit")
def save_location(location_id: int) -> ResponseReturnValue:
    found, form = location_or_404(location_id, lock=True), LocationForm()
    try:
        places.change_location(
            found,
            texts(form),
            base=unpack_base(form.base.data or ""),
            version=version_of(form.data),
            by=current_actor(),
        )
    except StaleError as error:
        return _stale(found, form, error)
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "name")
        return _page(form, location_or_404(location_id), status=error.status)
    db.session.commit()
    toast("The location is saved.")
    return see_other(url_for("stock.locations"))


@bp.post("/locations/<int:location_id>/activation")
@requires("stock.edit")
def activate_location(location_id: int) -> ResponseReturnValue:
    return _switch(location_id, on=True)


@bp.post("/locations/<int:location_id>/activation/remove")
@requires("stock.edit")
def deactivate_location(location_id: int) -> ResponseReturnValue:
    return _switch(location_id, on=False)


def _switch(location_id: int, *, on: bool) -> ResponseReturnValue:
    found = location_or_404(location_id, lock=True)
    try:
        places.switch_location(found, on=on, by=current_actor())
    except DomainError as error:
        db.session.rollback()
        toast(error.message, "danger")
        return see_other(url_for("stock.locations"))
    db.session.commit()
    toast("The location is in use again." if on else "The location is no longer used. Its ledger stays.")
    return see_other(url_for("stock.locations"))


def _page(form: LocationForm, location: Location | None, *, status: int = 200) -> Response:
    return render("stock/edit_location.html", form=form, location=location, status=status)


def _stale(location: Location, form: LocationForm, error: StaleError) -> Response:
    return stale_answer(
        form,
        error,
        now=places.location_values(location),
        mine=texts(form),
        action_url=url_for("stock.edit_location", location_id=location.id),
        heading=location.name,
        back_url=url_for("stock.locations"),
        back_label="Locations",
        history=history("location", location.id, most=1),
    )
