"""What people type about a transfer."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import HiddenField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice

from portal.stock import queries


class TransferForm(FlaskForm):
    """The head of a transfer."""

    from_location_id = SelectField("From", validate_choice=False)
    to_location_id = SelectField("To", validate_choice=False)
    expected_on = StringField("Expected on", render_kw={"type": "date"})
    note = TextAreaField("Note", render_kw={"rows": 3})
    version = HiddenField()

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        places = [SelectChoice(str(place.id), place.name) for place in queries.locations() if place.is_active]
        for field in (self.from_location_id, self.to_location_id):
            field.choices = [SelectChoice("", "Choose a location"), *places]
