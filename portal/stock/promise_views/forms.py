"""What people type about promises: when units are allocated, what a variant does without stock, and routing rules."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, RadioField, SelectField, StringField
from wtforms.fields.choices import SelectChoice

from portal.catalog.forms import SeveralField
from portal.stock.promise_settings import MOMENT_WORDS, POLICY_WORDS
from portal.stock.routing.services import STRATEGY_WORDS


class PromiseSettingForm(FlaskForm):
    """When units are allocated, and how long they are kept."""

    allocate_on = RadioField(
        "Units are allocated",
        choices=[SelectChoice(*each) for each in MOMENT_WORDS.items()],
        validate_choice=False,
    )
    basket_minutes = StringField("Baskets keep units for")
    payment_minutes = StringField("Unpaid orders keep units for")
    heats_by_itself = BooleanField("Spread variants in sudden demand automatically")
    hot_slots = StringField("Slots of a hot variant")
    version = HiddenField()
    base = HiddenField()


class PolicyForm(FlaskForm):
    """What a variant does when nothing is left; its ids are its own, because the form stands on the variant's page."""

    policy = SelectField(
        "What happens",
        choices=[SelectChoice(*each) for each in POLICY_WORDS.items()],
        validate_choice=False,
        id="stock-policy",
    )
    limit = StringField("Most units that may wait", id="backorder-limit")
    until = StringField("Sold before release until", id="preorder-until")
    version = HiddenField(id="policy-version")
    base = HiddenField(id="policy-base")


class RoutingRuleForm(FlaskForm):
    """A routing rule; the view gives the locations and channels to choose from."""

    name = StringField("Name")
    strategy = SelectField(
        "What it does",
        choices=[SelectChoice(*each) for each in STRATEGY_WORDS.items()],
        validate_choice=False,
    )
    location_id = SelectField("Location", validate_choice=False)
    country_codes = StringField("Countries")
    channel_ids = SeveralField("Channels", validate_choice=False)
    tag = StringField("Tag")
    least_total = StringField("Total from")
    most_total = StringField("Total up to")
    version = HiddenField()
    base = HiddenField()
