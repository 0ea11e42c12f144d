"""What placing an order takes, as plain values: lines, charges, people, payments, discounts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class NewLine:
    """Units of something sold. ``variant_id`` is None when the SKU is not in the catalogue.

    ``discount`` is all that was taken off the line, ``shared_discount`` the part of it that comes from discounts of the
    whole order. ``list_price`` is the catalogue's, when staff asked another,
    and ``price_reason`` why. Orders that are added up by the rules give
    ``tax_class`` and leave rate and tax to them.
    """

    sku: str
    title: str
    quantity: int
    unit_price: Decimal
    variant_id: int | None = None
    discount: Decimal = ZERO
    tax_rate: Decimal = ZERO
    tax_amount: Decimal = ZERO
    is_stocked: bool = True
    tax_class: str | None = None
    list_price: Decimal | None = None
    price_reason: str | None = None
    shared_discount: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class NewCharge:
    """Money that is no product; ``kind`` is one of ``CHARGE_KINDS``. A discount has a positive amount.

    ``amount`` is what is charged, ``discount`` what was taken off before.
    """

    kind: str
    label: str
    amount: Decimal
    tax_amount: Decimal = ZERO
    discount: Decimal = ZERO
    tax_class: str | None = None
    tax_rate: Decimal = ZERO
    tax_by_rate: dict[str, list[str]] | None = None


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
    """A payment as the channel or the gateway reports it; neither captured nor authorised, it is an intent."""

    method: str
    amount: Decimal
    captured_amount: Decimal = ZERO
    gateway: str = "manual"
    gateway_reference: str | None = None
    card_brand: str | None = None
    card_last_four: str | None = None
    is_authorised: bool = True


@dataclass(frozen=True, slots=True)
class NewDiscount:
    """Something taken off the whole order by staff or a voucher; of percent and amount, one is set.

    ``amount_off`` is what it came to; the rules fill it in.
    """

    source: str
    label: str
    percent: Decimal | None = None
    amount: Decimal | None = None
    on: str = "goods"
    voucher_id: int | None = None
    reason: str | None = None
    amount_off: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class NewOrder:
    """Everything that placing an order takes.

    With ``by_rules`` the merchant's rules compute tax and totals from prices, classes, discounts and the voucher; without,
    the channel's own amounts are taken as they are. ``reservation_key`` names units kept for this order before.
    ``delivery`` is one of ``DELIVERIES``; what is collected or handed over at once comes from its location alone.
    """

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
    delivery: str = "ship"
    delivery_location_id: int | None = None
    base_currency: str | None = None
    base_rate: Decimal = Decimal(1)
    phone_region: str | None = field(default=None)
    by_rules: bool = False
    discounts: Sequence[NewDiscount] = ()
    voucher_code: str | None = None
    reservation_key: str | None = None
    payment_method: str | None = None
    tax_treatment: str = "channel"
    tax_rounding: str = "line"
    shipping_tax: str = "own"


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """What placing gave: ``is_new`` is false when the channel had sent this order before."""

    order_id: int
    number: str
    is_new: bool
    hold_reason: str | None = None
