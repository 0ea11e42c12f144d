"""The letter that says what runs low: one for all that was noticed since the last one."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from portal.core import mail
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.http import public_link
from portal.core.jobs import JobRun, job
from portal.stock.models import LowStockNotice, ReplenishmentSetting
from portal.stock.models.replenishment import EVERYWHERE
from portal.stock.papers import names_of, place_names

NAMED: Final = 50
PATH: Final = "/stock/replenishment"


@job("stock.low_stock_mail", title="Tell of low stock", permission="stock.view", queue="quick", quiet=True)
def mail_notices(run: JobRun) -> None:
    """What ran low and is still low goes out once."""
    told = db.session.get(ReplenishmentSetting, current_merchant_id())
    if told is None or not told.is_active or not told.notify_email:
        return
    waiting = sa.and_(LowStockNotice.mailed_at.is_(None), LowStockNotice.cleared_at.is_(None))
    column = LowStockNotice.__table__.c
    mailed = db.session.execute(
        sa.update(LowStockNotice)
        .where(waiting)
        .values(mailed_at=utc_now())
        .returning(column.id, column.variant_id, column.location_id, column.available, column.minimum)
        .execution_options(synchronize_session=False)
    ).all()
    if not mailed:
        return
    notices = sorted(mailed, key=lambda each: each.id)[:NAMED]
    names = names_of(notice.variant_id for notice in notices)
    places = place_names(notice.location_id for notice in notices)
    mail.send_mail(
        "low_stock",
        to=told.notify_email,
        context={
            "total": len(mailed),
            "link": public_link(PATH),
            "rows": [
                {
                    "sku": names[notice.variant_id].sku,
                    "title": names[notice.variant_id].title,
                    "place": places.get(notice.location_id) if notice.location_id != EVERYWHERE else None,
                    "available": notice.available,
                    "minimum": notice.minimum,
                }
                for notice in notices
            ],
        },
        about=("low_stock", notices[0].id),
        by=run.by,
    )
