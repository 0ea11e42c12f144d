"""Sales channels: where orders come from, as merchants name them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from portal.core import audit
from portal.core.audit import Actor
from portal.core.database import db
from portal.core.errors import ConflictError, DomainError
from portal.core.merging import merged
from portal.orders.models import CHANNEL_KINDS, SalesChannel

FIELDS: Final = ("name", "code", "kind", "safety_buffer", "is_active")
KINDS: Final = {
    "web": "Web shop",
    "app": "App",
    "pos": "Till",
    "marketplace": "Marketplace",
    "phone": "Phone",
    "import": "Import",
}
MOST_UNITS: Final = 1_000_000
_NO_CODE: Final = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class ChannelValues:
    """What a merchant says of a sales channel; ``safety_buffer`` is units that it never sells."""

    name: str
    code: str
    kind: str
    safety_buffer: int = 0
    is_active: bool = True


def all_channels() -> Sequence[SalesChannel]:
    """Every sales channel, those in use first, by name."""
    return db.session.scalars(
        sa.select(SalesChannel).order_by(SalesChannel.is_active.desc(), SalesChannel.name, SalesChannel.id)
    ).all()


def channel_choices() -> list[tuple[int, str]]:
    """Sales channels in use, for lists to choose from."""
    return [(channel.id, channel.name) for channel in all_channels() if channel.is_active]


def phone_channel(*, by: Actor) -> SalesChannel:
    """The channel of orders taken by staff: the first of kind phone in use, made when there is none."""
    known = db.session.scalars(
        sa.select(SalesChannel)
        .where(SalesChannel.kind == "phone", SalesChannel.is_active)
        .order_by(SalesChannel.id)
        .limit(1)
    ).one_or_none()
    return known or create_channel(ChannelValues("Phone", "phone", "phone"), by=by)


def values_of(channel: SalesChannel) -> dict[str, str]:
    """What the form shows, by field, as text."""
    return {
        "name": channel.name,
        "code": channel.code,
        "kind": channel.kind,
        "safety_buffer": str(channel.safety_buffer),
        "is_active": "y" if channel.is_active else "",
    }


def create_channel(values: ChannelValues, *, by: Actor) -> SalesChannel:
    """Add a sales channel.

    Raises:
        DomainError: the name is empty, the kind unknown, the buffer out of range, or the code taken.
    """
    wanted = _checked(values)
    channel = SalesChannel(**wanted)
    _save(channel)
    audit.record(action="sales_channel.created", by=by, subject=("sales_channel", channel.id), after=wanted)
    return channel


def change_channel(
    channel: SalesChannel, values: ChannelValues, *, base: Mapping[str, Any], by: Actor
) -> None:
    """Save a sales channel, keeping the edits of both sides.

    Raises:
        StaleError: someone else changed the same field since the form was opened.
        DomainError: as ``create_channel``.
    """
    now = values_of(channel)
    mine = {
        "name": values.name,
        "code": values.code,
        "kind": values.kind,
        "safety_buffer": str(values.safety_buffer),
        "is_active": "y" if values.is_active else "",
    }
    kept = merged(now, base, mine, version=channel.version)
    wanted = _checked(
        ChannelValues(
            kept["name"], kept["code"], kept["kind"], int(kept["safety_buffer"]), bool(kept["is_active"])
        )
    )
    before = {name: getattr(channel, name) for name in FIELDS}
    changed = {name: value for name, value in wanted.items() if before[name] != value}
    if not changed:
        return
    for name, value in changed.items():
        setattr(channel, name, value)
    _save(channel)
    audit.record(
        action="sales_channel.updated",
        by=by,
        subject=("sales_channel", channel.id),
        before={name: before[name] for name in changed},
        after=changed,
    )


def _checked(values: ChannelValues) -> dict[str, Any]:
    name = " ".join(values.name.split())[:80]
    if not name:
        raise DomainError("Name the sales channel.", field="name")
    code = _NO_CODE.sub("-", (values.code or name).casefold()).strip("-")[:40]
    if not code:
        raise DomainError("Give the sales channel a code of letters and digits.", field="code")
    if values.kind not in CHANNEL_KINDS:
        raise DomainError("Choose what kind of channel it is.", field="kind")
    if not 0 <= values.safety_buffer <= MOST_UNITS:
        raise DomainError("The safety buffer is a number of units from 0 up.", field="safety_buffer")
    return {
        "name": name,
        "code": code,
        "kind": values.kind,
        "safety_buffer": values.safety_buffer,
        "is_active": values.is_active,
    }


def _save(channel: SalesChannel) -> None:
    try:
        with db.session.begin_nested():
            db.session.add(channel)
            db.session.flush()
    except IntegrityError as error:
        if "sales_channel_merchant_id_code_key" not in str(error.orig):
            raise
        raise ConflictError("Another sales channel has this code.", field="code") from None
