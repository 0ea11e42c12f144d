"""Bring a level and its sources together again, by movements a person answers for.

Nothing is rewritten. Where the level holds units that no movement explains, a movement says so; where the figure itself
is wrong, a second movement corrects it. Afterwards the ledger gives the level again, and tells how it came to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from portal.core import audit
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError, NotFoundError
from portal.stock.models import StockFinding, StockLevel, StockMovement, StockReason
from portal.stock.moving import (
    COUNTERS,
    DAMAGED,
    KEPT,
    PROMISED,
    InsufficientStockError,
    Move,
    apply_moves,
    hold,
)
from portal.stock.replaying import HOLDERS, LEDGER
from portal.stock.sources import parts_of_level, sources_of
from portal.stock.spreading import taken_from

CAUSE: Final = "verification"
KIND: Final = "repaired"
TARGETS: Final = ("ledger", "level", "holders")

_level: Final = StockLevel.__table__
_moved: Final = StockMovement.__table__


@dataclass(frozen=True, slots=True)
class Way:
    """One way to settle a difference: the figure that will stand, and the movements that lead there."""

    target: str
    units: int
    explained: int
    corrected: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """A difference as it stands now, and the ways to settle it, the recommended one first; none when it is gone."""

    finding: StockFinding
    level_units: int
    ledger_units: int
    holder_units: int | None
    ways: list[Way]

    @property
    def is_stale(self) -> bool:
        """Whether the figures have moved since it was found."""
        return not self.ways


def finding_of(finding_id: int) -> StockFinding:
    """A difference of the merchant in scope.

    Raises:
        NotFoundError: there is none.
    """
    found = db.session.get(StockFinding, (current_merchant_id(), finding_id))
    if found is None:
        raise NotFoundError("There is no such difference.")
    return found


def propose(finding: StockFinding) -> Proposal:
    """What the figures say now, and how to bring them together."""
    level, ledger = _level_units(finding), _ledger_units(finding)
    holders = _holder_units(finding)
    same = level - ledger if finding.source == LEDGER else level - (holders or 0)
    ways: list[Way] = []
    if finding.state == "open" and finding.source in (LEDGER, HOLDERS):
        gap = finding.level_units - finding.source_units
        if gap and same == gap:
            ways = _ways(finding, level, ledger, holders)
    return Proposal(finding, level, ledger, holders, ways)


def repair(finding_id: int, target: str, *, reason_id: int | None, note: str | None, by: Actor) -> None:
    """Settle a difference in one of the proposed ways.

    Raises:
        ConflictError: the figures have moved since it was found, or somebody settled it.
        DomainError: no reason is given, or the level cannot hold the figure.
    """
    if reason_id is None or (
        db.session.scalar(sa.select(StockReason.is_active).where(StockReason.id == reason_id)) is not True
    ):
        raise DomainError(
            "Choose a reason: a repair is a judgement, and the ledger keeps it.", field="reason_id"
        )
    finding = db.session.scalars(
        sa.select(StockFinding).where(StockFinding.id == finding_id).with_for_update()
    ).one()
    _hold(finding)
    way = next((each for each in propose(finding).ways if each.target == target), None)
    if way is None:
        raise ConflictError(
            "The figures have moved since this was found. Verify the stock again, then repair."
        )
    said = {"cause_id": finding.verification_id, "reason_id": reason_id, "note": note}
    if way.explained:
        _explain(finding, way.explained, by, **said)
    if way.corrected:
        try:
            apply_moves(_corrections(finding, way.corrected, **said), by=by)
        except InsufficientStockError as error:
            raise DomainError(
                f"The level cannot hold {way.units:,}: more is promised than would be on hand. Release promises first,"
                " or keep the level's figure.",
                field="target",
            ) from error
    finding.state, finding.settled_at, finding.settled_by = "repaired", sa.func.now(), by.id
    db.session.flush()
    audit.record(
        "stock.repaired",
        by=by,
        subject=("variant", finding.variant_id),
        before={"location_id": finding.location_id, finding.counter: finding.level_units},
        after={
            "location_id": finding.location_id,
            finding.counter: way.units,
            "target": target,
            "reason_id": reason_id,
        },
    )


def _ways(finding: StockFinding, level: int, ledger: int, holders: int | None) -> list[Way]:
    figures = {"holders": holders, "ledger": ledger, "level": level}
    if finding.source == HOLDERS:
        # Level and ledger agree; only those who hold the units can be right.
        figures = {"holders": holders}
    ways = [
        Way(target, units, level - ledger if finding.source == LEDGER else 0, units - level)
        for target, units in figures.items()
        if units is not None
    ]
    return [way for n, way in enumerate(ways) if way.units not in {each.units for each in ways[:n]}]


def _of_level(table: sa.Table, finding: StockFinding) -> list[sa.ColumnElement[bool]]:
    where = [
        table.c.merchant_id == current_merchant_id(),
        table.c.variant_id == finding.variant_id,
        table.c.location_id == finding.location_id,
    ]
    return where if finding.slot is None else [*where, table.c.slot == finding.slot]


def _hold(finding: StockFinding) -> None:
    """All slots, in the order in which levels are locked everywhere; a level that was deleted is made again."""
    slots = db.session.scalars(
        sa.select(_level.c.slot).where(
            _level.c.merchant_id == current_merchant_id(),
            _level.c.variant_id == finding.variant_id,
            _level.c.location_id == finding.location_id,
        )
    )
    wanted = {*slots, finding.slot or 0}
    hold([(finding.variant_id, finding.location_id, slot) for slot in sorted(wanted)])


def _level_units(finding: StockFinding) -> int:
    column = _level.c[finding.counter]
    return int(
        db.session.execute(
            sa.select(sa.func.coalesce(sa.func.sum(column), 0)).where(*_of_level(_level, finding))
        ).scalar_one()
    )


def _ledger_units(finding: StockFinding) -> int:
    summed: sa.ColumnElement[Any]
    if finding.counter == DAMAGED:
        summed = sa.func.sum(_moved.c.unavailable_delta).filter(_moved.c.unavailable_kind == DAMAGED)
    else:
        summed = sa.func.sum(_moved.c[f"{finding.counter}_delta"])
    return int(
        db.session.execute(
            sa.select(sa.func.coalesce(summed, 0)).where(*_of_level(_moved, finding))
        ).scalar_one()
    )


def _holder_units(finding: StockFinding) -> int | None:
    """What orders, reservations or papers hold; None where nobody does, or where the level is but one slot of several."""
    sources = sources_of(finding.counter)
    if not sources:
        return None
    if finding.slot is not None and _has_slots(finding):
        return None
    return sum(parts_of_level(source, finding.variant_id, finding.location_id)[2] for source in sources)


def _has_slots(finding: StockFinding) -> bool:
    slots = db.session.execute(
        sa.select(sa.func.count()).where(
            _level.c.merchant_id == current_merchant_id(),
            _level.c.variant_id == finding.variant_id,
            _level.c.location_id == finding.location_id,
        )
    ).scalar_one()
    return int(slots) > 1


def _explain(finding: StockFinding, units: int, by: Actor, **said: Any) -> None:
    """The movement for what the level holds already: the ledger moves, the level does not."""
    level = dict(
        db.session.execute(sa.select(*(_level.c[name] for name in KEPT)).where(*_of_level(_level, finding)))
        .mappings()
        .one()
    )
    kept = {
        "on_hand_after": level["on_hand"],
        "promised_after": sum(level[name] for name in PROMISED),
        "incoming_after": level["incoming"],
    }
    db.session.execute(
        sa.insert(_moved),
        [
            {
                "merchant_id": current_merchant_id(),
                "variant_id": move.variant_id,
                "location_id": move.location_id,
                "slot": move.slot,
                "kind": move.kind,
                "cause_kind": move.cause_kind,
                "cause_id": move.cause_id,
                "actor_kind": by.kind,
                "actor_id": by.id,
                "reason_id": move.reason_id,
                "note": move.note,
                "unavailable_kind": (move.unavailable_kind or "quarantine") if move.unavailable else None,
                **{f"{name}_delta": getattr(move, name) for name in COUNTERS},
                **kept,
            }
            for move in _moves(finding, finding.slot or 0, units, **said)
        ],
    )


def _corrections(finding: StockFinding, units: int, **said: Any) -> list[Move]:
    """The moves that bring the level to its figure, from slots that can give the units."""
    if finding.slot is not None:
        return _moves(finding, finding.slot, units, **said)
    if units < 0:
        parts = taken_from(finding.variant_id, finding.location_id, -units, finding.counter)  # type: ignore[arg-type]
        return [move for slot, taken in parts for move in _moves(finding, slot, -taken, **said)]
    if finding.counter == "incoming":
        return _moves(finding, 0, units, **said)
    parts = taken_from(finding.variant_id, finding.location_id, units, "available")
    return [move for slot, taken in parts for move in _moves(finding, slot, taken, **said)]


def _moves(finding: StockFinding, slot: int, units: int, **said: Any) -> list[Move]:
    def move(**values: Any) -> Move:
        return Move(
            finding.variant_id, finding.location_id, KIND, slot=slot, cause_kind=CAUSE, **said, **values
        )

    if finding.counter == DAMAGED:
        return [
            move(unavailable=units, unavailable_kind=DAMAGED),
            move(unavailable=-units, unavailable_kind="quarantine"),
        ]
    return [move(**{finding.counter: units})]
