"""Carry out one attempt: note that the call leaves, call, write the end. Whatever dies in between is resolved by asking.

The call itself holds no transaction. An attempt that was called before, by whoever, is asked about first; it is repeated,
under the same key, only when the gateway has no trace of it and had time for what may still be on its way.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Final

import sqlalchemy as sa

from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.orders.gateways.base import Authorisation, Gateway, GatewayError, RemotePayment
from portal.orders.models import OrderRef
from portal.orders.payments import rows
from portal.orders.payments.accounts import account_of, gateway_of
from portal.orders.payments.settling import fail_attempt, settle

Commit = Callable[[], None]

# How long a request whose answer was lost may still be under way to the gateway.
ON_ITS_WAY: Final = dt.timedelta(seconds=60)
# How far the gateway's clock may be behind ours.
CLOCKS_DIFFER: Final = dt.timedelta(minutes=10)
WAITS: Final = (5, 20, 60, 300, 900, 3600)


def carry_out(
    order_id: int, n: int, *, by: Actor, commit: Commit, is_captured_at_once: bool = False
) -> dt.datetime | None:
    """Bring an attempt as far as it goes now; gives when to go on, or None when it has an end.

    Args:
        commit: commits what is written so far; in a job it also proves that the job is still ours.
    """
    attempt = rows.attempt_of(order_id, n)
    if attempt is None or attempt["state"] not in rows.OPEN:
        return None
    was_called = attempt["called_at"] is not None
    caller = gateway_of(account_of(attempt["account_id"]))
    payment = rows.payment_of(order_id, attempt["payment_n"])
    number = _number(order_id)
    if not was_called and not _leaves_now(attempt, commit):
        return utc_now() + next_wait(attempt["asks"])
    if was_called:
        commit()
    try:
        if was_called:
            remote = _find(caller, attempt, payment)
            # Whoever else found no trace of it may be asking again just now; only one of us does.
            if not _must_repeat(attempt, remote) or not _leaves_now(attempt, commit):
                return _take_over(attempt, remote, by, commit)
        remote = _call(caller, attempt, payment, number, is_captured_at_once=is_captured_at_once)
        return _take_over(attempt, remote, by, commit)
    except GatewayError as error:
        return _note(attempt, error, was_called=was_called, by=by, commit=commit)


def next_wait(asks: int) -> dt.timedelta:
    """How long to wait before asking again."""
    return dt.timedelta(seconds=WAITS[min(asks, len(WAITS) - 1)])


def _call(
    caller: Gateway, attempt: sa.RowMapping, payment: sa.RowMapping, number: str, *, is_captured_at_once: bool
) -> RemotePayment:
    key = rows.wire_key(attempt["order_id"], attempt["key"])
    amount, currency, reference = attempt["amount"], payment["currency"], payment["gateway_reference"]
    match attempt["action"]:
        case "authorise":
            request = Authorisation(
                amount,
                currency,
                payment["gateway_token"] or "",
                number,
                is_captured_at_once=is_captured_at_once,
            )
            return caller.authorise(request, key=key)
        case "capture":
            return caller.capture(reference, amount, currency, key=key)
        case "void":
            return caller.void(reference, key=key)
        case "refund":
            return caller.refund(reference, amount, currency, key=key)
    raise GatewayError("refused", "This is not carried out by a job.", code="not_carried_out")


def _leaves_now(attempt: sa.RowMapping, commit: Commit) -> bool:
    """Note that the call leaves; gives whether it is ours to make and not another worker's, who noted it first."""
    is_ours = rows.note_call(attempt["order_id"], attempt["n"], before=attempt["called_at"], now=utc_now())
    commit()
    return is_ours


def _find(caller: Gateway, attempt: sa.RowMapping, payment: sa.RowMapping) -> RemotePayment | None:
    if payment["gateway_reference"]:
        return caller.payment(payment["gateway_reference"])
    return caller.payment_by_key(
        rows.wire_key(attempt["order_id"], attempt["key"]), since=attempt["created_at"] - CLOCKS_DIFFER
    )


def _must_repeat(attempt: sa.RowMapping, remote: RemotePayment | None) -> bool:
    """Whether the gateway shows no trace of the request and none can be on its way any more."""
    if attempt["called_at"] + ON_ITS_WAY > utc_now():
        return False
    key = rows.wire_key(attempt["order_id"], attempt["key"])
    if remote is None:
        return True
    match attempt["action"]:
        case "capture":
            return remote.state == "authorised" and all(each.key != key for each in remote.captures)
        case "refund":
            return all(each.key != key for each in remote.refunds)
        case "void":
            return remote.state == "authorised"
    return False


def _take_over(
    attempt: sa.RowMapping, remote: RemotePayment | None, by: Actor, commit: Commit
) -> dt.datetime | None:
    if remote is not None:
        settle(attempt["order_id"], attempt["payment_n"], remote, by=by)
    again = _ask_again(attempt)
    commit()
    return again


def _note(
    attempt: sa.RowMapping, error: GatewayError, *, was_called: bool, by: Actor, commit: Commit
) -> dt.datetime | None:
    order_id, n = attempt["order_id"], attempt["n"]
    db.session.rollback()
    again: dt.datetime | None = None
    if error.is_final or (error.kind == "credentials" and not was_called):
        fail_attempt(attempt, error.code, by=by)
    elif error.kind in ("unreachable", "throttled") and not was_called:
        # Nothing left us, so the next try is a first one.
        again = utc_now() + dt.timedelta(seconds=error.retry_after or 0) + next_wait(attempt["asks"])
        rows.change_attempt(
            order_id, n, called_at=None, asks=attempt["asks"] + 1, next_ask_at=again, code=error.code
        )
    else:
        again = _ask_again(attempt, code=error.code)
    commit()
    return again


def _ask_again(attempt: sa.RowMapping, *, code: str | None = None) -> dt.datetime | None:
    """Nobody saw the end: it is unknown until the gateway has told, and that is asked for later and later."""
    again = utc_now() + next_wait(attempt["asks"])
    is_open = rows.change_attempt(
        attempt["order_id"],
        attempt["n"],
        state="unknown",
        asks=attempt["asks"] + 1,
        next_ask_at=again,
        **({"code": code} if code else {}),
    )
    return again if is_open else None


def _number(order_id: int) -> str:
    ref = OrderRef.__table__
    return str(
        db.session.execute(
            sa.select(ref.c.number).where(
                ref.c.merchant_id == current_merchant_id(), ref.c.order_id == order_id
            )
        ).scalar_one()
    )
