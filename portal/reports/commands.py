"""Commands for the operator: rebuild the rollups, or find where they differ from the order book."""

from __future__ import annotations

import datetime as dt

import click
import sqlalchemy as sa
from flask.cli import AppGroup

from portal.accounts.models import Merchant
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db, merchant_scope
from portal.core.ids import time_of
from portal.orders.models import OrderRef
from portal.reports.rollups import merchant_zone, refresh_days

report_commands = AppGroup("reports", help="Rollups of the sales reports.")


@report_commands.command("rebuild")
@click.argument("merchant_ids", nargs=-1, type=int)
def rebuild(merchant_ids: tuple[int, ...]) -> None:
    """Recompute the rollups of the named merchants, or of all."""
    for merchant_id in merchant_ids or db.session.scalars(sa.select(Merchant.id).order_by(Merchant.id)).all():
        db.session.rollback()
        with merchant_scope(merchant_id):
            days = rebuild_rollups()
            click.echo(f"merchant {merchant_id}: {days} days")


def rebuild_rollups() -> int:
    """Recompute every day of the merchant in scope, a month per transaction; gives the number of days."""
    table = OrderRef.__table__
    first, last = db.session.execute(
        sa.select(sa.func.min(table.c.order_id), sa.func.max(table.c.order_id)).where(
            table.c.merchant_id == current_merchant_id()
        )
    ).one()
    if first is None:
        return 0
    zone = merchant_zone()
    day, until = (
        time_of(first).astimezone(zone).date(),
        max(time_of(last).astimezone(zone).date(), utc_now().astimezone(zone).date()),
    )
    done = 0
    while day <= until:
        days = [day + dt.timedelta(days=offset) for offset in range(31)]
        refresh_days(days)
        db.session.commit()
        done += len(days)
        day = days[-1] + dt.timedelta(days=1)
    return done
