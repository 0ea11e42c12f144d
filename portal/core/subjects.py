"""The person behind the rows of one merchant: a customer or a guest contact. It holds no data of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.audit import Actor
from portal.core.database import Base, current_merchant_id, db
from portal.core.errors import ConflictError
from portal.core.personal_data import not_pii
from portal.core.tenancy import Tenant, TimeKey


class DataSubject(Tenant, TimeKey, Base):
    """One person at one merchant. Personal rows point here; the person's key in the key database carries this id.

    The same person at two merchants is two subjects. The row outlives erasure, as the anchor of what must remain.
    """

    __tablename__ = "data_subject"
    __subject_path__ = "id"

    created_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=not_pii("time"))
    restricted_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time processing was restricted"))
    erased_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time of erasure"))

    __table_args__ = (
        sa.Index(
            "data_subject_restricted_idx",
            "merchant_id",
            "id",
            postgresql_where=sa.text("restricted_at IS NOT NULL"),
        ),
    )


class RestrictedError(ConflictError):
    """The person had the use of their data restricted: it is stored, and used for nothing else."""

    def __init__(self) -> None:
        super().__init__(
            "This person had the use of their data restricted, so it cannot be changed or used."
            " A compliance officer can lift the restriction on the privacy request."
        )


def restricted_since(subject_id: int) -> dt.datetime | None:
    """When the use of a person's data was restricted, or None."""
    return db.session.scalar(sa.select(DataSubject.restricted_at).where(DataSubject.id == subject_id))


def is_unrestricted(subject_id: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """The condition that keeps people with a restriction out of lists, look-ups and exports."""
    return ~sa.exists().where(
        DataSubject.merchant_id == current_merchant_id(),
        DataSubject.id == subject_id,
        DataSubject.restricted_at.is_not(None),
    )


Objected = Callable[[Sequence[int], Actor], None]
_when_objecting: list[Objected] = []


def when_objecting(act: Objected) -> None:
    """Register what ends at once when people object to marketing, in the transaction of the objection."""
    if act not in _when_objecting:
        _when_objecting.append(act)


def object_to_marketing(subject_ids: Sequence[int], *, by: Actor) -> None:
    """End what is registered, for these people."""
    for act in _when_objecting:
        act(subject_ids, by)
