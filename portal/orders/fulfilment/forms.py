"""What people type about parcels, addresses and how the merchant sends."""

from __future__ import annotations

from flask_wtf import FlaskForm
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
from wtforms.validators import InputRequired, Length, NumberRange, Optional

WAYS = [
    SelectChoice("send", "Send it now"),
    SelectChoice("plan", "Set it apart, to be packed and sent later"),
    SelectChoice("collect", "It is ready to be collected"),
    SelectChoice("hand_over", "The buyer takes it now"),
]


class TrackingForm(FlaskForm):
    """Who carries a parcel."""

    carrier = StringField("Carrier", [Optional(), Length(max=80, message="Keep it under 80 characters.")])
    tracking_number = StringField(
        "Tracking number", [Optional(), Length(max=80, message="Keep it under 80 characters.")]
    )
    tracking_url = StringField(
        "Link to follow it", [Optional(), Length(max=500, message="Keep it under 500 characters.")]
    )


class NewParcelForm(TrackingForm):
    """A parcel to be made; the units per line are read beside it."""

    way = RadioField("What happens", choices=WAYS, default="send", validate_choice=False)


class ContactForm(FlaskForm):
    """The person and the place of an order. ``base`` is what the form showed."""

    name = StringField("Name", [Length(max=200)])
    company = StringField("Company", [Length(max=200)])
    line1 = StringField("Street and number", [Length(max=200)])
    line2 = StringField("Second line", [Length(max=200)])
    postcode = StringField("Postcode", [Length(max=40)])
    city = StringField("City", [Length(max=200)])
    region = StringField("Region", [Length(max=200)])
    country_code = SelectField("Country", choices=[])
    email = StringField("E-mail", [Length(max=200)])
    phone = StringField("Phone", [Length(max=60)])
    voids_labels = BooleanField("The printed label is void; a new one will be printed")
    base = HiddenField()


class SettingsForm(FlaskForm):
    """How the merchant hands out and writes about orders."""

    collect_days = IntegerField(
        "Keep collections ready for",
        [InputRequired("Enter the days."), NumberRange(1, 90, message="Choose 1 to 90 days.")],
    )
    mails_order = BooleanField("Confirm an order by mail")
    mails_dispatch = BooleanField("Write when a parcel leaves")
    mails_ready = BooleanField("Write when a collection is ready")
    mails_for_channels = BooleanField("Also for orders that a shop or a marketplace sent")
    version = HiddenField()


class LetterForm(FlaskForm):
    """A text staff begin a mail with, or that goes out by itself."""

    name = StringField("Name", [InputRequired("Give it a name."), Length(max=80)])
    locale = SelectField("Language", choices=[])
    moment = SelectField("Used", choices=[], default="")
    subject = StringField("Subject", [InputRequired("Write a subject."), Length(max=200)])
    body = TextAreaField("Text", [InputRequired("Write the text."), Length(max=10_000)])
    is_active = BooleanField("It is in use", default=True)
    version = HiddenField()


LANGUAGES = [SelectChoice(code, name) for code, name in (
    ("en", "English"), ("de", "German"), ("fr", "French"), ("es", "Spanish"), ("it", "Italian"), ("nl", "Dutch"),
    ("pl", "Polish"), ("pt", "Portuguese"), ("sv", "Swedish"), ("da", "Danish"), ("cs", "Czech"), ("ar", "Arabic"),
)]  # fmt: skip
