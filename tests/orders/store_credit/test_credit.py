"""Store credit: given, spent, never below zero, and part of the order's money."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

import pytest
import sqlalchemy as sa

from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError
from portal.customers.services import create_customer
from portal.orders.changes.proposal import Proposal, RefundWish
from portal.orders.changes.services import change_at_once
from portal.orders.models import StoreCredit
from portal.orders.store_credit.services import balance_of, entries, give, pay_with_credit, spend
from tests.orders.changes.books import money_of
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person
from tests.support.shop import open_shop

D = Decimal


@pytest.fixture
def ada(scope: int) -> int:
    return create_customer({"name": "Ada Lovelace"}, by=SYSTEM).id


def test_a_refund_to_store_credit_pays_the_next_order(scope: int, ada: int) -> None:
    shop = open_shop()
    first = shop.order(("MUG", 2, "4.50"), paid="9", customer_id=ada)
    wish = RefundWish(D(9), destination="store_credit")
    change_at_once(first.order_id, Proposal("refund", refund=wish), reason_code="late", by=SYSTEM)
    assert balance_of(ada, "GBP") == D(9)
    second = shop.order(("MUG", 1, "4.50"), customer_id=ada)
    pay_with_credit(second.order_id, D("4.50"), by=SYSTEM)
    db.session.commit()
    assert balance_of(ada, "GBP") == D("4.50")
    assert money_of(scope, second.order_id) == {
        "due": D("4.50"),
        "captured": D("4.50"),
        "refunded": D(0),
        "credit": D(0),
    }
    # What was paid with credit goes back as credit, even when it is asked back "the way it was paid".
    change_at_once(
        second.order_id, Proposal("refund", refund=RefundWish(D("4.50"))), reason_code="late", by=SYSTEM
    )
    assert balance_of(ada, "GBP") == D(9)
    assert sum(entry["amount"] for entry in entries(ada)) == D(9)


def test_it_spends_no_more_than_there_is(ada: int) -> None:
    give(ada, D(5), "GBP", order_id=None, by=SYSTEM)
    with pytest.raises(ConflictError, match="only £5.00"):
        spend(ada, D("5.01"), "GBP", order_id=None, by=SYSTEM)
    with pytest.raises(ConflictError):
        spend(ada, D(1), "EUR", order_id=None, by=SYSTEM)


def test_it_pays_no_more_than_is_due(ada: int) -> None:
    shop = open_shop()
    give(ada, D(50), "GBP", order_id=None, by=SYSTEM)
    placed = shop.order(("MUG", 1, "4.50"), customer_id=ada)
    with pytest.raises(ConflictError, match="Only £4.50 is due"):
        pay_with_credit(placed.order_id, D(5), by=SYSTEM)


@pytest.mark.parametrize("amount", ["0", "-1", "0.001", "NaN", "Infinity"])
def test_it_refuses_what_is_no_amount(ada: int, amount: str) -> None:
    with pytest.raises(DomainError):
        give(ada, D(amount), "GBP", order_id=None, by=SYSTEM)


def test_the_database_holds_the_balance_above_zero(ada: int) -> None:
    give(ada, D(5), "GBP", order_id=None, by=SYSTEM)
    table = StoreCredit.__table__
    with pytest.raises(sa.exc.IntegrityError):
        db.session.execute(
            sa.update(table).where(table.c.merchant_id == current_merchant_id()).values(balance=-1)
        )
    db.session.rollback()


def test_staff_give_once_however_often_they_click(
    ada: int, login: Callable[[Person], HouseClient], member: Callable[..., Person]
) -> None:
    db.session.commit()
    client = login(member("support"))
    token = re.search(r'name="token" value="(\w+)"', client.fragment(f"/customers/{ada}/store-credit").text)
    assert token
    data = {"amount": "7", "currency": "GBP", "reason": "goodwill", "act": "give", "token": token[1]}
    assert [client.post(f"/customers/{ada}/store-credit", data=data).status_code for _ in range(2)] == [
        303,
        303,
    ]
    db.session.rollback()
    assert balance_of(ada, "GBP") == D(7)
    refused = client.post(
        f"/customers/{ada}/store-credit", data=data | {"act": "take", "amount": "8", "token": "x"}
    )
    assert refused.status_code == 409
    assert "only £7.00" in refused.text
    assert login(member("warehouse")).post(f"/customers/{ada}/store-credit", data=data).status_code == 403


def test_credit_by_hand_counts_against_what_a_person_may_give_back(
    ada: int, login: Callable[[Person], HouseClient], member: Callable[..., Person]
) -> None:
    db.session.commit()
    owner, support = login(member("owner")), login(member("support"))
    role = re.search(r'limits/(\d+)" aria-label="Limits of Support"', owner.get("/settings/refunds").text)
    assert role
    owner.post(f"/settings/refunds/limits/{role[1]}", data={"at_once": "6", "per_day": "10"})
    form = {"currency": "GBP", "reason": "goodwill", "act": "give"}

    def give_credit(amount: str, token: str, client: HouseClient = support) -> tuple[int, str]:
        answer = client.post(f"/customers/{ada}/store-credit", data=form | {"amount": amount, "token": token})
        return answer.status_code, answer.text

    status, page = give_credit("6.01", "a")
    assert status == 403
    assert "You may give back £6.00 at once" in page
    assert give_credit("6", "b")[0] == 303
    assert give_credit("6", "b")[0] == 303, (
        "the same form again is the same gift, whatever is left of the day"
    )
    assert give_credit("4.01", "c")[0] == 403
    assert give_credit("4", "d")[0] == 303
    rules = {"version": "0", "second_approver_above": "50", "withdrawal_days": "14", "refund_days": "14"}
    owner.post("/settings/refunds", data=rules)
    assert "second person" in give_credit("50.01", "e", owner)[1]
    assert give_credit("50", "f", owner)[0] == 303
    db.session.rollback()
    assert balance_of(ada, "GBP") == D(60)


def test_credit_in_a_currency_without_a_rate_is_refused(
    ada: int, login: Callable[[Person], HouseClient], member: Callable[..., Person]
) -> None:
    db.session.commit()
    data = {"amount": "5", "currency": "JPY", "reason": "goodwill", "act": "give", "token": "x"}
    refused = login(member("support")).post(f"/customers/{ada}/store-credit", data=data)
    assert refused.status_code == 422
    assert "no exchange rate for JPY" in refused.text
