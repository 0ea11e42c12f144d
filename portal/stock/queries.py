"""Read stock: the figures of levels, where and of what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from portal.catalog.models import Product, Variant
from portal.core.database import current_merchant_id, db
from portal.core.listing import execute
from portal.stock.available import available_units
from portal.stock.bundles import bundle_availability, bundle_availability_by_product
from portal.stock.models import Location, StockLevel, StockReason
from portal.stock.moving import COUNTERS, KEPT

_level: Final = StockLevel.__table__.c
_variant: Final = Variant.__table__.c
_product: Final = Product.__table__.c
_location: Final = Location.__table__.c

SUMS: Final = tuple(sa.func.coalesce(sa.func.sum(_level[name]), 0).label(name) for name in KEPT)


@dataclass(frozen=True, slots=True)
class Figures:
    """Units of a level, over all its slots."""

    on_hand: int = 0
    allocated: int = 0
    reserved: int = 0
    unavailable: int = 0
    incoming: int = 0
    damaged: int = 0

    @property
    def quarantine(self) -> int:
        """The part of what is unavailable that someone still has to look at."""
        return self.unavailable - self.damaged

    @property
    def available(self) -> int:
        """What may still be sold."""
        return self.on_hand - self.allocated - self.reserved - self.unavailable


def figures_of_levels(keys: Sequence[int]) -> dict[int, dict[str, int]]:
    """The figures of levels on a page of the list, by the level's own id, slots added up."""
    lead = StockLevel.__table__.alias("lead")
    statement: sa.Select[Any] = (
        sa.select(lead.c.id, *SUMS)
        .select_from(
            lead.join(
                StockLevel.__table__,
                sa.and_(
                    _level.merchant_id == lead.c.merchant_id,
                    _level.variant_id == lead.c.variant_id,
                    _level.location_id == lead.c.location_id,
                ),
            )
        )
        .where(lead.c.merchant_id == current_merchant_id(), lead.c.id.in_(keys))
        .group_by(lead.c.id)
    )
    rows = execute(statement).mappings()
    return {row["id"]: _with_available(row) for row in rows}


def figures(variant_id: int, location_id: int) -> Figures:
    """The figures of one level; all 0 where nothing ever lay."""
    row = (
        db.session.execute(
            sa.select(*SUMS).where(
                _level.merchant_id == current_merchant_id(),
                _level.variant_id == variant_id,
                _level.location_id == location_id,
            )
        )
        .mappings()
        .one()
    )
    return Figures(**row)


def level_values(variant_id: int, location_id: int) -> dict[str, Any]:
    """One level as a row of the list shows it."""
    row = (
        db.session.execute(
            sa.select(
                _variant.id.label("variant_id"),
                _location.id.label("location_id"),
                _variant.sku,
                _variant.title.label("variant_title"),
                _variant.low_stock_threshold,
                _product.title.label("product"),
                _location.name.label("location"),
            )
            .select_from(
                Variant.__table__.join(
                    Product.__table__,
                    sa.and_(_product.merchant_id == _variant.merchant_id, _product.id == _variant.product_id),
                ).join(Location.__table__, _location.merchant_id == _variant.merchant_id)
            )
            .where(
                _variant.merchant_id == current_merchant_id(),
                _variant.id == variant_id,
                _location.id == location_id,
            )
        )
        .mappings()
        .one()
    )
    found = figures(variant_id, location_id)
    return dict(row) | {name: getattr(found, name) for name in (*COUNTERS, "available")}


def levels_of_variant(variant_id: int) -> list[tuple[Location, Figures]]:
    """Every location in use, and those where something lies, with the figures there."""
    rows = db.session.execute(
        sa.select(_level.location_id, *SUMS)
        .where(
            _level.merchant_id == current_merchant_id(),
            _level.variant_id == variant_id,
        )
        .group_by(_level.location_id)
    ).mappings()
    known = {row["location_id"]: Figures(**{name: row[name] for name in KEPT}) for row in rows}
    return [
        (place, known.get(place.id, Figures()))
        for place in locations()
        if place.is_active or place.id in known
    ]


def levels_of_product(product_id: int) -> list[tuple[Location, Figures]]:
    """The same for all variants of a product together."""
    rows = db.session.execute(
        sa.select(_level.location_id, *SUMS)
        .select_from(
            StockLevel.__table__.join(
                Variant.__table__,
                sa.and_(_variant.merchant_id == _level.merchant_id, _variant.id == _level.variant_id),
            )
        )
        .where(_variant.merchant_id == current_merchant_id(), _variant.product_id == product_id)
        .group_by(_level.location_id)
    ).mappings()
    known = {row["location_id"]: Figures(**{name: row[name] for name in KEPT}) for row in rows}
    return [
        (place, known.get(place.id, Figures()))
        for place in locations()
        if place.is_active or place.id in known
    ]


def available_by_product(keys: Sequence[int]) -> Mapping[int, int]:
    """For the list of products; bundles count by what their components allow."""
    own, bundled = available_units(_variant.product_id, keys), bundle_availability_by_product(keys)
    return own | {key: own.get(key, 0) + units for key, units in bundled.items()}


def available_by_variant(keys: Sequence[int]) -> Mapping[int, int]:
    """For the grid of variants; a bundle has what its components allow."""
    return available_units(_variant.id, keys) | bundle_availability(keys)


def locations() -> Sequence[Location]:
    """All locations, those in use first."""
    return db.session.scalars(
        sa.select(Location).order_by(Location.is_active.desc(), Location.position, Location.name, Location.id)
    ).all()


def units_per_location() -> Mapping[int, Figures]:
    """What lies where, over all variants."""
    rows = db.session.execute(
        sa.select(_level.location_id, *SUMS)
        .where(_level.merchant_id == current_merchant_id())
        .group_by(_level.location_id)
    ).mappings()
    return {row["location_id"]: Figures(**{name: int(row[name]) for name in KEPT}) for row in rows}


def reasons(*, active: bool = False) -> Sequence[StockReason]:
    """The reasons for adjustments."""
    statement = sa.select(StockReason).order_by(
        StockReason.is_active.desc(), StockReason.label, StockReason.id
    )
    return db.session.scalars(statement.where(StockReason.is_active) if active else statement).all()


def _with_available(row: sa.RowMapping) -> dict[str, int]:
    found = Figures(**{name: int(row[name]) for name in KEPT})
    return {name: getattr(found, name) for name in (*COUNTERS, "available")}
