"""What people type about an order."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, DateField, DecimalField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Optional

METHODS = [
    SelectChoice("bank_transfer", "Bank transfer"),
    SelectChoice("cash", "Cash"),
    SelectChoice("other", "Other"),
]


# A list, and not words of one's own: the reason is read by roles and lists that show no personal data.
HOLD_REASONS = (
    "The customer asked to wait",
    "The address needs checking",
    "The payment needs checking",
    "It may be fraud",
    "An item needs checking",
    "Another reason, see the notes",
)


class AmountField(DecimalField):
    """A finite amount; Decimal also reads NaN and Infinity."""

    data: Any

    def process_formdata(self, valuelist: list[str]) -> None:
        super().process_formdata(valuelist)
        if self.data is not None and not self.data.is_finite():
            self.data = None
            raise ValueError(self.gettext("Not a valid decimal value."))


class HoldForm(FlaskForm):
    """Why an order waits."""

    reason = SelectField(
        "Reason",
        choices=[SelectChoice("", "Choose one"), *(SelectChoice(reason, reason) for reason in HOLD_REASONS)],
    )
    rule = SelectField(
        "What ends it",
        choices=[
            SelectChoice("by_hand", "Someone releases it"),
            SelectChoice("on_date", "A day"),
            SelectChoice("when_paid", "The order is paid"),
            SelectChoice("when_in_stock", "Everything is in stock"),
        ],
        default="by_hand",
    )
    until = DateField("Day on which it ends", [Optional()])


class PaymentForm(FlaskForm):
    """Money that came in outside a gateway."""

    amount = AmountField(
        "Amount",
        [
            InputRequired("Enter the amount that came in."),
            NumberRange(
                min=Decimal("0.0001"), max=Decimal("99999999999"), message="Enter an amount above zero."
            ),
        ],
        places=None,
    )
    method = SelectField("How", choices=METHODS)
    reference = StringField("Reference", [Optional(), Length(max=80)])


class NoteForm(FlaskForm):
    """A note on the order."""

    body = TextAreaField("Note", [Length(max=5000, message="Keep a note under 5,000 characters.")])
    for_customer = BooleanField("The customer may read it")


class TagForm(FlaskForm):
    """One tag."""

    tag = StringField("Tag", [Length(max=40, message="Keep a tag under 40 characters.")])


class RevealForm(FlaskForm):
    """Why someone needs to see the person of an order."""

    reason = StringField("Reason")
