"""Levels, adjustments and the ledger behind every number."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import DBAPIError, IntegrityError

from portal.catalog.models import Variant
from portal.core.audit import AuditEntry
from portal.core.database import current_merchant_id, db, merchant_scope, retrying
from portal.core.errors import DomainError
from portal.core.merging import pack_base
from portal.core.outbox.models import OutboxEvent
from portal.stock.ledger import ledger, stock_history
from portal.stock.models import StockLevel, StockMovement
from portal.stock.queries import Figures
from portal.stock.replenishment.queries import running_low
from portal.stock.replenishment.watching import watch
from portal.stock.services import InsufficientStockError, Move, adjust_stock, apply_moves
from tests.stock.conftest import Shelf
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person, make_merchant, make_person
from tests.support.statements import count_statements

Member = Callable[..., Person]
Login = Callable[[Person], HouseClient]
Units = Callable[..., Figures]


def adjustment(delta: str = "5", **values: Any) -> dict[str, Any]:
    return {"delta": delta, "token": str(uuid.uuid4()), **values}


def path(shelf: Shelf, place: int | None = None) -> str:
    return f"/stock/levels/{shelf.variant_id}/{place or shelf.main}"


def test_the_list_shows_every_figure(login: Login, member: Member, shelf: Shelf) -> None:
    page = login(member("read-only")).get("/stock").text
    row = page[page.index(f'id="level-{shelf.variant_id}-{shelf.main}"') :]
    row = row[: row.index("</tr>")]
    figures = [int(number) for number in re.findall(r'<a class="figure(?: muted)?"[^>]*>(\d+)<', row)]
    assert figures == [10, 3, 0, 0, 7]
    assert "Adjust" not in row


def test_a_level_with_too_many_movements_says_so_instead_of_taking_its_time(
    monkeypatch: pytest.MonkeyPatch, login: Login, member: Member, shelf: Shelf
) -> None:
    def slow(*_: Any) -> Any:
        db.session.execute(sa.text("SELECT pg_sleep(5)"))

    monkeypatch.setattr("portal.core.listing.statements.BOUNDED_SECONDS", "0.05")
    monkeypatch.setattr("portal.stock.ledger._sums", slow)
    monkeypatch.setattr("portal.stock.breakdown._moved_by_kind", slow)
    client = login(member("warehouse"))
    assert "too many movements to add them up" in client.get(path(shelf)).text
    assert "too many to add them up" in client.get(f"{path(shelf)}/on-hand").text


def test_the_list_is_filtered_by_location_sku_and_low_stock(
    app: Flask, merchant: int, login: Login, member: Member, shelf: Shelf
) -> None:
    client = login(member("warehouse"))
    assert "LAN-1" in client.get("/stock?f=1.sku.starts.lan").text
    assert "No levels match" in client.get(f"/stock?f=1.location.is.{shelf.shop}").text
    assert "No levels match" in client.get("/stock?f=1.low.is.yes").text
    with app.app_context(), merchant_scope(merchant):
        db.session.get_one(Variant, (merchant, shelf.variant_id)).low_stock_threshold = 7
        db.session.commit()
        watch([shelf.variant_id])
        db.session.commit()
    assert "LAN-1" in client.get("/stock?f=1.low.is.yes").text
    assert "LAN-1" in client.fragment("/stock/replenishment/worklist").text


@pytest.mark.parametrize(
    "address", ["/stock", "/stock/locations", "/stock/reasons", "/stock/levels/1/1", "/stock/variants/1"]
)
def test_nobody_comes_in_without_signing_in(client: HouseClient, address: str) -> None:
    assert client.get(address).status_code == 303


def test_a_stranger_finds_nothing(app: Flask, login: Login, shelf: Shelf) -> None:
    stranger = login(make_person(app, make_merchant(app)))
    assert stranger.get(path(shelf)).status_code == 404
    assert stranger.get(f"/stock/variants/{shelf.variant_id}").status_code == 404
    assert stranger.post(f"{path(shelf)}/adjustments", data=adjustment()).status_code == 404


def test_looking_is_not_adjusting(login: Login, member: Member, shelf: Shelf, units: Units) -> None:
    reader = login(member("support"))
    assert reader.get(path(shelf)).status_code == 200
    assert reader.post(f"{path(shelf)}/adjustments", data=adjustment()).status_code == 403
    assert units().on_hand == 10


def test_an_adjustment_adds_with_reason_note_audit_and_event(
    app: Flask, merchant: int, login: Login, member: Member, shelf: Shelf, units: Units
) -> None:
    person = member("warehouse")
    client = login(person)
    answer = client.post(
        f"{path(shelf)}/adjustments", data=adjustment("-2", reason_id=str(shelf.reason_id), note="Fell down")
    )
    assert answer.status_code == 303
    assert (units().on_hand, units().available) == (8, 5)
    page = client.get(path(shelf)).text
    assert (
        "Damaged" in page and "Fell down" in page and person.name in page and "The movements add up" in page
    )
    with app.app_context(), merchant_scope(merchant):
        assert (
            db.session.scalar(
                sa.select(sa.func.count(AuditEntry.id)).where(AuditEntry.action == "stock.adjusted")
            )
            == 1
        )
        assert {"variant_id": shelf.variant_id} in db.session.scalars(
            sa.select(OutboxEvent.payload).where(OutboxEvent.kind == "stock.changed")
        ).all()


def test_the_same_form_sent_twice_counts_once(
    login: Login, member: Member, shelf: Shelf, units: Units
) -> None:
    client, sent = login(member("warehouse")), adjustment("5")
    for _ in range(3):
        assert client.post(f"{path(shelf)}/adjustments", data=sent).status_code == 303
    assert units().on_hand == 15
    answer = client.post(f"{path(shelf)}/adjustments", data=sent | {"delta": "6"})
    assert answer.status_code == 422 and "sent before" in answer.text
    assert units().on_hand == 15


def test_a_form_that_failed_may_be_sent_again(
    login: Login, member: Member, shelf: Shelf, units: Units
) -> None:
    client, sent = login(member("warehouse")), adjustment("−8")
    answer = client.post(f"{path(shelf)}/adjustments", data=sent)
    assert answer.status_code == 409 and "Only 7 of the 10 units here are available" in answer.text
    client.post(f"{path(shelf)}/adjustments", data=adjustment("1"))
    assert client.post(f"{path(shelf)}/adjustments", data=sent).status_code == 303
    assert (units().on_hand, units().available) == (3, 0)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"delta": ""}, "Enter how many"),
        ({"delta": "0"}, "Enter how many"),
        ({"delta": "five"}, "whole number"),
        ({"delta": "1.5"}, "whole number"),
        ({"delta": "99999999"}, "between"),
        ({"reason_id": "999999"}, "not in use"),
        ({"token": "x"}, "arrived damaged"),
    ],
)
def test_bad_input_is_refused_at_its_field(
    login: Login, member: Member, shelf: Shelf, units: Units, values: dict[str, str], words: str
) -> None:
    client = login(member("warehouse"))
    answer = client.post(f"{path(shelf)}/adjustments", data=adjustment(note="Kept") | values)
    assert answer.status_code == 422
    assert words in answer.text and 'aria-invalid="true"' in answer.text and 'value="Kept"' in answer.text
    assert units().on_hand == 10


def test_htmx_gets_the_row_with_its_new_figures(login: Login, member: Member, shelf: Shelf) -> None:
    client = login(member("warehouse"))
    row = client.fragment(
        f"{path(shelf)}/adjustments",
        method="POST",
        data=adjustment("5", cols="sku,location,on_hand,available"),
    )
    assert row.status_code == 200 and row.text.lstrip().startswith(
        f'<tr id="level-{shelf.variant_id}-{shelf.main}"'
    )
    assert re.findall(r'data-label="(?:On hand|Available)"><a[^>]*>(\d+)<', row.text) == ["15", "12"]
    bad = client.fragment(
        f"{path(shelf)}/adjustments", method="POST", data=adjustment("-99", cols="sku,on_hand")
    )
    assert bad.status_code == 409 and "<details" in bad.text and " open" in bad.text and "Only 12" in bad.text


def test_the_ledger_runs_its_balance_back_page_by_page_and_by_kind(
    app: Flask, merchant: int, shelf: Shelf
) -> None:
    with app.app_context(), merchant_scope(merchant):
        for number in range(120):
            apply_moves(
                [Move(shelf.variant_id, shelf.main, "received" if number % 2 else "adjusted", on_hand=1)],
                by=SYSTEM,
            )
        db.session.commit()
        found, before = [], None
        while True:
            page = ledger(shelf.variant_id, shelf.main, before=before)
            found += page.entries
            before = page.next
            if before is None:
                break
        assert len(found) == 122
        assert [entry.on_hand for entry in found] == [*range(130, 9, -1), 10]
        assert (found[-1].kind, found[-1].on_hand, found[-1].available) == ("opening", 10, 10)
        assert (found[-2].kind, found[-2].available, found[-2].cause.words) == ("allocated", 7, "Order 77")
        received = ledger(shelf.variant_id, shelf.main, kind="received").entries
        assert {entry.id: entry.on_hand for entry in received}.items() <= {
            entry.id: entry.on_hand for entry in found
        }.items()


def test_slots_of_a_hot_variant_count_as_one_level(
    app: Flask, merchant: int, login: Login, member: Member, shelf: Shelf, units: Units
) -> None:
    with app.app_context(), merchant_scope(merchant):
        apply_moves(
            [Move(shelf.variant_id, shelf.main, "received", on_hand=6, slot=slot) for slot in (1, 2)],
            by=SYSTEM,
        )
        db.session.commit()
    client = login(member("warehouse"))
    assert client.get("/stock").text.count(f'id="level-{shelf.variant_id}-{shelf.main}"') == 1
    assert client.post(f"{path(shelf)}/adjustments", data=adjustment("-18")).status_code == 303
    assert (units().on_hand, units().available) == (4, 1)


def test_history_ends_at_the_figures_of_today(
    app: Flask, merchant: int, login: Login, member: Member, shelf: Shelf
) -> None:
    with app.app_context(), merchant_scope(merchant):
        from zoneinfo import ZoneInfo

        labels, on_hand, available = stock_history(shelf.variant_id, ZoneInfo("Europe/London"))
    assert (len(labels), on_hand[-1], available[-1], on_hand[0]) == (90, 10, 7, 0)
    page = login(member("read-only")).get(f"/stock/variants/{shelf.variant_id}").text
    assert "Stock at the end of each day" in page and "chart-line" in page
    region = login(member("owner")).fragment(f"/stock/products/{shelf.product_id}/levels").text
    assert "Main" in region and "Shop" in region


def test_a_variant_that_is_not_counted_and_a_closed_location_take_no_units(
    app: Flask, merchant: int, shelf: Shelf
) -> None:
    with app.app_context(), merchant_scope(merchant):
        db.session.get_one(Variant, (merchant, shelf.variant_id)).is_stocked = False
        db.session.flush()
        with pytest.raises(DomainError, match="not counted"):
            adjust_stock(shelf.variant_id, shelf.main, 1, by=SYSTEM)
        watch([shelf.variant_id])
        assert running_low() == ([], 0)


@pytest.mark.parametrize("values", [{"on_hand": 2}, {"allocated": 11}, {"unavailable": 8}, {"on_hand": -1}])
def test_the_database_refuses_to_promise_more_than_there_is(
    app: Flask, merchant: int, shelf: Shelf, values: dict[str, int]
) -> None:
    with app.app_context(), merchant_scope(merchant), pytest.raises(IntegrityError):
        db.session.execute(
            sa.update(StockLevel).where(StockLevel.variant_id == shelf.variant_id).values(**values)
        )


@pytest.mark.parametrize("statement", [sa.update(StockMovement).values(note="x"), sa.delete(StockMovement)])
def test_the_ledger_only_grows(app: Flask, merchant: int, shelf: Shelf, statement: Any) -> None:
    with app.app_context(), merchant_scope(merchant), pytest.raises(DBAPIError, match="permission denied"):
        db.session.execute(statement.where(StockMovement.variant_id == shelf.variant_id))


def test_many_at_once_add_up_and_never_go_below_nothing(
    app: Flask, merchant: int, shelf: Shelf, units: Units
) -> None:
    outcomes: list[int] = []
    lock = threading.Lock()

    def work(seed: int) -> None:
        for turn in range(12):
            delta = 2 if (seed + turn) % 3 == 0 else -2
            with app.app_context(), merchant_scope(merchant):

                def act(units_: int = delta) -> None:
                    adjust_stock(shelf.variant_id, shelf.main, units_, by=SYSTEM)
                    db.session.commit()

                try:
                    retrying(act)()
                except InsufficientStockError:
                    db.session.rollback()
                    continue
            with lock:
                outcomes.append(delta)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = units()
    assert found.on_hand == 10 + sum(outcomes)
    assert found.available >= 0 and found.allocated == 3
    assert len(outcomes) < 72


def test_the_same_token_from_many_at_once_counts_once(
    login: Login, member: Member, shelf: Shelf, units: Units
) -> None:
    person, sent = member("warehouse"), adjustment("5")
    clients = [login(person) for _ in range(4)]
    answers: list[int] = []
    threads = [
        threading.Thread(
            target=lambda c=c: answers.append(c.post(f"{path(shelf)}/adjustments", data=sent).status_code)
        )
        for c in clients
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [303] * 4
    assert units().on_hand == 15


def test_the_list_and_the_ledger_take_the_same_statements_whatever_their_size(
    app: Flask, merchant: int, login: Login, member: Member, shelf: Shelf
) -> None:
    client = login(member("warehouse"))
    client.get("/stock")
    few = [count_statements(app, lambda a=address: client.get(a)) for address in ("/stock", path(shelf))]
    with app.app_context(), merchant_scope(merchant):
        for number in range(60):
            variant = Variant(
                product_id=shelf.product_id, sku=f"M-{number}", sku_key=f"M-{number}", position=number
            )
            db.session.add(variant)
            db.session.flush()
            apply_moves([Move(variant.id, shelf.main, "received", on_hand=number + 1)], by=SYSTEM)
            apply_moves([Move(shelf.variant_id, shelf.main, "received", on_hand=1)], by=SYSTEM)
        assert current_merchant_id() == merchant
        db.session.commit()
    many = [count_statements(app, lambda a=address: client.get(a)) for address in ("/stock", path(shelf))]
    # One more than a page is counted with a statement of its own.
    assert many[0] <= few[0] + 1 <= 12
    assert many[1] <= few[1] <= 12


def test_a_reason_saved_late_shows_both_values_and_keeps_what_does_not_clash(
    login: Login, member: Member, shelf: Shelf
) -> None:
    client = login(member("owner"))
    here, base = f"/stock/reasons/{shelf.reason_id}", pack_base({"label": "Damaged", "code": "damaged"})
    assert 'name="base"' in client.get(here).text
    assert client.post(here, data={"label": "Broken", "code": "damaged", "base": base}).status_code == 303
    assert client.post(here, data={"label": "Damaged", "code": "dmg", "base": base}).status_code == 303
    page = client.get("/stock/reasons").text
    assert "Broken" in page and "dmg" in page
    clash = client.post(here, data={"label": "Cracked", "code": "damaged", "base": base})
    assert clash.status_code == 409
    assert 'value="Cracked"' in clash.text and 'value="Broken"' in clash.text
    assert client.post(here, data={"label": "Cracked", "code": "dmg"}).status_code == 422


def test_movements_of_all_locations_are_one_list_with_filters(
    app: Flask, merchant: int, login: Login, member: Member, shelf: Shelf
) -> None:
    with app.app_context(), merchant_scope(merchant):
        adjust_stock(shelf.variant_id, shelf.shop, 4, by=SYSTEM)
        adjust_stock(shelf.variant_id, shelf.main, -1, by=SYSTEM, reason_id=shelf.reason_id)
        db.session.commit()
    client = login(member("warehouse"))
    assert "f=1.sku.is.LAN-1" in client.get(f"/stock/variants/{shelf.variant_id}").text
    page = client.get("/stock/movements?f=1.sku.is.LAN-1").text
    assert page.count(">LAN-1<") == 4 and "Shop" in page and "Damaged" in page and "Order 77" in page
    assert "+4 on hand" in page and "−1 on hand" in page
    figures = client.get(
        "/stock/movements?cols=sku,on_hand,allocated&f=1.reason.is." + str(shelf.reason_id)
    ).text
    # A counter that did not move leaves its cell empty, so that it takes no line of a card.
    assert '<td class="num change only-wide" data-label="On hand">−1</td>' in figures
    assert '<td class="num change only-wide" data-label="Allocated"></td>' in figures
    assert client.get(f"/stock/movements?f=1.location.is.{shelf.shop}").text.count(">LAN-1<") == 1
    assert client.get(f"/stock/movements?f=1.reason.is.{shelf.reason_id}").text.count(">LAN-1<") == 1
    assert client.get("/stock/movements?f=1.kind.is.adjusted&f=2.at.in.today").text.count(">LAN-1<") == 2
    assert "No movements match" in client.get("/stock/movements?f=1.sku.is.NOPE").text


def test_figures_of_a_product_open_the_levels_behind_them(login: Login, member: Member, shelf: Shelf) -> None:
    client = login(member("warehouse"))
    region = client.fragment(f"/stock/products/{shelf.product_id}/levels").text
    assert "Reserved" in region
    address = re.search(rf'href="([^"]*location\.is\.{shelf.main})"', region)
    assert address
    page = client.get(address[1].replace("&amp;", "&")).text
    assert f'id="level-{shelf.variant_id}-{shelf.main}"' in page
    assert f'id="level-{shelf.variant_id}-{shelf.shop}"' not in page
