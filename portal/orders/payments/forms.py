"""What people type about payments."""

from __future__ import annotations

from decimal import Decimal

from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import (
    HiddenField,
    IntegerField,
    PasswordField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
    URLField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from portal.config import settings
from portal.core.merging import version_in
from portal.orders.forms import AmountField
from portal.orders.gateways import kinds_for
from portal.orders.payments.accounts import AccountValues
from portal.orders.payments.disputes import FILE_KINDS, LONGEST_TEXT, TEXTS

KEY = Length(0, 255, "Copy the whole key, without spaces.")


class AmountForm(FlaskForm):
    """How much, and the word that makes a second click the same act."""

    amount = AmountField(
        "Amount",
        [
            InputRequired("Enter an amount."),
            NumberRange(
                min=Decimal("0.0001"), max=Decimal("99999999999"), message="Enter an amount above zero."
            ),
        ],
        places=None,
    )
    key = HiddenField(validators=[Length(1, 60)])


class KeyForm(FlaskForm):
    """An act that takes no figures."""

    key = HiddenField(validators=[Length(1, 60)])


class AccountForm(FlaskForm):
    """An account at a gateway. Keys are typed once and never shown again."""

    name = StringField("Name", [Length(1, 80, "Give the account a name of at most 80 characters.")])
    mode = RadioField(
        "Mode",
        choices=[SelectChoice("test", "Test: no money moves"), SelectChoice("live", "Live: real payments")],
        default="test",
    )
    base_url = URLField("Address of the gateway", [Optional(), Length(max=300)])
    secret_key = PasswordField("Secret key", [KEY])
    webhook_secret = PasswordField("Signing secret of the webhook", [KEY])
    version = HiddenField()

    def values(self) -> AccountValues:
        """What was typed, for the service."""
        return AccountValues(
            self.name.data or "", self.mode.data or "test", self.secret_key.data or "", self.webhook_secret.data or "",
            self.base_url.data, version_in(self.version.data),
        )  # fmt: skip


class NewAccountForm(AccountForm):
    """All that connecting takes."""

    kind = SelectField("Gateway")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.kind.choices = [SelectChoice(kind.key, kind.label) for kind in kinds_for(settings()).values()]


class PreferencesForm(FlaskForm):
    """When money is taken, and how long a link lives."""

    capture_on = RadioField(
        "Take money that is set aside",
        choices=[
            SelectChoice("placement", "As soon as the order is placed"),
            SelectChoice("dispatch", "When the first parcel leaves"),
            SelectChoice("by_hand", "Only when someone does it on the order"),
        ],
    )
    link_days = IntegerField(
        "A payment link lives", [InputRequired("Enter a number of days."), NumberRange(1, 90, "A link lives 1 to 90 days.")]
    )  # fmt: skip
    version = HiddenField()


class EvidenceForm(FlaskForm):
    """What is said to the bank."""

    explanation = TextAreaField(TEXTS["explanation"], [Length(max=LONGEST_TEXT)])
    goods = TextAreaField(TEXTS["goods"], [Length(max=LONGEST_TEXT)])
    delivery = TextAreaField(TEXTS["delivery"], [Length(max=LONGEST_TEXT)])
    contact = TextAreaField(TEXTS["contact"], [Length(max=LONGEST_TEXT)])
    policy = TextAreaField(TEXTS["policy"], [Length(max=LONGEST_TEXT)])
    version = HiddenField()

    def texts(self) -> dict[str, str]:
        """What was typed, by name."""
        return {name: self[name].data or "" for name in TEXTS}


class EvidenceFileForm(FlaskForm):
    """A file for the bank."""

    kind = SelectField("It shows", choices=[SelectChoice(key, words) for key, words in FILE_KINDS.items()])
    file = FileField("File")


class MatchLineForm(FlaskForm):
    """Which order a line of a payout belongs to."""

    number = StringField("Order number", [Length(1, 200, "Enter the number of the order.")])


class ExplainLineForm(FlaskForm):
    """What a line without an order is."""

    reason = StringField("What it is", [Length(1, 300, "Say what this line is.")])
