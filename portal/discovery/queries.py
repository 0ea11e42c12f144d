"""One statement per kind of thing, each on an index of its own: a key equals, or begins with, what was typed.

All compare normalised `COLLATE "C"` columns with `=`, `>=` and `<`, which are leakproof: under row-level security anything else
would lose its index.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from portal.accounts.models import Role
from portal.catalog.models import Product, Variant
from portal.core.database import db
from portal.core.normalise import next_key
from portal.core.subjects import is_unrestricted
from portal.core.tenancy import current_merchant_id
from portal.customers.models import Customer, CustomerAddress
from portal.orders.models import OrderRef

Rows = Sequence[sa.Row[Any]]
Column = sa.ColumnElement[Any]

_ref = OrderRef.__table__.c
_customer, _address = Customer.__table__.c, CustomerAddress.__table__.c
_variant, _product = Variant.__table__.c, Product.__table__.c


class Sought(NamedTuple):
    """A person by one of their keys: exactly, or every key from `lowest` on and before `beyond`."""

    field: str
    lowest: str
    beyond: str | None = None

    @classmethod
    def beginning(cls, field: str, prefix: str) -> Sought:
        return cls(field, prefix, next_key(prefix))


_KEYS: Final[Mapping[str, Column]] = {
    "email": _customer.email_key,
    "phone": _customer.phone_key,
    "phone_tail": _customer.phone_tail,
    "name": _customer.name_key,
}


def things_by_code(
    codes: Sequence[str], sku: str, barcode: str | None, limit: int, *, orders: bool, products: bool
) -> Rows:
    """Orders whose number, ours or the channel's, is one of the codes, and variants with that SKU or barcode; one trip."""
    if not (orders or products):
        return []
    values = {
        "codes": list(codes),
        "sku": sku,
        "barcode": barcode,
        "limit": limit,
        "merchant": current_merchant_id(),
    }
    return _execute(_by_code(orders, products), values)


@cache
def _by_code(orders: bool, products: bool) -> sa.CompoundSelect[Any]:
    """Built once: to build it costs more than to run it."""
    codes: sa.BindParameter[Any] = sa.bindparam("codes", expanding=True)
    barcode = sa.bindparam("barcode", type_=sa.Text())
    parts: list[sa.Select[Any]] = []
    if orders:
        parts += [_order_row(_ref.number.in_(codes)), _order_row(_ref.external_key.in_(codes))]
    if products:
        parts += [
            _variant_row(_variant.sku_key == sa.bindparam("sku")),
            _variant_row(_variant.barcode_key == barcode),
        ]
    return _joined(parts)


def _joined(parts: Sequence[sa.Select[Any]]) -> sa.CompoundSelect[Any]:
    most = sa.bindparam("limit", type_=sa.Integer())
    return sa.union_all(*(sa.select(each.limit(most).subquery()) for each in parts))


def _order_row(condition: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return sa.select(
        sa.literal_column("'orders'").label("kind"),
        _ref.order_id.label("id"),
        sa.cast(sa.null(), sa.BigInteger()).label("product_id"),
        _ref.number,
        _ref.external_id,
        _ref.placed_at,
        sa.cast(sa.null(), sa.Text()).label("title"),
    ).where(_ref.merchant_id == sa.bindparam("merchant"), condition)


def _variant_row(condition: sa.ColumnElement[bool]) -> sa.Select[Any]:
    same_product = sa.and_(_product.merchant_id == _variant.merchant_id, _product.id == _variant.product_id)
    return (
        sa.select(
            sa.literal_column("'products'").label("kind"),
            _variant.id,
            _variant.product_id,
            _variant.sku.label("number"),
            _variant.barcode.label("external_id"),
            sa.cast(sa.null(), sa.DateTime(timezone=True)).label("placed_at"),
            _product.title,
        )
        .join(_product_table(), same_product)
        .where(_variant.merchant_id == sa.bindparam("merchant"), condition)
    )


def things_by_beginning(codes: Sequence[str], key: str, limit: int, *, orders: bool, products: bool) -> Rows:
    """Orders whose number begins with one of the codes, or the channel's number with the key, and variants whose SKU does; one trip."""
    if not (orders or products):
        return []
    values = {"key": key, "beyond": next_key(key), "limit": limit, "merchant": current_merchant_id()}
    for place, code in enumerate(codes):
        values |= {f"code_{place}": code, f"beyond_{place}": next_key(code)}
    return _execute(_by_beginning(len(codes) if orders else 0, orders, products), values)


@cache
def _by_beginning(codes: int, orders: bool, products: bool) -> sa.CompoundSelect[Any]:
    """Built once, as `_by_code`."""

    def begins(column: Column, lowest: str, beyond: str) -> sa.ColumnElement[bool]:
        return sa.and_(column >= sa.bindparam(lowest), column < sa.bindparam(beyond))

    parts = [
        _order_row(begins(_ref.number, f"code_{place}", f"beyond_{place}")).order_by(_ref.number)
        for place in range(codes)
    ]
    if orders:
        parts.append(_order_row(begins(_ref.external_key, "key", "beyond")).order_by(_ref.external_key))
    if products:
        wanted = _variant_row(begins(_variant.sku_key, "key", "beyond"))
        parts.append(wanted.order_by(_variant.sku_key, _variant.id))
    return _joined(parts)


def orders_by_tracking(key: str, limit: int, *, exact: bool) -> Rows:
    """Orders with a parcel of that tracking number."""
    found = sa.func.parcels_by_tracking(
        current_merchant_id(), key, None if exact else next_key(key), limit
    ).table_valued(sa.column("found_id", sa.BigInteger), sa.column("found_tracking", sa.Text), name="found")
    return _run(
        sa.select(
            _ref.order_id.label("id"),
            _ref.number,
            _ref.external_id,
            _ref.placed_at,
            found.c.found_tracking.label("tracking"),
        )
        .join(found, found.c.found_id == _ref.order_id)
        .where(_ref.merchant_id == current_merchant_id())
    )


def orders_of_guests(sought: Sequence[Sought], limit: int) -> Rows:
    """Orders whose buyer or recipient is sought: guests have no customer row. Newest first."""
    return _orders_found(
        [
            sa.func.guest_orders(current_merchant_id(), each.field, each.lowest, each.beyond, limit * 3)
            for each in sought
        ],
        limit,
    )


def orders_sent_to(postcode: str, surname: str, limit: int) -> Rows:
    """Orders that went to that postcode under that surname."""
    return _orders_found(
        [sa.func.guest_orders_at(current_merchant_id(), postcode, surname, limit * 3)], limit
    )


def customers_where(sought: Sequence[Sought], limit: int) -> Rows:
    """Customers that are sought, each in the order of its own index."""
    return _run(*(_customers_where(_meets(each), _KEYS[each.field], limit) for each in sought))


def customers_at(postcode: str, surname: str, limit: int) -> Rows:
    """Customers with an address of that postcode whose name begins with, or holds, the surname."""
    there = sa.select(_address.customer_id).where(
        _address.merchant_id == current_merchant_id(), _address.postcode_key == postcode
    )
    return _run(
        _customers_where(
            sa.and_(_customer.id.in_(there), _named(_customer.name_key, surname)), _customer.name_key, limit
        )
    )


def roles_of_merchant() -> Sequence[Role]:
    """The roles a view can be shared with, by name."""
    return db.session.scalars(sa.select(Role).order_by(Role.name)).all()


def _customers_where(condition: sa.ColumnElement[bool], order: Column, limit: int) -> sa.Select[Any]:
    return (
        sa.select(
            _customer.id,
            _customer.name,
            _customer.company,
            _customer.email,
            _customer.order_count,
            _customer.last_order_at,
        )
        .where(
            _customer.merchant_id == current_merchant_id(),
            condition,
            _customer.state == "active",
            is_unrestricted(_customer.subject_id),
        )
        .order_by(order, _customer.id)
        .limit(limit)
    )


def _product_table() -> sa.FromClause:
    return Product.__table__


def _orders_found(calls: Sequence[sa.Function[Any]], limit: int) -> Rows:
    columns = (sa.column("found_id", sa.BigInteger), sa.column("found_name", sa.Text))
    rows = sa.union_all(*(sa.select(call.table_valued(*columns)) for call in calls)).subquery()
    found = (
        sa.select(rows.c.found_id, sa.func.min(rows.c.found_name).label("name"))
        .group_by(rows.c.found_id)
        .subquery()
    )
    return _run(
        sa.select(_ref.order_id.label("id"), _ref.number, _ref.external_id, _ref.placed_at, found.c.name)
        .join(found, found.c.found_id == _ref.order_id)
        .where(_ref.merchant_id == current_merchant_id(), is_unrestricted(_ref.subject_id))
        .order_by(_ref.order_id.desc())
        .limit(limit)
    )


def _meets(sought: Sought) -> sa.ColumnElement[bool]:
    column = _KEYS[sought.field]
    if sought.beyond is None:
        return column == sought.lowest
    return sa.and_(column >= sought.lowest, column < sought.beyond)


def _named(column: Column, surname: str) -> sa.ColumnElement[bool]:
    # Few rows share a postcode, so this may be a plain filter.
    return sa.or_(
        sa.func.starts_with(column, surname), sa.func.position(sa.literal(" " + surname).op("IN")(column)) > 0
    )


def _execute(
    statement: sa.Select[Any] | sa.CompoundSelect[Any], values: Mapping[str, Any] | None = None
) -> Rows:
    return db.session.connection().execute(statement, values).all()


def _run(*statements: sa.Select[Any]) -> Rows:
    """All parts in one trip; a part keeps its own order and limit."""
    if len(statements) == 1:
        return _execute(statements[0])
    return _execute(sa.union_all(*(sa.select(each.subquery()) for each in statements)))
