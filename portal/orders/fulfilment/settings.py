"""How the merchant sends, hands out and writes about orders."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from portal.core import audit
from portal.core.audit import Actor
from portal.core.database import db
from portal.core.errors import ConflictError
from portal.orders.models import FulfilmentSettings


def fulfilment_settings() -> FulfilmentSettings:
    """The merchant's settings, or the defaults, which are not saved."""
    return db.session.scalars(sa.select(FulfilmentSettings)).one_or_none() or FulfilmentSettings(
        collect_days=7, mails_order=True, mails_dispatch=True, mails_ready=True, mails_for_channels=False, version=0
    )  # fmt: skip


def save_fulfilment_settings(values: dict[str, Any], *, version: int, by: Actor) -> None:
    """Save them.

    Args:
        version: the version the person saw; 0 when nothing was saved yet.

    Raises:
        ConflictError: somebody else saved them in between.
    """
    found = db.session.scalars(sa.select(FulfilmentSettings).with_for_update()).one_or_none()
    if version != (found.version if found else 0):
        raise ConflictError("Somebody else changed these settings. Look at them again, then save.")
    settings = found or FulfilmentSettings()
    before = {name: getattr(settings, name) for name in values} if found else None
    for name, value in values.items():
        setattr(settings, name, value)
    db.session.add(settings)
    db.session.flush()
    audit.record(
        action="fulfilment.settings_saved", by=by, subject=("merchant", settings.merchant_id), before=before, after=values
    )  # fmt: skip
