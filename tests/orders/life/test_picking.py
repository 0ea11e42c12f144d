"""Pick lists: a wave over many orders, scans that count once, wrong items refused, short picks, packed parcels."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.core.database import current_merchant_id, db, merchant_scope
from portal.core.errors import ConflictError, DomainError
from portal.orders.models import OrderShortfall, PickLine, PickList, PickScan
from portal.orders.picking import scans, services
from portal.orders.picking.queries import to_pick_by_place
from portal.stock.papers import take_number
from tests.orders.life.conftest import ANNA, Read, line, parcels
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person, make_merchant
from tests.support.shop import Shop, levels, make_variant

Login = Callable[[Person], HouseClient]
Member = Callable[..., Person]


def picked(list_id: int) -> list[tuple[str, int, int, int]]:
    table = PickLine.__table__
    rows = db.session.execute(
        sa.select(table.c.sku, table.c.wanted, table.c.picked, table.c.short)
        .where(table.c.merchant_id == current_merchant_id(), table.c.pick_list_id == list_id)
        .order_by(table.c.n)
    )
    return [tuple(row) for row in rows]


def make(shop: Shop, **values: Any) -> int:
    made = services.make_pick_list(shop.location_id, most=values.pop("most", 20), by=SYSTEM, **values)
    db.session.commit()
    return made.id


def scan(list_id: int, code: str, units: int = 1, token: uuid.UUID | None = None) -> services.Picked:
    return services.scan(list_id, code, units, token=token or uuid.uuid4(), by=SYSTEM)


def test_a_wave_is_fetched_and_packed(shop: Shop, head: Read) -> None:
    one = shop.order(("MUG", 2, "4.50"), ("CUP", 1, "3"), paid="12.00")
    two = shop.order(("CUP", 2, "3"), paid="6.00")
    shop.order(("MUG", 1, "4.50"))
    made = make(shop)
    assert picked(made) == [("CUP", 1, 0, 0), ("CUP", 2, 0, 0), ("MUG", 2, 0, 0)]
    assert [parcels(each.order_id)[0].state for each in (one, two)] == ["picking", "picking"]
    with pytest.raises(ConflictError, match="No order can be picked"):
        services.make_pick_list(shop.location_id, most=20, by=SYSTEM)
    db.session.rollback()
    assert scan(made, "cup", 3).numbers == tuple(sorted((one.number, two.number)))
    scan(made, "MUG", 2)
    assert services.finish(made, by=SYSTEM) == (2, [])
    db.session.commit()
    assert [parcels(each.order_id)[0].state for each in (one, two)] == ["packed", "packed"]
    assert levels([shop.variants["CUP"]]) == {shop.variants["CUP"]: (10, 3)}


def test_what_waits_is_told_by_place(shop: Shop) -> None:
    assert to_pick_by_place() == {}
    shop.order(("MUG", 2, "4.50"), ("CUP", 1, "3"), paid="12.00")
    shop.order(("CUP", 1, "3"), paid="3.00")
    shop.order(("MUG", 1, "4.50"))
    assert to_pick_by_place() == {shop.location_id: 2}
    make(shop, most=1)
    assert to_pick_by_place() == {shop.location_id: 1}


def test_a_wrong_item_is_refused(shop: Shop) -> None:
    shop.order(("MUG", 2, "4.50"), paid="9.00")
    made = make(shop)
    make_variant("BOWL")
    db.session.commit()
    for code, message in (("CUP", "not on this list"), ("BOWL", "not on this list"), ("4711", "No variant")):
        with pytest.raises(DomainError, match=message):
            scan(made, code)
        db.session.rollback()
    with pytest.raises(DomainError, match="Only 2"):
        scan(made, "MUG", 3)
    db.session.rollback()
    scan(made, "MUG", 2)
    with pytest.raises(DomainError, match="picked already"):
        scan(made, "MUG")


def test_a_scan_that_is_sent_twice_counts_once(shop: Shop) -> None:
    shop.order(("MUG", 2, "4.50"), paid="9.00")
    made, token = make(shop), uuid.uuid4()
    assert scan(made, "MUG", token=token).is_new
    assert not scan(made, "MUG", token=token).is_new
    assert picked(made) == [("MUG", 2, 1, 0)]


def test_a_token_that_comes_with_another_scan_is_refused(shop: Shop) -> None:
    shop.order(("MUG", 2, "4.50"), ("CUP", 1, "3"), paid="12.00")
    made, token = make(shop), uuid.uuid4()
    scan(made, "MUG", token=token)
    for code, units in (("CUP", 1), ("MUG", 2)):
        with pytest.raises(DomainError, match="for something else"):
            scan(made, code, units, token=token)


def test_scans_of_ended_lists_are_forgotten_after_a_while(
    app: Flask, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scans, "FORGOTTEN_AT_ONCE", 1)
    shop.order(("MUG", 2, "4.50"), paid="9.00")
    made, token = make(shop), uuid.uuid4()
    scan(made, "MUG", token=token)
    scan(made, "MUG")

    def forgotten(*, after: int) -> int:
        db.session.execute(sa.update(PickScan).values(at=sa.func.now() - dt.timedelta(days=after)))
        gone = scans.forget_pick_scans()
        db.session.commit()
        return gone

    assert forgotten(after=60) == 0, "the list takes scans yet"
    services.finish(made, by=SYSTEM)
    assert forgotten(after=13) == 0
    with app.app_context(), merchant_scope(make_merchant(app)):
        assert scans.forget_pick_scans() == 0
    assert [forgotten(after=15) for _ in range(3)] == [1, 1, 0]
    with pytest.raises(ConflictError):
        scan(made, "MUG", token=token)


def test_a_unit_scanned_by_mistake_is_put_back_once(shop: Shop) -> None:
    shop.order(("MUG", 3, "4.50"), paid="13.50")
    made, token = make(shop), uuid.uuid4()
    scan(made, "MUG", 2)
    for _ in range(2):
        services.put_back(made, 1, token=token, by=SYSTEM)
    assert picked(made) == [("MUG", 3, 1, 0)]
    services.put_back(made, 1, token=uuid.uuid4(), by=SYSTEM)
    with pytest.raises(ConflictError, match="Nothing of MUG is picked"):
        services.put_back(made, 1, token=uuid.uuid4(), by=SYSTEM)


def test_two_scanners_on_one_list_count_each_unit_once(app: Flask, scope: int, shop: Shop) -> None:
    shop.order(("MUG", 5, "4.50"), paid="22.50")
    made = make(shop)
    barrier, told = threading.Barrier(4), []

    def work() -> None:
        with app.app_context(), merchant_scope(scope):
            barrier.wait()
            for _ in range(3):
                try:
                    services.scan(made, "MUG", 1, token=uuid.uuid4(), by=ANNA)
                    db.session.commit()
                    told.append("picked")
                except DomainError:
                    db.session.rollback()
                    told.append("refused")

    people = [threading.Thread(target=work) for _ in range(4)]
    for each in people:
        each.start()
    for each in people:
        each.join()
    db.session.rollback()
    assert (told.count("picked"), told.count("refused")) == (5, 7)
    assert picked(made) == [("MUG", 5, 5, 0)]


def test_what_is_not_there_becomes_a_shortfall(shop: Shop, head: Read) -> None:
    placed = shop.order(("MUG", 3, "4.50"), ("CUP", 1, "3"), paid="16.50")
    made = make(shop)
    scan(made, "MUG", 1)
    scan(made, "CUP", 1)
    with pytest.raises(ConflictError, match="2 units are neither"):
        services.finish(made, by=SYSTEM)
    db.session.rollback()
    made_lines = picked(made)
    assert made_lines == [("CUP", 1, 0, 0), ("MUG", 3, 0, 0)]
    scan(made, "MUG", 1)
    scan(made, "CUP", 1)
    services.report_short(made, 2, by=SYSTEM)
    db.session.commit()
    case = db.session.execute(sa.select(OrderShortfall.__table__)).one()
    assert (case.sku, case.units, case.cause) == ("MUG", 2, "pick")
    assert line(placed.order_id).allocated_quantity == 1
    assert services.finish(made, by=SYSTEM)[0] == 1
    db.session.commit()
    assert parcels(placed.order_id)[0].state == "packed"
    with pytest.raises(ConflictError, match="done already"):
        services.report_short(made, 2, by=SYSTEM)


def test_units_nobody_found_are_not_promised_again(shop: Shop) -> None:
    shop.order(("MUG", 10, "4.50"), paid="45.00")
    made = make(shop)
    services.report_short(made, 1, by=SYSTEM)
    db.session.commit()
    later = shop.order(("MUG", 1, "4.50"), paid="4.50")
    assert line(later.order_id).allocated_quantity == 0


def test_an_order_cancelled_meanwhile_is_kept_back(shop: Shop) -> None:
    from portal.orders.services import hold_order

    placed = shop.order(("MUG", 1, "4.50"), paid="4.50")
    made = make(shop)
    scan(made, "MUG")
    hold_order(placed.order_id, "It may be fraud", by=SYSTEM)
    assert services.finish(made, by=SYSTEM) == (1, [placed.number])


def test_a_list_that_is_given_up_frees_its_orders(shop: Shop) -> None:
    placed = shop.order(("MUG", 1, "4.50"), paid="4.50")
    services.cancel_list(make(shop), by=SYSTEM)
    db.session.commit()
    assert parcels(placed.order_id)[0].state == "cancelled"
    assert picked(make(shop)) == [("MUG", 1, 0, 0)]


def test_each_merchant_counts_its_own_lists(
    app: Flask, scope: int, shop: Shop, login: Login, member: Member
) -> None:
    """Two who make a list at once get two numbers, and another merchant's lists take none."""
    with app.app_context(), merchant_scope(make_merchant(app)):
        assert [take_number("pick_list") for _ in range(3)] == [1, 2, 3]
        db.session.commit()
    for _ in range(4):
        shop.order(("MUG", 1, "4.50"), paid="4.50")
    db.session.rollback()
    ready = threading.Barrier(2)

    def one() -> None:
        with app.app_context(), merchant_scope(scope):
            ready.wait()
            make(shop, most=2)

    both = [threading.Thread(target=one) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    found = db.session.execute(sa.select(PickList.id, PickList.number).order_by(PickList.number)).all()
    assert [row.number for row in found] == [1, 2]
    client = login(member("warehouse"))
    assert "Pick list 2" in client.get(f"/pick-lists/{found[1].id}").text
    paper = client.get(f"/documents/pick-lists/{found[1].id}")
    assert "pick-list-2.pdf" in paper.headers["Content-Disposition"]


def test_unpaid_orders_are_picked_when_asked_for(shop: Shop) -> None:
    shop.order(("MUG", 1, "4.50"))
    with pytest.raises(ConflictError):
        make(shop)
    db.session.rollback()
    assert picked(make(shop, with_unpaid=True)) == [("MUG", 1, 0, 0)]


def test_the_phone_is_told(shop: Shop, login: Login, member: Member) -> None:
    shop.order(("MUG", 2, "4.50"), paid="9.00")
    client = login(member("warehouse"))
    made = client.post("/pick-lists/", data={"location_id": str(shop.location_id), "most": "5"})
    assert made.status_code == 303
    page = made.location
    assert "Pick list" in client.get(page).text
    scans = f"{page}/scans"
    good = client.fragment(
        scans, method="POST", data={"code": "mug", "units": "1", "token": str(uuid.uuid4())}
    )
    assert good.status_code == 200 and "scan-outcome is-ok" in good.text and "1 more to fetch" in good.text
    wrong = client.fragment(
        scans, method="POST", data={"code": "cup", "units": "1", "token": str(uuid.uuid4())}
    )
    assert wrong.status_code == 422 and "is-refused" in wrong.text and "not on this list" in wrong.text
    plain = client.post(scans, data={"code": "cup", "units": "1", "token": str(uuid.uuid4())})
    assert plain.status_code == 422 and "not on this list" in plain.text
    assert client.post(f"{page}/finish").status_code == 409
    assert client.post(f"{page}/lines/1/shortage").status_code == 303
    assert client.post(f"{page}/finish").status_code == 303


def test_a_reader_picks_nothing(shop: Shop, login: Login, member: Member) -> None:
    shop.order(("MUG", 2, "4.50"), paid="9.00")
    made = make(shop)
    client = login(member("read-only"))
    assert client.get(f"/pick-lists/{made}").status_code == 200
    for path in ("/pick-lists/", f"/pick-lists/{made}/scans", f"/pick-lists/{made}/finish"):
        assert client.post(path).status_code == 403
