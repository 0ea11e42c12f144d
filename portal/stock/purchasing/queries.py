"""Read purchase orders and suppliers: lines with their names, totals for the lists, names for the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from flask import url_for

from portal.catalog.typed import plain
from portal.core.database import current_merchant_id, db
from portal.core.http import can
from portal.core.listing import execute
from portal.stock.causes import Cause
from portal.stock.models import PurchaseOrder, PurchaseOrderLine, Supplier, SupplierItem
from portal.stock.papers import names_of
from portal.stock.purchasing.services import lines_of
from portal.stock.purchasing.suppliers import items_of
from portal.stock.scanning import Scanned

MOST_CHOICES = 500

_line = PurchaseOrderLine.__table__.c
_item = SupplierItem.__table__.c
_purchase = PurchaseOrder.__table__.c


@dataclass(frozen=True, slots=True)
class PurchaseRow:
    """A line as the page shows it."""

    variant: Scanned
    line: PurchaseOrderLine

    @property
    def total(self) -> Decimal | None:
        """What the line costs, where the cost is known."""
        return None if self.line.unit_cost is None else self.line.unit_cost * self.line.quantity

    @property
    def cost_text(self) -> str:
        """The cost as a field shows it."""
        return plain(self.line.unit_cost)


@dataclass(frozen=True, slots=True)
class ItemRow:
    """What a supplier supplies, as its page shows it."""

    variant: Scanned
    item: SupplierItem


def purchase_rows(purchase: PurchaseOrder) -> list[PurchaseRow]:
    """The lines by SKU."""
    lines = lines_of(purchase.id)
    names = names_of(line.variant_id for line in lines)
    return sorted(
        (PurchaseRow(names[line.variant_id], line) for line in lines), key=lambda row: row.variant.sku
    )


def item_rows(supplier_id: int) -> list[ItemRow]:
    """The items by SKU."""
    items = items_of(supplier_id)
    names = names_of(item.variant_id for item in items)
    return sorted((ItemRow(names[item.variant_id], item) for item in items), key=lambda row: row.variant.sku)


def totals_of(purchase_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Units, units outstanding and cost, for a page of the list."""
    outstanding = sa.func.greatest(0, _line.quantity - _line.received - _line.damaged - _line.waived)
    statement = (
        sa.select(
            _line.purchase_id,
            sa.func.sum(_line.quantity).label("units"),
            sa.func.sum(outstanding).label("outstanding"),
            sa.func.sum(_line.quantity * _line.unit_cost).label("total"),
        )
        .where(_line.merchant_id == current_merchant_id(), _line.purchase_id.in_(purchase_ids))
        .group_by(_line.purchase_id)
    )
    found = {
        row.purchase_id: {"units": int(row.units), "outstanding": int(row.outstanding), "total": row.total}
        for row in execute(statement)
    }
    nothing = {"units": 0, "outstanding": 0, "total": None}
    return {key: found.get(key, nothing) for key in purchase_ids}


def supplier_figures(supplier_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """Items and open purchase orders of suppliers, for a page of the list."""
    items = execute(
        sa.select(_item.supplier_id, sa.func.count().label("items"))
        .where(_item.merchant_id == current_merchant_id(), _item.supplier_id.in_(supplier_ids))
        .group_by(_item.supplier_id)
    )
    found = {key: {"items": 0, "open": 0} for key in supplier_ids}
    for row in items:
        found[row.supplier_id]["items"] = row.items
    waiting = execute(
        sa.select(_purchase.supplier_id, sa.func.count().label("waiting"))
        .where(
            _purchase.merchant_id == current_merchant_id(),
            _purchase.supplier_id.in_(supplier_ids),
            _purchase.state.in_(("draft", "ordered", "partly_received")),
        )
        .group_by(_purchase.supplier_id)
    )
    for row in waiting:
        found[row.supplier_id]["open"] = row.waiting
    return found


def supplier_choices() -> list[tuple[str, str]]:
    """Suppliers to choose from, those in use."""
    rows = db.session.execute(
        sa.select(Supplier.id, Supplier.name)
        .where(Supplier.is_active)
        .order_by(Supplier.name_key, Supplier.id)
        .limit(MOST_CHOICES)
    )
    return [(str(row.id), row.name) for row in rows]


def purchase_causes(purchase_ids: Sequence[int]) -> Mapping[int, Cause]:
    """Purchase orders as the ledger names them."""
    rows = db.session.execute(
        sa.select(PurchaseOrder.id, PurchaseOrder.number).where(PurchaseOrder.id.in_(purchase_ids))
    )
    return {
        row.id: Cause(
            f"Purchase order {row.number}",
            url_for("purchasing.purchase", purchase_id=row.id) if can("stock.view") else None,
        )
        for row in rows
    }
