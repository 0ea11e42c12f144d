"""Connect a shop, prove that the keys work, switch it on, and ask for its next turn."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from portal.channels import articles, inbox
from portal.channels.connectors import KINDS
from portal.channels.keys import forget_keys, needs_test, seal_keys
from portal.channels.models import ChannelAccount, ChannelInboundOrder, ChannelSync
from portal.channels.outbound import AddressRefusedError, Outbound
from portal.config import settings
from portal.core import audit
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError, NotFoundError
from portal.core.jobs import Job, enqueue
from portal.core.merging import merged
from portal.core.money import UnknownCurrencyError, minor_units
from portal.orders.models import SalesChannel

TEST_SECONDS: Final = 8.0
ACCOUNT_FIELDS: Final = ("name", "base_url", "price_currency", "safety_buffer", "sends_stock", "sends_prices")


@dataclass(frozen=True, slots=True)
class AccountValues:
    """What a person says about a shop."""

    name: str
    base_url: str
    price_currency: str
    safety_buffer: int = 0
    sends_stock: bool = True
    sends_prices: bool = True


def connect_shop(kind: str, values: AccountValues, key: str, secret: str, *, by: Actor) -> ChannelAccount:
    """Keep a shop's address and keys as a draft; nothing is called and nothing is sent yet.

    Raises:
        DomainError: a value is not usable; the field is named.
    """
    if kind not in KINDS:
        raise DomainError("Choose the kind of shop.", field="connector")
    cleaned = _checked(values)
    channel = SalesChannel(code=_free_code(cleaned.name), name=cleaned.name, kind="web")
    db.session.add(channel)
    db.session.flush()
    account = ChannelAccount(channel_id=channel.id, connector=kind, state="draft", **_columns(cleaned))
    db.session.add(account)
    db.session.flush()
    seal_keys(account, key, secret)
    db.session.add(ChannelSync(account_id=account.id))
    audit.record(
        action="channel.connected",
        by=by,
        subject=("channel_account", account.id),
        after={"name": account.name, "connector": kind, "base_url": account.base_url},
    )
    db.session.flush()
    return account


def change_shop(
    account: ChannelAccount, values: AccountValues, *, base: Mapping[str, Any], version: int, by: Actor
) -> None:
    """Save settings over what stands, keeping the edits of both sides. A change of what is sent makes everything be
    sent again; a new address must be tested again, and another server needs its keys entered again.

    Raises:
        StaleError: somebody else changed the same field since the form was opened.
        DomainError: a value is not usable.
    """
    mine = _columns(_checked(values, own=account))
    now = account_values(account)
    wanted = mine if version == account.version else merged(now, base, mine, version=account.version)
    changed = {name: value for name, value in wanted.items() if now[name] != value}
    if not changed:
        return
    for name, value in changed.items():
        setattr(account, name, value)
    if "base_url" in changed:
        needs_test(account)
        if urlsplit(changed["base_url"]).netloc != urlsplit(now["base_url"]).netloc:
            forget_keys(account)
    db.session.flush()
    if changed.keys() & {"price_currency", "safety_buffer", "sends_stock", "sends_prices"}:
        articles.mark_account(account.id)
    audit.record(
        action="channel.changed",
        by=by,
        subject=("channel_account", account.id),
        before={name: now[name] for name in changed},
        after=changed,
    )


def account_values(account: ChannelAccount) -> dict[str, Any]:
    """What the form shows, by field."""
    return {name: getattr(account, name) for name in ACCOUNT_FIELDS}


def replace_keys(account: ChannelAccount, key: str, secret: str, *, by: Actor) -> None:
    """New keys; they are tested before they are used."""
    before = account.credentials_tail
    seal_keys(account, key, secret)
    needs_test(account)
    audit.record(
        action="channel.keys_replaced",
        by=by,
        subject=("channel_account", account.id),
        before={"ends_in": before},
        after={"ends_in": account.credentials_tail},
    )
    db.session.flush()


def switch_on(account: ChannelAccount, *, by: Actor) -> None:
    """From now on orders come in and stock and prices go out. Orders placed before stay where they are.

    Raises:
        DomainError: the keys were not tested since they were last changed.
    """
    if account.tested_at is None or (account.credentials_changed_at or account.tested_at) > account.tested_at:
        raise DomainError("Test the connection first. A shop is switched on with keys that work.")
    if account.is_running:
        return
    before = account.state
    account.state = "active"
    if account.takes_orders_from is None:
        account.takes_orders_from = utc_now()
    db.session.flush()
    _forget_trouble(account.id)
    if before == "draft":
        articles.mark_account(account.id)
    audit.record(
        action="channel.switched_on",
        by=by,
        subject=("channel_account", account.id),
        before={"state": before},
        after={"state": "active"},
    )
    request_sync(account.id, by=by)


def switch_off(account: ChannelAccount, *, by: Actor) -> None:
    """Rest. What changes meanwhile is remembered and goes out when it is switched on again."""
    if not account.is_running:
        return
    before, account.state = account.state, "paused"
    audit.record(
        action="channel.paused",
        by=by,
        subject=("channel_account", account.id),
        before={"state": before},
        after={"state": "paused"},
    )
    db.session.flush()


def push_all(account: ChannelAccount, *states: str, by: Actor) -> int:
    """Send everything again, or what is in some states (replay the dead letters); gives how many.

    Raises:
        DomainError: the shop is not switched on.
    """
    require_running(account)
    count = articles.mark_account(account.id, *states)
    audit.record(
        action="channel.pushed",
        by=by,
        subject=("channel_account", account.id),
        after={"articles": count, "states": list(states)},
    )
    request_sync(account.id, by=by, now=True)
    return count


def correct_drift(account: ChannelAccount, drifted: list[int], *, by: Actor) -> int:
    """Send our values for every article on which the shop differs.

    Raises:
        DomainError: the shop is not switched on.
    """
    require_running(account)
    if drifted:
        articles.mark_listings(drifted)
    audit.record(
        action="channel.drift_corrected",
        by=by,
        subject=("channel_account", account.id),
        after={"articles": len(drifted)},
    )
    request_sync(account.id, by=by, now=True)
    return len(drifted)


def require_running(account: ChannelAccount) -> None:
    """Refuse what a channel that is off cannot do.

    Raises:
        DomainError: it is a draft or paused.
    """
    if not account.is_running:
        raise DomainError("Switch the channel on first; a paused channel sends nothing and fetches nothing.")


def retry_order(inbound_id: int, *, by: Actor) -> int:
    """Try a failed or held order again now; gives its account."""
    account_id = inbox.try_again(inbound_id)
    audit.record(action="channel.order_retried", by=by, subject=("channel_inbound_order", inbound_id))
    request_sync(account_id, by=by, now=True)
    return account_id


def request_sync(account_id: int, *, by: Actor, now: bool = False) -> Job:
    """The next turn of an account; while one waits or runs there is no second."""
    if now:
        _forget_pause(account_id)
    return enqueue("channels.sync", {"account_id": account_id}, by=by, unique_key=str(account_id))


def request_compare(account_id: int, *, by: Actor) -> Job:
    """A full look at the shop: its articles for matching, and whether it shows what it should."""
    return enqueue("channels.compare", {"account_id": account_id}, by=by, unique_key=str(account_id))


def account_of(account_id: int, *, lock: bool = False) -> ChannelAccount:
    """An account of the merchant in scope.

    Raises:
        NotFoundError: there is none.
    """
    found = db.session.get(ChannelAccount, (current_merchant_id(), account_id), with_for_update=lock or None)
    if found is None:
        raise NotFoundError("There is no such channel.")
    return found


def inbound_of(inbound_id: int) -> ChannelInboundOrder:
    """An order a shop sent.

    Raises:
        NotFoundError: there is none.
    """
    found = db.session.get(ChannelInboundOrder, (current_merchant_id(), inbound_id))
    if found is None:
        raise NotFoundError("There is no such order in this channel.")
    return found


def _checked(values: AccountValues, own: ChannelAccount | None = None) -> AccountValues:
    name = " ".join(values.name.split())
    if not 1 <= len(name) <= 120:
        raise DomainError("Give the shop a name of at most 120 characters.", field="name")
    same = db.session.scalars(sa.select(ChannelAccount.id).where(ChannelAccount.name == name)).first()
    if same is not None and (own is None or own.id != same):
        raise DomainError("Another channel has this name.", field="name")
    url = values.base_url.strip().rstrip("/")
    try:
        parts = Outbound.from_settings(settings()).check(url)
    except AddressRefusedError as error:
        raise DomainError(str(error), field="base_url") from error
    if parts.query or parts.fragment or len(url) > 500:
        raise DomainError("Enter the address of the shop without what follows a ? or #.", field="base_url")
    currency = values.price_currency.strip().upper()
    try:
        minor_units(currency)
    except UnknownCurrencyError as error:
        raise DomainError(str(error), field="price_currency") from error
    if not 0 <= values.safety_buffer <= 1_000_000:
        raise DomainError("The safety buffer is a number of units from 0 up.", field="safety_buffer")
    return AccountValues(name, url, currency, values.safety_buffer, values.sends_stock, values.sends_prices)


def _columns(values: AccountValues) -> dict[str, Any]:
    return {name: getattr(values, name) for name in ACCOUNT_FIELDS}


def _free_code(name: str) -> str:
    stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "shop"
    taken = set(db.session.scalars(sa.select(SalesChannel.code).where(SalesChannel.code.startswith(stem))))
    return next(
        code for n in range(1, len(taken) + 2) if (code := stem if n == 1 else f"{stem}-{n}") not in taken
    )


def _forget_trouble(account_id: int) -> None:
    _sync(account_id, failures=0, failing_since=None, next_try_at=None, last_error=None)


def _forget_pause(account_id: int) -> None:
    _sync(account_id, next_try_at=None)


def _sync(account_id: int, **values: int | str | dt.datetime | None) -> None:
    table = ChannelSync.__table__
    statement = postgresql.insert(table).values(
        merchant_id=current_merchant_id(), account_id=account_id, **values
    )
    db.session.execute(
        statement.on_conflict_do_update(index_elements=["merchant_id", "account_id"], set_=values)
    )
