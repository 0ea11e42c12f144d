"""Orders of a shop on their way in: each exactly once, each change by its version, none lost without a word.

The feed is read by the shop's own time of change, a little of the past again each time, because a shop can show a
change late. What was read before is passed over; of two versions the newer stands. One order that cannot be applied
waits by itself and holds up no other.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import DataError, IntegrityError

from portal.channels import inbox
from portal.channels.connectors.base import Connector, MappingError, OrderStub
from portal.channels.deliveries import logged
from portal.channels.models import ChannelAccount, ChannelInboundOrder, ChannelSync
from portal.channels.ordering import apply_order
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db, retrying
from portal.core.errors import DomainError
from portal.core.partitions import ensure_partition

Commit = Callable[[], None]
log = structlog.get_logger(__name__)

OVERLAP: Final = dt.timedelta(minutes=10)

_inbound: Final = ChannelInboundOrder.__table__
_sync: Final = ChannelSync.__table__


@dataclass
class Poll:
    """What one reading of the feed did."""

    seen: int = 0
    applied: int = 0
    failed: int = 0
    newest: dt.datetime | None = field(default=None)


def poll(
    account: ChannelAccount, connector: Connector, commit: Commit, *, since: dt.datetime | None = None
) -> Poll:
    """Read what changed and apply it. With *since* a stretch of the past is read again and the cursor stays.

    Raises:
        ChannelError: the shop cannot be read; what was read is applied and the cursor stands behind it.
    """
    account_id, done = account.id, Poll()
    pages = iter(connector.order_pages(since or _cursor(account)))
    while True:
        commit()
        with logged(account_id, "orders", only_with_items=True) as call:
            page = next(pages, None)
            call.items = len(page or [])
        if page is None:
            break
        _apply_page(account_id, connector, page, done, commit)
        if since is None and done.newest is not None:
            _move_cursor(account_id, done.newest)
    db.session.execute(_of_account(account_id).values(polled_at=utc_now()))
    commit()
    return done


def retry_due(account: ChannelAccount, connector: Connector, commit: Commit) -> int:
    """Try again what failed, from the shop's own present copy; gives how many went well."""
    account_id, done = account.id, 0
    for external_id in inbox.due_orders(account_id):
        commit()
        with logged(account_id, "order") as call:
            call.items = 1
            document = connector.order(external_id)
        if document is None:
            inbox.note_gone(account_id, external_id)
            commit()
        else:
            done += receive(account_id, connector, document, commit, force=True) in ("applied", "held")
    commit()
    return done


def receive(
    account_id: int, connector: Connector, document: dict[str, Any], commit: Commit, *, force: bool = False
) -> str:
    """Apply one document in a transaction of its own. Gives the state it ended in, or "known" when it was no news.

    With *force* a version that was seen before is applied again.
    """
    try:
        stub = connector.identify(document)
    except MappingError as error:
        log.warning("channel.order_unreadable", account_id=account_id, reason=str(error))
        return "unreadable"
    try:
        if _made_room(connector, document):
            commit()
        outcome = retrying(_receive)(account_id, connector, stub, document, force)
        commit()
        return outcome
    except (MappingError, DomainError) as error:
        db.session.rollback()
        reason = str(error)
    except (IntegrityError, DataError) as error:
        db.session.rollback()
        log.exception("channel.order_refused", account_id=account_id, external_id=stub.external_id)
        reason = f"The order breaks a rule of the order book ({type(error.orig).__name__})."
    state = inbox.note_failed(account_id, stub, reason)
    commit()
    return state


def _apply_page(
    account_id: int, connector: Connector, page: Sequence[dict[str, Any]], done: Poll, commit: Commit
) -> None:
    known = inbox.known_versions(account_id, [str(row.get("id")) for row in page])
    for document in page:
        done.seen += 1
        try:
            stub = connector.identify(document)
        except MappingError:
            receive(account_id, connector, document, commit)
            continue
        done.newest = max(filter(None, (done.newest, stub.modified_at)))
        version = known.get(stub.external_id)
        if version is not None and not _is_news(version, stub, connector, document):
            continue
        outcome = receive(account_id, connector, document, commit)
        done.applied += outcome in ("applied", "held", "ignored")
        done.failed += outcome in ("failed", "dead")


def _is_news(version: sa.RowMapping, stub: OrderStub, connector: Connector, document: dict[str, Any]) -> bool:
    """Decided again under the lock; this only saves the work for what was clearly seen before."""
    if version["modified_at"] is None:
        return True
    if stub.modified_at != version["modified_at"]:
        return bool(stub.modified_at > version["modified_at"])
    if version["state"] in ("failed", "dead"):
        return False
    try:
        return bool(connector.parse_order(document).digest != version["digest"])
    except MappingError:
        return False


def _made_room(connector: Connector, document: dict[str, Any]) -> bool:
    """A shop shows orders from before the months that the order book has."""
    try:
        return ensure_partition(connector.parse_order(document).placed_at)
    except MappingError:
        # It is told when the order is applied, if this version is still wanted then.
        return False


def _receive(
    account_id: int, connector: Connector, stub: OrderStub, document: dict[str, Any], force: bool
) -> str:
    account = db.session.get(ChannelAccount, (current_merchant_id(), account_id))
    assert account is not None
    row = inbox.locked_row(account_id, stub.external_id)
    if row["applied_modified_at"] is not None and stub.modified_at < row["applied_modified_at"]:
        return "known"
    order = connector.parse_order(document)
    if not force and stub.modified_at == row["applied_modified_at"] and order.digest == row["digest"]:
        return "known"
    by = Actor(kind="channel", id=account_id, name=account.name)
    applied = apply_order(account, order, row["order_id"], by=by)
    db.session.execute(
        inbox.one_order(row["id"]).values(
            state=applied.state,
            reason=applied.reason,
            order_id=applied.order_id,
            subject_id=applied.subject_id,
            external_number=order.number,
            external_status=order.raw_status,
            digest=order.digest,
            modified_at=stub.modified_at,
            applied_modified_at=stub.modified_at,
            applied_at=utc_now(),
            attempts=0,
            failing_since=None,
            next_try_at=None,
            payload=inbox.sealed(account_id, order, applied) or row["payload"],
        )
    )
    return applied.state


def _cursor(account: ChannelAccount) -> dt.datetime | None:
    at: dt.datetime | None = db.session.execute(
        sa.select(_sync.c.orders_seen_until).where(
            _sync.c.merchant_id == current_merchant_id(), _sync.c.account_id == account.id
        )
    ).scalar_one_or_none()
    if at is None:
        return account.takes_orders_from
    start = at - OVERLAP
    return max(start, account.takes_orders_from) if account.takes_orders_from else start


def _move_cursor(account_id: int, newest: dt.datetime) -> None:
    """Only forward: two readers at once must not take each other back."""
    db.session.execute(
        _of_account(account_id).values(
            orders_seen_until=sa.func.greatest(sa.func.coalesce(_sync.c.orders_seen_until, newest), newest)
        )
    )


def _of_account(account_id: int) -> sa.Update:
    return sa.update(_sync).where(
        _sync.c.merchant_id == current_merchant_id(), _sync.c.account_id == account_id
    )
