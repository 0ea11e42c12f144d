"""Write what a comparison found: new products whole, standing ones field by field, each with its image from before."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from portal.catalog.models import (
    AttributeDefinition,
    Category,
    Media,
    Price,
    Product,
    ProductAttribute,
    ProductCategory,
    ProductOption,
    ProductOptionValue,
    ProductType,
    Variant,
)
from portal.catalog.naming import free_slug, title_key
from portal.core import outbox
from portal.core.announcing import announce
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.normalise import code_key
from portal.imports.journal import journal
from portal.imports.naming import slug_of
from portal.imports.products.compare import Comparison, Known, price_fields, variant_fields
from portal.imports.products.drafts import ProductDraft, VariantDraft, as_dict

TYPES: Final = {
    "grouped": ("Grouped product", "members", "SKUs of its members"),
    "external": ("Product sold elsewhere", "external_url", "Address"),
}


@dataclass(frozen=True, slots=True)
class ProductOptions:
    """Choices of the mapping page for products."""

    currency: str
    decimal_mark: str
    location_id: int
    takes_stock: bool = False

    @classmethod
    def from_dict(cls, options: dict[str, Any]) -> ProductOptions:
        """The options as the import keeps them."""
        return cls(**{key: options[key] for key in cls.__slots__ if key in options})


class ProductWriter:
    """Writes one batch after another; remembers categories and types between them."""

    def __init__(self, import_id: int, options: ProductOptions, *, by: Actor) -> None:
        self._import_id = import_id
        self._options = options
        self._by = by
        self._categories: dict[tuple[str, ...], int] = {}
        self._types: dict[str, tuple[int, int]] = {}

    def write(self, comparison: Comparison, known: Known) -> str:
        """Write one draft; gives ``created``, ``updated`` or ``unchanged``."""
        if comparison.product is None:
            self._create(comparison.draft)
            return "created"
        if not comparison.differences:
            return "unchanged"
        self._update(comparison, comparison.product, known)
        return "updated"

    def _create(self, draft: ProductDraft) -> None:
        product = Product(
            title=draft.title,
            title_key=title_key(draft.title),
            slug=free_slug(draft.slug or slug_of(draft.title), Product),
            description=draft.description,
            vendor=draft.vendor,
            state=draft.state or "active",
            tags=draft.tags,
            source=draft.source,
            external_id=draft.external_id,
        )
        if draft.type_code:
            product.product_type_id = self._type(draft.type_code)[0]
        for place, (name, values) in enumerate(draft.options.items()):
            product.options.append(
                ProductOption(
                    name=name,
                    position=place,
                    values=[ProductOptionValue(value=value, position=at) for at, value in enumerate(values)],
                )
            )
        product.media = [
            Media(source_url=address, alt_text=alt, position=place)
            for place, (address, alt) in enumerate(draft.images)
        ]
        db.session.add(product)
        db.session.flush()
        made = {"media": len(draft.images), "categories": self._file_under(product, draft), "prices": 0}
        if draft.type_code:
            for value in draft.attributes.values():
                db.session.add(
                    ProductAttribute(
                        product_id=product.id, attribute_id=self._type(draft.type_code)[1], text_value=value
                    )
                )
        variants = [
            self._add_variant(product, variant, place, made) for place, variant in enumerate(draft.variants)
        ]
        db.session.flush()
        journal(
            self._import_id,
            "new_product",
            [product.id],
            after=made | {"variants": [variant.id for variant in variants]},
            version_after=product.version,
        )
        self._tell("product.created", product.id, {}, {"title": product.title, "variants": len(variants)})

    def _update(self, comparison: Comparison, product: Product, known: Known) -> None:
        draft = comparison.draft
        before: dict[str, Any] = {"product": {}, "variants": {}, "prices": {}}
        made: dict[str, Any] = {"media": [], "variants": [], "prices": 0}
        before["product"] = _set(product, as_dict(draft))
        if "title" in before["product"]:
            product.title_key = title_key(product.title)
        touched: list[Variant] = []
        for place, each in enumerate(draft.variants):
            variant = known.variants.get(code_key(each.sku) or "")
            if variant is None:
                made["variants"].append(self._add_variant(product, each, place, made).id)
                continue
            old = _set(variant, variant_fields(each))
            if old:
                if each.option_values and "option_values" in old:
                    old["title"], variant.title = variant.title, each.title
                before["variants"][str(variant.id)] = old
                touched.append(variant)
            self._reprice(variant, each, known, before, made)
        standing = known.images.get(product.id, set())
        for address, alt in draft.images:
            if address not in standing:
                image = Media(source_url=address, alt_text=alt, position=len(standing) + len(made["media"]))
                product.media.append(image)
                db.session.flush()
                made["media"].append(image.id)
        db.session.flush()
        versions = {
            "variants": {str(variant.id): variant.version for variant in touched},
            "prices": {
                key: db.session.get_one(Price, (current_merchant_id(), int(key))).version
                for key in before["prices"]
            },
        }
        journal(
            self._import_id,
            "product_fields",
            [product.id],
            action="updated",
            before=before,
            after=made | {"versions": versions},
            version_after=product.version,
        )
        changes = comparison.differences
        self._tell(
            "product.updated",
            product.id,
            {change.field: change.before for change in changes},
            {change.field: change.after for change in changes},
        )

    def _add_variant(
        self, product: Product, draft: VariantDraft, place: int, made: dict[str, Any]
    ) -> Variant:
        variant = Variant(
            product_id=product.id,
            sku=draft.sku,
            sku_key=code_key(draft.sku) or "",
            title=draft.title,
            position=place,
            barcode=draft.barcode,
            weight_grams=draft.weight_grams,
            option_values=draft.option_values,
            is_stocked=draft.is_stocked,
        )
        db.session.add(variant)
        db.session.flush()
        if draft.price is not None:
            made["prices"] += 1
            db.session.add(
                Price(
                    variant_id=variant.id,
                    currency=self._options.currency,
                    amount=draft.price,
                    compare_at=draft.compare_at,
                )
            )
        return variant

    def _reprice(
        self,
        variant: Variant,
        draft: VariantDraft,
        known: Known,
        before: dict[str, Any],
        made: dict[str, Any],
    ) -> None:
        price = known.prices.get(variant.id)
        wanted = price_fields(draft, price)
        if not wanted:
            return
        if price is None:
            price = Price(
                variant_id=variant.id,
                currency=self._options.currency,
                amount=draft.price,
                compare_at=draft.compare_at,
            )
            db.session.add(price)
            db.session.flush()
            made.setdefault("new_prices", []).append(price.id)
            return
        old = _set(price, wanted, keep_empty=True)
        if old:
            before["prices"][str(price.id)] = old
            outbox.publish(
                "price.changed",
                key=f"variant:{variant.id}",
                payload={
                    "variant_id": variant.id,
                    "product_id": variant.product_id,
                    "currency": self._options.currency,
                },
            )

    def _file_under(self, product: Product, draft: ProductDraft) -> int:
        ids = list(dict.fromkeys(self._category(tuple(path)) for path in draft.categories if path))
        db.session.add_all(
            ProductCategory(product_id=product.id, category_id=category, position=0) for category in ids
        )
        return len(ids)

    def _category(self, path: tuple[str, ...]) -> int:
        """The category at *path*, made with its parents where it is missing."""
        if path not in self._categories:
            parent_id = self._category(path[:-1]) if len(path) > 1 else None
            query = sa.select(Category).where(
                Category.merchant_id == current_merchant_id(),
                Category.name == path[-1],
                Category.parent_id.is_not_distinct_from(parent_id),
            )
            category = db.session.scalars(query.order_by(Category.id).limit(1)).first()
            if category is None:
                category = Category(
                    name=path[-1][:200],
                    slug=free_slug(slug_of(" ".join(path)), Category),
                    parent_id=parent_id,
                )
                db.session.add(category)
                db.session.flush()
                parent = db.session.get(Category, (current_merchant_id(), parent_id)) if parent_id else None
                category.path = f"{parent.path if parent else ''}{category.id}/"
                db.session.flush()
                journal(self._import_id, "category", [category.id])
            self._categories[path] = category.id
        return self._categories[path]

    def _type(self, code: str) -> tuple[int, int]:
        """The product type for what a shop calls grouped or external, with the attribute that tells the rest."""
        if code not in self._types:
            name, attribute, label = TYPES[code]
            kind = db.session.scalars(
                sa.select(ProductType).where(
                    ProductType.merchant_id == current_merchant_id(), ProductType.code == code
                )
            ).first()
            if kind is None:
                kind = ProductType(code=code, name=name)
                db.session.add(kind)
                db.session.flush()
                journal(self._import_id, "product_type", [kind.id])
            definition = next((known for known in kind.attributes if known.code == attribute), None)
            if definition is None:
                definition = AttributeDefinition(
                    product_type_id=kind.id, code=attribute, label=label, kind="long_text"
                )
                kind.attributes.append(definition)
                db.session.flush()
            self._types[code] = (kind.id, definition.id)
        return self._types[code]

    def _tell(self, action: str, product_id: int, before: dict[str, Any], after: dict[str, Any]) -> None:
        announce(
            action,
            by=self._by,
            subject=("product", product_id),
            before=before,
            after=after,
            reason=f"Import {self._import_id}",
            key=f"product:{product_id}",
            payload={"product_id": product_id},
        )


def _set(record: Any, values: dict[str, Any], *, keep_empty: bool = False) -> dict[str, Any]:
    """Set what differs; gives the values from before, in a form JSON keeps."""
    before: dict[str, Any] = {}
    for name, value in values.items():
        old = getattr(record, name)
        if (value is not None or keep_empty) and value != old:
            before[name] = str(old) if isinstance(old, Decimal) else old
            setattr(record, name, value)
    return before
