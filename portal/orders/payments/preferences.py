"""When a merchant takes authorised money and how long its links live: one row, or the defaults."""

from __future__ import annotations

from portal.core import audit
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError
from portal.orders.models import PaymentSettings
from portal.orders.models.payments import CAPTURE_MOMENTS


def preferences() -> PaymentSettings:
    """The merchant's row, or a new one that is not saved, with the defaults."""
    found = db.session.get(PaymentSettings, current_merchant_id())
    return found or PaymentSettings(capture_on="dispatch", link_days=7, version=0)


def change_preferences(capture_on: str, link_days: int, *, version: int, by: Actor) -> None:
    """Save both over the version that was shown.

    Raises:
        DomainError: a value is not usable.
        ConflictError: somebody saved since.
    """
    if capture_on not in CAPTURE_MOMENTS:
        raise DomainError("Choose when money is taken.", field="capture_on")
    if not 1 <= link_days <= 90:
        raise DomainError("A link lives 1 to 90 days.", field="link_days")
    row = db.session.get(PaymentSettings, current_merchant_id(), with_for_update=True)
    if (row.version if row else 0) != version:
        raise ConflictError("Someone saved these settings while you were editing. See how they stand now.")
    before = {"capture_on": row.capture_on, "link_days": row.link_days} if row else {}
    if row is None:
        row = PaymentSettings()
        db.session.add(row)
    row.capture_on, row.link_days = capture_on, link_days
    audit.record(
        action="payment.settings_changed", by=by, subject=("merchant", current_merchant_id()), before=before,
        after={"capture_on": capture_on, "link_days": link_days},
    )  # fmt: skip
    db.session.flush()
