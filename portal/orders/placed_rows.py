"""The rows that a new order is written as, by table; ``write_order`` knows their columns."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from portal.core import normalise
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.money import round_to_minor
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
from portal.orders.promising import Allocation, Promise


def rows_of(
    new: NewOrder,
    ref: PlacedOrder,
    totals: dict[str, Decimal],
    promise: Promise,
    hold_reason: str | None,
    by: Actor,
) -> dict[str, list[dict[str, Any]]]:
    """All rows of the order but its audit entries, in the order in which tables are written."""
    order_id = ref.order_id
    return {
        "sales_order": [_head(new, ref, totals, hold_reason)],
        "order_line": _lines(new, order_id, promise),
        "order_allocation": [_allocation(each, order_id) for each in promise.allocations],
        "order_contact": [_contact(each, order_id, n, new) for n, each in enumerate(new.contacts, 1)],
        "order_charge": [_charge(each, order_id, n) for n, each in enumerate(new.charges, 1)],
        "order_discount": [_discount(each, order_id, n) for n, each in enumerate(new.discounts, 1)],
        "order_payment": [_payment(each, order_id, n, new) for n, each in enumerate(new.payments, 1)],
        "order_tag": [{"order_id": order_id, "tag": tag} for tag in dict.fromkeys(new.tags)],
        "order_event": [_placed(new, order_id, totals, hold_reason, by)],
        "outbox_event": [
            {"kind": "order.placed", "key": f"order:{order_id}", "payload": {"order_id": order_id}}
        ],
    }


def totals_as_placed(new: NewOrder) -> dict[str, Decimal]:
    """The sums of an order, by their columns."""
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
        "payment_state": payment_state(new, totals["total"]),
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


def payment_state(new: NewOrder, total: Decimal) -> str:
    """How far an order of this total is paid for when it is placed."""
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
