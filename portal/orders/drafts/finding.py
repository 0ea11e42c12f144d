"""What staff look for while they compose: variants by SKU, barcode or name, customers by e-mail, phone or name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from portal.catalog.naming import title_key
from portal.core import normalise
from portal.core.database import current_merchant_id, db
from portal.core.masking import mask_email
from portal.customers.models import Customer

MOST: Final = 8
SHORTEST: Final = 2


@dataclass(frozen=True, slots=True)
class SoldVariant:
    """A variant as a line of an order needs it; ``available`` over all locations, None when it is not counted."""

    id: int
    sku: str
    title: str
    tax_class: str
    is_stocked: bool
    amount: Decimal | None
    available: int | None = None
    is_exact: bool = False


@dataclass(frozen=True, slots=True)
class FoundCustomer:
    """A customer as a list of matches shows them: enough to tell two apart."""

    id: int
    name: str
    email: str | None
    order_count: int


def sold_variant(variant_id: int, currency: str) -> SoldVariant | None:
    """A variant that is sold, with its price in *currency*; None when there is none."""
    rows = _variants("v.id = :variant", currency, {"variant": variant_id})
    return rows[0] if rows else None


def find_variants(text: str, currency: str) -> Sequence[SoldVariant]:
    """Variants that *text* means: one whose SKU or barcode it is, else those whose SKU or name begins with it."""
    code, barcode = normalise.code_key(text), normalise.tracking_key(text)
    if code is None:
        return []
    exact = _variants(
        "(v.sku_key = :code OR v.barcode_key = :barcode)", currency, {"code": code, "barcode": barcode}
    )
    title = title_key(text)
    if exact or len(title) < SHORTEST:
        return exact
    return _variants(
        "((v.sku_key >= :code AND v.sku_key < :code_end) OR (p.title_key >= :title AND p.title_key < :title_end))",
        currency,
        {
            "code": code,
            "code_end": normalise.next_key(code),
            "title": title,
            "title_end": normalise.next_key(title),
        },
    )


def sold_by_codes(texts: Sequence[str], currency: str) -> dict[str, SoldVariant]:
    """The variants whose SKU or barcode each text is, in one statement; texts that mean none are left out."""
    keys = {text: (normalise.code_key(text), normalise.tracking_key(text)) for text in texts}
    codes = [code for code, _ in keys.values() if code]
    if not codes:
        return {}
    rows = _rows(
        "(v.sku_key = ANY(:codes) OR v.barcode_key = ANY(:barcodes))", currency,
        {"codes": codes, "barcodes": [barcode for _, barcode in keys.values() if barcode]}, most=2 * len(codes),
    )  # fmt: skip
    by_code = {row["sku_key"]: row for row in rows}
    by_barcode = {row["barcode_key"]: row for row in rows if row["barcode_key"]}
    found = {text: by_code.get(code) or by_barcode.get(barcode) for text, (code, barcode) in keys.items()}
    return {text: _sold(row) for text, row in found.items() if row is not None}


def find_customers(text: str, country: str | None) -> Sequence[FoundCustomer]:
    """Active customers whose e-mail or name begins with *text*, or whose phone number it is."""
    cleaned = text.strip()
    if len(cleaned) < SHORTEST:
        return []
    wanted: list[sa.ColumnElement[bool]] = []
    if "@" in cleaned and (email := normalise.email_key(cleaned)):
        wanted.append(_begins(Customer.email_key, email))
    phone = normalise.phone_key(cleaned, country)
    if phone and any(letter.isdigit() for letter in cleaned):
        wanted.append(Customer.phone_key == phone)
        if tail := normalise.phone_tail_key(phone):
            wanted.append(Customer.phone_tail == tail)
    if not any(letter.isdigit() for letter in cleaned):
        wanted += [_begins(Customer.name_key, key) for key in normalise.full_name_keys(cleaned)]
    if not wanted:
        return []
    rows = db.session.execute(
        sa.select(Customer.id, Customer.name, Customer.company, Customer.email, Customer.order_count)
        .where(Customer.merchant_id == current_merchant_id(), Customer.state == "active", sa.or_(*wanted))
        .order_by(Customer.id.desc())
        .limit(MOST)
    )
    return [
        FoundCustomer(row.id, row.name or row.company or "No name", mask_email(row.email), row.order_count)
        for row in rows
    ]


def _begins(column: Any, key: str) -> sa.ColumnElement[bool]:
    return sa.and_(column >= key, column < normalise.next_key(key))


def _variants(condition: str, currency: str, values: dict[str, Any]) -> list[SoldVariant]:
    code, barcode = values.get("code"), values.get("barcode", "")
    return [
        _sold(row, is_exact=row["sku_key"] == code or row["barcode_key"] == barcode)
        for row in _rows(condition, currency, values)
    ]


def _rows(
    condition: str, currency: str, values: dict[str, Any], *, most: int = MOST
) -> Sequence[sa.RowMapping]:
    return (
        db.session.execute(
            sa.text(_VARIANTS.format(condition=condition)),
            {"merchant": current_merchant_id(), "currency": currency, "most": most, **values},
        )
        .mappings()
        .all()
    )


def _sold(row: sa.RowMapping, *, is_exact: bool = False) -> SoldVariant:
    return SoldVariant(
        row["id"], row["sku"], row["title"], row["tax_class"], row["is_stocked"], row["amount"],
        row["available"] if row["is_stocked"] else None, is_exact,
    )  # fmt: skip


_VARIANTS: Final = """
    SELECT v.id, v.sku, v.sku_key, v.barcode_key, v.is_stocked, p.tax_class,
           concat_ws(' – ', p.title, nullif(v.title, '')) AS title,
           (SELECT r.amount FROM price AS r
            WHERE r.merchant_id = :merchant AND r.variant_id = v.id AND r.currency = :currency) AS amount,
           coalesce((SELECT sum(l.on_hand - l.allocated - l.reserved - l.unavailable) FROM stock_level AS l
                     WHERE l.merchant_id = :merchant AND l.variant_id = v.id), 0)::bigint AS available
    FROM variant AS v JOIN product AS p ON p.merchant_id = v.merchant_id AND p.id = v.product_id
    WHERE v.merchant_id = :merchant AND v.is_active AND {condition}
    ORDER BY v.sku_key LIMIT :most"""
