"""The options of a product and the matrix of variants they make."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import sqlalchemy as sa

from portal.catalog import typed
from portal.catalog.announcing import announce_product
from portal.catalog.models import Product, ProductOption, ProductOptionValue, Variant
from portal.catalog.uniqueness import unique
from portal.catalog.variants import MOST_VARIANTS, SKU_KEY, free_skus
from portal.core import normalise
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError

MOST_OPTIONS: Final = 5
NAME_KEY: Final = "product_option_merchant_id_product_id_name_key"
VALUE_KEY: Final = "product_option_value_merchant_id_option_id_value_key"
BETWEEN: Final = " / "

_variant: Final = Variant.__table__


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
    announce_product(product, "product.options_changed", before, after, by)


def missing_combinations(product: Product) -> list[dict[str, str]]:
    """The combinations of option values that no variant stands for, in the order of the options."""
    names = [option.name for option in product.options]
    if not names:
        return []
    total = 1
    for option in product.options:
        total *= max(1, len(option.values))
    if total > MOST_VARIANTS * 5:
        raise DomainError(
            f"These options make {total:,} combinations; a product has at most {MOST_VARIANTS:,} variants."
        )
    existing = {
        tuple(str(choice.get(name, "")) for name in names)
        for choice in db.session.scalars(
            sa.select(Variant.option_values).where(Variant.product_id == product.id)
        )
    }
    every = itertools.product(*([each.value for each in option.values] for option in product.options))
    return [
        dict(zip(names, combination, strict=True)) for combination in every if combination not in existing
    ]


def generate_variants(product: Product, *, by: Actor) -> int:
    """Make the variants that are missing from the matrix; gives how many.

    Raises:
        DomainError: there would be more than a product may have.
    """
    wanted = missing_combinations(product)
    standing = (
        db.session.scalar(sa.select(sa.func.count(Variant.id)).where(Variant.product_id == product.id)) or 0
    )
    if standing + len(wanted) > MOST_VARIANTS:
        raise DomainError(
            f"That would make {standing + len(wanted):,} variants; a product has at most {MOST_VARIANTS:,}."
        )
    if not wanted:
        return 0
    skus = free_skus(["-".join([product.slug, *choice.values()]) for choice in wanted])
    rows = [
        {
            "merchant_id": current_merchant_id(),
            "product_id": product.id,
            "sku": sku,
            "sku_key": normalise.code_key(sku),
            "title": BETWEEN.join(choice.values()),
            "position": standing + place,
            "option_values": choice,
        }
        for place, (choice, sku) in enumerate(zip(wanted, skus, strict=True))
    ]
    with unique(
        SKU_KEY, "Someone added variants at the same moment. Look again, then generate.", field="sku"
    ):
        db.session.execute(sa.insert(_variant), rows)
    announce_product(product, "product.variants_generated", {}, {"variants": len(rows)}, by)
    return len(rows)


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
    rows = db.session.execute(
        sa.select(_variant.c.id, _variant.c.option_values).where(
            _variant.c.merchant_id == current_merchant_id(), _variant.c.product_id == product.id
        )
    ).all()
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
            .values(
                option_values=sa.bindparam("choices", type_=_variant.c.option_values.type),
                title=sa.bindparam("words"),
                version=_variant.c.version + 1,
                updated_at=sa.func.now(),
            ),
            changes,
        )
        db.session.expire_all()
