"""What to order: for each variant that is low somewhere, enough to reach its maximum, less what is on its way already.

On its way are units ordered from suppliers and units in transit from other locations (both incoming), and units on
purchase orders that are still drafts. What those cover is not proposed again.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.ids import floor_at
from portal.stock.models import (
    Location,
    LowStockNotice,
    PurchaseOrder,
    PurchaseOrderLine,
    ReplenishmentRule,
    StockLevel,
    StockMovement,
    Supplier,
    SupplierItem,
)
from portal.stock.papers import names_of, place_names
from portal.stock.purchasing.suppliers import rounded_up
from portal.stock.scanning import Scanned

MOST_PROPOSED: Final = 500
SALES_DAYS: Final = 30

_notice: Final = LowStockNotice.__table__.c
_rule: Final = ReplenishmentRule.__table__.c
_level: Final = StockLevel.__table__.c
_location: Final = Location.__table__.c
_moved: Final = StockMovement.__table__.c
_purchase: Final = PurchaseOrder.__table__.c
_line: Final = PurchaseOrderLine.__table__.c


@dataclass(frozen=True, slots=True)
class Need:
    """A variant that is low at a location, and what is proposed."""

    variant: Scanned
    location_id: int
    place: str
    available: int
    incoming: int
    drafted: int
    minimum: int
    maximum: int
    sold: int
    item: SupplierItem | None
    units: int
    lead_days: int | None = None

    @property
    def cost(self) -> Decimal | None:
        """What the proposed units cost, where the cost of one is known."""
        if self.item is None or self.item.unit_cost is None:
            return None
        return self.item.unit_cost * self.units

    @property
    def days_left(self) -> int | None:
        """For how many days the available units last at the pace of the last month."""
        return max(0, self.available) * SALES_DAYS // self.sold if self.sold > 0 else None

    @property
    def runs_out(self) -> bool:
        """Whether at that pace nothing is left before a delivery ordered today arrives."""
        return self.days_left is not None and self.lead_days is not None and self.days_left < self.lead_days


@dataclass(frozen=True, slots=True)
class Proposal:
    """What to order from one supplier; ``supplier`` is None for variants that nobody supplies."""

    supplier: Supplier | None
    needs: list[Need]

    @property
    def total(self) -> Decimal:
        """The cost of what has one."""
        return sum((need.cost for need in self.needs if need.cost is not None), Decimal(0))


def proposals() -> list[Proposal]:
    """What to order, by supplier in the order of their names; variants without a supplier come last."""
    grouped: dict[int | None, list[Need]] = defaultdict(list)
    for need in needs_now():
        grouped[need.item.supplier_id if need.item else None].append(need)
    suppliers = {
        found.id: found
        for found in db.session.scalars(
            sa.select(Supplier).where(Supplier.id.in_([key for key in grouped if key is not None]))
        )
    }
    named = sorted(suppliers.values(), key=lambda found: (found.name_key, found.id))
    made = [Proposal(found, grouped[found.id]) for found in named]
    return made + ([Proposal(None, grouped[None])] if None in grouped else [])


def needs_now() -> list[Need]:
    """What is low and not covered by what is coming, by SKU; the first notices go first when there are too many."""
    rows = db.session.execute(_uncovered()).all()
    if not rows:
        return []
    keys = [(row.variant_id, row.location_id) for row in rows]
    sold, items = _sold(keys), _items({row.variant_id for row in rows})
    names, places = names_of(key[0] for key in keys), place_names(key[1] for key in keys)
    needs = []
    for row in rows:
        item, supplier_days = items.get(row.variant_id, (None, None))
        own_days = (row.lead_days, item.lead_days if item else None, supplier_days)
        needs.append(
            Need(
                variant=names[row.variant_id],
                location_id=row.location_id,
                place=places[row.location_id],
                available=row.available,
                incoming=row.incoming,
                drafted=row.drafted,
                minimum=row.minimum,
                maximum=row.maximum,
                sold=sold.get((row.variant_id, row.location_id), 0),
                item=item,
                units=rounded_up(row.maximum - row.available - row.incoming - row.drafted, item),
                lead_days=next((days for days in own_days if days is not None), None),
            )
        )
    return sorted(needs, key=lambda need: (need.variant.sku, need.place))


def _uncovered() -> sa.Select[Any]:
    """Rules of places in use that are low and whose shortage nothing on its way covers."""
    free = _level.on_hand - _level.allocated - _level.reserved - _level.unavailable
    levels = (
        sa.select(
            sa.func.coalesce(sa.func.sum(free), 0).label("available"),
            sa.func.coalesce(sa.func.sum(_level.incoming), 0).label("incoming"),
        )
        .where(
            _level.merchant_id == current_merchant_id(),
            _level.variant_id == _rule.variant_id,
            _level.location_id == _rule.location_id,
        )
        .lateral("levels")
    )
    drafts = (
        sa.select(sa.func.coalesce(sa.func.sum(_line.quantity), 0).label("drafted"))
        .select_from(
            PurchaseOrderLine.__table__.join(
                PurchaseOrder.__table__,
                sa.and_(_purchase.merchant_id == _line.merchant_id, _purchase.id == _line.purchase_id),
            )
        )
        .where(
            _line.merchant_id == current_merchant_id(),
            _line.variant_id == _rule.variant_id,
            _purchase.location_id == _rule.location_id,
            _purchase.state == "draft",
        )
        .lateral("drafts")
    )
    return (
        sa.select(
            _rule.variant_id,
            _rule.location_id,
            _rule.minimum,
            _rule.maximum,
            _rule.lead_days,
            levels.c.available,
            levels.c.incoming,
            drafts.c.drafted,
        )
        .select_from(
            LowStockNotice.__table__.join(
                ReplenishmentRule.__table__,
                sa.and_(
                    _rule.merchant_id == _notice.merchant_id,
                    _rule.variant_id == _notice.variant_id,
                    _rule.location_id == _notice.location_id,
                ),
            )
            .join(
                Location.__table__,
                sa.and_(
                    _location.merchant_id == _rule.merchant_id,
                    _location.id == _rule.location_id,
                    _location.is_active,
                ),
            )
            .join(levels, sa.true())
            .join(drafts, sa.true())
        )
        .where(
            _notice.merchant_id == current_merchant_id(),
            _notice.cleared_at.is_(None),
            levels.c.available + levels.c.incoming + drafts.c.drafted <= _rule.minimum,
        )
        .order_by(_notice.id)
        .limit(MOST_PROPOSED)
    )


def _sold(keys: Sequence[tuple[int, int]]) -> Mapping[tuple[int, int], int]:
    """Units that left for customers in the last month."""
    rows = db.session.execute(
        sa.select(_moved.variant_id, _moved.location_id, (-sa.func.sum(_moved.on_hand_delta)).label("units"))
        .where(
            _moved.merchant_id == current_merchant_id(),
            _moved.variant_id.in_({key[0] for key in keys}),
            _moved.kind == "sold",
            _moved.id >= floor_at(utc_now() - dt.timedelta(days=SALES_DAYS)),
        )
        .group_by(_moved.variant_id, _moved.location_id)
    )
    return {(row.variant_id, row.location_id): int(row.units) for row in rows}


def _items(variant_ids: Iterable[int]) -> dict[int, tuple[SupplierItem, int | None]]:
    """Where each variant is ordered, with the supplier's lead time: the preferred one, else the cheapest in use."""
    found = db.session.execute(
        sa.select(SupplierItem, Supplier.lead_days)
        .join(
            Supplier,
            sa.and_(
                Supplier.merchant_id == SupplierItem.merchant_id, Supplier.id == SupplierItem.supplier_id
            ),
        )
        .where(SupplierItem.variant_id.in_(sorted(variant_ids)), Supplier.is_active)
        .order_by(
            SupplierItem.variant_id,
            SupplierItem.is_preferred.desc(),
            SupplierItem.unit_cost.asc().nulls_last(),
            SupplierItem.id,
        )
    )
    items: dict[int, tuple[SupplierItem, int | None]] = {}
    for item, lead_days in found:
        items.setdefault(item.variant_id, (item, lead_days))
    return items
