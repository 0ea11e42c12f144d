"""One turn of the sync of one account: orders in, then stock and prices out.

Orders come first, because what the shop sold must be off our stock before our stock goes out again.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from typing import Final

import sqlalchemy as sa

from portal.channels import articles, incoming, outgoing, retry
from portal.channels.connectors.base import ChannelError, Connector, RemoteItem
from portal.channels.deliveries import logged, trim
from portal.channels.models import ChannelAccount, ChannelInboundOrder, ChannelSync
from portal.core import audit
from portal.core.audit import SYSTEM
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db

Commit = Callable[[], None]

TURN_SECONDS: Final = 50.0
COMPARED_DAYS: Final = 14
COMPARE_PAGE: Final = 200
TROUBLE_AFTER: Final = 3

_account: Final = ChannelAccount.__table__
_sync: Final = ChannelSync.__table__


def take_turn(account: ChannelAccount, connector: Connector, commit: Commit, *, now: bool = False) -> bool:
    """Bring one account up to date, within a minute; gives whether it went well.

    With *now* a person asked, so a pause after failures is passed over.
    """
    if not account.is_running or (not now and _is_resting(account.id)):
        return False
    account_id, until = account.id, time.monotonic() + TURN_SECONDS
    try:
        incoming.poll(account, connector, commit)
        incoming.retry_due(account, connector, commit)
        outgoing.resolve_unknown(account, connector, commit)
        outgoing.push_due(account, connector, commit, until=until)
    except ChannelError as error:
        _note_trouble(account_id, error)
        commit()
        return False
    _note_success(account_id)
    trim(account_id)
    commit()
    return True


def read_catalogue(account: ChannelAccount, connector: Connector, commit: Commit) -> int:
    """Look at everything the shop sells, match what can be matched, note what is gone; gives how many articles.

    Raises:
        ChannelError: the shop cannot be read to its end; nothing is taken for gone then.
    """
    account_id, begun, count = account.id, utc_now(), 0
    commit()
    items = connector.items()
    batch: list[RemoteItem] = []
    with logged(account_id, "products") as call:
        for item in items:
            batch.append(item)
            count += 1
            call.items = count
            if len(batch) >= COMPARE_PAGE:
                articles.take_stock_of_shop(account_id, batch, utc_now())
                batch = []
                commit()
    articles.take_stock_of_shop(account_id, batch, utc_now())
    articles.note_missing(account_id, begun)
    articles.match_by_sku(account_id)
    commit()
    return count


def compare(account: ChannelAccount, connector: Connector, commit: Commit) -> None:
    """Hold the whole shop against what we believe it shows, and fetch every order of two weeks that we missed.

    Raises:
        ChannelError: the shop cannot be read to its end.
    """
    account_id = account.id
    if account.is_running:
        # First what is under way, so that the report names differences and not delays.
        outgoing.resolve_unknown(account, connector, commit)
    items = read_catalogue(account, connector, commit)
    orders = recovered = 0
    if account.is_running:
        orders, recovered = _recover_orders(account, connector, commit)
    db.session.execute(
        _of(account_id).values(
            compared_at=utc_now(),
            compared_items=items,
            compared_orders=orders,
            recovered_orders=recovered,
        )
    )
    commit()


def _recover_orders(account: ChannelAccount, connector: Connector, commit: Commit) -> tuple[int, int]:
    account_id, since = account.id, utc_now() - dt.timedelta(days=COMPARED_DAYS)
    since = max(since, account.takes_orders_from or since)
    commit()
    stubs = {stub.external_id: stub for stub in connector.order_stubs(since)}
    table = ChannelInboundOrder.__table__
    known = dict(
        db.session.execute(
            sa.select(table.c.external_id, table.c.modified_at).where(
                table.c.merchant_id == current_merchant_id(),
                table.c.account_id == account_id,
                table.c.external_id.in_(list(stubs)),
            )
        ).all()
    )
    missed = [key for key, stub in stubs.items() if known.get(key) is None or known[key] < stub.modified_at]
    recovered = 0
    for external_id in missed:
        commit()
        document = connector.order(external_id)
        if document is not None:
            recovered += incoming.receive(account_id, connector, document, commit) != "known"
    return len(stubs), recovered


def _is_resting(account_id: int) -> bool:
    at = db.session.execute(
        sa.select(_sync.c.next_try_at).where(
            _sync.c.merchant_id == current_merchant_id(), _sync.c.account_id == account_id
        )
    ).scalar_one_or_none()
    return at is not None and at > utc_now()


def _note_trouble(account_id: int, error: ChannelError) -> None:
    """The account failed as a whole. It rests a little longer each time, at most an hour, and never gives up."""
    now = utc_now()
    row = db.session.execute(
        sa.select(_sync.c.failures, _sync.c.failing_since)
        .where(_sync.c.merchant_id == current_merchant_id(), _sync.c.account_id == account_id)
        .with_for_update()
    ).one()
    if error.kind == "throttled":
        wait = dt.timedelta(seconds=error.retry_after or 60)
        db.session.execute(_of(account_id).values(next_try_at=now + wait, last_error=error.message))
        return
    failures = row.failures + 1
    db.session.execute(
        _of(account_id).values(
            failures=failures,
            failing_since=row.failing_since or now,
            last_error=error.message,
            next_try_at=now + retry.wait(failures, longest=retry.LONGEST_ACCOUNT_WAIT),
        )
    )
    if error.kind in ("credentials", "address") or failures >= TROUBLE_AFTER:
        _turn(account_id, "active", "failing", error.message)


def _note_success(account_id: int) -> None:
    db.session.execute(
        _of(account_id).values(
            failures=0,
            failing_since=None,
            next_try_at=None,
            last_error=None,
            pushed_at=utc_now(),
        )
    )
    _turn(account_id, "failing", "active", None)


def _turn(account_id: int, before: str, after: str, reason: str | None) -> None:
    turned = db.session.execute(
        sa.update(_account)
        .where(
            _account.c.merchant_id == current_merchant_id(),
            _account.c.id == account_id,
            _account.c.state == before,
        )
        .values(state=after)
        .returning(_account.c.id)
    ).first()
    if turned is not None:
        audit.record(
            action=f"channel.{'failing' if after == 'failing' else 'recovered'}",
            by=SYSTEM,
            subject=("channel_account", account_id),
            before={"state": before},
            after={"state": after},
            reason=reason,
        )


def _of(account_id: int) -> sa.Update:
    return sa.update(_sync).where(
        _sync.c.merchant_id == current_merchant_id(), _sync.c.account_id == account_id
    )
