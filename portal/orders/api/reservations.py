"""``/api/v1/reservations``: a shop keeps units for a basket while its buyer is busy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import marshmallow as ma
import sqlalchemy as sa
from marshmallow import validate as must

from portal.accounts.access import requires_scope
from portal.accounts.api_access import current_caller
from portal.catalog.models import Variant
from portal.core import normalise
from portal.core.api import PREFIX, Blueprint
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.orders.models import SalesChannel
from portal.stock.bundles import parts_of
from portal.stock.reservations import Held, release, renew, reserve
from portal.stock.routing.planning import Case, Want
from portal.stock.rush import reserve_at_once

LONGEST: Final = 60
MOST_LINES: Final = 200
MOST_UNITS: Final = 1_000_000
LONGEST_MINUTES: Final = 1_440

bp: Final = Blueprint("api_reservations", __name__, url_prefix=PREFIX, description="Units kept for baskets")
_variant, _channel = Variant.__table__, SalesChannel.__table__


class KeptLineSchema(ma.Schema):
    """Units of a variant."""

    class Meta:
        unknown = ma.RAISE

    sku = ma.fields.String(required=True, validate=must.And(must.Length(1, 200), must.ContainsNoneOf("\0")))
    quantity = ma.fields.Integer(required=True, strict=True, validate=must.Range(1, MOST_UNITS))


class KeepSchema(ma.Schema):
    """What the basket holds now. Sending it again renews it; sending other lines changes it."""

    class Meta:
        unknown = ma.RAISE

    lines = ma.fields.List(
        ma.fields.Nested(KeptLineSchema), required=True, validate=must.Length(1, MOST_LINES)
    )
    minutes = ma.fields.Integer(
        load_default=None,
        strict=True,
        validate=must.Range(1, LONGEST_MINUTES),
        metadata={"description": "the merchant's setting when left out"},
    )


class ReservationSchema(ma.Schema):
    """Until when the units are kept."""

    key = ma.fields.String()
    expires_at = ma.fields.DateTime()


def basket_key(channel_id: int | None, basket: str) -> str:
    """Under which key a basket of a channel keeps units. No program reaches the baskets of another channel, or what is
    kept for drafts and payments."""
    if not 1 <= len(basket) <= LONGEST or "\0" in basket:
        raise DomainError(f"A basket's key has 1 to {LONGEST} characters.", field="reservation_key")
    return f"basket:{channel_id or 0}:{basket}"


@bp.put("/reservations/<string:basket>")
@bp.doc(summary="Keep units for a basket", security=[{"key": ["orders.write"]}])
@bp.arguments(KeepSchema)
@bp.response(200, ReservationSchema)
@requires_scope("orders.write")
def keep_units(sent: dict[str, Any], basket: str) -> dict[str, Any]:
    """All of it or nothing: 409 names what there is too little of. Name the basket as ``reservation_key`` of the order."""
    caller = current_caller()
    key = basket_key(caller.channel_id, basket)
    variants, buffer = _known(sent["lines"], caller.channel_id)
    units: Counter[str] = Counter()
    for n, line in enumerate(sent["lines"], 1):
        sku_key = normalise.code_key(line["sku"]) or ""
        if sku_key not in variants:
            raise DomainError(f"Line {n}: there is no variant with the SKU {line['sku']}.", field="lines")
        units[sku_key] += line["quantity"]
    wanted = [
        (variants[sku_key], count) for sku_key, count in units.items() if variants[sku_key]["is_stocked"]
    ]
    # What was read to know the caller is over; whoever waits for a hot variant holds no connection.
    db.session.rollback()
    if len(wanted) == 1:
        variant, count = wanted[0]
        held = reserve_at_once(
            key,
            variant["id"],
            count,
            sku=variant["sku"],
            channel_id=caller.channel_id,
            minutes=sent["minutes"],
            buffer=buffer,
            by=caller.actor,
        )
        return _document(basket, held)
    parts = parts_of([variant["id"] for variant, _ in wanted])
    held = reserve(
        key,
        [
            Want(n, variant["sku"], count, parts.get(variant["id"], {variant["id"]: 1}))
            for n, (variant, count) in enumerate(wanted, 1)
        ],
        holder="basket",
        case=Case(channel_id=caller.channel_id),
        minutes=sent["minutes"],
        buffer=buffer,
        by=caller.actor,
    )
    db.session.commit()
    return _document(basket, held)


@bp.post("/reservations/<string:basket>/renewal")
@bp.doc(summary="Keep them for longer", security=[{"key": ["orders.write"]}])
@bp.response(200, ReservationSchema)
@requires_scope("orders.write")
def renew_units(basket: str) -> dict[str, Any]:
    """The buyer is still busy. 404 when the time was over: the units are on sale again."""
    expires_at = renew(basket_key(current_caller().channel_id, basket))
    db.session.commit()
    return {"key": basket, "expires_at": expires_at}


@bp.delete("/reservations/<string:basket>")
@bp.doc(summary="Let go of them", security=[{"key": ["orders.write"]}])
@bp.response(204)
@requires_scope("orders.write")
def release_units(basket: str) -> None:
    """The units are on sale again. Doing so twice, or for a basket that keeps nothing, changes nothing."""
    caller = current_caller()
    release(basket_key(caller.channel_id, basket), by=caller.actor)
    db.session.commit()


def _known(lines: list[dict[str, Any]], channel_id: int | None) -> tuple[Mapping[str, sa.RowMapping], int]:
    """Variants on sale by folded SKU, and the channel's buffer."""
    keys = sorted({normalise.code_key(line["sku"]) or "" for line in lines})
    buffer = (
        sa.select(_channel.c.safety_buffer)
        .where(_channel.c.merchant_id == current_merchant_id(), _channel.c.id == channel_id)
        .scalar_subquery()
    )
    rows = db.session.execute(
        sa.select(
            _variant.c.id,
            _variant.c.sku,
            _variant.c.sku_key,
            _variant.c.is_stocked,
            sa.func.coalesce(buffer, 0).label("buffer"),
        ).where(
            _variant.c.merchant_id == current_merchant_id(),
            _variant.c.sku_key.in_(keys),
            _variant.c.is_active,
        )
    ).mappings()
    found = {row["sku_key"]: row for row in rows}
    return found, max((row["buffer"] for row in found.values()), default=0)


def _document(basket: str, held: Held) -> dict[str, Any]:
    return {"key": basket, "expires_at": held.expires_at}
