"""The merchant's rules for giving money back, and the limits of roles: read and saved with their versions."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from portal.accounts.models import Merchant, Role
from portal.core import audit
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError, NotFoundError, StaleError
from portal.core.money import minor_units
from portal.orders.changes.limits import REFUND_DAYS, WITHDRAWAL_DAYS
from portal.orders.models import RefundLimit, RefundPolicy

FIELDS: Final = ("second_approver_above", "standard_delivery", "withdrawal_days", "refund_days")
DEFAULTS: Final[dict[str, Any]] = {
    "second_approver_above": None,
    "standard_delivery": None,
    "withdrawal_days": WITHDRAWAL_DAYS,
    "refund_days": REFUND_DAYS,
}

_limit: Final = RefundLimit.__table__


def save_rules(values: Mapping[str, Any], *, version: int, by: Actor) -> None:
    """Save the rules.

    Args:
        version: of the row that the form was made from; 0 when there was none.

    Raises:
        DomainError: an amount or a number of days makes no sense.
        StaleError: somebody saved them meanwhile; names what differs.
    """
    wanted = {name: values.get(name) for name in FIELDS}
    for name in ("second_approver_above", "standard_delivery"):
        check_limit(wanted[name], name)
    if not 0 <= int(wanted["withdrawal_days"] or 0) <= 366:
        raise DomainError("Enter 0 to 366 days.", field="withdrawal_days")
    if not 1 <= int(wanted["refund_days"] or 0) <= 90:
        raise DomainError("Enter 1 to 90 days.", field="refund_days")
    row = db.session.get(RefundPolicy, current_merchant_id(), with_for_update=True)
    before = dict(DEFAULTS) if row is None else {name: getattr(row, name) for name in FIELDS}
    if (row.version if row else 0) != version:
        clashes = {name: (before[name], wanted[name]) for name in FIELDS if before[name] != wanted[name]}
        raise StaleError(clashes, version=row.version if row else 0)
    if row is None:
        row = RefundPolicy(merchant_id=current_merchant_id())
        db.session.add(row)
    for name, value in wanted.items():
        setattr(row, name, value)
    db.session.flush()
    audit.record(
        "refund_policy.updated", by=by, subject=("refund_policy", current_merchant_id()), before=_plain(before), after=_plain(wanted)
    )  # fmt: skip


def save_limit(role_id: int, at_once: Decimal | None, per_day: Decimal | None, *, by: Actor) -> None:
    """Set how much each person of a role may give back; None is without limit.

    Raises:
        DomainError: an amount makes no sense.
        NotFoundError: there is no such role.
    """
    check_limit(at_once, "at_once")
    check_limit(per_day, "per_day")
    if db.session.get(Role, (current_merchant_id(), role_id)) is None:
        raise NotFoundError("There is no such role.")
    before = db.session.execute(
        sa.select(_limit.c.at_once, _limit.c.per_day).where(
            _limit.c.merchant_id == current_merchant_id(), _limit.c.role_id == role_id
        )
    ).one_or_none()
    statement = postgresql.insert(_limit).values(
        merchant_id=current_merchant_id(), role_id=role_id, at_once=at_once, per_day=per_day
    )
    db.session.execute(
        statement.on_conflict_do_update(
            index_elements=["merchant_id", "role_id"], set_={"at_once": at_once, "per_day": per_day}
        )
    )
    audit.record(
        "refund_limit.updated", by=by, subject=("role", role_id),
        before=_plain(dict(before._mapping)) if before else None, after=_plain({"at_once": at_once, "per_day": per_day}),
    )  # fmt: skip


def check_limit(amount: Decimal | None, field: str) -> None:
    """Refuse what is no amount of the merchant's own currency.

    Raises:
        DomainError: it is below zero, endless, or has too many decimals.
    """
    if amount is None:
        return
    decimals = minor_units(own_currency())
    if (
        not amount.is_finite()
        or amount < 0
        or amount > Decimal("99999999999")
        or amount != round(amount, decimals)
    ):
        raise DomainError("Enter an amount of zero or more, or leave it empty for no limit.", field=field)


def own_currency() -> str:
    """The currency that limits are in."""
    return str(db.session.get_one(Merchant, current_merchant_id()).currency)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in values.items()}
