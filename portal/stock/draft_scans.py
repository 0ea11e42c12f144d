"""Scans onto a draft, of a transfer or of a purchase order: each counts once by its token, and can be undone once.

Scans add up, whoever scans, so they ask for no version of the draft. What a scan added is kept, so that undoing it takes
off just that, whatever was scanned after it. Whoever calls holds the draft's row.
"""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Final, Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError, NotFoundError
from portal.stock.models import PurchaseOrder, StockDraftScan, StockTransfer
from portal.stock.papers import names_of, people_names
from portal.stock.scanning import Scanned

Paper = Literal["transfer", "purchase"]
LAST_SCANS: Final = 10
KEPT: Final = dt.timedelta(days=14)
FORGOTTEN_AT_ONCE: Final = 1_000

_scan: Final = StockDraftScan.__table__
_PAPERS: Final = {"transfer": StockTransfer.__table__.c, "purchase": PurchaseOrder.__table__.c}


@dataclass(frozen=True, slots=True)
class Drafted:
    """A line of a draft after a scan or its undoing: the units it holds, and whether it was done now."""

    variant: Scanned
    units: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class DraftScan:
    """A scan as the scanner's page lists it."""

    token: uuid.UUID
    variant: Scanned
    units: int
    at: dt.datetime
    is_undone: bool
    who: str | None


def is_first(
    token: uuid.UUID, paper: tuple[Paper, int], variant_id: int, scanned: int, *, adds: int, by: Actor
) -> bool:
    """Take the token of a scan of *scanned* units that *adds* to the line; whether it comes for the first time.

    Raises:
        DomainError: it came before with another scan.
    """
    said = {"paper_kind": paper[0], "paper_id": paper[1], "variant_id": variant_id, "scanned": scanned}
    made = db.session.execute(
        postgresql.insert(_scan)
        .values(
            merchant_id=current_merchant_id(),
            token=token,
            units=adds,
            actor_id=by.id if by.kind == "user" else None,
            **said,
        )
        .on_conflict_do_nothing()
        .returning(_scan.c.token)
    ).first()
    if made is not None:
        return True
    before = db.session.execute(
        sa.select(*(_scan.c[name] for name in said)).where(
            _scan.c.merchant_id == current_merchant_id(), _scan.c.token == token
        )
    ).one()
    if dict(before._mapping) != said:
        raise DomainError("This scan was sent before for something else. Load the page again, then scan.")
    return False


def take_back(token: uuid.UUID, paper: tuple[Paper, int]) -> tuple[int, int]:
    """Mark a scan as undone; gives its variant and what it had added, 0 when it was undone before.

    Raises:
        NotFoundError: the draft has no such scan.
    """
    own = (
        _scan.c.merchant_id == current_merchant_id(),
        _scan.c.token == token,
        _scan.c.paper_kind == paper[0],
        _scan.c.paper_id == paper[1],
    )
    row = db.session.execute(
        sa.update(_scan)
        .where(*own, _scan.c.undone_at.is_(None))
        .values(undone_at=utc_now())
        .returning(_scan.c.variant_id, _scan.c.units)
    ).first()
    if row is not None:
        return row.variant_id, row.units
    before = db.session.scalar(sa.select(_scan.c.variant_id).where(*own))
    if before is None:
        raise NotFoundError("There is no such scan on this draft.")
    return before, 0


def left_after(variant: Scanned, held: int, units: int) -> int:
    """The units of a line from which a scan of *units* is taken back.

    Raises:
        ConflictError: it holds fewer; someone changed it since.
    """
    if held < units:
        raise ConflictError(
            f"{variant.sku} stands at {held:,} now, fewer than this scan had added. Change the line itself."
        )
    return held - units


def last_scans(paper: tuple[Paper, int]) -> list[DraftScan]:
    """The last scans onto a draft, newest first."""
    rows = db.session.execute(
        sa.select(_scan)
        .where(
            _scan.c.merchant_id == current_merchant_id(),
            _scan.c.paper_kind == paper[0],
            _scan.c.paper_id == paper[1],
        )
        .order_by(_scan.c.at.desc(), _scan.c.token)
        .limit(LAST_SCANS)
    ).all()
    names = names_of(row.variant_id for row in rows)
    people = people_names(row.actor_id for row in rows)
    return [
        DraftScan(
            row.token,
            names[row.variant_id],
            row.units,
            row.at,
            row.undone_at is not None,
            people.get(row.actor_id),
        )
        for row in rows
    ]


def forget_draft_scans() -> int:
    """Delete old scans of papers that are no draft any more, a batch; gives how many. The caller commits.

    A scan is kept to count once and to be undone, and what was sent or ordered takes neither any more: its lines say what
    it holds.
    """
    merchant_id = current_merchant_id()
    is_on_a_draft = sa.or_(
        *(
            sa.and_(
                _scan.c.paper_kind == kind,
                sa.select(sa.true())
                .where(
                    paper.merchant_id == merchant_id,
                    paper.id == _scan.c.paper_id,
                    paper.state == "draft",
                )
                .exists(),
            )
            for kind, paper in _PAPERS.items()
        )
    )
    old = (
        sa.select(_scan.c.token)
        .where(_scan.c.merchant_id == merchant_id, _scan.c.at < utc_now() - KEPT, ~is_on_a_draft)
        .limit(FORGOTTEN_AT_ONCE)
    )
    gone = db.session.execute(
        sa.delete(_scan)
        .where(_scan.c.merchant_id == merchant_id, _scan.c.token.in_(old))
        .returning(_scan.c.token)
    )
    return len(gone.all())
