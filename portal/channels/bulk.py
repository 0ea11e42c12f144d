"""One act on many articles of a shop: a page of them at once, more as a job. Each batch takes the same few statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from flask import url_for

from portal.channels import articles, services
from portal.channels.listings import articles_of
from portal.channels.models import ChannelAccount, ChannelListing
from portal.core import audit
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.http import can
from portal.core.jobs import JobRun, RowName, job
from portal.core.listing import among
from portal.core.selected import frozen, let_go

BATCH: Final = 200

_listing: Final = ChannelListing.__table__


@dataclass(frozen=True, slots=True)
class Act:
    """What can be done to many articles.

    Args:
        title: as its button says it.
        entry: what the audit calls it.
        done: what an article then does or is, "paused".
        idle: what is said of one that needed nothing.
        words: what it will do, in sentences.
    """

    title: str
    entry: str
    done: str
    idle: str
    words: tuple[str, ...]


ACTS: Final = {
    "push": Act(
        "Push now", "channel.listing_pushed", "sent now", "",
        (
            "Stock and price of each are sent to the shop again, whatever was sent before and however often it failed.",
            "An article that is paused or not matched is left alone and says so.",
        ),
    ),
    "pause": Act(
        "Pause", "channel.listing_paused", "paused", "Was paused already",
        (
            "Nothing is sent for them until someone resumes them. What changes meanwhile is remembered.",
            "An article that is not matched is left alone and says so.",
        ),
    ),
    "resume": Act(
        "Resume", "channel.listing_resumed", "resumed", "Was not paused",
        (
            "They are sent again, first what changed while they were paused.",
            "An article that is not matched is left alone and says so.",
        ),
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one article; one that was so already is done and not changed."""

    listing_id: int
    is_done: bool
    words: str
    is_changed: bool = False


def article_rows(keys: Sequence[str]) -> Mapping[str, RowName]:
    """The rows of a job over articles: SKU and name as the shop writes them, with a link for those who may open it."""
    rows = db.session.execute(
        sa.select(_listing.c.id, _listing.c.account_id, _listing.c.remote_sku, _listing.c.remote_name).where(
            _listing.c.merchant_id == current_merchant_id(), _listing.c.id.in_([int(key) for key in keys])
        )
    )
    may_open = can("channels.view")
    return {
        str(row.id): RowName(
            " ".join(each for each in (row.remote_sku, row.remote_name) if each) or f"Article {row.id}",
            url_for("channels.article", account_id=row.account_id, listing_id=row.id) if may_open else None,
        )
        for row in rows
    }


@job(
    "channels.articles",
    title="Change articles of a shop",
    permission="channels.edit",
    retries_rows=True,
    row_names=article_rows,
)
def change_articles(run: JobRun) -> None:
    """Do the act to every chosen article, from where the job stopped last; one that refuses says why and stops no other."""
    act, account_id = str(run.args["act"]), int(run.args["account_id"])
    require_possible(services.account_of(account_id), act)
    keys = frozen(run, articles_of(account_id))
    done = int(run.state.get("done", 0))
    run.progress(done, len(keys), ACTS[act].title)
    while done < len(keys):
        batch = keys[done : done + BATCH]
        for each in change_together(account_id, batch, act, by=run.by):
            run.item(each.listing_id, each.is_done, each.words)
        done += len(batch)
        run.checkpoint({**run.state, "done": done})
        run.commit(done=done)
    ring(account_id, act, by=run.by)
    let_go(run)
    run.commit(done=done)


def require_possible(account: ChannelAccount, act: str) -> None:
    """Refuse what no article of the account could do now.

    Raises:
        DomainError: a channel that is off was asked to send.
    """
    if act == "push":
        services.require_running(account)


def change_together(account_id: int, listing_ids: Sequence[int], act: str, *, by: Actor) -> list[Result]:
    """Push, pause or resume articles of one account: three statements, however many they are. Flushes; the caller commits.

    They are locked first, in the order of their keys, so that what is decided about each still holds when it is written.
    """
    found = db.session.execute(
        sa.select(_listing.c.id, _listing.c.variant_id, _listing.c.is_paused)
        .where(
            _listing.c.merchant_id == current_merchant_id(),
            _listing.c.account_id == account_id,
            among(_listing.c.id, listing_ids),
        )
        .order_by(_listing.c.id)
        .with_for_update()
    )
    rows = {row.id: row for row in found}
    results = [_result(listing_id, rows.get(listing_id), act) for listing_id in listing_ids]
    changes = [each.listing_id for each in results if each.is_changed]
    if changes:
        _change(changes, act)
        audit.record_many(
            [audit.Entry(ACTS[act].entry, ("channel_listing", listing_id)) for listing_id in changes], by=by
        )
    return results


def ring(account_id: int, act: str, *, by: Actor) -> None:
    """What was pushed or goes on is sent at the next turn of the account, which comes now."""
    if act != "pause" and services.account_of(account_id).is_running:
        services.request_sync(account_id, by=by, now=act == "push")


def _result(listing_id: int, row: sa.Row[int, int | None, bool] | None, act: str) -> Result:
    if row is None:
        return Result(listing_id, False, articles.ABSENT)
    if row.variant_id is None:
        return Result(listing_id, False, articles.UNMATCHED)
    if act == "push" and row.is_paused:
        return Result(listing_id, False, articles.PAUSED)
    if act != "push" and row.is_paused == (act == "pause"):
        return Result(listing_id, True, ACTS[act].idle)
    return Result(listing_id, True, ACTS[act].done.capitalize(), is_changed=True)


def _change(listing_ids: Sequence[int], act: str) -> None:
    if act == "push":
        articles.mark_listings(listing_ids)
        return
    db.session.execute(
        sa.update(_listing)
        .where(_listing.c.merchant_id == current_merchant_id(), among(_listing.c.id, listing_ids))
        .values(is_paused=act == "pause")
    )
