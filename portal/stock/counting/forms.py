"""What people type to begin a count."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice

from portal.stock import queries


class CountForm(FlaskForm):
    """A new count."""

    name = StringField("Name")
    location_id = SelectField("Location", validate_choice=False)
    note = TextAreaField("Note", render_kw={"rows": 3})

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        places = [SelectChoice(str(place.id), place.name) for place in queries.locations() if place.is_active]
        self.location_id.choices = [SelectChoice("", "Choose a location"), *places]
