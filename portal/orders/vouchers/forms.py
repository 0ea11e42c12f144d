"""What people type about a voucher."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional

from portal.accounts.forms import currency_choices
from portal.orders.vouchers.services import FIELDS, KINDS


class VoucherForm(FlaskForm):
    """A voucher, its worth, its conditions."""

    version = HiddenField()
    base = HiddenField()
    code = StringField("Code", [InputRequired("Enter the code."), Length(max=40)])
    kind = SelectField("It gives", choices=[SelectChoice(name, words) for name, words in KINDS.items()])
    percent = StringField("Percentage", [Optional(), Length(max=12)])
    amount = StringField("Amount", [Optional(), Length(max=20)])
    currency = SelectField("Currency", validate_choice=False)
    minimum = StringField("Goods of at least", [Optional(), Length(max=20)])
    starts_on = StringField("First day", [Optional(), Length(max=10)])
    ends_on = StringField("Last day", [Optional(), Length(max=10)])
    usage_limit = StringField("Used at most", [Optional(), Length(max=9)])
    is_active = BooleanField("It may be used")

    def offer_currencies(self) -> VoucherForm:
        self.currency.choices = currency_choices()
        return self

    def typed(self) -> dict[str, str]:
        """What was typed, by field, as text."""
        values = {name: self[name].data or "" for name in FIELDS}
        return values | {"is_active": "y" if self.is_active.data else ""}
