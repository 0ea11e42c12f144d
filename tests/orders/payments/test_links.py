"""A payment link is paid once, until its day, on a page of the gateway."""

from __future__ import annotations

import datetime as dt
import re
import urllib.error
import urllib.parse
import urllib.request
from decimal import Decimal

import pytest
import sqlalchemy as sa

from portal.core.audit import SYSTEM
from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.errors import ConflictError, DomainError
from portal.orders.cancelling import cancel_order
from portal.orders.models import GatewayAccount, PaymentLink
from portal.orders.payments import accounts, links
from portal.orders.payments.services import create_link
from portal.orders.services import take_payment
from tests.orders.payments.conftest import GatewayDesk, Paid, Pay, tell_consumers, work, work_later
from tests.support.client import HouseClient
from tests.support.shop import Shop
from tests.support.waiting import settle


@pytest.fixture
def order(account: GatewayAccount, shop: Shop) -> Paid:
    """An order nobody has paid."""
    placed = shop.order(("MUG", 1, "20.00"))
    return Paid(placed.order_id, placed.number, 1)


def make(order: Paid, amount: str = "20.00") -> str:
    url = create_link(order.order_id, Decimal(amount), by=SYSTEM)
    db.session.commit()
    return urllib.parse.urlsplit(url).path


def only_link() -> PaymentLink:
    db.session.rollback()
    return db.session.scalars(sa.select(PaymentLink).execution_options(populate_existing=True)).one()


def go(client: HouseClient, path: str) -> str:
    """Press the button of the pay page; gives the gateway's page."""
    db.session.rollback()
    assert client.get(path).status_code == 200
    answer = client.post(path)
    assert answer.status_code == 200, answer.text
    found = re.fullmatch(r"0; url=(.*)", answer.headers["Refresh"])
    assert found
    return found[1]


def press(page: str, card: str) -> int:
    """Choose a card on the gateway's page; gives the status."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *args: object, **kwargs: object) -> None:
            return None

    opener = urllib.request.build_opener(Stay())
    try:
        with opener.open(page, data=urllib.parse.urlencode({"card": card}).encode(), timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_buyer_pays_once_on_the_gateways_page(order: Paid, desk: GatewayDesk, client: HouseClient) -> None:
    path = make(order)
    page = go(client, path)
    assert go(client, path) == page
    with urllib.request.urlopen(page, timeout=10) as answer:
        shown = answer.read().decode()
    assert "Visa the bank declines" in shown
    assert 'type="text"' not in shown
    assert press(page, "tok_declined") == 402
    assert [press(page, "tok_mastercard") for _ in range(2)] == [303, 303]
    work_later()
    assert (order.head().captured_total, order.head().payment_state) == (Decimal("20.00"), "paid")
    assert only_link().state == "paid"
    assert len([each for each in desk.payments() if each["state"] == "captured"]) == 1
    assert "It is paid" in client.get(path).text
    assert client.post(path).status_code == 409


def test_a_link_is_open_until_its_day(order: Paid, desk: GatewayDesk, client: HouseClient) -> None:
    path = make(order)
    page = go(client, path)
    db.session.execute(sa.update(PaymentLink).values(expires_at=utc_now() - dt.timedelta(seconds=1)))
    db.session.commit()
    assert client.post(path).status_code == 409
    assert links.expire_links() == 1
    db.session.commit()
    work()
    assert only_link().state == "expired"
    assert order.payment().state == "voided"
    assert press(page, "tok_visa") == 409
    assert "not open any more" in client.get(path).text


def test_money_that_came_at_the_last_moment_is_taken_in(order: Paid, client: HouseClient) -> None:
    page = go(client, make(order))
    links.withdraw_link(order.order_id, only_link().id, by=SYSTEM)
    db.session.commit()
    assert press(page, "tok_visa") == 303
    work()
    assert order.head().captured_total == Decimal("20.00")
    assert only_link().state == "paid"


def test_a_page_that_could_not_be_made_is_the_same_page_the_next_time(
    order: Paid, desk: GatewayDesk, client: HouseClient
) -> None:
    path = make(order)
    desk.fail_next("checkout", "lost")
    assert client.post(path).status_code == 409
    go(client, path)
    mine = [each for each in desk.state()["checkouts"].values() if each["account"] == desk.secret_key]
    assert len(mine) == 1


def test_a_page_that_closed_before_the_link_is_replaced(
    order: Paid, desk: GatewayDesk, client: HouseClient
) -> None:
    path = make(order)
    first = go(client, path)
    accounts.gateway_of(accounts.account_of(only_link().account_id)).close_checkout(first.rpartition("/")[2])
    second = go(client, path)
    assert second != first
    assert press(second, "tok_visa") == 303


def test_what_is_no_link_is_nothing(client: HouseClient, scope: int) -> None:
    for path in ("/pay/x", "/pay/m_1-" + "0" * 32, "/pay/m_zzzzzzzzzzzzz-" + "a" * 32):
        assert client.get(path).status_code == 404, path


def test_a_link_needs_an_amount_and_a_gateway_that_is_on(order: Paid, account: GatewayAccount) -> None:
    with pytest.raises(DomainError, match="above zero"):
        create_link(order.order_id, Decimal(0), by=SYSTEM)
    db.session.rollback()
    accounts.switch_off(accounts.account_of(account.id), by=SYSTEM)
    with pytest.raises(DomainError, match="No payment gateway is switched on"):
        create_link(order.order_id, Decimal(5), by=SYSTEM)
    db.session.rollback()
    make(order, "5.00")
    links.withdraw_link(order.order_id, only_link().id, by=SYSTEM)
    db.session.commit()
    with pytest.raises(ConflictError, match="not open any more"):
        links.withdraw_link(order.order_id, only_link().id, by=SYSTEM)


def test_a_link_asks_for_no_more_than_is_left_to_ask_for(order: Paid) -> None:
    with pytest.raises(DomainError, match="Only £20.00 is left to ask for"):
        make(order, "20.01")
    db.session.rollback()
    make(order, "12.00")
    with pytest.raises(ConflictError, match="Open links ask for £12.00"):
        make(order, "8.01")
    db.session.rollback()
    make(order, "8.00")


def test_what_is_set_aside_is_not_asked_for_again(pay: Pay) -> None:
    paid = pay("20.00")
    with pytest.raises(DomainError, match="paid or set aside already"):
        create_link(paid.order_id, Decimal(1), by=SYSTEM)


@pytest.mark.parametrize("how", ["cancelled", "paid by hand"])
def test_an_order_that_needs_no_money_is_not_paid_by_an_old_link(
    order: Paid, client: HouseClient, how: str
) -> None:
    path = make(order)
    page = go(client, path)
    if how == "cancelled":
        cancel_order(order.order_id, by=SYSTEM)
    else:
        take_payment(order.order_id, Decimal("20.00"), method="cash", reference=None, by=SYSTEM)
    db.session.commit()
    # The page of the gateway is open already, and so is the link until the event is heard.
    answer = client.post(path)
    assert (answer.status_code, "more than is still owed" in answer.text) == (409, True)
    settle()
    tell_consumers()
    work()
    assert only_link().state == "cancelled"
    assert press(page, "tok_visa") == 409
    assert order.head().captured_total == (0 if how == "cancelled" else Decimal("20.00"))


def test_links_that_together_ask_too_much_are_withdrawn_from_the_newest(order: Paid) -> None:
    make(order, "5.00")
    make(order, "15.00")
    take_payment(order.order_id, Decimal("12.00"), method="cash", reference=None, by=SYSTEM)
    db.session.commit()
    settle()
    tell_consumers()
    assert [(each.amount, each.state) for each in reversed(links.links_of(order.order_id))] == [
        (Decimal("5.00"), "open"),
        (Decimal("15.00"), "cancelled"),
    ]
