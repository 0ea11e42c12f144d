"""What a merchant asks of those who change stock by hand: which roles must say why."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import sqlalchemy as sa

from portal.accounts.models import Membership, Role
from portal.core import audit
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError
from portal.stock.models import StockReason, StockSetting

NEEDED: Final = "Choose a reason. Your role must say why stock was changed by hand."


def stock_setting() -> StockSetting | None:
    """The merchant's setting; None while nobody has saved one."""
    return db.session.get(StockSetting, current_merchant_id())


def roles_that_give_reasons() -> frozenset[int]:
    """Ids of the roles that must give a reason."""
    found = stock_setting()
    return frozenset(found.reason_role_ids) if found else frozenset()


def save_stock_setting(role_ids: Collection[int], *, version: int, by: Actor) -> StockSetting:
    """Say which roles must give a reason.

    Args:
        version: of the row the form was opened with; 0 when there was none.

    Raises:
        ConflictError: someone saved it since.
        DomainError: a role is not of this merchant, or there is no reason to choose from.
    """
    wanted = sorted(set(role_ids))
    known = set(db.session.scalars(sa.select(Role.id).where(Role.id.in_(wanted))))
    if known != set(wanted):
        raise DomainError("One of these roles does not exist any more. Reload the page.", field="roles")
    if wanted and db.session.scalar(sa.select(StockReason.id).where(StockReason.is_active).limit(1)) is None:
        raise DomainError(
            "Add a reason first; without one these roles could not adjust stock.", field="roles"
        )
    found = db.session.scalar(sa.select(StockSetting).with_for_update())
    if version != (found.version if found else 0):
        raise ConflictError("Someone saved this while you were looking at it. Look again, then save.")
    before = list(found.reason_role_ids) if found else []
    if found is None:
        found = StockSetting(reason_role_ids=wanted)
        db.session.add(found)
    elif before != wanted:
        found.reason_role_ids = wanted
    db.session.flush()
    if before != wanted:
        audit.record(
            "stock_setting.saved",
            by=by,
            subject=("stock_setting", current_merchant_id()),
            before={"reason_role_ids": before},
            after={"reason_role_ids": wanted},
        )
    return found


def must_give_reason(by: Actor) -> bool:
    """Whether this person's role must say why it changes stock; jobs and channels say it by their cause."""
    if by.kind != "user":
        return False
    asked = sa.select(sa.func.jsonb_array_elements(StockSetting.reason_role_ids).cast(sa.BigInteger))
    return bool(
        db.session.scalar(
            sa.select(
                sa.exists().where(
                    Membership.merchant_id == current_merchant_id(),
                    Membership.user_id == by.id,
                    Membership.role_id.in_(asked.where(StockSetting.merchant_id == current_merchant_id())),
                )
            )
        )
    )
