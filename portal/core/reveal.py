"""Who saw whose data, and why.

Inside an opened case (an order, a customer, a privacy request) a person is shown and the view is logged with that case.
Outside a case a reveal asks for a typed reason. The log is written before the data is shown, in a transaction of its
own: when it cannot be written, nothing is shown.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.clock import utc_now
from portal.core.database import Base, current_merchant_id, db, short_transaction
from portal.core.errors import DomainError
from portal.core.personal_data import not_pii, pii
from portal.core.tenancy import Tenant, TimeKey, tenant_fk

if TYPE_CHECKING:
    from portal.core.audit import Actor

WINDOW_MINUTES: Final = 15
SHORTEST_REASON: Final = 10
LONGEST_REASON: Final = 500
HOURLY_LIMIT: Final = 120
DAILY_LIMIT: Final = 600
CHUNK: Final = 1_000


class PersonalDataView(Tenant, TimeKey, Base):
    """A user saw personal data of a subject. Repeated looks at one case within a quarter of an hour count up one row."""

    __tablename__ = "personal_data_view"
    __subject_path__ = "subject_id"

    subject_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("key"))
    kind: Mapped[str] = mapped_column(info=not_pii("view, reveal or export"))
    actor_kind: Mapped[str] = mapped_column(info=not_pii("kind of actor"))
    actor_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("user id"))
    case_kind: Mapped[str] = mapped_column(default="", server_default="", info=not_pii("kind of case"))
    case_id: Mapped[int] = mapped_column(sa.BigInteger, default=0, server_default="0", info=not_pii("key"))
    fields: Mapped[list[Any]] = mapped_column(
        JSONB, default=list, server_default="[]", info=not_pii("names of fields")
    )
    reason: Mapped[str | None] = mapped_column(
        info=pii(
            category="free_text", strategy="erase", basis="legal_obligation", purpose="account for a reveal"
        )
    )
    window_start: Mapped[dt.datetime] = mapped_column(info=not_pii("time"))
    last_at: Mapped[dt.datetime] = mapped_column(info=not_pii("time"))
    times: Mapped[int] = mapped_column(default=1, server_default="1", info=not_pii("count"))

    __table_args__ = (
        tenant_fk("data_subject", "subject_id"),
        sa.Index(
            "personal_data_view_window_key",
            "merchant_id",
            "actor_id",
            "subject_id",
            "case_kind",
            "case_id",
            "window_start",
            unique=True,
            postgresql_where=sa.text("kind = 'view'"),
        ),
        sa.Index(None, "merchant_id", "subject_id", "id"),
        sa.Index(None, "merchant_id", "actor_id", "last_at"),
        sa.CheckConstraint("kind IN ('view', 'reveal', 'export')", name="kind"),
    )


@dataclass(frozen=True, slots=True)
class Volume:
    """How many people one user saw lately."""

    actor_id: int
    last_hour: int
    last_day: int

    @property
    def is_unusual(self) -> bool:
        return self.last_hour > HOURLY_LIMIT or self.last_day > DAILY_LIMIT


def log_view(
    by: Actor, subject_ids: Sequence[int], *, case: tuple[str, int], fields: Sequence[str] = ()
) -> None:
    """Log that *by* saw people inside an opened case. Call it before the page is made.

    Raises:
        SQLAlchemyError: the log could not be written, so nothing may be shown.
    """
    if not subject_ids:
        return
    now = utc_now()
    rows = [_row(by, subject, "view", case, fields, now) for subject in sorted(set(subject_ids))]
    statement = insert(PersonalDataView)
    log = statement.on_conflict_do_update(
        index_elements=["merchant_id", "actor_id", "subject_id", "case_kind", "case_id", "window_start"],
        # As it stands in the index: a bound value would not be seen to imply it in a plan made for all values.
        index_where=sa.text("kind = 'view'"),
        set_={
            "times": PersonalDataView.times + 1,
            "last_at": statement.excluded.last_at,
            "fields": statement.excluded.fields,
        },
    )
    with short_transaction() as session:
        session.execute(log, rows)


def reveal(by: Actor, subject_id: int, *, reason: str, fields: Sequence[str]) -> None:
    """Log a look at one person outside a case, with the reason that was typed. Call it before the data is shown.

    Raises:
        DomainError: the reason says too little or too much.
    """
    typed = checked_reason(reason)
    with short_transaction() as session:
        session.execute(
            insert(PersonalDataView),
            [_row(by, subject_id, "reveal", ("", 0), fields, utc_now()) | {"reason": typed}],
        )


def log_export(
    by: Actor, subject_ids: Iterable[int], *, case: tuple[str, int], fields: Sequence[str], reason: str
) -> int:
    """Log every person in a file, in the transaction of the job that writes it; answers how many.

    Raises:
        DomainError: the reason says too little or too much.
    """
    typed, now, written, batch = checked_reason(reason), utc_now(), 0, list[dict[str, Any]]()
    for subject in subject_ids:
        batch.append(_row(by, subject, "export", case, fields, now) | {"reason": typed})
        if len(batch) == CHUNK:
            written += _write(batch)
            batch = []
    return written + _write(batch)


def checked_reason(reason: str) -> str:
    """The reason as it is kept.

    Raises:
        DomainError: it is shorter than a few words or longer than a paragraph.
    """
    typed = " ".join(reason.split())
    if len(typed) < SHORTEST_REASON:
        raise DomainError("Say in a few words why you need to see this person's data.", field="reason")
    if len(typed) > LONGEST_REASON:
        raise DomainError(f"Keep the reason under {LONGEST_REASON} characters.", field="reason")
    return typed


def volume_of(actor_id: int) -> Volume:
    """How many people one user saw in the last hour and day."""
    found = [each for each in volumes() if each.actor_id == actor_id]
    return found[0] if found else Volume(actor_id, 0, 0)


def volumes() -> list[Volume]:
    """How many people each user saw in the last hour and day, those who saw most first."""
    now = utc_now()
    view = PersonalDataView
    in_hour = sa.func.count(sa.distinct(view.subject_id)).filter(view.last_at > now - dt.timedelta(hours=1))
    in_day = sa.func.count(sa.distinct(view.subject_id))
    statement = (
        sa.select(view.actor_id, in_hour.label("hour"), in_day.label("day"))
        .where(
            view.merchant_id == current_merchant_id(),
            view.actor_kind == "user",
            view.last_at > now - dt.timedelta(days=1),
        )
        .group_by(view.actor_id)
        .order_by(sa.desc("day"))
    )
    return [Volume(row.actor_id, row.hour, row.day) for row in db.session.execute(statement)]


def _row(
    by: Actor, subject_id: int, kind: str, case: tuple[str, int], fields: Sequence[str], now: dt.datetime
) -> dict[str, Any]:
    window = now.replace(minute=now.minute - now.minute % WINDOW_MINUTES, second=0, microsecond=0)
    return {
        "merchant_id": current_merchant_id(),
        "subject_id": subject_id,
        "kind": kind,
        "actor_kind": by.kind,
        "actor_id": by.id,
        "case_kind": case[0],
        "case_id": case[1],
        "fields": sorted(fields),
        "window_start": window,
        "last_at": now,
    }


def _write(rows: list[dict[str, Any]]) -> int:
    if rows:
        db.session.execute(insert(PersonalDataView), rows)
    return len(rows)
