"""The payments of the demo: one of every kind that someone has to look at, made through the practice gateway."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from flask import Flask

from deploy.demo import payments
from portal.core.database import db
from portal.orders.models import OrderPayment, PaymentDispute, PaymentLink, PaymentPayout
from tests.support.databases import ROOT
from tests.support.people import SYSTEM
from tests.support.shop import open_shop


@pytest.fixture
def gateway(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A practice gateway that the demo knows of."""
    before = app.config["SETTINGS"]
    process = subprocess.Popen(
        [sys.executable, "-m", "deploy.gateway"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    monkeypatch.setenv("PRACTICE_GATEWAY_URL", url)
    app.config["SETTINGS"] = dataclasses.replace(before, private_hosts=frozenset({urlsplit(url).netloc}))
    yield url
    app.config["SETTINGS"] = before
    process.terminate()
    process.wait(timeout=10)
    process.stdout.close()


def test_every_kind_of_payment_is_there(scope: int, gateway: str) -> None:
    shop = open_shop({"MUG": 100})
    for _ in range(len(payments.CARDS) + 1):
        shop.order(("MUG", 2, "12.40"))
    payments.take({"owner": SYSTEM, "support": SYSTEM})
    db.session.rollback()
    found = db.session.scalars(sa.select(OrderPayment)).all()
    assert {each.state for each in found} >= {"captured", "failed", "pending"}
    assert any(each.refund_pending for each in found)
    assert any(each.refunded_amount for each in found)
    assert {each.state for each in db.session.scalars(sa.select(PaymentDispute))} == {"needs_response"}
    assert db.session.scalars(sa.select(PaymentLink)).one().state == "open"
    payout = db.session.scalars(sa.select(PaymentPayout)).one()
    assert payout.unmatched_count == 2
    assert payout.amount == payout.lines_amount


def test_without_a_gateway_the_demo_has_no_card_payments(scope: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PRACTICE_GATEWAY_URL", raising=False)
    payments.take({"owner": SYSTEM, "support": SYSTEM})
    assert db.session.scalars(sa.select(OrderPayment)).all() == []
