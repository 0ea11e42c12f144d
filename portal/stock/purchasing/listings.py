"""The lists of purchase orders and of suppliers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from portal.core import formats
from portal.core.listing import (
    ChoiceFilter,
    Column,
    DateFilter,
    Extra,
    FlagFilter,
    Listing,
    Sort,
    TextFilter,
    link_to,
)
from portal.core.normalise import fold
from portal.stock.listings import location_choices
from portal.stock.models import Location, PurchaseOrder, Supplier
from portal.stock.purchasing.queries import supplier_choices, supplier_figures, totals_of

STATES = [
    ("draft", "Draft"),
    ("ordered", "Ordered"),
    ("partly_received", "Partly received"),
    ("received", "Received"),
    ("closed", "Closed"),
    ("cancelled", "Cancelled"),
]

_purchase = PurchaseOrder.__table__.c
_supplier = Supplier.__table__.c
_location = Location.__table__.c


def _total(row: Mapping[str, Any]) -> str | None:
    return formats.money(row["total"], row["currency"]) if row.get("total") is not None else None


PURCHASE_ORDERS = Listing(
    key="purchase-orders",
    title="Purchase orders",
    permission="stock.view",
    noun=("purchase order", "purchase orders"),
    source=PurchaseOrder.__table__.join(
        Supplier.__table__,
        sa.and_(_supplier.merchant_id == _purchase.merchant_id, _supplier.id == _purchase.supplier_id),
    ).join(
        Location.__table__,
        sa.and_(_location.merchant_id == _purchase.merchant_id, _location.id == _purchase.location_id),
    ),
    tenant=_purchase.merchant_id,
    row_key=_purchase.id,
    default_sort="-number",
    hidden={"currency": _purchase.currency},
    columns=[
        Column(
            "number",
            "Purchase order",
            _purchase.number,
            kind="code",
            sort=Sort(_purchase.id, index="purchase_order_pkey", alone=True),
        ),
        Column("supplier", "Supplier", _supplier.name, card=1),
        Column("state", "State", _purchase.state, kind="state", badge="purchase", card=2),
        Column("location", "For", _location.name),
        Column("units", "Units", kind="number"),
        Column("outstanding", "Outstanding", kind="number", card=3),
        Column("cost", "Cost", kind="text", text=_total),
        Column("expected", "Expected", _purchase.expected_on, kind="day"),
        Column("ordered", "Ordered", _purchase.ordered_at, kind="time"),
        Column("reference", "Their number", _purchase.reference, default=False),
    ],
    extras=[Extra(columns=("units", "outstanding", "cost"), load=totals_of)],
    filters=[
        ChoiceFilter(
            key="state",
            label="State",
            expression=_purchase.state,
            options=STATES,
            index="purchase_order_merchant_id_state_id_idx",
        ),
        ChoiceFilter(
            key="supplier",
            label="Supplier",
            expression=_purchase.supplier_id,
            convert=int,
            options=supplier_choices,
            index="purchase_order_merchant_id_supplier_id_id_idx",
        ),
        ChoiceFilter(
            key="location",
            label="For",
            expression=_purchase.location_id,
            convert=int,
            options=location_choices,
            index="purchase_order_merchant_id_location_id_id_idx",
        ),
        DateFilter(key="ordered", label="Ordered", expression=_purchase.ordered_at),
    ],
    link=link_to("purchasing.purchase", "purchase_id", "row_key"),
    empty=(
        "A purchase order says what a supplier shall bring, and what of it is still on its way.",
        "purchasing.new_purchase",
        "Add purchase order",
    ),
)

SUPPLIERS = Listing(
    key="suppliers",
    title="Suppliers",
    permission="stock.view",
    noun=("supplier", "suppliers"),
    source=Supplier.__table__,
    tenant=_supplier.merchant_id,
    row_key=_supplier.id,
    default_sort="name",
    columns=[
        Column(
            "name",
            "Supplier",
            _supplier.name,
            sort=Sort(_supplier.name_key, index="supplier_merchant_id_name_key_id_idx"),
        ),
        Column("contact", "Contact", _supplier.contact_name, personal="name"),
        Column("email", "E-mail", _supplier.email, personal="email"),
        Column("items", "Items", kind="number", card=1),
        Column("open", "Open purchase orders", kind="number", card=2),
        Column("lead", "Lead time in days", _supplier.lead_days, kind="number"),
        Column("currency", "Currency", _supplier.currency),
        Column("active", "In use", _supplier.is_active, kind="flag", card=3),
    ],
    extras=[Extra(columns=("items", "open"), load=supplier_figures)],
    filters=[
        TextFilter(
            key="name",
            label="Name",
            expression=_supplier.name_key,
            normalise=fold,
            index="supplier_merchant_id_name_key_id_idx",
        ),
        FlagFilter(key="active", label="In use", expression=_supplier.is_active),
    ],
    link=link_to("purchasing.supplier", "supplier_id", "row_key"),
    empty=(
        "A supplier is a business you order goods from. Add one, then say what it supplies.",
        "purchasing.new_supplier",
        "Add supplier",
    ),
)
