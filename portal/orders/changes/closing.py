"""A change that settles a return ends it, or marks its money as gone back while the goods are still under way."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.errors import ConflictError
from portal.orders.book import of_order, tell
from portal.orders.changes.plan import Plan
from portal.orders.models import OrderReturn

_return: Final = OrderReturn.__table__


def close_return(plan: Plan, change_n: int, *, by: Actor) -> None:
    """Write down which change settled the return; once its goods are inspected it is over.

    Raises:
        ConflictError: somebody settled or rejected it meanwhile.
    """
    return_n = plan.proposal.return_n
    if return_n is None:
        return
    over = _return.c.state == "inspected"
    settled = db.session.execute(
        sa.update(_return)
        .where(
            of_order(_return, plan.now.order_id),
            _return.c.n == return_n,
            _return.c.settled_n.is_(None),
            _return.c.state.in_(("on_the_way", "received", "inspected")),
        )
        .values(
            settled_n=change_n,
            state=sa.case((over, "refunded"), else_=_return.c.state),
            closed_at=sa.case((over, utc_now()), else_=None),
            version=_return.c.version + 1,
        )
        .returning(_return.c.n)
    ).first()
    if settled is None:
        raise ConflictError("This return was settled or rejected meanwhile.")
    tell(plan.now.order_id, "return_settled", by, **{"return": str(return_n)})
