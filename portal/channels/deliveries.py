"""The log of calls to shops. It is short on purpose: the newest calls of each account and nothing of their content."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import sqlalchemy as sa

from portal.channels.connectors.base import ChannelError
from portal.channels.models import ChannelDelivery
from portal.core.database import current_merchant_id, db

KEPT: Final = 500

_delivery: Final = ChannelDelivery.__table__


@dataclass
class Call:
    """One call under way; its counts are filled in by whoever makes it."""

    account_id: int
    kind: str
    items: int = 0
    failed_items: int = 0
    error: ChannelError | None = None
    started: float = field(default_factory=time.monotonic)

    @property
    def outcome(self) -> str:
        """The state of the row: a call is partial when some of its items failed."""
        if self.error is not None and self.error.kind in ("unknown", "throttled"):
            return self.error.kind
        if self.error is not None and self.failed_items >= self.items:
            return "failed"
        return "partial" if self.failed_items else "ok"

    def write(self) -> None:
        """Add the row, in the transaction of what the call led to."""
        db.session.execute(
            sa.insert(_delivery).values(
                merchant_id=current_merchant_id(),
                account_id=self.account_id,
                kind=self.kind,
                outcome=self.outcome,
                items=self.items,
                failed_items=self.failed_items,
                http_status=self.error.status if self.error else None,
                duration_ms=round((time.monotonic() - self.started) * 1000),
                message=self.error.message if self.error else None,
            )
        )


@contextmanager
def logged(account_id: int, kind: str, *, only_with_items: bool = False) -> Iterator[Call]:
    """Write down a call that either works whole or raises; the caller commits.

    With *only_with_items* a call that found nothing leaves no row: a feed is read every minute.
    """
    call = Call(account_id, kind)
    try:
        yield call
    except ChannelError as error:
        call.error = error
        call.write()
        raise
    if call.items or not only_with_items:
        call.write()


def trim(account_id: int) -> None:
    """Forget all but the newest calls of an account."""
    merchant_id = current_merchant_id()
    own = sa.and_(_delivery.c.merchant_id == merchant_id, _delivery.c.account_id == account_id)
    oldest_kept = sa.select(_delivery.c.id).where(own).order_by(_delivery.c.id.desc()).offset(KEPT).limit(1)
    db.session.execute(sa.delete(_delivery).where(own, _delivery.c.id <= oldest_kept.scalar_subquery()))
