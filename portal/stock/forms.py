"""What people type about stock."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import HiddenField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice

from portal.accounts.forms import country_choices
from portal.stock.places import KIND_LABELS


class LocationForm(FlaskForm):
    """A location."""

    name = StringField("Name")
    code = StringField("Code")
    kind = SelectField(
        "Kind", choices=[SelectChoice(*each) for each in KIND_LABELS.items()], validate_choice=False
    )
    country_code = SelectField("Country", validate_choice=False)
    address = TextAreaField("Address")
    position = StringField("Place in lists")
    version = HiddenField()
    base = HiddenField()

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.country_code.choices = [SelectChoice("", "Not said"), *country_choices()]


class ReasonForm(FlaskForm):
    """A reason for adjustments."""

    label = StringField("Reason")
    code = StringField("Code")
    version = HiddenField()
    base = HiddenField()
