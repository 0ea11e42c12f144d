"""From an order of a shop to an order of ours: placed once, then brought to what the shop says happened to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import sqlalchemy as sa

from portal.catalog.models import Variant
from portal.channels.buyers import contacts, customer_for, subject_of_order
from portal.channels.connectors.base import InboundLine, InboundOrder, RemoteKey
from portal.channels.models import ChannelAccount, ChannelListing
from portal.channels.pickup import delivery_of, note_unknown_place
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.normalise import code_key
from portal.orders import outside
from portal.orders.placement import NewCharge, NewLine, NewOrder, NewPayment, place_order

NOT_YET: Final = {
    "draft": "The buyer has not finished this order.",
    "cancelled": "The shop cancelled this order before it came here.",
    "failed": "The payment failed in the shop, so there is nothing to send.",
}
LARGEST_ROUNDING: Final = Decimal("0.10")

_listing: Final = ChannelListing.__table__
_variant: Final = Variant.__table__


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of an inbound order: its state here, why, and where it stands."""

    state: str
    reason: str | None = None
    order_id: int | None = None
    subject_id: int | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """A line's variant in our catalogue."""

    variant_id: int
    is_stocked: bool


def apply_order(account: ChannelAccount, order: InboundOrder, order_id: int | None, *, by: Actor) -> Applied:
    """Place the order if it is new, then record payment, refunds, dispatch or cancellation, in one transaction.

    Raises:
        DomainError: the order book refuses it; the message says why.
    """
    if order_id is None:
        if order.status in NOT_YET:
            return Applied("ignored", NOT_YET[order.status])
        order_id, reasons = _place(account, order, by)
    elif order.status in (*NOT_YET, "refunded"):
        reasons = []
    else:
        reasons = _name_unknown_lines(account, order, order_id, by)
    reasons += _bring_up_to_date(order, order_id, by)
    state = "held" if reasons else "applied"
    return Applied(state, " ".join(reasons) or None, order_id, subject_of_order(order_id))


def _place(account: ChannelAccount, order: InboundOrder, by: Actor) -> tuple[int, list[str]]:
    known = _variants(account.id, order.lines)
    problems = _problems(order, known)
    delivery, place = delivery_of(order.pickup)
    placed = place_order(
        NewOrder(
            channel_id=account.channel_id,
            external_id=order.external_id,
            currency=order.currency,
            placed_at=order.placed_at,
            tax_inclusive=order.tax_inclusive,
            customer_id=customer_for(order.buyer, placed_at=order.placed_at, source=account.connector, by=by),
            contacts=contacts(order.buyer, order.shipping),
            lines=[_line(line, known.get((line.key, line.sku)), order.tax_inclusive) for line in order.lines],
            charges=_charges(order),
            payments=_payments(account, order),
            hold_reason=" ".join(problems) or None,
            delivery=delivery,
            delivery_location_id=place,
            phone_region=order.buyer.country_code or None,
        ),
        by=by,
    )
    if placed.is_new and order.pickup is not None and place is None:
        note_unknown_place(placed.order_id, order.pickup, subject_id=subject_of_order(placed.order_id), by=by)
    return placed.order_id, [placed.hold_reason] if placed.is_new and placed.hold_reason else []


def _bring_up_to_date(order: InboundOrder, order_id: int, by: Actor) -> list[str]:
    """Each step does nothing when the order already stands so."""
    if order.status in ("cancelled", "failed", "refunded"):
        if order.status == "refunded":
            _refund(order, order_id, by)
        # A payment that failed may still come; the shop keeps such an order open, and so do we, on the unpaid list.
        if order.status != "failed":
            outside.record_cancellation(order_id, unless_sent=order.status == "refunded", by=by)
        return []
    if order.status == "draft":
        return []
    reasons = [
        f"{outside.NOT_ENOUGH}: {', '.join(short)}."
        if (short := outside.record_reopening(order_id, by=by))
        else ""
    ]
    if order.is_paid:
        outside.record_payment(
            order_id,
            method=order.payment_method,
            gateway="shop",
            reference=order.payment_reference or None,
            at=order.paid_at,
            by=by,
        )
    reasons.append(_refund(order, order_id, by))
    if order.status == "done":
        missing = outside.record_completion(order_id, by=by)
        reasons.append(f"{outside.SENT_UNCOVERED}: {', '.join(missing)}." if missing else "")
    return [reason for reason in reasons if reason]


def _refund(order: InboundOrder, order_id: int, by: Actor) -> str:
    open_amount = Decimal(0)
    for refund in order.refunds:
        open_amount += refund.amount - outside.record_refund(
            order_id, refund.external_id, refund.amount, by=by
        )
    if open_amount > 0:
        return f"The shop gave back {open_amount} {order.currency} more than it took. Look at the payments there."
    return ""


def _name_unknown_lines(account: ChannelAccount, order: InboundOrder, order_id: int, by: Actor) -> list[str]:
    """A SKU nobody knew when the order came may be matched by now; then the hold ends."""
    known = _variants(account.id, order.lines)
    for line in order.lines:
        found = known.get((line.key, line.sku))
        if found is not None:
            outside.name_line(order_id, line.sku, found.variant_id)
    problems = _problems(order, known)
    if problems:
        return problems
    short = outside.release_hold(order_id, by=by)
    return [f"{outside.NOT_ENOUGH}: {', '.join(short)}."] if short else []


def _problems(order: InboundOrder, known: dict[tuple[RemoteKey, str], Known]) -> list[str]:
    problems = []
    unknown = sorted({line.sku or line.title for line in order.lines if (line.key, line.sku) not in known})
    if unknown:
        problems.append(f"{outside.NOT_IN_CATALOGUE}: {', '.join(unknown)[:200]}.")
    if abs(order.rounding) > LARGEST_ROUNDING:
        problems.append(f"{outside.AMOUNTS_DIFFER} from its total by {order.rounding} {order.currency}.")
    return problems


def _variants(account_id: int, lines: Sequence[InboundLine]) -> dict[tuple[RemoteKey, str], Known]:
    """By the matched article first, else by the same code; a line of neither is unknown."""
    merchant_id = current_merchant_id()
    by_key = {
        RemoteKey(row.remote_product_id, row.remote_variation_id): Known(row.id, row.is_stocked)
        for row in db.session.execute(
            sa.select(
                _listing.c.remote_product_id,
                _listing.c.remote_variation_id,
                _variant.c.id,
                _variant.c.is_stocked,
            )
            .join(
                _variant,
                sa.and_(
                    _variant.c.merchant_id == _listing.c.merchant_id, _variant.c.id == _listing.c.variant_id
                ),
            )
            .where(
                _listing.c.merchant_id == merchant_id,
                _listing.c.account_id == account_id,
                _listing.c.remote_product_id.in_({line.key.product_id for line in lines}),
            )
        )
    }
    keys = {code_key(line.sku) for line in lines if line.sku} - {None}
    by_sku = {
        row.sku_key: Known(row.id, row.is_stocked)
        for row in db.session.execute(
            sa.select(_variant.c.sku_key, _variant.c.id, _variant.c.is_stocked).where(
                _variant.c.merchant_id == merchant_id, _variant.c.sku_key.in_(keys)
            )
        )
    }
    found = {}
    for line in lines:
        match = by_key.get(line.key) if line.key.product_id else None
        match = match or (by_sku.get(code_key(line.sku) or "") if line.sku else None)
        if match is not None:
            found[line.key, line.sku] = match
    return found


def _line(line: InboundLine, known: Known | None, tax_inclusive: bool) -> NewLine:
    net = line.total - line.tax_amount if tax_inclusive else line.total
    rate = (
        (line.tax_amount / net).quantize(Decimal("0.000001")) if line.tax_amount and net > 0 else Decimal(0)
    )
    return NewLine(
        sku=line.sku,
        title=line.title,
        quantity=line.quantity,
        unit_price=line.unit_price,
        discount=line.discount,
        tax_amount=line.tax_amount,
        tax_rate=rate,
        variant_id=known.variant_id if known else None,
        is_stocked=known.is_stocked if known else False,
    )


def _charges(order: InboundOrder) -> list[NewCharge]:
    charges = [
        NewCharge(charge.kind, charge.label, charge.amount, charge.tax_amount) for charge in order.charges
    ]
    if order.rounding:
        charges.append(NewCharge("adjustment", "Rounding of the shop", order.rounding))
    return charges


def _payments(account: ChannelAccount, order: InboundOrder) -> list[NewPayment]:
    if not order.is_paid or order.total <= 0:
        return []
    return [
        NewPayment(
            order.payment_method,
            order.total,
            order.total,
            gateway=account.connector,
            gateway_reference=order.payment_reference or None,
        )
    ]
