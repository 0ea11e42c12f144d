"""Bundles: what they are made of, how many can be sold, and that their components are never sold twice."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.catalog.availability import available_by_product, available_by_variant
from portal.catalog.models import Product, Variant
from portal.core.database import db, merchant_scope, retrying
from portal.core.errors import DomainError, StaleError
from portal.core.merging import pack_base
from portal.core.outbox.models import OutboxEvent
from portal.stock.bundles import components_of, exploded, parts_of
from portal.stock.bundling import component_values, save_components
from portal.stock.models import StockLevel
from portal.stock.replenishment.watching import watch
from portal.stock.services import InsufficientStockError, Move, adjust_stock, apply_moves
from tests.catalog.test_products import form_of
from tests.stock.conftest import Shelf
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person
from tests.support.shop import make_variant

Member = Callable[..., Person]
Login = Callable[[Person], HouseClient]


@pytest.fixture
def kit(app: Flask, merchant: int, shelf: Shelf) -> dict[str, int]:
    """KIT = 1 LAN-1 (7 available) + 2 WICK (9) ; DUO = 2 LAN-1; ids by SKU."""
    with app.app_context(), merchant_scope(merchant):
        ids = {"LAN-1": shelf.variant_id} | {sku: make_variant(sku).id for sku in ("WICK", "KIT", "DUO")}
        apply_moves(
            [
                Move(ids["WICK"], shelf.main, "received", on_hand=4),
                Move(ids["WICK"], shelf.shop, "received", on_hand=5),
            ],
            by=SYSTEM,
        )
        save_components(ids["KIT"], [("lan-1", 1), ("WICK", 2)], base={}, by=SYSTEM)
        save_components(ids["DUO"], [("LAN-1", 2)], base={}, by=SYSTEM)
        db.session.commit()
    return ids


def test_a_basket_is_dissolved_into_what_is_counted(app: Flask, merchant: int, kit: dict[str, int]) -> None:
    with app.app_context(), merchant_scope(merchant):
        assert exploded({kit["KIT"]: 2, kit["DUO"]: 1, kit["LAN-1"]: 3}) == {
            kit["LAN-1"]: 2 + 2 + 3,
            kit["WICK"]: 4,
        }
        assert exploded({}) == {}
        assert parts_of([kit["LAN-1"]]) == {}


def test_as_many_can_be_sold_as_the_scarcest_component_allows(
    app: Flask, merchant: int, kit: dict[str, int], shelf: Shelf
) -> None:
    with app.app_context(), merchant_scope(merchant):
        kits = list(kit.values())
        # 7 lanterns, 9 wicks over both locations.
        assert available_by_variant(kits) == {kit["LAN-1"]: 7, kit["WICK"]: 9, kit["KIT"]: 4, kit["DUO"]: 3}
        product_id = db.session.get_one(Variant, (merchant, kit["KIT"])).product_id
        assert available_by_product([product_id, shelf.product_id]) == {product_id: 4, shelf.product_id: 7}
        db.session.get_one(Variant, (merchant, kit["WICK"])).is_stocked = False
        db.session.flush()
        assert available_by_variant([kit["KIT"]]) == {kit["KIT"]: 7}
        db.session.get_one(Variant, (merchant, kit["KIT"])).low_stock_threshold = 5
        db.session.flush()
        assert watch([kit["KIT"]]) == 0


def test_a_bundle_hears_when_its_components_move(
    app: Flask, merchant: int, kit: dict[str, int], shelf: Shelf
) -> None:
    with app.app_context(), merchant_scope(merchant):
        before = db.session.scalar(sa.select(sa.func.max(OutboxEvent.id)))
        apply_moves([Move(kit["WICK"], shelf.main, "received", on_hand=1)], by=SYSTEM)
        told = db.session.scalars(
            sa.select(OutboxEvent.key).where(OutboxEvent.kind == "stock.changed", OutboxEvent.id > before)
        ).all()
    assert set(told) == {f"variant:{kit['WICK']}", f"variant:{kit['KIT']}"}


@pytest.mark.parametrize(
    ("sku", "rows", "words"),
    [
        ("KIT", [("KIT", 1)], "component of itself"),
        ("DUO", [("KIT", 1)], "KIT is a bundle itself"),
        ("WICK", [("LAN-1", 1)], "component of KIT"),
        ("DUO", [("NONE", 1)], "no variant with the SKU NONE"),
        ("DUO", [("LAN-1", 1), ("lan-1", 2)], "stands there twice"),
        ("DUO", [("LAN-1", 10_001)], "between 1 and 10,000"),
    ],
)
def test_what_would_not_come_apart_in_one_step_is_refused(
    app: Flask, merchant: int, kit: dict[str, int], sku: str, rows: list[tuple[str, int]], words: str
) -> None:
    with app.app_context(), merchant_scope(merchant), pytest.raises(DomainError, match=words):
        save_components(kit[sku], rows, base=component_values(components_of(kit[sku])), by=SYSTEM)


def test_a_variant_with_units_of_its_own_becomes_no_bundle_and_a_bundle_gets_none(
    app: Flask, merchant: int, kit: dict[str, int], shelf: Shelf
) -> None:
    with app.app_context(), merchant_scope(merchant):
        lone = make_variant("LONE").id
        apply_moves([Move(lone, shelf.main, "expected", incoming=1)], by=SYSTEM)
        with pytest.raises(DomainError, match="on the books or on their way"):
            save_components(lone, [("WICK", 1)], base={}, by=SYSTEM)
        with pytest.raises(DomainError, match="Adjust the components"):
            adjust_stock(kit["KIT"], shelf.main, 1, by=SYSTEM)


def test_two_who_save_at_once_do_not_undo_each_other(app: Flask, merchant: int, kit: dict[str, int]) -> None:
    with app.app_context(), merchant_scope(merchant):
        opened = component_values(components_of(kit["KIT"]))
        save_components(kit["KIT"], [("LAN-1", 1), ("WICK", 5)], base=opened, by=SYSTEM)
        # What only the other one changed stays; what only this one changed is taken.
        save_components(kit["KIT"], [("LAN-1", 3), ("WICK", 2)], base=opened, by=SYSTEM)
        assert {part.sku: part.quantity for part in components_of(kit["KIT"])} == {"LAN-1": 3, "WICK": 5}
        with pytest.raises(StaleError) as clash:
            save_components(kit["KIT"], [("LAN-1", 1)], base=opened, by=SYSTEM)
        assert clash.value.clashes == {str(kit["WICK"]): ("5", "")}
        save_components(kit["KIT"], [], base=component_values(components_of(kit["KIT"])), by=SYSTEM)
        assert components_of(kit["KIT"]) == []


def test_who_saves_late_decides_component_by_component(
    app: Flask, merchant: int, login: Login, member: Member, kit: dict[str, int]
) -> None:
    client, address = login(member("catalogue-manager")), f"/stock/variants/{kit['KIT']}/components"
    base = form_of(client.get(address).text, address)["base"]
    first = {"base": base, "sku": ["LAN-1", "WICK"], "units": ["2", "5"]}
    assert client.post(address, data=first).status_code == 303
    late = client.post(address, data={"base": base, "sku": ["LAN-1", "WICK"], "units": ["1", "7"]})
    assert late.status_code == 409
    assert "7 in one bundle" in late.text and "5 in one bundle" in late.text
    fields = form_of(late.text, address)
    # LAN-1 is carried along as the other one left it.
    assert (fields["sku"], fields["units"]) == ("LAN-1", "2")
    fields[f"units-of-{kit['WICK']}"] = "7"
    assert client.post(address, data=fields).status_code == 303
    with app.app_context(), merchant_scope(merchant):
        assert {part.sku: part.quantity for part in components_of(kit["KIT"])} == {"LAN-1": 2, "WICK": 7}


def test_two_who_nest_bundles_at_once_cannot_both_win(app: Flask, merchant: int, shelf: Shelf) -> None:
    with app.app_context(), merchant_scope(merchant):
        one, two = make_variant("ONE").id, make_variant("TWO").id
        db.session.commit()
    outcomes: list[str] = []
    start = threading.Barrier(2)

    def nest(bundle: int, component: str) -> None:
        with app.app_context(), merchant_scope(merchant):
            start.wait()
            try:
                retrying(lambda: save_components(bundle, [(component, 1)], base={}, by=SYSTEM))()
                db.session.commit()
                outcomes.append("saved")
            except DomainError:
                outcomes.append("refused")

    threads = [
        threading.Thread(target=nest, args=(one, "TWO")),
        threading.Thread(target=nest, args=(two, "ONE")),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused", "saved"]


def test_bundles_and_singles_sold_at_once_never_take_a_component_twice(
    app: Flask, merchant: int, kit: dict[str, int], shelf: Shelf
) -> None:
    baskets = [
        {kit["KIT"]: 1, kit["LAN-1"]: 1},
        {kit["DUO"]: 1, kit["KIT"]: 1},
        {kit["LAN-1"]: 1},
        {kit["KIT"]: 1},
    ]
    sold: list[int] = []
    lock = threading.Lock()

    def buy(turn: int) -> None:
        with app.app_context(), merchant_scope(merchant):
            for step in range(4):
                wanted = exploded(baskets[(turn + step) % len(baskets)])
                moves = [Move(v, shelf.main, "allocated", allocated=units) for v, units in wanted.items()]

                def act(moves: list[Move] = moves) -> None:
                    apply_moves(moves, by=SYSTEM)
                    db.session.commit()

                try:
                    retrying(act)()
                except InsufficientStockError:
                    db.session.rollback()
                    continue
                with lock:
                    sold.append(wanted[kit["LAN-1"]])

    threads = [threading.Thread(target=buy, args=(turn,)) for turn in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with app.app_context(), merchant_scope(merchant):
        level = db.session.execute(
            sa.select(StockLevel.on_hand, StockLevel.allocated).where(
                StockLevel.variant_id == kit["LAN-1"], StockLevel.location_id == shelf.main
            )
        ).one()
    assert level.allocated == 3 + sum(sold) <= level.on_hand == 10
    assert sold


def test_a_bundle_lies_on_no_shelf(
    app: Flask, merchant: int, login: Login, member: Member, kit: dict[str, int], shelf: Shelf
) -> None:
    """Units counted, moved or ordered of a bundle would lie where nobody sells them."""
    client = login(member("warehouse"))
    between = {"from_location_id": shelf.main, "to_location_id": shelf.shop}
    transfer = client.post("/stock/transfers/new", data=between).location.removesuffix("/drafting")
    counting = client.post("/stock/counts/new", data={"name": "All", "location_id": shelf.main}).location
    maker = client.post("/stock/suppliers/new", data={"name": "Kits"}).location
    ordered = {"supplier_id": maker.rpartition("/")[2], "location_id": shelf.main}
    purchase = client.post("/stock/purchase-orders/new", data=ordered).location.removesuffix("/drafting")
    for path in (
        f"{transfer}/lines",
        f"{purchase}/lines",
        f"{counting.removesuffix('/scanning')}/scans",
        f"{maker}/items",
    ):
        data = {"code": "KIT", "units": "1", "token": str(uuid.uuid4()), "pack_size": "1"}
        answer = client.post(path, data=data)
        assert answer.status_code == 422 and "KIT is a bundle" in answer.text, path
    rule = {"code": "KIT", "location_id": shelf.main, "minimum": "1", "maximum": "2"}
    answer = client.post("/stock/replenishment/thresholds/new", data=rule)
    assert answer.status_code == 422 and "KIT is a bundle" in answer.text
    with app.app_context(), merchant_scope(merchant):
        assert not db.session.scalar(
            sa.select(sa.func.count(StockLevel.id)).where(StockLevel.variant_id == kit["KIT"])
        )


def test_the_region_shows_edits_and_refuses_on_screen(
    app: Flask, merchant: int, login: Login, member: Member, kit: dict[str, int]
) -> None:
    manager, reader = login(member("catalogue-manager")), login(member("support"))
    address = f"/stock/variants/{kit['KIT']}/components"
    region = manager.fragment(address).text
    assert "4 can be sold" in region and 'value="WICK"' in region
    assert "Save components" not in reader.fragment(address).text
    assert "Part of" in reader.fragment(f"/stock/variants/{kit['WICK']}/components").text
    assert reader.post(address, data={}).status_code == 403
    with app.app_context(), merchant_scope(merchant):
        base = pack_base(component_values(components_of(kit["KIT"])))
    bad = manager.post(address, data={"base": base, "sku": ["WICK", "DUO"], "units": ["2", "1"]})
    assert bad.status_code == 422 and "DUO is a bundle itself" in bad.text and 'value="DUO"' in bad.text
    good = manager.post(address, data={"base": base, "sku": ["WICK", "LAN-1", ""], "units": ["3", "0", ""]})
    assert good.status_code == 303
    with app.app_context(), merchant_scope(merchant):
        assert {part.sku: part.quantity for part in components_of(kit["KIT"])} == {"WICK": 3}
        assert db.session.scalar(sa.select(sa.func.count(Product.id))) == 4
