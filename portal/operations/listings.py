"""The lists of operations: jobs, messages, the audit log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from flask import url_for

from portal.accounts.models import Membership, User
from portal.core import formats
from portal.core.audit.models import AuditEntry
from portal.core.database import current_merchant_id, db
from portal.core.jobs import Job, kinds, title_of
from portal.core.listing import (
    ChoiceFilter,
    Column,
    DateFilter,
    FlagFilter,
    Listing,
    NumberFilter,
    Sort,
    TextFilter,
)
from portal.core.listing.filters import Condition
from portal.core.mail.models import Message

_job = Job.__table__.c
_message = Message.__table__.c
_entry = AuditEntry.__table__.c

STATES: Final = [
    ("queued", "Queued"),
    ("running", "Running"),
    ("done", "Done"),
    ("failed", "Failed"),
    ("cancelled", "Cancelled"),
]
MESSAGE_STATES: Final = [("queued", "Queued"), ("sent", "Sent"), ("failed", "Failed")]
ACTOR_KINDS: Final = [
    ("user", "A person"),
    ("job", "A job"),
    ("channel", "A channel"),
    ("system", "The portal"),
]


def quiet_kinds() -> list[str]:
    """Kinds of work that run by themselves and that nobody waits for."""
    return sorted(kind.name for kind in kinds().values() if kind.is_quiet)


def in_words(code: str) -> str:
    """``"order.address_changed"`` as people read it: ``"Order: address changed"``."""
    subject, _, act = code.replace("_", " ").partition(".")
    return f"{subject.capitalize()}: {act}" if act else subject.capitalize()


def progress_in_words(row: Mapping[str, Any]) -> str:
    """How far a job is: ``"1,200 of 5,000"``."""
    if row["total"]:
        return f"{formats.number(row['progress'])} of {formats.number(row['total'])}"
    return formats.number(row["progress"]) if row["progress"] else "–"


def _kind_choices(quiet: bool) -> Callable[[], Sequence[tuple[str, str]]]:
    return lambda: sorted(
        ((kind.name, kind.title) for kind in kinds().values() if kind.is_quiet == quiet),
        key=lambda choice: choice[1],
    )


def _people() -> list[tuple[str, str]]:
    members = (
        sa.select(User.id, User.name)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.merchant_id == current_merchant_id())
        .order_by(User.name)
        .limit(200)
    )
    return [(str(user_id), name) for user_id, name in db.session.execute(members)]


def _jobs(key: str, title: str, *, quiet: bool, empty: str) -> Listing:
    def shown() -> list[Condition]:
        return [_job.kind.in_(quiet_kinds()) if quiet else _job.kind.not_in(quiet_kinds())]

    return Listing(
        key=key,
        title=title,
        permission="operations.view",
        noun=("job", "jobs"),
        source=Job.__table__,
        tenant=_job.merchant_id,
        row_key=_job.id,
        default_sort="-created",
        always=shown,
        hidden={"total": _job.total},
        columns=[
            Column("work", "Work", _job.kind, text=lambda row: title_of(row["work"])),
            Column("state", "State", _job.state, kind="state", badge="job", card=1),
            Column("progress", "Progress", _job.done, text=progress_in_words, card=2),
            Column("failed", "Failed rows", _job.failed_items, kind="number"),
            Column("by", "Started by", _job.actor_name),
            Column(
                "created",
                "Started",
                _job.created_at,
                kind="time",
                card=3,
                sort=Sort(_job.id, index="job_pkey", alone=True),
            ),
            Column("finished", "Ended", _job.finished_at, kind="time"),
        ],
        filters=[
            ChoiceFilter(key="state", label="State", expression=_job.state, options=STATES),
            ChoiceFilter(key="work", label="Work", expression=_job.kind, options=_kind_choices(quiet)),
            FlagFilter(key="rejects", label="Has failed rows", expression=_job.failed_items > 0),
            DateFilter(key="created", label="Started", expression=_job.id, of="id", index="job_pkey"),
        ],
        link=lambda row: url_for("operations.job", job_id=row["row_key"]),
        empty=(empty, None, None),
        exportable=False,
    )


JOBS: Final = _jobs(
    "jobs",
    "Jobs",
    quiet=False,
    empty="Imports, exports and other long work appear here while they run and for 90 days after.",
)
BACKGROUND_JOBS: Final = _jobs(
    "background-jobs",
    "Background jobs",
    quiet=True,
    empty="What the portal does by itself appears here for three days.",
)

MESSAGES: Final = Listing(
    key="messages",
    title="Mail",
    permission="operations.view",
    noun=("message", "messages"),
    source=Message.__table__,
    tenant=_message.merchant_id,
    row_key=_message.id,
    default_sort="-created",
    columns=[
        Column("template", "Message", _message.template, text=lambda row: in_words(row["template"])),
        Column("state", "State", _message.state, kind="state", badge="message", card=1),
        # Masked when it was written; the address itself stands in the sealed letter only.
        Column("recipient", "To", _message.recipient_masked, card=2),
        Column("error", "Problem", _message.error),
        Column("attempts", "Tries", _message.attempts, kind="number", default=False),
        Column(
            "created",
            "Written",
            _message.created_at,
            kind="time",
            card=3,
            sort=Sort(_message.id, index="message_pkey", alone=True),
        ),
        Column("sent", "Sent", _message.sent_at, kind="time"),
    ],
    filters=[
        ChoiceFilter(
            key="state",
            label="State",
            expression=_message.state,
            options=MESSAGE_STATES,
            index="message_state_idx",
        ),
        DateFilter(key="created", label="Written", expression=_message.id, of="id", index="message_pkey"),
    ],
    link=lambda row: url_for("operations.message", message_id=row["row_key"]),
    empty=("Mail that the portal writes appears here: queued, sent or failed.", None, None),
    exportable=False,
)

AUDIT: Final = Listing(
    key="audit",
    title="Audit log",
    permission="audit.view",
    noun=("entry", "entries"),
    source=AuditEntry.__table__,
    tenant=_entry.merchant_id,
    row_key=_entry.id,
    windowed=True,
    default_sort="-at",
    columns=[
        Column("act", "What", _entry.action, text=lambda row: in_words(row["act"])),
        Column(
            "about",
            "About",
            sa.func.concat(_entry.subject_kind, " ", _entry.subject_id, type_=sa.Text),
            text=lambda row: str(row["about"]).replace("_", " "),
            card=1,
        ),
        Column("who", "Who", _entry.actor_name, card=2),
        Column(
            "fields",
            "Fields",
            sa.func.array_to_string(_entry.fields, ", ", type_=sa.Text),
            text=lambda row: str(row["fields"] or "–").replace("_", " "),
        ),
        Column(
            "at",
            "When",
            sa.func.id_time(_entry.id, type_=sa.DateTime(timezone=True)),
            kind="time",
            card=3,
            sort=Sort(_entry.id, index="audit_entry_pkey", alone=True),
        ),
    ],
    filters=[
        DateFilter(key="at", label="When", expression=_entry.id, of="id", index="audit_entry_pkey"),
        ChoiceFilter(
            key="kind",
            label="Done by",
            expression=_entry.actor_kind,
            options=ACTOR_KINDS,
            index="audit_entry_actor_idx",
        ),
        ChoiceFilter(key="who", label="Person", expression=_entry.actor_id, convert=int, options=_people),
        TextFilter(
            key="act", label="Act", expression=_entry.action, prefix=False, index="audit_entry_action_idx"
        ),
        TextFilter(
            key="thing",
            label="Kind of thing",
            expression=_entry.subject_kind,
            prefix=False,
            index="audit_entry_subject_idx",
        ),
        TextFilter(key="id", label="Id of the thing", expression=_entry.subject_id, prefix=False),
        NumberFilter(
            key="subject",
            label="Data subject",
            expression=_entry.data_subject_id,
            index="audit_entry_person_idx",
        ),
    ],
    link=lambda row: url_for("operations.audit_entry", entry_id=row["row_key"]),
    empty=("Every change that people and jobs make appears here.", None, None),
    exportable=False,
)
