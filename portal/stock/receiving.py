"""Receipts: units booked in against a transfer or a purchase order, each form once."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Final, Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from portal.catalog import typed
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.core.ids import time_of
from portal.stock.models import StockReason, StockReceipt, StockReceiptLine
from portal.stock.papers import names_of, people_names, typed_key
from portal.stock.queries import reasons
from portal.stock.scanning import MOST_SCANNED, Scanned

MOST_RECEIPTS: Final = 50
PARTS: Final = ("good", "damaged", "missing", "extra")
Source = Literal["transfer", "purchase"]

_receipt: Final = StockReceipt.__table__
_line: Final = StockReceiptLine.__table__


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a person says of one variant: units that arrived good or damaged, that never will, that came unasked."""

    variant_id: int
    good: int = 0
    damaged: int = 0
    missing: int = 0
    extra: int = 0
    reason_id: int | None = None

    @property
    def differs(self) -> bool:
        """Whether it is not just what was expected."""
        return bool(self.damaged or self.missing or self.extra)

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing."""
        return not (self.good or self.damaged or self.missing or self.extra)


def begin_receipt(
    token: uuid.UUID, source: Source, source_id: int, arrivals: Sequence[Arrival], *, by: Actor
) -> int | None:
    """Take the token; gives the key of the new receipt, or None when this form was booked before.

    Raises:
        DomainError: the token was booked with other numbers, or nothing was entered.
    """
    said = [arrival for arrival in arrivals if not arrival.is_empty]
    if not said:
        # "Everything outstanding", sent twice: the first one left nothing outstanding for the second to say.
        if _digest_of(token) is not None:
            return None
        raise DomainError("Enter how many units arrived of at least one variant.")
    digest = _digest(source, source_id, said)
    made = db.session.execute(
        postgresql.insert(_receipt)
        .values(
            merchant_id=current_merchant_id(),
            token=token,
            source_kind=source,
            source_id=source_id,
            digest=digest,
            actor_kind=by.kind,
            actor_id=by.id,
        )
        .on_conflict_do_nothing(index_elements=["merchant_id", "token"])
        .returning(_receipt.c.id)
    ).scalar_one_or_none()
    if made is not None:
        return int(made)
    if _digest_of(token) != digest:
        raise DomainError(
            "This form was booked before with other numbers. Look at what is outstanding, then enter the rest."
        )
    return None


def write_lines(receipt_id: int, arrivals: Sequence[Arrival], costs: Mapping[int, Decimal | None]) -> None:
    """Keep what a receipt said, with the cost of a unit where it is known."""
    db.session.execute(
        sa.insert(_line),
        [
            {
                "merchant_id": current_merchant_id(),
                "receipt_id": receipt_id,
                "variant_id": arrival.variant_id,
                "good": arrival.good,
                "damaged": arrival.damaged,
                "missing": arrival.missing,
                "extra": arrival.extra,
                "reason_id": arrival.reason_id,
                "unit_cost": costs.get(arrival.variant_id),
            }
            for arrival in arrivals
            if not arrival.is_empty
        ],
    )


def arrivals_from(
    form: Mapping[str, str], variant_ids: Sequence[int], parts: Sequence[str] = PARTS
) -> list[Arrival]:
    """What the table of a receipt says: a field ``good-<variant>`` and so on per line, one reason for the form.

    Raises:
        DomainError: a field is no number, or something differs and no reason was chosen.
    """
    reason_id = typed_key(form.get("reason_id", ""), "reason_id", "The reason")
    found = []
    for variant_id in variant_ids:
        units = {part: _units(form, part, variant_id) for part in parts}
        arrival = Arrival(variant_id, **units)
        if arrival.differs:
            if reason_id is None:
                raise DomainError(
                    "Choose a reason: some units are damaged, missing or more than expected.",
                    field="reason_id",
                )
            arrival = Arrival(variant_id, **units, reason_id=reason_id)
        found.append(arrival)
    return found


def added_up(arrivals: Iterable[Arrival]) -> list[Arrival]:
    """One arrival per variant, where a form names one in its table and once more beside it."""
    found: dict[int, Arrival] = {}
    for one in arrivals:
        before = found.get(one.variant_id)
        if before is not None:
            units = {part: getattr(before, part) + getattr(one, part) for part in PARTS}
            one = Arrival(one.variant_id, **units, reason_id=one.reason_id or before.reason_id)
        found[one.variant_id] = one
    return list(found.values())


def reason_choices() -> list[tuple[str, str]]:
    """The reasons that are offered for differences, with none in front."""
    return [("", "No difference"), *((str(reason.id), reason.label) for reason in reasons(active=True))]


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt as the page of its paper shows it."""

    id: int
    at: dt.datetime
    who: str | None
    lines: list[tuple[Scanned, Arrival, str | None]]


def receipts_of(source: Source, source_id: int) -> list[Receipt]:
    """The last receipts of a paper, newest first."""
    heads = db.session.execute(
        sa.select(_receipt.c.id, _receipt.c.actor_kind, _receipt.c.actor_id)
        .where(
            _receipt.c.merchant_id == current_merchant_id(),
            _receipt.c.source_kind == source,
            _receipt.c.source_id == source_id,
        )
        .order_by(_receipt.c.id.desc())
        .limit(MOST_RECEIPTS)
    ).all()
    if not heads:
        return []
    rows = db.session.execute(
        sa.select(_line)
        .where(
            _line.c.merchant_id == current_merchant_id(), _line.c.receipt_id.in_([head.id for head in heads])
        )
        .order_by(_line.c.receipt_id, _line.c.variant_id)
    ).all()
    names = names_of(row.variant_id for row in rows)
    people = people_names(head.actor_id for head in heads if head.actor_kind == "user")
    why = _reasons({row.reason_id for row in rows if row.reason_id is not None})
    lines: dict[int, list[tuple[Scanned, Arrival, str | None]]] = {head.id: [] for head in heads}
    for row in rows:
        arrival = Arrival(row.variant_id, row.good, row.damaged, row.missing, row.extra, row.reason_id)
        lines[row.receipt_id].append((names[row.variant_id], arrival, why.get(row.reason_id)))
    return [Receipt(head.id, time_of(head.id), people.get(head.actor_id), lines[head.id]) for head in heads]


def _digest_of(token: uuid.UUID) -> str | None:
    """What was booked under a token."""
    return db.session.scalar(
        sa.select(_receipt.c.digest).where(
            _receipt.c.merchant_id == current_merchant_id(), _receipt.c.token == token
        )
    )


def _units(form: Mapping[str, str], part: str, variant_id: int) -> int:
    name = f"{part}-{variant_id}"
    return typed.whole(form.get(name, ""), name, "The number of units", most=MOST_SCANNED) or 0


def _reasons(keys: set[int]) -> dict[int, str]:
    if not keys:
        return {}
    return {
        row.id: row.label
        for row in db.session.execute(
            sa.select(StockReason.id, StockReason.label).where(StockReason.id.in_(keys))
        )
    }


def _digest(source: Source, source_id: int, arrivals: Sequence[Arrival]) -> str:
    said: list[dict[str, Any]] = sorted(
        (asdict(one) for one in arrivals), key=lambda one: int(one["variant_id"])
    )
    return hashlib.sha256(json.dumps([source, source_id, said]).encode()).hexdigest()
