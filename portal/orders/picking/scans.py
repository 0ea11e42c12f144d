"""Scans onto a pick list: each counts once by the token the phone chose. Whoever calls holds the list's row."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.orders.models import PickList, PickScan

KEPT: Final = dt.timedelta(days=14)
FORGOTTEN_AT_ONCE: Final = 1_000

_scan, _list = PickScan.__table__, PickList.__table__


def is_first(list_id: int, token: uuid.UUID, code: str, units: int, answer: str, *, by: Actor) -> bool:
    """Take the token of a scan; whether it comes for the first time.

    Raises:
        DomainError: the token came before with something else.
    """
    said = {"code": code[:100], "units": units, "answer": answer}
    made = db.session.execute(
        postgresql.insert(_scan)
        .values(
            merchant_id=current_merchant_id(), pick_list_id=list_id, token=token, **said,
            by_user=by.id if by.kind == "user" else None, at=utc_now(),
        )
        .on_conflict_do_nothing()
        .returning(_scan.c.token)
    ).first()  # fmt: skip
    if made is not None:
        return True
    before = db.session.execute(
        sa.select(_scan.c.code, _scan.c.units, _scan.c.answer).where(
            _scan.c.merchant_id == current_merchant_id(),
            _scan.c.pick_list_id == list_id,
            _scan.c.token == token,
        )
    ).one()
    if dict(before._mapping) != said:
        raise DomainError("This scan was sent before for something else. Load the page again, then scan.")
    return False


def forget_pick_scans() -> int:
    """Delete old scans of lists that are not open any more, a batch; gives how many. The caller commits.

    A list that was ended takes no scan, so none can count twice; its lines say what was fetched.
    """
    merchant_id = current_merchant_id()
    is_open = (
        sa.select(sa.true())
        .where(
            _list.c.merchant_id == merchant_id, _list.c.id == _scan.c.pick_list_id, _list.c.state == "open"
        )
        .exists()
    )
    key = sa.tuple_(_scan.c.pick_list_id, _scan.c.token)
    old = (
        sa.select(_scan.c.pick_list_id, _scan.c.token)
        .where(_scan.c.merchant_id == merchant_id, _scan.c.at < utc_now() - KEPT, ~is_open)
        .limit(FORGOTTEN_AT_ONCE)
    )
    gone = db.session.execute(
        sa.delete(_scan).where(_scan.c.merchant_id == merchant_id, key.in_(old)).returning(_scan.c.token)
    )
    return len(gone.all())
