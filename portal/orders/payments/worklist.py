"""What waits for someone about payments, counted up to a hundred: one statement for home."""

from __future__ import annotations

import datetime as dt
from typing import Final

import sqlalchemy as sa

from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.orders.models import PaymentAttempt, PaymentDispute, PaymentNotice, PaymentPayoutLine
from portal.orders.payments.rows import OPEN

CAP: Final = 100
LONG: Final = dt.timedelta(hours=1)

_attempt: Final = PaymentAttempt.__table__
_dispute: Final = PaymentDispute.__table__
_notice: Final = PaymentNotice.__table__
_line: Final = PaymentPayoutLine.__table__


def counts() -> dict[str, int]:
    """Disputes to answer, those due within three days, lines without an order, notices nobody could place, unknown ends."""
    to_answer = _dispute.c.state == "needs_response"
    conditions = {
        "disputes": (_dispute, to_answer),
        "disputes_due": (_dispute, sa.and_(to_answer, _dispute.c.due_at < utc_now() + dt.timedelta(days=3))),
        "lines": (_line, _line.c.state == "unmatched"),
        "notices": (_notice, _notice.c.state == "dead"),
        "unknown": (_attempt, sa.and_(_attempt.c.state.in_(OPEN), _attempt.c.action != "checkout", _attempt.c.created_at < utc_now() - LONG)),
    }  # fmt: skip
    columns = [
        sa.select(sa.func.count())
        .select_from(
            sa.select(sa.literal(1))
            .select_from(table)
            .where(table.c.merchant_id == current_merchant_id(), condition)
            .limit(CAP + 1)
            .subquery()
        )
        .scalar_subquery()
        .label(name)
        for name, (table, condition) in conditions.items()
    ]
    return dict(db.session.execute(sa.select(*columns)).one()._mapping)
