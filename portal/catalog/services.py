"""Make and change products. Services flush, record and publish; the caller commits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from portal.catalog import attributes, typed
from portal.catalog.announcing import announce_product
from portal.catalog.models import AttributeDefinition, Product, ProductCategory, ProductType, Variant
from portal.catalog.naming import free_slug, slug_of, title_key
from portal.catalog.uniqueness import unique
from portal.catalog.variants import add_variant
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.merging import merged

PRODUCT_FIELDS: Final = ("title", "slug", "description", "vendor", "product_type_id", "tax_class", "tags")
TAX_CLASSES: Final = {"standard": "Standard", "reduced": "Reduced", "zero": "Zero", "exempt": "Exempt"}
MOST_TAGS: Final = 50
SLUG_TAKEN: Final = "Another product has this address. Change a word or add a number."
SLUG_KEY: Final = "product_merchant_id_slug_key"


def create_product(values: Mapping[str, Any], *, by: Actor) -> Product:
    """A new draft with one variant.

    Raises:
        DomainError: the title is empty, or the SKU or the address is taken.
    """
    wanted = _cleaned(values, [])
    columns = _columns(PRODUCT_FIELDS, wanted)
    columns["slug"] = free_slug(slug_of(wanted["slug"] or columns["title"]), Product)
    product = Product(state="draft", source="portal", **columns)
    with unique(SLUG_KEY, SLUG_TAKEN, field="slug"):
        db.session.add(product)
    add_variant(product, {"sku": values.get("sku") or ""}, by=by)
    announce_product(
        product, "product.created", {}, {**columns, "state": "draft"}, by, event="product.created"
    )
    return product


def change_product(
    product: Product,
    values: Mapping[str, Any],
    *,
    base: Mapping[str, Any],
    version: int,
    definitions: Sequence[AttributeDefinition],
    by: Actor,
) -> None:
    """Save what a person typed over what stands, keeping the edits of both sides.

    Args:
        definitions: the attributes of the product's type, which the form showed.

    Raises:
        StaleError: someone else changed the same field since the form was opened.
        DomainError: a value is wrong; ``field`` names it.
    """
    now = product_values(product, definitions)
    mine = _cleaned(values, definitions)
    wanted = mine if product.version == version else merged(now, base, mine, version=product.version)
    changed = {name for name in wanted if wanted[name] != now[name]}
    if not changed:
        return
    if product.state == "active":
        attributes.require(definitions, wanted)
    columns = _columns(changed, wanted)
    with unique(SLUG_KEY, SLUG_TAKEN, field="slug"):
        for name, value in columns.items():
            setattr(product, name, value)
        attributes.write(product, definitions, {name: wanted[name] for name in changed})
        # Attributes stand in rows of their own; the product's version counts their changes too.
        product.updated_at = utc_now()
    labels = {attributes.field_name(each): each.code for each in definitions}
    announce_product(
        product,
        "product.updated",
        {labels.get(name, name): now[name] for name in sorted(changed)},
        {labels.get(name, name): wanted[name] for name in sorted(changed)},
        by,
    )


def product_values(product: Product, definitions: Sequence[AttributeDefinition]) -> dict[str, str]:
    """What the form shows, by field, as text."""
    return {
        "title": product.title,
        "slug": product.slug,
        "description": product.description or "",
        "vendor": product.vendor or "",
        "product_type_id": str(product.product_type_id or ""),
        "tax_class": product.tax_class,
        "tags": ", ".join(str(tag) for tag in product.tags),
    } | attributes.attribute_values(product, definitions)


def publish_product(product: Product, *, by: Actor) -> None:
    """Offer a product to the channels.

    Raises:
        DomainError: a required attribute is empty or there is no variant to sell.
    """
    definitions = attributes.definitions_of(product.product_type_id)
    attributes.require(definitions, attributes.attribute_values(product, definitions))
    sellable = sa.select(Variant.id).where(Variant.product_id == product.id, Variant.is_active).limit(1)
    if db.session.scalar(sellable) is None:
        raise DomainError("Every variant is switched off. Switch one on, or add one, before publishing.")
    _change_state(product, "active", "product.published", by)


def unpublish_product(product: Product, *, by: Actor) -> None:
    """Take a product back to a draft; channels stop offering it."""
    _change_state(product, "draft", "product.unpublished", by)


def archive_product(product: Product, *, by: Actor) -> None:
    """Put a product away. Orders, stock and history stay."""
    _change_state(product, "archived", "product.archived", by)


def file_under(product: Product, category_ids: Sequence[int], *, by: Actor) -> None:
    """Put the product into exactly these categories."""
    before = set(
        db.session.scalars(
            sa.select(ProductCategory.category_id).where(ProductCategory.product_id == product.id)
        )
    )
    wanted = set(category_ids)
    if before == wanted:
        return
    db.session.execute(
        sa.delete(ProductCategory).where(
            ProductCategory.product_id == product.id, ProductCategory.category_id.in_(before - wanted)
        )
    )
    db.session.add_all(
        ProductCategory(product_id=product.id, category_id=key) for key in sorted(wanted - before)
    )
    product.updated_at = utc_now()
    db.session.flush()
    announce_product(
        product, "product.updated", {"categories": sorted(before)}, {"categories": sorted(wanted)}, by
    )


def _cleaned(values: Mapping[str, Any], definitions: Sequence[AttributeDefinition]) -> dict[str, str]:
    names = [*PRODUCT_FIELDS, *(attributes.field_name(each) for each in definitions)]
    return {name: typed.text_of(values.get(name)) for name in names}


def _columns(names: Iterable[str], wanted: Mapping[str, str]) -> dict[str, Any]:
    """The columns that the named fields fill. What nobody changed is left as it came, from an import too."""
    columns: dict[str, Any] = {}
    for name in names:
        if name in PRODUCT_FIELDS:
            columns |= _column(name, wanted)
    return columns


def _column(name: str, wanted: Mapping[str, str]) -> dict[str, Any]:
    text = wanted[name]
    match name:
        case "title":
            title = typed.short_text(text, "title", "The title", most=300)
            if not title or not title_key(title):
                raise DomainError("Enter a title that can be read.", field="title")
            return {"title": title, "title_key": title_key(title)}
        case "slug":
            return {"slug": slug_of(text or wanted["title"])}
        case "description":
            if len(text) > 50_000:
                raise DomainError("Keep the description under 50,000 characters.", field="description")
            return {"description": text or None}
        case "vendor":
            return {"vendor": typed.short_text(text, "vendor", "The vendor", most=200) or None}
        case "product_type_id":
            return {"product_type_id": _type_id(text)}
        case "tax_class":
            return {"tax_class": _tax_class(text)}
    return {"tags": _tags(text)}


def _tags(text: str) -> list[str]:
    tags = list(dict.fromkeys(tag.strip()[:60] for tag in text.replace("\n", ",").split(",") if tag.strip()))
    if len(tags) > MOST_TAGS:
        raise DomainError(f"A product has at most {MOST_TAGS} tags.", field="tags")
    return tags


def _type_id(text: str) -> int | None:
    if not text:
        return None
    key = int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0
    found = db.session.scalar(sa.select(ProductType.id).where(ProductType.id == key))
    if found is None:
        raise DomainError("This product type no longer exists. Choose another.", field="product_type_id")
    return found


def _tax_class(text: str) -> str:
    if text and text not in TAX_CLASSES:
        raise DomainError("Choose a tax class of the list.", field="tax_class")
    return text or "standard"


def _change_state(product: Product, state: str, action: str, by: Actor) -> None:
    if product.state == state:
        return
    before, product.state = product.state, state
    db.session.flush()
    announce_product(product, action, {"state": before}, {"state": state}, by)
