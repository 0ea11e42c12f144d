"""Put products back as they were before an import; a record that somebody changed since stays and is listed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from portal.catalog.models import Media, Price, Product, ProductCategory, Variant
from portal.catalog.naming import title_key
from portal.core import outbox
from portal.core.announcing import announce
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.imports.connection import execute
from portal.imports.history.apply import Work
from portal.imports.journal import OpenEntry, close_entry, open_entries
from portal.imports.kept import Kept, delete_each
from portal.imports.products.stock import close_stock

BATCH: Final = 50


def undo_products(import_id: int, work: Work, *, by: Actor, kept: Kept) -> None:
    """Take back the entries of a product import, the newest first, stock before products, categories last."""
    entries = open_entries(import_id)
    done = 0
    for kinds in (("opening_stock",), ("product_fields", "new_product"), ("category", "product_type")):
        for entry in (entry for entry in entries if entry.entity in kinds):
            close_entry(import_id, entry, _take_back(import_id, entry, by, kept))
            done += 1
            if done % BATCH == 0:
                work.commit()
                work.progress(done, len(entries), "Taking the import back")
    work.commit()


def _take_back(import_id: int, entry: OpenEntry, by: Actor, kept: Kept) -> list[int]:
    if entry.entity == "opening_stock":
        return close_stock(import_id, entry, kept, by=by)
    if entry.entity == "category" or entry.entity == "product_type":
        return delete_each(entry.entity, [one for one in entry.record_ids if not _is_used(entry.entity, one)])
    product = db.session.get(
        Product, (current_merchant_id(), entry.record_ids[0]), with_for_update=True, populate_existing=True
    )
    if product is None:
        return []
    if product.version != entry.version_after or not _children_untouched(entry):
        kept.add(product.title, "was changed after the import")
        return entry.record_ids
    stays = _restore(product, entry) if entry.action == "updated" else _delete(product, entry, kept)
    if not stays:
        announce(
            "product.restored" if entry.action == "updated" else "product.deleted",
            by=by,
            subject=("product", entry.record_ids[0]),
            reason=f"Undo of import {import_id}",
            event="product.updated" if entry.action == "updated" else "product.deleted",
            key=f"product:{entry.record_ids[0]}",
            payload={"product_id": entry.record_ids[0]},
        )
    return stays


def _delete(product: Product, entry: OpenEntry, kept: Kept) -> list[int]:
    """Delete a product the import made; a sale, a count or something added since keeps it."""
    after = entry.after or {}
    made = sorted(after["variants"])
    count = db.session.scalar(
        sa.select(sa.func.count())
        .select_from(Variant)
        .where(Variant.merchant_id == product.merchant_id, Variant.product_id == product.id)
    )
    if (
        count != len(made)
        or _number_of(Media, product) != after["media"]
        or _number_of(ProductCategory, product) != after["categories"]
    ):
        kept.add(product.title, "has variants, pictures or categories added after the import")
        return entry.record_ids
    savepoint = db.session.begin_nested()
    _delete_empty_levels(made)
    stays = delete_each("variant", made)
    if stays or delete_each("product", [product.id]):
        savepoint.rollback()
        kept.add(product.title, "was sold or moved after the import")
        return entry.record_ids
    savepoint.commit()
    db.session.expire_all()
    return []


def _restore(product: Product, entry: OpenEntry) -> list[int]:
    before, after = entry.before or {}, entry.after or {}
    merchant_id = current_merchant_id()
    for name, value in before["product"].items():
        setattr(product, name, value)
    if "title" in before["product"]:
        product.title_key = title_key(product.title)
    for key, values in before["variants"].items():
        _put_back(db.session.get_one(Variant, (merchant_id, int(key))), values)
    for key, values in before["prices"].items():
        price = db.session.get_one(Price, (merchant_id, int(key)))
        _put_back(price, {name: None if value is None else Decimal(value) for name, value in values.items()})
        outbox.publish(
            "price.changed",
            key=f"variant:{price.variant_id}",
            payload={"variant_id": price.variant_id, "product_id": product.id, "currency": price.currency},
        )
    db.session.flush()
    delete_each("media", after.get("media", []))
    delete_each("price", after.get("new_prices", []))
    _delete_empty_levels(after.get("variants", []))
    return entry.record_ids if delete_each("variant", after.get("variants", [])) else []


def _children_untouched(entry: OpenEntry) -> bool:
    """Whether variants and prices still have the versions the import left them with."""
    merchant_id = current_merchant_id()
    after = entry.after or {}
    if entry.action == "created":
        changed = (
            sa.select(sa.func.count())
            .select_from(Variant)
            .outerjoin(
                Price, sa.and_(Price.merchant_id == Variant.merchant_id, Price.variant_id == Variant.id)
            )
            .where(
                Variant.merchant_id == merchant_id,
                Variant.id.in_(after["variants"]),
                sa.or_(Variant.version > 1, Price.version > 1),
            )
        )
        return not db.session.scalar(changed)
    versions = after["versions"]
    return all(
        _version(model, int(key)) == version
        for model, kind in ((Variant, "variants"), (Price, "prices"))
        for key, version in versions[kind].items()
    )


def _version(model: Any, key: int) -> int | None:
    version: int | None = db.session.scalar(
        sa.select(model.version).where(model.merchant_id == current_merchant_id(), model.id == key)
    )
    return version


def _put_back(record: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(record, name, value)


def _number_of(model: type[Media] | type[ProductCategory], product: Product) -> int:
    return (
        db.session.scalar(
            sa.select(sa.func.count())
            .select_from(model)
            .where(model.merchant_id == product.merchant_id, model.product_id == product.id)
        )
        or 0
    )


def _delete_empty_levels(variant_ids: list[int]) -> None:
    execute(
        """DELETE FROM stock_level l WHERE l.merchant_id = :merchant AND l.variant_id = ANY(:ids) AND l.on_hand = 0 AND l.allocated = 0
             AND l.reserved = 0 AND l.unavailable = 0 AND l.incoming = 0 AND l.counted_at IS NULL
             AND NOT EXISTS (SELECT FROM stock_movement m WHERE m.merchant_id = :merchant AND m.variant_id = l.variant_id
                             AND m.cause_kind NOT IN ('import', 'import_undo'))""",
        merchant=current_merchant_id(),
        ids=variant_ids,
    )


def _is_used(entity: str, identifier: int) -> bool:
    query = {
        "category": """SELECT EXISTS (SELECT FROM product_category WHERE merchant_id = :merchant AND category_id = :id)
                       OR EXISTS (SELECT FROM category WHERE merchant_id = :merchant AND parent_id = :id)""",
        "product_type": "SELECT EXISTS (SELECT FROM product WHERE merchant_id = :merchant AND product_type_id = :id)",
    }[entity]
    return bool(execute(query, merchant=current_merchant_id(), id=identifier).scalar_one())
