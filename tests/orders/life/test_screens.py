"""The order's page and what hangs on it: letters, contact log, files, presence, assignment, settings."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from portal.core.database import current_merchant_id, db
from portal.core.mail import Message, read_letter
from portal.core.outbox import run_consumers
from portal.orders import files
from portal.orders.fulfilment.parcels import plan_parcel, ship_lines
from portal.orders.models import OrderContactLog, OrderFile
from tests.orders.life.conftest import Read, parcels
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person
from tests.support.shop import Shop
from tests.support.waiting import settle, until

Login = Callable[[Person], HouseClient]
Member = Callable[..., Person]
PDF = b"%PDF-1.7 a letter"


def news() -> None:
    settle()
    until(lambda: not run_consumers("order-mails").handled.get("order-mails"))
    db.session.commit()


def messages() -> list[Message]:
    return list(db.session.scalars(sa.select(Message).order_by(Message.id)))


def test_an_order_and_its_parcel_are_told_once(shop: Shop) -> None:
    placed = shop.order(("MUG", 2, "4.50"))
    news()
    ship_lines(placed.order_id, {1: 2}, carrier="DPD", tracking_number="01 23", by=SYSTEM)
    db.session.commit()
    news()
    news()
    letters = [read_letter(each) for each in messages()]
    assert [each.to for each in letters if each] == ["ada@example.com"] * 2
    first, second = letters
    assert (
        first
        and f"Your order {placed.number}" in first.subject
        and "2 × Mug" in first.text
        and "£9.00" in first.text
    )
    assert second and "https://tracking.dpd.de/status/en_GB/parcel/0123" in second.text
    titles = db.session.scalars(sa.select(OrderContactLog.title).order_by(OrderContactLog.n)).all()
    assert titles == ["Order confirmation", "Dispatch notice"]


def test_a_shop_that_writes_itself_is_not_echoed(shop: Shop) -> None:
    shop.order(("MUG", 1, "4.50"), external_id="W-77")
    shop.order(("MUG", 1, "4.50"), contacts=())
    news()
    assert messages() == []


def test_a_mail_is_chosen_changed_and_sent_once(shop: Shop, login: Login, member: Member) -> None:
    placed = shop.order(("MUG", 2, "4.50"))
    client = login(member("support"))
    page = client.get(f"/orders/{placed.number}/letters/new?text=late").text
    assert "Hello Ada Lovelace" in page and f"Your order {placed.number} takes" in page
    mail = {"version": "1", "text": "late", "subject": "Soon", "body": "It leaves on Monday."}
    first = client.post(f"/orders/{placed.number}/letters", data=mail)
    second = client.post(f"/orders/{placed.number}/letters", data=mail)
    assert (first.status_code, second.status_code) == (303, 409)
    assert "It leaves on Monday." in second.text
    [message] = messages()
    letter = read_letter(message)
    assert letter and (letter.subject, letter.text) == ("Soon", "It leaves on Monday.\n")
    region = client.fragment(f"/orders/{placed.number}/contacts").text
    assert "It takes longer" in region and "Queued" in region


def test_a_call_is_written_down_and_masked_for_others(shop: Shop, login: Login, member: Member) -> None:
    placed = shop.order(("MUG", 2, "4.50"))
    client = login(member("support"))
    call = {"way": "phone", "summary": "Ada will be away in May", "is_incoming": "y"}
    for _ in range(2):
        assert client.post(f"/orders/{placed.number}/contacts", data=call).status_code == 303
    assert client.fragment(f"/orders/{placed.number}/contacts").text.count("Ada will be away") == 1
    assert "Ada will" not in login(member("analyst")).fragment(f"/orders/{placed.number}/contacts").text
    refused = client.post(f"/orders/{placed.number}/contacts", data={"way": "phone", "summary": " "})
    assert refused.status_code == 422 and "Write down what was said" in refused.text


def test_files_are_kept_sealed_and_come_back(
    shop: Shop, login: Login, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MOST_BYTES", 1_000)
    placed = shop.order(("MUG", 2, "4.50"))
    client, here = login(member("support")), f"/orders/{placed.number}/files"

    def upload(data: bytes, name: str) -> Any:
        return client.post(here, data={"file": (io.BytesIO(data), name)}, content_type="multipart/form-data")

    assert upload(PDF, "letter.pdf").status_code == 303
    assert upload(PDF, "again.pdf").status_code == 409
    for data, name in (
        (b"MZ\x90\x00", "run.exe"),
        (b"", "empty.pdf"),
        (b"%PDF-" + b"x" * 1_000, "big.pdf"),
        (b"Charge 4242 4242 4242 4242, please", "note.txt"),
        (PDF + b"1", "4242-4242-4242-4242.pdf"),
    ):
        refused = upload(data, name)
        assert refused.status_code == 422, name
        assert "4242 4242" not in refused.text and "4242-4242" not in refused.text
    n = db.session.scalars(sa.select(OrderFile.n)).one()
    answer = client.get(f"{here}/{n}")
    assert answer.data == PDF and "letter.pdf" in answer.headers["Content-Disposition"]
    assert login(member("analyst")).get(f"{here}/{n}").status_code == 403
    assert client.post(f"{here}/{n}/removal").status_code == 303
    assert client.get(f"{here}/{n}").status_code == 404


def test_colleagues_see_each_other_in_an_order(shop: Shop, login: Login, member: Member) -> None:
    placed = shop.order(("MUG", 2, "4.50"))
    anna, ben = login(member("support", name="Anna Ames")), login(member("owner", name="Ben Bale"))
    assert "in this order, too" not in anna.get(f"/orders/{placed.number}").text
    assert "Anna Ames" in ben.get(f"/orders/{placed.number}").text
    line = anna.fragment(f"/orders/{placed.number}/presence?version=1").text
    assert "Ben Bale" in line and "changed since" not in line
    ben.post(f"/orders/{placed.number}/hold", data={"reason": "It may be fraud"})
    assert "changed since you opened it" in anna.fragment(f"/orders/{placed.number}/presence?version=1").text


def test_the_way_back_keeps_the_list(shop: Shop, login: Login, member: Member) -> None:
    placed = shop.order(("MUG", 2, "4.50"))
    client = login(member("support"))
    listed = client.get("/orders?f=1.state.is.open&sort=total").text
    word = re.findall(rf"/orders/{placed.number}\?list=([A-Za-z0-9_-]+)", listed)[0]
    page = client.get(f"/orders/{placed.number}?list={word}").text
    assert 'href="/orders?f=1.state.is.open&amp;sort=total" data-back' in page
    assert f"version=1&amp;list={word}" in page
    chosen = {"key": str(placed.order_id), "list": word}
    assert 'href="/orders?f=1.state.is.open&amp;sort=total"' in client.post("/orders/bulk", data=chosen).text
    assert 'href="/orders" data-back' in client.get(f"/orders/{placed.number}?list=nonsense").text


def test_an_order_is_given_to_a_person_and_found_by_them(shop: Shop, login: Login, member: Member) -> None:
    placed, other = shop.order(("MUG", 2, "4.50")), shop.order(("MUG", 1, "4.50"))
    anna = member("support", name="Anna Ames")
    client = login(anna)
    assert (
        client.post(f"/orders/{placed.number}/assignment", data={"user_id": str(anna.user_id)}).status_code
        == 303
    )
    mine = client.get(f"/orders?f=1.assigned.is.{anna.user_id}").text
    assert f">{placed.number}<" in mine and f">{other.number}<" not in mine
    assert client.post(f"/orders/{placed.number}/assignment", data={"user_id": "999999"}).status_code == 422


def test_settings_are_saved_once_and_a_stale_save_is_told(shop: Shop, login: Login, member: Member) -> None:
    client = login(member("owner"))
    values = {"collect_days": "3", "mails_order": "y", "version": "0"}
    assert client.post("/settings/fulfilment", data=values).status_code == 303
    assert client.post("/settings/fulfilment", data=values).status_code == 409
    assert 'value="3"' in client.get("/settings/fulfilment").text
    assert client.post("/settings/fulfilment", data={**values, "collect_days": "0"}).status_code == 422
    assert login(member("support")).post("/settings/fulfilment", data=values).status_code == 403


def test_own_texts_are_offered(shop: Shop, login: Login, member: Member) -> None:
    placed = shop.order(("MUG", 1, "4.50"))
    client = login(member("owner"))
    text = {
        "name": "Thanks",
        "locale": "en",
        "subject": "About {number}",
        "body": "Hello {name}",
        "is_active": "y",
        "version": "0",
    }
    assert client.post("/settings/letters", data=text).status_code == 303
    assert client.post("/settings/letters", data=text).status_code == 409
    assert client.post("/settings/letters", data={**text, "name": "B", "body": "{price}"}).status_code == 422
    assert "Thanks (en)" in client.get(f"/orders/{placed.number}/letters/new").text


def test_an_address_is_corrected_on_its_page(shop: Shop, login: Login, member: Member) -> None:
    placed = shop.order(("MUG", 1, "4.50"))
    anna, ben = login(member("support")), login(member("owner"))
    page = f"/orders/{placed.number}/contacts/1/edit"
    form = _fields(anna.get(page).text)
    assert ben.post(page, data={**form, "line1": "1 Long Lane"}).status_code == 303
    stale = anna.post(page, data={**form, "line1": "2 Short Street"})
    assert stale.status_code == 409
    assert "1 Long Lane" in stale.text and "2 Short Street" in stale.text
    assert anna.post(page, data={**form, "phone": "020 7946 0555"}).status_code == 303
    shown = anna.get(f"/orders/{placed.number}").text
    assert "1 Long Lane" in shown and "020 7946 0555" in shown


def test_a_cancelled_order_leaves_no_parcel_behind(shop: Shop, login: Login, member: Member) -> None:
    placed = shop.order(("MUG", 1, "4.50"))
    plan_parcel(placed.order_id, {1: 1}, by=SYSTEM)
    db.session.commit()
    client = login(member("support"))
    version = _fields(client.get(f"/orders/{placed.number}").text)["version"]
    assert client.post(f"/orders/{placed.number}/cancellation", data={"version": version}).status_code == 303
    settle()
    until(lambda: not run_consumers("order-waits").handled.get("order-waits"))
    db.session.commit()
    assert parcels(placed.order_id)[0].state == "cancelled"
    assert current_merchant_id()


def test_places_and_ways_of_a_parcel_are_chosen(shop: Shop, login: Login, member: Member, head: Read) -> None:
    placed = shop.order(("MUG", 2, "4.50"))
    client, here = login(member("warehouse")), f"/orders/{placed.number}/parcels"
    assert "Left" in client.get(f"{here}/new").text
    assert client.post(here, data={"version": "1", "line-1": "1", "way": "plan"}).status_code == 303
    assert client.post(f"{here}/1/packing").status_code == 303
    wrong = {"parcel": "1", "carrier": "Corner Cabs", "tracking_url": "javascript:x"}
    refused = client.post(f"{here}/1/dispatch", data=wrong)
    assert refused.status_code == 422
    panel = refused.text.partition('id="parcel-1"')[2].partition("</section>")[0]
    assert "<details open>" in panel and "Corner Cabs" in panel and 'value="javascript:x"' in panel
    assert 'id="parcel-1-tracking_url-error"' in panel, "the form says why, and keeps what was typed"
    assert refused.text.count("<details open>") == 1
    assert (
        client.post(f"{here}/1/dispatch", data={"carrier": "DPD", "tracking_number": "9"}).status_code == 303
    )
    assert client.post(f"{here}/1/dispatch", data={"carrier": "DPD"}).status_code == 409
    late = client.post(f"{here}/1/tracking", data={"parcel": "1", "tracking_number": "8" * 81}).text
    assert "Keep it under 80 characters." in late and "8" * 81 in late
    version = str(head(placed.order_id).version)
    assert client.post(here, data={"version": version, "line-1": "1", "way": "collect"}).status_code == 303
    ready = parcels(placed.order_id)[1]
    assert client.post(f"{here}/2/collection", data={"code": "nope"}).status_code == 422
    assert client.post(f"{here}/2/collection", data={"code": ready.pickup_code}).status_code == 303
    assert head(placed.order_id).state == "closed"


def _fields(page: str) -> dict[str, str]:
    import html
    import re

    found = re.findall(r"<(?:input|select)[^>]*>", page)
    values: dict[str, str] = {}
    for tag in found:
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and value and "checkbox" not in tag and "csrf" not in name[1]:
            values.setdefault(html.unescape(name[1]), html.unescape(value[1]))
    selected = re.search(r'<select[^>]*name="country_code".*?<option selected value="([^"]*)"', page, re.S)
    if selected:
        values["country_code"] = selected[1]
    return values
