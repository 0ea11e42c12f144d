"""What people choose about a file: which one it is, how it is read, what its columns hold."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import available_timezones

import sqlalchemy as sa
from babel.core import get_global
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import BooleanField, IntegerField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Optional, ValidationError

from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.imports.formats import FORMATS
from portal.imports.history.rules import format_charge_codes, parse_charge_codes
from portal.imports.models import Import, ImportKind
from portal.imports.reading.encoding import ENCODINGS
from portal.imports.reading.table import DELIMITERS
from portal.imports.reading.values import DATE_ORDERS
from portal.stock.models import Location

NO_COLUMN = SelectChoice("", "Not in the file")


class UploadForm(FlaskForm):
    """A file to import."""

    file = FileField("CSV file", [FileRequired("Choose a file.")])


class ReadingForm(FlaskForm):
    """How the file is read; guessed first."""

    format = SelectField(
        "Kind of file", choices=[SelectChoice(shape.key, shape.title) for shape in FORMATS.values()]
    )
    encoding = SelectField("Letters", choices=[SelectChoice(key, label) for key, label in ENCODINGS.items()])
    delimiter = SelectField(
        "Values are parted by", choices=[SelectChoice(key, label) for key, label in DELIMITERS.items()]
    )
    header_row = IntegerField(
        "Headings are in row", [InputRequired(), NumberRange(1, 1000, "Between 1 and 1,000.")]
    )


class OptionsForm(FlaskForm):
    """Choices for every kind of import."""

    currency = StringField(
        "Currency of the prices", [InputRequired(), Length(3, 3, "Three letters, such as GBP.")]
    )
    decimal_mark = RadioField(
        "Decimals are written with",
        choices=[SelectChoice(".", "a point (2.55)"), SelectChoice(",", "a comma (2,55)")],
    )
    location_id = SelectField(
        "Stock lies at",
        coerce=lambda value: int(value) if str(value).isdecimal() else None,
        validate_choice=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.location_id.choices = [
            SelectChoice(row.id, row.name)
            for row in db.session.execute(
                sa.select(Location.id, Location.name)
                .where(Location.merchant_id == current_merchant_id(), Location.is_active)
                .order_by(Location.position, Location.id)
            )
        ]

    def validate_location_id(self, field: SelectField) -> None:
        """One of the merchant's own; a shop on its first day has none yet."""
        if field.data not in {choice.value for choice in self.location_id.choices}:
            raise ValidationError(
                "Choose a location."
                if self.location_id.choices
                else "Add a location first: imported stock has to lie somewhere."
            )

    def validate_currency(self, field: StringField) -> None:
        """A code of ISO 4217."""
        field.data = (field.data or "").upper()
        if field.data not in get_global("all_currencies"):
            raise ValidationError("This is no currency code. Use the three letters of ISO 4217, such as GBP.")

    def options(self) -> dict[str, Any]:
        """The choices as the import keeps them."""
        return {
            "currency": self.currency.data,
            "decimal_mark": self.decimal_mark.data,
            "location_id": self.location_id.data,
        }


class HistoryForm(OptionsForm):
    """Choices for an order history."""

    date_order = SelectField(
        "Dates are written as", choices=[SelectChoice(key, label) for key, label in DATE_ORDERS.items()]
    )
    time_zone = StringField("Times are of", [InputRequired()])
    state = RadioField(
        "Orders arrive",
        choices=[
            SelectChoice("closed", "closed: paid and sent, as history is"),
            SelectChoice("open", "open: still to be paid and sent"),
        ],
    )
    tax_inclusive = BooleanField("Prices include tax")
    number_prefix = StringField("Prefix of order numbers", [Optional(), Length(max=10)])
    base_rate = StringField("Rate to your own currency", [InputRequired()])
    charge_codes = TextAreaField("Codes that are charges, not products", [Optional(), Length(max=5_000)])

    def validate_time_zone(self, field: StringField) -> None:
        """A zone of the tz database."""
        if field.data not in available_timezones():
            raise ValidationError("This is no time zone. Write it as Europe/London.")

    def validate_base_rate(self, field: StringField) -> None:
        """A positive number."""
        try:
            rate = Decimal(field.data or "")
        except InvalidOperation:
            raise ValidationError("Write the rate as a number, such as 1.17.") from None
        if not rate.is_finite() or not Decimal("0.0000000001") <= rate <= Decimal(10) ** 9:
            raise ValidationError("The rate must be above zero.")

    def validate_charge_codes(self, field: TextAreaField) -> None:
        """One ``CODE = kind`` per line."""
        try:
            parse_charge_codes(field.data or "")
        except DomainError as error:
            raise ValidationError(error.message) from None

    def options(self) -> dict[str, Any]:
        """The choices as the import keeps them."""
        return super().options() | {
            "date_order": self.date_order.data,
            "time_zone": self.time_zone.data,
            "state": self.state.data,
            "tax_inclusive": bool(self.tax_inclusive.data),
            "number_prefix": (self.number_prefix.data or "").strip(),
            "base_rate": (self.base_rate.data or "1").strip(),
            "charge_codes": parse_charge_codes(self.charge_codes.data or ""),
        }


class ProductsForm(OptionsForm):
    """Choices for products."""

    takes_stock = BooleanField("Take the stock column as opening balance")

    def options(self) -> dict[str, Any]:
        """The choices as the import keeps them."""
        return super().options() | {"takes_stock": bool(self.takes_stock.data)}


def options_form(found: Import) -> HistoryForm | ProductsForm:
    """The form of the import's kind, filled from the request or from what the import keeps."""
    if found.kind == ImportKind.ORDER_HISTORY:
        return HistoryForm(
            data=found.options | {"charge_codes": format_charge_codes(found.options.get("charge_codes", {}))}
        )
    return ProductsForm(data=found.options)


def mapping_from(found: Import, form: Any, width: int) -> dict[str, int]:
    """Field to column as chosen on the page; a column may serve one field only.

    Raises:
        DomainError: a column was chosen twice, or does not exist.
    """
    mapping: dict[str, int] = {}
    for field in FORMATS[found.format].fields:
        chosen = form.get(f"column-{field.key}", "")
        if chosen == "":
            continue
        if not chosen.isascii() or not chosen.isdigit() or int(chosen) >= width:
            raise DomainError(f"Choose a column of the file for {field.label}.", field=field.key)
        if int(chosen) in mapping.values():
            raise DomainError(
                f"One column cannot hold {field.label} and something else as well.", field=field.key
            )
        mapping[field.key] = int(chosen)
    return mapping
