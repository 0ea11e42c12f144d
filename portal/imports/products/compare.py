"""What a draft would change: nothing, some fields, or everything because the product is new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from portal.catalog.models import Media, Price, Product, Variant
from portal.core.database import current_merchant_id, db
from portal.core.normalise import code_key
from portal.imports.products.drafts import ProductDraft, VariantDraft, as_dict


@dataclass(frozen=True, slots=True)
class Difference:
    """One field whose value in the file is not the one that stands."""

    row_number: int
    subject: str
    field: str
    before: str
    after: str


@dataclass(slots=True)
class Known:
    """What the shop has of the products of one batch."""

    products: dict[tuple[str, str], Product] = field(default_factory=dict)
    variants: dict[str, Variant] = field(default_factory=dict)
    prices: dict[int, Price] = field(default_factory=dict)
    images: dict[int, set[str]] = field(default_factory=dict)


@dataclass(slots=True)
class Comparison:
    """A draft beside the product it is about, which is None when there is none yet."""

    draft: ProductDraft
    product: Product | None
    differences: list[Difference] = field(default_factory=list)
    problem: str | None = None


def known_for(drafts: Sequence[ProductDraft], currency: str) -> Known:
    """Load what stands for *drafts*, in a handful of statements whatever their number."""
    merchant_id = current_merchant_id()
    keys = {key for draft in drafts for variant in draft.variants if (key := code_key(variant.sku))}
    known = Known()
    variants = db.session.scalars(
        sa.select(Variant).where(Variant.merchant_id == merchant_id, Variant.sku_key.in_(keys))
    ).all()
    known.variants = {variant.sku_key: variant for variant in variants}
    sources = sorted({draft.source for draft in drafts})
    wanted = sa.or_(
        Product.id.in_({variant.product_id for variant in variants}),
        sa.and_(
            Product.source.in_(sources), Product.external_id.in_([draft.external_id for draft in drafts])
        ),
    )
    products = db.session.scalars(sa.select(Product).where(Product.merchant_id == merchant_id, wanted)).all()
    known.products = {(product.source or "", product.external_id or ""): product for product in products}
    known.products |= {("id", str(product.id)): product for product in products}
    prices = db.session.scalars(
        sa.select(Price).where(
            Price.merchant_id == merchant_id,
            Price.currency == currency,
            Price.variant_id.in_([variant.id for variant in variants]),
        )
    )
    known.prices = {price.variant_id: price for price in prices}
    for product_id, address in db.session.execute(
        sa.select(Media.product_id, Media.source_url).where(
            Media.merchant_id == merchant_id, Media.product_id.in_([product.id for product in products])
        )
    ):
        known.images.setdefault(product_id, set()).add(address or "")
    return known


def compare(draft: ProductDraft, known: Known) -> Comparison:
    """Find the product a draft is about, by its SKUs first, and what it would change of it."""
    problem = _twice(draft)
    owners = {
        known.variants[key].product_id
        for variant in draft.variants
        if (key := code_key(variant.sku) or "") in known.variants
    }
    if len(owners) > 1:
        problem = "holds SKUs that belong to different products"
    product = (
        known.products.get(("id", str(next(iter(owners)))))
        if owners
        else known.products.get((draft.source, draft.external_id))
    )
    found = Comparison(draft, product, problem=problem)
    if product is None or problem:
        return found
    note = _Noter(found, product.title)
    for name, value in as_dict(draft).items():
        if value is not None and value != getattr(product, name):
            note(draft.rows[0], name, getattr(product, name), value)
    for variant in draft.variants:
        _compare_variant(variant, known, note)
    new_images = [
        address for address, _ in draft.images if address not in known.images.get(product.id, set())
    ]
    if new_images:
        note(draft.rows[0], "images", "", f"{len(new_images)} more")
    return found


def variant_fields(draft: VariantDraft) -> dict[str, Any]:
    """The fields of a variant that a file may change."""
    return {
        "barcode": draft.barcode,
        "weight_grams": draft.weight_grams,
        "option_values": draft.option_values or None,
    }


def price_fields(draft: VariantDraft, price: Price | None) -> dict[str, Decimal | None]:
    """The price of a variant as the file has it. A former price stays when the file has none and it is still higher."""
    if draft.price is None:
        return {}
    former = price.compare_at if price else None
    if draft.has_compare_at or (former is not None and former < draft.price):
        return {"amount": draft.price, "compare_at": draft.compare_at}
    return {"amount": draft.price}


def _compare_variant(draft: VariantDraft, known: Known, note: _Noter) -> None:
    variant = known.variants.get(code_key(draft.sku) or "")
    if variant is None:
        note(draft.row_number, "variant", "", draft.sku)
        return
    for name, value in variant_fields(draft).items():
        if value is not None and value != getattr(variant, name):
            note(draft.row_number, f"{draft.sku} {name}", getattr(variant, name), value)
    price = known.prices.get(variant.id)
    for name, value in price_fields(draft, price).items():
        if value != (getattr(price, name) if price else None):
            note(draft.row_number, f"{draft.sku} {name}", getattr(price, name) if price else None, value)


def _twice(draft: ProductDraft) -> str | None:
    keys = [code_key(variant.sku) for variant in draft.variants]
    if None in keys:
        return "holds a SKU without letters or digits"
    return "holds the same SKU twice" if len(set(keys)) < len(keys) else None


class _Noter:
    def __init__(self, comparison: Comparison, subject: str) -> None:
        self._comparison = comparison
        self._subject = subject

    def __call__(self, row_number: int, name: str, before: Any, after: Any) -> None:
        self._comparison.differences.append(
            Difference(row_number, self._subject[:120], name, shown(before), shown(after))
        )


def shown(value: Any) -> str:
    """A value as the list of differences shows it."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{name}: {part}" for name, part in value.items())
    return str(value)[:300]
