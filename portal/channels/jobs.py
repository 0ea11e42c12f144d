"""What workers and events do for channels. Each is thin: load, call, commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from portal.catalog.models import Variant
from portal.channels import articles, keys, services, sync
from portal.channels.connectors.base import ChannelError
from portal.channels.models import ChannelAccount
from portal.core.audit import SYSTEM
from portal.core.database import current_merchant_id, db, merchant_scope
from portal.core.jobs import JobRun, RetryLaterError, job
from portal.core.outbox import Event, consumer


@consumer("channels", kinds=["stock.changed", "price.changed"])
def note_changes(events: Sequence[Event]) -> None:
    """What changed is looked up when it is sent; here it is only noted that something did."""
    for kind, wanted in (("stock.changed", {"stock": True}), ("price.changed", {"price": True})):
        variants = _variants([event.payload for event in events if event.kind == kind])
        touched = articles.mark_variants(variants, **wanted)
        for account in db.session.scalars(sa.select(ChannelAccount).where(ChannelAccount.id.in_(touched))):
            if account.is_running:
                services.request_sync(account.id, by=SYSTEM)


@job("channels.sync", title="Sync a channel", permission="channels.view", queue="quick", quiet=True)
def run_sync(run: JobRun) -> None:
    """One turn of one account."""
    account = services.account_of(run.args["account_id"])
    if account.is_running:
        sync.take_turn(account, keys.connector_of(account, job=run), run.commit)


@job("channels.compare", title="Compare a channel with the shop", permission="channels.view")
def run_compare(run: JobRun) -> None:
    """Read the whole shop; a shop that is away is tried again later."""
    account = services.account_of(run.args["account_id"])
    try:
        sync.compare(account, keys.connector_of(account, job=run), run.commit)
    except ChannelError as error:
        run.commit()
        raise RetryLaterError(error.message, seconds=error.retry_after) from error


def sync_due() -> None:
    """Ring for every account whose turn has come; the timetable calls this once a minute."""
    _for_due_accounts(services.request_sync)


def compare_due() -> None:
    """Ask for a full comparison of every running account; the timetable calls this once a night."""
    _for_due_accounts(services.request_compare)


def _for_due_accounts(request: Any) -> None:
    due = db.session.execute(sa.text("SELECT merchant_id, account_id FROM channels_to_sync()")).all()
    db.session.rollback()
    for merchant_id, account_id in due:
        with merchant_scope(merchant_id):
            request(account_id, by=SYSTEM)
            db.session.commit()


def _variants(payloads: Sequence[Any]) -> set[int]:
    """Events name a variant, several, or a product whose variants are meant."""
    found = {payload["variant_id"] for payload in payloads if "variant_id" in payload}
    found |= {variant_id for payload in payloads for variant_id in payload.get("variant_ids", ())}
    products = {
        payload["product_id"]
        for payload in payloads
        if "product_id" in payload and "variant_id" not in payload
    }
    if products:
        table = Variant.__table__
        found |= set(
            db.session.scalars(
                sa.select(table.c.id).where(
                    table.c.merchant_id == current_merchant_id(), table.c.product_id.in_(products)
                )
            )
        )
    return found
