"""What programs send and are sent. Amounts are texts of decimal numbers, so that no program rounds them on the way."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final

import marshmallow as ma
from marshmallow import validate as must

from portal.accounts.forms import country_choices
from portal.core.card_numbers import holds_card_number
from portal.orders.models import DELIVERIES

LONGEST: Final = 200
MOST_LINES: Final = 500
MOST_UNITS: Final = 1_000_000
STATES: Final = ("open", "on_hold", "closed", "cancelled")


class _Strict(ma.Schema):
    class Meta:
        unknown = ma.RAISE


def _amount(**given: object) -> ma.fields.Decimal:
    return ma.fields.Decimal(
        as_string=True,
        allow_nan=False,
        validate=must.Range(min=0, max=10**11),
        **given,  # type: ignore[arg-type]
    )


def _is_no_card(text: str) -> None:
    if holds_card_number(text):
        raise ma.ValidationError("This looks like a card number, and those are never kept here.")


def _text(
    longest: int = LONGEST,
    *,
    may_be_blank: bool = False,
    is_code: bool = False,
    also: tuple[must.Validator, ...] = (),
    **given: object,
) -> ma.fields.String:
    # PostgreSQL keeps no NUL in a text.
    rules: list[Callable[[str], object]] = [
        must.Length(max=longest),
        must.ContainsNoneOf("\0", error="It must hold no NUL."),
    ]
    if not may_be_blank:
        rules.append(must.Regexp(r".*\S", error="It must not be empty; leave it out instead."))
    # Codes of articles are as long as card numbers and carry check digits too.
    if not is_code:
        rules.append(_is_no_card)
    return ma.fields.String(validate=must.And(*rules, *also), **given)  # type: ignore[arg-type]


_blank = functools.partial(_text, may_be_blank=True, load_default=None)


def _country(code: str) -> None:
    if code and code not in {choice.value for choice in country_choices()}:
        raise ma.ValidationError("No country has this code (ISO 3166, two capital letters).")


class NewLineSchema(_Strict):
    """Units of a variant. Without a price the catalogue's price in the order's currency counts."""

    sku = _text(required=True, is_code=True, metadata={"example": "MUG-BLUE"})
    quantity = ma.fields.Integer(required=True, strict=True, validate=must.Range(1, MOST_UNITS))
    unit_price = _amount(metadata={"example": "9.90"})
    discount = _amount(load_default=None, metadata={"description": "taken off the whole line"})
    title = _text(load_default=None)


class AddressSchema(_Strict):
    """A person or a place. An empty text is the same as none."""

    name = _blank()
    company = _blank()
    email = _blank(also=(must.Regexp(r"(\s*|[^@\s]+@[^@\s]+)$", error="This is not an e-mail address."),))
    phone = _blank(longest=40)
    line1 = _blank()
    line2 = _blank()
    city = _blank()
    region = _blank(metadata={"description": "state or province, as its code or its name"})
    postcode = _blank(longest=20)
    country_code = ma.fields.String(load_default=None, validate=_country, metadata={"example": "GB"})
    vat_id = _blank(longest=20)

    @ma.post_load
    def _without_blanks(self, sent: dict[str, Any], **_: object) -> dict[str, Any]:
        return {name: (text or "").strip() or None for name, text in sent.items()}


class NewShippingSchema(_Strict):
    """How it is sent and what that costs."""

    label = _text(load_default="Delivery")
    amount = _amount(required=True)


class NewDeliverySchema(_Strict):
    """How the goods get to the buyer: sent, collected at a location of the merchant, or taken from there at once."""

    method = ma.fields.String(required=True, validate=must.OneOf(DELIVERIES))
    location = _text(
        longest=40,
        load_default=None,
        metadata={"description": "code of the location, unless it is sent", "example": "LEEDS"},
    )


class NewPaymentSchema(_Strict):
    """How it is paid. ``intent``: still to be paid; ``authorised``, ``captured``: by the channel's own gateway."""

    method = _text(longest=40, required=True, metadata={"example": "card"})
    state = ma.fields.String(load_default="intent", validate=must.OneOf(["intent", "authorised", "captured"]))
    reference = _text(load_default=None)


class NewOrderSchema(_Strict):
    """An order to place. Tax and totals follow from the merchant's rules."""

    currency = ma.fields.String(
        required=True, validate=must.Regexp(r"^[A-Z]{3}$"), metadata={"example": "GBP"}
    )
    external_id = _text(load_default=None, metadata={"description": "your own number; once per channel"})
    prices_include_tax = ma.fields.Boolean(
        load_default=None, metadata={"description": "the merchant's setting when left out"}
    )
    customer_id = ma.fields.String(load_default=None, validate=must.Regexp(r"^cus_[0-9a-z]{1,13}$"))
    buyer = ma.fields.Nested(AddressSchema, load_default=None)
    shipping_address = ma.fields.Nested(AddressSchema, load_default=None)
    billing_address = ma.fields.Nested(AddressSchema, load_default=None)
    lines = ma.fields.List(
        ma.fields.Nested(NewLineSchema), required=True, validate=must.Length(1, MOST_LINES)
    )
    delivery = ma.fields.Nested(NewDeliverySchema, load_default=None)
    shipping = ma.fields.Nested(NewShippingSchema, load_default=None)
    voucher_code = _text(load_default=None)
    payment = ma.fields.Nested(NewPaymentSchema, load_default=None)
    reservation_key = _text(load_default=None, metadata={"description": "of units kept for this basket"})
    tags = ma.fields.List(
        _text(longest=40, also=(must.ContainsNoneOf(",", error="A tag holds no comma."),)),
        load_default=[],
        validate=must.Length(max=20),
    )


class LineSchema(ma.Schema):
    """A line of an order."""

    n = ma.fields.Integer()
    sku = ma.fields.String()
    title = ma.fields.String()
    quantity = ma.fields.Integer()
    unit_price = ma.fields.String()
    discount = ma.fields.String()
    tax_rate = ma.fields.String()
    tax = ma.fields.String()
    total = ma.fields.String()
    allocated = ma.fields.Integer()
    fulfilled = ma.fields.Integer()
    cancelled = ma.fields.Integer()
    returned = ma.fields.Integer()


class ChargeSchema(ma.Schema):
    """Money of an order that is no product."""

    kind = ma.fields.String()
    label = ma.fields.String()
    amount = ma.fields.String()
    tax = ma.fields.String()


class PaymentSchema(ma.Schema):
    """A payment and how far it got."""

    n = ma.fields.Integer()
    method = ma.fields.String()
    state = ma.fields.String()
    amount = ma.fields.String()
    captured = ma.fields.String()


class TotalsSchema(ma.Schema):
    """What the order costs and what came in."""

    items = ma.fields.String()
    charges = ma.fields.String()
    discounts = ma.fields.String()
    tax = ma.fields.String()
    total = ma.fields.String()
    captured = ma.fields.String()
    refunded = ma.fields.String()


class DeliverySchema(ma.Schema):
    """How the goods get to the buyer; ``location`` is null for what is sent."""

    method = ma.fields.String(validate=must.OneOf(DELIVERIES))
    location = ma.fields.String(allow_none=True)


class OrderSummarySchema(ma.Schema):
    """An order as lists have it."""

    id = ma.fields.String(metadata={"example": "ord_01h2xcejq"})
    number = ma.fields.String()
    external_id = ma.fields.String(allow_none=True)
    state = ma.fields.String(validate=must.OneOf(STATES))
    payment_state = ma.fields.String()
    fulfilment_state = ma.fields.String()
    placed_at = ma.fields.String(metadata={"format": "date-time"})
    currency = ma.fields.String()
    total = ma.fields.String()


class OrderSchema(ma.Schema):
    """An order."""

    id = ma.fields.String()
    number = ma.fields.String()
    external_id = ma.fields.String(allow_none=True)
    state = ma.fields.String(validate=must.OneOf(STATES))
    hold_reason = ma.fields.String(allow_none=True)
    payment_state = ma.fields.String()
    fulfilment_state = ma.fields.String()
    placed_at = ma.fields.String(metadata={"format": "date-time"})
    currency = ma.fields.String()
    prices_include_tax = ma.fields.Boolean()
    tax_treatment = ma.fields.String()
    delivery = ma.fields.Nested(DeliverySchema)
    totals = ma.fields.Nested(TotalsSchema)
    lines = ma.fields.List(ma.fields.Nested(LineSchema))
    charges = ma.fields.List(ma.fields.Nested(ChargeSchema))
    payments = ma.fields.List(ma.fields.Nested(PaymentSchema))


class OrderPageSchema(ma.Schema):
    """A page of orders, newest first; ``next_cursor`` is null on the last."""

    orders = ma.fields.List(ma.fields.Nested(OrderSummarySchema))
    next_cursor = ma.fields.String(allow_none=True)


class OrderQuerySchema(ma.Schema):
    """Which orders, and from where on."""

    class Meta:
        unknown = ma.RAISE

    limit = ma.fields.Integer(load_default=50, validate=must.Range(1, 200))
    cursor = ma.fields.String(load_default=None, validate=must.Regexp(r"^cur_[0-9a-z]{1,13}$"))
    state = ma.fields.String(load_default=None, validate=must.OneOf(STATES))
    placed_after = ma.fields.AwareDateTime(load_default=None)
    external_id = _text(load_default=None)


class IdempotencySchema(ma.Schema):
    """The word that makes a request one request, however often it is sent."""

    idempotency_key = ma.fields.String(
        required=True,
        data_key="Idempotency-Key",
        validate=must.Length(1, 255),
        metadata={"description": "a random word of yours, such as a UUID; kept for seven days"},
    )
