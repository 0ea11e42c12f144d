"""What the screens of channels read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from portal.catalog.models import Product, Variant
from portal.channels.models import (
    ChannelAccount,
    ChannelDelivery,
    ChannelInboundOrder,
    ChannelListing,
    ChannelSync,
)
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.ids import time_of
from portal.orders.models import OrderRef

_listing: Final = ChannelListing.__table__
_inbound: Final = ChannelInboundOrder.__table__
_variant: Final = Variant.__table__
_product: Final = Product.__table__

LOG_ROWS: Final = 100
QUEUE_ROWS: Final = 25
CANDIDATES: Final = 40
LIKELY: Final = 55.0


@dataclass(frozen=True, slots=True)
class Health:
    """How one account stands."""

    account: ChannelAccount
    sync: ChannelSync
    articles: dict[str, int]
    orders: dict[str, int]
    drifted: int
    oldest_waiting_at: dt.datetime | None

    @property
    def matched(self) -> int:
        return sum(count for state, count in self.articles.items() if state not in ("unmatched", "ignored"))

    @property
    def waiting(self) -> int:
        return self.articles.get("waiting", 0) + self.articles.get("unknown", 0)

    @property
    def failing(self) -> int:
        """What is in trouble now, on either way."""
        return sum(
            count.get(state, 0) for count in (self.articles, self.orders) for state in ("failed", "dead")
        )

    @property
    def needs_someone(self) -> int:
        """What no retry will settle."""
        return (
            self.articles.get("dead", 0)
            + self.articles.get("unmatched", 0)
            + self.orders.get("dead", 0)
            + self.orders.get("held", 0)
        )

    @property
    def lag_seconds(self) -> int | None:
        """The age of the oldest value that the shop has not confirmed."""
        if self.oldest_waiting_at is None:
            return None
        return max(0, int((utc_now() - self.oldest_waiting_at).total_seconds()))


def accounts_with_health() -> list[Health]:
    """Every account and how it stands, in four statements whatever their number."""
    accounts = db.session.scalars(sa.select(ChannelAccount).order_by(ChannelAccount.name)).all()
    return _health(accounts)


def health_of(account: ChannelAccount) -> Health:
    """How one account stands."""
    return _health([account])[0]


def failing_accounts() -> list[Health]:
    """Accounts that cannot sync, or hold something only a person can settle."""
    return [
        each
        for each in accounts_with_health()
        if each.account.state == "failing"
        or each.failing
        or each.orders.get("held")
        or each.articles.get("dead")
    ]


def drift(account_id: int, limit: int = 200) -> Sequence[sa.RowMapping]:
    """Articles on which the shop differs from what it last confirmed, by the last full look at it."""
    return (
        db.session.execute(
            sa.select(_listing, _variant.c.sku)
            .join(
                _variant,
                sa.and_(
                    _variant.c.merchant_id == _listing.c.merchant_id, _variant.c.id == _listing.c.variant_id
                ),
            )
            .where(_of(account_id), _is_drifted())
            .order_by(_listing.c.id)
            .limit(limit)
        )
        .mappings()
        .all()
    )


def drifted_ids(account_id: int) -> list[int]:
    """The same as ids, all of them; what is gone from the shop cannot be put right by sending."""
    return list(
        db.session.scalars(
            sa.select(_listing.c.id).where(_of(account_id), _is_drifted(), ~_listing.c.is_missing)
        )
    )


def deliveries(account_id: int) -> list[tuple[dt.datetime, ChannelDelivery]]:
    """The newest calls to a shop and when each was."""
    rows = db.session.scalars(
        sa.select(ChannelDelivery)
        .where(ChannelDelivery.account_id == account_id)
        .order_by(ChannelDelivery.id.desc())
        .limit(LOG_ROWS)
    )
    return [(time_of(row.id), row) for row in rows]


def unmatched(account_id: int) -> Sequence[ChannelListing]:
    """The next articles of the shop that nobody has named yet."""
    return db.session.scalars(
        sa.select(ChannelListing)
        .where(ChannelListing.account_id == account_id, ChannelListing.state == "unmatched")
        .order_by(ChannelListing.id)
        .limit(QUEUE_ROWS)
    ).all()


def order_number(order_id: int | None) -> str | None:
    """The number of an order of ours."""
    if order_id is None:
        return None
    return db.session.scalars(sa.select(OrderRef.number).where(OrderRef.order_id == order_id)).one_or_none()


def source_of_order(order_id: int) -> sa.RowMapping | None:
    """The shop that sent an order of ours, and under which number."""
    account = ChannelAccount.__table__
    return (
        db.session.execute(
            sa.select(
                _inbound.c.id, _inbound.c.account_id, _inbound.c.external_id, _inbound.c.external_number,
                _inbound.c.external_status, _inbound.c.state, _inbound.c.reason, account.c.name,
            )
            .join(
                account,
                sa.and_(account.c.merchant_id == _inbound.c.merchant_id, account.c.id == _inbound.c.account_id),
            )
            .where(_inbound.c.merchant_id == current_merchant_id(), _inbound.c.order_id == order_id)
            .order_by(_inbound.c.id).limit(1)
        )
        .mappings()
        .one_or_none()
    )  # fmt: skip


def order_numbers(inbound_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The numbers of our orders, by inbound row, for the list."""
    ref = OrderRef.__table__
    rows = db.session.execute(
        sa.select(_inbound.c.id, ref.c.number)
        .join(
            ref, sa.and_(ref.c.merchant_id == _inbound.c.merchant_id, ref.c.order_id == _inbound.c.order_id)
        )
        .where(_inbound.c.merchant_id == current_merchant_id(), _inbound.c.id.in_(inbound_ids))
    )
    return {row.id: {"order": row.number} for row in rows}


def _health(accounts: Sequence[ChannelAccount]) -> list[Health]:
    ids = [account.id for account in accounts]
    if not ids:
        return []
    syncs = {
        row.account_id: row
        for row in db.session.scalars(sa.select(ChannelSync).where(ChannelSync.account_id.in_(ids)))
    }
    articles, waiting, drifted = _article_counts(ids)
    orders: dict[int, dict[str, int]] = {}
    counted = db.session.execute(
        sa.select(_inbound.c.account_id, _inbound.c.state, sa.func.count().label("rows"))
        .where(_inbound.c.merchant_id == current_merchant_id(), _inbound.c.account_id.in_(ids))
        .group_by(_inbound.c.account_id, _inbound.c.state)
    )
    for row in counted:
        orders.setdefault(row.account_id, {})[row.state] = row.rows
    return [
        Health(
            account,
            syncs[account.id],
            articles.get(account.id, {}),
            orders.get(account.id, {}),
            drifted.get(account.id, 0),
            waiting.get(account.id),
        )
        for account in accounts
    ]


def _article_counts(
    ids: Sequence[int],
) -> tuple[dict[int, dict[str, int]], dict[int, dt.datetime], dict[int, int]]:
    behind = _listing.c.wanted_version > _listing.c.acknowledged_version
    rows = db.session.execute(
        sa.select(
            _listing.c.account_id,
            _listing.c.state,
            sa.func.count().label("rows"),
            sa.func.min(_listing.c.wanted_at).filter(behind, ~_listing.c.is_paused).label("oldest"),
            sa.func.count().filter(_is_drifted()).label("drifted"),
        )
        .where(_listing.c.merchant_id == current_merchant_id(), _listing.c.account_id.in_(ids))
        .group_by(_listing.c.account_id, _listing.c.state)
    ).all()
    states: dict[int, dict[str, int]] = {}
    oldest: dict[int, dt.datetime] = {}
    drifted: dict[int, int] = {}
    for row in rows:
        states.setdefault(row.account_id, {})[row.state] = row.rows
        drifted[row.account_id] = drifted.get(row.account_id, 0) + row.drifted
        if row.oldest is not None:
            oldest[row.account_id] = min(row.oldest, oldest.get(row.account_id, row.oldest))
    return states, oldest, drifted


def _is_drifted() -> sa.ColumnElement[bool]:
    """Seen after it was confirmed and nothing newer under way: then a difference is the shop's own doing."""
    seen_later = _listing.c.remote_seen_at > _listing.c.acknowledged_at
    differs = sa.or_(
        sa.and_(
            _listing.c.acknowledged_stock.is_not(None),
            _listing.c.remote_stock.is_distinct_from(_listing.c.acknowledged_stock),
        ),
        sa.and_(
            _listing.c.acknowledged_price.is_not(None),
            _listing.c.remote_price.is_distinct_from(_listing.c.acknowledged_price),
        ),
        _listing.c.is_missing,
    )
    return sa.and_(_listing.c.state == "in_step", sa.or_(seen_later, _listing.c.is_missing), differs)


def _of(account_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(_listing.c.merchant_id == current_merchant_id(), _listing.c.account_id == account_id)
