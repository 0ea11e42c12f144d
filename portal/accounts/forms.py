"""What people type about themselves, their colleagues and their shop."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any
from zoneinfo import available_timezones

from babel import Locale
from babel.core import get_global
from babel.numbers import get_currency_name
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    EmailField,
    HiddenField,
    IntegerField,
    PasswordField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Email, EqualTo, Length, NumberRange, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from portal.accounts.api_keys import FASTEST, SCOPES
from portal.accounts.passwords import LONGEST, SHORTEST
from portal.accounts.permissions import PERMISSIONS

LOCALES = (
    "en_GB",
    "en_US",
    "da_DK",
    "de_DE",
    "es_ES",
    "fr_FR",
    "it_IT",
    "nl_NL",
    "pl_PL",
    "pt_PT",
    "sv_SE",
    "ar_EG",
    "ja_JP",
)
SAME_AS_MERCHANT = SelectChoice("", "As the merchant")
LIMIT = f"Use {SHORTEST} characters or more."


def _text(value: str | None) -> str | None:
    return value.strip() if value else value


def _address() -> list[Any]:
    return [
        DataRequired("Type the e-mail address."),
        Length(max=254),
        Email("This is not an e-mail address.", check_deliverability=False),
    ]


@functools.cache
def locale_choices() -> list[SelectChoice]:
    return [SelectChoice(code, str(Locale.parse(code).get_display_name("en"))) for code in LOCALES]


@functools.cache
def zone_choices() -> list[SelectChoice]:
    places = (
        zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "SystemV/"))
    )
    return [
        SelectChoice("UTC", "UTC"),
        *(SelectChoice(zone, zone.replace("_", " ")) for zone in sorted(places)),
    ]


@functools.cache
def country_choices() -> list[SelectChoice]:
    names = {
        code: name
        for code, name in Locale.parse("en").territories.items()
        if len(code) == 2 and code.isalpha()
    }
    unreal = {"EU", "EZ", "UN", "XA", "XB", "ZZ", "QO"}
    named = sorted((name, code) for code, name in names.items() if code not in unreal)
    return [SelectChoice(code, name) for name, code in named]


@functools.cache
def currency_choices() -> list[SelectChoice]:
    """Currencies that people pay with today somewhere."""
    used = {
        code
        for periods in get_global("territory_currencies").values()
        for code, _, end, is_tender in periods
        if is_tender and end is None
    }
    return [SelectChoice(code, f"{code} – {get_currency_name(code, locale='en')}") for code in sorted(used)]


class SignInForm(FlaskForm):
    email = EmailField(
        "E-mail",
        [DataRequired("Type your e-mail address."), Length(max=254)],
        filters=[_text],
        render_kw={"autocomplete": "username", "autofocus": True},
    )
    password = PasswordField(
        "Password",
        [DataRequired("Type your password."), Length(max=LONGEST)],
        render_kw={"autocomplete": "current-password"},
    )


class ForgottenPasswordForm(FlaskForm):
    email = EmailField(
        "E-mail", _address(), filters=[_text], render_kw={"autocomplete": "username", "autofocus": True}
    )


class NewPasswordForm(FlaskForm):
    password = PasswordField(
        "New password",
        [DataRequired("Type a new password."), Length(SHORTEST, LONGEST, LIMIT)],
        render_kw={"autocomplete": "new-password"},
    )
    again = PasswordField(
        "New password again",
        [EqualTo("password", "The two are not the same.")],
        render_kw={"autocomplete": "new-password"},
    )


class AcceptInvitationForm(FlaskForm):
    name = StringField(
        "Your name",
        [DataRequired("Type your name."), Length(max=200)],
        filters=[_text],
        render_kw={"autocomplete": "name", "autofocus": True},
    )
    password = PasswordField(
        "Password",
        [DataRequired("Choose a password."), Length(SHORTEST, LONGEST, LIMIT)],
        render_kw={"autocomplete": "new-password"},
    )
    again = PasswordField(
        "Password again",
        [EqualTo("password", "The two are not the same.")],
        render_kw={"autocomplete": "new-password"},
    )


class ChangePasswordForm(FlaskForm):
    current = PasswordField(
        "Current password",
        [DataRequired("Type your current password."), Length(max=LONGEST)],
        render_kw={"autocomplete": "current-password"},
    )
    password = PasswordField(
        "New password",
        [DataRequired("Type a new password."), Length(SHORTEST, LONGEST, LIMIT)],
        render_kw={"autocomplete": "new-password"},
    )
    again = PasswordField(
        "New password again",
        [EqualTo("password", "The two are not the same.")],
        render_kw={"autocomplete": "new-password"},
    )


class ConfirmForm(FlaskForm):
    confirm_password = PasswordField(
        "Password",
        [DataRequired("Type your password."), Length(max=LONGEST)],
        render_kw={"autocomplete": "current-password", "autofocus": True},
    )


class ProfileForm(FlaskForm):
    name = StringField(
        "Name",
        [DataRequired("Type your name."), Length(max=200)],
        filters=[_text],
        render_kw={"autocomplete": "name"},
    )
    locale = SelectField(
        "Language and number format", [Optional()], choices=lambda: [SAME_AS_MERCHANT, *locale_choices()]
    )
    time_zone = SelectField("Time zone", [Optional()], choices=lambda: [SAME_AS_MERCHANT, *zone_choices()])


class InvitationForm(FlaskForm):
    email = EmailField(
        "E-mail", _address(), filters=[_text], render_kw={"autocomplete": "off", "autofocus": True}
    )
    role_id = SelectField("Role", coerce=int)


class MemberRoleForm(FlaskForm):
    role_id = SelectField("Role", coerce=int)


class Permissions(SelectMultipleField):
    """Every permission as a checkbox; the template lays them out as a table."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class RoleForm(FlaskForm):
    name = StringField("Name", [DataRequired("Give the role a name."), Length(max=80)], filters=[_text])
    description = TextAreaField("What it is for", [Optional(), Length(max=400)], filters=[_text])
    permissions = Permissions(
        "Permissions", choices=lambda: [SelectChoice(each.name, each.label) for each in PERMISSIONS.values()]
    )
    version = HiddenField(default="0")
    base = HiddenField()


class MerchantForm(FlaskForm):
    name = StringField("Name", [DataRequired("Type the name of the shop."), Length(max=120)], filters=[_text])
    country = SelectField("Country", choices=country_choices)
    currency = SelectField("Currency", choices=currency_choices)
    locale = SelectField("Language and number format", choices=locale_choices)
    time_zone = SelectField("Time zone", choices=zone_choices)
    prices_include_tax = BooleanField("Prices include tax")
    session_idle_minutes = IntegerField(
        "Sign out after",
        [DataRequired("Type a number of minutes."), NumberRange(5, 720, "Choose between 5 and 720 minutes.")],
    )
    version = HiddenField()
    base = HiddenField()


class ApiKeyForm(FlaskForm):
    """A program's key."""

    name = StringField("Name", [DataRequired("Name the program that will use the key."), Length(max=80)])
    scopes = SelectMultipleField(
        "What it may do",
        choices=[SelectChoice(name, words) for name, words in SCOPES.items()],
        option_widget=CheckboxInput(),
        widget=ListWidget(prefix_label=False),
    )
    channel_id = SelectField("Sales channel", coerce=int, default=0)
    rate_per_minute = IntegerField(
        "Requests a minute", [NumberRange(1, FASTEST, message=f"Enter 1 to {FASTEST:,}.")], default=600
    )

    def offer_channels(self, channels: Sequence[tuple[int, str]]) -> None:
        self.channel_id.choices = [
            SelectChoice(0, "None, it only reads"),
            *(SelectChoice(key, name) for key, name in channels),
        ]
