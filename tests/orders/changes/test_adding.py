"""Goods are looked for while an order is edited or exchanged: matches with price and stock, rows that fill up, nothing lost."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

import pytest
import sqlalchemy as sa

from portal.core.database import current_merchant_id, db
from portal.orders.changes.adding import FULL
from portal.orders.changes.reading import MOST_ADDED
from tests.orders.changes.books import Sent
from tests.support.client import HouseClient
from tests.support.people import Person
from tests.support.shop import Shop

D = Decimal
PRICE = (
    "INSERT INTO price (merchant_id, variant_id, currency, amount) VALUES (:merchant, :variant, 'GBP', 6.5)"
)
BARCODE = (
    "UPDATE variant SET barcode = :code, barcode_key = :code WHERE merchant_id = :merchant AND id = :variant"
)


@pytest.fixture
def support(login: Callable[[Person], HouseClient], member: Callable[..., Person]) -> HouseClient:
    return login(member("support"))


@pytest.fixture
def priced(shop: Shop) -> Shop:
    """The plate costs 6.50 and has a barcode."""
    values = {"merchant": current_merchant_id(), "variant": shop.variants["PLATE"]}
    db.session.execute(sa.text(PRICE), values)
    db.session.execute(sa.text(BARCODE), values | {"code": "4006381333931"})
    db.session.commit()
    return shop


@pytest.fixture(params=["changes", "returns"])
def here(request: pytest.FixtureRequest, sent: Sent) -> str:
    return f"/orders/{sent(('MUG', 3, '4.50'), paid='13.50').number}/{request.param}"


def value_of(page: str, name: str) -> str | None:
    found = re.search(rf'<input[^>]* name="{name}" value="([^"]*)"', page)
    return found[1] if found else None


def test_matches_show_what_they_cost_and_what_is_there(priced: Shop, support: HouseClient, here: str) -> None:
    answer = support.post(f"{here}/items", data={"find": "PLA", "line-1": "2", "kind": "exchange"})
    assert answer.status_code == 200
    assert 'name="pick" value="PLATE"' in answer.text and "£6.50" in answer.text
    assert re.search(r"\d+ available", answer.text)
    assert value_of(answer.text, "line-1") == "2", "nothing that was typed is lost"
    assert value_of(answer.text, "find") == "PLA"


@pytest.mark.parametrize("text", ["plate", "4006381333931"])
def test_what_is_meant_exactly_goes_into_a_row(
    priced: Shop, support: HouseClient, here: str, text: str
) -> None:
    first = support.post(f"{here}/items", data={"find": text}).text
    assert (value_of(first, "sku-1"), value_of(first, "units-1")) == ("PLATE", "1")
    assert value_of(first, "find") == "" and 'placeholder="£6.50"' in first
    again = support.post(f"{here}/items", data={"pick": "PLATE", "sku-1": "plate", "units-1": "4"}).text
    assert (value_of(again, "sku-1"), value_of(again, "units-1")) == ("PLATE", "5")
    assert value_of(again, "sku-2") == "" and value_of(again, "sku-3") is None
    looked = support.post(f"{here}/items?only_look=1", data={"find": text}).text
    assert value_of(looked, "sku-1") == "" and 'name="pick" value="PLATE"' in looked


def test_enter_in_the_search_field_searches(priced: Shop, support: HouseClient, here: str) -> None:
    answer = support.post(here, data={"kind": "edit", "find": "PLATE", "version": "1"})
    assert answer.status_code == 200
    assert value_of(answer.text, "sku-1") == "PLATE"


def test_htmx_gets_the_card_alone(priced: Shop, support: HouseClient, here: str) -> None:
    answer = support.post(f"{here}/items", data={"find": "PLATE"}, headers={"HX-Request": "true"})
    assert answer.text.lstrip().startswith("<section") and "<h1" not in answer.text
    assert answer.headers.get("HX-Trigger") == ("items-changed" if here.endswith("changes") else None)


def test_odd_searches_are_answered(shop: Shop, support: HouseClient, here: str) -> None:
    for odd in ("nothing like it", "\0", "\0abc", "\u0301\u0301\u0301", "%", "ש" * 300, ""):
        assert support.post(f"{here}/items", data={"find": odd}).status_code == 200
    assert "Nothing that is sold matches" in support.post(f"{here}/items", data={"find": "nothing"}).text
    many = {"pick": "PLATE", "sku-1": "PLATE", "units-1": "many"}
    assert value_of(support.post(f"{here}/items", data=many).text, "units-1") == "many"


def test_a_full_form_says_so(shop: Shop, support: HouseClient, here: str) -> None:
    full = {f"sku-{n}": f"S{n}" for n in range(1, MOST_ADDED + 1)}
    answer = support.post(f"{here}/items", data={**full, "pick": "PLATE"}).text
    assert FULL.replace("'", "&#39;") in answer and value_of(answer, "sku-20") == "S20"


def test_goods_beside_a_return_are_not_dropped_unsaid(shop: Shop, sent: Sent, support: HouseClient) -> None:
    placed = sent(("MUG", 3, "4.50"), paid="13.50")
    page = support.get(f"/orders/{placed.number}/returns/new").text
    data = {
        "version": value_of(page, "version") or "", "kind": "return", "reason_code": "changed_mind", "line-1": "1",
        "sku-1": "PLATE", "units-1": "1", "new-price-1": "5",
    }  # fmt: skip
    answer = support.post(f"/orders/{placed.number}/returns", data=data)
    assert answer.status_code == 422 and "Only an exchange sends items instead." in answer.text
