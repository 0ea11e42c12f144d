"""Who looks after an order."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from portal.accounts.models import Membership, User
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.orders.book import lock_order, of_order, tell
from portal.orders.models import OrderAssignment

_assignment = OrderAssignment.__table__


def assign_order(order_id: int, user_id: int | None, *, by: Actor) -> bool:
    """Give the order to a person of the merchant, or to nobody; gives whether that was new.

    Raises:
        DomainError: the person does not work for the merchant.
    """
    lock_order(order_id)
    if user_id is not None and user_id not in workers():
        raise DomainError("This person does not work here any more.", field="user_id")
    before = assigned_to(order_id)
    if before == user_id:
        return False
    if user_id is None:
        db.session.execute(sa.delete(_assignment).where(of_order(_assignment, order_id)))
    else:
        db.session.execute(
            postgresql.insert(_assignment)
            .values(merchant_id=current_merchant_id(), order_id=order_id, user_id=user_id)
            .on_conflict_do_update(
                index_elements=["merchant_id", "order_id"], set_={"user_id": user_id, "at": sa.func.now()}
            )
        )
    tell(order_id, "assigned", by, to=str(user_id or ""))
    return True


def assigned_to(order_id: int) -> int | None:
    """The user the order is assigned to."""
    return db.session.execute(
        sa.select(_assignment.c.user_id).where(of_order(_assignment, order_id))
    ).scalar_one_or_none()


def workers() -> dict[int, str]:
    """The people who work for the merchant, by name."""
    rows = db.session.execute(
        sa.select(Membership.user_id, User.name)
        .join(User, User.id == Membership.user_id)
        .where(Membership.merchant_id == current_merchant_id(), Membership.state == "active")
        .order_by(sa.func.lower(User.name), Membership.user_id)
    )
    return {row.user_id: row.name for row in rows}
