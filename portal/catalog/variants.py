"""Make and change variants: one at a time, or the whole matrix of a product's options."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from portal.catalog import typed
from portal.catalog.models import Product, ProductOption, ProductOptionValue, Variant
from portal.catalog.uniqueness import unique
from portal.core import audit, normalise, outbox
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.core.merging import merged

VARIANT_FIELDS: Final = ("sku", "barcode", "weight_grams", "unit_cost", "low_stock_threshold", "is_stocked")
MOST_VARIANTS: Final = 2_000
MOST_OPTIONS: Final = 5
SKU_KEY: Final = "variant_merchant_id_sku_key_key"
NAME_KEY: Final = "product_option_merchant_id_product_id_name_key"
VALUE_KEY: Final = "product_option_value_merchant_id_option_id_value_key"
BETWEEN: Final = " / "

_variant: Final = Variant.__table__


def add_variant(product: Product, values: Mapping[str, Any], *, by: Actor) -> Variant:
    """One more variant of *product*; without an SKU it gets one from the product's address.

    Raises:
        DomainError: the SKU is taken, or a value is wrong.
    """
    text = {name: typed.text_of(values.get(name)) for name in VARIANT_FIELDS} | {"is_stocked": "yes"}
    text["sku"] = text["sku"] or _free_skus([product.slug])[0]
    place = db.session.scalar(sa.select(sa.func.count(Variant.id)).where(Variant.product_id == product.id)) or 0
    if place >= MOST_VARIANTS:
        raise DomainError(f"A product has at most {MOST_VARIANTS:,} variants.", field="sku")
    variant = Variant(product_id=product.id, position=place, **_columns(text))
    with unique(SKU_KEY, _taken(text["sku"]), field="sku"):
        db.session.add(variant)
    _tell(variant, "variant.created", {}, {"sku": variant.sku}, by)
    return variant


def change_variant(
    variant: Variant, values: Mapping[str, Any], *, base: Mapping[str, Any], version: int, by: Actor
) -> None:
    """Save the fields that *values* names, keeping the edits of both sides.

    Raises:
        StaleError: someone else changed the same field since the form was opened.
        DomainError: the SKU is taken, or a value is wrong; ``field`` names it.
    """
    now = variant_values(variant)
    mine = {name: typed.text_of(values[name]) for name in VARIANT_FIELDS if name in values}
    wanted = mine if variant.version == version else merged(now, base, mine, version=variant.version)
    changed = {name for name in wanted if wanted[name] != now[name]}
    if not changed:
        return
    columns = _columns(now | wanted)
    with unique(SKU_KEY, _taken(wanted.get("sku", variant.sku)), field="sku"):
        for name, value in columns.items():
            if getattr(variant, name) != value:
                setattr(variant, name, value)
    _tell(variant, "variant.updated", {n: now[n] for n in sorted(changed)}, {n: wanted[n] for n in sorted(changed)}, by)


def variant_values(variant: Variant) -> dict[str, str]:
    """What the form shows, by field, as text."""
    return {
        "sku": variant.sku,
        "barcode": variant.barcode or "",
        "weight_grams": typed.plain(variant.weight_grams),
        "unit_cost": typed.plain(variant.unit_cost),
        "low_stock_threshold": typed.plain(variant.low_stock_threshold),
        "is_stocked": "yes" if variant.is_stocked else "no",
    }


def switch_variant(variant: Variant, *, on: bool, by: Actor) -> None:
    """Sell a variant, or stop selling it. Its stock and history stay."""
    if variant.is_active == on:
        return
    variant.is_active = on
    db.session.flush()
    _tell(variant, "variant.activated" if on else "variant.deactivated", {"is_active": not on}, {"is_active": on}, by)


def save_options(
    product: Product,
    *,
    names: Mapping[int, str],
    values: Mapping[int, str],
    added: Mapping[int, Sequence[str]],
    new_name: str = "",
    new_values: Sequence[str] = (),
    by: Actor,
) -> None:
    """Rename options and their values, add values, add an option. Variants follow: titles and choices are rewritten.

    Args:
        names: option id → name.
        values: value id → word.
        added: option id → new values.

    Raises:
        DomainError: a name or value is empty, doubled, or too many.
    """
    before = {option.name: [each.value for each in option.values] for option in product.options}
    renamed: dict[str, tuple[str, dict[str, str]]] = {}
    with (
        unique(NAME_KEY, "Two options have the same name.", field="new_name"),
        unique(VALUE_KEY, "An option has the same value twice.", field="new_values"),
    ):
        for option in product.options:
            old_name = option.name
            option.name = _word(names.get(option.id, option.name), "name of an option")
            words = {each.value: _word(values.get(each.id, each.value), "value") for each in option.values}
            for each in option.values:
                each.value = words[each.value]
            renamed[old_name] = (option.name, words)
            _append(option, added.get(option.id, ()))
        if new_name.strip():
            if len(product.options) >= MOST_OPTIONS:
                raise DomainError(f"A product has at most {MOST_OPTIONS} options.", field="new_name")
            option = ProductOption(name=_word(new_name, "name of an option"), position=len(product.options))
            product.options.append(option)
            _append(option, new_values)
            if not option.values:
                raise DomainError("Give the new option at least one value.", field="new_values")
    after = {option.name: [each.value for each in option.values] for option in product.options}
    if before == after:
        return
    _rewrite(product, renamed)
    audit.record("product.options_changed", by=by, subject=("product", product.id), before=before, after=after)
    outbox.publish("product.updated", key=f"product:{product.id}", payload={"product_id": product.id})


def missing_combinations(product: Product) -> list[dict[str, str]]:
    """The combinations of option values that no variant stands for, in the order of the options."""
    names = [option.name for option in product.options]
    if not names:
        return []
    total = 1
    for option in product.options:
        total *= max(1, len(option.values))
    if total > MOST_VARIANTS * 5:
        raise DomainError(f"These options make {total:,} combinations; a product has at most {MOST_VARIANTS:,} variants.")
    existing = {
        tuple(str(choice.get(name, "")) for name in names)
        for choice in db.session.scalars(sa.select(Variant.option_values).where(Variant.product_id == product.id))
    }
    every = itertools.product(*([each.value for each in option.values] for option in product.options))
    return [dict(zip(names, combination, strict=True)) for combination in every if combination not in existing]


def generate_variants(product: Product, *, by: Actor) -> int:
    """Make the variants that are missing from the matrix; gives how many.

    Raises:
        DomainError: there would be more than a product may have.
    """
    wanted = missing_combinations(product)
    standing = db.session.scalar(sa.select(sa.func.count(Variant.id)).where(Variant.product_id == product.id)) or 0
    if standing + len(wanted) > MOST_VARIANTS:
        raise DomainError(
            f"That would make {standing + len(wanted):,} variants; a product has at most {MOST_VARIANTS:,}."
        )
    if not wanted:
        return 0
    skus = _free_skus(["-".join([product.slug, *choice.values()]) for choice in wanted])
    rows = [
        {
            "merchant_id": current_merchant_id(), "product_id": product.id, "sku": sku, "sku_key": normalise.code_key(sku),
            "title": BETWEEN.join(choice.values()), "position": standing + place, "option_values": choice,
        }
        for place, (choice, sku) in enumerate(zip(wanted, skus, strict=True))
    ]
    with unique(SKU_KEY, "Someone added variants at the same moment. Look again, then generate.", field="sku"):
        db.session.execute(sa.insert(_variant), rows)
    audit.record("product.variants_generated", by=by, subject=("product", product.id), after={"variants": len(rows)})
    outbox.publish("product.updated", key=f"product:{product.id}", payload={"product_id": product.id})
    return len(rows)


def _columns(text: Mapping[str, str]) -> dict[str, Any]:
    sku = typed.short_text(text["sku"], "sku", "The SKU", most=100)
    sku_key = normalise.code_key(sku)
    if sku_key is None:
        raise DomainError("Enter an SKU: letters and digits that tell this variant from all others.", field="sku")
    barcode = typed.short_text(text["barcode"], "barcode", "The barcode", most=100)
    return {
        "sku": sku,
        "sku_key": sku_key,
        "barcode": barcode or None,
        "barcode_key": normalise.tracking_key(barcode),
        "weight_grams": typed.whole(text["weight_grams"], "weight_grams", "The weight", most=100_000_000),
        "unit_cost": typed.decimal(text["unit_cost"], "unit_cost", "The cost"),
        "low_stock_threshold": typed.whole(text["low_stock_threshold"], "low_stock_threshold", "The threshold"),
        "is_stocked": text["is_stocked"] != "no",
    }


def _append(option: ProductOption, words: Iterable[str]) -> None:
    for word in words:
        if word.strip():
            option.values.append(ProductOptionValue(value=_word(word, "value"), position=len(option.values)))


def _word(text: str, what: str) -> str:
    word = typed.short_text(text, "new_values", f"The {what}", most=80)
    if not word:
        raise DomainError(f"The {what} cannot be empty.", field="new_values")
    return word


def _rewrite(product: Product, renamed: Mapping[str, tuple[str, dict[str, str]]]) -> None:
    """Bring the choices and titles of all variants in step with the options."""
    first = {option.name: option.values[0].value for option in product.options if option.values}
    names = [option.name for option in product.options]
    rows = db.session.execute(sa.select(_variant.c.id, _variant.c.option_values).where(
        _variant.c.merchant_id == current_merchant_id(), _variant.c.product_id == product.id)).all()
    changes = []
    for row in rows:
        choices = {}
        for old, word in row.option_values.items():
            name, words = renamed.get(old, (old, {}))
            choices[name] = words.get(word, word)
        # A variant from before an option was added stands for the option's first value.
        choices = {name: choices.get(name, first.get(name, "")) for name in names}
        if choices != row.option_values:
            changes.append({"key": row.id, "choices": choices, "words": BETWEEN.join(choices.values())})
    if changes:
        db.session.connection().execute(
            sa.update(_variant)
            .where(_variant.c.merchant_id == current_merchant_id(), _variant.c.id == sa.bindparam("key"))
            .values(option_values=sa.bindparam("choices", type_=_variant.c.option_values.type), title=sa.bindparam("words"),
                    version=_variant.c.version + 1, updated_at=sa.func.now()),
            changes,
        )
        db.session.expire_all()


def _free_skus(wanted: Sequence[str]) -> list[str]:
    """An SKU for each of *wanted*, numbered where it is taken already."""
    stems = ["-".join("".join(c if c.isalnum() else " " for c in normalise.fold(text)).upper().split())[:90] or "SKU" for text in wanted]
    keys = {stem: normalise.code_key(stem) or "SKU" for stem in stems}
    begins = [sa.and_(Variant.sku_key >= key, Variant.sku_key < normalise.next_key(f"{key}-")) for key in list(keys.values())[:1]]
    taken = set(db.session.scalars(sa.select(Variant.sku_key).where(
        sa.or_(Variant.sku_key.in_(set(keys.values())), *(begins if len(keys) == 1 else [])))))
    free = []
    for stem in stems:
        sku, number = stem, 2
        while normalise.code_key(sku) in taken:
            sku, number = f"{stem}-{number}", number + 1
        taken.add(normalise.code_key(sku) or "")
        free.append(sku)
    return free


def _taken(sku: str) -> str:
    return f"Another variant has the SKU {sku}. Capitals and spaces make no difference."


def _tell(variant: Variant, action: str, before: Mapping[str, Any], after: Mapping[str, Any], by: Actor) -> None:
    audit.record(action, by=by, subject=("variant", variant.id), before=before, after=after)
    outbox.publish("product.updated", key=f"product:{variant.product_id}",
                   payload={"product_id": variant.product_id, "variant_id": variant.id})
