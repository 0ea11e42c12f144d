"""Thresholds: one notice per crossing, and proposals that count what is on its way."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.catalog.models import Product, Variant
from portal.catalog.services import archive_product
from portal.core.clock import utc_now
from portal.core.database import db, merchant_scope
from portal.core.errors import ConflictError, DomainError
from portal.core.jobs import run_due_jobs
from portal.core.jobs.models import Job
from portal.core.mail import Message, read_letter
from portal.core.outbox import run_consumers
from portal.stock.models import (
    Location,
    LowStockNotice,
    PurchaseOrder,
    PurchaseOrderLine,
    ReplenishmentRule,
)
from portal.stock.papers import ChangedMeanwhileError
from portal.stock.places import switch_location
from portal.stock.purchasing import services as purchasing
from portal.stock.purchasing import suppliers
from portal.stock.replenishment import services
from portal.stock.replenishment.drafting import draft_proposal
from portal.stock.replenishment.proposals import proposals
from portal.stock.replenishment.queries import running_low
from portal.stock.replenishment.watching import watch
from portal.stock.services import Move, apply_moves
from portal.stock.transfers import services as transfers
from tests.catalog.test_products import form_of
from tests.stock.conftest import Shelf
from tests.stock.test_transfers import together
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person, make_merchant, make_person
from tests.support.waiting import settle, until

Member = Callable[..., Person]
Login = Callable[[Person], HouseClient]
ITEM = {"code": "LAN-1", "unit_cost": "3.25", "pack_size": "6", "minimum_quantity": "6", "is_preferred": "1"}


@pytest.fixture
def in_scope(app: Flask, merchant: int, shelf: Shelf) -> Iterator[int]:
    with app.app_context(), merchant_scope(merchant):
        yield merchant


@pytest.fixture
def supplier_id(app: Flask, merchant: int, shelf: Shelf) -> int:
    with app.app_context(), merchant_scope(merchant):
        made = suppliers.add_supplier({"name": "Lamps & Co"}, by=SYSTEM)
        suppliers.save_item(made, ITEM, by=SYSTEM)
        db.session.commit()
        return made.id


def rule(shelf: Shelf, minimum: int = 7, maximum: int = 30) -> ReplenishmentRule:
    made = services.add_rule(
        {"code": "LAN-1", "location_id": str(shelf.main), "minimum": str(minimum), "maximum": str(maximum)},
        by=SYSTEM,
    )
    db.session.commit()
    return made


def move(shelf: Shelf, units: int) -> None:
    apply_moves([Move(shelf.variant_id, shelf.main, "adjusted", on_hand=units)], by=SYSTEM)
    db.session.commit()


def notices(*, standing: bool = False) -> int:
    wanted = sa.select(sa.func.count(LowStockNotice.id))
    return db.session.scalar(wanted.where(LowStockNotice.cleared_at.is_(None)) if standing else wanted) or 0


def test_one_notice_per_crossing(in_scope: int, shelf: Shelf) -> None:
    rule(shelf, 5, 30)
    assert notices() == 0
    move(shelf, -2)
    assert watch([shelf.variant_id]) == 1
    move(shelf, -1)
    assert watch([shelf.variant_id]) == 0
    assert (notices(), notices(standing=True)) == (1, 1)
    move(shelf, 9)
    watch([shelf.variant_id])
    assert (notices(), notices(standing=True)) == (1, 0)
    move(shelf, -9)
    assert watch([shelf.variant_id]) == 1
    assert (notices(), notices(standing=True)) == (2, 1)


def test_sales_reach_the_notice_by_the_outbox(in_scope: int, shelf: Shelf) -> None:
    rule(shelf, 5, 30)
    move(shelf, -3)
    settle()
    run_consumers("replenishment")
    until(lambda: bool(run_consumers("replenishment").handled is not None) and notices() == 1)


def test_the_threshold_of_the_variant_itself_is_watched_too(in_scope: int, shelf: Shelf) -> None:
    db.session.get_one(Variant, (in_scope, shelf.variant_id)).low_stock_threshold = 7
    db.session.commit()
    assert watch([shelf.variant_id]) == 1
    assert db.session.scalars(sa.select(LowStockNotice.location_id)).one() == 0
    db.session.get_one(Variant, (in_scope, shelf.variant_id)).is_active = False
    db.session.flush()
    watch([shelf.variant_id])
    assert notices(standing=True) == 0


def test_home_shows_what_stands_low_with_its_place(in_scope: int, shelf: Shelf) -> None:
    assert running_low() == ([], 0)
    rule(shelf, 7, 30)
    db.session.get_one(Variant, (in_scope, shelf.variant_id)).low_stock_threshold = 20
    db.session.flush()
    watch([shelf.variant_id])
    rows, total = running_low()
    assert total == 2
    assert [(row["place"], row["available"], row["minimum"]) for row in rows] == [
        (None, 7, 20),
        ("Main", 7, 7),
    ]


def test_a_product_that_is_put_away_needs_no_more(in_scope: int, shelf: Shelf) -> None:
    rule(shelf, 7, 30)
    assert notices(standing=True) == 1
    archive_product(db.session.get_one(Product, (in_scope, shelf.product_id)), by=SYSTEM)
    db.session.commit()
    settle()
    until(lambda: bool(run_consumers("replenishment").handled is not None) and not notices(standing=True))
    assert proposals() == []


def test_two_who_notice_at_once_tell_once(app: Flask, in_scope: int, merchant: int, shelf: Shelf) -> None:
    made = rule(shelf, 5, 30)
    assert made.id
    move(shelf, -5)

    def look() -> int:
        with app.app_context(), merchant_scope(merchant):
            found = watch([shelf.variant_id])
            db.session.commit()
            return found

    assert sum(together(*[look] * 4)) == 1


def test_one_letter_tells_what_ran_low(in_scope: int, shelf: Shelf) -> None:
    services.save_setting({"notify_email": "store@example.com", "is_active": "1"}, version=1, by=SYSTEM)
    rule(shelf, 7, 30)
    waiting = db.session.scalars(sa.select(Job).where(Job.kind == "stock.low_stock_mail")).all()
    assert len(waiting) == 1 and waiting[0].run_after is not None and waiting[0].run_after > utc_now()
    for _ in range(2):
        db.session.execute(
            sa.update(Job).where(Job.kind == "stock.low_stock_mail").values(run_after=utc_now())
        )
        db.session.commit()
        run_due_jobs()
    letters = db.session.scalars(sa.select(Message)).all()
    assert len(letters) == 1
    letter = read_letter(letters[0])
    assert letter is not None and "LAN-1" in letter.text and "7 available, threshold 7" in letter.text


def test_nobody_is_written_to_without_an_address(in_scope: int, shelf: Shelf) -> None:
    rule(shelf, 7, 30)
    assert notices() == 1
    assert db.session.scalars(sa.select(Job)).all() == []
    with pytest.raises(ChangedMeanwhileError):
        services.save_setting({"notify_email": ""}, version=3, by=SYSTEM)
    with pytest.raises(DomainError, match="no|not an e-mail"):
        services.save_setting({"notify_email": "nobody"}, version=0, by=SYSTEM)


def test_a_proposal_fills_up_to_the_maximum_in_whole_packs(
    in_scope: int, shelf: Shelf, supplier_id: int
) -> None:
    rule(shelf, 7, 30)
    (proposal,) = proposals()
    (need,) = proposal.needs
    assert proposal.supplier is not None and proposal.supplier.id == supplier_id
    # 7 are available, 23 are needed, in packs of 6.
    assert (need.available, need.units, str(need.cost)) == (7, 24, "78.000000")


def test_what_is_ordered_and_what_is_in_transit_is_not_proposed_again(
    in_scope: int, shelf: Shelf, supplier_id: int
) -> None:
    rule(shelf, 7, 30)
    apply_moves([Move(shelf.variant_id, shelf.shop, "received", on_hand=8)], by=SYSTEM)
    transfer = transfers.create_transfer(
        {"from_location_id": str(shelf.shop), "to_location_id": str(shelf.main)}, by=SYSTEM
    )
    transfers.set_line(transfer, shelf.variant_id, 8, version=transfer.version, by=SYSTEM)
    transfers.send(transfer, version=transfer.version, by=SYSTEM)
    db.session.commit()
    assert proposals() == []
    move(shelf, -7)
    watch([shelf.variant_id])
    db.session.get_one(
        ReplenishmentRule, (in_scope, db.session.scalars(sa.select(ReplenishmentRule.id)).one())
    ).minimum = 8
    db.session.commit()
    (proposal,) = proposals()
    # Nothing is available, 8 are on their way, 30 are wanted: 22, in packs of 6.
    assert (proposal.needs[0].incoming, proposal.needs[0].units) == (8, 24)
    (purchase,) = draft_proposal(supplier_id, by=SYSTEM)
    db.session.commit()
    assert proposals() == []
    purchasing.order(purchase, version=purchase.version, by=SYSTEM)
    db.session.commit()
    assert proposals() == []
    purchasing.cancel(purchase, version=purchase.version, by=SYSTEM)
    db.session.commit()
    assert proposals()[0].needs[0].units == 24


def test_what_is_covered_takes_no_place_of_what_is_not(
    in_scope: int, shelf: Shelf, supplier_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.stock.replenishment.proposals.MOST_PROPOSED", 1)
    rule(shelf, 7, 30)
    draft_proposal(supplier_id, by=SYSTEM)
    values = {"code": "LAN-1", "location_id": str(shelf.shop), "minimum": "2", "maximum": "9"}
    services.add_rule(values, by=SYSTEM)
    assert [need.place for need in proposals()[0].needs] == ["Shop"]


def test_what_runs_out_before_a_delivery_is_pointed_out(
    in_scope: int, shelf: Shelf, supplier_id: int
) -> None:
    made = rule(shelf, 7, 30)
    apply_moves([Move(shelf.variant_id, shelf.main, "sold", on_hand=-3, allocated=-3)], by=SYSTEM)
    need = proposals()[0].needs[0]
    # 7 are left; 3 went in a month.
    assert (need.days_left, need.runs_out) == (70, False)
    made.lead_days = 71
    db.session.flush()
    assert proposals()[0].needs[0].runs_out


def test_a_double_click_drafts_once(
    app: Flask, merchant: int, in_scope: int, shelf: Shelf, supplier_id: int
) -> None:
    rule(shelf, 7, 30)

    def click() -> str:
        with app.app_context(), merchant_scope(merchant):
            try:
                draft_proposal(supplier_id, by=SYSTEM)
                db.session.commit()
            except ConflictError:
                db.session.rollback()
                return "nothing left"
            return "drafted"

    assert sorted(together(*[click] * 3)) == ["drafted", "nothing left", "nothing left"]
    assert db.session.scalars(sa.select(PurchaseOrderLine.quantity)).all() == [24]


def test_the_preferred_supplier_goes_before_the_cheaper_one(
    in_scope: int, shelf: Shelf, supplier_id: int
) -> None:
    cheap = suppliers.add_supplier({"name": "Cheap lamps"}, by=SYSTEM)
    suppliers.save_item(cheap, ITEM | {"unit_cost": "1", "is_preferred": ""}, by=SYSTEM)
    rule(shelf, 7, 30)
    assert [each.supplier.id for each in proposals() if each.supplier] == [supplier_id]
    first = purchasing._supplier(supplier_id)
    suppliers.switch_supplier(first, on=False, by=SYSTEM)
    assert [each.supplier.id for each in proposals() if each.supplier] == [cheap.id]


def test_what_lay_at_a_location_that_is_closed_is_not_ordered(
    in_scope: int, shelf: Shelf, supplier_id: int
) -> None:
    rule(shelf)
    at_shop = {"code": "LAN-1", "location_id": str(shelf.shop), "minimum": "2", "maximum": "8"}
    services.add_rule(at_shop, by=SYSTEM)
    db.session.commit()
    shop = db.session.get_one(Location, (in_scope, shelf.shop))
    assert {need.location_id for need in proposals()[0].needs} == {shelf.main, shelf.shop}
    switch_location(shop, on=False, by=SYSTEM)
    db.session.commit()
    assert [need.location_id for need in proposals()[0].needs] == [shelf.main]
    assert [row["place"] for row in running_low()[0]] == ["Main"]
    assert len(draft_proposal(supplier_id, by=SYSTEM)) == 1
    db.session.rollback()
    # It runs low again once it is used again.
    switch_location(shop, on=True, by=SYSTEM)
    assert {need.location_id for need in proposals()[0].needs} == {shelf.main, shelf.shop}


def test_a_variant_nobody_supplies_is_shown_apart(in_scope: int, shelf: Shelf) -> None:
    rule(shelf, 7, 30)
    (proposal,) = proposals()
    assert proposal.supplier is None and proposal.needs[0].units == 23


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"code": "none"}, "code"),
        ({"location_id": ""}, "location_id"),
        ({"minimum": ""}, "minimum"),
        ({"minimum": "5", "maximum": "5"}, "maximum"),
    ],
)
def test_a_wrong_threshold_is_refused_at_its_field(
    in_scope: int, shelf: Shelf, values: dict[str, str], field: str
) -> None:
    given = {"code": "LAN-1", "location_id": str(shelf.main), "minimum": "5", "maximum": "9"} | values
    with pytest.raises(DomainError) as refused:
        services.add_rule(given, by=SYSTEM)
    assert refused.value.field == field
    db.session.rollback()


def test_the_way_from_a_threshold_to_a_draft_through_the_screens(
    login: Login, member: Member, shelf: Shelf, supplier_id: int, in_scope: int
) -> None:
    client = login(member("warehouse"))
    assert "Nothing to order" in client.get("/stock/replenishment").text
    values = {"code": "lan-1", "location_id": shelf.main, "minimum": "7", "maximum": "30"}
    assert client.post("/stock/replenishment/thresholds/new", data=values).status_code == 303
    again = client.post("/stock/replenishment/thresholds/new", data=values)
    assert again.status_code == 422 and "has a threshold at this location already" in again.text
    listed = client.get("/stock/replenishment/thresholds").text
    assert "LAN-1" in listed
    key = db.session.scalars(sa.select(ReplenishmentRule.id)).one()
    page = client.get(f"/stock/replenishment/thresholds/{key}").text
    assert 'value="30"' in page
    address = f"/stock/replenishment/thresholds/{key}"
    opened = form_of(page, address)
    assert client.post(address, data=opened | {"maximum": "20"}).status_code == 303
    # The number only this one changed is saved beside the other's.
    assert client.post(address, data=opened | {"lead_days": "4"}).status_code == 303
    late = client.post(address, data=opened | {"maximum": "40"})
    assert late.status_code == 409 and "20" in late.text and "40" in late.text
    chosen = form_of(late.text, address) | {"maximum": "20"}
    assert chosen["lead_days"] == "4"
    assert client.post(address, data=chosen | {"maximum": "6"}).status_code == 422
    assert client.post(address, data=chosen).status_code == 303
    assert client.post(address, data=opened | {"base": "x"}).status_code == 422
    assert "Order at" in client.fragment(f"/stock/replenishment/variants/{shelf.variant_id}").text
    proposal = client.get("/stock/replenishment").text
    assert "Lamps &amp; Co" in proposal and "Draft a purchase order" in proposal
    drafted = client.post(f"/stock/replenishment/suppliers/{supplier_id}/drafts")
    assert "/stock/purchase-orders/" in drafted.location and "LAN-1" in client.get(drafted.location).text
    assert (
        client.post(f"/stock/replenishment/suppliers/{supplier_id}/drafts").location == "/stock/replenishment"
    )
    assert db.session.scalar(sa.select(sa.func.count(PurchaseOrder.id))) == 1
    assert client.post(f"/stock/replenishment/thresholds/{key}/remove").status_code == 303
    assert "Nothing to order" in client.get("/stock/replenishment").text


def test_the_settings_are_saved_by_who_may(login: Login, member: Member) -> None:
    owner = login(member("owner"))
    assert "Low stock" in owner.get("/stock/replenishment/settings").text
    values = {"notify_email": "store@example.com", "is_active": "y", "version": "1"}
    assert owner.post("/stock/replenishment/settings", data=values).status_code == 303
    assert "store@example.com" in owner.get("/stock/replenishment/settings").text
    assert owner.post("/stock/replenishment/settings", data=values).status_code == 409
    assert login(member("warehouse")).post("/stock/replenishment/settings", data=values).status_code == 403


def test_of_two_who_save_the_first_settings_at_once_one_is_told(login: Login, member: Member) -> None:
    owners = [login(member("owner")) for _ in range(4)]
    assert 'name="version" type="hidden" value="1"' in owners[0].get("/stock/replenishment/settings").text
    values = {"notify_email": "store@example.com", "is_active": "y", "version": "1"}
    answers = together(
        *(lambda c=c: c.post("/stock/replenishment/settings", data=values).status_code for c in owners)
    )
    assert sorted(answers) == [303, 409, 409, 409]


def test_strangers_find_nothing(
    app: Flask, login: Login, in_scope: int, shelf: Shelf, supplier_id: int
) -> None:
    key = rule(shelf, 7, 30).id
    stranger = login(make_person(app, make_merchant(app)))
    assert stranger.get(f"/stock/replenishment/thresholds/{key}").status_code == 404
    assert stranger.post(f"/stock/replenishment/suppliers/{supplier_id}/drafts").status_code == 404
