"""A day of a support agent, from the telephone to the last refund: by mouse, by keyboard alone, and without JavaScript."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import Locator, Page, expect

from portal.core.database import current_merchant_id, db
from portal.core.mail import Message
from portal.orders.models import Order
from tests.browser.hands import Keyboard, Mouse
from tests.orders.documents.shops import invoicing_shop
from tests.support.people import Person
from tests.support.shop import Shop, levels

Member = Callable[..., Person]
OpenBrowser = Callable[..., Page]

pytestmark = pytest.mark.browser

PHONE = "+44 (0)20 7946-0018"


@pytest.fixture
def shop(scope: int) -> Shop:
    return invoicing_shop({"MUG": 20, "CUP": 20, "TEAPOT": 5})


@pytest.mark.parametrize("way", ["mouse", "keyboard", "plain"])
def test_a_support_agents_day(shop: Shop, member: Member, open_browser: OpenBrowser, way: str) -> None:
    placed = shop.order(("MUG", 3, "4.50"), ("CUP", 1, "6.00"), paid="24.40", shipping="4.90")
    page = open_browser(member("support"), java_script_enabled=way != "plain")
    day = Day(
        page, Keyboard(page) if way == "keyboard" else Mouse(page), placed.number, is_scripted=way != "plain"
    )

    day.find_by_phone()
    day.issue_the_invoice()
    day.add("TEAPOT", price="12.00")
    day.take("12.00")
    day.send({"MUG": 2, "CUP": 1, "TEAPOT": 0})
    day.give_back_delivery("4.90")
    day.exchange("CUP", for_sku="TEAPOT", price="6.00")
    day.withdraw("MUG")
    day.send_the_invoice_again()

    head = order_of(placed.order_id)
    # 13.50 + 6.00 + 12.00 + 4.90 were charged; 4.90 of delivery, the cup and a mug were taken off, a teapot for 6.00 put on.
    assert (head.due_total, head.refunded_total) == (Decimal("27.00"), Decimal("9.40"))
    assert head.captured_total - head.refunded_total == head.due_total + head.credit_total
    on_hand = {sku: levels([key])[key] for sku, key in shop.variants.items()}
    assert on_hand == {"MUG": (19, 1), "CUP": (20, 0), "TEAPOT": (5, 2)}
    assert len(letters()) == 2


class Day:
    """What the agent does, in the words of the screens."""

    def __init__(self, page: Page, hand: Mouse, number: str, *, is_scripted: bool) -> None:
        self.page, self.hand, self.number, self.is_scripted = page, hand, number, is_scripted

    def find_by_phone(self) -> None:
        """The box in the top bar, a phone number as somebody says it; the one order it belongs to opens."""
        self.page.goto("/")
        self.hand.fill(self.page.get_by_label("Look up anything"), PHONE)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(f"**/orders/{self.number}*")
        self.on_order()

    def add(self, sku: str, *, price: str) -> None:
        self.act("Edit")
        self.hand.fill(self.page.get_by_label("SKU to add, row 1"), sku)
        self.hand.fill(self.page.get_by_label("Units to add, row 1"), "1")
        self.hand.fill(self.page.get_by_label("Price of one, row 1"), price)
        self.hand.choose(self.page.get_by_label("Reason"), "The customer asked for it")
        self.confirm()

    def take(self, amount: str) -> None:
        """The customer pays the rest, by bank transfer."""
        payments = self.panel("Payments", "payments")
        self.hand.press(payments.get_by_text("Record a payment"))
        self.hand.fill(payments.get_by_label("Amount"), amount)
        self.hand.press(payments.get_by_role("button", name="Record payment"))
        expect(self.page.get_by_text("The payment is recorded.")).to_be_visible()
        self.back_to_order()

    def send(self, units: dict[str, int]) -> None:
        self.hand.press(self.page.get_by_role("link", name="Send parcel"))
        for sku, count in units.items():
            self.hand.fill(self.page.get_by_label(f"Units of {sku} to send"), str(count))
        self.hand.press(self.page.locator("#ship").get_by_role("button", name="Send"))
        expect(self.page.get_by_text("The parcel is on its way.")).to_be_visible()

    def give_back_delivery(self, amount: str) -> None:
        self.act("Refund")
        self.hand.fill(self.page.get_by_label("Off Delivery"), amount)
        self.hand.choose(self.page.get_by_label("Reason"), "It came late")
        self.confirm()

    def exchange(self, sku: str, *, for_sku: str, price: str) -> None:
        self.begin_return(sku, "Exchange", "It does not fit", instead=(for_sku, price))
        self.bring_back(sku)

    def withdraw(self, sku: str) -> None:
        self.begin_return(sku, "Withdrawal", "Withdrawal within the time the law gives")
        self.bring_back(sku)

    def issue_the_invoice(self) -> None:
        documents = self.panel("Documents", "documents")
        self.hand.press(documents.get_by_role("button", name="Issue invoice"))
        expect(self.page.get_by_text("is issued").first).to_be_visible()
        self.back_to_order()
        self.send_the_invoice_again()

    def send_the_invoice_again(self) -> None:
        documents = self.panel("Documents", "documents")
        self.hand.press(documents.get_by_role("button", name="by mail").first)
        expect(self.page.get_by_text("The document goes out by mail.")).to_be_visible()
        self.back_to_order()

    def begin_return(
        self, sku: str, kind: str, reason: str, *, instead: tuple[str, str] | None = None
    ) -> None:
        self.act("Return or exchange")
        self.hand.fill(self.page.get_by_label(f"Units of {sku} that come back"), "1")
        if instead is not None:
            self.hand.fill(self.page.get_by_label("SKU to send instead, row 1"), instead[0])
            self.hand.fill(self.page.get_by_label("Units to send instead, row 1"), "1")
            self.hand.fill(self.page.get_by_label("Price of one, row 1"), instead[1])
        self.hand.choose(self.page.get_by_label("Kind"), kind)
        self.hand.choose(self.page.get_by_label("Reason"), reason)
        self.hand.press(self.page.get_by_role("button", name="Record the request"))
        if self.is_scripted:
            self.hand.press(self.page.get_by_role("button", name="Approve", exact=True))
        self.hand.press(self.page.get_by_role("button", name="Approve the return"))

    def bring_back(self, sku: str) -> None:
        """What came back is looked at and settled; a withdrawal gives the money back with it."""
        self.hand.press(self.page.get_by_role("button", name="Record the arrival"))
        self.hand.press(self.page.get_by_role("button", name="Finish the inspection"))
        self.confirm("Preview the settlement")

    def act(self, label: str) -> None:
        self.back_to_order()
        menu = self.page.locator("summary", has_text="More").first
        if menu.count():
            self.hand.press(menu)
        self.hand.press(self.page.get_by_role("link", name=label, exact=True).first)

    def confirm(self, preview: str = "Preview the change") -> None:
        self.hand.press(self.page.get_by_role("button", name=preview))
        self.hand.press(self.page.get_by_role("button", name="Confirm"))
        expect(self.page.get_by_text("The order is changed.")).to_be_visible()

    def panel(self, label: str, anchor: str) -> Locator:
        """A region of the order's page, which without JavaScript is a link to a page of its own."""
        self.back_to_order()
        region = self.page.locator(f"#{anchor}")
        if not self.is_scripted:
            self.hand.press(self.page.get_by_role("main").get_by_role("link", name=label, exact=True))
        expect(region).to_be_visible()
        return region

    def back_to_order(self) -> None:
        if not self.page.url.split("?")[0].endswith(f"/orders/{self.number}"):
            self.page.goto(f"/orders/{self.number}")
        self.on_order()

    def on_order(self) -> None:
        expect(self.page.get_by_role("heading", name=f"Order {self.number}").first).to_be_visible()


def order_of(order_id: int) -> Any:
    db.session.rollback()
    head = Order.__table__.c
    return db.session.execute(
        sa.select(head.due_total, head.credit_total, head.captured_total, head.refunded_total).where(
            head.merchant_id == current_merchant_id(), head.id == order_id
        )
    ).one()


def letters() -> list[int]:
    """The mails that carry an invoice."""
    return list(db.session.scalars(sa.select(Message.id).where(Message.template == "document")))
