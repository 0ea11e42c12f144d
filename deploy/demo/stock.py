"""Where the first shop keeps its goods, and the count its stock of today begins with."""

from __future__ import annotations

import random
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from portal.catalog.models import Variant
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.stock.models import Location, StockReason
from portal.stock.services import Move, adjust_stock, apply_moves

BATCH = 400


def open_locations() -> tuple[int, int, int]:
    """Two warehouses and a store, committed."""
    rows = (
        Location(name="Leeds warehouse", code="LDS", kind="warehouse", country_code="GB", position=0),
        Location(name="Bristol warehouse", code="BRS", kind="warehouse", country_code="GB", position=1),
        Location(name="Harbour Street store", code="STORE", kind="store", country_code="GB", position=2),
    )
    db.session.add_all(rows)
    for code, label in (
        ("damaged", "Damaged"),
        ("found", "Found"),
        ("lost", "Lost"),
        ("sample", "Taken as a sample"),
    ):
        known = db.session.scalar(sa.select(StockReason.id).where(StockReason.code == code))
        if known is None:
            db.session.add(StockReason(code=code, label=label))
    db.session.commit()
    first, second, store = (row.id for row in rows)
    return first, second, store


def count_everything(
    places: tuple[int, int, int], best: Sequence[sa.Row[Any]], *, by: Actor, pick: random.Random
) -> list[int]:
    """The opening count. A few of the best sellers are found to be nearly out; gives those."""
    leeds, bristol, store = places
    popular = {row.id for row in best}
    scarce = [row.id for row in best[20:160:9]]
    moves = []
    for variant_id in db.session.scalars(
        sa.select(Variant.id).where(Variant.is_active).order_by(Variant.id)
    ).all():
        if variant_id in scarce:
            moves.append(Move(variant_id, leeds, "counted", on_hand=pick.randrange(6, 14)))
            continue
        units = pick.randrange(160, 420) if variant_id in popular else pick.randrange(12, 160)
        moves.append(Move(variant_id, leeds, "counted", on_hand=units))
        if variant_id in popular or pick.random() < 0.4:
            moves.append(Move(variant_id, bristol, "counted", on_hand=units // 3 + 1))
        if variant_id in popular:
            moves.append(Move(variant_id, store, "counted", on_hand=units // 8 + 1))
    for start in range(0, len(moves), BATCH):
        apply_moves(moves[start : start + BATCH], by=by)
        db.session.commit()
    variant = Variant.__table__
    mine = sa.and_(variant.c.merchant_id == current_merchant_id(), variant.c.id.in_(popular))
    db.session.execute(sa.update(variant).where(mine).values(low_stock_threshold=12))
    db.session.commit()
    return scarce


def adjust_a_little(
    best: Sequence[sa.Row[Any]], place: int, *, by: Actor, pick: random.Random, count: int
) -> None:
    """What the warehouse found broken, lost or again, through the service that logs it."""
    reasons = dict(db.session.execute(sa.select(StockReason.code, StockReason.id)).tuples().all())
    for _ in range(count):
        row = pick.choice(best[:20])
        code = pick.choice(("damaged", "damaged", "found", "lost", "sample"))
        delta = pick.randrange(1, 5) * (1 if code == "found" else -1)
        adjust_stock(row.id, place, delta, reason_id=reasons[code], by=by)
        db.session.commit()


def retail_price(amount: Any) -> Decimal:
    """A price with tax from the list price of the history."""
    return (Decimal(amount) * Decimal("1.2")).quantize(Decimal("0.01"))
