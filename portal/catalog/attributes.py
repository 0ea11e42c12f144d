"""Typed attributes of products: reading and writing the value of a definition by its kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from portal.catalog import typed
from portal.catalog.models import AttributeDefinition, Product, ProductAttribute
from portal.core.database import db
from portal.core.errors import DomainError

COLUMNS: Final = ("text_value", "number_value", "date_value", "choice_values")
LONGEST: Final = {"text": 500, "long_text": 20_000}
YES, NO = "yes", "no"


def field_name(definition: AttributeDefinition) -> str:
    """The form field of an attribute."""
    return f"attribute_{definition.id}"


def definitions_of(product_type_id: int | None) -> Sequence[AttributeDefinition]:
    """The attributes that products of a type carry, in order."""
    if product_type_id is None:
        return []
    return db.session.scalars(
        sa.select(AttributeDefinition)
        .where(AttributeDefinition.product_type_id == product_type_id)
        .order_by(AttributeDefinition.position, AttributeDefinition.id)
    ).all()


def attribute_values(product: Product, definitions: Iterable[AttributeDefinition]) -> dict[str, str]:
    """What the form shows, by field; several choices stand in one text, a line each."""
    stored = {
        row.attribute_id: row
        for row in db.session.scalars(
            sa.select(ProductAttribute).where(ProductAttribute.product_id == product.id)
        )
    }
    return {field_name(each): _shown(each, stored.get(each.id)) for each in definitions}


def parsed(definition: AttributeDefinition, text: str) -> dict[str, Any] | None:
    """The columns of a value, or None for an empty one.

    Raises:
        DomainError: the text is no value of this kind.
    """
    if not text:
        return None
    field, label = field_name(definition), definition.label
    values: dict[str, Any] = dict.fromkeys(COLUMNS)
    match definition.kind:
        case "text" | "long_text":
            if len(text) > LONGEST[definition.kind]:
                raise DomainError(
                    f"{label} may be {LONGEST[definition.kind]:,} characters long.", field=field
                )
            values["text_value"] = text
        case "integer":
            values["number_value"] = typed.whole(text, field, label, least=-typed.LARGEST_WHOLE)
        case "decimal" | "measure":
            values["number_value"] = typed.decimal(text, field, label, least=None)
        case "boolean":
            if text not in (YES, NO):
                raise DomainError(f"{label} is yes or no.", field=field)
            values["number_value"] = Decimal(text == YES)
        case "date":
            values["date_value"] = typed.date(text, field, label)
        case _:
            values["choice_values"] = _chosen(definition, text)
    return values


def require(definitions: Iterable[AttributeDefinition], values: Mapping[str, str]) -> None:
    """Refuse when a required attribute is empty.

    Raises:
        DomainError: names the first one.
    """
    for definition in definitions:
        if definition.is_required and not values.get(field_name(definition)):
            raise DomainError(
                f"{definition.label} is required for products of this type.", field=field_name(definition)
            )


def write(product: Product, definitions: Iterable[AttributeDefinition], values: Mapping[str, str]) -> None:
    """Store the values that *values* names, flushed by the caller.

    Raises:
        DomainError: one is no value of its kind; nothing was changed.
    """
    wanted = {
        each.id: parsed(each, values[field_name(each)]) for each in definitions if field_name(each) in values
    }
    stored = {
        row.attribute_id: row
        for row in db.session.scalars(
            sa.select(ProductAttribute).where(ProductAttribute.product_id == product.id)
        )
    }
    for attribute_id, columns in wanted.items():
        row = stored.get(attribute_id)
        if columns is None:
            if row is not None:
                db.session.delete(row)
            continue
        if row is None:
            row = ProductAttribute(product_id=product.id, attribute_id=attribute_id)
            db.session.add(row)
        for name, value in columns.items():
            setattr(row, name, value)


def _chosen(definition: AttributeDefinition, text: str) -> list[str]:
    chosen = list(dict.fromkeys(line.strip() for line in text.split("\n") if line.strip()))
    strange = [choice for choice in chosen if choice not in definition.choices]
    if strange:
        raise DomainError(
            f"{definition.label} has no choice “{strange[0][:60]}”.", field=field_name(definition)
        )
    if definition.kind == "choice" and len(chosen) > 1:
        raise DomainError(f"Choose one for {definition.label}.", field=field_name(definition))
    return chosen


def _shown(definition: AttributeDefinition, row: ProductAttribute | None) -> str:
    if row is None:
        return ""
    match definition.kind:
        case "boolean":
            return "" if row.number_value is None else (YES if row.number_value else NO)
        case "integer" | "decimal" | "measure":
            return typed.plain(row.number_value)
        case "date":
            return row.date_value.isoformat() if row.date_value else ""
        case "choice" | "multi_choice":
            return "\n".join(str(choice) for choice in row.choice_values or [])
    return row.text_value or ""
