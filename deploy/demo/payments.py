"""Payments through the practice gateway, one of every kind that someone has to look at: set aside, taken, given back in part,
declined, on its way back, disputed, a link to pay, and a payout with lines that no order explains."""

from __future__ import annotations

import json
import os
import urllib.request
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from portal.config import settings
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.jobs import Job, run_job
from portal.orders.changes.proposal import Proposal, RefundWish
from portal.orders.changes.services import change_at_once
from portal.orders.gateways.base import Authorisation
from portal.orders.models import Order, PaymentDispute
from portal.orders.payments import accounts, disputes, links, payouts, services
from portal.orders.payments.accounts import AccountValues

KEY: Final = "hk_test_lantern_demo_4711"
SECRET: Final = "whsec_lantern_demo_0815"
# As many as there are unpaid orders, so what somebody must do something about comes first.
CARDS: Final = (
    "tok_disputed", "tok_mastercard", "tok_declined", "tok_slow_refund", "tok_visa", "tok_no_money", "tok_disputed",
    "tok_visa", "tok_mastercard",
)  # fmt: skip
STRAYS: Final = (
    {"kind": "adjustment", "source": None, "payment": None, "gross": "-4.15", "fee": "0", "net": "-4.15"},
    {"kind": "fee", "source": None, "payment": None, "gross": "-6.00", "fee": "0", "net": "-6.00"},
)  # fmt: skip


def take(desk: dict[str, Actor]) -> None:
    """Write it all; each step commits. Without a practice gateway there is nothing to write."""
    url = os.environ.get("PRACTICE_GATEWAY_URL")
    if not url:
        return
    account = _connect(url, desk["owner"])
    by, waiting = desk["support"], _unpaid(len(CARDS) + 1)
    *paid, linked = waiting
    for order, token in zip(paid, CARDS, strict=False):
        _pay(order, token, by)
    links.create_link(linked.id, linked.total, by=by)
    db.session.commit()
    _hear_disputes(url, account, by)
    _pay_out(url, account)
    # What it would have told meanwhile is told when the portal is up, which finds that most of it is known.


def _connect(url: str, by: Actor) -> int:
    made = accounts.connect_account(
        "house", AccountValues("Cards (practice)", "test", KEY, SECRET, url), by=by
    )
    _say(
        url, "accounts", secret_key=KEY, name="Lantern & Thistle", webhook_secret=SECRET,
        webhook_url=settings().public_url + accounts.webhook_path(made),
    )  # fmt: skip
    _say(url, "notices", hold=True)
    accounts.test_account(made, by=by)
    db.session.commit()
    accounts.switch_on(accounts.account_of(made.id), by=by)
    db.session.commit()
    return int(made.id)


def _unpaid(count: int) -> list[Any]:
    return list(
        db.session.execute(
            sa.select(Order.id, Order.total)
            .where(Order.state == "open", Order.payment_state == "unpaid", Order.total > 10)
            .order_by(Order.id.desc())
            .limit(count)
        )
    )


def _pay(order: Any, token: str, by: Actor) -> None:
    n = services.authorise(order.id, order.total, token=token, key="demo", by=by)
    _work()
    if token == "tok_visa" and order.id % 2:
        return
    if token in ("tok_declined", "tok_no_money"):
        return
    services.capture(order.id, n, order.total, key="demo", by=by)
    _work()
    if token in ("tok_mastercard", "tok_slow_refund"):
        part = (order.total / 4).quantize(Decimal("0.01"))
        change_at_once(
            order.id,
            Proposal("refund", refund=RefundWish(part, payment_n=n)),
            reason_code="damaged",
            note="One piece arrived damaged",
            by=by,
        )
        _work()


def _hear_disputes(url: str, account_id: int, by: Actor) -> None:
    account = accounts.account_of(account_id)
    caller = accounts.gateway_of(account)
    for reference in _state(url)["disputes"]:
        remote = caller.dispute(reference)
        if remote is not None:
            disputes.take_over(account, remote, by=by)
    db.session.commit()
    first = db.session.scalars(sa.select(PaymentDispute).order_by(PaymentDispute.id).limit(1)).one_or_none()
    if first is not None:
        disputes.save_evidence(
            first,
            {
                "explanation": "The order was placed from the customer's own account and sent to the address on file.",
                "delivery": "Royal Mail delivered it on the second working day and has a signature.",
            },
            version=first.version,
            by=by,
        )
        db.session.commit()


def _pay_out(url: str, account_id: int) -> None:
    account = accounts.account_of(account_id)
    caller = accounts.gateway_of(account)
    # Taken on the market with the same account: no order here knows of it.
    caller.authorise(
        Authorisation(Decimal("18.40"), "GBP", "tok_visa", "Market stall 2207", is_captured_at_once=True),
        key="market-2207",
    )
    _say(url, "payouts", secret_key=KEY, extra=list(STRAYS))
    payouts.fetch(account, caller, commit=db.session.commit)


def _work() -> None:
    """Carry out what was asked just now, and nothing else that waits."""
    db.session.commit()
    merchant_id = current_merchant_id()
    waiting = db.session.scalars(
        sa.select(Job.id).where(Job.kind == "payments.attempt", Job.state == "queued")
    ).all()
    db.session.rollback()
    for job_id in waiting:
        run_job(merchant_id, job_id)


def _say(url: str, path: str, **document: Any) -> Any:
    request = urllib.request.Request(
        f"{url}/desk/{path}", data=json.dumps(document).encode(), headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def _state(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url}/desk/state", timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
    return found
