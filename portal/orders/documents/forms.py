"""What people type about documents."""

from __future__ import annotations

from typing import Any

from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import (
    BooleanField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Optional, Regexp

from portal.accounts.forms import country_choices
from portal.orders.documents.words import LANGUAGE_NAMES

PREFIX = Regexp(r"[A-Za-z0-9/._ -]*\Z", message="Use letters, digits, dashes, dots and slashes.")


def _text(label: str, most: int = 120) -> StringField:
    return StringField(label, [Optional(), Length(max=most, message=f"Keep it under {most} characters.")])


class DocumentSettingsForm(FlaskForm):
    """The seller in the eyes of the law, numbers, and when documents are made."""

    company = StringField(
        "Company name", [InputRequired("Enter the name invoices are issued under."), Length(max=120)]
    )
    line1 = _text("Street and number")
    line2 = _text("Address, second line")
    postcode = _text("Postcode", 20)
    city = _text("Town")
    country_code = SelectField("Country")
    vat_id = _text("VAT ID", 30)
    tax_number = _text("Tax number", 40)
    registration = _text("Company register")
    managed_by = _text("Managing directors", 200)
    email = _text("E-mail")
    phone = _text("Phone", 40)
    website = _text("Website")
    bank = _text("Bank")
    iban = _text("IBAN", 42)
    bic = _text("BIC", 14)
    footer = TextAreaField(
        "Text at the end", [Optional(), Length(max=1000, message="Keep it under 1,000 characters.")]
    )
    language = SelectField(
        "Language when the buyer’s is not known",
        choices=[SelectChoice(*each) for each in LANGUAGE_NAMES.items()],
    )
    paper = RadioField("Paper", choices=[SelectChoice("a4", "A4"), SelectChoice("us-letter", "US Letter")])
    payment_days = IntegerField(
        "Payment within", [InputRequired("Enter a number of days."), NumberRange(0, 365)]
    )
    invoice_prefix = StringField("Invoice numbers begin with", [Length(max=20), PREFIX])
    credit_note_prefix = StringField("Credit note numbers begin with", [Length(max=20), PREFIX])
    numbers_by_year = BooleanField("Begin anew every year, with the year in the number")
    digits = IntegerField("Digits", [InputRequired("Enter how many digits."), NumberRange(1, 12)])
    first_number = IntegerField(
        "First number of a new series", [InputRequired("Enter a number."), NumberRange(1, 10**12)]
    )
    issued_when = RadioField(
        "Issue invoices",
        choices=[
            SelectChoice("by_hand", "By hand, on the order"), SelectChoice("paid", "When an order is paid"),
            SelectChoice("shipped", "When a parcel of it leaves"),
        ],
    )  # fmt: skip
    is_mailed = BooleanField("Send an invoice that was issued by itself to the buyer by mail")
    version = HiddenField()
    base = HiddenField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.country_code.choices = [SelectChoice("", "Choose one"), *country_choices()]


class LogoForm(FlaskForm):
    """A picture for the letterhead."""

    logo = FileField("Logo")


class PrintForm(FlaskForm):
    """What of the chosen orders goes into the file."""

    what = RadioField(
        "Print",
        choices=[
            SelectChoice("packing_slips", "Packing slips"), SelectChoice("invoices", "Invoices that are issued"),
            SelectChoice("issue_invoices", "Invoices, and issue those that are missing"),
        ],
        default="packing_slips",
    )  # fmt: skip


class ReasonForm(FlaskForm):
    """Why a restricted document is opened."""

    reason = StringField("Reason")
