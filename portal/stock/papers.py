"""What transfers, purchase orders and counts have in common: numbers, versions, dates, names of variants."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from portal.accounts.models import User
from portal.catalog import typed
from portal.catalog.models import Product, Variant
from portal.catalog.queries import history
from portal.core.announcing import announce
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError
from portal.stock.models import Location, StockReason, StockSeries
from portal.stock.scanning import WITH_PRODUCT, Scanned

FIRST: Final = 1
ACTS: Final = {
    "transfer.created": ("Drafted", "edit"),
    "transfer.changed": ("Changed", "edit"),
    "transfer.line_set": ("Line set", "edit"),
    "transfer.sent": ("Sent", "truck"),
    "transfer.received": ("Received", "inbox"),
    "transfer.cancelled": ("Cancelled", "ban"),
    "purchase.created": ("Drafted", "edit"),
    "purchase.changed": ("Changed", "edit"),
    "purchase.line_set": ("Line set", "edit"),
    "purchase.lines_proposed": ("Lines taken from what is to order", "shopping-cart"),
    "purchase.ordered": ("Ordered", "send"),
    "purchase.mailed": ("Sent by mail", "mail"),
    "purchase.received": ("Received", "inbox"),
    "purchase.closed": ("Closed", "check"),
    "purchase.cancelled": ("Cancelled", "ban"),
    "count.begun": ("Begun", "barcode"),
    "count.closed": ("Counting ended", "list-check"),
    "count.reopened": ("Counting goes on", "rotate-clockwise"),
    "count.line_changed": ("Line changed in review", "edit"),
    "count.approved": ("Approved", "shield-check"),
    "count.applied": ("Applied", "circle-check"),
    "count.cancelled": ("Cancelled", "ban"),
    "supplier.created": ("Added", "plus"),
    "supplier.changed": ("Changed", "edit"),
    "supplier.deactivated": ("Put away", "ban"),
    "supplier.activated": ("Used again", "check"),
    "supplier.item_saved": ("Item saved", "tag"),
    "supplier.item_removed": ("Item taken off", "trash"),
}
MOST_LINES: Final = 1_000

_series: Final = StockSeries.__table__
_variant: Final = Variant.__table__.c
_product: Final = Product.__table__.c


class ChangedMeanwhileError(ConflictError):
    """The paper is not what the person saw any more; nothing was changed."""

    def __init__(self, noun: str) -> None:
        super().__init__(
            f"Someone changed this {noun} since you opened it. Nothing was done; look at it as it is now, then decide."
        )


def take_number(kind: str) -> int:
    """The next number of a kind of paper. Papers of one kind wait for each other until the commit."""
    statement = postgresql.insert(_series).values(
        merchant_id=current_merchant_id(), kind=kind, next_value=FIRST + 1
    )
    taken = db.session.execute(
        statement.on_conflict_do_update(
            index_elements=["merchant_id", "kind"], set_={"next_value": _series.c.next_value + 1}
        ).returning(_series.c.next_value)
    ).scalar_one()
    return int(taken) - 1


def require_version(version: int, seen: int, noun: str) -> None:
    """Refuse an act on a paper that is newer than the page it was asked from.

    Raises:
        ChangedMeanwhileError: it is.
    """
    if version != seen:
        raise ChangedMeanwhileError(noun)


def require_place(location_id: int | None, field: str) -> int:
    """A location in use.

    Raises:
        DomainError: none was chosen, or it is not in use any more.
    """
    if location_id is None:
        raise DomainError("Choose a location.", field=field)
    if db.session.scalar(sa.select(Location.is_active).where(Location.id == location_id)) is not True:
        raise DomainError("This location is not in use any more.", field=field)
    return location_id


def require_reason(reason_id: int | None, field: str = "reason_id") -> None:
    """A reason that is offered, where one is given.

    Raises:
        DomainError: it is not offered any more.
    """
    if (
        reason_id is not None
        and db.session.scalar(sa.select(StockReason.is_active).where(StockReason.id == reason_id)) is not True
    ):
        raise DomainError("This reason is not in use any more.", field=field)


def typed_key(value: Any, field: str, label: str) -> int | None:
    """The key a choice stands for, or None.

    Raises:
        DomainError: it is no number.
    """
    return typed.whole(typed.text_of(value), field, label, least=1, most=10**12)


def typed_day(value: Any, field: str, label: str) -> dt.date | None:
    """A day of this or a coming year.

    Raises:
        DomainError: it is none.
    """
    day = typed.date(typed.text_of(value), field, label)
    if day is not None and not 2000 <= day.year <= 2100:
        raise DomainError(f"{label} is a day, such as 2026-05-03.", field=field)
    return day


def typed_note(value: Any) -> str | None:
    """A note of a few lines.

    Raises:
        DomainError: it is too long.
    """
    return typed.long_text(value, "note", "A note", most=2_000) or None


def names_of(variant_ids: Iterable[int]) -> dict[int, Scanned]:
    """SKU and titles of variants, in one statement."""
    wanted = sorted(set(variant_ids))
    if not wanted:
        return {}
    rows = db.session.execute(
        sa.select(
            _variant.id,
            _variant.sku,
            _variant.title.label("variant"),
            _product.title.label("product"),
            _variant.is_stocked,
        )
        .select_from(WITH_PRODUCT)
        .where(_variant.merchant_id == current_merchant_id(), _variant.id.in_(wanted))
    )
    return {row.id: Scanned(row.id, row.sku, row.product, row.variant, row.is_stocked) for row in rows}


def place_names(location_ids: Iterable[int]) -> dict[int, str]:
    """Names of locations."""
    wanted = sorted(set(location_ids))
    rows = db.session.execute(sa.select(Location.id, Location.name).where(Location.id.in_(wanted)))
    return {row.id: row.name for row in rows}


def people_names(user_ids: Iterable[int | None]) -> dict[int, str]:
    """Names of users of the portal."""
    wanted = sorted({key for key in user_ids if key is not None})
    if not wanted:
        return {}
    return {
        row.id: row.name
        for row in db.session.execute(sa.select(User.id, User.name).where(User.id.in_(wanted)))
    }


def happened(kind: str, key: int, most: int = 40) -> list[dict[str, Any]]:
    """What was done to a paper, newest first, as a timeline shows it."""
    entries: list[dict[str, Any]] = []
    for entry in history(kind, key, most):
        words, icon = ACTS.get(entry.action, (entry.action.partition(".")[2].capitalize(), "history"))
        last = entries[-1] if entries else None
        if last is not None and (last["words"], last["who"]) == (words, entry.actor_name):
            # Thirty lines set one after the other are one thing that happened; two entries of one moment are one act.
            if entry.at != last["from"]:
                last["from"] = entry.at
                last["times"] += 1
                last["text"] = f"{words}, {last['times']} times"
            continue
        entries.append(
            {
                "at": entry.at,
                "from": entry.at,
                "text": words,
                "words": words,
                "times": 1,
                "icon": icon,
                "who": entry.actor_name,
            }
        )
    return entries


def tell(
    action: str,
    subject: tuple[str, int],
    *,
    by: Actor,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str | None = None,
) -> None:
    """Log a change of a paper and publish it, in the caller's transaction."""
    announce(
        action,
        by=by,
        subject=subject,
        before=before,
        after=after,
        reason=reason,
        key=f"{subject[0]}:{subject[1]}",
        payload={f"{subject[0]}_id": subject[1]},
    )
