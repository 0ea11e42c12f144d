"""Prices: one per variant and currency."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from portal.catalog import typed
from portal.catalog.models import Price, Variant
from portal.catalog.variants import HeldVariant
from portal.core.announcing import announce
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.core.merging import merged
from portal.core.money import UnknownCurrencyError, minor_units

PRICE_FIELDS: Final = ("amount", "compare_at")
_price: Final = Price.__table__


def price_of(variant_id: int, currency: str) -> Price | None:
    """The price of a variant in a currency, locked for a change."""
    return db.session.scalars(
        sa.select(Price)
        .where(Price.variant_id == variant_id, Price.currency == currency)
        .with_for_update(key_share=True)
    ).one_or_none()


def price_values(price: Price | None, currency: str) -> dict[str, str]:
    """What the form shows, by field, as text."""
    places = _places(currency)
    return {
        "amount": typed.amount(price.amount if price else None, places),
        "compare_at": typed.amount(price.compare_at if price else None, places),
    }


def set_price(
    variant: Variant | HeldVariant,
    currency: str,
    values: Mapping[str, Any],
    *,
    base: Mapping[str, Any],
    by: Actor,
) -> None:
    """Save the price in *currency*, keeping the edits of both sides; an empty amount takes the price away.

    Raises:
        StaleError: someone else set another price since the form was opened.
        DomainError: the currency or an amount is wrong; ``field`` names it.
    """
    price = price_of(variant.id, currency)
    now = price_values(price, currency)
    mine = {name: typed.text_of(values[name]) for name in PRICE_FIELDS if name in values}
    if mine.get("amount"):
        mine["amount"] = typed.amount(typed.decimal(mine["amount"], "amount", "The price"), _places(currency))
    if mine.get("compare_at"):
        mine["compare_at"] = typed.amount(
            typed.decimal(mine["compare_at"], "compare_at", "The former price"), _places(currency)
        )
    wanted = now | merged(now, base, mine, version=price.version if price else 0)
    if wanted == now:
        return
    if not wanted["amount"]:
        _remove(price, wanted)
    else:
        _write(variant.id, price, currency, wanted)
    announce(
        "price.changed",
        by=by,
        subject=("variant", variant.id),
        before={"currency": currency, **now},
        after={"currency": currency, **wanted},
        key=f"variant:{variant.id}",
        payload={"variant_id": variant.id, "product_id": variant.product_id, "currency": currency},
    )


def _write(variant_id: int, price: Price | None, currency: str, wanted: Mapping[str, str]) -> None:
    amount = typed.decimal(wanted["amount"], "amount", "The price")
    compare_at = typed.decimal(wanted["compare_at"], "compare_at", "The former price")
    if amount is not None and compare_at is not None and compare_at < amount:
        raise DomainError(
            "The former price is struck through in shops; it cannot be below the price.", field="compare_at"
        )
    if price is not None:
        price.amount, price.compare_at = amount or Decimal(0), compare_at
        db.session.flush()
        return
    made = db.session.execute(
        postgresql.insert(_price)
        .values(
            merchant_id=current_merchant_id(),
            variant_id=variant_id,
            currency=currency,
            amount=amount,
            compare_at=compare_at,
        )
        .on_conflict_do_nothing(index_elements=["merchant_id", "variant_id", "currency"])
        .returning(_price.c.id)
    ).scalar_one_or_none()
    if made is None:
        raise DomainError("Someone set this price at the same moment. Look again, then save.", field="amount")


def _remove(price: Price | None, wanted: Mapping[str, str]) -> None:
    if wanted["compare_at"]:
        raise DomainError("Enter a price, or empty the former price too.", field="amount")
    if price is not None:
        db.session.delete(price)
        db.session.flush()


def _places(currency: str) -> int:
    try:
        return minor_units(currency)
    except UnknownCurrencyError as error:
        raise DomainError("This is no currency. Use three letters, such as GBP.", field="currency") from error
