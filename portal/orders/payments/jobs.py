"""What workers do for payments. Each is thin: load, call, commit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from portal.core.audit import SYSTEM
from portal.core.database import db, merchant_scope
from portal.core.errors import ConflictError
from portal.core.jobs import JobRun, RetryLaterError, enqueue, job
from portal.core.outbox import Event, consumer
from portal.orders.gateways.base import GatewayError
from portal.orders.payments import disputes, links, notices, payouts, taking_on
from portal.orders.payments.accounts import account_of, gateway_of
from portal.orders.payments.calling import carry_out
from portal.orders.payments.looking import look_at_payment

# After these an order may need less money than its links ask for.
LESS_IS_OWED: Final = ("order.cancelled", "order.changed", "order.paid", "order.authorised")


@job("payments.attempt", title="Ask a payment gateway", permission="orders.view", queue="quick", quiet=True)
def run_attempt(run: JobRun) -> None:
    """Carry out one attempt; when its end is not known, ask again later by another job."""
    order_id, n = int(run.args["order_id"]), int(run.args["n"])
    at_once = bool(run.args.get("at_once", False))
    again = carry_out(order_id, n, by=run.by, commit=run.commit, is_captured_at_once=at_once)
    if again is not None:
        go_on_with(order_id, n, at=again, at_once=at_once, turn=int(run.args.get("turn", 0)) + 1)


def go_on_with(
    order_id: int, n: int, *, at: dt.datetime | None, at_once: bool = False, turn: int = 0
) -> None:
    """Go on with an attempt by a job; while one waits there is no second."""
    enqueue(
        "payments.attempt", {"order_id": order_id, "n": n, "at_once": at_once, "turn": turn}, by=SYSTEM,
        unique_key=f"{order_id}:{n}:{turn}", run_after=at,
    )  # fmt: skip


@job("payments.look", title="Look at a payment", permission="orders.view", queue="quick", quiet=True)
def run_look(run: JobRun) -> None:
    """Ask how a payment stands and take it over; a gateway that is away is asked later."""
    try:
        look_at_payment(int(run.args["order_id"]), int(run.args["n"]), by=run.by, commit=run.commit)
    except GatewayError as error:
        if not error.is_final:
            raise RetryLaterError(error.message, seconds=error.retry_after) from error


@job(
    "payments.notice",
    title="Apply a notice of a gateway",
    permission="orders.view",
    queue="quick",
    quiet=True,
)
def run_notice(run: JobRun) -> None:
    """Apply one webhook."""
    notices.apply_notice(int(run.args["notice_id"]), commit=run.commit)


@job("payments.page", title="Look at a payment page", permission="orders.view", queue="quick", quiet=True)
def run_page(run: JobRun) -> None:
    """Ask whether somebody paid on the page of a link, until the link is closed."""
    link_id, turn = int(run.args["link_id"]), int(run.args["turn"])
    if not links.is_open(link_id):
        return
    try:
        links.look_at_page(link_id)
    except ConflictError as error:
        raise RetryLaterError(error.message) from error
    if links.is_open(link_id):
        links.watch_page(link_id, turn=turn + 1)


@job(
    "payments.close_checkout",
    title="Close a payment page",
    permission="orders.view",
    queue="quick",
    quiet=True,
)
def run_close_checkout(run: JobRun) -> None:
    """Let nobody pay on a page of the gateway whose link is closed."""
    try:
        links.close_checkout(int(run.args["link_id"]), commit=run.commit)
    except GatewayError as error:
        if not error.is_final:
            raise RetryLaterError(error.message, seconds=error.retry_after) from error


@job("payments.evidence", title="Answer a dispute", permission="orders.view", queue="quick")
def run_evidence(run: JobRun) -> None:
    """Send the evidence of a dispute to the bank."""
    try:
        disputes.send_evidence(int(run.args["dispute_id"]), by=run.by, commit=run.commit)
    except GatewayError as error:
        if not error.is_final:
            raise RetryLaterError(error.message, seconds=error.retry_after) from error


@job("payments.payouts", title="Fetch payouts", permission="orders.view")
def run_payouts(run: JobRun) -> None:
    """Fetch the payouts of an account that are new or not through yet, and match their lines."""
    account = account_of(int(run.args["account_id"]))
    try:
        payouts.fetch(account, gateway_of(account), commit=run.commit)
    except GatewayError as error:
        raise RetryLaterError(error.message, seconds=error.retry_after) from error


@job(
    "payments.rematch",
    title="Look for the orders of a payout",
    permission="orders.view",
    queue="quick",
    quiet=True,
)
def run_rematch(run: JobRun) -> None:
    """Look again for the orders of the lines of a payout that have none."""
    payouts.rematch(int(run.args["payout_id"]), commit=run.commit)


@job("payments.tend", title="Tend to payments", permission="orders.view", queue="quick", quiet=True)
def run_tend(run: JobRun) -> None:
    """What comes round: links that expired, attempts, answers and notices whose job was lost, payouts that are due."""
    links.expire_links()
    run.commit()
    for order_id, n in taking_on.stuck_attempts():
        go_on_with(order_id, n, at=None, turn=1_000)
    for notice_id in notices.due_notices():
        notices.ring_for(notice_id)
    for dispute_id in disputes.unsent_answers():
        disputes.ring_for_answer(dispute_id, by=SYSTEM)
    for account_id in payouts.accounts_due():
        payouts.request_fetch(account_id, by=SYSTEM)
    run.commit()
    while notices.forget_old():
        run.commit()


@consumer("payments", kinds=["order.placed", "order.shipped", "order.fulfilled", *LESS_IS_OWED])
def follow_orders(events: Sequence[Event]) -> None:
    """Payments that come with an order find their account; what is set aside is taken when the merchant says so, and what
    nobody may take any more is let go."""
    for event in events:
        order_id = int(event.payload["order_id"])
        if event.kind in LESS_IS_OWED:
            links.withdraw_what_is_not_owed(order_id)
            if event.kind == "order.cancelled":
                taking_on.let_go_of_cancelled(order_id)
            continue
        if event.kind == "order.placed":
            taking_on.take_on(order_id)
        taking_on.capture_when_due(order_id, is_dispatched=event.kind != "order.placed")


def tend_due() -> None:
    """Ring for every merchant with something to tend to; the timetable calls this once a minute."""
    due = db.session.scalars(sa.text("SELECT payments_to_tend()")).all()
    db.session.rollback()
    for merchant_id in due:
        with merchant_scope(int(merchant_id)):
            enqueue("payments.tend", by=SYSTEM, unique_key="tend")
            db.session.commit()
