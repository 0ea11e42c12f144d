"""Work of promises that comes round: what ran out goes back on sale, hot variants are spread and gathered."""

from __future__ import annotations

import datetime as dt
from typing import Final

import sqlalchemy as sa

from portal.core.audit import SYSTEM, Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db, merchant_scope
from portal.core.errors import DomainError
from portal.core.ids import floor_at
from portal.core.jobs import JobRun, enqueue, job
from portal.stock.demand import HEAT_JOB
from portal.stock.heat import cool_variant, heat_variant
from portal.stock.models import HotVariant, StockMovement, StockReservation
from portal.stock.reservations import expire_due
from portal.stock.routing.rules import promise_terms

# A variant that became hot by itself and that nobody wanted for so long is gathered again.
CALM: Final = dt.timedelta(minutes=15)
KEPT: Final = dt.timedelta(days=14)
FORGOTTEN_AT_ONCE: Final = 1_000

_hot: Final = HotVariant.__table__
_moved: Final = StockMovement.__table__
_reservation: Final = StockReservation.__table__


@job(
    "stock.expire",
    title="Put back what was kept too long",
    permission="stock.view",
    queue="quick",
    quiet=True,
    urgent=True,
)
def run_expire(run: JobRun) -> None:
    """Reservations that ran out, batch by batch."""
    done = 0
    while ended := expire_due(by=_actor(run)):
        done += ended
        run.commit(done=done)


def expire_reservations() -> None:
    """Ring for each merchant whose reservations ran out; the timetable calls this every ten seconds."""
    _for_each("SELECT merchants_with_expired_reservations()", "stock.expire", "expire")


@job(HEAT_JOB, title="Spread a hot variant", permission="stock.view", queue="quick", quiet=True, urgent=True)
def run_heat(run: JobRun) -> None:
    """Spread a variant that is in sudden demand, where the merchant lets that happen by itself."""
    terms = promise_terms()
    if not terms.heats_by_itself:
        return
    try:
        heat_variant(int(run.args["variant_id"]), terms.hot_slots, is_automatic=True, by=_actor(run))
    except DomainError:
        # It became a bundle, or is not counted any more.
        db.session.rollback()


@job(
    "stock.cool",
    title="Gather variants that are hot no more",
    permission="stock.view",
    queue="quick",
    quiet=True,
)
def run_cool(run: JobRun) -> None:
    """Gather what became hot by itself and was left alone since; forget reservations that ended long ago."""
    for variant_id in db.session.scalars(
        sa.select(_hot.c.variant_id)
        .where(
            _hot.c.merchant_id == current_merchant_id(),
            _hot.c.is_automatic,
            _hot.c.wanted_at < utc_now() - CALM,
        )
        .order_by(_hot.c.variant_id)
    ).all():
        if _is_wanted(variant_id):
            _still_wanted(variant_id)
        else:
            cool_variant(variant_id, by=_actor(run))
        run.commit(done=run.done + 1)


def cool_variants() -> None:
    """Ring for each merchant with variants to look at; the timetable calls this every few minutes."""
    _for_each("SELECT merchants_with_cooling_variants(interval '15 minutes')", "stock.cool", "cool")


def forget_reservations() -> int:
    """Delete reservations that ended long ago, a batch; gives how many. The ledger keeps what they moved."""
    old = (
        sa.select(_reservation.c.id)
        .where(
            _reservation.c.merchant_id == current_merchant_id(),
            _reservation.c.state != "held",
            _reservation.c.id < floor_at(utc_now() - KEPT),
        )
        .limit(FORGOTTEN_AT_ONCE)
    )
    gone = db.session.execute(
        sa.delete(_reservation)
        .where(_reservation.c.merchant_id == current_merchant_id(), _reservation.c.id.in_(old))
        .returning(_reservation.c.id)
    ).all()
    return len(gone)


def _is_wanted(variant_id: int) -> bool:
    since = floor_at(utc_now() - CALM)
    return (
        db.session.execute(
            sa.select(_moved.c.id)
            .where(
                _moved.c.merchant_id == current_merchant_id(),
                _moved.c.variant_id == variant_id,
                _moved.c.id >= since,
                _moved.c.kind.in_(("reserved", "allocated")),
            )
            .limit(1)
        ).first()
        is not None
    )


def _still_wanted(variant_id: int) -> None:
    db.session.execute(
        sa.update(_hot)
        .where(_hot.c.merchant_id == current_merchant_id(), _hot.c.variant_id == variant_id)
        .values(wanted_at=sa.func.now())
    )


def _for_each(due: str, kind: str, key: str) -> None:
    merchants = db.session.scalars(sa.text(due)).all()
    db.session.rollback()
    for merchant_id in merchants:
        with merchant_scope(int(merchant_id)):
            enqueue(kind, by=SYSTEM, unique_key=key)
            db.session.commit()


def _actor(run: JobRun) -> Actor:
    return Actor(kind="job", id=run.id, name="job")
