"""Several processes at the same money, the same limit and the same last unit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from portal.accounts.roles import role_by_key
from portal.core.database import current_merchant_id, db
from portal.customers.services import create_customer
from portal.orders import services as orders
from portal.orders.changes import rules, services
from portal.orders.changes.proposal import NewLineWish, Proposal, RefundWish
from portal.orders.models import OrderChange, OrderChangeDraft, OrderRefund, RefundDay
from portal.orders.placement import PlacedOrder
from portal.orders.returns import services as desk
from portal.orders.store_credit.services import balance_of, entries, give
from tests.orders.changes.books import money_of
from tests.support.people import SYSTEM, Person
from tests.support.shop import Shop, levels, open_shop

D = Decimal
ROOT = Path(__file__).resolve().parents[3]
Clerks = Callable[[Sequence[tuple[str, dict[str, Any]]]], list[str]]


@pytest.fixture
def clerks(process_environment: dict[str, str], scope: int) -> Clerks:
    """Let processes do an act each at the same moment; gives how each ended."""

    def work(acts: Sequence[tuple[str, dict[str, Any]]]) -> list[str]:
        db.session.rollback()
        running = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.orders.changes.clerk", str(scope), act, json.dumps(arguments)],
                env=os.environ | process_environment | {"PYTHONPATH": str(ROOT)}, cwd=ROOT, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )
            for act, arguments in acts
        ]  # fmt: skip
        for process in running:
            assert process.stdout and process.stdout.readline() == "ready\n"
        for process in running:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()
        ends = [process.communicate(timeout=120) for process in running]
        assert [process.returncode for process in running] == [0] * len(running), ends
        return sorted(out.strip().splitlines()[-1] for out, _ in ends)

    return work


@pytest.fixture
def shop(scope: int) -> Shop:
    return open_shop({"MUG": 20, "PLATE": 1})


def send(placed: PlacedOrder, units: int) -> None:
    orders.ship_lines(placed.order_id, {1: units}, carrier=None, tracking_number=None, by=SYSTEM)
    db.session.commit()


def test_one_confirmation_clicked_in_many_processes_gives_back_once(
    scope: int, shop: Shop, clerks: Clerks
) -> None:
    placed = shop.order(("MUG", 2, "4.50"), paid="9")
    n = services.begin(
        placed.order_id, Proposal("refund", refund=RefundWish(D(9))), reason_code="late", by=SYSTEM
    )
    version = services.preview(placed.order_id, n).now.version
    db.session.commit()
    click = ("confirm", {"order_id": placed.order_id, "n": n, "version": version})
    assert clerks([click] * 4) == ["already", "already", "already", "confirmed"]
    assert money_of(scope, placed.order_id)["refunded"] == D(9)
    assert db.session.scalars(sa.select(OrderRefund.amount)).all() == [D(9)]
    assert db.session.scalar(sa.select(sa.func.count(OrderChange.n))) == 1


def test_two_people_refund_one_order_and_no_cent_goes_back_twice(
    scope: int, shop: Shop, clerks: Clerks
) -> None:
    placed = shop.order(("MUG", 2, "4.50"), paid="9")
    ends = clerks([("refund", {"order_id": placed.order_id, "amount": "6"})] * 3)
    # The first takes 6 of 9; for the others only 3 are left, and they are told.
    assert ends == ["DomainError", "DomainError", "confirmed"]
    assert money_of(scope, placed.order_id) == {
        "due": D(3),
        "captured": D(9),
        "refunded": D(6),
        "credit": D(0),
    }


def test_the_limit_of_a_day_holds_over_many_orders_at_once(
    scope: int, shop: Shop, clerks: Clerks, member: Callable[..., Person]
) -> None:
    person = member("support")
    rules.save_limit(role_by_key("support").id, None, D(10), by=SYSTEM)
    placed = [shop.order(("MUG", 2, "4.50"), paid="9") for _ in range(4)]
    ends = clerks(
        [("refund", {"order_id": each.order_id, "amount": "4", "user_id": person.user_id}) for each in placed]
    )
    # Two of 4 fit into 10; the others wait for somebody else.
    assert ends == ["confirmed", "confirmed", "waiting", "waiting"]
    assert db.session.scalars(sa.select(RefundDay.amount)).all() == [D(8)]
    assert sum(money_of(scope, each.order_id)["refunded"] for each in placed) == D(8)
    waiting = db.session.scalars(
        sa.select(OrderChangeDraft.state).where(OrderChangeDraft.state == "waiting")
    ).all()
    assert len(waiting) == 2


def test_of_many_exchanges_for_the_last_unit_one_gets_it(scope: int, shop: Shop, clerks: Clerks) -> None:
    acts = []
    for _ in range(3):
        placed = shop.order(("MUG", 1, "4.50"), paid="4.50")
        send(placed, 1)
        wanted = NewLineWish("PLATE", "Plate", 1, D(6), shop.variants["PLATE"])
        n = desk.request_return(
            placed.order_id, {1: 1}, kind="exchange", reason_code="does_not_fit", wanted=(wanted,), by=SYSTEM
        )
        db.session.commit()
        acts.append(("approve_return", {"order_id": placed.order_id, "n": n}))
    assert clerks(acts) == ["ConflictError", "ConflictError", "done"]
    assert levels([shop.variants["PLATE"]]) == {shop.variants["PLATE"]: (1, 1)}


def test_a_return_settled_by_many_at_once_is_settled_once(scope: int, shop: Shop, clerks: Clerks) -> None:
    placed = shop.order(("MUG", 2, "4.50"), paid="9")
    send(placed, 2)
    n = desk.request_return(placed.order_id, {1: 2}, kind="return", reason_code="changed_mind", by=SYSTEM)
    desk.approve_return(placed.order_id, n, by=SYSTEM)
    desk.receive(placed.order_id, n, {1: 2}, location_id=None, by=SYSTEM)
    desk.inspect(placed.order_id, n, {1: {"sale": 2}}, by=SYSTEM)
    db.session.commit()
    ends = clerks([("settle_return", {"order_id": placed.order_id, "n": n})] * 3)
    assert ends == ["ConflictError", "ConflictError", "confirmed"]
    assert money_of(scope, placed.order_id) == {
        "due": D(0),
        "captured": D(9),
        "refunded": D(9),
        "credit": D(0),
    }
    assert levels([shop.variants["MUG"]]) == {shop.variants["MUG"]: (20, 0)}


def test_store_credit_is_spent_once(scope: int, clerks: Clerks) -> None:
    customer_id = create_customer({"name": "Ada Lovelace"}, by=SYSTEM).id
    give(customer_id, D(10), "GBP", order_id=None, by=SYSTEM)
    db.session.commit()
    ends = clerks([("spend_credit", {"customer_id": customer_id, "amount": "6"})] * 3)
    assert ends == ["ConflictError", "ConflictError", "done"]
    db.session.rollback()
    assert balance_of(customer_id, "GBP") == D(4)
    rows = entries(customer_id)
    assert sum(row["amount"] for row in rows) == D(4) and rows[0]["balance_after"] == D(4)
    assert current_merchant_id() == scope
