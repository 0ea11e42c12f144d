"""Payouts: what a gateway sent to the bank, each line matched to the payment or refund of ours that it is.

A line is matched by the names the gateway gave our payments and refunds. What finds no order waits in a queue for a person,
who names the order or says what it is. A line whose amount differs from ours shows the difference.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from portal.core import audit
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError, NotFoundError
from portal.core.jobs import enqueue
from portal.orders.gateways.base import Gateway, RemotePayout, RemotePayoutLine
from portal.orders.models import (
    GatewayAccount,
    PaymentPayout,
    PaymentPayoutLine,
)
from portal.orders.payments.accounts import account_of, gateway_of, is_tested
from portal.orders.payments.payout_matching import match_lines

# Lines of a payout may still come for some days after it was announced.
LOOKED_BACK: Final = dt.timedelta(days=14)
FETCHED_EVERY: Final = dt.timedelta(hours=1)
BATCH: Final = 500

_payout: Final = PaymentPayout.__table__
_line: Final = PaymentPayoutLine.__table__


def fetch(account: GatewayAccount, caller: Gateway, *, commit: Callable[[], None]) -> int:
    """Read payouts of two weeks before the last fetch and all later ones; gives how many.

    Raises:
        GatewayError: the gateway did not answer; what was read stays.
    """
    account_id, since, begun = account.id, account.payouts_seen_until, utc_now()
    commit()
    found = caller.payouts(since - LOOKED_BACK if since else None)
    for remote in found:
        take_over(account_of(account_id), remote, caller.payout_lines(remote.reference), commit=commit)
    account_of(account_id, lock=True).payouts_seen_until = begun
    commit()
    return len(found)


def request_fetch(account_id: int, *, by: Actor) -> None:
    """Let a worker fetch the payouts of an account; while one waits or runs there is no second."""
    enqueue("payments.payouts", {"account_id": account_id}, by=by, unique_key=str(account_id))


def accounts_due() -> Sequence[int]:
    """Accounts whose payouts were not fetched for an hour."""
    late = utc_now() - FETCHED_EVERY
    found = db.session.scalars(
        sa.select(GatewayAccount).where(
            GatewayAccount.state != "draft",
            sa.or_(GatewayAccount.payouts_seen_until.is_(None), GatewayAccount.payouts_seen_until < late),
        )
    )
    return [each.id for each in found if is_tested(each)]


def take_over(
    account: GatewayAccount,
    remote: RemotePayout,
    lines: Iterable[RemotePayoutLine],
    *,
    commit: Callable[[], None],
) -> int:
    """Write a payout and its lines as the gateway shows them, match what is new; gives the payout. Twice is once.

    Each batch is committed, for a payout may hold more lines than one transaction should.
    """
    account_id, payout_id = account.id, _write_payout(account, remote)
    for batch in _batched(lines, BATCH):
        _write_lines(payout_id, batch)
        commit()
    match_lines(payout_id, account_of(account_id), commit=commit)
    _add_up(payout_id)
    commit()
    return payout_id


def match_by_hand(line_id: int, order_id: int, *, by: Actor) -> None:
    """A person says which order a line belongs to.

    Raises:
        ConflictError: it was matched or explained meanwhile.
    """
    payout_id = _settle_line(line_id, {"state": "matched", "order_id": order_id}, by)
    audit.record(
        action="payout.line_matched",
        by=by,
        subject=("payout", payout_id),
        after={"line": line_id, "order_id": order_id},
    )
    _add_up(payout_id)


def explain(line_id: int, reason: str, *, by: Actor) -> None:
    """A person says what a line without an order is.

    Raises:
        DomainError: there is no reason.
        ConflictError: it was matched or explained meanwhile.
    """
    words = " ".join(reason.replace("\0", "").split())[:300]
    if not words:
        raise DomainError("Say what this line is.", field="reason")
    payout_id = _settle_line(line_id, {"state": "explained", "reason": words}, by)
    audit.record(
        action="payout.line_explained", by=by, subject=("payout", payout_id), after={"line": line_id}
    )
    _add_up(payout_id)


def put_back(line_id: int, *, by: Actor) -> int:
    """Undo what a person said of a line: it waits again; gives its payout.

    Raises:
        ConflictError: no person settled it, or it was put back meanwhile.
    """
    changed = db.session.execute(
        sa.update(_line)
        .where(_one(line_id), settled_by_hand())
        .values(state="unmatched", order_id=None, payment_n=None, refund_n=None, expected=None, reason=None, matched_by=None)
        .returning(_line.c.payout_id)
    ).one_or_none()  # fmt: skip
    if changed is None:
        raise ConflictError("Only what a person settled is put back. See how this line stands now.")
    audit.record(
        action="payout.line_put_back",
        by=by,
        subject=("payout", changed.payout_id),
        after={"line": line_id},
    )
    _add_up(changed.payout_id)
    return int(changed.payout_id)


def settled_by_hand() -> sa.ColumnElement[bool]:
    """The lines whose order or explanation a person gave."""
    return sa.or_(
        _line.c.state == "explained", sa.and_(_line.c.state == "matched", _line.c.matched_by.is_not(None))
    )


def payout_of(payout_id: int) -> PaymentPayout:
    """One payout.

    Raises:
        NotFoundError: the merchant has none of that number.
    """
    found = db.session.get(PaymentPayout, (current_merchant_id(), payout_id))
    if found is None:
        raise NotFoundError("There is no such payout.")
    return found


def request_rematch(payout_id: int, *, by: Actor) -> None:
    """Let a worker look again for the orders of the lines that have none: an order may have come in later."""
    enqueue("payments.rematch", {"payout_id": payout_of(payout_id).id}, by=by, unique_key=str(payout_id))


def rematch(payout_id: int, *, commit: Callable[[], None]) -> int:
    """Look again for the orders of the lines that have none; gives how many were found."""
    found = match_lines(payout_id, account_of(payout_of(payout_id).account_id), commit=commit)
    _add_up(payout_id)
    commit()
    return found


def fetch_now(account_id: int, *, by: Actor) -> None:
    """A person wants the payouts read now.

    Raises:
        DomainError: the account has no keys that work.
    """
    account = account_of(account_id)
    gateway_of(account)
    if not is_tested(account):
        raise DomainError("Test the account first.")
    request_fetch(account_id, by=by)


def _batched(lines: Iterable[RemotePayoutLine], size: int) -> Iterator[list[RemotePayoutLine]]:
    """The lines in lists of at most *size*."""
    left = iter(lines)
    while batch := list(islice(left, size)):
        yield batch


def _write_payout(account: GatewayAccount, remote: RemotePayout) -> int:
    values: dict[str, Any] = {
        "state": remote.state, "currency": remote.currency, "amount": remote.amount, "paid_on": remote.paid_on, "fetched_at": utc_now()
    }  # fmt: skip
    statement = postgresql.insert(_payout).values(
        merchant_id=current_merchant_id(), account_id=account.id, reference=remote.reference, **values
    )
    return int(
        db.session.execute(
            statement.on_conflict_do_update(
                index_elements=["merchant_id", "account_id", "reference"], set_=values
            ).returning(_payout.c.id)
        ).scalar_one()
    )


def _write_lines(payout_id: int, lines: Sequence[RemotePayoutLine]) -> None:
    db.session.execute(
        postgresql.insert(_line).on_conflict_do_nothing(
            index_elements=["merchant_id", "payout_id", "reference"]
        ),
        [
            {
                "merchant_id": current_merchant_id(),
                "payout_id": payout_id,
                "reference": line.reference,
                "kind": line.kind,
                "source_reference": line.source_reference,
                "payment_reference": line.payment_reference,
                "gross": line.gross,
                "fee": line.fee,
                "net": line.net,
                "happened_at": line.happened_at,
            }
            for line in lines
        ],
    )


def _settle_line(line_id: int, values: dict[str, Any], by: Actor) -> int:
    changed = db.session.execute(
        sa.update(_line)
        .where(_one(line_id), _line.c.state == "unmatched")
        .values(matched_by=by.id if by.kind == "user" else None, **values)
        .returning(_line.c.payout_id)
    ).one_or_none()
    if changed is None:
        raise ConflictError("Someone settled this line already. See how it stands now.")
    return int(changed.payout_id)


def _add_up(payout_id: int) -> None:
    """Sums and counts of the lines, on the payout."""
    sums = db.session.execute(
        sa.select(
            sa.func.coalesce(sa.func.sum(_line.c.net), 0).label("lines_amount"),
            sa.func.coalesce(sa.func.sum(_line.c.fee), 0).label("fees_amount"),
            sa.func.count().label("line_count"),
            sa.func.count().filter(_line.c.state == "unmatched").label("unmatched_count"),
        ).where(_mine(payout_id))
    ).one()
    db.session.execute(
        sa.update(_payout)
        .where(_payout.c.merchant_id == current_merchant_id(), _payout.c.id == payout_id)
        .values(**sums._mapping)
    )


def _mine(payout_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(_line.c.merchant_id == current_merchant_id(), _line.c.payout_id == payout_id)


def _one(line_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(_line.c.merchant_id == current_merchant_id(), _line.c.id == line_id)


def require_line(line_id: int) -> None:
    """Refuse an address that names no line of the merchant.

    Raises:
        NotFoundError: there is none.
    """
    if db.session.execute(sa.select(_line.c.id).where(_one(line_id))).first() is None:
        raise NotFoundError("There is no such line.")
