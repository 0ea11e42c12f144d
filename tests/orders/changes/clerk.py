"""A process that waits for the others at a line of its input, then does one act and says how it ended.

``python -m tests.orders.changes.clerk <merchant> <act> <json>``: it writes ``ready``, waits for a line, acts, and writes
``done``, ``already``, ``waiting`` or the name of the error.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from portal import create_app
from portal.core.audit import Actor
from portal.core.database import db, merchant_scope
from portal.core.errors import DomainError
from portal.orders.changes import services
from portal.orders.changes.proposal import Proposal, RefundWish
from portal.orders.returns import services as desk
from portal.orders.store_credit.services import spend


def confirm(by: Actor, order_id: int, n: int, version: int) -> str:
    return services.confirm(order_id, n, version=version, by=by).state


def refund(by: Actor, order_id: int, amount: str) -> str:
    wish = RefundWish(Decimal(amount))
    return services.change_at_once(order_id, Proposal("refund", refund=wish), reason_code="late", by=by).state


def approve_return(by: Actor, order_id: int, n: int) -> str:
    desk.approve_return(order_id, n, by=by)
    return "done"


def settle_return(by: Actor, order_id: int, n: int) -> str:
    return desk.settle_return(order_id, n, refund=RefundWish(), by=by).state


def spend_credit(by: Actor, customer_id: int, amount: str) -> str:
    spend(customer_id, Decimal(amount), "GBP", order_id=None, by=by)
    return "done"


ACTS: dict[str, Callable[..., str]] = {
    each.__name__: each for each in (confirm, refund, approve_return, settle_return, spend_credit)
}


def main(merchant_id: int, act: str, arguments: dict[str, Any]) -> None:
    app = create_app()
    user_id = arguments.pop("user_id", None)
    by = Actor("user" if user_id else "system", user_id, "A clerk")
    with app.app_context(), merchant_scope(merchant_id):
        print("ready", flush=True)
        sys.stdin.readline()
        try:
            outcome = ACTS[act](by, **arguments)
            db.session.commit()
        except DomainError as error:
            db.session.rollback()
            outcome = type(error).__name__
        print(outcome, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]))
