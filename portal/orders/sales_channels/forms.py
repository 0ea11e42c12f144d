"""What people type about a sales channel."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, IntegerField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from portal.orders.sales_channels import services


class SalesChannelForm(FlaskForm):
    """A sales channel."""

    version = HiddenField()
    base = HiddenField()
    name = StringField("Name", [InputRequired("Name the sales channel."), Length(max=80)])
    code = StringField("Code", [Optional(), Length(max=40)])
    kind = SelectField("Kind", choices=[SelectChoice(kind, words) for kind, words in services.KINDS.items()])
    safety_buffer = IntegerField(
        "Safety buffer",
        [Optional(), NumberRange(0, services.MOST_UNITS, message="Enter a number of units from 0 up.")],
        default=0,
    )
    is_active = BooleanField("It is in use", default=True)

    def typed(self) -> services.ChannelValues:
        return services.ChannelValues(
            self.name.data or "",
            self.code.data or "",
            self.kind.data or "",
            self.safety_buffer.data or 0,
            bool(self.is_active.data),
        )
