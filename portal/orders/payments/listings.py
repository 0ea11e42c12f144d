"""The lists of payments: disputes, payouts, notices."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import url_for

from portal.core.database import current_merchant_id
from portal.core.listing import ChoiceFilter, Column, Listing, Sort, execute
from portal.orders.models import (
    GatewayAccount,
    OrderRef,
    PaymentDispute,
    PaymentNotice,
    PaymentPayout,
    PaymentPayoutLine,
)

_account = GatewayAccount.__table__.c
_dispute = PaymentDispute.__table__.c
_notice = PaymentNotice.__table__.c
_payout = PaymentPayout.__table__.c
_payout_line = PaymentPayoutLine.__table__.c
_ref = OrderRef.__table__.c

DISPUTE_STATES = [
    ("needs_response", "Needs an answer"),
    ("under_review", "With the bank"),
    ("won", "Won"),
    ("lost", "Lost"),
]
PAYOUT_STATES = [("in_transit", "On its way"), ("paid", "Paid"), ("failed", "Failed")]
NOTICE_STATES = [
    ("received", "Received"),
    ("applied", "Applied"),
    ("ignored", "Not ours to act on"),
    ("failed", "Tried again"),
    ("dead", "Given up"),
]
PAYOUT_LINE_STATES = [("matched", "Matched"), ("unmatched", "Not matched"), ("explained", "Explained")]
PAYOUT_LINE_KINDS = [
    ("payment", "Payment"),
    ("refund", "Refund"),
    ("dispute", "Dispute"),
    ("fee", "Fee"),
    ("adjustment", "Adjustment"),
]
_as_expected = sa.case(
    (_payout_line.gross == _payout_line.expected, "same"), (_payout_line.expected.is_not(None), "differs")
)


def account_choices() -> list[tuple[str, str]]:
    """The merchant's gateway accounts, for columns."""
    rows = execute(
        sa.select(_account.id, _account.name)
        .where(_account.merchant_id == current_merchant_id())
        .order_by(_account.name, _account.id)
    )
    return [(str(row.id), row.name) for row in rows]


def _with_number(table: Any) -> Any:
    return table.outerjoin(
        OrderRef.__table__,
        sa.and_(_ref.merchant_id == table.c.merchant_id, _ref.order_id == table.c.order_id),
    )


DISPUTES = Listing(
    key="disputes",
    title="Disputes",
    permission="orders.view",
    noun=("dispute", "disputes"),
    source=_with_number(PaymentDispute.__table__),
    tenant=_dispute.merchant_id,
    row_key=_dispute.id,
    default_sort="-dispute",
    hidden={"currency": _dispute.currency},
    columns=[
        Column("dispute", "Dispute", _dispute.reference, kind="code", sort=Sort(_dispute.id, index="payment_dispute_pkey", alone=True)),
        Column("order", "Order", _ref.number, kind="code", card=3),
        Column("state", "State", _dispute.state, kind="state", badge="dispute", card=1),
        Column("amount", "Amount", _dispute.amount, kind="money", currency="currency", card=2),
        Column("reason", "Reason", _dispute.reason),
        Column("due", "Answer by", _dispute.due_at, kind="time"),
        Column("opened", "Opened", _dispute.opened_at, kind="time"),
        Column("account", "Gateway", _dispute.account_id, names=account_choices, default=False),
    ],
    filters=[
        ChoiceFilter(key="state", label="State", expression=_dispute.state, options=DISPUTE_STATES, index="payment_dispute_merchant_id_state_id_idx"),
    ],
    link=lambda row: url_for("payments.dispute", dispute_id=row["row_key"]),
    empty=("When a buyer asks the bank for the money back, it stands here until you have answered.", None, None),
)  # fmt: skip

PAYOUTS = Listing(
    key="payouts",
    title="Payouts",
    permission="orders.view",
    noun=("payout", "payouts"),
    source=PaymentPayout.__table__,
    tenant=_payout.merchant_id,
    row_key=_payout.id,
    default_sort="-payout",
    hidden={"currency": _payout.currency},
    columns=[
        Column("payout", "Payout", _payout.reference, kind="code", sort=Sort(_payout.id, index="payment_payout_pkey", alone=True)),
        Column("paid_on", "Paid on", _payout.paid_on, kind="day", card=1),
        Column("state", "State", _payout.state, kind="state", badge="payout"),
        Column("amount", "Amount", _payout.amount, kind="money", currency="currency", card=2),
        Column("fees", "Fees", _payout.fees_amount, kind="money", currency="currency"),
        Column("difference", "Difference", _payout.amount - _payout.lines_amount, kind="money", currency="currency"),
        Column("lines", "Lines", _payout.line_count, kind="number"),
        Column("unmatched", "Not matched", _payout.unmatched_count, kind="number", card=3),
        Column("account", "Gateway", _payout.account_id, names=account_choices, default=False),
    ],
    filters=[ChoiceFilter(key="state", label="State", expression=_payout.state, options=PAYOUT_STATES)],
    link=lambda row: url_for("payments.payout", payout_id=row["row_key"]),
    empty=("What your gateway pays to your bank is read once an hour and matched to its orders.", None, None),
)  # fmt: skip

PAYOUT_LINES = Listing(
    key="payout-lines",
    title="Payout lines",
    permission="orders.view",
    noun=("line", "lines"),
    source=_with_number(PaymentPayoutLine.__table__).join(
        PaymentPayout.__table__, sa.and_(_payout.merchant_id == _payout_line.merchant_id, _payout.id == _payout_line.payout_id)
    ),
    tenant=_payout_line.merchant_id,
    row_key=_payout_line.id,
    default_sort="-line",
    hidden={"currency": _payout.currency, "payout_id": _payout_line.payout_id},
    columns=[
        Column("line", "Line", _payout_line.reference, kind="code", sort=Sort(_payout_line.id, index="payment_payout_line_pkey", alone=True)),
        Column("payout", "Payout", _payout.reference, kind="code"),
        Column("paid_on", "Paid on", _payout.paid_on, kind="day"),
        Column("kind", "What", _payout_line.kind, text=lambda row: str(row["kind"]).capitalize()),
        Column("state", "State", _payout_line.state, kind="state", badge="payout_line", card=1),
        Column("order", "Order", _ref.number, kind="code", card=3),
        Column("gross", "Gross", _payout_line.gross, kind="money", currency="currency"),
        Column("fee", "Fee", _payout_line.fee, kind="money", currency="currency"),
        Column("net", "Net", _payout_line.net, kind="money", currency="currency", card=2),
        Column("difference", "Differs by", _payout_line.gross - _payout_line.expected, kind="money", currency="currency"),
        Column("source", "The gateway's name", _payout_line.source_reference, kind="code", default=False),
    ],
    filters=[
        ChoiceFilter(key="state", label="State", expression=_payout_line.state, options=PAYOUT_LINE_STATES, index="payment_payout_line_merchant_id_state_id_idx"),
        ChoiceFilter(key="kind", label="What", expression=_payout_line.kind, options=PAYOUT_LINE_KINDS),
        ChoiceFilter(key="amount", label="Amount", expression=_as_expected, options=[("differs", "Differs from the order"), ("same", "As on the order")]),
    ],
    link=lambda row: url_for("payments.payout", payout_id=row["payout_id"]),
    empty=("What each payout of your gateway is made of stands here line by line.", None, None),
)  # fmt: skip

NOTICES = Listing(
    key="payment-notices",
    title="Notices of gateways",
    permission="orders.view",
    noun=("notice", "notices"),
    source=_with_number(PaymentNotice.__table__),
    tenant=_notice.merchant_id,
    row_key=_notice.id,
    exportable=False,
    default_sort="-notice",
    columns=[
        Column("notice", "Notice", _notice.kind, sort=Sort(_notice.id, index="payment_notice_pkey", alone=True)),
        Column("received", "Received", _notice.received_at, kind="time", card=1),
        Column("state", "State", _notice.state, kind="state", badge="notice", card=2),
        Column("order", "Order", _ref.number, kind="code", card=3),
        Column("times", "Times", _notice.times_received, kind="number"),
        Column("reason", "Why", _notice.reason),
        Column("account", "Gateway", _notice.account_id, names=account_choices, default=False),
    ],
    filters=[ChoiceFilter(key="state", label="State", expression=_notice.state, options=NOTICE_STATES)],
    link=lambda row: url_for("payments.notice", notice_id=row["row_key"]),
    empty=("What your gateway tells the portal stands here for 90 days.", None, None),
)  # fmt: skip
