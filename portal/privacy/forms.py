"""What officers type about a request, a hold or a look."""

from __future__ import annotations

from typing import Any

from flask_wtf import FlaskForm
from wtforms import DateField, HiddenField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, Optional

from portal.core.reveal import LONGEST_REASON, SHORTEST_REASON
from portal.privacy.states import (
    EXTENSION_LABELS,
    IDENTITY_LABELS,
    KIND_LABELS,
    LAW_LABELS,
    RECIPIENT_LABELS,
    REFUSAL_LABELS,
)

NOTE_LIMIT = 4_000


def _text(value: str | None) -> str | None:
    return value.strip() if value else value


def _choices(labels: dict[str, str]) -> list[SelectChoice]:
    return [SelectChoice(code, label) for code, label in labels.items()]


def _note(label: str, **options: Any) -> TextAreaField:
    limit = Length(max=NOTE_LIMIT, message=f"Keep it under {NOTE_LIMIT:,} characters.")
    return TextAreaField(label, [Optional(), limit], filters=[_text], **options)


class RequestForm(FlaskForm):
    kind = SelectField("What they ask", choices=_choices(KIND_LABELS))
    law = SelectField("Under", choices=_choices(LAW_LABELS))
    received_on = DateField(
        "Received on", [InputRequired("Say when the request came in; the clock runs from that day.")]
    )
    contact = StringField("Where to answer", [Optional(), Length(max=320)], filters=[_text])
    note = _note("What they wrote or said")
    subject_id = HiddenField()


class IdentityForm(FlaskForm):
    method = SelectField("How they were identified", choices=_choices(IDENTITY_LABELS))
    note = _note("What was checked")


class RefusalForm(FlaskForm):
    ground = SelectField("Ground", choices=_choices(REFUSAL_LABELS))
    note = _note("What the person is told")


class ExtensionForm(FlaskForm):
    ground = SelectField("Reason", choices=_choices(EXTENSION_LABELS))


class NoteForm(FlaskForm):
    note = _note("Note")


class RecipientForm(FlaskForm):
    recipient = StringField(
        "Company or service", [DataRequired("Name the recipient."), Length(max=120)], filters=[_text]
    )


class RecipientStateForm(FlaskForm):
    state = SelectField("What they said", choices=_choices(RECIPIENT_LABELS))


class HoldForm(FlaskForm):
    reason = TextAreaField(
        "Reason",
        [DataRequired("Say why this person's data must not be erased."), Length(max=NOTE_LIMIT)],
        filters=[_text],
    )
    owner_id = SelectField("Owner", coerce=int)
    review_on = DateField("Review on", [InputRequired("Say when someone looks at it again.")])
    subject_id = HiddenField()


class ReasonForm(FlaskForm):
    reason = StringField(
        "Why do you need to see this?",
        [
            DataRequired("Say why."),
            Length(SHORTEST_REASON, LONGEST_REASON, f"Use {SHORTEST_REASON} to {LONGEST_REASON} characters."),
        ],
        filters=[_text],
    )
