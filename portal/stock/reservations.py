"""Keep units for someone who has not ordered yet: until a moment, under the holder's own key.

Asking again under the same key makes the reservation what is asked for now, and renews it; so a basket that changes,
a request sent twice and a page left open are one call. What ran out goes back on sale by ``expire_due``.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from portal.core import audit
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError, NotFoundError
from portal.stock.demand import note_demand
from portal.stock.models import StockReservation, StockReservationLine
from portal.stock.moving import Level, Move, apply_moves
from portal.stock.promises import TakeBack
from portal.stock.routing.planning import Case, Want, plan
from portal.stock.routing.rules import promise_terms
from portal.stock.supply import Supply, hold_supply

EXPIRED_AT_ONCE: Final = 500
LONGEST_KEY: Final = 120
MOST_MINUTES: Final = 43_200

_head: Final = StockReservation.__table__
_line: Final = StockReservationLine.__table__


class NotEnoughUnitsError(ConflictError):
    """Fewer units are there than were to be kept; ``missing`` is units by line number."""

    def __init__(self, skus: Sequence[str], missing: Mapping[int, int]) -> None:
        super().__init__(f"There are not enough units left of {', '.join(skus)}.")
        self.missing = dict(missing)


@dataclass(frozen=True, slots=True)
class Held:
    """A reservation as it was made; ``missing`` is units by line number that could not be kept."""

    id: int
    key: str
    expires_at: dt.datetime
    missing: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Kept:
    """A reservation that holds, its row locked, with its units by level."""

    id: int
    key: str
    levels: Mapping[Level, int]


def reserve(
    key: str,
    wants: Sequence[Want],
    *,
    holder: str,
    holder_id: int | None = None,
    case: Case | None = None,
    minutes: int | None = None,
    buffer: int = 0,
    instead_of: Sequence[Kept] = (),
    whole: bool = True,
    by: Actor,
) -> Held:
    """Keep exactly *wants* under *key* for so many minutes, within the caller's transaction.

    Args:
        key: the holder's own; while it holds, the same key is the same reservation.
        case: what routing may ask about, as far as it is known.
        minutes: how long; the merchant's setting for baskets where it is not said.
        buffer: units of each variant that stay for others.
        instead_of: reservations that end with this one, their units used first.
        whole: all or nothing; else what is there is kept and the rest is said.

    Raises:
        DomainError: the key is empty or too long, or the time is none.
        NotEnoughUnitsError: *whole*, and too few units are there; roll back.
    """
    terms = promise_terms()
    expires_at = lasting(key, minutes or terms.basket_minutes)
    case = case or Case()
    reservation_id = _hold_head(key, holder, holder_id, case.channel_id, expires_at)
    before = _levels_of([reservation_id])
    own: Counter[Level] = Counter(before)
    for each in instead_of:
        own.update(each.levels)
    needs = _needs(wants, buffer)
    note_demand(needs)
    supply = hold_supply(needs, dict(own))
    found = plan(wants, supply.free(buffer), supply.places, terms.rules, case)
    if found.missing and whole:
        raise NotEnoughUnitsError([want.sku for want in wants if want.line_n in found.missing], found.missing)
    now = _take(found.picks, supply)
    apply_moves([_move(level, now[level] - own[level], reservation_id) for level in sorted(now | own)], by=by)
    if now != before:
        _write_lines(reservation_id, now)
    for each in instead_of:
        end_reservation(each, "used")
    return Held(reservation_id, key, expires_at, found.missing)


def renew(key: str, *, minutes: int | None = None) -> dt.datetime:
    """Keep a reservation for longer, because its holder is active; gives until when.

    Raises:
        NotFoundError: nothing is kept under the key any more.
    """
    expires_at = lasting(key, minutes or promise_terms().basket_minutes)
    renewed = db.session.execute(
        sa.update(_head)
        .where(*_held(), _head.c.key == key)
        .values(expires_at=sa.func.greatest(_head.c.expires_at, expires_at))
        .returning(_head.c.expires_at)
    ).scalar_one_or_none()
    if renewed is None:
        raise NotFoundError("This reservation has run out. Its units are on sale again.")
    return renewed  # type: ignore[no-any-return]


def release(key: str, *, by: Actor) -> bool:
    """Put the units of a reservation back on sale; gives whether anything was kept under the key."""
    found = kept_under(key)
    if found is None:
        return False
    _give_back([found], "released", by)
    return True


def release_by_hand(reservation_id: int, *, by: Actor) -> None:
    """Someone decides that units are not to be kept any longer.

    Raises:
        ConflictError: the reservation ended already.
    """
    key = db.session.execute(
        sa.select(_head.c.key).where(
            _head.c.merchant_id == current_merchant_id(), _head.c.id == reservation_id
        )
    ).scalar_one_or_none()
    found = kept_under(key) if key is not None else None
    if found is None or found.id != reservation_id:
        raise ConflictError("This reservation has ended already; its units are not kept any more.")
    _give_back([found], "released", by)
    audit.record(
        action="stock.reservation_released",
        by=by,
        subject=("reservation", reservation_id),
        before={"key": found.key, "units": sum(found.levels.values())},
    )


def expire_due(*, by: Actor) -> int:
    """Put back on sale what was kept until now at most; a batch. Gives how many reservations ended."""
    rows = db.session.execute(
        sa.select(_head.c.id, _head.c.key)
        .where(*_held(), _head.c.expires_at <= sa.func.now())
        .order_by(_head.c.expires_at)
        .limit(EXPIRED_AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()
    levels = _levels_by_reservation([row.id for row in rows])
    _give_back([Kept(row.id, row.key, levels.get(row.id, {})) for row in rows], "expired", by)
    return len(rows)


def kept_under(key: str) -> Kept | None:
    """The reservation that holds under a key, locked until the transaction ends."""
    found = db.session.execute(
        sa.select(_head.c.id).where(*_held(), _head.c.key == key).with_for_update()
    ).scalar_one_or_none()
    return None if found is None else Kept(found, key, _levels_of([found]))


def end_reservation(kept: Kept, state: str) -> None:
    """A reservation holds no more; its units were moved by the caller."""
    _end([kept.id], state)


def lasting(key: str, minutes: int) -> dt.datetime:
    """Until when a reservation of so many minutes lasts.

    Raises:
        DomainError: the key is empty or too long, or the time is none.
    """
    if not key.strip() or len(key) > LONGEST_KEY or "\0" in key:
        raise DomainError(f"A reservation needs a key of 1 to {LONGEST_KEY} characters.", field="key")
    if not 1 <= minutes <= MOST_MINUTES:
        raise DomainError("Units can be kept for one minute up to thirty days.", field="minutes")
    return utc_now() + dt.timedelta(minutes=minutes)


def take_back_reserved(asked: TakeBack, *, by: Actor) -> int:
    """Give up kept units of a level that turned out not to be there: baskets first, the youngest of them first."""
    rows = db.session.execute(
        sa.select(_line.c.reservation_id, _line.c.n, _line.c.slot, _line.c.quantity)
        .join(
            _head,
            sa.and_(_head.c.merchant_id == _line.c.merchant_id, _head.c.id == _line.c.reservation_id),
        )
        .where(
            *_held(),
            _line.c.merchant_id == current_merchant_id(),
            _line.c.variant_id == asked.variant_id,
            _line.c.location_id == asked.location_id,
        )
        .order_by(sa.case((_head.c.holder == "basket", 0), else_=1), _line.c.reservation_id.desc())
        .limit(asked.units)
        .with_for_update(of=_line)
    ).all()
    left, moves = asked.units, []
    for row in rows:
        taken = min(left, row.quantity)
        if not taken:
            break
        left -= taken
        moves.append(
            Move(
                asked.variant_id,
                asked.location_id,
                "released",
                reserved=-taken,
                slot=row.slot,
                cause_kind=asked.cause_kind,
                cause_id=asked.cause_id,
            )
        )
        _shrink(row.reservation_id, row.n, row.quantity, taken)
    apply_moves(moves, by=by)
    return asked.units - left


def _held() -> tuple[sa.ColumnElement[bool], ...]:
    return (_head.c.merchant_id == current_merchant_id(), _head.c.state == "held")


# One statement finds or makes the row and locks it: two requests with one key wait for each other here.
_UPSERT: Final = sa.text("""
    INSERT INTO stock_reservation AS r (merchant_id, key, holder, holder_id, channel_id, unit_count, expires_at)
    VALUES (:merchant, :key, :holder, CAST(:holder_id AS bigint), CAST(:channel AS bigint), 0, :expires_at)
    ON CONFLICT (merchant_id, key) WHERE state = 'held'
    DO UPDATE SET expires_at = greatest(r.expires_at, excluded.expires_at)
    RETURNING r.id""")


def _hold_head(
    key: str, holder: str, holder_id: int | None, channel_id: int | None, expires_at: dt.datetime
) -> int:
    return int(
        db.session.execute(
            _UPSERT,
            {
                "merchant": current_merchant_id(),
                "key": key,
                "holder": holder,
                "holder_id": holder_id,
                "channel": channel_id,
                "expires_at": expires_at,
            },
        ).scalar_one()
    )


def _needs(wants: Sequence[Want], buffer: int) -> dict[int, int]:
    needs: Counter[int] = Counter()
    for want in wants:
        for variant_id, units in want.parts.items():
            needs[variant_id] += units * want.quantity
    return {variant_id: units + buffer for variant_id, units in needs.items()}


def _take(picks: Sequence[Any], supply: Supply) -> Counter[Level]:
    now: Counter[Level] = Counter()
    for pick in picks:
        for part in supply.take(pick.variant_id, pick.location_id, pick.units):
            now[part.level] += part.units
    return now


def _move(level: Level, delta: int, reservation_id: int) -> Move:
    return Move(
        level[0],
        level[1],
        "reserved" if delta > 0 else "released",
        reserved=delta,
        slot=level[2],
        cause_kind="reservation",
        cause_id=reservation_id,
    )


def _write_lines(reservation_id: int, levels: Mapping[Level, int]) -> None:
    merchant_id = current_merchant_id()
    db.session.execute(
        sa.delete(_line).where(_line.c.merchant_id == merchant_id, _line.c.reservation_id == reservation_id)
    )
    rows = [
        {
            "merchant_id": merchant_id,
            "reservation_id": reservation_id,
            "n": n,
            "variant_id": level[0],
            "location_id": level[1],
            "slot": level[2],
            "quantity": units,
        }
        for n, (level, units) in enumerate(sorted(levels.items()), 1)
    ]
    if rows:
        db.session.execute(sa.insert(_line), rows)
    db.session.execute(
        sa.update(_head)
        .where(_head.c.merchant_id == merchant_id, _head.c.id == reservation_id)
        .values(unit_count=sum(levels.values()))
    )


def _levels_of(reservation_ids: Sequence[int]) -> dict[Level, int]:
    summed: Counter[Level] = Counter()
    for levels in _levels_by_reservation(reservation_ids).values():
        summed.update(levels)
    return dict(summed)


def _levels_by_reservation(reservation_ids: Sequence[int]) -> dict[int, dict[Level, int]]:
    found: dict[int, dict[Level, int]] = {}
    if not reservation_ids:
        return found
    rows = db.session.execute(
        sa.select(_line).where(
            _line.c.merchant_id == current_merchant_id(), _line.c.reservation_id.in_(reservation_ids)
        )
    )
    for row in rows:
        found.setdefault(row.reservation_id, {})[row.variant_id, row.location_id, row.slot] = row.quantity
    return found


def _give_back(kept: Sequence[Kept], state: str, by: Actor) -> None:
    apply_moves(
        [_move(level, -units, each.id) for each in kept for level, units in sorted(each.levels.items())],
        by=by,
    )
    _end([each.id for each in kept], state)


def _end(reservation_ids: Sequence[int], state: str) -> None:
    if reservation_ids:
        db.session.execute(
            sa.update(_head)
            .where(_head.c.merchant_id == current_merchant_id(), _head.c.id.in_(reservation_ids))
            .values(state=state, ended_at=sa.func.now())
        )


def _shrink(reservation_id: int, n: int, quantity: int, taken: int) -> None:
    own = (
        _line.c.merchant_id == current_merchant_id(),
        _line.c.reservation_id == reservation_id,
        _line.c.n == n,
    )
    if taken == quantity:
        db.session.execute(sa.delete(_line).where(*own))
    else:
        db.session.execute(sa.update(_line).where(*own).values(quantity=quantity - taken))
    db.session.execute(
        sa.update(_head)
        .where(_head.c.merchant_id == current_merchant_id(), _head.c.id == reservation_id)
        .values(unit_count=_head.c.unit_count - taken)
    )
