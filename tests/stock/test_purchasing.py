"""Suppliers and purchase orders: what is incoming, what arrives, and what it cost."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.core.audit import AuditEntry, read_changes
from portal.core.clock import utc_now
from portal.core.database import db, merchant_scope
from portal.core.errors import ConflictError, DomainError
from portal.core.mail import Message, read_letter
from portal.privacy.map import personal_data_map
from portal.privacy.subjects import find_subjects
from portal.stock.ledger import ledger
from portal.stock.models import PurchaseOrder, StockMovement, Supplier, SupplierItem
from portal.stock.papers import ChangedMeanwhileError
from portal.stock.purchasing import services, suppliers
from portal.stock.purchasing.letters import send_by_mail
from portal.stock.purchasing.scans import scan_onto
from portal.stock.queries import Figures
from portal.stock.receiving import Arrival
from portal.stock.scanning import UnknownCodeError
from tests.catalog.test_products import form_of
from tests.stock.conftest import Shelf
from tests.stock.test_transfers import booking, together, version
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person, make_merchant, make_person
from tests.support.shop import make_variant
from tests.support.waiting import row_waiters, until

Member = Callable[..., Person]
Login = Callable[[Person], HouseClient]
Units = Callable[..., Figures]

LAMPS = {
    "name": "Lamps & Co",
    "contact_name": "Hanna Wick",
    "email": "orders@lamps.example.com",
    "phone": "020 7946 0999",
    "lead_days": "5",
    "currency": "EUR",
}
ITEM = {
    "code": "LAN-1",
    "supplier_sku": "L-900",
    "unit_cost": "3.25",
    "pack_size": "6",
    "minimum_quantity": "12",
    "is_preferred": "1",
}


@pytest.fixture
def in_scope(app: Flask, merchant: int, shelf: Shelf) -> Iterator[int]:
    with app.app_context(), merchant_scope(merchant):
        yield merchant


@pytest.fixture
def supplier_id(app: Flask, merchant: int, shelf: Shelf) -> int:
    """A supplier of lanterns, in packs of six, at least twelve."""
    with app.app_context(), merchant_scope(merchant):
        made = suppliers.add_supplier(LAMPS, by=SYSTEM)
        suppliers.save_item(made, ITEM, by=SYSTEM)
        db.session.commit()
        return made.id


def drafted(shelf: Shelf, supplier_id: int, units: int = 12) -> PurchaseOrder:
    purchase = services.create_purchase(
        {"supplier_id": str(supplier_id), "location_id": str(shelf.main)}, by=SYSTEM
    )
    scan_onto(purchase, "LAN-1", units, token=uuid.uuid4(), by=SYSTEM)
    db.session.commit()
    return purchase


@pytest.fixture
def ordered(app: Flask, merchant: int, shelf: Shelf, supplier_id: int) -> int:
    """A purchase order of 12 lanterns, ordered."""
    with app.app_context(), merchant_scope(merchant):
        purchase = drafted(shelf, supplier_id)
        services.order(purchase, version=purchase.version, by=SYSTEM)
        db.session.commit()
        return purchase.id


def get(purchase_id: int) -> PurchaseOrder:
    return db.session.scalars(
        sa.select(PurchaseOrder)
        .where(PurchaseOrder.id == purchase_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def close(purchase_id: int) -> None:
    purchase = get(purchase_id)
    services.close(purchase, version=purchase.version, by=SYSTEM)


def receive(purchase_id: int, *arrivals: Arrival, accept_over: bool = False, token: Any = None) -> bool:
    booked = services.receive(
        get(purchase_id), list(arrivals), token=token or uuid.uuid4(), accept_over=accept_over, by=SYSTEM
    )
    db.session.commit()
    return booked


def test_units_are_raised_to_packs_and_the_smallest_order(
    in_scope: int, shelf: Shelf, supplier_id: int
) -> None:
    purchase = drafted(shelf, supplier_id, 1)
    line = services.lines_of(purchase.id)[0]
    assert (line.quantity, line.unit_cost, line.supplier_sku) == (12, Decimal("3.25"), "L-900")
    assert scan_onto(purchase, "LAN-1", 1, token=uuid.uuid4(), by=SYSTEM).units == 18
    services.set_line(purchase, shelf.variant_id, 7, Decimal("3"), version=purchase.version, by=SYSTEM)
    assert services.lines_of(purchase.id)[0].quantity == 7


def test_a_draft_is_not_incoming_and_an_order_is(
    in_scope: int, shelf: Shelf, supplier_id: int, units: Units
) -> None:
    purchase = drafted(shelf, supplier_id)
    key, seen = purchase.id, purchase.version
    assert units().incoming == 0
    services.order(get(key), version=seen, by=SYSTEM)
    db.session.commit()
    assert (units().incoming, units().on_hand) == (12, 10)
    assert get(key).expected_on == utc_now().date() + dt.timedelta(days=5)
    with pytest.raises(ConflictError, match="ordered already"):
        services.order(get(key), version=seen, by=SYSTEM)
    db.session.rollback()


def test_a_stale_page_orders_nothing(in_scope: int, shelf: Shelf, supplier_id: int) -> None:
    purchase = drafted(shelf, supplier_id)
    seen = purchase.version
    scan_onto(purchase, "LAN-1", 6, token=uuid.uuid4(), by=SYSTEM)
    with pytest.raises(ChangedMeanwhileError):
        services.order(purchase, version=seen, by=SYSTEM)
    db.session.rollback()


def test_what_arrives_carries_its_cost_and_what_is_damaged_is_set_aside(
    in_scope: int, shelf: Shelf, ordered: int, units: Units
) -> None:
    receive(ordered, Arrival(shelf.variant_id, good=5))
    assert get(ordered).state == "partly_received"
    receive(ordered, Arrival(shelf.variant_id, good=6, damaged=1, reason_id=shelf.reason_id))
    assert get(ordered).state == "received"
    found = units()
    assert (found.on_hand, found.unavailable, found.available, found.incoming) == (22, 1, 18, 0)
    costs = db.session.scalars(
        sa.select(StockMovement.unit_cost).where(
            StockMovement.merchant_id == in_scope, StockMovement.kind == "received"
        )
    ).all()
    assert costs == [Decimal("3.25")] * 3
    assert ledger(shelf.variant_id, shelf.main).entries[0].cause.words == "Purchase order 1"


def test_more_than_was_ordered_needs_a_tick(in_scope: int, shelf: Shelf, ordered: int, units: Units) -> None:
    with pytest.raises(services.OverReceiptError, match="LAN-1: 3 more"):
        receive(ordered, Arrival(shelf.variant_id, good=15))
    db.session.rollback()
    assert units().on_hand == 10
    receive(ordered, Arrival(shelf.variant_id, good=15), accept_over=True)
    assert (units().on_hand, units().incoming) == (25, 0)
    assert get(ordered).state == "received"


def test_what_was_not_ordered_is_refused(in_scope: int, shelf: Shelf, ordered: int) -> None:
    other = make_variant("OTHER")
    with pytest.raises(DomainError, match="OTHER was not ordered"):
        receive(ordered, Arrival(other.id, good=1))
    db.session.rollback()


def test_closing_and_cancelling_take_back_what_was_incoming(
    in_scope: int, shelf: Shelf, supplier_id: int, ordered: int, units: Units
) -> None:
    with pytest.raises(ConflictError, match="arrived in part"):
        close(ordered)
    db.session.rollback()
    receive(ordered, Arrival(shelf.variant_id, good=5))
    with pytest.raises(ConflictError, match="Close it"):
        services.cancel(get(ordered), version=get(ordered).version, by=SYSTEM)
    close(ordered)
    db.session.commit()
    assert (units().on_hand, units().incoming) == (15, 0)
    with pytest.raises(ConflictError, match="on its way"):
        receive(ordered, Arrival(shelf.variant_id, good=1))
    db.session.rollback()
    second = drafted(shelf, supplier_id)
    services.order(second, version=second.version, by=SYSTEM)
    services.cancel(second, version=second.version, by=SYSTEM)
    db.session.commit()
    assert units().incoming == 0


def test_the_supplier_is_written_to_under_their_own_key(
    in_scope: int, shelf: Shelf, ordered: int, supplier_id: int
) -> None:
    send_by_mail(get(ordered), by=SYSTEM)
    db.session.commit()
    message = db.session.scalars(sa.select(Message)).one()
    letter = read_letter(message)
    assert (
        letter is not None
        and message.subject_id == db.session.get_one(Supplier, (in_scope, supplier_id)).subject_id
    )
    assert "Hanna Wick" in letter.text and "12 × L-900" in letter.text and "€3.25" in letter.text
    assert letter.html is not None and "L-900" in letter.html
    assert get(ordered).mailed_at is not None


def test_a_supplier_without_an_address_is_not_written_to(
    in_scope: int, shelf: Shelf, ordered: int, supplier_id: int
) -> None:
    supplier = db.session.get_one(Supplier, (in_scope, supplier_id))
    base = suppliers.supplier_values(supplier)
    suppliers.change_supplier(supplier, base | {"email": ""}, base=base, version=supplier.version, by=SYSTEM)
    with pytest.raises(ConflictError, match="no e-mail address"):
        send_by_mail(get(ordered), by=SYSTEM)
    db.session.rollback()


def test_the_person_at_a_supplier_is_a_data_subject(in_scope: int, supplier_id: int) -> None:
    supplier = db.session.get_one(Supplier, (in_scope, supplier_id))
    assert [found.subject_id for found in find_subjects("orders@lamps.example.com")] == [supplier.subject_id]
    assert set(personal_data_map().tables["supplier"].emptied) == {
        "contact_name",
        "email",
        "email_key",
        "phone",
        "phone_key",
    }
    entries = db.session.scalars(sa.select(AuditEntry).where(AuditEntry.action == "supplier.created")).all()
    sealed = next(entry for entry in entries if entry.data_subject_id is not None)
    assert sealed.changes is None and read_changes(sealed).after["contact_name"] == "Hanna Wick"
    plain = next(entry for entry in entries if entry.data_subject_id is None)
    assert "Hanna" not in str(plain.changes)


def test_one_supplier_is_preferred_per_variant(in_scope: int, supplier_id: int) -> None:
    other = suppliers.add_supplier({"name": "Other lamps"}, by=SYSTEM)
    suppliers.save_item(other, ITEM, by=SYSTEM)
    db.session.commit()
    preferred = db.session.scalars(sa.select(SupplierItem.supplier_id).where(SupplierItem.is_preferred)).all()
    assert preferred == [other.id]
    with pytest.raises(UnknownCodeError):
        suppliers.save_item(other, ITEM | {"code": "none"}, by=SYSTEM)
    db.session.rollback()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": ""}, "name"),
        ({"email": "nobody"}, "email"),
        ({"currency": "LAMP"}, "currency"),
        ({"lead_days": "1000"}, "lead_days"),
        ({"country_code": "England"}, "country_code"),
        ({"address": "x" * 1_001}, "address"),
    ],
)
def test_a_wrong_supplier_is_refused_at_its_field(in_scope: int, values: dict[str, str], field: str) -> None:
    with pytest.raises(DomainError) as refused:
        suppliers.add_supplier(LAMPS | values, by=SYSTEM)
    assert refused.value.field == field
    db.session.rollback()


# People at once.


def test_two_people_who_book_the_same_delivery_at_once_book_it_once(
    login: Login, member: Member, shelf: Shelf, ordered: int, units: Units
) -> None:
    clients = [login(member("warehouse")) for _ in range(2)]
    path = f"/stock/purchase-orders/{ordered}/receiving"
    answers = together(
        *(
            lambda c=client: c.post(path, data=booking(**{f"good_{shelf.variant_id}": 12})).status_code
            for client in clients
        )
    )
    assert sorted(answers) == [303, 409]
    assert (units().on_hand, units().incoming) == (22, 0)


def test_a_double_click_books_once(
    login: Login, member: Member, shelf: Shelf, ordered: int, units: Units
) -> None:
    person, form = member("warehouse"), booking(**{f"good_{shelf.variant_id}": 4})
    clients = [login(person) for _ in range(4)]
    path = f"/stock/purchase-orders/{ordered}/receiving"
    assert (
        together(*(lambda c=client: c.post(path, data=form).status_code for client in clients)) == [303] * 4
    )
    assert (units().on_hand, units().incoming) == (14, 8)


def test_of_two_wishes_at_once_for_whom_to_order_from_the_last_one_stands(
    app: Flask, in_scope: int, supplier_id: int
) -> None:
    first, second = (suppliers.add_supplier({"name": name}, by=SYSTEM) for name in ("First", "Second"))
    wanted = second.id
    db.session.commit()
    suppliers.save_item(first, ITEM, by=SYSTEM)

    def prefer() -> None:
        with app.app_context(), merchant_scope(in_scope):
            suppliers.save_item(db.session.get_one(Supplier, (in_scope, wanted)), ITEM, by=SYSTEM)
            db.session.commit()

    later = threading.Thread(target=prefer)
    later.start()
    until(lambda: row_waiters(app) == 1)
    db.session.commit()
    later.join()
    assert db.session.scalars(sa.select(SupplierItem.supplier_id).where(SupplierItem.is_preferred)).all() == [
        wanted
    ]


def test_a_stale_page_neither_cancels_what_was_ordered_meanwhile_nor_writes_twice(
    app: Flask, merchant: int, login: Login, member: Member, shelf: Shelf, supplier_id: int, units: Units
) -> None:
    with app.app_context(), merchant_scope(merchant):
        purchase = drafted(shelf, supplier_id)
        path, seen = f"/stock/purchase-orders/{purchase.id}", {"version": str(purchase.version)}
    anna, ben = login(member("warehouse")), login(member("warehouse"))
    assert "Nothing was ordered yet" in anna.get(path).text
    assert ben.post(f"{path}/ordering", data=seen).status_code == 303
    late = anna.post(f"{path}/cancellation", data=seen)
    assert late.status_code == 409 and "Someone changed this purchase order" in late.text
    assert units().incoming == 12
    form = form_of(late.text, f"{path}/mail")
    clicks = [ben.post(f"{path}/mail", data=form).status_code for _ in range(2)]
    stale = ben.post(f"{path}/mail", data=form | {"form_token": "of another tab"})
    assert (clicks, stale.status_code) == ([303, 303], 409)
    form = form_of(ben.get(path).text, f"{path}/cancellation")
    assert [ben.post(f"{path}/cancellation", data=form).status_code for _ in range(2)] == [303, 303]
    with app.app_context(), merchant_scope(merchant):
        assert len(db.session.scalars(sa.select(Message.id)).all()) == 1
    assert units().incoming == 0


# Screens.


def test_the_way_of_a_purchase_order_through_its_screens(
    login: Login, member: Member, shelf: Shelf, units: Units
) -> None:
    client = login(member("warehouse"))
    assert "No suppliers yet" in client.get("/stock/purchase-orders/new").text
    assert client.post("/stock/suppliers/new", data={"name": ""}).status_code == 422
    supplier = client.post("/stock/suppliers/new", data=LAMPS).location
    assert client.post(f"{supplier}/items", data=ITEM | {"pack_size": "x"}).status_code == 422
    assert client.post(f"{supplier}/items", data=ITEM).status_code == 303
    page = client.get(supplier).text
    assert "L-900" in page and "€3.25" in page and "Hanna Wick" in page
    key = supplier.rpartition("/")[2]
    path = client.post(
        "/stock/purchase-orders/new", data={"supplier_id": key, "location_id": shelf.main}
    ).location.removesuffix("/drafting")
    client.post(f"{path}/lines", data=booking(code="LAN-1", units=2))
    line = f"{path}/lines/{shelf.variant_id}"
    assert (
        client.post(
            line, data={"units": "12", "unit_cost": "a", "version": version(client, path)}
        ).status_code
        == 422
    )
    assert (
        client.post(
            line, data={"units": "14", "unit_cost": "3", "version": version(client, path)}
        ).status_code
        == 303
    )
    assert "€42.00" in client.get(path).text
    assert (
        client.post(f"{path}/ordering", data={"version": version(client, path), "mail": "1"}).status_code
        == 303
    )
    assert "Sent by mail" in client.get(path).text
    over = client.post(f"{path}/receiving", data=booking(**{f"good_{shelf.variant_id}": 20}))
    assert over.status_code == 409 and "6 more" in over.text and 'value="20"' in over.text
    scan = {"code": "lan-1", "units": "14", "token": str(uuid.uuid4())}
    good = client.fragment(f"{path}/scans", method="POST", data=scan)
    assert "All are here" in good.text
    done = client.fragment(f"{path}/scans", method="POST", data=scan | {"token": str(uuid.uuid4())})
    assert done.status_code == 409 and 'data-scan-ok="no"' in done.text
    assert "Everything that was ordered is here" in client.get(f"{path}/receiving").text
    assert (
        path in client.get("/stock/purchase-orders").text and supplier in client.get("/stock/suppliers").text
    )
    assert (units().on_hand, units().incoming) == (24, 0)


def test_two_people_at_one_supplier_keep_both_edits(login: Login, member: Member, supplier_id: int) -> None:
    client = login(member("warehouse"))
    path = f"/stock/suppliers/{supplier_id}/edit"
    page = client.get(path).text
    from html import unescape

    def hidden(name: str) -> str:
        return unescape(page.partition(f'name="{name}" type="hidden" value="')[2].partition('"')[0])

    shown = {"version": hidden("version"), "base": hidden("base")}
    mine = LAMPS | {"locale": "en", "country_code": "", "address": ""}
    assert client.post(path, data=mine | shown | {"phone": "020 7946 0111"}).status_code == 303
    assert client.post(path, data=mine | shown | {"lead_days": "9"}).status_code == 303
    page = client.get(f"/stock/suppliers/{supplier_id}").text
    assert "020 7946 0111" in page and "9 days" in page
    clash = client.post(path, data=mine | shown | {"lead_days": "7"})
    assert clash.status_code == 409 and "Someone saved this" in clash.text


def test_the_history_of_a_supplier_tells_each_act_once(
    login: Login, member: Member, supplier_id: int
) -> None:
    client = login(member("warehouse"))
    # Person and business are two entries of the log, and one thing that happened.
    assert "Added" in client.get(f"/stock/suppliers/{supplier_id}").text
    assert "Added, 2 times" not in client.get(f"/stock/suppliers/{supplier_id}").text
    for phone in ("020 7946 0111", "020 7946 0112"):
        path = f"/stock/suppliers/{supplier_id}/edit"
        form = form_of(client.get(path).text, path) | {"phone": phone}
        assert client.post(path, data=form).status_code == 303
    assert "Changed, 2 times" in client.get(f"/stock/suppliers/{supplier_id}").text


def test_who_may_look_may_not_act_and_strangers_find_nothing(
    app: Flask, login: Login, member: Member, ordered: int, supplier_id: int
) -> None:
    reader = login(member("support"))
    path = f"/stock/purchase-orders/{ordered}"
    assert reader.get(path).status_code == 200 and "Receive everything" not in reader.get(path).text
    assert reader.post(f"{path}/receiving/all", data=booking()).status_code == 403
    stranger = login(make_person(app, make_merchant(app)))
    assert stranger.get(path).status_code == 404
    assert stranger.get(f"/stock/suppliers/{supplier_id}").status_code == 404
