"""Payments in a real browser: a buyer pays on the gateway's page, staff take money by keyboard, every screen can be read."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from flask import Flask
from playwright.sync_api import Page, expect

from portal.core.audit import SYSTEM
from portal.core.database import db
from portal.orders.models import GatewayAccount, PaymentDispute, PaymentPayout
from portal.orders.payments import payouts, services
from portal.orders.payments.links import create_link
from tests.orders.payments.conftest import GatewayDesk, Pay, work, work_later
from tests.orders.payments.test_disputes import hear
from tests.support.browser import axe_findings
from tests.support.people import Person
from tests.support.shop import Shop

pytestmark = pytest.mark.browser
Open = Callable[..., Page]


@pytest.fixture
def live(live_app: Flask, live_server: str, app: Flask, desk: GatewayDesk) -> Iterator[str]:
    """The running portal may call the gateway, and knows its own address."""
    before, here = live_app.config["SETTINGS"], app.config["SETTINGS"]
    hosts = frozenset({urlsplit(desk.url).netloc})
    live_app.config["SETTINGS"] = dataclasses.replace(before, private_hosts=hosts, public_url=live_server)
    app.config["SETTINGS"] = dataclasses.replace(here, private_hosts=hosts, public_url=live_server)
    yield live_server
    live_app.config["SETTINGS"], app.config["SETTINGS"] = before, here


@pytest.mark.parametrize("scripts", [True, False])
def test_a_buyer_pays_by_a_link(
    live: str, account: GatewayAccount, shop: Shop, open_browser: Open, scripts: bool
) -> None:
    placed = shop.order(("MUG", 1, "20.00"))
    url = create_link(placed.order_id, Decimal("20.00"), by=SYSTEM)
    db.session.commit()
    page = open_browser(java_script_enabled=scripts)
    page.goto(url)
    page.get_by_role("button", name="Go to the payment page").click()
    page.wait_for_url(re.compile("/checkout/"))
    page.get_by_label("Visa the bank declines").check()
    page.get_by_role("button", name="Pay 20 GBP").click()
    expect(page.get_by_role("alert")).to_contain_text("The bank said no")
    page.get_by_label("Mastercard that works").check()
    page.get_by_role("button", name="Pay 20 GBP").click()
    page.wait_for_url(url)
    expect(page.get_by_text("You cannot pay twice.")).to_be_visible()
    work_later()
    page.goto(url)
    expect(page.get_by_text("It is paid. Thank you.")).to_be_visible()


def test_money_is_taken_by_keyboard_and_a_double_click_is_one(
    live: str, pay: Pay, desk: GatewayDesk, open_browser: Open, member: Callable[..., Person]
) -> None:
    paid = pay("20.00")
    page = open_browser(member("support"))
    page.goto(f"/orders/{paid.number}")
    amount = page.get_by_label("Amount to take")
    amount.fill("12.50")
    amount.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The gateway is being asked")).to_be_visible()
    work()
    page.goto(f"/orders/{paid.number}")
    expect(page.get_by_label("Amount to take")).to_have_value("7.50")
    page.get_by_role("button", name="Take payment").dblclick()
    expect(page.get_by_text("The gateway is being asked")).to_be_visible()
    work()
    assert paid.head().captured_total == Decimal("20.00")
    assert [each["amount"] for each in desk.payments()[0]["captures"]] == ["12.5", "7.5"]


@pytest.mark.parametrize(
    ("scheme", "width"),
    [
        ("light", 1280),
        pytest.param("dark", 1280, marks=pytest.mark.axe_all),
        pytest.param("light", 360, marks=pytest.mark.axe_all),
    ],
)
def test_every_screen_can_be_read(
    live: str, pay: Pay, desk: GatewayDesk, account: GatewayAccount, open_browser: Open, member: Callable[..., Person],
    scheme: str, width: int,
) -> None:  # fmt: skip
    held, failed, disputed = pay("48.00"), pay("31.00", token="tok_declined"), pay("20.00", captured=True)
    services.request_refund(disputed.order_id, 1, Decimal("5.00"), key="r", reason=None, by=SYSTEM)
    url = create_link(failed.order_id, Decimal("31.00"), by=SYSTEM)
    db.session.commit()
    work()
    desk.say("disputes", payment=disputed.payment().gateway_reference, amount="15")
    hear(desk, account)
    desk.say("payouts", secret_key=desk.secret_key, extra=[
        {"kind": "adjustment", "source": None, "payment": "pay_nobody", "gross": "9.00", "fee": "0", "net": "9.00"}
    ])  # fmt: skip
    payouts.request_fetch(account.id, by=SYSTEM)
    db.session.commit()
    work()
    dispute = db.session.scalars(sa.select(PaymentDispute.id)).one()
    payout = db.session.scalars(sa.select(PaymentPayout.id)).one()
    db.session.rollback()
    page = open_browser(member("owner"), color_scheme=scheme, viewport={"width": width, "height": 900})
    findings = []
    for path in (
        f"/orders/{held.number}", f"/orders/{failed.number}", f"/orders/{disputed.number}", f"/disputes/{dispute}", "/disputes",
        "/payouts", f"/payouts/{payout}", "/payouts/unmatched", "/payments/notices", "/settings/payments", "/settings/payments/new",
        f"/settings/payments/{account.id}", urlsplit(url).path,
    ):  # fmt: skip
        page.goto(path)
        page.wait_for_load_state("networkidle")
        findings += [f"{path}: {each}" for each in axe_findings(page)]
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            findings.append(f"{path} is wider than the screen")
    assert findings == []
