"""What a new shop does first, and which of it is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from portal.accounts.access import can
from portal.accounts.models import Membership
from portal.catalog.models import Product
from portal.core.database import current_merchant_id, db
from portal.orders.models import OrderRef
from portal.stock.models import StockMovement


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, where, and whether it is done."""

    name: str
    help: str
    endpoint: str
    is_done: bool


def first_steps() -> list[Step]:
    """The steps this person may take, in order; none once the shop has products, stock and orders."""
    merchant_id = current_merchant_id()
    others = sa.select(Membership.user_id).where(Membership.merchant_id == merchant_id).limit(2).subquery()
    stands = db.session.execute(
        sa.select(
            _any(Product.__table__, merchant_id).label("products"),
            _any(StockMovement.__table__, merchant_id).label("stock"),
            _any(OrderRef.__table__, merchant_id).label("orders"),
            sa.select(sa.func.count() > 1).select_from(others).scalar_subquery().label("people"),
        )
    ).one()
    if stands.products and stands.stock and stands.orders:
        return []
    steps = (
        ("imports.run", Step("Bring in your products", "A CSV file of Shopify or WooCommerce. You see every change before it is made.", "imports.imports", stands.products)),
        ("catalog.edit", Step("Or add a product by hand", "With its variants, prices and pictures.", "catalog.new_product", stands.products)),
        ("stock.adjust", Step("Say what is on the shelves", "A count per place, or an opening balance from a file.", "stock.levels", stands.stock)),
        ("imports.run", Step("Bring in past orders", "A CSV file of any shape: you say which column is what.", "imports.imports", stands.orders)),
        ("channels.edit", Step("Connect your shop", "Stock and prices go out, orders come in.", "channels.channels", stands.orders)),
        ("users.edit", Step("Invite the people you work with", "Each with the rights of their work and no more.", "accounts.invite_user", stands.people)),
    )  # fmt: skip
    return [step for permission, step in steps if can(permission)]


def _any(table: Any, merchant_id: int) -> sa.ColumnElement[bool]:
    return sa.exists().where(table.c.merchant_id == merchant_id)
