"""How much a person may give back: their role's limits, and the amount above which a second person must agree.

The day's sum is one row per person, raised in the statement that checks it, so two refunds at once cannot both fit into
what is left of one limit.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from portal.accounts.models import Membership, Merchant, Role
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError, ForbiddenError
from portal.core.formats import money
from portal.core.money import round_to_minor
from portal.orders.models import RefundDay, RefundLimit, RefundPolicy
from portal.orders.tax.facts import facts_for

_day: Final = RefundDay.__table__
_limit: Final = RefundLimit.__table__
_member: Final = Membership.__table__

WITHDRAWAL_DAYS: Final = 14
REFUND_DAYS: Final = 14


@dataclass(frozen=True, slots=True)
class Rules:
    """What the merchant decided on giving money back; amounts in the base currency, None is without limit."""

    second_approver_above: Decimal | None = None
    standard_delivery: Decimal | None = None
    withdrawal_days: int = WITHDRAWAL_DAYS
    refund_days: int = REFUND_DAYS
    version: int = 0


@dataclass(frozen=True, slots=True)
class RoleLimit:
    """A role and how much each person of it may give back."""

    role_id: int
    name: str
    at_once: Decimal | None
    per_day: Decimal | None


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a person may give back alone, in the base currency; None is without limit."""

    at_once: Decimal | None = None
    left_today: Decimal | None = None
    second_above: Decimal | None = None

    @property
    def most(self) -> Decimal | None:
        """The most that one refund may come to without waiting for somebody."""
        return min(
            (each for each in (self.at_once, self.left_today, self.second_above) if each is not None),
            default=None,
        )

    def covers(self, amount: Decimal) -> bool:
        return self.most is None or amount <= self.most


class OverLimitError(ForbiddenError):
    """The person may not give back so much; somebody else may."""


def rules() -> Rules:
    """The merchant's rules, or the defaults."""
    row = db.session.get(RefundPolicy, current_merchant_id())
    if row is None:
        return Rules()
    return Rules(
        row.second_approver_above, row.standard_delivery, row.withdrawal_days, row.refund_days, row.version
    )


def role_limits() -> list[RoleLimit]:
    """Every role of the merchant with its limits."""
    role, merchant_id = Role.__table__, current_merchant_id()
    rows = db.session.execute(
        sa.select(role.c.id, role.c.name, _limit.c.at_once, _limit.c.per_day)
        .outerjoin(_limit, sa.and_(_limit.c.merchant_id == role.c.merchant_id, _limit.c.role_id == role.c.id))
        .where(role.c.merchant_id == merchant_id)
        .order_by(role.c.is_built_in.desc(), role.c.id)
    )
    return [RoleLimit(row.id, row.name, row.at_once, row.per_day) for row in rows]


def needs_second_person(amount: Decimal, by: Actor) -> bool:
    """Whether the merchant wants two people to agree to giving back so much.

    Args:
        amount: in the base currency.
    """
    above = rules().second_approver_above
    return by.kind == "user" and above is not None and amount > above


def spend_limit(amount: Decimal, currency: str, by: Actor) -> None:
    """Count *amount* (base currency) against what the person may give back today.

    Raises:
        OverLimitError: it is more than they may give back at once, or than is left of the day.
    """
    if by.kind != "user" or by.id is None or amount <= 0:
        return
    at_once, per_day = _limits_of(by.id)
    if at_once is not None and amount > at_once:
        raise OverLimitError(
            f"You may give back {money(at_once, currency)} at once. Somebody with a higher limit must agree."
        )
    statement = postgresql.insert(_day).values(
        merchant_id=current_merchant_id(), user_id=by.id, day=_today(), amount=amount
    )
    counted = statement.on_conflict_do_update(
        index_elements=["merchant_id", "user_id", "day"],
        set_={"amount": _day.c.amount + amount},
        where=sa.true() if per_day is None else _day.c.amount + amount <= per_day,
    ).returning(_day.c.amount)
    fits_alone = per_day is None or amount <= per_day
    if not fits_alone or db.session.execute(counted).first() is None:
        raise OverLimitError(
            f"That would be more than the {money(per_day or Decimal(0), currency)} you may give back in a day."
            " Somebody with a higher limit must agree."
        )


def worth_of(amount: Decimal, currency: str) -> Decimal:
    """An amount in the base currency, at today's rate of the merchant.

    Raises:
        DomainError: the merchant keeps no rate for this currency, so no limit can be checked.
    """
    facts = facts_for([], currency, utc_now())
    if facts.base_rate is None:
        raise DomainError(
            f"There is no exchange rate for {currency}. Add one in Settings, Currencies.", field="currency"
        )
    return round_to_minor(amount * facts.base_rate, facts.base_currency)


def allowance_of(by: Actor) -> Allowance:
    """What the person may still give back today, without counting anything."""
    if by.kind != "user" or by.id is None:
        return Allowance()
    at_once, per_day = _limits_of(by.id)
    left = None if per_day is None else max(per_day - _given_today(by.id), Decimal(0))
    return Allowance(at_once, left, rules().second_approver_above)


def _given_today(user_id: int) -> Decimal:
    found = db.session.execute(
        sa.select(_day.c.amount).where(
            _day.c.merchant_id == current_merchant_id(), _day.c.user_id == user_id, _day.c.day == _today()
        )
    ).scalar_one_or_none()
    return Decimal(found or 0)


def _limits_of(user_id: int) -> tuple[Decimal | None, Decimal | None]:
    row = db.session.execute(
        sa.select(_limit.c.at_once, _limit.c.per_day)
        .join(
            _member,
            sa.and_(_member.c.merchant_id == _limit.c.merchant_id, _member.c.role_id == _limit.c.role_id),
        )
        .where(_limit.c.merchant_id == current_merchant_id(), _member.c.user_id == user_id)
    ).one_or_none()
    return (row.at_once, row.per_day) if row else (None, None)


def _today() -> dt.date:
    zone = db.session.get_one(Merchant, current_merchant_id()).time_zone
    return utc_now().astimezone(ZoneInfo(zone)).date()
