"""Composing an order: found, priced, kept, placed; nothing typed is lost, no price changes without a reason."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal as D

import pytest
import sqlalchemy as sa

from portal.catalog.models import Price
from portal.core.audit.models import AuditEntry
from portal.core.database import db
from portal.customers.models import Customer
from portal.customers.services import create_customer
from portal.orders.models import (
    ComposedOrder,
    ComposedOrderLine,
    Order,
    OrderContact,
    OrderDiscount,
    OrderLine,
    SalesChannel,
    TaxRate,
)
from portal.stock.models import StockLevel
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person
from tests.support.shop import Shop, open_shop

ADA = {"name": "Ada Lovelace", "email": "ada@example.com", "country_code": "GB", "city": "London"}


class Composer:
    """A person at the composer, as their browser sends its form."""

    def __init__(self, client: HouseClient) -> None:
        self.client = client
        answer = client.post("/drafts")
        assert answer.status_code == 303, answer.text
        self.address = answer.location

    def form(self, **typed: str) -> dict[str, str]:
        page = self.client.get(self.address).text
        fields = dict(re.findall(r'<input class="form-control"[^>]*name="([^"]+)" value="([^"]*)"', page))
        fields["country_code"] = "GB"
        fields["version"] = re.findall(r'name="version" value="(\d+)"', page)[0]
        return fields | typed

    def press(self, act: str = "", **typed: str) -> object:
        return self.client.post(self.address + act, data=self.form(**typed))

    def placed(self, **typed: str) -> object:
        return self.press("/placement", **typed)


@pytest.fixture
def shop(scope: int) -> Shop:
    shop = open_shop({"MUG": 10, "PLATE": 4})
    for sku, amount in (("MUG", "4.50"), ("PLATE", "7.25")):
        db.session.add(Price(variant_id=shop.variants[sku], currency="GBP", amount=D(amount)))
    db.session.add(
        TaxRate(
            country_code="GB",
            region="",
            tax_class="standard",
            name="VAT",
            rate=D("0.2"),
            valid_from=dt.date(2020, 1, 1),
        )
    )
    db.session.commit()
    return shop


@pytest.fixture
def composer(
    shop: Shop, login: Callable[[Person], HouseClient], member: Callable[..., Person]
) -> Callable[..., Composer]:
    return lambda role="owner": Composer(login(member(role)))


def test_an_order_is_composed_and_placed(composer: Callable[..., Composer], scope: int) -> None:
    desk = composer()
    assert desk.press("/lines", find="mug").status_code == 303
    assert desk.press("/lines", find="MUG").status_code == 303
    assert desk.press("/lines", find="plate").status_code == 303
    desk.press(**ADA, shipping_amount="3.95", shipping_label="Courier", discount_percent="10")
    page = desk.client.get(desk.address).text
    assert "£22.28" in page
    answer = desk.placed()
    assert answer.status_code == 303, answer.text
    order = db.session.scalars(sa.select(Order)).one()
    assert answer.location == f"/orders/{order.number}"
    assert (order.items_total, order.charges_total, order.tax_total, order.total) == (
        D("14.62"),
        D("3.95"),
        D("3.71"),
        D("22.28"),
    )
    lines = db.session.scalars(sa.select(OrderLine).order_by(OrderLine.n)).all()
    assert [(line.sku, line.quantity, line.discount, line.allocated_quantity) for line in lines] == [
        ("MUG", 2, D("0.90"), 2),
        ("PLATE", 1, D("0.73"), 1),
    ]
    assert db.session.scalars(sa.select(OrderDiscount.amount)).one() == D("1.63")
    channel = db.session.get_one(SalesChannel, (scope, order.channel_id))
    assert channel.kind == "phone"
    customer = db.session.scalars(sa.select(Customer)).one()
    assert (customer.id, customer.email, customer.order_count) == (order.customer_id, "ada@example.com", 1)
    kinds = db.session.scalars(sa.select(OrderContact.kind).order_by(OrderContact.n)).all()
    assert kinds == ["buyer", "shipping"]


def test_a_placed_draft_keeps_nothing_of_the_person_and_is_placed_once(
    composer: Callable[..., Composer],
) -> None:
    desk = composer()
    desk.press("/lines", find="MUG")
    form = desk.form(**ADA)
    assert desk.client.post(desk.address + "/placement", data=form).status_code == 303
    again = desk.client.post(desk.address + "/placement", data=form)
    assert again.status_code == 409
    assert "placed meanwhile" in again.text or "became an order" in again.text
    assert db.session.scalar(sa.select(sa.func.count(Order.id))) == 1
    draft = db.session.scalars(sa.select(ComposedOrder)).one()
    assert (draft.state, draft.name, draft.email, draft.city) == ("placed", None, None, None)


def test_another_price_asks_for_a_reason_and_stands_in_the_audit_log(
    composer: Callable[..., Composer], scope: int
) -> None:
    desk = composer()
    desk.press("/lines", find="MUG")
    line = db.session.scalars(sa.select(ComposedOrderLine.id)).one()
    refused = desk.press(**{f"price-{line}": "3.00"})
    assert refused.status_code == 422
    assert "Say why" in refused.text
    assert 'value="3.00"' in refused.text, "what was typed is still there"
    kept = desk.press(**{f"price-{line}": "3.00", f"reason-{line}": "Chipped"})
    assert kept.status_code == 303
    desk.placed(**ADA)
    placed = db.session.scalars(sa.select(OrderLine)).one()
    assert (placed.unit_price, placed.list_price) == (D("3.00"), D("4.50"))
    logged = db.session.scalars(
        sa.select(AuditEntry.changes).where(
            AuditEntry.merchant_id == scope, AuditEntry.action == "order.price_overridden"
        )
    ).one()
    assert logged["reason"] == "Chipped"
    assert (logged["before"]["unit_price"], logged["after"]["unit_price"]) == ("4.500000", "3.000000")


def test_who_may_not_change_prices_cannot_ask_another(composer: Callable[..., Composer]) -> None:
    desk = composer("support")
    desk.press("/lines", find="MUG")
    line = db.session.scalars(sa.select(ComposedOrderLine.id)).one()
    assert f'name="price-{line}"' not in desk.client.get(desk.address).text
    refused = desk.press(**{f"price-{line}": "1.00", f"reason-{line}": "Friend"})
    assert refused.status_code == 403
    assert db.session.scalars(sa.select(ComposedOrderLine.unit_price)).one() == D("4.50")


def test_a_known_customer_is_found_and_chosen(composer: Callable[..., Composer], scope: int) -> None:
    known = create_customer(
        {
            "name": "Grace Hopper",
            "email": "grace@example.com",
            "phone": "020 7946 0991",
            "country_code": "GB",
        },
        by=SYSTEM,
    )
    db.session.commit()
    desk = composer()
    for who in ("grace@", "Hopper", "020 7946 0991"):
        found = desk.client.get(f"{desk.address}?who={who}").text
        assert "Grace Hopper" in found, who
        assert "grace@example.com" not in found, "a list of matches is masked"
    assert "No customer matches" in desk.press("/customer", who="nobody@").text
    assert desk.press("/customer", customer_id=str(known.id)).status_code == 303
    draft = db.session.scalars(sa.select(ComposedOrder)).one()
    assert (draft.customer_id, draft.name, draft.subject_id) == (known.id, "Grace Hopper", known.subject_id)
    desk.press("/lines", find="MUG")
    desk.placed()
    order = db.session.scalars(sa.select(Order)).one()
    assert order.customer_id == known.id
    assert db.session.scalar(sa.select(sa.func.count(Customer.id))) == 1


def test_units_are_kept_on_demand_and_become_the_orders(
    composer: Callable[..., Composer], shop: Shop, scope: int
) -> None:
    desk = composer()
    desk.press("/lines", find="PLATE")
    line = db.session.scalars(sa.select(ComposedOrderLine.id)).one()
    too_many = desk.press("/reservation", **{f"quantity-{line}": "5"})
    assert too_many.status_code == 409
    assert desk.press("/reservation", **{f"quantity-{line}": "3"}).status_code == 303

    def figures() -> tuple[int, int]:
        db.session.expire_all()
        level = db.session.scalars(
            sa.select(StockLevel).where(StockLevel.variant_id == shop.variants["PLATE"])
        ).one()
        return level.reserved, level.allocated

    assert figures() == (3, 0)
    desk.press("/reservation/removal")
    assert figures() == (0, 0)
    desk.press("/reservation")
    desk.placed(**ADA)
    assert figures() == (0, 3)


def test_discarding_forgets_the_person_and_frees_the_units(
    composer: Callable[..., Composer], shop: Shop, scope: int
) -> None:
    desk = composer()
    desk.press("/lines", find="MUG")
    desk.press("/reservation", **ADA)
    assert desk.client.post(desk.address + "/removal").status_code == 303
    draft = db.session.scalars(sa.select(ComposedOrder)).one()
    assert (draft.state, draft.name, draft.email) == ("discarded", None, None)
    level = db.session.scalars(
        sa.select(StockLevel).where(StockLevel.variant_id == shop.variants["MUG"])
    ).one()
    assert level.reserved == 0


def test_the_preview_keeps_nothing(composer: Callable[..., Composer]) -> None:
    desk = composer()
    desk.press("/lines", find="MUG")
    form = desk.form(shipping_amount="100.00")
    shown = desk.client.post(desk.address + "/preview", data=form, headers={"HX-Request": "true"})
    assert "104.50" in shown.text or "125.40" in shown.text
    assert db.session.scalars(sa.select(ComposedOrder.shipping_amount)).one() == 0


def test_a_stale_tab_saves_nothing(composer: Callable[..., Composer]) -> None:
    desk = composer()
    stale = desk.form(shipping_amount="9.00")
    desk.press(shipping_amount="5.00")
    refused = desk.client.post(desk.address, data=stale)
    assert refused.status_code == 409
    assert "Someone else changed this draft" in refused.text
    assert db.session.scalars(sa.select(ComposedOrder.shipping_amount)).one() == 5


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"shipping_amount": "NaN"}, "Enter an amount"),
        ({"shipping_amount": "1.005"}, "2 decimals"),
        ({"discount_percent": "101"}, "up to 100"),
        ({"discount_percent": "5", "discount_amount": "5"}, "not both"),
        ({"country_code": "Britain"}, "Choose a country"),
        ({"email": "ada at home"}, "not an e-mail address"),
    ],
)
def test_what_makes_no_sense_is_refused_and_stays_typed(
    composer: Callable[..., Composer], typed: dict[str, str], words: str
) -> None:
    answer = composer().press(**typed)
    assert answer.status_code == 422
    assert words in answer.text


def test_nothing_and_nobody_cannot_be_placed(composer: Callable[..., Composer]) -> None:
    desk = composer()
    assert "Add what is ordered" in desk.placed(**ADA).text
    desk.press("/lines", find="MUG")
    assert "Say whom" in desk.placed().text


def test_reverse_charge_is_shown_before_it_is_placed(composer: Callable[..., Composer], scope: int) -> None:
    db.session.execute(
        sa.text("UPDATE merchant SET country = 'NL', prices_include_tax = true WHERE id = :id"), {"id": scope}
    )
    db.session.add(
        TaxRate(
            country_code="NL",
            tax_class="standard",
            name="BTW",
            rate=D("0.21"),
            valid_from=dt.date(2020, 1, 1),
        )
    )
    db.session.commit()
    desk = composer()
    desk.press("/lines", find="MUG")
    desk.press(name="Werk GmbH", company="Werk GmbH", vat_id="DE 136695976", country_code="DE")
    page = desk.client.get(desk.address).text
    assert "Reverse charge" in page
    form = desk.form() | {"country_code": "DE"}
    assert desk.client.post(desk.address + "/placement", data=form).status_code == 303
    order = db.session.scalars(sa.select(Order)).one()
    assert (order.tax_treatment, order.tax_total, order.total) == ("reverse_charge", 0, D("3.72"))
