"""An outside shop that worked until its keys were taken away: articles in step, some unmatched, and a sync that fails with
its reason. The shop answers from memory here; no call leaves the machine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, NoReturn

import sqlalchemy as sa

from portal.channels import services, sync
from portal.channels.connectors.base import (
    ChannelError,
    InboundOrder,
    MappingError,
    OrderStub,
    RemoteItem,
    RemoteKey,
    Update,
    UpdateResult,
)
from portal.channels.models import ChannelAccount, ChannelSync
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.jobs import Job

REFUSED = "The shop refused our keys (401). Somebody may have revoked them there. Make new keys in the shop and enter them here."


class ShopInMemory:
    """A shop that shows what it is told, until it refuses everybody."""

    batch_size = 100

    def __init__(self, items: Sequence[RemoteItem]) -> None:
        self._items = {item.key: item for item in items}
        self.refuses = False

    def test(self) -> str:
        self._answer()
        return "It answers."

    def items(self) -> Iterator[RemoteItem]:
        self._answer()
        yield from self._items.values()

    def read(self, keys: Sequence[RemoteKey]) -> dict[RemoteKey, RemoteItem]:
        self._answer()
        return {key: self._items[key] for key in keys if key in self._items}

    def send(self, updates: Sequence[Update]) -> list[UpdateResult]:
        self._answer()
        for update in updates:
            old = self._items[update.key]
            self._items[update.key] = RemoteItem(
                old.key,
                old.sku,
                old.name,
                old.stock if update.stock is None else update.stock,
                old.price if update.price is None else update.price,
            )
        return [UpdateResult(update.key) for update in updates]

    def order_pages(self, since: dt.datetime | None) -> Iterator[list[dict[str, Any]]]:
        self._answer()
        return iter(())

    def order(self, external_id: str) -> dict[str, Any] | None:
        self._answer()
        return None

    def order_stubs(self, since: dt.datetime) -> Iterable[OrderStub]:
        self._answer()
        return ()

    def parse_order(self, document: dict[str, Any]) -> InboundOrder:
        self._not_understood()

    def identify(self, document: dict[str, Any]) -> OrderStub:
        self._not_understood()

    def _answer(self) -> None:
        if self.refuses:
            raise ChannelError("credentials", REFUSED, status=401)

    def _not_understood(self) -> NoReturn:
        raise MappingError("This shop sends no orders.")


def connect(goods: Sequence[sa.Row[Any]], *, by: Actor) -> None:
    """Connect the shop, bring sixty articles into step, then let it fail."""
    values = services.AccountValues(
        "Lantern & Thistle online", "https://shop.lantern.example.com", "GBP", safety_buffer=2
    )
    account = services.connect_shop(
        "woocommerce", values, "ck_demo_demo_demo_4711", "cs_demo_demo_demo_0815", by=by
    )
    # No call may leave the machine, so the test that switching on asks for is taken as done.
    account.tested_at = utc_now()
    account_id = account.id
    db.session.commit()
    shop = ShopInMemory([*_articles(goods[:60]), *_unknown()])
    sync.read_catalogue(_account(account_id), shop, db.session.commit)
    services.switch_on(_account(account_id), by=by)
    db.session.commit()
    sync.take_turn(_account(account_id), shop, db.session.commit)
    sync.compare(_account(account_id), shop, db.session.commit)
    shop.refuses = True
    for _ in range(3):
        sync.take_turn(_account(account_id), shop, db.session.commit, now=True)
    _rest(account_id)


def _account(account_id: int) -> ChannelAccount:
    return db.session.get_one(ChannelAccount, (current_merchant_id(), account_id), populate_existing=True)


def _articles(goods: Sequence[sa.Row[Any]]) -> Iterator[RemoteItem]:
    for place, row in enumerate(goods):
        yield RemoteItem(
            RemoteKey(7000 + place), row.sku, row.title.strip().capitalize(), 0, Decimal(row.amount)
        )


def _unknown() -> Iterator[RemoteItem]:
    for place, (sku, name) in enumerate(
        (("GIFT-10", "Gift card 10"), ("GIFT-25", "Gift card 25"), ("WRAPPING", "Gift wrapping"))
    ):
        yield RemoteItem(RemoteKey(7900 + place), sku, name, None, Decimal(10))


def _rest(account_id: int) -> None:
    """The next try is some hours away, so that a worker does not ask a shop that does not exist at once."""
    now = utc_now()
    table = ChannelSync.__table__
    mine = sa.and_(table.c.merchant_id == current_merchant_id(), table.c.account_id == account_id)
    db.session.execute(
        sa.update(table)
        .where(mine)
        .values(failing_since=now - dt.timedelta(hours=7), next_try_at=now + dt.timedelta(hours=12))
    )
    db.session.execute(
        sa.update(Job)
        .where(Job.kind.startswith("channels."), Job.state == "queued")
        .values(state="cancelled", finished_at=now),
        execution_options={"synchronize_session": False},
    )
    db.session.commit()
