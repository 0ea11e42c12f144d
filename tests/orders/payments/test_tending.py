"""What comes round once a minute finds what no job brings on any more."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import sqlalchemy as sa

from portal.core.audit import SYSTEM
from portal.core.clock import utc_now
from portal.core.database import db, merchant_scope
from portal.core.jobs import Job
from portal.orders.models import GatewayAccount, PaymentAttempt, PaymentLink, PaymentPayout
from portal.orders.payments import services
from portal.orders.payments.jobs import tend_due
from tests.orders.payments.conftest import GatewayDesk, Pay, work
from tests.support.shop import Shop


def come_round(merchant_id: int) -> None:
    db.session.rollback()
    db.session.expunge_all()
    tend_due()
    with merchant_scope(merchant_id):
        work()


def test_an_act_whose_job_is_gone_is_brought_on(scope: int, pay: Pay, desk: GatewayDesk) -> None:
    paid = pay("20.00")
    services.capture(paid.order_id, 1, Decimal("20.00"), key="k", by=SYSTEM)
    db.session.commit()
    db.session.execute(sa.delete(Job).where(Job.state == "queued"))
    db.session.execute(
        sa.update(PaymentAttempt)
        .where(PaymentAttempt.state == "started")
        .values(created_at=utc_now() - dt.timedelta(minutes=5))
    )
    db.session.commit()
    come_round(scope)
    assert paid.head().captured_total == Decimal("20.00")
    assert len(desk.payments()[0]["captures"]) == 1


def test_links_expire_and_payouts_are_read(
    scope: int, pay: Pay, desk: GatewayDesk, account: GatewayAccount, shop: Shop
) -> None:
    pay("20.00", captured=True)
    placed = shop.order(("MUG", 1, "5.00"))
    services.create_link(placed.order_id, Decimal("5.00"), by=SYSTEM)
    db.session.execute(sa.update(PaymentLink).values(expires_at=utc_now()))
    db.session.commit()
    desk.say("payouts", secret_key=desk.secret_key)
    come_round(scope)
    assert db.session.scalars(sa.select(PaymentLink.state)).all() == ["expired"]
    assert db.session.scalars(sa.select(PaymentPayout.line_count)).all() == [1]
