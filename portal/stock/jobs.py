"""Work of stock that comes round."""

from __future__ import annotations

import datetime as dt
from typing import Final

import sqlalchemy as sa

from portal.accounts.models import Merchant
from portal.core.audit import SYSTEM
from portal.core.database import db, merchant_scope
from portal.core.jobs import JobRun, job
from portal.stock import verifying

LEFT_TO_PEOPLE: Final = dt.timedelta(hours=1)


@job(verifying.JOB, title="Verify the stock", permission="stock.view", quiet=True)
def verify_stock(run: JobRun) -> None:
    """Hold the levels against the ledger and against who holds their units."""
    verifying.verify(run)


def look_every() -> dt.timedelta:
    """How often the timetable comes by."""
    return verifying.verified_every() or LEFT_TO_PEOPLE


def verify_due() -> None:
    """Ask for a verification of each merchant's stock, unless the operator leaves that to people."""
    if verifying.verified_every() is None:
        return
    merchants = list(db.session.scalars(sa.select(Merchant.id).order_by(Merchant.id)))
    db.session.rollback()
    for merchant_id in merchants:
        with merchant_scope(merchant_id):
            verifying.request_verification(by=SYSTEM)
            db.session.commit()
