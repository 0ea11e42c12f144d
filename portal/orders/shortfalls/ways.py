"""The ways out of a shortfall: from another place, something else instead, wait for goods, or cancel with the money back."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from portal.catalog.models import Product, Variant
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError
from portal.core.normalise import code_key
from portal.orders.book import lock_order, of_order, tell
from portal.orders.changes.proposal import LineWish, NewLineWish, Proposal, RefundWish
from portal.orders.changes.services import begin, change_at_once
from portal.orders.fulfilment.leaving import units_by_place
from portal.orders.fulfilment.placing import bring_to
from portal.orders.models import OrderLine, OrderShortfall
from portal.orders.outside import release_hold
from portal.orders.shortfalls.services import case_of, close_case, line_of, reconcile

_case, _line = OrderShortfall.__table__, OrderLine.__table__


def take_from(order_id: int, n: int, location_id: int, *, by: Actor) -> None:
    """Promise the missing units at a place that has them free.

    Raises:
        ConflictError: the case is settled already, or the place has too few.
    """
    case = _open_case(order_id, n)
    there = units_by_place(order_id).get(case["line_n"], {}).get(location_id, 0)
    bring_to(order_id, {case["line_n"]: there + case["units"]}, location_id, keeps_others=True, by=by)
    close_case(order_id, n, "other_location", by=by)
    _go_on(order_id, by)


def wait_for_goods(order_id: int, n: int, *, by: Actor) -> None:
    """The customer waits: the units are on back-order and get what comes in next.

    Raises:
        ConflictError: the case is settled already.
    """
    case = _open_case(order_id, n)
    db.session.execute(
        sa.update(_line)
        .where(of_order(_line, order_id), _line.c.n == case["line_n"])
        .values(promise_state="backordered")
    )
    close_case(order_id, n, "back_order", by=by)
    _go_on(order_id, by)


def substitute(order_id: int, n: int, sku: str, *, by: Actor) -> None:
    """Send something else instead, at the price of what is missing.

    Raises:
        DomainError: there is no such variant, or it is the same.
        ConflictError: the case is settled already, or there is too little of the other variant, too.
    """
    case = _open_case(order_id, n)
    line = line_of(order_id, case["line_n"])
    other = _variant(sku)
    if other is None:
        raise DomainError("No variant of the catalogue has this SKU.", field="sku")
    if other.id == line["variant_id"]:
        raise DomainError("This is the item that is missing.", field="sku")
    wish = Proposal(
        "edit",
        lines=(LineWish(line["n"], cancel=case["units"]),),
        added=(
            NewLineWish(
                other.sku, other.title, case["units"], line["unit_price"], variant_id=other.id, tax_rate=line["tax_rate"],
                is_stocked=other.is_stocked,
            ),
        ),
    )  # fmt: skip
    change_at_once(
        order_id, wish, reason_code="no_stock", note=f"{other.sku} instead of {line['sku']}", by=by
    )
    if case_of(order_id, n)["state"] == "open":
        close_case(order_id, n, "substitute", by=by)
    _go_on(order_id, by)


def propose_cancellation(order_id: int, n: int, *, by: Actor) -> int:
    """Propose to cancel the missing units and give their money back; gives the change to look at and confirm.

    Raises:
        ConflictError: the case is settled already.
    """
    case = _open_case(order_id, n)
    head = lock_order(order_id)
    paid = head["captured_total"] > head["refunded_total"]
    wish = Proposal(
        "cancel",
        lines=(LineWish(case["line_n"], cancel=case["units"]),),
        refund=RefundWish() if paid else None,
    )
    return begin(order_id, wish, reason_code="no_stock", by=by)


def mark_told(order_id: int, n: int, *, by: Actor) -> None:
    """The customer was written to about a case."""
    told = db.session.execute(
        sa.update(_case)
        .where(of_order(_case, order_id), _case.c.n == n, _case.c.told_at.is_(None))
        .values(told_at=utc_now())
        .returning(_case.c.sku)
    ).one_or_none()
    if told is not None:
        tell(order_id, "short_told", by, sku=told.sku)


def _open_case(order_id: int, n: int) -> sa.RowMapping:
    lock_order(order_id)
    case = case_of(order_id, n)
    if case["state"] != "open":
        raise ConflictError("This shortfall is settled already. See how the order stands now.")
    return case


def _go_on(order_id: int, by: Actor) -> None:
    """Nothing is missing any more: what the order was held for because of stock ends."""
    reconcile(order_id, by=by)
    release_hold(order_id, by=by)


def _variant(sku: str) -> sa.Row[Any, Any, Any, Any] | None:
    variant, product = Variant.__table__, Product.__table__
    return db.session.execute(
        sa.select(variant.c.id, variant.c.sku, product.c.title, variant.c.is_stocked)
        .join(
            product,
            sa.and_(product.c.merchant_id == variant.c.merchant_id, product.c.id == variant.c.product_id),
        )
        .where(variant.c.merchant_id == current_merchant_id(), variant.c.sku_key == (code_key(sku) or ""))
    ).one_or_none()
