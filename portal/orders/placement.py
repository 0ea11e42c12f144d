"""Place an order: once per channel and external number, its money adding up, its units promised or its lack said.

Statements are Core, a fixed handful whatever the size of the order: this is the path a sale waits on.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from portal.core import audit, normalise
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.core.money import minor_units, round_to_minor
from portal.customers.models import Customer
from portal.orders.fulfilment.collecting import hand_over
from portal.orders.models import OrderRef
from portal.orders.new_order import (
    NewCharge,
    NewContact,
    NewDiscount,
    NewLine,
    NewOrder,
    NewPayment,
    PlacedOrder,
)
from portal.orders.numbers import take_order_number
from portal.orders.placed_rows import payment_state, rows_of, totals_as_placed
from portal.orders.pricing import price, tax_arguments_of
from portal.orders.promising import (
    PROMISE_FACTS,
    OrderFacts,
    Promise,
    Wanted,
    arguments_for,
    facts_from,
    promise_units,
)
from portal.orders.tax.facts import TAX_COLUMNS, TAX_FACTS
from portal.orders.tax.facts import facts_from as tax_facts_from
from portal.orders.vouchers.using import use_voucher
from portal.orders.writing import write_order
from portal.privacy.suppression import suppressed_before

__all__ = [
    "NewCharge",
    "NewContact",
    "NewDiscount",
    "NewLine",
    "NewOrder",
    "NewPayment",
    "PlacedOrder",
    "place_order",
]


def place_order(new: NewOrder, *, by: Actor) -> PlacedOrder:
    """Write the order, promise its stock, tell everyone who listens; within the caller's transaction.

    The same external number on the same channel is one order, whoever comes first. An order that stock cannot cover
    is placed on hold and says which SKU is short; nothing is promised twice.

    Raises:
        DomainError: the order has no line, a quantity below one, or an unknown currency.
    """
    _check(new)
    lines_as_asked = new.lines
    is_erased = _is_of_the_erased(new)
    wanted = _wanted(new)
    begun = _begin(new, wanted, is_erased=is_erased)
    if begun is None:
        return _known(new)
    ref, asked = PlacedOrder(begun.order_id, begun.number, True), facts_from(begun)
    order_id = ref.order_id
    if new.by_rules:
        new = price(new, tax_facts_from(begun, new.currency)).order
    if is_erased:
        new = replace(new, contacts=(), customer_id=None)
    totals = totals_as_placed(new)
    promise = promise_units(
        _facts(new, order_id, totals["total"]),
        wanted,
        reservation_key=new.reservation_key,
        asked=asked,
        by=by,
    )
    short = promise.short_skus
    hold_reason = new.hold_reason or (f"Not enough stock: {', '.join(short)}" if short else None)
    rows = rows_of(new, ref, totals, promise, hold_reason, by)
    rows["audit_entry"] = [audit.plain_row(entry, by) for entry in _acts(new, lines_as_asked, ref, totals)]
    write_order(rows, promise.moves, are_held=promise.are_held, by=by)
    for each in new.discounts:
        if each.voucher_id is not None:
            use_voucher(each.voucher_id, order_id, amount=each.amount_off, currency=new.currency)
    if new.customer_id is not None:
        _count_for_customer(new.customer_id, new.placed_at or utc_now())
    if new.delivery == "hand_over" and hold_reason is None:
        _hand_over(new, order_id, promise, by)
    return PlacedOrder(order_id, ref.number, True, hold_reason)


def _check(new: NewOrder) -> None:
    minor_units(new.currency)
    if not new.lines:
        raise DomainError("An order needs at least one line.", field="lines")
    for position, line in enumerate(new.lines, 1):
        if line.quantity < 1:
            raise DomainError(f"Line {position}: the quantity must be at least 1.", field="lines")
        if line.unit_price < 0:
            raise DomainError(f"Line {position}: the price must not be negative.", field="lines")


def _begin(new: NewOrder, wanted: Sequence[Wanted], *, is_erased: bool) -> sa.Row[Any] | None:
    """Write the order's reference, and ask all that placing it takes; None where the channel had sent it before."""
    # What is kept under the order's own key cannot be there yet.
    keys = [new.reservation_key] if new.reservation_key else []
    return db.session.execute(
        _BEGIN_BY_RULES if new.by_rules else _BEGIN,
        arguments_for(wanted, keys)
        | (tax_arguments_of(new) if new.by_rules else {})
        | {
            "number": take_order_number(),
            "channel": new.channel_id,
            "external_id": new.external_id,
            "external_key": normalise.code_key(new.external_id),
            "customer": None if is_erased else new.customer_id,
            "is_guest": not is_erased and new.customer_id is None and bool(new.contacts),
            "placed_at": new.placed_at or utc_now(),
        },
    ).one_or_none()


def _known(new: NewOrder) -> PlacedOrder:
    table = OrderRef.__table__
    known = db.session.execute(
        sa.select(table.c.order_id, table.c.number).where(
            table.c.merchant_id == current_merchant_id(),
            table.c.channel_id == new.channel_id,
            table.c.external_id == new.external_id,
        )
    ).one()
    return PlacedOrder(known.order_id, known.number, False)


def _is_of_the_erased(new: NewOrder) -> bool:
    """Whether it is from before its person was erased: it keeps its money and goods and comes without the person."""
    if new.placed_at is None or not new.contacts:
        return False
    keys = [("email", normalise.email_key(contact.email)) for contact in new.contacts]
    keys += [
        ("phone", normalise.phone_key(contact.phone, contact.country_code or new.phone_region))
        for contact in new.contacts
    ]
    erased = suppressed_before(current_merchant_id(), keys)
    return any(new.placed_at <= erased_at for erased_at in erased.values())


def _wanted(new: NewOrder) -> list[Wanted]:
    return [
        Wanted(n, line.sku, line.variant_id, line.quantity)
        for n, line in enumerate(new.lines, 1)
        if line.variant_id is not None and line.is_stocked
    ]


def _facts(new: NewOrder, order_id: int, total: Decimal) -> OrderFacts:
    shipping = next((contact for contact in new.contacts if contact.kind == "shipping"), None)
    return OrderFacts(
        order_id,
        new.channel_id,
        shipping.country_code if shipping else None,
        round_to_minor(total * new.base_rate, new.base_currency or new.currency),
        payment_state(new, total),
        frozenset(new.tags),
        new.delivery,
        new.delivery_location_id,
    )


def _hand_over(new: NewOrder, order_id: int, promise: Promise, by: Actor) -> None:
    """The buyer walks out with it. What is back-ordered follows later."""
    units = {
        n: promise.lines[n].units if n in promise.lines else line.quantity
        for n, line in enumerate(new.lines, 1)
    }
    taken = {n: quantity for n, quantity in units.items() if quantity}
    if taken:
        hand_over(order_id, taken, location_id=new.delivery_location_id, by=by)


def _acts(
    new: NewOrder, lines_as_asked: Sequence[NewLine], ref: PlacedOrder, totals: dict[str, Decimal]
) -> list[audit.Entry]:
    """What the audit log says: the order, and beside the catalogue's each price that staff chose."""
    order = ("order", ref.order_id)
    after = {"number": ref.number, "total": str(totals["total"]), "currency": new.currency}
    return [
        audit.Entry("order.placed", order, after=after),
        *(
            audit.Entry(
                "order.price_overridden",
                order,
                before={"sku": line.sku, "unit_price": line.list_price},
                after={"sku": line.sku, "unit_price": line.unit_price},
                reason=line.price_reason,
            )
            for line in lines_as_asked
            if line.list_price is not None and line.list_price != line.unit_price
        ),
    ]


def _count_for_customer(customer_id: int, placed_at: dt.datetime) -> None:
    table = Customer.__table__
    db.session.execute(
        sa.update(table)
        .where(table.c.merchant_id == current_merchant_id(), table.c.id == customer_id)
        .values(
            order_count=table.c.order_count + 1,
            last_order_at=sa.func.greatest(sa.func.coalesce(table.c.last_order_at, placed_at), placed_at),
        )
    )


_BEGUN: Final = f"""
    FROM begin_order(
        :merchant, :number, :channel, :external_id, :external_key, CAST(:customer AS bigint), :is_guest, :placed_at) AS begun
    LEFT JOIN {PROMISE_FACTS} AS facts ON true"""
_ASKED: Final = "made_id AS order_id, made_number AS number, sold, setting, rules, is_kept"
_BEGIN: Final = sa.text(f"SELECT {_ASKED} {_BEGUN}")
_BEGIN_BY_RULES: Final = sa.text(
    f"SELECT {_ASKED}, {TAX_COLUMNS} {_BEGUN} LEFT JOIN {TAX_FACTS} AS taxed ON true"
)
