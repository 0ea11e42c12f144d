"""What people type about products. The services read the values; a form shows them and checks that they came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import (
    BooleanField,
    Field,
    HiddenField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice

from portal.catalog.attributes import NO, YES, field_name
from portal.catalog.models import AttributeDefinition
from portal.catalog.product_types import KIND_LABELS
from portal.catalog.services import TAX_CLASSES

NO_TYPE = SelectChoice("", "No type")
TOP = SelectChoice("", "At the top")


class SeveralField(SelectMultipleField):
    """Several choices, kept as one text with a line each, so that a stale save can compare them."""

    def process_data(self, value: Any) -> None:
        self.data = str(value or "").split("\n") if value else []

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = [line for value in valuelist for line in value.splitlines()]

    def pre_validate(self, form: Any) -> None:
        """The service checks the choices and says what is wrong."""


class NewProductForm(FlaskForm):
    """The least a product needs; the rest is typed in its editor."""

    title = StringField("Title")
    sku = StringField("SKU")
    vendor = StringField("Vendor")
    product_type_id = SelectField("Product type", validate_choice=False)


class ProductForm(FlaskForm):
    """The details of a product; ``product_form`` adds a field per attribute of its type."""

    title = StringField("Title")
    description = TextAreaField("Description")
    vendor = StringField("Vendor")
    product_type_id = SelectField("Product type", validate_choice=False)
    tax_class = SelectField(
        "Tax class", choices=[SelectChoice(*each) for each in TAX_CLASSES.items()], validate_choice=False
    )
    slug = StringField("Address")
    tags = StringField("Tags")
    version = HiddenField()
    base = HiddenField()


class VariantForm(FlaskForm):
    """A variant on a page of its own."""

    sku = StringField("SKU")
    barcode = StringField("Barcode")
    weight_grams = StringField("Weight")
    unit_cost = StringField("Cost")
    low_stock_threshold = StringField("Low stock from")
    is_stocked = SelectField(
        "Stock",
        choices=[
            SelectChoice("yes", "Is counted"),
            SelectChoice("no", "Is not counted: a service, a download"),
        ],
        validate_choice=False,
    )
    version = HiddenField()
    base = HiddenField()


class PriceForm(FlaskForm):
    """A price in one currency."""

    currency = StringField("Currency")
    amount = StringField("Price")
    compare_at = StringField("Former price")
    base = HiddenField()


class PictureForm(FlaskForm):
    """A picture to upload."""

    picture = FileField("Picture")
    alt_text = StringField("What it shows")


class CategoryForm(FlaskForm):
    """A category and where it stands."""

    name = StringField("Name")
    parent_id = SelectField("Stands below", validate_choice=False)
    position = StringField("Place among its siblings")
    slug = StringField("Address")
    description = TextAreaField("Description")
    version = HiddenField()
    base = HiddenField()


class TypeForm(FlaskForm):
    """A product type."""

    name = StringField("Name")
    version = HiddenField()
    base = HiddenField()


class AttributeForm(FlaskForm):
    """An attribute of a product type."""

    label = StringField("Label")
    kind = SelectField(
        "Kind of value", choices=[SelectChoice(*each) for each in KIND_LABELS.items()], validate_choice=False
    )
    unit = StringField("Unit")
    choices = TextAreaField("Choices")
    is_required = BooleanField("Required before a product is published")
    is_filterable = BooleanField("Shoppers may filter by it")
    version = HiddenField()
    base = HiddenField()


def product_form(
    definitions: Sequence[AttributeDefinition], *, types: Sequence[tuple[str, str]], **options: Any
) -> ProductForm:
    """The form of a product whose type has these attributes."""
    fields = {field_name(each): _attribute_field(each) for each in definitions}
    form: ProductForm = type("ProductForm", (ProductForm,), fields)(**options)
    form.product_type_id.choices = [NO_TYPE, *(SelectChoice(*each) for each in types)]
    return form


def texts(form: FlaskForm) -> dict[str, str]:
    """What was typed, by field, as text; several choices stand on a line each."""
    return {
        name: "\n".join(value) if isinstance(value, list) else str(value or "")
        for name, value in form.data.items()
    }


def refuse(form: FlaskForm, error: Any, otherwise: str) -> None:
    """Put the message of a ``DomainError`` at the field it names."""
    name = error.field if error.field in form else otherwise
    form[name].errors = [error.message]


def version_of(values: Mapping[str, Any]) -> int:
    """The version a form was opened at; 0, which no row has, when it is damaged."""
    text = str(values.get("version") or "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


def _attribute_field(definition: AttributeDefinition) -> Field:
    label = definition.label
    choices = [SelectChoice(str(choice), str(choice)) for choice in definition.choices]
    match definition.kind:
        case "long_text":
            return TextAreaField(label)
        case "boolean":
            return SelectField(
                label,
                choices=[SelectChoice("", "Not said"), SelectChoice(YES, "Yes"), SelectChoice(NO, "No")],
                validate_choice=False,
            )
        case "date":
            return StringField(label, render_kw={"type": "date"})
        case "choice":
            return SelectField(label, choices=[SelectChoice("", "Not said"), *choices], validate_choice=False)
        case "multi_choice":
            return SeveralField(label, choices=choices)
    return StringField(label)
