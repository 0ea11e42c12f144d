"""The list of invoices and credit notes. It names no buyer: who bought stands on the document."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from portal.core.database import current_merchant_id
from portal.core.listing import ChoiceFilter, Column, DateFilter, Listing, MoneyFilter, Sort, link_to
from portal.core.normalise import code_key
from portal.orders.models import InvoiceRef, OrderRef

_ref, _order = InvoiceRef.__table__.c, OrderRef.__table__.c
KINDS: Final = [("invoice", "Invoice"), ("credit_note", "Credit note")]


def _with_number(text: str) -> sa.ColumnElement[bool]:
    """Documents of that number, or of the order of that number."""
    numbers = {code_key(text) or "", text.replace("\0", "").strip()}
    own, order = sa.alias(InvoiceRef.__table__), sa.alias(OrderRef.__table__)
    merchant_id = current_merchant_id()
    found = sa.union(
        sa.select(own.c.id).where(own.c.merchant_id == merchant_id, own.c.number.in_(numbers)),
        sa.select(own.c.id)
        .join(order, sa.and_(order.c.merchant_id == own.c.merchant_id, order.c.order_id == own.c.order_id))
        .where(
            own.c.merchant_id == merchant_id, order.c.merchant_id == merchant_id, order.c.number.in_(numbers)
        ),
    )
    return _ref.id.in_(found)


DOCUMENTS = Listing(
    key="documents",
    title="Invoices",
    permission="orders.view",
    noun=("document", "documents"),
    source=InvoiceRef.__table__.join(
        OrderRef.__table__,
        sa.and_(_order.merchant_id == _ref.merchant_id, _order.order_id == _ref.order_id),
    ),
    tenant=_ref.merchant_id,
    row_key=_ref.id,
    default_sort="-issued",
    hidden={"currency": _ref.currency},
    columns=[
        Column("number", "Number", _ref.number, kind="code"),
        Column("kind", "Kind", _ref.kind, names=lambda: KINDS, card=1),
        Column(
            "issued",
            "Issued",
            _ref.issued_at,
            kind="time",
            sort=Sort(_ref.id, index="invoice_ref_pkey", alone=True),
            card=2,
        ),  # fmt: skip
        Column("order_number", "Order", _order.number, kind="code"),
        Column("net", "Net", _ref.net_total, kind="money", currency="currency"),
        Column("tax", "Tax", _ref.tax_total, kind="money", currency="currency"),
        Column("total", "Total", _ref.total, kind="money", currency="currency", card=3),
    ],
    filters=[
        ChoiceFilter(
            key="kind",
            label="Kind",
            expression=_ref.kind,
            options=KINDS,
            index="invoice_ref_merchant_id_kind_id_idx",
        ),  # fmt: skip
        DateFilter(key="issued", label="Issued", expression=_ref.id, of="id", index="invoice_ref_pkey"),
        MoneyFilter(key="total", label="Total", expression=_ref.total),
    ],
    link=link_to("orders.order", "number", "order_number"),
    quick=_with_number,
    quick_label="Number, or order",
    empty=(
        "Invoices and credit notes stand here once they are issued: by hand on an order, or by themselves when it is paid or"
        " leaves.",
        "documents.document_settings",
        "Set up documents",
    ),
)
