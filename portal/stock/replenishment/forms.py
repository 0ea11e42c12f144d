"""What people type about thresholds."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, SelectField, StringField
from wtforms.fields.choices import SelectChoice

from portal.stock import queries


class RuleForm(FlaskForm):
    """A threshold."""

    code = StringField("SKU or barcode")
    location_id = SelectField("Location", validate_choice=False)
    minimum = StringField("Order at")
    maximum = StringField("Up to")
    lead_days = StringField("Lead time")
    version = HiddenField()
    base = HiddenField()

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        places = [SelectChoice(str(place.id), place.name) for place in queries.locations() if place.is_active]
        self.location_id.choices = [SelectChoice("", "Choose a location"), *places]


class SettingForm(FlaskForm):
    """Who is told when stock runs low."""

    notify_email = StringField("Write to")
    is_active = BooleanField("Send a mail when stock runs low")
    version = HiddenField()
