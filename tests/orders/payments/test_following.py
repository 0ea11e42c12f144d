"""Orders carry their payments along: whose account it is, and when what is set aside is taken."""

from __future__ import annotations

from decimal import Decimal

import pytest

from portal.core.audit import SYSTEM
from portal.core.database import db
from portal.core.errors import ConflictError
from portal.orders.cancelling import cancel_order
from portal.orders.gateways.base import Authorisation
from portal.orders.gateways.house import HouseGateway
from portal.orders.models import GatewayAccount
from portal.orders.payments import preferences, services
from portal.orders.placement import NewPayment
from portal.orders.services import ship_lines
from tests.orders.payments.conftest import GatewayDesk, Paid, Pay, tell_consumers, work
from tests.support.shop import Shop
from tests.support.waiting import settle


@pytest.fixture
def brought(account: GatewayAccount, desk: GatewayDesk, shop: Shop) -> Paid:
    """An order whose shop set the money aside itself and tells only what the gateway calls it."""
    made = HouseGateway(desk.url, desk.secret_key, seconds=5).authorise(
        Authorisation(Decimal("20.00"), "GBP", "tok_mastercard", "W-1"), key="the-shops-own"
    )
    placed = shop.order(
        ("MUG", 1, "20.00"),
        payments=(NewPayment("card", Decimal("20.00"), gateway="house", gateway_reference=made.reference),),
    )
    return Paid(placed.order_id, placed.number, 1)


def choose(moment: str) -> None:
    preferences.change_preferences(moment, 7, version=preferences.preferences().version, by=SYSTEM)
    db.session.commit()


def follow() -> None:
    settle()
    tell_consumers()
    work()


def test_a_payment_that_comes_with_its_order_finds_its_account_and_is_looked_at(
    brought: Paid, account: GatewayAccount
) -> None:
    choose("by_hand")
    follow()
    row = brought.payment()
    assert (row.account_id, row.card_brand, row.card_last_four) == (account.id, "mastercard", "4444")
    assert (row.state, row.captured_amount) == ("authorised", Decimal(0))


@pytest.mark.parametrize(
    ("moment", "before", "after"),
    [("placement", "20.00", "20.00"), ("dispatch", "0", "20.00"), ("by_hand", "0", "0")],
)
def test_money_is_taken_when_the_merchant_says(brought: Paid, moment: str, before: str, after: str) -> None:
    choose(moment)
    follow()
    assert brought.head().captured_total == Decimal(before)
    ship_lines(brought.order_id, {1: 1}, carrier=None, tracking_number=None, by=SYSTEM)
    db.session.commit()
    follow()
    follow()
    assert brought.head().captured_total == Decimal(after)
    assert [each.action for each in brought.attempts()] == (["capture"] if after != "0" else [])


def test_what_is_set_aside_for_a_cancelled_order_is_let_go(
    account: GatewayAccount, desk: GatewayDesk, pay: Pay
) -> None:
    paid = pay("20.00")
    cancel_order(paid.order_id, by=SYSTEM)
    db.session.commit()
    with pytest.raises(ConflictError, match="The order is cancelled"):
        services.capture(paid.order_id, 1, Decimal("20.00"), key="late", by=SYSTEM)
    db.session.rollback()
    follow()
    follow()
    assert paid.payment().state == "voided"
    assert desk.payments()[0]["state"] == "voided"
    assert [each.action for each in paid.attempts()] == ["authorise", "void"]
