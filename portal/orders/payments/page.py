"""What the order's page shows of payments, read in a handful of statements."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from portal.core.database import db
from portal.core.money import minor_units
from portal.orders.book import of_order
from portal.orders.models import PaymentAttempt
from portal.orders.payments.accounts import accounts
from portal.orders.payments.balance import still_to_ask
from portal.orders.payments.disputes import disputes_of
from portal.orders.payments.links import address_of, is_usable, links_of
from portal.orders.payments.rows import OPEN
from portal.orders.payments.services import refundable

_attempt: Final = PaymentAttempt.__table__

# Why a gateway said no, for people. A word that is not here is shown as it came.
REASONS: Final[Mapping[str, str]] = {
    "declined": "the bank declined it",
    "card_declined": "the bank declined it",
    "insufficient_funds": "there was not enough money",
    "expired_card": "the card has expired",
    "amount_too_large": "the gateway has less of it than we thought",
    "returned_by_bank": "the bank sent it back",
    "credentials": "the gateway refused our key",
    "currency": "the gateway means another currency",
    "gone": "the gateway does not know the payment",
}
ACTS: Final[Mapping[str, str]] = {
    "authorise": "Set aside",
    "capture": "Take payment",
    "void": "Let go",
    "refund": "Give back",
    "checkout": "Payment page",
}


def reason_words(code: str | None) -> str | None:
    """Why, in words."""
    return None if code is None else REASONS.get(code, code.replace("_", " "))


def payments_context(order_id: int, head: sa.RowMapping, payments: Any, refunds: Any) -> dict[str, Any]:
    """What the panel needs beside the rows of the order that its page has read.

    ``act_key`` is fresh each time the panel is drawn: a form sent twice is one act.
    """
    attempts = (
        db.session.execute(
            sa.select(_attempt).where(of_order(_attempt, order_id)).order_by(_attempt.c.n.desc()).limit(50)
        )
        .mappings()
        .all()
    )
    known = accounts()
    owed = max(Decimal(-head["credit_total"]), Decimal(0))
    links = links_of(order_id)
    to_ask = still_to_ask(order_id, head) - sum(
        (each.amount for each in links if is_usable(each)), Decimal(0)
    )
    names = {each.id: each.name for each in known}
    return {
        # A link that nobody has paid stands among the links.
        "payments": [
            _payment(each, attempts, names)
            for each in payments
            if each["method"] != "link" or each["captured_amount"] or each["state"] == "authorised"
        ],
        "refunds": [dict(each) | {"why": reason_words(each["failure_code"])} for each in refunds],
        "attempts": [
            dict(each) | {"what": ACTS[each["action"]], "why": reason_words(each["code"])}
            for each in attempts
        ],
        "links": [
            {"row": each, "url": address_of(each) if is_usable(each) else None, "is_open": is_usable(each)}
            for each in links
        ],
        "disputes": disputes_of(order_id),
        "owed": owed,
        "to_ask": to_ask,
        "to_ask_text": _plain(to_ask, head["currency"]),
        "has_gateway": any(each.is_on for each in known),
        "act_key": secrets.token_hex(8),
    }


def _payment(row: sa.RowMapping, attempts: Any, names: Mapping[int, str]) -> dict[str, Any]:
    under_way = [each for each in attempts if each["payment_n"] == row["n"] and each["state"] in OPEN]
    is_let_go = any(each["action"] == "void" for each in under_way)
    takeable = row["amount"] - row["captured_amount"] - row["capture_pending"]
    may_take = row["account_id"] is not None and row["state"] == "authorised" and not is_let_go
    return dict(row) | {
        "through": names.get(row["account_id"]) if row["account_id"] else None,
        "takeable": takeable if may_take else Decimal(0),
        "takeable_text": _plain(takeable, row["currency"]),
        "may_let_go": may_take and not row["capture_pending"],
        "refundable": refundable(row),
        "under_way": [ACTS[each["action"]] for each in under_way if each["action"] != "checkout"],
        "is_asked": any(each["state"] == "unknown" for each in under_way),
        "why": reason_words(row["failure_code"]),
    }


def _plain(amount: Decimal, currency: str) -> str:
    """An amount as a field holds it."""
    return f"{amount:.{minor_units(currency)}f}"
