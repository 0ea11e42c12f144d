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
from typing import Final

import sqlalchemy as sa

from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, NotFoundError
from portal.core.ids import floor_at
from portal.stock.models import (
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
from portal.stock.purchasing.services import create_purchase, set_line
from portal.stock.purchasing.suppliers import rounded_up
from portal.stock.scanning import Scanned

MOST_PROPOSED: Final = 500
SALES_DAYS: Final = 30

_notice: Final = LowStockNotice.__table__.c
_rule: Final = ReplenishmentRule.__table__.c
_level: Final = StockLevel.__table__.c
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

    @property
    def cost(self) -> Decimal | None:
        """What the proposed units cost, where the cost of one is known."""
        if self.item is None or self.item.unit_cost is None:
            return None
        return self.item.unit_cost * self.units

    @property
    def days_left(self) -> int | None:
        """For how many days the available units last at the pace of the last month."""
        return max(0, self.available) * SALES_DAYS // self.sold if self.sold else None


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
    for need in _needs():
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


def draft_proposal(supplier_id: int, *, by: Actor) -> list[PurchaseOrder]:
    """Draft what is proposed for a supplier: a purchase order per location.

    A second click finds the units on the draft of the first and has nothing left to do.

    Raises:
        NotFoundError: there is no such supplier.
        ConflictError: nothing is left to order from it.
    """
    supplier = db.session.scalars(
        sa.select(Supplier).where(Supplier.id == supplier_id).with_for_update()
    ).one_or_none()
    if supplier is None:
        raise NotFoundError("There is nothing at this address, or nothing you may see.")
    needs = [need for need in _needs() if need.item is not None and need.item.supplier_id == supplier_id]
    if not needs:
        raise ConflictError("Nothing is left to order from this supplier; it may be on a draft already.")
    made = []
    for location_id in sorted({need.location_id for need in needs}):
        purchase = create_purchase({"supplier_id": str(supplier_id), "location_id": str(location_id)}, by=by)
        for need in needs:
            if need.location_id == location_id and need.item is not None:
                set_line(
                    purchase,
                    need.variant.variant_id,
                    need.units,
                    need.item.unit_cost,
                    version=purchase.version,
                    by=by,
                )
        made.append(purchase)
    return made


def _needs() -> list[Need]:
    rows = db.session.execute(
        sa.select(_rule.variant_id, _rule.location_id, _rule.minimum, _rule.maximum)
        .select_from(
            LowStockNotice.__table__.join(
                ReplenishmentRule.__table__,
                sa.and_(
                    _rule.merchant_id == _notice.merchant_id,
                    _rule.variant_id == _notice.variant_id,
                    _rule.location_id == _notice.location_id,
                ),
            )
        )
        .where(_notice.merchant_id == current_merchant_id(), _notice.cleared_at.is_(None))
        .order_by(_notice.id)
        .limit(MOST_PROPOSED)
    ).all()
    if not rows:
        return []
    keys = [(row.variant_id, row.location_id) for row in rows]
    levels, drafted, sold = _levels(keys), _drafted(keys), _sold(keys)
    items = _items({row.variant_id for row in rows})
    names, places = names_of(key[0] for key in keys), place_names(key[1] for key in keys)
    needs = []
    for row in rows:
        key = (row.variant_id, row.location_id)
        available, incoming = levels.get(key, (0, 0))
        coming = incoming + drafted.get(key, 0)
        if available + coming > row.minimum:
            continue
        item = items.get(row.variant_id)
        units = rounded_up(row.maximum - available - coming, item)
        needs.append(
            Need(
                names[row.variant_id],
                row.location_id,
                places[row.location_id],
                available,
                incoming,
                drafted.get(key, 0),
                row.minimum,
                row.maximum,
                sold.get(key, 0),
                item,
                units,
            )
        )
    return sorted(needs, key=lambda need: (need.variant.sku, need.place))


def _levels(keys: Sequence[tuple[int, int]]) -> Mapping[tuple[int, int], tuple[int, int]]:
    free = sa.func.sum(_level.on_hand - _level.allocated - _level.reserved - _level.unavailable)
    rows = db.session.execute(
        sa.select(
            _level.variant_id,
            _level.location_id,
            free.label("available"),
            sa.func.sum(_level.incoming).label("incoming"),
        )
        .where(
            _level.merchant_id == current_merchant_id(),
            sa.tuple_(_level.variant_id, _level.location_id).in_(keys),
        )
        .group_by(_level.variant_id, _level.location_id)
    )
    return {(row.variant_id, row.location_id): (int(row.available), int(row.incoming)) for row in rows}


def _drafted(keys: Sequence[tuple[int, int]]) -> Mapping[tuple[int, int], int]:
    rows = db.session.execute(
        sa.select(_line.variant_id, _purchase.location_id, sa.func.sum(_line.quantity).label("units"))
        .select_from(
            PurchaseOrderLine.__table__.join(
                PurchaseOrder.__table__,
                sa.and_(_purchase.merchant_id == _line.merchant_id, _purchase.id == _line.purchase_id),
            )
        )
        .where(
            _line.merchant_id == current_merchant_id(),
            _purchase.state == "draft",
            _line.variant_id.in_({key[0] for key in keys}),
        )
        .group_by(_line.variant_id, _purchase.location_id)
    )
    return {(row.variant_id, row.location_id): int(row.units) for row in rows}


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


def _items(variant_ids: Iterable[int]) -> dict[int, SupplierItem]:
    """Where each variant is ordered: the preferred supplier, else the cheapest one that is in use."""
    found = db.session.scalars(
        sa.select(SupplierItem)
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
    items: dict[int, SupplierItem] = {}
    for item in found:
        items.setdefault(item.variant_id, item)
    return items
