"""Stock and prices on their way to a shop.

A value goes through three steps, each with a version: wanted, sent, acknowledged. Before a call leaves, its rows say
"unknown"; whatever happens to us meanwhile, the next run finds them so and asks the shop what it shows. The call
itself holds no transaction. What is sent is read from stock at the last moment and is never older than the version it
answers for, so an older value cannot follow a newer one.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import sqlalchemy as sa

from portal.catalog.models import Price
from portal.channels import retry
from portal.channels.connectors.base import (
    ChannelError,
    Connector,
    RemoteItem,
    RemoteKey,
    Update,
    UpdateResult,
)
from portal.channels.deliveries import Call, logged
from portal.channels.models import ChannelAccount, ChannelListing
from portal.channels.wanted import wanted_values
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.stock.models import Location, StockLevel

Commit = Callable[[], None]

# A shop may still carry out a request long after we gave up on it; by then it surely has or never will.
LATE: Final = dt.timedelta(minutes=10)

_listing: Final = ChannelListing.__table__
_level: Final = StockLevel.__table__
_location: Final = Location.__table__
_price: Final = Price.__table__


@dataclass(frozen=True, slots=True)
class Sent:
    """One row of a call under way: what was sent, for which listing, answering for which version."""

    listing_id: int
    version: int
    update: Update


def push_due(
    account: ChannelAccount, connector: Connector, commit: Commit, *, until: float | None = None
) -> int:
    """Send everything that is due, batch by batch; gives how many articles the shop took.

    Args:
        until: a reading of the monotonic clock after which no new batch begins; the next turn goes on.

    Raises:
        ChannelError: the account as a whole cannot go on; what was under way is settled.
    """
    account_id, taken = account.id, 0
    while account.is_running and (until is None or time.monotonic() < until):
        sent = _claim(account, connector.batch_size)
        commit()
        if not sent:
            break
        call = Call(account_id, "stock_and_price", items=len(sent))
        results = {result.key: result for result in connector.send([row.update for row in sent])}
        failed = _settle(sent, results)
        call.failed_items = len(failed)
        call.error = failed[0] if failed else None
        call.write()
        commit()
        taken += len(sent) - len(failed)
        _stop_if_hopeless(sent, failed)
    return taken


def resolve_unknown(account: ChannelAccount, connector: Connector, commit: Commit) -> None:
    """Ask the shop what became of calls that were never answered, and look again at those that may arrive late.

    Raises:
        ChannelError: the shop cannot be asked.
    """
    account_id = account.id
    while rows := _doubtful(account_id, connector.batch_size):
        commit()
        with logged(account_id, "read_back") as call:
            call.items = len(rows)
            found = connector.read(
                [RemoteKey(row.remote_product_id, row.remote_variation_id) for row in rows]
            )
        for row in rows:
            _resolve(row, found.get(RemoteKey(row.remote_product_id, row.remote_variation_id)))
        commit()


def _stop_if_hopeless(sent: Sequence[Sent], failed: Sequence[ChannelError]) -> None:
    for error in failed:
        if error.is_about_the_account or (error.kind == "unknown" and len(failed) == len(sent)):
            raise error


def _claim(account: ChannelAccount, limit: int) -> list[Sent]:
    """Take what is due and write down what will be sent, before it is."""
    now = utc_now()
    due = sa.or_(_listing.c.next_try_at.is_(None), _listing.c.next_try_at <= now)
    rows = db.session.execute(
        sa.select(_listing)
        .where(
            _listing.c.merchant_id == current_merchant_id(),
            _listing.c.account_id == account.id,
            _listing.c.state.in_(("waiting", "failed")),
            ~_listing.c.is_paused,
            due,
        )
        .order_by(_listing.c.wanted_at, _listing.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    # Read after the rows are locked: a change of stock that is not in these figures marks them again.
    values = wanted_values(account, [row.variant_id for row in rows])
    sent = []
    for row in rows:
        stock, price = values[row.variant_id]
        key = RemoteKey(row.remote_product_id, row.remote_variation_id)
        sent.append(Sent(row.id, row.wanted_version, Update(key, stock, price)))
        db.session.execute(
            _one(row.id).values(
                state="unknown",
                wanted_stock=stock,
                wanted_price=price,
                sent_stock=stock,
                sent_price=price,
                sent_version=row.wanted_version,
                sent_at=now,
            )
        )
    return sent


def _settle(sent: Sequence[Sent], results: dict[RemoteKey, UpdateResult]) -> list[ChannelError]:
    """Write down how each item ended; one that failed leaves the others alone."""
    failed = []
    for row in sent:
        result = results.get(row.update.key)
        error = (
            result.error
            if result
            else ChannelError("unknown", "The call ended without a word about this article.")
        )
        if error is None:
            _acknowledge(row.listing_id, row.version)
            continue
        failed.append(error)
        if error.kind == "unknown":
            _leave_unknown(row.listing_id, row.version, error)
        elif error.is_about_the_account:
            # Not the fault of this article: it waits with the account and loses no try.
            _put_back(row.listing_id, row.version, error)
        else:
            note_failure(row.listing_id, row.version, error)
    return failed


def _acknowledge(listing_id: int, version: int) -> None:
    """The shop shows what we sent. A newer reason to send keeps the listing waiting."""
    db.session.execute(
        _in_flight(listing_id, version).values(
            state=sa.case((_listing.c.wanted_version > _listing.c.sent_version, "waiting"), else_="in_step"),
            acknowledged_version=_listing.c.sent_version,
            acknowledged_stock=_listing.c.sent_stock,
            acknowledged_price=_listing.c.sent_price,
            acknowledged_at=utc_now(),
            attempts=0,
            failing_since=None,
            next_try_at=None,
            last_error=None,
            is_missing=False,
        )
    )


def _leave_unknown(listing_id: int, version: int, error: ChannelError) -> None:
    now = utc_now()
    db.session.execute(
        _in_flight(listing_id, version).values(
            attempts=_listing.c.attempts + 1,
            next_try_at=now + dt.timedelta(seconds=5),
            check_at=now + LATE,
            last_error=error.message,
        )
    )


def _put_back(listing_id: int, version: int, error: ChannelError) -> None:
    db.session.execute(_in_flight(listing_id, version).values(state="waiting", last_error=error.message))


def note_failure(listing_id: int, version: int, error: ChannelError) -> None:
    """One more failure of one article: try later, and lay it before a person when that has gone on for too long."""
    now = utc_now()
    row = db.session.execute(
        sa.select(_listing.c.attempts, _listing.c.failing_since).where(
            _listing.c.merchant_id == current_merchant_id(), _listing.c.id == listing_id
        )
    ).one()
    since = row.failing_since or now
    spent = retry.is_spent(since, now)
    db.session.execute(
        _in_flight(listing_id, version).values(
            state="dead" if spent else "failed",
            attempts=_listing.c.attempts + 1,
            failing_since=since,
            next_try_at=None if spent else now + retry.wait(row.attempts + 1),
            last_error=error.message,
        )
    )


def _doubtful(account_id: int, limit: int) -> Sequence[sa.Row[tuple[object, ...]]]:
    now = utc_now()
    unanswered = sa.and_(
        _listing.c.state == "unknown", sa.or_(_listing.c.next_try_at.is_(None), _listing.c.next_try_at <= now)
    )
    late = sa.and_(_listing.c.check_at <= now, _listing.c.state == "in_step")
    return db.session.execute(
        sa.select(_listing)
        .where(
            _listing.c.merchant_id == current_merchant_id(),
            _listing.c.account_id == account_id,
            sa.or_(unanswered, late),
        )
        .order_by(_listing.c.id)
        .limit(limit)
    ).all()


def _resolve(row: sa.Row[tuple[object, ...]], item: RemoteItem | None) -> None:
    """Compare what was sent with what the shop shows, and send again where they differ."""
    values = row._mapping
    if values["state"] == "in_step":
        agrees = item is not None and _agrees(
            item, values["acknowledged_stock"], values["acknowledged_price"]
        )
        changes: dict[str, object] = {"check_at": None}
        if not agrees:
            changes |= {
                "state": "waiting",
                "wanted_version": _listing.c.wanted_version + 1,
                "wanted_at": utc_now(),
            }
        db.session.execute(
            _one(values["id"])
            .where(_listing.c.state == "in_step", _listing.c.sent_version == values["sent_version"])
            .values(changes)
        )
    elif item is None:
        note_failure(
            values["id"], values["sent_version"], ChannelError("gone", "The shop no longer has this article.")
        )
    elif _agrees(item, values["sent_stock"], values["sent_price"]):
        _acknowledge(values["id"], values["sent_version"])
    else:
        db.session.execute(
            _in_flight(values["id"], values["sent_version"]).values(
                state="waiting",
                next_try_at=utc_now() + retry.wait(values["attempts"]) if values["attempts"] > 1 else None,
            )
        )


def _agrees(item: RemoteItem, stock: int | None, price: Decimal | None) -> bool:
    return (stock is None or item.stock == stock) and (price is None or item.price == price)


def _one(listing_id: int) -> sa.Update:
    return sa.update(_listing).where(
        _listing.c.merchant_id == current_merchant_id(), _listing.c.id == listing_id
    )


def _in_flight(listing_id: int, version: int) -> sa.Update:
    """The listing, if this call is still the one it waits for."""
    return _one(listing_id).where(_listing.c.state == "unknown", _listing.c.sent_version == version)
