"""Which article of a shop is which variant of ours, and which of them has something new to be told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from portal.catalog.models import Variant
from portal.channels.connectors.base import RemoteItem
from portal.channels.models import ChannelAccount, ChannelListing
from portal.core import audit
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError, NotFoundError
from portal.core.normalise import code_key

UNMATCHED: Final = "Choose the variant first: nothing is sent for an article that is not matched."
PAUSED: Final = "This article is paused. Resume it, then it is sent."
ABSENT: Final = "There is no such article in this channel."

_listing: Final = ChannelListing.__table__
_account: Final = ChannelAccount.__table__
_variant: Final = Variant.__table__


def mark_variants(variant_ids: Iterable[int], *, stock: bool = False, price: bool = False) -> set[int]:
    """Something about these variants changed: every listing of them has something to send. Gives their accounts."""
    wanted = sorted(set(variant_ids))
    if not wanted:
        return set()
    sends = sa.or_(
        *([_account.c.sends_stock] if stock else []), *([_account.c.sends_prices] if price else [])
    )
    merchant_id = current_merchant_id()
    accounts = sa.select(_account.c.id).where(_account.c.merchant_id == merchant_id, sends)
    return _mark(_listing.c.variant_id.in_(wanted), _listing.c.account_id.in_(accounts))


def mark_listings(listing_ids: Sequence[int]) -> set[int]:
    """Send these again, whatever was sent before: push now, replay a dead letter, put a drift right."""
    return _mark(_listing.c.id.in_(listing_ids), start_over=True)


def mark_account(account_id: int, *states: str) -> int:
    """Send everything of an account again, or only what is in some states; gives how many."""
    conditions = [_listing.c.account_id == account_id]
    if states:
        conditions.append(_listing.c.state.in_(states))
    count = db.session.execute(
        sa.select(sa.func.count())
        .select_from(_listing)
        .where(
            _listing.c.merchant_id == current_merchant_id(), _listing.c.variant_id.is_not(None), *conditions
        )
    ).scalar_one()
    _mark(*conditions, start_over=True)
    return int(count)


def _mark(*conditions: sa.ColumnElement[bool], start_over: bool = False) -> set[int]:
    now = utc_now()
    values: dict[str, object] = {
        "wanted_version": _listing.c.wanted_version + 1,
        # The oldest reason not yet answered is what the lag is measured from.
        "wanted_at": sa.case(
            (_listing.c.wanted_version > _listing.c.acknowledged_version, _listing.c.wanted_at), else_=now
        ),
        # A call whose end is not known is asked about first, so its state stays.
        "state": sa.case((_listing.c.state.in_(("unknown", "failed")), _listing.c.state), else_="waiting"),
    }
    if start_over:
        values |= {
            "attempts": 0,
            "failing_since": None,
            "next_try_at": None,
            "last_error": None,
            "state": sa.case((_listing.c.state == "unknown", "unknown"), else_="waiting"),
        }
    rows = db.session.execute(
        sa.update(_listing)
        .where(
            _listing.c.merchant_id == current_merchant_id(), _listing.c.variant_id.is_not(None), *conditions
        )
        .values(values)
        .returning(_listing.c.account_id)
    )
    return {row.account_id for row in rows}


def take_stock_of_shop(account_id: int, items: Sequence[RemoteItem], seen_at: dt.datetime) -> None:
    """Note what the shop shows now; an article not seen before begins without a variant."""
    if not items:
        return
    merchant_id = current_merchant_id()
    statement = postgresql.insert(_listing).values(
        [
            {
                "merchant_id": merchant_id,
                "account_id": account_id,
                "remote_product_id": item.key.product_id,
                "remote_variation_id": item.key.variation_id,
                "remote_sku": item.sku,
                "remote_sku_key": code_key(item.sku),
                "remote_name": item.name,
                "remote_stock": item.stock,
                "remote_price": item.price,
                "remote_seen_at": seen_at,
                "is_missing": False,
            }
            for item in {item.key: item for item in items}.values()
        ]
    )
    told = (
        "remote_sku",
        "remote_sku_key",
        "remote_name",
        "remote_stock",
        "remote_price",
        "remote_seen_at",
        "is_missing",
    )
    db.session.execute(
        statement.on_conflict_do_update(
            index_elements=["merchant_id", "account_id", "remote_product_id", "remote_variation_id"],
            set_={name: statement.excluded[name] for name in told},
            where=sa.func.coalesce(_listing.c.remote_seen_at, seen_at) <= seen_at,
        )
    )


def note_missing(account_id: int, before: dt.datetime) -> int:
    """Articles that a whole look at the shop begun at *before* did not find are gone from it."""
    return _count(
        sa.update(_listing)
        .where(
            _listing.c.merchant_id == current_merchant_id(),
            _listing.c.account_id == account_id,
            sa.or_(_listing.c.remote_seen_at < before, _listing.c.remote_seen_at.is_(None)),
        )
        .values(is_missing=True)
    )


def match_by_sku(account_id: int) -> int:
    """Join what carries the same code on both sides and stands alone with it; gives how many. Nothing is sent before
    the account is switched on."""
    merchant_id = current_merchant_id()
    own = sa.and_(_listing.c.merchant_id == merchant_id, _listing.c.account_id == account_id)
    alone = (
        sa.select(_listing.c.remote_sku_key)
        .where(own, _listing.c.remote_sku_key.is_not(None))
        .group_by(_listing.c.remote_sku_key)
        .having(sa.func.count() == 1)
    )
    return _count(
        sa.update(_listing)
        .where(
            own,
            _listing.c.state == "unmatched",
            _listing.c.remote_sku_key.in_(alone),
            _variant.c.merchant_id == _listing.c.merchant_id,
            _variant.c.sku_key == _listing.c.remote_sku_key,
        )
        .values(
            variant_id=_variant.c.id,
            state="waiting",
            wanted_version=_listing.c.wanted_version + 1,
            wanted_at=utc_now(),
        )
    )


def match_listing(listing_id: int, variant_id: int | None, *, by: Actor) -> ChannelListing:
    """Say which variant an article is, or take that back with None.

    Raises:
        NotFoundError: there is no such article or variant.
    """
    listing = listing_for_change(listing_id)
    if variant_id is not None and db.session.get(Variant, (current_merchant_id(), variant_id)) is None:
        raise NotFoundError("There is no such variant.")
    before = listing.variant_id
    if before == variant_id and listing.state != "ignored":
        return listing
    listing.variant_id = variant_id
    listing.state = "unmatched" if variant_id is None else "waiting"
    _start_over(listing)
    audit.record(
        action="channel.listing_matched",
        by=by,
        subject=("channel_listing", listing.id),
        before={"variant_id": before},
        after={"variant_id": variant_id},
    )
    db.session.flush()
    return listing


def ignore_listing(listing_id: int, *, by: Actor) -> ChannelListing:
    """This article of the shop is none of ours and need not be asked about again."""
    listing = listing_for_change(listing_id)
    before = listing.variant_id
    listing.variant_id, listing.state = None, "ignored"
    _start_over(listing)
    audit.record(
        action="channel.listing_ignored",
        by=by,
        subject=("channel_listing", listing.id),
        before={"variant_id": before},
    )
    db.session.flush()
    return listing


def pause_listing(listing_id: int, paused: bool, *, by: Actor) -> ChannelListing:
    """Stop sending one article, or go on. What is wanted meanwhile is remembered."""
    listing = listing_for_change(listing_id)
    if listing.variant_id is None:
        raise DomainError(UNMATCHED)
    if listing.is_paused != paused:
        listing.is_paused = paused
        audit.record(
            action="channel.listing_paused" if paused else "channel.listing_resumed",
            by=by,
            subject=("channel_listing", listing.id),
        )
        db.session.flush()
    return listing


def push_listing(listing_id: int, *, by: Actor) -> ChannelListing:
    """Send one article now, whatever was sent before and however often it failed.

    Raises:
        DomainError: it is paused or has no variant.
    """
    listing = listing_for_change(listing_id)
    if listing.variant_id is None:
        raise DomainError(UNMATCHED)
    if listing.is_paused:
        raise DomainError(PAUSED)
    mark_listings([listing.id])
    audit.record(action="channel.listing_pushed", by=by, subject=("channel_listing", listing.id))
    db.session.flush()
    db.session.refresh(listing)
    return listing


def listing_for_change(listing_id: int) -> ChannelListing:
    """The listing, locked, so that a sync under way and a person do not overwrite each other.

    Raises:
        NotFoundError: there is none.
    """
    found = db.session.get(ChannelListing, (current_merchant_id(), listing_id), with_for_update=True)
    if found is None:
        raise NotFoundError(ABSENT)
    return found


def _start_over(listing: ChannelListing) -> None:
    listing.wanted_version += 1
    listing.wanted_at = utc_now()
    listing.attempts = 0
    listing.failing_since = listing.next_try_at = listing.last_error = listing.check_at = None
    for name in (
        "wanted_stock",
        "wanted_price",
        "sent_stock",
        "sent_price",
        "acknowledged_stock",
        "acknowledged_price",
    ):
        setattr(listing, name, None)


def _count(statement: sa.Update) -> int:
    return len(db.session.execute(statement.returning(_listing.c.id)).all())
