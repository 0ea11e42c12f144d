"""Which payment or refund of ours a line of a payout is: found for hundreds of lines by a handful of statements."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from portal.core.database import current_merchant_id, db
from portal.orders.models import (
    GatewayAccount,
    OrderPayment,
    OrderRefund,
    PaymentAttempt,
    PaymentDispute,
    PaymentPayoutLine,
)

BATCH: Final = 500

_line: Final = PaymentPayoutLine.__table__
_payment: Final = OrderPayment.__table__
_refund: Final = OrderRefund.__table__
_attempt: Final = PaymentAttempt.__table__
_dispute: Final = PaymentDispute.__table__


@dataclass(frozen=True, slots=True)
class Ours:
    """What we know about the payments that some lines name.

    Args:
        payments: by the gateway's name: order, number, what was taken.
        captures: by order and payment: what was taken by which capture, by its name.
        refunds: by order and the gateway's name.
        disputes: by the gateway's name, the amount.
    """

    payments: Mapping[str, Any]
    captures: Mapping[tuple[int, int], Mapping[str | None, Decimal]]
    refunds: Mapping[tuple[int, str], Any]
    disputes: Mapping[str, Decimal]


def match_lines(payout_id: int, account: GatewayAccount, *, commit: Callable[[], None]) -> int:
    """Find the order of every line that has none, and the amount of ours that was not known before; gives how many lines
    found their order. Commits batch by batch."""
    found, after = 0, 0
    account_id, kind = account.id, account.kind
    while waiting := _waiting(payout_id, after):
        after = waiting[-1]["id"]
        ours = _ours(waiting, account_id, kind)
        matches = [(line, _match(line, ours)) for line in waiting]
        _write([match | {"line_id": line["id"]} for line, match in matches if match is not None])
        found += sum(match is not None and line["state"] == "unmatched" for line, match in matches)
        commit()
    return found


def _waiting(payout_id: int, after: int) -> Sequence[sa.RowMapping]:
    unsure = sa.and_(
        _line.c.state == "matched",
        _line.c.expected.is_(None),
        _line.c.kind != "fee",
        _line.c.matched_by.is_(None),
    )
    return (
        db.session.execute(
            sa.select(_line)
            .where(
                _line.c.merchant_id == current_merchant_id(),
                _line.c.payout_id == payout_id,
                _line.c.id > after,
                sa.or_(_line.c.state == "unmatched", unsure),
            )
            .order_by(_line.c.id)
            .limit(BATCH)
        )
        .mappings()
        .all()
    )


def _ours(lines: Sequence[sa.RowMapping], account_id: int, kind: str) -> Ours:
    named = {line["payment_reference"] for line in lines if line["payment_reference"]}
    sources = {line["source_reference"] for line in lines if line["source_reference"]}
    payments = _payments(named, account_id, kind)
    order_ids = {row.order_id for row in payments.values()}
    captures: dict[tuple[int, int], dict[str | None, Decimal]] = {}
    for row in db.session.execute(
        sa.select(_attempt.c.order_id, _attempt.c.payment_n, _attempt.c.reference, _attempt.c.amount).where(
            _attempt.c.merchant_id == current_merchant_id(),
            _attempt.c.order_id.in_(order_ids),
            _attempt.c.action == "capture",
            _attempt.c.state != "failed",
        )
    ):
        captures.setdefault((row.order_id, row.payment_n), {})[row.reference] = row.amount
    refunds = db.session.execute(
        sa.select(_refund.c.order_id, _refund.c.n, _refund.c.amount, _refund.c.external_id).where(
            _refund.c.merchant_id == current_merchant_id(),
            _refund.c.order_id.in_(order_ids),
            _refund.c.external_id.in_(sources),
        )
    )
    disputes = db.session.execute(
        sa.select(_dispute.c.reference, _dispute.c.amount).where(
            _dispute.c.merchant_id == current_merchant_id(),
            _dispute.c.account_id == account_id,
            _dispute.c.reference.in_(sources),
        )
    )
    return Ours(
        payments,
        captures,
        {(row.order_id, row.external_id): row for row in refunds},
        {row.reference: row.amount for row in disputes},
    )


def _payments(named: Collection[str], account_id: int, kind: str) -> dict[str, Any]:
    found = db.session.execute(
        sa.select(_payment.c.gateway_reference, _payment.c.order_id, _payment.c.n, _payment.c.captured_amount)
        .where(
            _payment.c.merchant_id == current_merchant_id(),
            _payment.c.gateway_reference.in_(named),
            sa.or_(
                _payment.c.account_id == account_id,
                sa.and_(_payment.c.account_id.is_(None), _payment.c.gateway == kind),
            ),
        )
        .order_by(_payment.c.order_id)
    )
    return {row.gateway_reference: row for row in found}


def _match(line: sa.RowMapping, ours: Ours) -> dict[str, Any] | None:
    empty = {"order": line["order_id"], "payment": line["payment_n"], "refund": None, "ours": None}
    if line["kind"] == "fee":
        return empty
    payment = ours.payments.get(line["payment_reference"])
    if payment is None:
        return None
    match: dict[str, Any] = empty | {"order": payment.order_id, "payment": payment.n}
    source = line["source_reference"]
    if line["kind"] == "payment":
        match["ours"] = _taken(payment, source, ours)
    elif line["kind"] == "refund":
        refund = ours.refunds.get((payment.order_id, source))
        match |= {"refund": refund.n, "ours": -refund.amount} if refund is not None else {}
    elif line["kind"] == "dispute":
        amount = ours.disputes.get(source)
        match["ours"] = None if amount is None else (-amount if line["gross"] < 0 else amount)
    return match


def _taken(payment: Any, source: str | None, ours: Ours) -> Decimal | None:
    """What we believe was taken by the capture the line names; of a payment taken elsewhere, all of it. None: not known yet."""
    captures = ours.captures.get((payment.order_id, payment.n))
    return captures.get(source) if captures else Decimal(payment.captured_amount)


def _write(matches: Sequence[Mapping[str, Any]]) -> None:
    if not matches:
        return
    db.session.execute(
        sa.update(_line)
        .where(
            _line.c.merchant_id == current_merchant_id(),
            _line.c.id == sa.bindparam("line_id"),
            # A person who was quicker has the last word.
            _line.c.matched_by.is_(None),
            _line.c.state != "explained",
        )
        .values(
            state="matched",
            order_id=sa.bindparam("order"),
            payment_n=sa.bindparam("payment"),
            refund_n=sa.bindparam("refund"),
            expected=sa.bindparam("ours"),
        ),
        matches,
    )
