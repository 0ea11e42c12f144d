"""Orders as they come: odd numbers, naughty text, credits, other currencies, many lines, two people and one order."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from urllib.parse import unquote

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError
from portal.orders import services
from portal.orders.addresses import OrderNumberConverter
from portal.orders.book import insert_row
from portal.orders.models import Order, OrderLine, OrderNote, OrderPayment, OrderRef, OrderReturn
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person
from tests.support.shop import Shop, levels, open_shop

Login = Callable[[Person], HouseClient]
Member = Callable[..., Person]

NAUGHTY_FILE = Path(__file__).parents[3] / "shared" / "data" / "naughty-strings" / "blns.json"
ODD_NUMBERS = [
    "A/1", "50%", "?", "#1", "a b", "..", ".", "/", "~", "~2F", "%2F", "A~1", "bulk", "worklist", "of-customer", "طلب ١",
    "注文-1", "😀", "a\\b", "A;1", "'\"<b>", "//x", "1/hold", "x" * 120,
]  # fmt: skip


@pytest.fixture
def shop(scope: int) -> Shop:
    return open_shop({"MUG": 10})


def renumber(order_id: int, number: str) -> None:
    """What an import does: the number is the source's."""
    for table, key in ((OrderRef.__table__, "order_id"), (Order.__table__, "id")):
        db.session.execute(
            sa.update(table)
            .where(table.c.merchant_id == current_merchant_id(), table.c[key] == order_id)
            .values(number=number)
        )
    db.session.commit()


def naughty_strings() -> list[str]:
    if not NAUGHTY_FILE.exists():
        pytest.skip("the naughty strings are not here")
    return [text for text in json.loads(NAUGHTY_FILE.read_text(encoding="utf-8")) if text.strip()]


@pytest.mark.parametrize("number", ODD_NUMBERS)
def test_an_address_brings_back_the_number(app: Flask, number: str) -> None:
    converter = OrderNumberConverter(app.url_map)
    address = converter.to_url(number)
    # A web server decodes the path once before we see it.
    assert converter.to_python(unquote(address)) == number
    assert "/" not in address and address not in (".", "..", "bulk", "worklist", "of-customer")


def test_an_order_is_opened_from_the_list_whatever_its_number(
    shop: Shop, login: Login, member: Member
) -> None:
    client = login(member("support"))
    placed = shop.order(("MUG", 1, "4.50"))
    for number in ("A/1", "50%", "?", "..", "bulk", "طلب ١", "'\"<b>"):
        renumber(placed.order_id, number)
        page = client.get("/orders").get_data(as_text=True)
        address = page.split('class="cell-link" href="')[1].split('"')[0]
        opened = client.get(html.unescape(address))
        assert opened.status_code == 200
        assert f"Order {html.escape(number, quote=False)}" in html.unescape(opened.text).replace(
            number, html.escape(number, quote=False)
        )


def test_an_act_on_an_odd_number_leads_back_to_it(shop: Shop, login: Login, member: Member) -> None:
    placed = shop.order(("MUG", 1, "4.50"))
    renumber(placed.order_id, "A/1")
    client = login(member("support"))
    answer = client.post("/orders/A~2F1/notes?list=all", data={"body": "Called back"})
    assert (answer.status_code, answer.location) == (303, "/orders/A~2F1?list=all")
    assert client.get(answer.location).status_code == 200


@pytest.mark.parametrize("number", ["%00", "~00", "~FF", "a" * 5000, "99999999999999999999999"])
def test_a_number_nobody_has_is_not_found(shop: Shop, login: Login, member: Member, number: str) -> None:
    client = login(member("support"))
    assert client.get(f"/orders/{number}").status_code == 404
    assert client.post(f"/orders/{number}/hold").status_code == 404


def test_an_id_beyond_all_ids_is_not_found(shop: Shop, login: Login, member: Member) -> None:
    placed = shop.order(("MUG", 1, "4.50"))
    client, huge = login(member("support")), "9" * 25
    assert client.get(f"/customers/{huge}").status_code == 404
    assert client.get(f"/orders/of-customer/{huge}").status_code in (200, 404)
    assert client.post(f"/orders/{placed.number}/parcels/{huge}/delivery").status_code in (303, 404)


def test_naughty_text_in_every_field_never_breaks(shop: Shop, login: Login, member: Member) -> None:
    placed = shop.order(("MUG", 5, "4.50"))
    client, here = login(member("owner")), f"/orders/{placed.number}"
    for text in [*naughty_strings()[::12], "\x00", "a\x00b", "ا" * 300, "'; DROP TABLE sales_order;--"]:
        for path, fields in (
            ("notes", ("body",)), ("tags", ("tag",)), ("tags/remove", ("tag",)), ("hold", ("reason",)),
            ("payments", ("amount", "method", "reference")), ("parcels", ("line-1", "carrier", "tracking_number", "version")),
            ("cancellation", ("version",)),
        ):  # fmt: skip
            answer = client.post(f"{here}/{path}", data=dict.fromkeys(fields, text))
            assert answer.status_code in (303, 409, 422), (path, text)
    assert client.get(here).status_code == 200


@pytest.mark.parametrize(
    "amount", ["NaN", "sNaN", "Infinity", "1e999999999", "-1", "0", "9" * 40, "1,5", "0.001"]
)
def test_an_amount_that_is_none_is_refused(shop: Shop, login: Login, member: Member, amount: str) -> None:
    placed = shop.order(("MUG", 1, "4.50"))
    answer = login(member("support")).post(
        f"/orders/{placed.number}/payments", data={"version": "1", "amount": amount, "method": "cash"}
    )
    assert answer.status_code == 422


def test_a_payment_is_recorded_once_by_a_double_click(shop: Shop, login: Login, member: Member) -> None:
    placed = shop.order(("MUG", 2, "4.50"))
    client, typed = login(member("support")), {"version": "1", "amount": "4.50", "method": "cash"}
    answers = [client.post(f"/orders/{placed.number}/payments", data=typed) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 409]
    assert "nothing more was done" in answers[1].text
    assert len(db.session.scalars(sa.select(OrderPayment)).all()) == 1


def test_a_note_is_added_once_by_a_double_click(shop: Shop, login: Login, member: Member) -> None:
    placed = shop.order(("MUG", 1, "4.50"))
    client = login(member("support"))
    for _ in range(2):
        client.post(f"/orders/{placed.number}/notes", data={"body": "Called back"})
    assert len(db.session.scalars(sa.select(OrderNote)).all()) == 1


def test_a_stale_tab_cancels_nothing(shop: Shop, login: Login, member: Member) -> None:
    placed = shop.order(("MUG", 3, "4.50"))
    client = login(member("support"))
    client.post(f"/orders/{placed.number}/parcels", data={"version": "1", "line-1": "1"})
    answer = client.post(f"/orders/{placed.number}/cancellation", data={"version": "1"})
    assert answer.status_code == 409
    assert levels([shop.variants["MUG"]]) == {shop.variants["MUG"]: (9, 2)}


def test_a_refused_parcel_comes_back_with_what_was_typed(shop: Shop, login: Login, member: Member) -> None:
    placed = shop.order(("MUG", 3, "4.50"))
    page = login(member("warehouse")).post(
        f"/orders/{placed.number}/parcels", data={"version": "1", "line-1": "9", "carrier": "Pigeon"}
    ).text  # fmt: skip
    assert 'value="Pigeon"' in page
    assert "Line 1: 3 are left to send." in page


def test_notes_are_for_those_who_see_the_person(shop: Shop, login: Login, member: Member) -> None:
    placed = shop.order(("MUG", 1, "4.50"))
    services.add_note(placed.order_id, "Ring Ada at the mill", is_internal=True, subject_id=None, by=SYSTEM)
    db.session.commit()
    assert "Ring Ada" in login(member("support")).get(f"/orders/{placed.number}").text
    for role in ("analyst", "read-only", "compliance"):
        page = login(member(role)).get(f"/orders/{placed.number}").text
        assert "Ring Ada" not in page
        assert "Note for the team" in page


def test_a_reason_to_hold_is_chosen_and_never_typed(shop: Shop, login: Login, member: Member) -> None:
    placed = shop.order(("MUG", 1, "4.50"))
    client = login(member("support"))
    for typed in ("", "Mr Jones is in hospital"):
        assert client.post(f"/orders/{placed.number}/hold", data={"reason": typed}).status_code == 422
    chosen = {"reason": "The address needs checking"}
    assert client.post(f"/orders/{placed.number}/hold", data=chosen).status_code == 303


def test_a_release_that_stock_cannot_cover_says_so(shop: Shop, login: Login, member: Member) -> None:
    placed = shop.order(("MUG", 30, "4.50"))
    client = login(member("support"))
    client.post(f"/orders/{placed.number}/hold/remove")
    page = client.get(f"/orders/{placed.number}").text
    assert "not enough stock of MUG" in page


def test_a_credit_is_not_promised(shop: Shop) -> None:
    placed = shop.order(("MUG", 5, "4.50"))
    services.hold_order(placed.order_id, "Another reason, see the notes", by=SYSTEM)
    line = OrderLine.__table__
    db.session.execute(
        sa.update(line)
        .where(line.c.merchant_id == current_merchant_id(), line.c.order_id == placed.order_id)
        .values(quantity=-5, allocated_quantity=0, line_total=Decimal("-22.50"))
    )
    before = levels([shop.variants["MUG"]])
    assert services.release_order(placed.order_id, by=SYSTEM) == []
    assert levels([shop.variants["MUG"]]) == before


def test_a_credit_order_opens_and_takes_no_payment(shop: Shop, login: Login, member: Member) -> None:
    placed = shop.order(("MUG", 5, "4.50"))
    line, head = OrderLine.__table__, Order.__table__
    db.session.execute(
        sa.update(line)
        .where(line.c.merchant_id == current_merchant_id(), line.c.order_id == placed.order_id)
        .values(quantity=-5, allocated_quantity=0, line_total=Decimal("-22.50"))
    )
    db.session.execute(
        sa.update(head)
        .where(head.c.merchant_id == current_merchant_id(), head.c.id == placed.order_id)
        .values(items_total=Decimal("-22.50"), total=Decimal("-22.50"), state="closed")
    )
    db.session.commit()
    page = login(member("support")).get(f"/orders/{placed.number}").text
    assert "Record a payment" not in page and "Send parcel" not in page
    for act in (
        lambda: services.take_payment(placed.order_id, Decimal(1), method="cash", reference=None, by=SYSTEM),
        lambda: services.cancel_order(placed.order_id, by=SYSTEM),
        lambda: services.ship_lines(placed.order_id, {1: 1}, carrier=None, tracking_number=None, by=SYSTEM),
    ):
        with pytest.raises(ConflictError):
            act()


@pytest.mark.parametrize(("currency", "price", "shown", "wrong"), [
    ("JPY", "1250", "1,250", "0.5"), ("KWD", "1.005", "1.005", "0.0005"),
])  # fmt: skip
def test_money_has_the_decimals_of_its_currency(
    shop: Shop, login: Login, member: Member, currency: str, price: str, shown: str, wrong: str
) -> None:
    placed = shop.order(("MUG", 1, price), currency=currency)
    client = login(member("support"))
    page = client.get(f"/orders/{placed.number}").text
    assert shown in page and f"{shown}.00" not in page
    typed = {"version": "1", "method": "cash"}
    refused = client.post(f"/orders/{placed.number}/payments", data=typed | {"amount": wrong})
    assert refused.status_code == 422 and "decimals" in refused.text
    paid = client.post(f"/orders/{placed.number}/payments", data=typed | {"amount": price})
    assert paid.status_code == 303


def test_an_order_without_contacts_says_so(shop: Shop, login: Login, member: Member) -> None:
    placed = shop.order(("MUG", 1, "4.50"), contacts=())
    assert "without a name or an address" in login(member("support")).get(f"/orders/{placed.number}").text
    revealed = login(member("compliance")).post(
        f"/orders/{placed.number}/reveal", data={"reason": "Answering request 12 by letter"}
    )
    assert revealed.status_code == 422


def test_an_order_of_many_lines_opens_and_is_sent_whole(shop: Shop, login: Login, member: Member) -> None:
    placed = shop.order(*[(f"SKU-{n}", 1, "0.10") for n in range(700)])
    client = login(member("warehouse"))
    assert client.get(f"/orders/{placed.number}/parcels/new").text.count('name="line-') == 700
    lines = {f"line-{n}": "1" for n in range(1, 701)}
    assert client.post(f"/orders/{placed.number}/parcels", data=lines | {"version": "1"}).status_code == 303
    assert "and 694 more" in client.get(f"/orders/{placed.number}/parcels").text


@pytest.mark.parametrize("query", ["list=%00", "list=zzzz", "list=eyJhIjoxfQ", "list=" + "A" * 4000])
def test_a_damaged_list_in_the_address_is_let_go(
    shop: Shop, login: Login, member: Member, query: str
) -> None:
    placed = shop.order(("MUG", 1, "4.50"))
    assert login(member("support")).get(f"/orders/{placed.number}?{query}").status_code == 200


def test_the_returns_that_wait_lead_to_their_orders(shop: Shop, login: Login, member: Member) -> None:
    with_return, without = shop.order(("MUG", 1, "4.50")), shop.order(("MUG", 1, "4.50"))
    insert_row(OrderReturn.__table__, with_return.order_id, n=1, state="received", requested_at=utc_now())
    db.session.commit()
    client = login(member("support"))
    region = client.fragment("/returns/worklist").text
    address = html.unescape(region.split("Returns to inspect")[0].rpartition('href="')[2].partition('"')[0])
    page = client.get(address).text
    assert f">{with_return.number}, return 1</a>" in page
    assert f">{without.number}, return" not in page
