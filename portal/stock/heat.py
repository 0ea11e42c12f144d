"""Spread the units of a hot variant over slots, so that its buyers do not queue for one row, and gather them again.

Only units that nobody was promised move; what is promised stays in its slot, where the promise says it lies. Each move
is a pair of movements, so the ledger of the location stays what it was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from portal.catalog.models import Variant, VariantComponent
from portal.core import audit
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.stock.models import HotVariant, StockLevel
from portal.stock.moving import Move, apply_moves
from portal.stock.supply import forget_hot

FEWEST_SLOTS, MOST_SLOTS = 2, 64
CAUSE: Final = "slots"

_hot: Final = HotVariant.__table__
_level: Final = StockLevel.__table__


def heat_variant(variant_id: int, slots: int, *, is_automatic: bool = False, by: Actor) -> None:
    """Spread a variant over so many slots at each location. Doing so again evens them out, or changes their number.

    Raises:
        DomainError: the number of slots is out of range, or the variant has no stock of its own.
    """
    if not FEWEST_SLOTS <= slots <= MOST_SLOTS:
        raise DomainError(
            f"A hot variant has {FEWEST_SLOTS} to {MOST_SLOTS} slots at a location.", field="slots"
        )
    _check(variant_id)
    merchant_id = current_merchant_id()
    before = db.session.execute(
        sa.select(_hot.c.slots).where(_hot.c.merchant_id == merchant_id, _hot.c.variant_id == variant_id)
    ).scalar_one_or_none()
    statement = postgresql.insert(_hot).values(
        merchant_id=merchant_id, variant_id=variant_id, slots=slots, is_automatic=is_automatic
    )
    db.session.execute(
        statement.on_conflict_do_update(
            index_elements=["merchant_id", "variant_id"],
            set_={
                "slots": slots,
                # What a person made hot stays so until a person says otherwise.
                "is_automatic": sa.and_(_hot.c.is_automatic, statement.excluded.is_automatic),
                "wanted_at": sa.func.now(),
                "updated_at": sa.func.now(),
            },
        )
    )
    _spread(variant_id, range(slots), by)
    if before != slots:
        audit.record(
            action="stock.heated",
            by=by,
            subject=("variant", variant_id),
            before={"slots": before or 1},
            after={"slots": slots},
        )
    forget_hot()


def cool_variant(variant_id: int, *, by: Actor) -> bool:
    """Gather the units of a variant in one slot again; gives whether it was hot."""
    was_hot = db.session.execute(
        sa.delete(_hot)
        .where(_hot.c.merchant_id == current_merchant_id(), _hot.c.variant_id == variant_id)
        .returning(_hot.c.slots)
    ).scalar_one_or_none()
    _spread(variant_id, range(1), by)
    db.session.execute(
        sa.delete(_level).where(
            _level.c.merchant_id == current_merchant_id(),
            _level.c.variant_id == variant_id,
            _level.c.slot > 0,
            *(
                _level.c[name] == 0
                for name in ("on_hand", "allocated", "reserved", "unavailable", "incoming")
            ),
        )
    )
    if was_hot is not None:
        audit.record(
            action="stock.cooled",
            by=by,
            subject=("variant", variant_id),
            before={"slots": was_hot},
            after={"slots": 1},
        )
    forget_hot()
    return was_hot is not None


def _check(variant_id: int) -> None:
    is_stocked, is_bundle = db.session.execute(
        sa.select(
            Variant.is_stocked,
            sa.exists().where(
                VariantComponent.merchant_id == Variant.merchant_id, VariantComponent.bundle_id == Variant.id
            ),
        ).where(Variant.id == variant_id)
    ).one()
    if not is_stocked or is_bundle:
        raise DomainError("This variant has no stock of its own, so there is nothing to spread.")


def _spread(variant_id: int, slots: Sequence[int], by: Actor) -> None:
    by_place: dict[int, dict[int, int]] = defaultdict(dict)
    for row in db.session.execute(
        sa.select(
            _level.c.location_id,
            _level.c.slot,
            (_level.c.on_hand - _level.c.allocated - _level.c.reserved - _level.c.unavailable).label("free"),
        )
        .where(_level.c.merchant_id == current_merchant_id(), _level.c.variant_id == variant_id)
        .order_by(_level.c.location_id, _level.c.slot)
        .with_for_update()
    ):
        by_place[row.location_id][row.slot] = row.free
    apply_moves(
        [
            Move(
                variant_id,
                place,
                "transferred",
                on_hand=delta,
                slot=slot,
                cause_kind=CAUSE,
                cause_id=variant_id,
            )
            for place, free in sorted(by_place.items())
            for slot, delta in sorted(_evened(free, slots).items())
        ],
        by=by,
    )


def _evened(free: Mapping[int, int], slots: Sequence[int]) -> dict[int, int]:
    """By how much each slot changes so that *slots* share the free units alike and the others have none."""
    total = sum(free.values())
    share, rest = divmod(total, len(slots))
    wanted = {slot: share + (n < rest) for n, slot in enumerate(slots)}
    deltas = {slot: wanted.get(slot, 0) - free.get(slot, 0) for slot in free.keys() | wanted.keys()}
    return {slot: delta for slot, delta in deltas.items() if delta}
