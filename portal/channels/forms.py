"""What people type about a shop."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, IntegerField, PasswordField, SelectField, StringField, URLField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange

from portal.accounts.forms import currency_choices
from portal.channels.connectors import KINDS
from portal.channels.services import AccountValues

NAME = Length(min=1, max=120, message="Give the shop a name of at most 120 characters.")
ADDRESS = Length(min=1, max=500, message="Enter the address of the shop.")


class SettingsForm(FlaskForm):
    """Where the shop is and what it is told."""

    name = StringField("Name", [NAME])
    base_url = URLField("Address of the shop", [ADDRESS])
    price_currency = SelectField("Currency of its prices")
    safety_buffer = IntegerField(
        "Safety buffer",
        [
            InputRequired("Enter a number of units, 0 for none."),
            NumberRange(0, 1_000_000, "Enter a number of units from 0 up."),
        ],
        default=0,
    )
    sends_stock = BooleanField("Send stock", default=True)
    sends_prices = BooleanField("Send prices", default=True)
    version = HiddenField()
    base = HiddenField()

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.price_currency.choices = currency_choices()

    def values(self) -> AccountValues:
        """What was typed, for the service."""
        return AccountValues(
            self.name.data or "",
            self.base_url.data or "",
            self.price_currency.data or "",
            self.safety_buffer.data or 0,
            bool(self.sends_stock.data),
            bool(self.sends_prices.data),
        )


class KeysForm(FlaskForm):
    """A new pair of keys. They are never shown again."""

    key = PasswordField("Consumer key", [Length(8, 200, "Copy the whole key from the shop.")])
    secret = PasswordField("Consumer secret", [Length(8, 200, "Copy the whole secret from the shop.")])


class ConnectForm(SettingsForm):
    """All that connecting a shop takes."""

    connector = SelectField(
        "Kind of shop", choices=[SelectChoice(kind.key, kind.label) for kind in KINDS.values()]
    )
    key = PasswordField("Consumer key", [Length(8, 200, "Copy the whole key from the shop.")])
    secret = PasswordField("Consumer secret", [Length(8, 200, "Copy the whole secret from the shop.")])


class MatchForm(FlaskForm):
    """Which variant an article of the shop is."""

    sku = StringField("SKU of the variant", [Length(1, 200, "Enter the SKU of the variant.")])
