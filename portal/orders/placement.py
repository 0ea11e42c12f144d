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
    ZERO,
    NewCharge,
    NewContact,
    NewDiscount,
    NewLine,
    NewOrder,
    NewPayment,
    PlacedOrder,
)
from portal.orders.numbers import take_order_number
from portal.orders.pricing import price
from portal.orders.promising import Allocation, OrderFacts, Promise, Wanted, promise_units
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
    asked = new.lines
    if new.by_rules:
        new = price(new).order
    new = _without_erased(new)
    ref = _write_ref(new)
    if not ref.is_new:
        return ref
    order_id = ref.order_id
    totals = _totals(new)
    promise = _promise_stock(new, order_id, totals["total"], by)
    short = promise.short_skus
    hold_reason = new.hold_reason or (f"Not enough stock: {', '.join(short)}" if short else None)
    placed = audit.Entry(
        "order.placed",
        ("order", order_id),
        after={"number": ref.number, "total": str(totals["total"]), "currency": new.currency},
    )
    write_order(
        {
            "sales_order": [_head(new, ref, totals, hold_reason)],
            "order_line": _lines(new, order_id, promise),
            "order_allocation": [_allocation(each, order_id) for each in promise.allocations],
            "order_contact": [
                _contact(contact, order_id, n, new) for n, contact in enumerate(new.contacts, 1)
            ],
            "order_charge": [_charge(charge, order_id, n) for n, charge in enumerate(new.charges, 1)],
            "order_discount": [_discount(each, order_id, n) for n, each in enumerate(new.discounts, 1)],
            "order_payment": [
                _payment(payment, order_id, n, new) for n, payment in enumerate(new.payments, 1)
            ],
            "order_tag": [{"order_id": order_id, "tag": tag} for tag in dict.fromkeys(new.tags)],
            "order_event": [_placed(new, order_id, totals, hold_reason, by)],
            "audit_entry": [audit.plain_row(entry, by) for entry in (placed, *_overrides(asked, order_id))],
            "outbox_event": [
                {"kind": "order.placed", "key": f"order:{order_id}", "payload": {"order_id": order_id}}
            ],
        }
    )
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


def _write_ref(new: NewOrder) -> PlacedOrder:
    merchant_id = current_merchant_id()
    written = db.session.execute(
        _BEGIN,
        {
            "merchant": merchant_id,
            "number": take_order_number(),
            "channel": new.channel_id,
            "external_id": new.external_id,
            "external_key": normalise.code_key(new.external_id),
            "customer": new.customer_id,
            "is_guest": new.customer_id is None and bool(new.contacts),
            "placed_at": new.placed_at or utc_now(),
        },
    ).one_or_none()
    if written is not None:
        return PlacedOrder(written.order_id, written.number, True)
    table = OrderRef.__table__
    known = db.session.execute(
        sa.select(table.c.order_id, table.c.number).where(
            table.c.merchant_id == merchant_id,
            table.c.channel_id == new.channel_id,
            table.c.external_id == new.external_id,
        )
    ).one()
    return PlacedOrder(known.order_id, known.number, False)


def _without_erased(new: NewOrder) -> NewOrder:
    """An order from before its person was erased keeps its money and goods and comes without the person."""
    if new.placed_at is None or not new.contacts:
        return new
    keys = [("email", normalise.email_key(contact.email)) for contact in new.contacts]
    keys += [
        ("phone", normalise.phone_key(contact.phone, contact.country_code or new.phone_region))
        for contact in new.contacts
    ]
    erased = suppressed_before(current_merchant_id(), keys)
    if not any(new.placed_at <= erased_at for erased_at in erased.values()):
        return new
    return replace(new, contacts=(), customer_id=None)


def _promise_stock(new: NewOrder, order_id: int, total: Decimal, by: Actor) -> Promise:
    shipping = next((contact for contact in new.contacts if contact.kind == "shipping"), None)
    facts = OrderFacts(
        order_id,
        new.channel_id,
        shipping.country_code if shipping else None,
        round_to_minor(total * new.base_rate, new.base_currency or new.currency),
        _payment_state(new, total),
        frozenset(new.tags),
        new.delivery,
        new.delivery_location_id,
    )
    wanted = [
        Wanted(n, line.sku, line.variant_id, line.quantity)
        for n, line in enumerate(new.lines, 1)
        if line.variant_id is not None and line.is_stocked
    ]
    return promise_units(facts, wanted, reservation_key=new.reservation_key, by=by)


def _hand_over(new: NewOrder, order_id: int, promise: Promise, by: Actor) -> None:
    """The buyer walks out with it. What is back-ordered follows later."""
    units = {
        n: promise.lines[n].units if n in promise.lines else line.quantity
        for n, line in enumerate(new.lines, 1)
    }
    taken = {n: quantity for n, quantity in units.items() if quantity}
    if taken:
        hand_over(order_id, taken, location_id=new.delivery_location_id, by=by)


def _totals(new: NewOrder) -> dict[str, Decimal]:
    items = sum((_line_total(line, new.currency) for line in new.lines), ZERO)
    charges = sum((charge.amount for charge in new.charges if charge.kind != "discount"), ZERO)
    discount = sum((charge.amount for charge in new.charges if charge.kind == "discount"), ZERO)
    tax = sum((line.tax_amount for line in new.lines), ZERO) + sum(
        (charge.tax_amount for charge in new.charges), ZERO
    )
    total = items + charges - discount + (ZERO if new.tax_inclusive else tax)
    captured = sum((payment.captured_amount for payment in new.payments), ZERO)
    return {
        "items_total": items,
        "charges_total": charges,
        "discount_total": discount,
        "tax_total": tax,
        "total": total,
        "captured_total": captured,
    }


def _line_total(line: NewLine, currency: str) -> Decimal:
    return round_to_minor(line.unit_price * line.quantity - line.discount, currency)


def _head(
    new: NewOrder, ref: PlacedOrder, totals: dict[str, Decimal], hold_reason: str | None
) -> dict[str, Any]:
    shipping = next((contact for contact in new.contacts if contact.kind == "shipping"), None)
    return {
        "id": ref.order_id,
        "number": ref.number,
        "channel_id": new.channel_id,
        "customer_id": new.customer_id,
        "placed_at": new.placed_at or utc_now(),
        "state": "on_hold" if hold_reason else "open",
        "payment_state": _payment_state(new, totals["total"]),
        "fulfilment_state": "unfulfilled",
        "hold_reason": hold_reason,
        "due_at": new.due_at,
        "delivery": new.delivery,
        "delivery_location_id": new.delivery_location_id,
        "country_code": shipping.country_code if shipping else None,
        "currency": new.currency,
        "tax_inclusive": new.tax_inclusive,
        "tax_treatment": new.tax_treatment,
        "tax_rounding": new.tax_rounding,
        "shipping_tax": new.shipping_tax,
        **totals,
        "refunded_total": ZERO,
        "base_currency": new.base_currency or new.currency,
        "base_rate": new.base_rate,
        "base_total": round_to_minor(totals["total"] * new.base_rate, new.base_currency or new.currency),
        "line_count": len(new.lines),
        "unit_count": sum(line.quantity for line in new.lines),
        "version": 1,
    }


def _payment_state(new: NewOrder, total: Decimal) -> str:
    captured = sum((payment.captured_amount for payment in new.payments), ZERO)
    if captured >= total:
        return "paid"
    if captured > 0:
        return "part_paid"
    return "authorised" if any(payment.is_authorised for payment in new.payments) else "unpaid"


def _lines(new: NewOrder, order_id: int, promise: Promise) -> list[dict[str, Any]]:
    return [
        {
            "order_id": order_id,
            "n": n,
            "variant_id": line.variant_id,
            "sku": line.sku,
            "title": line.title,
            "quantity": line.quantity,
            "unit_price": line.unit_price,
            "discount": line.discount,
            "tax_rate": line.tax_rate,
            "tax_amount": line.tax_amount,
            "tax_class": line.tax_class,
            "list_price": line.list_price,
            "shared_discount": line.shared_discount,
            "line_total": _line_total(line, new.currency),
            "location_id": promise.of(n).location_id,
            "allocated_quantity": promise.of(n).units,
            "promise_state": promise.of(n).state,
        }
        for n, line in enumerate(new.lines, 1)
    ]


def _allocation(allocation: Allocation, order_id: int) -> dict[str, Any]:
    variant_id, location_id, slot = allocation.level
    return {
        "order_id": order_id,
        "line_n": allocation.line_n,
        "variant_id": variant_id,
        "location_id": location_id,
        "slot": slot,
        "quantity": allocation.units,
    }


def _contact(contact: NewContact, order_id: int, n: int, new: NewOrder) -> dict[str, Any]:
    phone_key = normalise.phone_key(contact.phone, contact.country_code or new.phone_region)
    return {
        "order_id": order_id,
        "n": n,
        "kind": contact.kind,
        "name": contact.name,
        "company": contact.company,
        "email": contact.email,
        "phone": contact.phone,
        "line1": contact.line1,
        "line2": contact.line2,
        "city": contact.city,
        "region": contact.region,
        "postcode": contact.postcode,
        "country_code": contact.country_code,
        "vat_id": contact.vat_id,
        "name_key": normalise.full_name_key(contact.name),
        "email_key": normalise.email_key(contact.email),
        "phone_key": phone_key,
        "phone_tail": normalise.phone_tail_key(phone_key),
        "postcode_key": normalise.postcode_key(contact.postcode),
    }


def _charge(charge: NewCharge, order_id: int, n: int) -> dict[str, Any]:
    return {
        "order_id": order_id,
        "n": n,
        "kind": charge.kind,
        "label": charge.label,
        "amount": charge.amount,
        "discount": charge.discount,
        "tax_class": charge.tax_class,
        "tax_rate": charge.tax_rate,
        "tax_amount": charge.tax_amount,
        "tax_by_rate": charge.tax_by_rate,
    }


def _discount(discount: NewDiscount, order_id: int, n: int) -> dict[str, Any]:
    return {
        "order_id": order_id,
        "n": n,
        "source": discount.source,
        "label": discount.label,
        "voucher_id": discount.voucher_id,
        "applies_to": discount.on,
        "percent": discount.percent,
        "asked_amount": discount.amount,
        "amount": discount.amount_off,
        "reason": discount.reason,
    }


def _placed(
    new: NewOrder, order_id: int, totals: dict[str, Decimal], hold_reason: str | None, by: Actor
) -> dict[str, Any]:
    return {
        "order_id": order_id,
        "kind": "placed",
        "actor_kind": by.kind,
        "actor_id": by.id,
        "at": utc_now(),
        "data": {
            "channel_id": new.channel_id,
            "total": str(totals["total"]),
            "currency": new.currency,
            **({"hold_reason": hold_reason} if hold_reason else {}),
        },
    }


def _overrides(lines: Sequence[NewLine], order_id: int) -> list[audit.Entry]:
    """A price that staff chose stands in the audit log beside the catalogue's."""
    return [
        audit.Entry(
            "order.price_overridden",
            ("order", order_id),
            before={"sku": line.sku, "unit_price": line.list_price},
            after={"sku": line.sku, "unit_price": line.unit_price},
            reason=line.price_reason,
        )
        for line in lines
        if line.list_price is not None and line.list_price != line.unit_price
    ]


def _payment(payment: NewPayment, order_id: int, n: int, new: NewOrder) -> dict[str, Any]:
    state = "captured" if payment.captured_amount else "authorised" if payment.is_authorised else "pending"
    return {
        "order_id": order_id,
        "n": n,
        "state": state,
        "method": payment.method,
        "gateway": payment.gateway,
        "gateway_reference": payment.gateway_reference,
        "amount": payment.amount,
        "captured_amount": payment.captured_amount,
        "currency": new.currency,
        "card_brand": payment.card_brand,
        "card_last_four": payment.card_last_four,
        "at": new.placed_at or utc_now(),
    }


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


_BEGIN: Final = sa.text("""
    SELECT made_id AS order_id, made_number AS number
    FROM begin_order(:merchant, :number, :channel, :external_id, :external_key, CAST(:customer AS bigint), :is_guest, :placed_at)""")
