"""What people type about tax and currencies."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from flask_wtf import FlaskForm
from wtforms import BooleanField, DateField, HiddenField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional

from portal.accounts.forms import country_choices, currency_choices
from portal.orders.forms import AmountField
from portal.orders.tax.services import SHIPPING_CLASSES, TAX_CLASSES


def _choices(words: Mapping[str, str]) -> list[SelectChoice]:
    return [SelectChoice(name, label) for name, label in words.items()]


class TaxRulesForm(FlaskForm):
    """How tax is added up."""

    version = HiddenField()
    base = HiddenField()
    rounding = SelectField(
        "Tax is rounded",
        choices=_choices({"line": "For each line", "total": "Once for each rate of an order"}),
    )
    shipping_tax = SelectField(
        "Shipping is taxed",
        choices=_choices(
            {"own": "At a rate of its own", "proportional": "At the rates of the goods, in proportion"}
        ),
    )
    shipping_class = SelectField("Class of shipping", choices=_choices(SHIPPING_CLASSES))
    eu_consumers = SelectField(
        "Consumers in other EU countries pay",
        choices=_choices(
            {"home": "Your own country's rates", "destination": "The rates of their country (OSS)"}
        ),
    )
    is_reverse_charge = BooleanField(
        "Reverse charge for businesses in other EU countries with a valid VAT number"
    )
    untaxed_prices = SelectField(
        "Who owes no tax pays",
        choices=_choices({"less_tax": "The price less the tax inside it", "as_shown": "The price as shown"}),
    )


class TaxRateForm(FlaskForm):
    """One rate; place and class are chosen when it is made and stay."""

    version = HiddenField()
    base = HiddenField()
    country_code = SelectField("Country", validate_choice=False)
    region = StringField("Region", [Optional(), Length(max=3)])
    tax_class = SelectField("Class", choices=_choices(TAX_CLASSES), validate_choice=False)
    percent = StringField("Rate", [InputRequired("Enter the rate."), Length(max=12)])
    name = StringField("Name", [Optional(), Length(max=80)])
    valid_from = StringField("First day", [Length(max=10)])
    valid_to = StringField("Last day", [Optional(), Length(max=10)])

    def offer_countries(self) -> TaxRateForm:
        self.country_code.choices = country_choices()
        return self


class ExchangeRateForm(FlaskForm):
    """What a currency is worth."""

    currency = SelectField("Currency", validate_choice=False)
    rate = AmountField("One unit is worth", [InputRequired("Enter the rate.")], places=None)
    valid_from = DateField("From", [InputRequired("Enter the first day.")])

    def offer_currencies(self) -> ExchangeRateForm:
        self.currency.choices = currency_choices()
        return self

    @property
    def worth(self) -> Decimal:
        return self.rate.data or Decimal(0)
