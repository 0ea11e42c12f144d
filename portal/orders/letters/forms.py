"""What staff type about a contact, and a mail they write."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length

from portal.orders.letters.contacts import WAYS
from portal.orders.letters.texts import LONGEST_BODY, LONGEST_SUBJECT


class CallForm(FlaskForm):
    """A contact that is written down."""

    way = SelectField("How", choices=[SelectChoice(key, words) for key, words in WAYS.items()])
    is_incoming = BooleanField("The customer contacted us")
    summary = TextAreaField("What was said", [Length(max=5000, message="Keep it under 5,000 characters.")])


class MailForm(FlaskForm):
    """A mail to the buyer."""

    text = HiddenField()
    shortfall = HiddenField()
    subject = StringField(
        "Subject", [Length(max=LONGEST_SUBJECT, message="Keep the subject under 200 characters.")]
    )
    body = TextAreaField("Text", [Length(max=LONGEST_BODY, message="Keep the mail under 10,000 characters.")])
