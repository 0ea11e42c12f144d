"""Lines of payouts as pages show them: with their order's number, in pages by key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from portal.core.database import current_merchant_id, db
from portal.orders.models import OrderRef, PaymentPayout, PaymentPayoutLine
from portal.orders.payments.payouts import settled_by_hand

PAGE: Final = 100
QUEUE: Final = 50
CAP: Final = 1_000

_line: Final = PaymentPayoutLine.__table__
_payout: Final = PaymentPayout.__table__
_ref: Final = OrderRef.__table__


@dataclass(frozen=True, slots=True)
class Lines:
    """A page of lines, and the key after which the next one begins."""

    rows: list[dict[str, Any]]
    next_after: int | None


def lines_of(payout_id: int, after: str | None) -> Lines:
    """Lines of a payout, those that wait for someone first."""
    start = int(after) if after and after.isdigit() and len(after) < 19 else 0
    found = _rows(sa.and_(_line.c.payout_id == payout_id, _line.c.id > start), PAGE + 1)
    has_more = len(found) > PAGE
    rows = found[:PAGE]
    return Lines(rows, rows[-1]["id"] if has_more else None)


def unmatched_lines() -> list[dict[str, Any]]:
    """The queue, the oldest first, as many as one looks at."""
    return _rows(_line.c.state == "unmatched", QUEUE)


def unmatched_count() -> int:
    """How many wait, counted up to a thousand."""
    capped = (
        sa.select(_line.c.id)
        .where(_line.c.merchant_id == current_merchant_id(), _line.c.state == "unmatched")
        .limit(CAP + 1)
        .subquery()
    )
    return int(db.session.execute(sa.select(sa.func.count()).select_from(capped)).scalar_one())


def _rows(condition: sa.ColumnElement[bool], most: int) -> list[dict[str, Any]]:
    found = db.session.execute(
        sa.select(
            _line,
            _payout.c.currency,
            _payout.c.paid_on,
            _payout.c.reference.label("payout_reference"),
            _ref.c.number,
            (_line.c.gross - _line.c.expected).label("difference"),
            settled_by_hand().label("is_by_hand"),
        )
        .join(
            _payout, sa.and_(_payout.c.merchant_id == _line.c.merchant_id, _payout.c.id == _line.c.payout_id)
        )
        .outerjoin(
            _ref, sa.and_(_ref.c.merchant_id == _line.c.merchant_id, _ref.c.order_id == _line.c.order_id)
        )
        .where(_line.c.merchant_id == current_merchant_id(), condition)
        .order_by(_line.c.id)
        .limit(most)
    ).mappings()
    return [dict(row) for row in found]
