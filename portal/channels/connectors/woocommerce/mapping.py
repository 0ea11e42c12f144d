"""Documents of the WooCommerce REST API v3, read into our words and written from them. Pure: no calls, no database."""

from __future__ import annotations

import datetime as dt
import hashlib
import html
import json
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from portal.channels.connectors.base import (
    Contact,
    InboundCharge,
    InboundLine,
    InboundOrder,
    InboundRefund,
    MappingError,
    OrderStatus,
    OrderStub,
    Pickup,
    RemoteItem,
    RemoteKey,
    Update,
)
from portal.core.card_numbers import without_card_numbers
from portal.core.money import UnknownCurrencyError, minor_units, round_to_minor

STATUSES: Final[Mapping[str, OrderStatus]] = {
    "checkout-draft": "draft",
    "auto-draft": "draft",
    "pending": "unpaid",
    "on-hold": "waiting",
    "processing": "paid",
    "completed": "done",
    "cancelled": "cancelled",
    "trash": "cancelled",
    "refunded": "refunded",
    "failed": "failed",
}
LONGEST_TEXT: Final = 500
LARGEST_QUANTITY: Final = 1_000_000
ZERO: Final = Decimal(0)
# The zones' own way, the one of the block checkout, which names its place, and the one of old shops.
PICKUP_METHODS: Final = frozenset({"local_pickup", "pickup_location", "legacy_local_pickup"})
PICKUP_PLACE: Final = "pickup_location"
MICRO: Final = Decimal("0.000001")


def item(row: Mapping[str, Any], *, parent: Mapping[str, Any] | None = None) -> RemoteItem:
    """A product, or a variation under its product."""
    own = _id(row, "id")
    name = _text(row.get("name"))
    if parent is not None:
        options = [_text(a.get("option")) for a in _rows(row, "attributes")]
        name = " – ".join(filter(None, (_text(parent.get("name")), ", ".join(filter(None, options))))) or name
    return RemoteItem(
        key=RemoteKey(_id(parent, "id"), own) if parent is not None else RemoteKey(own),
        sku=_text(row.get("sku")),
        name=name,
        stock=_stock(row),
        price=_amount_or_none(row.get("regular_price")),
    )


def own_id(key: RemoteKey) -> int:
    """The id a batch names: of the variation when there is one."""
    return key.variation_id or key.product_id


def update(change: Update) -> dict[str, Any]:
    """One row of a batch. The shop counts stock from now on; its sale prices stay its own."""
    row: dict[str, Any] = {"id": own_id(change.key)}
    if change.stock is not None:
        row |= {"manage_stock": True, "stock_quantity": change.stock}
    if change.price is not None:
        row["regular_price"] = plain(change.price)
    return row


def stub(document: Mapping[str, Any]) -> OrderStub:
    """Id and version of an order that may be broken otherwise."""
    return OrderStub(str(_id(document, "id")), _time(document, "date_modified_gmt"))


def order(document: dict[str, Any]) -> InboundOrder:
    """An order as the shop sent it.

    Raises:
        MappingError: naming the field that cannot be read.
    """
    known = stub(document)
    currency = _currency(document)
    with_tax = document.get("prices_include_tax") is True
    lines = tuple(_line(row, with_tax, currency) for row in _rows(document, "line_items"))
    charges = tuple(_charges(document, with_tax, currency))
    tax_total = sum((line.tax_amount for line in lines), ZERO) + sum(
        (charge.tax_amount for charge in charges), ZERO
    )
    total = round_to_minor(_amount(document, "total"), currency)
    counted = sum((line.total for line in lines), ZERO) + sum((charge.amount for charge in charges), ZERO)
    raw_status = _text(document.get("status"))
    paid_at = _time_or_none(document, "date_paid_gmt")
    status = STATUSES.get(raw_status, "waiting")
    return InboundOrder(
        external_id=known.external_id,
        number=_text(document.get("number")) or known.external_id,
        raw_status=raw_status,
        status=status,
        placed_at=_time(document, "date_created_gmt"),
        modified_at=known.modified_at,
        currency=currency,
        tax_inclusive=with_tax,
        buyer=_contact(document.get("billing")),
        shipping=_contact(document.get("shipping")),
        lines=lines,
        charges=charges,
        tax_total=tax_total,
        total=total,
        is_paid=paid_at is not None or status in ("paid", "done", "refunded"),
        paid_at=paid_at,
        payment_method=_text(document.get("payment_method")) or "other",
        payment_reference=_text(document.get("transaction_id")),
        customer_note=without_card_numbers(_text(document.get("customer_note"), 4000)),
        refunds=tuple(_refunds(document)),
        pickup=_pickup(document),
        rounding=total - counted - (ZERO if with_tax else tax_total),
        digest=digest(document),
        document=document,
    )


def digest(document: Mapping[str, Any]) -> str:
    """A fingerprint of what an order is about, without the person: tells two versions of one second apart."""
    keys = (
        "status",
        "currency",
        "total",
        "total_tax",
        "shipping_total",
        "discount_total",
        "date_paid_gmt",
        "date_completed_gmt",
    )
    lines = [
        [
            row.get(key)
            for key in ("id", "product_id", "variation_id", "sku", "quantity", "total", "total_tax")
        ]
        for row in _rows(document, "line_items")
    ]
    refunds = [[row.get("id"), row.get("total")] for row in _rows(document, "refunds")]
    text = json.dumps([[document.get(key) for key in keys], lines, refunds], default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def plain(amount: Decimal) -> str:
    """A number without exponent and without needless zeros, at least two digits after the point."""
    text = f"{amount.normalize():f}"
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction.ljust(2, '0')}"


def _line(row: Mapping[str, Any], with_tax: bool, currency: str) -> InboundLine:
    quantity = row.get("quantity")
    if not isinstance(quantity, int) or isinstance(quantity, bool) or not 0 < quantity <= LARGEST_QUANTITY:
        raise MappingError("A line has no whole quantity above zero.")
    total, tax = _amount(row, "total"), _amount(row, "total_tax")
    before, before_tax = _amount(row, "subtotal"), _amount(row, "subtotal_tax")
    if with_tax:
        total, before = total + tax, before + before_tax
    unit_price, discount = (before / quantity).quantize(MICRO), round_to_minor(before - total, currency)
    return InboundLine(
        key=RemoteKey(_id_or_zero(row, "product_id"), _id_or_zero(row, "variation_id")),
        sku=_text(row.get("sku")),
        title=_text(row.get("name")) or "Article without a name",
        quantity=quantity,
        unit_price=unit_price,
        discount=discount,
        tax_amount=round_to_minor(tax, currency),
        total=round_to_minor(unit_price * quantity - discount, currency),
    )


def _charges(document: Mapping[str, Any], with_tax: bool, currency: str) -> Iterable[InboundCharge]:
    for kind, field, label in (("shipping", "shipping_lines", "method_title"), ("fee", "fee_lines", "name")):
        for row in _rows(document, field):
            amount, tax = _amount(row, "total"), _amount(row, "total_tax")
            if amount or tax:
                words = _text(row.get(label)) or kind.capitalize()
                shown = round_to_minor(amount + (tax if with_tax else ZERO), currency)
                yield InboundCharge(kind, words, shown, round_to_minor(tax, currency))


def _pickup(document: Mapping[str, Any]) -> Pickup | None:
    """The buyer's wish to collect, where a way of delivery says so."""
    rows = _rows(document, "shipping_lines")
    # Old shops wrote the instance behind: local_pickup:3.
    chosen = [row for row in rows if _text(row.get("method_id")).partition(":")[0] in PICKUP_METHODS]
    if not chosen:
        return None
    places = {_pickup_place(row) for row in chosen}
    return Pickup(
        label=_text(chosen[0].get("method_title")),
        place=places.pop() if len(places) == 1 else ", ".join(sorted(filter(None, places))),
        is_whole=len(chosen) == len(rows) and not places,
    )


def _pickup_place(row: Mapping[str, Any]) -> str:
    return next(
        (_text(each.get("value")) for each in _rows(row, "meta_data") if each.get("key") == PICKUP_PLACE), ""
    )


def _refunds(document: Mapping[str, Any]) -> Iterable[InboundRefund]:
    for row in _rows(document, "refunds"):
        amount = abs(_amount(row, "total"))
        if amount:
            yield InboundRefund(str(_id(row, "id")), amount)


def _contact(value: object) -> Contact:
    row = value if isinstance(value, dict) else {}
    read: Callable[[str], str] = lambda name: _text(row.get(name))  # noqa: E731 - eleven fields read alike
    country = read("country").upper()
    return Contact(
        name=" ".join(filter(None, (read("first_name"), read("last_name")))),
        company=read("company"),
        email=read("email"),
        phone=read("phone"),
        line1=read("address_1"),
        line2=read("address_2"),
        city=read("city"),
        region=read("state"),
        postcode=read("postcode"),
        country_code=country if len(country) == 2 and country.isascii() and country.isalpha() else "",
    )


def _currency(document: Mapping[str, Any]) -> str:
    code = _text(document.get("currency")).upper()
    try:
        minor_units(code)
    except UnknownCurrencyError as error:
        raise MappingError("The order has no currency we know.") from error
    return code


def _rows(document: Mapping[str, Any], field: str) -> list[dict[str, Any]]:
    value = document.get(field)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise MappingError(f"“{field}” is no list of rows.")
    return value


def _stock(row: Mapping[str, Any]) -> int | None:
    value = row.get("stock_quantity")
    if row.get("manage_stock") is not True or value is None:
        return None
    try:
        return int(Decimal(str(value)))
    except (InvalidOperation, ValueError):
        return None


def _amount(row: Mapping[str, Any], field: str) -> Decimal:
    value = row.get(field)
    if value in (None, ""):
        return ZERO
    found = _amount_or_none(value)
    if found is None:
        raise MappingError(f"“{field}” is no amount.")
    return found


def _amount_or_none(value: object) -> Decimal | None:
    if value is None or value == "" or isinstance(value, bool):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and abs(amount) < Decimal(10) ** 12 else None


def _id(row: Mapping[str, Any], field: str) -> int:
    value = row.get(field)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 1 << 62:
        raise MappingError(f"“{field}” is no number of the shop.")
    return value


def _id_or_zero(row: Mapping[str, Any], field: str) -> int:
    return _id(row, field) if row.get(field) else 0


def _time(row: Mapping[str, Any], field: str) -> dt.datetime:
    found = _time_or_none(row, field)
    if found is None:
        raise MappingError(f"“{field}” is missing.")
    return found


def _time_or_none(row: Mapping[str, Any], field: str) -> dt.datetime | None:
    value = row.get(field)
    if value in (None, ""):
        return None
    try:
        at = dt.datetime.fromisoformat(str(value))
    except ValueError as error:
        raise MappingError(f"“{field}” is no time.") from error
    return at.replace(tzinfo=dt.UTC) if at.tzinfo is None else at.astimezone(dt.UTC)


def _text(value: object, longest: int = LONGEST_TEXT) -> str:
    """A text without markup codes, control characters and what PostgreSQL cannot hold."""
    if not isinstance(value, str):
        return ""
    plain_text = html.unescape(value).encode("utf-8", "ignore").decode()
    return "".join(c if c.isprintable() or c == "\n" else " " for c in plain_text).strip()[:longest]
