"""Who keeps what, until when; and letting go of it."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Response, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, get_row_or_404, requires
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import render, see_other, toast
from portal.core.listing import show_list
from portal.stock.models import StockReservation, StockReservationLine
from portal.stock.own_sources import HOLDERS
from portal.stock.papers import names_of, place_names
from portal.stock.promise_views.blueprint import bp
from portal.stock.promise_views.listings import RESERVATIONS
from portal.stock.reservations import release_by_hand

SHOWN_LINES = 200


@bp.get("/reservations")
@requires("stock.view")
def reservations() -> ResponseReturnValue:
    return show_list(RESERVATIONS, "stock/promises/reservations.html")


@bp.get("/reservations/<int:reservation_id>")
@requires("stock.view")
def reservation(reservation_id: int) -> Response:
    found = _found(reservation_id)
    lines = db.session.scalars(
        sa.select(StockReservationLine)
        .where(StockReservationLine.reservation_id == found.id)
        .order_by(StockReservationLine.n)
        .limit(SHOWN_LINES)
    ).all()
    return render(
        "stock/promises/reservation.html",
        reservation=found,
        holder=HOLDERS.get(found.holder, found.holder),
        lines=lines,
        names=names_of(line.variant_id for line in lines),
        places=place_names(line.location_id for line in lines),
    )


@bp.post("/reservations/<int:reservation_id>/release")
@requires("stock.edit")
def release_reservation(reservation_id: int) -> ResponseReturnValue:
    _found(reservation_id)
    try:
        release_by_hand(reservation_id, by=current_actor())
        db.session.commit()
    except DomainError as error:
        db.session.rollback()
        toast(error.message, "warning")
    else:
        toast("The units are on sale again.")
    return see_other(url_for("promises.reservation", reservation_id=reservation_id))


def _found(reservation_id: int) -> StockReservation:
    return get_row_or_404(sa.select(StockReservation).where(StockReservation.id == reservation_id))
