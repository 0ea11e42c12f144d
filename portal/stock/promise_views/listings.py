"""The list of reservations: who keeps units, and until when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from portal.catalog.models import Variant
from portal.core.database import current_merchant_id
from portal.core.listing import ChoiceFilter, Column, Extra, Listing, Sort, TextFilter, link_to
from portal.core.listing.statements import execute
from portal.stock.models import StockReservation, StockReservationLine
from portal.stock.own_sources import HOLDERS

STATES = [("held", "Kept"), ("used", "Ordered"), ("released", "Released"), ("expired", "Ran out")]
FEW = 3

_reservation = StockReservation.__table__.c
_line = StockReservationLine.__table__.c
_variant = Variant.__table__.c


def contents_of(keys: Sequence[int]) -> Mapping[int, Mapping[str, Any]]:
    """What each reservation of a page keeps, in a few words."""
    rows = execute(
        sa.select(_line.reservation_id, _variant.sku, sa.func.sum(_line.quantity).label("units"))
        .join(
            Variant.__table__,
            sa.and_(_variant.merchant_id == _line.merchant_id, _variant.id == _line.variant_id),
        )
        .where(_line.merchant_id == current_merchant_id(), _line.reservation_id.in_(keys))
        .group_by(_line.reservation_id, _variant.sku)
        .order_by(_line.reservation_id, _variant.sku)
    ).all()
    words: dict[int, list[str]] = {key: [] for key in keys}
    for row in rows:
        words[row.reservation_id].append(f"{row.units} × {row.sku}")
    return {
        key: {"what": ", ".join(each[:FEW]) + (f" and {len(each) - FEW} more" if len(each) > FEW else "")}
        for key, each in words.items()
    }


def key_of(text: str) -> str | None:
    """A typed key as it is kept."""
    return text.strip() or None


RESERVATIONS = Listing(
    key="stock-reservations",
    title="Reservations",
    permission="stock.view",
    noun=("reservation", "reservations"),
    source=StockReservation.__table__,
    tenant=_reservation.merchant_id,
    row_key=_reservation.id,
    default_sort="-made",
    columns=[
        Column("key", "Kept for", _reservation.key, kind="code"),
        Column(
            "holder",
            "Holder",
            _reservation.holder,
            text=lambda row: HOLDERS.get(row["holder"], row["holder"]),
        ),
        Column("state", "State", _reservation.state, kind="state", badge="reservation", card=1),
        Column("what", "Units of", card=2),
        Column("units", "Units", _reservation.unit_count, kind="number"),
        Column("until", "Until", _reservation.expires_at, kind="time", card=3),
        Column("ended", "Ended", _reservation.ended_at, kind="time", default=False),
        Column(
            "made",
            "Made",
            sa.func.id_time(_reservation.id),
            kind="time",
            default=False,
            sort=Sort(_reservation.id, index="stock_reservation_pkey", alone=True),
        ),
    ],
    extras=[Extra(columns=("what",), load=contents_of)],
    filters=[
        ChoiceFilter(
            key="state",
            label="State",
            expression=_reservation.state,
            options=STATES,
            index="stock_reservation_merchant_id_state_id_idx",
        ),
        ChoiceFilter(
            key="holder", label="Holder", expression=_reservation.holder, options=list(HOLDERS.items())
        ),
        TextFilter(key="key", label="Kept for", expression=_reservation.key, normalise=key_of),
    ],
    link=link_to("promises.reservation", "reservation_id", "row_key"),
    quick=lambda text: sa.and_(_reservation.key == text.strip(), _reservation.state == "held"),
    quick_label="Basket or order",
    empty=(
        "A reservation keeps units for a basket, a draft or an unpaid order until a moment, and lets go of them by itself.",
        None,
        None,
    ),
)
