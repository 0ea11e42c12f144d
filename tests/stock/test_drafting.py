"""Drafting with a scanner: each scan is on the draft at once, counts once, and is undone once."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.core.database import db, merchant_scope
from portal.stock import draft_scans
from portal.stock.models import PurchaseOrderLine, StockDraftScan, StockTransferLine
from portal.stock.purchasing import suppliers
from tests.stock.conftest import Shelf
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person, make_merchant

Member = Callable[..., Person]
Login = Callable[[Person], HouseClient]


@pytest.fixture
def client(member: Member, login: Login) -> HouseClient:
    """A client of the warehouse."""
    return login(member("warehouse"))


@pytest.fixture
def transfer(client: HouseClient, shelf: Shelf) -> str:
    """The address of a draft from the main warehouse, where 7 lanterns are available, to the shop."""
    made = client.post(
        "/stock/transfers/new", data={"from_location_id": shelf.main, "to_location_id": shelf.shop}
    )
    assert made.location.endswith("/drafting")
    return made.location.removesuffix("/drafting")


@pytest.fixture
def purchase(app: Flask, merchant: int, client: HouseClient, shelf: Shelf) -> str:
    """The address of a draft at a supplier who sells lanterns in packs of six."""
    with app.app_context(), merchant_scope(merchant):
        supplier = suppliers.add_supplier({"name": "Lamps and more"}, by=SYSTEM)
        suppliers.save_item(supplier, {"code": "LAN-1", "pack_size": "6", "unit_cost": "3"}, by=SYSTEM)
        key = supplier.id
        db.session.commit()
    made = client.post("/stock/purchase-orders/new", data={"supplier_id": key, "location_id": shelf.main})
    return made.location.removesuffix("/drafting")


@pytest.fixture
def on_draft(app: Flask, merchant: int, shelf: Shelf) -> Callable[[str], int]:
    """The lanterns that stand on a draft."""

    def units(path: str) -> int:
        model = StockTransferLine if "transfers" in path else PurchaseOrderLine
        with app.app_context(), merchant_scope(merchant):
            line = db.session.get(model, (merchant, int(path.rpartition("/")[2]), shelf.variant_id))
            return line.quantity if line else 0

    return units


def scan(client: HouseClient, path: str, code: str = "lan-1", units: str = "1", token: str = "") -> str:
    data = {"code": code, "units": units, "token": token or str(uuid.uuid4())}
    return client.fragment(f"{path}/lines", method="POST", data=data).text


def test_scans_add_up_and_a_scan_sent_twice_counts_once(
    client: HouseClient, transfer: str, on_draft: Callable[[str], int]
) -> None:
    token = str(uuid.uuid4())
    first = scan(client, transfer, token=token)
    assert 'data-scan-ok="yes"' in first and "Undo" in first
    scan(client, transfer, units="3")
    assert "Added before." in scan(client, transfer, token=token)
    assert on_draft(transfer) == 4
    assert "sent before for something else" in scan(client, transfer, units="2", token=token)
    assert on_draft(transfer) == 4


def test_more_than_the_source_has_is_drafted_and_pointed_out(client: HouseClient, transfer: str) -> None:
    assert "needs-care" not in scan(client, transfer, units="7")
    assert "needs-care" in scan(client, transfer)


@pytest.mark.parametrize(
    ("code", "units", "words"),
    [
        ("", "1", "Scan a barcode"),
        ("no-such", "1", "No variant has the SKU or barcode no-such"),
        ("lan-1", "0", "The number of units"),
        ("lan-1", "-4", "The number of units"),
        ("lan-1", "many", "The number of units"),
        ("lan-1", "999999", "The number of units"),
        ("ف" * 101, "1", "The code"),
    ],
)
def test_a_scan_that_cannot_be_added_says_why(
    client: HouseClient,
    transfer: str,
    purchase: str,
    on_draft: Callable[[str], int],
    code: str,
    units: str,
    words: str,
) -> None:
    for path in (transfer, purchase):
        answer = scan(client, path, code, units)
        assert 'data-scan-ok="no"' in answer and words in answer
        plain = client.post(f"{path}/lines", data={"code": code, "units": units, "token": str(uuid.uuid4())})
        assert plain.status_code == 422 and words in plain.text
        assert on_draft(path) == 0


def test_undoing_takes_off_just_what_the_scan_had_added(
    client: HouseClient, purchase: str, on_draft: Callable[[str], int]
) -> None:
    first, second = str(uuid.uuid4()), str(uuid.uuid4())
    scan(client, purchase, units="2", token=first)
    assert "in packs of 6" in scan(client, purchase, units="7", token=second)
    assert on_draft(purchase) == 18
    for _ in range(2):
        answer = client.post(f"{purchase}/lines/undo", data={"scan": first})
        assert answer.status_code == 303
    assert on_draft(purchase) == 12
    page = client.get(f"{purchase}/drafting").text
    assert "Undone" in page
    assert re.findall(r'name="scan" value="([^"]+)"', page) == [second]
    client.post(f"{purchase}/lines/undo", data={"scan": second})
    assert on_draft(purchase) == 0


def test_a_line_that_was_lowered_since_keeps_what_it_holds(
    app: Flask, client: HouseClient, transfer: str, shelf: Shelf, on_draft: Callable[[str], int]
) -> None:
    token = str(uuid.uuid4())
    scan(client, transfer, units="5", token=token)
    seen = re.search(r'name="version" value="(\d+)"', client.get(transfer).text)
    assert seen
    client.post(f"{transfer}/lines/{shelf.variant_id}", data={"units": "2", "version": seen[1]})
    answer = client.post(f"{transfer}/lines/undo", data={"scan": token}, follow_redirects=True)
    assert "stands at 2 now" in answer.text
    assert on_draft(transfer) == 2
    # It was not marked as undone either.
    assert f'value="{token}"' in client.get(f"{transfer}/drafting").text


def test_a_scan_is_undone_only_on_its_own_draft(
    client: HouseClient, transfer: str, purchase: str, on_draft: Callable[[str], int]
) -> None:
    token = str(uuid.uuid4())
    scan(client, transfer, token=token)
    for wrong in (token, str(uuid.uuid4()), "x"):
        answer = client.post(f"{purchase}/lines/undo", data={"scan": wrong}, follow_redirects=True)
        assert "no such scan" in answer.text or "arrived damaged" in answer.text
    assert on_draft(transfer) == 1


def test_what_was_sent_takes_no_scans(
    client: HouseClient, transfer: str, on_draft: Callable[[str], int]
) -> None:
    token = str(uuid.uuid4())
    scan(client, transfer, token=token)
    seen = re.search(r'name="version" value="(\d+)"', client.get(transfer).text)
    assert seen
    client.post(f"{transfer}/sending", data={"version": seen[1]})
    assert client.get(f"{transfer}/drafting").status_code == 303
    assert "only drafts" in scan(client, transfer)
    answer = client.post(f"{transfer}/lines/undo", data={"scan": token}, follow_redirects=True)
    assert "only drafts" in answer.text
    assert on_draft(transfer) == 1


def test_old_scans_are_forgotten_when_their_paper_is_no_draft_any_more(
    app: Flask,
    merchant: int,
    client: HouseClient,
    transfer: str,
    purchase: str,
    on_draft: Callable[[str], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token = str(uuid.uuid4())
    scan(client, transfer, token=token)
    scan(client, transfer)
    scan(client, purchase)
    seen = re.search(r'name="version" value="(\d+)"', client.get(transfer).text)
    assert seen
    monkeypatch.setattr(draft_scans, "FORGOTTEN_AT_ONCE", 1)

    def forgotten() -> int:
        with app.app_context(), merchant_scope(merchant):
            gone = draft_scans.forget_draft_scans()
            db.session.commit()
            return gone

    def age(**by: int) -> None:
        with app.app_context(), merchant_scope(merchant):
            db.session.execute(sa.update(StockDraftScan).values(at=sa.func.now() - dt.timedelta(**by)))
            db.session.commit()

    age(days=60)
    assert forgotten() == 0
    client.post(f"{transfer}/sending", data={"version": seen[1]})
    age(days=13)
    assert forgotten() == 0
    age(days=15)
    with app.app_context(), merchant_scope(make_merchant(app)):
        assert draft_scans.forget_draft_scans() == 0
    assert [forgotten() for _ in range(3)] == [1, 1, 0]
    # The draft's own scan can still be undone, and what was sent takes a forgotten one no second time.
    assert "Undo" in client.get(f"{purchase}/drafting").text
    assert "only drafts" in scan(client, transfer, token=token)
    assert on_draft(transfer) == 2
