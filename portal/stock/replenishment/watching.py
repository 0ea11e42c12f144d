"""Watch stock against its thresholds: one notice when it falls to one, and none again until it was above it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from portal.catalog.models import Product, Variant, VariantComponent
from portal.core.audit import SYSTEM
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.jobs import enqueue
from portal.core.outbox import Event, consumer
from portal.stock.models import LowStockNotice, ReplenishmentRule, ReplenishmentSetting, StockLevel
from portal.stock.models.replenishment import EVERYWHERE

# What runs low together is told in one letter.
GATHERED: Final = dt.timedelta(minutes=5)

_level: Final = StockLevel.__table__.c
_rule: Final = ReplenishmentRule.__table__.c
_variant: Final = Variant.__table__.c
_notice: Final = LowStockNotice.__table__

Key = tuple[int, int]


@consumer("replenishment", kinds=["stock.changed", "product.updated"])
def follow_stock(events: Sequence[Event]) -> None:
    """Look at what sales, deliveries and edits have changed."""
    variants = {int(event.payload["variant_id"]) for event in events if event.payload.get("variant_id")}
    products = {int(event.payload["product_id"]) for event in events if event.payload.get("product_id")}
    watch(variants | _watched_of(products))


def watch(variant_ids: Iterable[int]) -> int:
    """Hold the stock of some variants against their thresholds, in the caller's transaction; gives how many ran low now."""
    wanted = sorted(set(variant_ids))
    if not wanted:
        return 0
    found = {**_at_locations(wanted), **_everywhere(wanted)}
    low = {key: figures for key, figures in found.items() if figures[0] <= figures[1]}
    known = {
        (row.variant_id, row.location_id): row.id
        for row in db.session.execute(
            sa.select(_notice.c.id, _notice.c.variant_id, _notice.c.location_id).where(
                _notice.c.merchant_id == current_merchant_id(),
                _notice.c.variant_id.in_(wanted),
                _notice.c.cleared_at.is_(None),
            )
        )
    }
    _clear([key for place, key in known.items() if place not in low])
    fresh = {place: figures for place, figures in low.items() if place not in known}
    made = _open(fresh)
    if made and _somebody_is_told():
        enqueue("stock.low_stock_mail", {}, by=SYSTEM, unique_key="low-stock", run_after=utc_now() + GATHERED)
    return made


def _watched_of(product_ids: Iterable[int]) -> set[int]:
    """The variants of some products that have a threshold: a product that is put away needs no more of them."""
    wanted = sorted(set(product_ids))
    if not wanted:
        return set()
    has_rule = sa.exists().where(_rule.merchant_id == _variant.merchant_id, _rule.variant_id == _variant.id)
    return set(
        db.session.scalars(
            sa.select(_variant.id).where(
                _variant.merchant_id == current_merchant_id(),
                _variant.product_id.in_(wanted),
                sa.or_(_variant.low_stock_threshold.is_not(None), has_rule),
            )
        )
    )


def _is_ordered() -> sa.ColumnElement[bool]:
    """What is sold, counted and no bundle: a bundle is as low as its components, which are watched themselves."""
    product, part = Product.__table__.c, VariantComponent.__table__.c
    return sa.and_(
        _variant.is_active,
        _variant.is_stocked,
        sa.exists().where(
            product.merchant_id == _variant.merchant_id,
            product.id == _variant.product_id,
            product.state != "archived",
        ),
        ~sa.exists().where(part.merchant_id == _variant.merchant_id, part.bundle_id == _variant.id),
    )


def _at_locations(variant_ids: Sequence[int]) -> dict[Key, tuple[int, int]]:
    """Available units and minimum, by variant and location, of the rules of some variants."""
    rows = db.session.execute(
        sa.select(
            _rule.variant_id,
            _rule.location_id,
            _rule.minimum,
            sa.func.coalesce(sa.func.sum(_free()), 0).label("available"),
        )
        .select_from(
            ReplenishmentRule.__table__.join(
                Variant.__table__,
                sa.and_(_variant.merchant_id == _rule.merchant_id, _variant.id == _rule.variant_id),
            ).outerjoin(
                StockLevel.__table__,
                sa.and_(
                    _level.merchant_id == _rule.merchant_id,
                    _level.variant_id == _rule.variant_id,
                    _level.location_id == _rule.location_id,
                ),
            )
        )
        .where(
            _rule.merchant_id == current_merchant_id(),
            _rule.variant_id.in_(variant_ids),
            _is_ordered(),
        )
        .group_by(_rule.variant_id, _rule.location_id, _rule.minimum)
    )
    return {(row.variant_id, row.location_id): (int(row.available), row.minimum) for row in rows}


def _everywhere(variant_ids: Sequence[int]) -> dict[Key, tuple[int, int]]:
    """The same for the threshold on a variant itself, over all locations."""
    rows = db.session.execute(
        sa.select(
            _variant.id,
            _variant.low_stock_threshold,
            sa.func.coalesce(sa.func.sum(_free()), 0).label("available"),
        )
        .select_from(
            Variant.__table__.outerjoin(
                StockLevel.__table__,
                sa.and_(_level.merchant_id == _variant.merchant_id, _level.variant_id == _variant.id),
            )
        )
        .where(
            _variant.merchant_id == current_merchant_id(),
            _variant.id.in_(variant_ids),
            _variant.low_stock_threshold.is_not(None),
            _is_ordered(),
        )
        .group_by(_variant.id, _variant.low_stock_threshold)
    )
    return {(row.id, EVERYWHERE): (int(row.available), row.low_stock_threshold) for row in rows}


def _free() -> sa.ColumnElement[Any]:
    free: sa.ColumnElement[Any] = _level.on_hand - _level.allocated - _level.reserved - _level.unavailable
    return free


def _open(fresh: dict[Key, tuple[int, int]]) -> int:
    if not fresh:
        return 0
    made = db.session.execute(
        postgresql.insert(_notice)
        .values(
            [
                {
                    "merchant_id": current_merchant_id(),
                    "variant_id": variant_id,
                    "location_id": location_id,
                    "available": available,
                    "minimum": minimum,
                }
                for (variant_id, location_id), (available, minimum) in sorted(fresh.items())
            ]
        )
        # The index decides whether a crossing was told: of two that notice it, one does.
        .on_conflict_do_nothing(
            index_elements=["merchant_id", "variant_id", "location_id"],
            index_where=_notice.c.cleared_at.is_(None),
        )
        .returning(_notice.c.id)
    )
    return len(made.all())


def _clear(keys: Sequence[int]) -> None:
    if keys:
        db.session.execute(
            sa.update(_notice)
            .where(_notice.c.merchant_id == current_merchant_id(), _notice.c.id.in_(keys))
            .values(cleared_at=utc_now())
        )


def _somebody_is_told() -> bool:
    found = db.session.get(ReplenishmentSetting, current_merchant_id())
    return found is not None and found.is_active and bool(found.notify_email)
