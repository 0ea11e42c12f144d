"""What people type about a customer."""

from __future__ import annotations

from babel import Locale
from flask_wtf import FlaskForm
from wtforms import EmailField, HiddenField, SelectField, StringField, TelField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Email, Length, Optional

from portal.accounts.forms import LOCALES, country_choices
from portal.customers.models import CONSENT_CHANNELS

CONSENT_LABELS = {"email": "E-mail", "sms": "Text message", "phone": "Phone call", "post": "Post"}
NOT_KNOWN = SelectChoice("", "Not known")


class CustomerForm(FlaskForm):
    """A customer's own details."""

    name = StringField("Name", [Optional(), Length(max=200, message="Keep the name under 200 characters.")])
    company = StringField(
        "Company", [Optional(), Length(max=200, message="Keep the company under 200 characters.")]
    )
    email = EmailField(
        "E-mail",
        [Optional(), Length(max=254), Email("This is not an e-mail address.", check_deliverability=False)],
    )
    phone = TelField(
        "Phone", [Optional(), Length(max=40, message="Keep the phone number under 40 characters.")]
    )
    country_code = SelectField("Country", [Optional()])
    locale = SelectField("Language", [Optional()])
    note = TextAreaField(
        "Note", [Optional(), Length(max=5000, message="Keep the note under 5,000 characters.")]
    )
    version = HiddenField()
    base = HiddenField()

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.country_code.choices = [NOT_KNOWN, *country_choices()]
        self.locale.choices = [
            NOT_KNOWN,
            *(SelectChoice(code, str(Locale.parse(code).get_display_name("en"))) for code in LOCALES),
        ]


class AddressForm(FlaskForm):
    """An address of a customer."""

    name = StringField("Recipient", [Optional(), Length(max=200)])
    company = StringField("Company", [Optional(), Length(max=200)])
    line1 = StringField("Street and number", [Optional(), Length(max=200)])
    line2 = StringField("Second line", [Optional(), Length(max=200)])
    postcode = StringField("Postcode", [Optional(), Length(max=20)])
    city = StringField("Town", [Optional(), Length(max=120)])
    region = StringField("Region", [Optional(), Length(max=120)])
    country_code = SelectField("Country", [Optional()])
    phone = TelField("Phone", [Optional(), Length(max=40)])
    base = HiddenField()

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.country_code.choices = [NOT_KNOWN, *country_choices()]


class ConsentForm(FlaskForm):
    """A consent given or withdrawn, and how we know."""

    channel = SelectField(
        "Consent for",
        choices=[SelectChoice(channel, CONSENT_LABELS[channel]) for channel in CONSENT_CHANNELS],
    )
    state = SelectField(
        "The customer", choices=[SelectChoice("granted", "agreed"), SelectChoice("withdrawn", "withdrew")]
    )
    source = StringField(
        "How we know", [Length(min=2, max=200, message="Say how we know, for example: by phone on 3 May.")]
    )


class RevealForm(FlaskForm):
    """Why someone needs to see a person outside a case."""

    reason = StringField("Reason")
