"""The practice gateway as a process of its own, an account at it, and orders to pay."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import threading
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.serving import make_server

from portal.core.audit import SYSTEM
from portal.core.database import db
from portal.core.jobs import Job, run_due_jobs
from portal.core.outbox import run_consumers
from portal.orders.models import GatewayAccount, Order, OrderPayment, OrderRefund, PaymentAttempt
from portal.orders.payments import accounts, services
from portal.orders.payments.accounts import AccountValues
from tests.support.databases import ROOT
from tests.support.shop import Shop, open_shop
from tests.support.waiting import settle


@dataclass
class GatewayDesk:
    """What a test says to the gateway beside the API, and what it reads of its book."""

    url: str
    secret_key: str
    webhook_secret: str

    def say(self, path: str, **document: Any) -> Any:
        """Post to the desk."""
        request = urllib.request.Request(
            f"{self.url}/desk/{path}",
            data=json.dumps(document).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def fail_next(self, act: str, kind: str, *, times: int = 1, seconds: float = 0.0) -> None:
        """Spoil the next calls of an act."""
        self.say("faults", act=act, kind=kind, times=times, seconds=seconds)

    def end_waits(self) -> None:
        """Let the calls go on that a fault keeps waiting."""
        self.say("faults/end")

    def state(self) -> dict[str, Any]:
        """The whole book."""
        with urllib.request.urlopen(f"{self.url}/desk/state", timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    def payments(self) -> list[dict[str, Any]]:
        """The payments of this account, in the order they were made."""
        return [each for each in self.state()["payments"].values() if each["account"] == self.secret_key]


@pytest.fixture(scope="session")
def gateway_process() -> Iterator[str]:
    """The address of a running practice gateway."""
    process = subprocess.Popen(
        [sys.executable, "-m", "deploy.gateway", "--port", "0"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(timeout=10)
        process.stdout.close()


@pytest.fixture
def portal_url(app: Flask) -> Iterator[str]:
    """The portal as the gateway reaches it."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(timeout=5)
        server.server_close()


@pytest.fixture
def desk(app: Flask, gateway_process: str) -> Iterator[GatewayDesk]:
    """An account at the gateway, which the portal may call although it is on this machine."""
    before = app.config["SETTINGS"]
    name = uuid.uuid4().hex[:12]
    made = GatewayDesk(gateway_process, f"hk_test_{name}", f"whsec_{name}")
    made.say(
        "accounts",
        secret_key=made.secret_key,
        name="Tests",
        webhook_url=None,
        webhook_secret=made.webhook_secret,
    )
    app.config["SETTINGS"] = dataclasses.replace(
        before, private_hosts=frozenset({urlsplit(gateway_process).netloc})
    )
    yield made
    app.config["SETTINGS"] = before


@pytest.fixture
def account(scope: int, desk: GatewayDesk) -> GatewayAccount:
    """An account of the merchant that is tested and on."""
    made = accounts.connect_account(
        "house",
        AccountValues("Practice", "test", desk.secret_key, desk.webhook_secret, desk.url),
        by=SYSTEM,
    )
    accounts.test_account(made, by=SYSTEM)
    db.session.commit()
    accounts.switch_on(accounts.account_of(made.id), by=SYSTEM)
    db.session.commit()
    found = accounts.account_of(made.id)
    # Kept as it is now, whatever becomes of the session.
    db.session.refresh(found)
    db.session.expunge(found)
    return found


@pytest.fixture
def shop(scope: int) -> Shop:
    """A shop with mugs."""
    return open_shop({"MUG": 1000})


@dataclass
class Paid:
    """An order with a payment at the gateway."""

    order_id: int
    number: str
    n: int

    def payment(self) -> OrderPayment:
        db.session.expire_all()
        return db.session.scalars(
            sa.select(OrderPayment).where(OrderPayment.order_id == self.order_id, OrderPayment.n == self.n)
        ).one()

    def head(self) -> Order:
        db.session.expire_all()
        return db.session.scalars(sa.select(Order).where(Order.id == self.order_id)).one()

    def refunds(self) -> list[OrderRefund]:
        db.session.expire_all()
        return list(
            db.session.scalars(
                sa.select(OrderRefund).where(OrderRefund.order_id == self.order_id).order_by(OrderRefund.n)
            )
        )

    def attempts(self) -> list[PaymentAttempt]:
        db.session.expire_all()
        return list(
            db.session.scalars(
                sa.select(PaymentAttempt)
                .where(PaymentAttempt.order_id == self.order_id)
                .order_by(PaymentAttempt.n)
            )
        )


Pay = Callable[..., Paid]


@pytest.fixture
def pay(account: GatewayAccount, shop: Shop) -> Pay:
    """Place an order and set its money aside: ``pay("20.00")``; ``pay("20.00", captured=True)`` takes it."""

    def make(amount: str = "20.00", *, token: str = "tok_visa", captured: bool = False) -> Paid:
        placed = shop.order(("MUG", 1, amount))
        n = services.authorise(placed.order_id, Decimal(amount), token=token, key="first", by=SYSTEM)
        db.session.commit()
        work()
        paid = Paid(placed.order_id, placed.number, n)
        if captured:
            services.capture(placed.order_id, n, Decimal(amount), key="whole", by=SYSTEM)
            db.session.commit()
            work()
        return paid

    return make


def work() -> None:
    """Do the jobs that are due."""
    db.session.rollback()
    run_due_jobs()
    db.session.rollback()


def work_later() -> None:
    """Do all jobs of payments, also those that wait for their time."""
    db.session.rollback()
    db.session.execute(
        sa.update(Job)
        .where(Job.state == "queued", Job.kind.startswith("payments."))
        .values(run_after=sa.func.now()),
        execution_options={"synchronize_session": False},
    )
    db.session.commit()
    work()


def tell_consumers() -> None:
    """Let the events of orders be heard."""
    settle()
    run_consumers("payments")
    db.session.rollback()
