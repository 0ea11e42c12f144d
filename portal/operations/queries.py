"""What the pages of operations read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from portal.accounts.models import Merchant
from portal.core.audit.models import AuditEntry
from portal.core.database import current_merchant_id, db, merchant_scope
from portal.core.errors import NotFoundError
from portal.core.jobs import ACTIVE, Job, JobItem, RowName, kinds
from portal.core.mail import Letter, Message, read_letter
from portal.core.tenancy import PLATFORM_MERCHANT
from portal.operations.listings import quiet_kinds

ITEMS_SHOWN = 50
FAILED_COUNTED = 1_000


@dataclass(frozen=True, slots=True)
class ItemPage:
    """Failed rows of a job, what people call those that have a name, and where the next page begins."""

    items: Sequence[JobItem]
    names: Mapping[str, RowName]
    next_after: str | None


@dataclass(frozen=True, slots=True)
class MailboxLetter:
    """A letter in the demo's mailbox; None where its person was erased."""

    merchant_id: int
    id: int
    written_at: dt.datetime
    letter: Letter | None


def active_jobs() -> Sequence[Job]:
    """Jobs of the merchant that somebody waits for; at most twenty."""
    active = sa.select(Job).where(Job.state.in_(ACTIVE), Job.kind.not_in(quiet_kinds()))
    return db.session.scalars(active.order_by(Job.id.desc()).limit(20)).all()


def failed_count() -> int:
    """Mail of the merchant that failed, counted up to a thousand."""
    failed = (
        sa.select(Message.id)
        .where(Message.merchant_id == current_merchant_id(), Message.state == "failed")
        .limit(FAILED_COUNTED + 1)
    )
    return int(db.session.execute(sa.select(sa.func.count()).select_from(failed.subquery())).scalar_one())


def items_of(found: Job, *, after: str | None = None) -> ItemPage:
    """The failed rows of a job in order of their keys, from *after* on."""
    query = sa.select(JobItem).where(JobItem.job_id == found.id, JobItem.state == "failed")
    if after:
        query = query.where(JobItem.key > after)
    items = db.session.scalars(query.order_by(JobItem.key).limit(ITEMS_SHOWN + 1)).all()
    shown, has_more = items[:ITEMS_SHOWN], len(items) > ITEMS_SHOWN
    return ItemPage(shown, _names(found, shown), shown[-1].key if has_more else None)


def _names(found: Job, items: Sequence[JobItem]) -> Mapping[str, RowName]:
    """None for a kind that is gone or that has rows without ids."""
    kind = kinds().get(found.kind)
    return kind.row_names([each.key for each in items]) if kind and kind.row_names and items else {}


def entry_of(entry_id: int) -> AuditEntry:
    """An entry of the merchant's log.

    Raises:
        NotFoundError: there is none.
    """
    entry = db.session.get(AuditEntry, (current_merchant_id(), entry_id))
    if entry is None:
        raise NotFoundError("There is no such entry in the log.")
    return entry


def last_verification() -> Job | None:
    """The newest verification of the log, whatever became of it."""
    newest = sa.select(Job).where(Job.kind == "audit.verify").order_by(Job.id.desc()).limit(1)
    return db.session.scalars(newest).one_or_none()


def mailbox(at_most: int = 50) -> list[MailboxLetter]:
    """The newest messages of all merchants and of the portal itself, for the demo's mailbox only."""
    db.session.rollback()
    merchants = [
        PLATFORM_MERCHANT,
        *db.session.scalars(sa.select(Merchant.id).order_by(Merchant.id.desc()).limit(20)),
    ]
    db.session.rollback()
    found: list[MailboxLetter] = []
    for merchant_id in merchants:
        with merchant_scope(merchant_id):
            newest = sa.select(Message).order_by(Message.id.desc()).limit(at_most)
            for each in db.session.scalars(newest):
                found.append(MailboxLetter(each.merchant_id, each.id, each.created_at, read_letter(each)))
            db.session.rollback()
    return sorted(found, key=lambda each: each.id, reverse=True)[:at_most]
