"""Place an order: once per channel and external number, its money adding up, its units promised or its lack said.

Statements are Core, a fixed handful whatever the size of the order: this is the path a sale waits on.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from portal.core import audit, normalise, outbox
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.core.money import minor_units, round_to_minor
from portal.core.subjects import DataSubject
from portal.customers.models import Customer
from portal.orders.models import (
    Order,
    OrderCharge,
    OrderContact,
    OrderEvent,
    OrderLine,
    OrderPayment,
    OrderRef,
    OrderTag,
)
from portal.orders.numbers import take_order_number
from portal.privacy.suppression import suppressed_before
from portal.stock.models import Location, StockLevel
from portal.stock.services import Move, apply_moves

ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class NewLine:
    """Units of something sold. ``variant_id`` is None when the SKU is not in the catalogue."""

    sku: str
    title: str
    quantity: int
    unit_price: Decimal
    variant_id: int | None = None
    discount: Decimal = ZERO
    tax_rate: Decimal = ZERO
    tax_amount: Decimal = ZERO
    is_stocked: bool = True


@dataclass(frozen=True, slots=True)
class NewCharge:
    """Money that is no product; ``kind`` is one of ``CHARGE_KINDS``. A discount has a positive amount."""

    kind: str
    label: str
    amount: Decimal
    tax_amount: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class NewContact:
    """The person or the place of one role of the order: buyer, shipping or billing."""

    kind: str
    name: str | None = None
    company: str | None = None
    email: str | None = None
    phone: str | None = None
    line1: str | None = None
    line2: str | None = None
    city: str | None = None
    region: str | None = None
    postcode: str | None = None
    country_code: str | None = None
    vat_id: str | None = None


@dataclass(frozen=True, slots=True)
class NewPayment:
    """A payment as the channel or the gateway reports it."""

    method: str
    amount: Decimal
    captured_amount: Decimal = ZERO
    gateway: str = "manual"
    gateway_reference: str | None = None
    card_brand: str | None = None
    card_last_four: str | None = None


@dataclass(frozen=True, slots=True)
class NewOrder:
    """Everything that placing an order takes."""

    channel_id: int
    currency: str
    lines: Sequence[NewLine]
    external_id: str | None = None
    placed_at: dt.datetime | None = None
    tax_inclusive: bool = True
    customer_id: int | None = None
    contacts: Sequence[NewContact] = ()
    charges: Sequence[NewCharge] = ()
    payments: Sequence[NewPayment] = ()
    tags: Sequence[str] = ()
    hold_reason: str | None = None
    due_at: dt.datetime | None = None
    base_currency: str | None = None
    base_rate: Decimal = Decimal(1)
    phone_region: str | None = field(default=None)


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """What placing gave: ``is_new`` is false when the channel had sent this order before."""

    order_id: int
    number: str
    is_new: bool
    hold_reason: str | None = None


def place_order(new: NewOrder, *, by: Actor) -> PlacedOrder:
    """Write the order, promise its stock, tell everyone who listens; within the caller's transaction.

    The same external number on the same channel is one order, whoever comes first. An order that stock cannot cover
    is placed on hold and says which SKU is short; nothing is promised twice.

    Raises:
        DomainError: the order has no line, a quantity below one, or an unknown currency.
    """
    _check(new)
    new = _without_erased(new)
    ref = _write_ref(new)
    if not ref.is_new:
        return ref
    order_id = ref.order_id
    locations, short = _promise_stock(new, order_id, by)
    hold_reason = new.hold_reason or (f"Not enough stock: {', '.join(sorted(short))}" if short else None)
    totals = _totals(new)
    _insert(Order, [_head(new, ref, totals, hold_reason)])
    _insert(OrderLine, _lines(new, order_id, locations))
    _insert(OrderContact, [_contact(contact, order_id, n, new) for n, contact in enumerate(new.contacts, 1)])
    _insert(
        OrderCharge,
        [
            {
                "order_id": order_id,
                "n": n,
                "kind": charge.kind,
                "label": charge.label,
                "amount": charge.amount,
                "tax_amount": charge.tax_amount,
            }
            for n, charge in enumerate(new.charges, 1)
        ],
    )
    _insert(OrderPayment, [_payment(payment, order_id, n, new) for n, payment in enumerate(new.payments, 1)])
    _insert(OrderTag, [{"order_id": order_id, "tag": tag} for tag in dict.fromkeys(new.tags)])
    _insert(
        OrderEvent,
        [
            {
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
        ],
    )
    if new.customer_id is not None:
        _count_for_customer(new.customer_id, new.placed_at or utc_now())
    audit.record(
        action="order.placed",
        by=by,
        subject=("order", order_id),
        after={"number": ref.number, "total": str(totals["total"]), "currency": new.currency},
    )
    outbox.publish(kind="order.placed", key=f"order:{order_id}", payload={"order_id": order_id})
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
    table = OrderRef.__table__
    placed_at = new.placed_at or utc_now()
    values: dict[str, Any] = {
        "merchant_id": current_merchant_id(),
        "number": take_order_number(),
        "channel_id": new.channel_id,
        "external_id": new.external_id,
        "external_key": normalise.code_key(new.external_id),
        "subject_id": _subject_for(new),
        "placed_at": placed_at,
        "order_id": sa.func.new_id(placed_at),
    }
    written = db.session.execute(
        postgresql.insert(table)
        .values(values)
        .on_conflict_do_nothing(index_elements=["merchant_id", "channel_id", "external_id"])
        .returning(table.c.order_id, table.c.number)
    ).one_or_none()
    if written is not None:
        return PlacedOrder(written.order_id, written.number, True)
    known = db.session.execute(
        sa.select(table.c.order_id, table.c.number).where(
            table.c.merchant_id == current_merchant_id(),
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


def _subject_for(new: NewOrder) -> int | None:
    merchant_id = current_merchant_id()
    if new.customer_id is not None:
        table = Customer.__table__
        return int(
            db.session.execute(
                sa.select(table.c.subject_id).where(
                    table.c.merchant_id == merchant_id, table.c.id == new.customer_id
                )
            ).scalar_one()
        )
    if not new.contacts:
        return None
    subject = DataSubject.__table__
    return int(
        db.session.execute(
            sa.insert(subject).values(merchant_id=merchant_id).returning(subject.c.id)
        ).scalar_one()
    )


def _promise_stock(new: NewOrder, order_id: int, by: Actor) -> tuple[dict[int, int], set[str]]:
    """Allocate each stocked line at one location; gives line index → location and the SKUs that are short."""
    wanted = [
        (i, line) for i, line in enumerate(new.lines) if line.variant_id is not None and line.is_stocked
    ]
    if not wanted:
        return {}, set()
    available = _available([line.variant_id for _, line in wanted if line.variant_id is not None])
    chosen: dict[int, int] = {}
    short: set[str] = set()
    moves: list[Move] = []
    for index, line in wanted:
        assert line.variant_id is not None
        places = available[line.variant_id]
        place = max(places, key=lambda location: places[location], default=None)
        if place is None or places[place] < line.quantity:
            short.add(line.sku)
            continue
        places[place] -= line.quantity
        chosen[index] = place
        moves.append(
            Move(
                line.variant_id,
                place,
                "allocated",
                allocated=line.quantity,
                cause_kind="order",
                cause_id=order_id,
            )
        )
    apply_moves(moves, by=by)
    return chosen, short


def _available(variant_ids: Sequence[int]) -> dict[int, dict[int, int]]:
    level, location = StockLevel.__table__, Location.__table__
    free = level.c.on_hand - level.c.allocated - level.c.reserved - level.c.unavailable
    rows = db.session.execute(
        sa.select(level.c.variant_id, level.c.location_id, free.label("free"))
        .join(
            location,
            sa.and_(location.c.merchant_id == level.c.merchant_id, location.c.id == level.c.location_id),
        )
        .where(
            level.c.merchant_id == current_merchant_id(),
            level.c.variant_id.in_(set(variant_ids)),
            level.c.slot == 0,
            location.c.is_active,
        )
        # The locks are taken in the order of every other stock change, and hold until the promise is written.
        .order_by(level.c.variant_id, level.c.location_id, level.c.slot)
        .with_for_update(of=level)
    )
    found: dict[int, dict[int, int]] = defaultdict(dict)
    for row in rows:
        found[row.variant_id][row.location_id] = row.free
    return found


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
        "country_code": shipping.country_code if shipping else None,
        "currency": new.currency,
        "tax_inclusive": new.tax_inclusive,
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
    return "authorised" if new.payments else "unpaid"


def _lines(new: NewOrder, order_id: int, locations: dict[int, int]) -> list[dict[str, Any]]:
    return [
        {
            "order_id": order_id,
            "n": index + 1,
            "variant_id": line.variant_id,
            "sku": line.sku,
            "title": line.title,
            "quantity": line.quantity,
            "unit_price": line.unit_price,
            "discount": line.discount,
            "tax_rate": line.tax_rate,
            "tax_amount": line.tax_amount,
            "line_total": _line_total(line, new.currency),
            "location_id": locations.get(index),
            "allocated_quantity": line.quantity if index in locations else 0,
        }
        for index, line in enumerate(new.lines)
    ]


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


def _payment(payment: NewPayment, order_id: int, n: int, new: NewOrder) -> dict[str, Any]:
    state = "captured" if payment.captured_amount else "authorised"
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


def _insert(model: type[Any], rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        merchant_id = current_merchant_id()
        db.session.execute(sa.insert(model.__table__), [{"merchant_id": merchant_id, **row} for row in rows])
