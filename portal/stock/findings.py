"""Read what verifications found: differences by page, the movement each is traced to, how many wait."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from portal.catalog.models import Product, Variant
from portal.core.database import current_merchant_id, db
from portal.core.ids import time_of
from portal.core.jobs import ACTIVE, Job
from portal.stock.causes import Cause, causes_of
from portal.stock.models import Location, StockFinding, StockMovement
from portal.stock.verifying import JOB

FINDINGS_SHOWN: Final = 50
MOST_COUNTED: Final = 1_000

_finding: Final = StockFinding.__table__
_variant: Final = Variant.__table__
_product: Final = Product.__table__
_location: Final = Location.__table__
_moved: Final = StockMovement.__table__.c


@dataclass(frozen=True, slots=True)
class FindingPage:
    """Differences with the names of their level, oldest first, and where the next page begins."""

    rows: Sequence[sa.Row[Any]]
    next_after: int | None


@dataclass(frozen=True, slots=True)
class Named:
    """The movement a difference is traced to."""

    id: int
    at: dt.datetime
    kind: str
    on_hand_delta: int
    held_delta: int
    on_hand_after: int | None
    promised_after: int | None
    cause: Cause


def findings_of(verification_id: int, *, after: int = 0) -> FindingPage:
    """A page of what a run found."""
    found = db.session.execute(
        _with_names()
        .where(
            _finding.c.merchant_id == current_merchant_id(),
            _finding.c.verification_id == verification_id,
            _finding.c.id > after,
        )
        .order_by(_finding.c.id)
        .limit(FINDINGS_SHOWN + 1)
    ).all()
    rows = found[:FINDINGS_SHOWN]
    return FindingPage(rows, rows[-1].id if len(found) > FINDINGS_SHOWN else None)


def place_of(finding: StockFinding) -> sa.Row[Any]:
    """A difference with the names of its level."""
    return db.session.execute(
        _with_names().where(_finding.c.merchant_id == current_merchant_id(), _finding.c.id == finding.id)
    ).one()


def movement_of(finding: StockFinding) -> Named | None:
    """The movement a difference is traced to, with its cause."""
    if finding.movement_id is None:
        return None
    held = _moved.allocated_delta + _moved.reserved_delta + _moved.unavailable_delta
    row = db.session.execute(
        sa.select(
            _moved.id,
            _moved.kind,
            _moved.on_hand_delta,
            held.label("held_delta"),
            _moved.on_hand_after,
            _moved.promised_after,
            _moved.cause_kind,
            _moved.cause_id,
        ).where(_moved.merchant_id == current_merchant_id(), _moved.id == finding.movement_id)
    ).one_or_none()
    if row is None:
        return None
    cause = causes_of([(row.cause_kind, row.cause_id)])[row.cause_kind, row.cause_id]
    return Named(
        row.id,
        time_of(row.id),
        row.kind,
        row.on_hand_delta,
        row.held_delta,
        row.on_hand_after,
        row.promised_after,
        cause,
    )


def open_findings() -> int:
    """How many differences wait for someone, counted to a thousand and one further."""
    waiting = (
        sa.select(_finding.c.id)
        .where(_finding.c.merchant_id == current_merchant_id(), _finding.c.state == "open")
        .limit(MOST_COUNTED + 1)
    )
    return db.session.execute(sa.select(sa.func.count()).select_from(waiting.subquery())).scalar_one()


def running_job() -> Job | None:
    """The verification that waits or runs."""
    return db.session.scalars(
        sa.select(Job).where(Job.kind == JOB, Job.state.in_(ACTIVE)).order_by(Job.id.desc()).limit(1)
    ).one_or_none()


def _with_names() -> sa.Select[Any]:
    return sa.select(
        _finding,
        _variant.c.sku,
        _variant.c.title.label("variant"),
        _product.c.title.label("product"),
        _location.c.name.label("location"),
    ).select_from(
        _finding.outerjoin(
            _variant,
            sa.and_(_variant.c.merchant_id == _finding.c.merchant_id, _variant.c.id == _finding.c.variant_id),
        )
        .outerjoin(
            _product,
            sa.and_(_product.c.merchant_id == _variant.c.merchant_id, _product.c.id == _variant.c.product_id),
        )
        .outerjoin(
            _location,
            sa.and_(
                _location.c.merchant_id == _finding.c.merchant_id, _location.c.id == _finding.c.location_id
            ),
        )
    )
