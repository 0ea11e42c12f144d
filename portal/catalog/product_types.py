"""Product types and their attributes. A merchant adds one on the screen; nothing is deployed for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from portal.catalog import typed
from portal.catalog.models import ATTRIBUTE_KINDS, AttributeDefinition, Product, ProductAttribute, ProductType
from portal.catalog.naming import slug_of
from portal.catalog.uniqueness import unique
from portal.core import audit
from portal.core.audit import Actor
from portal.core.database import db
from portal.core.errors import ConflictError, DomainError
from portal.core.merging import merged

TYPE_KEY: Final = "product_type_merchant_id_code_key"
CODE_KEY: Final = "attribute_definition_merchant_id_product_type_id_code_key"
KIND_LABELS: Final = {
    "text": "Text",
    "long_text": "Long text",
    "integer": "Whole number",
    "decimal": "Decimal number",
    "boolean": "Yes or no",
    "date": "Date",
    "choice": "One of a list",
    "multi_choice": "Several of a list",
    "measure": "Number with a unit",
}
ATTRIBUTE_FIELDS: Final = ("label", "kind", "unit", "choices", "is_required", "is_filterable")
MOST_CHOICES: Final = 200
MOST_ATTRIBUTES: Final = 60


def create_type(name: str, *, by: Actor) -> ProductType:
    """A product type without attributes.

    Raises:
        DomainError: there is no name, or another type has it.
    """
    word = _name(name)
    kind = ProductType(name=word, code=slug_of(word, "type"))
    with unique(TYPE_KEY, "Another product type has this name.", field="name"):
        db.session.add(kind)
    audit.record("product_type.created", by=by, subject=("product_type", kind.id), after={"name": word})
    return kind


def rename_type(kind: ProductType, name: str, *, base: Mapping[str, Any], by: Actor) -> None:
    """Give a type another name; its code, which files and channels know, stays.

    Raises:
        StaleError: someone else gave it another one since the form was opened.
        DomainError: there is no name.
    """
    word = _name(merged(type_texts(kind), base, {"name": typed.text_of(name)}, version=kind.version)["name"])
    if word == kind.name:
        return
    before, kind.name = kind.name, word
    db.session.flush()
    audit.record(
        "product_type.renamed",
        by=by,
        subject=("product_type", kind.id),
        before={"name": before},
        after={"name": word},
    )


def type_texts(kind: ProductType) -> dict[str, str]:
    """A type as its form shows it."""
    return {"name": kind.name}


def delete_type(kind: ProductType, *, by: Actor) -> None:
    """Delete a type no product has.

    Raises:
        DomainError: products have it.
    """
    if (
        db.session.scalar(sa.select(Product.id).where(Product.product_type_id == kind.id).limit(1))
        is not None
    ):
        raise ConflictError("Products have this type. Give them another one first.")
    audit.record("product_type.deleted", by=by, subject=("product_type", kind.id), before={"name": kind.name})
    db.session.delete(kind)
    db.session.flush()


def add_attribute(kind: ProductType, values: Mapping[str, Any], *, by: Actor) -> AttributeDefinition:
    """Add an attribute to a type.

    Raises:
        DomainError: a value is wrong, or the type has one of that name; ``field`` names it.
    """
    wanted = _attribute_columns(values)
    if len(kind.attributes) >= MOST_ATTRIBUTES:
        raise DomainError(f"A product type has at most {MOST_ATTRIBUTES} attributes.", field="label")
    code = slug_of(wanted["label"], "attribute").replace("-", "_")
    definition = AttributeDefinition(
        product_type_id=kind.id, code=code, position=len(kind.attributes), **wanted
    )
    with unique(CODE_KEY, "This type already has an attribute of that name.", field="label"):
        db.session.add(definition)
    db.session.expire(kind, ["attributes"])
    _tell_saved(definition, {}, by)
    return definition


def change_attribute(
    definition: AttributeDefinition,
    values: Mapping[str, str],
    *,
    base: Mapping[str, Any],
    version: int,
    by: Actor,
) -> None:
    """Save what a person typed over what stands, keeping the edits of both sides. The kind stays once products have values.

    Raises:
        StaleError: someone else changed the same field since the form was opened.
        DomainError: a value is wrong, or would leave products with values that no longer fit; ``field`` names it.
    """
    before, mine = attribute_values(definition), {name: values.get(name, "") for name in ATTRIBUTE_FIELDS}
    if definition.version != version:
        mine = merged(attribute_texts(definition), base, mine, version=definition.version)
    wanted = _attribute_columns(mine)
    _require_fit(definition, wanted)
    for name, value in wanted.items():
        setattr(definition, name, value)
    db.session.flush()
    _tell_saved(definition, before, by)


def _tell_saved(definition: AttributeDefinition, before: Mapping[str, Any], by: Actor) -> None:
    after = attribute_values(definition)
    if after != before:
        audit.record(
            "product_type.attribute_saved",
            by=by,
            subject=("product_type", definition.product_type_id),
            before=before,
            after=after,
        )


def remove_attribute(definition: AttributeDefinition, *, by: Actor) -> None:
    """Remove an attribute and the values products have for it."""
    db.session.execute(sa.delete(ProductAttribute).where(ProductAttribute.attribute_id == definition.id))
    audit.record(
        "product_type.attribute_removed",
        by=by,
        subject=("product_type", definition.product_type_id),
        before=attribute_values(definition),
    )
    db.session.delete(definition)
    db.session.flush()


def _attribute_columns(values: Mapping[str, Any]) -> dict[str, Any]:
    label = typed.short_text(values.get("label"), "label", "The label", most=80)
    if not label:
        raise DomainError("Enter a label.", field="label")
    kind = typed.text_of(values.get("kind"))
    if kind not in ATTRIBUTE_KINDS:
        raise DomainError("Choose what kind of value it is.", field="kind")
    lines = typed.text_of(values.get("choices")).split("\n")
    choices = list(dict.fromkeys(" ".join(line.split())[:120] for line in lines if line.strip()))
    if kind in ("choice", "multi_choice") and not choices:
        raise DomainError("List at least one choice, one per line.", field="choices")
    if len(choices) > MOST_CHOICES:
        raise DomainError(f"A list has at most {MOST_CHOICES} choices.", field="choices")
    unit = typed.short_text(values.get("unit"), "unit", "The unit", most=20)
    if kind == "measure" and not unit:
        raise DomainError("Enter the unit, such as cm or kg.", field="unit")
    return {
        "label": label,
        "kind": kind,
        "unit": unit or None,
        "choices": choices if "choice" in kind else [],
        "is_required": bool(values.get("is_required")),
        "is_filterable": bool(values.get("is_filterable")),
    }


def _require_fit(definition: AttributeDefinition, wanted: Mapping[str, Any]) -> None:
    uses = (
        sa.select(ProductAttribute.product_id).where(ProductAttribute.attribute_id == definition.id).limit(1)
    )
    if wanted["kind"] != definition.kind and db.session.scalar(uses) is not None:
        raise DomainError("Products have values of this kind. Add another attribute instead.", field="kind")
    for gone in set(definition.choices) - set(wanted["choices"]):
        chosen = ProductAttribute.choice_values.contains([gone])
        if db.session.scalar(uses.where(chosen)) is not None:
            raise DomainError(f"Products have the choice “{gone}”. Take it from them first.", field="choices")


def attribute_values(definition: AttributeDefinition) -> dict[str, Any]:
    """An attribute as the log shows it."""
    return {
        "label": definition.label,
        "kind": definition.kind,
        "unit": definition.unit,
        "choices": list(definition.choices),
        "is_required": definition.is_required,
        "is_filterable": definition.is_filterable,
    }


def attribute_texts(definition: AttributeDefinition) -> dict[str, str]:
    """An attribute as its form shows it: a choice per line, a tick as a word."""
    return {
        name: "\n".join(value) if isinstance(value, list) else str(value or "")
        for name, value in attribute_values(definition).items()
    }


def _name(text: str) -> str:
    word = typed.short_text(text, "name", "The name", most=80)
    if not word:
        raise DomainError("Enter a name.", field="name")
    return word
