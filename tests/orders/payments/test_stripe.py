"""Stripe through its SDK, against a stand-in that is a server of its own.

The stand-in keeps its state in one file of the machine, so one runs at a time; it knows no disputes and no checkout, and
takes no notice of idempotency keys, so those are tried with the practice gateway.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import fcntl
import hashlib
import hmac
import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from flask import Flask

from deploy.local import stand_ins
from deploy.local.layout import Stopwatch, state_directory
from deploy.local.servers import free_port
from portal.core.audit import SYSTEM
from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.errors import DomainError
from portal.orders.gateways.base import Authorisation, GatewayError, SignatureError
from portal.orders.gateways.stripe import StripeGateway, client, reading
from portal.orders.models import GatewayAccount
from portal.orders.payments import accounts, services
from portal.orders.payments.accounts import AccountValues
from tests.orders.payments.conftest import Paid, work
from tests.support.client import HouseClient
from tests.support.shop import Shop
from tests.support.waiting import SECONDS

KEY = "sk_test_12345"
LOCK = Path("/tmp/portal-localstripe.lock")
SECRET = "whsec_1234567890"


@pytest.fixture(scope="module")
def stripe_url() -> Iterator[str]:
    """The address of a running localstripe."""
    stand_ins.ensure(Stopwatch())
    port = free_port()
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = subprocess.Popen(
            [state_directory("localstripe") / "bin" / "localstripe", "--port", str(port), "--from-scratch"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait(f"http://127.0.0.1:{port}/")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=10)


def _wait(url: str) -> None:
    end = time.monotonic() + SECONDS
    while True:
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except urllib.error.HTTPError as error:
            error.close()
            return
        except OSError:
            assert time.monotonic() < end, "localstripe did not start"
            time.sleep(0.1)


@pytest.fixture
def stripe(stripe_url: str) -> StripeGateway:
    return StripeGateway(KEY, base_url=stripe_url, seconds=5)


@pytest.fixture
def account(app: Flask, scope: int, stripe_url: str) -> Iterator[GatewayAccount]:
    before = app.config["SETTINGS"]
    app.config["SETTINGS"] = dataclasses.replace(
        before, private_hosts=frozenset({stripe_url.removeprefix("http://")})
    )
    made = accounts.connect_account(
        "stripe", AccountValues("Cards", "test", KEY, SECRET, stripe_url), by=SYSTEM
    )
    assert accounts.test_account(made, by=SYSTEM) == "Stripe takes the key."
    accounts.switch_on(made, by=SYSTEM)
    db.session.commit()
    yield made
    app.config["SETTINGS"] = before


def card(gateway: StripeGateway, number: str = "4242424242424242") -> str:
    """The token of a card; numbers stay between the test and the stand-in."""
    made = gateway._client.v1.payment_methods.create(
        {"type": "card", "card": {"number": number, "exp_month": 12, "exp_year": 2035, "cvc": "123"}}
    )
    return str(made.id)


def test_an_order_is_paid_and_partly_given_back(
    account: GatewayAccount, shop: Shop, stripe: StripeGateway
) -> None:
    placed = shop.order(("MUG", 1, "20.00"))
    n = services.authorise(placed.order_id, Decimal("20.00"), token=card(stripe), key="a", by=SYSTEM)
    db.session.commit()
    work()
    paid = Paid(placed.order_id, placed.number, n)
    assert paid.payment().state == "authorised"
    services.capture(placed.order_id, n, Decimal("20.00"), key="c", by=SYSTEM)
    db.session.commit()
    work()
    services.request_refund(placed.order_id, n, Decimal("4.50"), key="r", reason=None, by=SYSTEM)
    db.session.commit()
    work()
    assert [each.state for each in paid.attempts()] == ["succeeded"] * 3
    head = paid.head()
    assert (head.captured_total, head.refunded_total, head.payment_state) == (
        Decimal("20.00"),
        Decimal("4.50"),
        "part_refunded",
    )
    remote = stripe.payment(paid.payment().gateway_reference or "")
    assert remote is not None
    assert [(each.amount, each.state) for each in remote.refunds] == [(Decimal("4.50"), "done")]


def test_what_is_set_aside_is_let_go(account: GatewayAccount, shop: Shop, stripe: StripeGateway) -> None:
    placed = shop.order(("MUG", 1, "20.00"))
    n = services.authorise(placed.order_id, Decimal("20.00"), token=card(stripe), key="a", by=SYSTEM)
    db.session.commit()
    work()
    services.void(placed.order_id, n, key="v", by=SYSTEM)
    db.session.commit()
    work()
    assert Paid(placed.order_id, placed.number, n).payment().state == "voided"


def test_the_payment_behind_a_key_is_found(stripe: StripeGateway) -> None:
    request = Authorisation(Decimal("7.00"), "GBP", card(stripe), "1001")
    before = utc_now() - dt.timedelta(hours=1)
    made = stripe.authorise(request, key="ord_5:authorise:lost")
    assert stripe.payment_by_key("ord_5:authorise:lost", since=before) == made
    assert stripe.payment_by_key("ord_5:authorise:never", since=before) is None


def test_half_a_list_is_never_taken_for_the_whole(
    stripe: StripeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = utc_now() - dt.timedelta(hours=1)
    for key in ("ord_6:authorise:first", "ord_6:authorise:second"):
        stripe.authorise(Authorisation(Decimal("7.00"), "GBP", card(stripe), "1001"), key=key)
    monkeypatch.setattr(client, "PAGE", 1)
    monkeypatch.setattr(StripeGateway._each, "__kwdefaults__", {"pages": 1})
    with pytest.raises(GatewayError) as failed:
        stripe.payment_by_key("ord_6:authorise:never", since=before)
    assert failed.value.kind == "unknown"


def test_ends_are_told_apart(stripe: StripeGateway, stripe_url: str) -> None:
    for gateway, kind in (
        (StripeGateway("wrong", base_url=stripe_url, seconds=5), "credentials"),
        (StripeGateway(KEY, base_url="http://127.0.0.1:1", seconds=5), "unreachable"),
    ):
        with pytest.raises(GatewayError) as failed:
            gateway.test()
        assert failed.value.kind == kind
    with pytest.raises(GatewayError) as declined:
        stripe.authorise(
            Authorisation(Decimal(5), "GBP", card(stripe, "4000000000000341"), "1"), key="ord_1:authorise:x"
        )
    assert declined.value.kind == "declined"
    assert stripe.payment("pi_nobodys") is None
    assert stripe.dispute("dp_nobodys") is None


def test_a_key_of_the_wrong_mode_is_refused(scope: int) -> None:
    with pytest.raises(DomainError, match="A live key begins with sk_live_"):
        accounts.connect_account("stripe", AccountValues("Cards", "live", KEY, SECRET), by=SYSTEM)


def test_notices_are_believed_by_their_signature(
    client: HouseClient, account: GatewayAccount, stripe: StripeGateway
) -> None:
    event = {
        "id": "evt_1", "object": "event", "type": "charge.refunded", "created": int(time.time()),
        "data": {"object": {"id": "ch_1", "object": "charge", "payment_intent": "pi_77"}},
    }  # fmt: skip
    body = json.dumps(event).encode()

    def signed(secret: str, at: int) -> str:
        return f"t={at},v1={hmac.new(secret.encode(), f'{at}.'.encode() + body, hashlib.sha256).hexdigest()}"

    now = int(time.time())
    notice = stripe.read_notice(body, {"Stripe-Signature": signed(SECRET, now)}, SECRET)
    assert (notice.kind, notice.subject, notice.object_reference) == ("charge.refunded", "payment", "pi_77")
    for header in ("", signed("whsec_other", now), signed(SECRET, now - 4000)):
        with pytest.raises(SignatureError):
            stripe.read_notice(body, {"Stripe-Signature": header}, SECRET)
    path = accounts.webhook_path(account)
    db.session.rollback()
    assert client.post(path, data=body, headers={"Stripe-Signature": signed(SECRET, now)}).status_code == 204
    assert client.post(path, data=body, headers={"Stripe-Signature": "t=1,v1=0"}).status_code == 400


@pytest.mark.parametrize(
    ("amount", "currency", "units"), [("12.34", "GBP", 1234), ("500", "JPY", 500), ("1.234", "KWD", 1234)]
)
def test_amounts_are_counted_in_the_smallest_unit(amount: str, currency: str, units: int) -> None:
    assert reading.to_units(Decimal(amount), currency) == units
    assert reading.from_units(units, currency) == Decimal(amount)


def test_documents_of_disputes_and_payouts_are_read() -> None:
    dispute = reading.dispute(
        {
            "id": "dp_1", "object": "dispute", "currency": "gbp", "amount": 2000, "status": "needs_response", "reason": "fraudulent",
            "payment_intent": "pi_1", "created": 1_790_000_000, "evidence_details": {"due_by": 1_790_800_000},
            "balance_transactions": [{"fee": 1500}], "metadata": {},
        }
    )  # fmt: skip
    assert (dispute.state, dispute.amount, dispute.fee, dispute.payment_reference) == (
        "needs_response",
        Decimal(20),
        Decimal(15),
        "pi_1",
    )
    line = reading.payout_line(
        {
            "id": "txn_1", "type": "charge", "currency": "gbp", "amount": 2000, "fee": 50, "created": 1_790_000_000,
            "source": {"id": "ch_1", "object": "charge", "payment_intent": "pi_1"},
        }
    )  # fmt: skip
    assert line is not None
    assert (line.kind, line.net, line.source_reference, line.payment_reference) == (
        "payment",
        Decimal("19.50"),
        "ch_1",
        "pi_1",
    )
    assert reading.payout_line({"id": "txn_2", "type": "payout", "currency": "gbp", "amount": -2000}) is None
