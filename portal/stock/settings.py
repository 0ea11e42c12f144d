"""What a merchant asks of those who change stock by hand: which roles must say why."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from portal.accounts.models import Membership, Role
from portal.core import audit
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.stock.models import PromiseSetting, ReplenishmentSetting, StockReason, StockSetting

Setting = TypeVar("Setting", StockSetting, PromiseSetting, ReplenishmentSetting)
NEEDED: Final = "Choose a reason. Your role must say why stock was changed by hand."


def roles_that_give_reasons() -> frozenset[int]:
    """Ids of the roles that must give a reason."""
    found = db.session.get(StockSetting, current_merchant_id())
    return frozenset(found.reason_role_ids) if found else frozenset()


def save_stock_setting(role_ids: Collection[int], *, base: Collection[int], by: Actor) -> None:
    """Say which roles must give a reason. What someone else ticked since the form was opened stays.

    Args:
        base: the roles that the form showed as ticked.

    Raises:
        DomainError: a role is not of this merchant, or there is no reason to choose from.
    """
    mine, shown = set(role_ids), set(base)
    known = set(
        db.session.scalars(sa.select(Role.id).where(Role.id.in_([each for each in mine if each < 2**31])))
    )
    if known != mine:
        raise DomainError("One of these roles does not exist any more. Reload the page.", field="roles")
    if mine and db.session.scalar(sa.select(StockReason.id).where(StockReason.is_active).limit(1)) is None:
        raise DomainError(
            "Add a reason first; without one these roles could not adjust stock.", field="roles"
        )
    found = locked_setting(StockSetting)
    before = set(found.reason_role_ids)
    wanted = (before | (mine - shown)) - (shown - mine)
    if before == wanted:
        return
    found.reason_role_ids = sorted(wanted)
    db.session.flush()
    audit.record(
        "stock_setting.saved",
        by=by,
        subject=("stock_setting", current_merchant_id()),
        before={"reason_role_ids": sorted(before)},
        after={"reason_role_ids": sorted(wanted)},
    )


def locked_setting(model: type[Setting]) -> Setting:
    """The merchant's one row of settings, locked against other saves; made with its defaults when there was none."""
    db.session.execute(
        postgresql.insert(model).values(merchant_id=current_merchant_id()).on_conflict_do_nothing()
    )
    return db.session.scalars(sa.select(model).with_for_update()).one()


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
