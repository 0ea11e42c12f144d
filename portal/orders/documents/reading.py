"""An order as its documents need it: head, lines, charges, contacts, when it left, what was billed. A statement each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from portal.accounts.models import Merchant
from portal.core.database import current_merchant_id, db
from portal.core.errors import NotFoundError
from portal.customers.models import Customer
from portal.orders.book import of_order
from portal.orders.documents.billing import Position, unpacked
from portal.orders.models import (
    InvoiceRef,
    Order,
    OrderCharge,
    OrderContact,
    OrderDocument,
    OrderFulfilment,
    OrderLine,
    OrderRef,
)

Rows = Sequence[sa.RowMapping]

_order: Final = Order.__table__
_ref: Final = InvoiceRef.__table__
_document: Final = OrderDocument.__table__


@dataclass(frozen=True, slots=True)
class Source:
    """An order, read for a document.

    Attributes:
        language: what its customer chose, if they did.
        shipped_at: when the last parcel left.
        zone: the merchant's time zone, which days are counted in.
        country: the merchant's, whose law says how long documents are kept.
        document_id: a key for the document that is made of it.
    """

    head: sa.RowMapping
    subject_id: int | None
    language: str | None
    lines: Rows
    charges: Rows
    contacts: Rows
    shipped_at: dt.datetime | None
    zone: str
    country: str
    document_id: int

    @property
    def order_id(self) -> int:
        return int(self.head["id"])


@dataclass(frozen=True, slots=True)
class Issued:
    """A document of the order that was issued, and what it billed."""

    id: int
    kind: str
    number: str
    issued_on: dt.date
    change_n: int | None
    refers_to_id: int | None
    positions: Sequence[Position]


def read_source(order_id: int, *, lock: bool = False) -> Source:
    """The order.

    Args:
        lock: hold the order's head until the transaction ends; what is issued of it is then decided one by one.

    Raises:
        NotFoundError: it is not in the order book.
    """
    customer, ref, parcel, merchant = (
        Customer.__table__,
        OrderRef.__table__,
        OrderFulfilment.__table__,
        Merchant.__table__,
    )
    merchant_id = current_merchant_id()
    shipped_at = (
        sa.select(sa.func.max(parcel.c.shipped_at)).where(of_order(parcel, order_id)).scalar_subquery()
    )
    statement = (
        sa.select(
            _order, ref.c.subject_id, customer.c.locale.label("customer_locale"), shipped_at.label("shipped_at"),
            merchant.c.time_zone, merchant.c.country.label("merchant_country"),
            sa.func.new_id(sa.func.now()).label("document_id"),
        )
        .join(ref, sa.and_(ref.c.merchant_id == _order.c.merchant_id, ref.c.order_id == _order.c.id))
        .join(merchant, merchant.c.id == _order.c.merchant_id)
        .outerjoin(customer, sa.and_(customer.c.merchant_id == _order.c.merchant_id, customer.c.id == _order.c.customer_id))
        .where(_order.c.merchant_id == merchant_id, _order.c.id == order_id)
    )  # fmt: skip
    found = (
        db.session.execute(statement.with_for_update(of=_order) if lock else statement)
        .mappings()
        .one_or_none()
    )
    if found is None:
        raise NotFoundError("The order is not in the order book any more.")
    return Source(
        found, found["subject_id"], found["customer_locale"], lines=rows_of(OrderLine, order_id), charges=rows_of(OrderCharge, order_id),
        contacts=rows_of(OrderContact, order_id), shipped_at=found["shipped_at"], zone=found["time_zone"],
        country=found["merchant_country"], document_id=found["document_id"],
    )  # fmt: skip


def issued_of(order_id: int) -> list[Issued]:
    """The order's invoices and credit notes, first to last, with what they billed."""
    rows = db.session.execute(
        sa.select(
            _ref.c.id, _ref.c.kind, _ref.c.number, _ref.c.issued_on, _ref.c.change_n, _ref.c.refers_to_id,
            _document.c.content["positions"].label("positions"),
        ).join(_document, sa.and_(
            _document.c.merchant_id == _ref.c.merchant_id, _document.c.order_id == _ref.c.order_id, _document.c.n == _ref.c.id
        )).where(_ref.c.merchant_id == current_merchant_id(), _ref.c.order_id == order_id, _document.c.order_id == order_id)
        .order_by(_ref.c.id)
    )  # fmt: skip
    return [
        Issued(row.id, row.kind, row.number, row.issued_on, row.change_n, row.refers_to_id, unpacked(row.positions))
        for row in rows
    ]  # fmt: skip


def billed_positions(issued: Iterable[Issued]) -> list[Position]:
    """What all of them billed, each with its sign."""
    return [position for each in issued for position in each.positions]


def contact_of(contacts: Rows, *kinds: str) -> Mapping[Any, Any] | None:
    """The first contact of the first of these kinds that there is."""
    return next((contact for kind in kinds for contact in contacts if contact["kind"] == kind), None)


def rows_of(model: Any, order_id: int) -> Rows:
    """All rows of the order in a table, by their number."""
    table = model.__table__
    rows: Rows = (
        db.session.execute(sa.select(table).where(of_order(table, order_id)).order_by(table.c.n))
        .mappings()
        .all()
    )
    return rows
