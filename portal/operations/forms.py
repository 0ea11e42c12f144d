"""What people type in operations."""

from __future__ import annotations

from typing import Final

from flask_wtf import FlaskForm
from wtforms import HiddenField, IntegerField, PasswordField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Email, InputRequired, Length, NumberRange, Regexp

SECURITY: Final = [
    SelectChoice("starttls", "STARTTLS (usually port 587)"),
    SelectChoice("tls", "TLS (usually port 465)"),
    SelectChoice("none", "None (this machine only)"),
]


class MailAccountForm(FlaskForm):
    """The SMTP server of a merchant."""

    version = HiddenField()
    host = StringField(
        "Server",
        [
            DataRequired("Give the name of the server."),
            Length(max=250),
            Regexp(r"^[A-Za-z0-9.:_-]+$", message="A server name has letters, digits, dots and dashes."),
        ],
    )
    port = IntegerField(
        "Port", [InputRequired("Give the port."), NumberRange(1, 65535, "A port is a number up to 65535.")]
    )
    security = SelectField("Encryption", choices=SECURITY)
    username = StringField("User name", [Length(max=250)])
    password = PasswordField("Password", [Length(max=500)])
    sender = StringField(
        "Sender address",
        [
            DataRequired("Give the address mail comes from."),
            Length(max=250),
            Email("This is not an e-mail address."),
        ],
    )
    sender_name = StringField(
        "Sender name", [Length(max=100), Regexp(r"^[^\r\n]*$", message="One line only.")]
    )
