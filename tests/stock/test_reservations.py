"""Reservations: kept under a key, renewed, changed, given back in time, and never more than there is."""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.catalog.models import VariantComponent
from portal.core.clock import utc_now
from portal.core.database import db, merchant_scope
from portal.core.errors import ConflictError, DomainError, NotFoundError
from portal.core.jobs import run_due_jobs
from portal.stock.heat import cool_variant, heat_variant
from portal.stock.ledger import ledger_sums
from portal.stock.models import Location, StockLevel, StockMovement, StockReservation, StockReservationLine
from portal.stock.promise_jobs import expire_reservations
from portal.stock.promises import TakeBack, take_back
from portal.stock.queries import Figures, figures
from portal.stock.reservations import (
    NotEnoughUnitsError,
    expire_due,
    release,
    release_by_hand,
    renew,
    reserve,
)
from portal.stock.routing.planning import Want
from portal.stock.rush import reserve_at_once
from portal.stock.services import InsufficientStockError, Move, apply_moves
from tests.support.people import SYSTEM
from tests.support.shop import Shop, make_variant, open_shop
from tests.support.waiting import row_waiters, until


def _keep(shop: Shop, key: str, **units: int) -> None:
    wants = [Want(n, sku, count, {shop.variants[sku]: 1}) for n, (sku, count) in enumerate(units.items(), 1)]
    reserve(key, wants, holder="basket", by=SYSTEM)
    db.session.commit()


def _reserved(shop: Shop, sku: str) -> int:
    """Units reserved of the variant; the ledger and the lines of reservations must say the same."""
    variant = shop.variants[sku]
    found, summed = figures(variant, shop.location_id), ledger_sums(variant, shop.location_id)
    lines = db.session.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(StockReservationLine.quantity), 0))
        .join(StockReservation, StockReservation.id == StockReservationLine.reservation_id)
        .where(StockReservation.state == "held", StockReservationLine.variant_id == variant)
    )
    assert found == summed
    assert found.reserved == lines
    return found.reserved


def _age(key: str, minutes: int = 60) -> None:
    db.session.execute(
        sa.update(StockReservation)
        .where(StockReservation.key == key)
        .values(expires_at=utc_now() - dt.timedelta(minutes=minutes))
    )
    db.session.commit()


def test_the_same_request_twice_keeps_the_units_once(scope: int) -> None:
    shop = open_shop({"MUG": 10})
    for _ in range(2):
        _keep(shop, "basket-1", MUG=3)
    assert _reserved(shop, "MUG") == 3
    assert db.session.scalar(sa.select(sa.func.count(StockReservation.id))) == 1


def test_a_basket_that_changes_keeps_what_it_holds_now(scope: int) -> None:
    shop = open_shop({"MUG": 4, "PLATE": 5})
    _keep(shop, "basket-1", MUG=4)
    _keep(shop, "basket-1", MUG=2, PLATE=1)
    assert (_reserved(shop, "MUG"), _reserved(shop, "PLATE")) == (2, 1)
    # Its own units count: all four can be had again.
    _keep(shop, "basket-1", MUG=4)
    assert (_reserved(shop, "MUG"), _reserved(shop, "PLATE")) == (4, 0)


def test_more_than_there_is_is_refused_and_nothing_is_kept(scope: int) -> None:
    shop = open_shop({"MUG": 2, "PLATE": 5})
    with pytest.raises(NotEnoughUnitsError, match="MUG") as refused:
        _keep(shop, "basket-1", MUG=3, PLATE=1)
    db.session.rollback()
    assert refused.value.missing == {1: 1}
    assert (_reserved(shop, "MUG"), _reserved(shop, "PLATE")) == (0, 0)


def test_the_buffer_of_a_channel_stays_for_others(scope: int) -> None:
    shop = open_shop({"MUG": 5})
    want = [Want(1, "MUG", 4, {shop.variants["MUG"]: 1})]
    with pytest.raises(NotEnoughUnitsError):
        reserve("a", want, holder="basket", buffer=2, by=SYSTEM)
    db.session.rollback()
    with pytest.raises(NotEnoughUnitsError):
        reserve_at_once("b", shop.variants["MUG"], 4, sku="MUG", buffer=2, by=SYSTEM)
    assert reserve_at_once("c", shop.variants["MUG"], 3, sku="MUG", buffer=2, by=SYSTEM).key == "c"
    assert _reserved(shop, "MUG") == 3


def test_activity_keeps_it_for_longer_and_never_shorter(scope: int) -> None:
    shop = open_shop({"MUG": 5})
    _keep(shop, "basket-1", MUG=1)
    later = renew("basket-1", minutes=90)
    db.session.commit()
    assert later > utc_now() + dt.timedelta(minutes=80)
    assert renew("basket-1", minutes=1) == later
    with pytest.raises(NotFoundError):
        renew("nobody")


@pytest.mark.parametrize(
    ("key", "minutes"), [("", 5), ("x" * 121, 5), ("nul\0", 5), ("k", -1), ("k", 43_201)]
)
def test_it_refuses_what_is_no_reservation(scope: int, key: str, minutes: int) -> None:
    with pytest.raises(DomainError):
        reserve(key, [], holder="basket", minutes=minutes, by=SYSTEM)


def test_units_are_back_on_sale_when_the_basket_is_abandoned(scope: int) -> None:
    shop = open_shop({"MUG": 5})
    _keep(shop, "left", MUG=2)
    _keep(shop, "kept", MUG=1)
    _age("left")
    assert expire_due(by=SYSTEM) == 1
    db.session.commit()
    assert _reserved(shop, "MUG") == 1
    states = dict(db.session.execute(sa.select(StockReservation.key, StockReservation.state)).all())
    assert states == {"left": "expired", "kept": "held"}


def test_the_timetable_finds_what_ran_out_and_a_worker_puts_it_back(scope: int) -> None:
    shop = open_shop({"MUG": 5})
    _keep(shop, "left", MUG=2)
    _age("left", minutes=0)
    db.session.rollback()
    expire_reservations()
    run_due_jobs()
    assert _reserved(shop, "MUG") == 0


def test_it_is_given_back_once_by_hand(scope: int) -> None:
    shop = open_shop({"MUG": 5})
    _keep(shop, "basket-1", MUG=2)
    reservation_id = db.session.scalars(sa.select(StockReservation.id)).one()
    release_by_hand(reservation_id, by=SYSTEM)
    db.session.commit()
    with pytest.raises(ConflictError):
        release_by_hand(reservation_id, by=SYSTEM)
    db.session.rollback()
    assert not release("basket-1", by=SYSTEM)
    assert _reserved(shop, "MUG") == 0


def test_a_count_that_finds_fewer_takes_units_from_baskets(scope: int) -> None:
    shop = open_shop({"MUG": 5})
    _keep(shop, "first", MUG=2)
    _keep(shop, "second", MUG=2)
    found = take_back(TakeBack(shop.variants["MUG"], shop.location_id, 3, "count", 1), by=SYSTEM)
    db.session.commit()
    assert found == 3
    assert _reserved(shop, "MUG") == 1
    assert (
        db.session.scalar(sa.select(StockReservation.unit_count).where(StockReservation.key == "first")) == 1
    )


def test_many_buyers_of_the_last_units_get_exactly_those(app: Flask, scope: int) -> None:
    shop = open_shop({"MUG": 7})
    for slots in (0, 4):
        won: list[str] = []
        if slots:
            apply_moves([Move(shop.variants["MUG"], shop.location_id, "received", on_hand=7)], by=SYSTEM)
            heat_variant(shop.variants["MUG"], slots, by=SYSTEM)
        db.session.commit()
        barrier = threading.Barrier(24)

        def buy(
            n: int, slots: int = slots, won: list[str] = won, barrier: threading.Barrier = barrier
        ) -> None:
            with app.app_context(), merchant_scope(scope):
                barrier.wait()
                with contextlib.suppress(NotEnoughUnitsError):
                    won.append(
                        reserve_at_once(f"{slots}-{n}", shop.variants["MUG"], 1, sku="MUG", by=SYSTEM).key
                    )

        _together(buy, 24)
        assert len(won) == len(set(won)) == 7
    assert _reserved(shop, "MUG") == 14


def test_nobody_is_refused_while_each_slot_has_too_few_but_all_have_enough(scope: int) -> None:
    shop = open_shop({"MUG": 8})
    heat_variant(shop.variants["MUG"], 4, by=SYSTEM)
    db.session.commit()
    reserve_at_once("all", shop.variants["MUG"], 7, sku="MUG", by=SYSTEM)
    assert _reserved(shop, "MUG") == 7
    with pytest.raises(NotEnoughUnitsError):
        reserve_at_once("two", shop.variants["MUG"], 2, sku="MUG", by=SYSTEM)
    reserve_at_once("one", shop.variants["MUG"], 1, sku="MUG", by=SYSTEM)
    assert _reserved(shop, "MUG") == 8


def test_one_key_from_many_at_once_is_one_reservation(app: Flask, scope: int) -> None:
    shop = open_shop({"MUG": 50})
    db.session.rollback()
    barrier, ids = threading.Barrier(12), []

    def buy(n: int) -> None:
        with app.app_context(), merchant_scope(scope):
            barrier.wait()
            ids.append(reserve_at_once("same", shop.variants["MUG"], 2, sku="MUG", by=SYSTEM).id)

    _together(buy, 12)
    assert len(ids) == 12
    assert len(set(ids)) == 1
    assert _reserved(shop, "MUG") == 2


def test_units_are_spread_and_gathered_without_a_unit_lost(scope: int) -> None:
    shop = open_shop({"MUG": 21})
    variant = shop.variants["MUG"]
    _keep(shop, "before", MUG=2)
    heat_variant(variant, 4, by=SYSTEM)
    db.session.commit()
    slots = _slots(variant)
    assert sorted(free for free, _ in slots.values()) == [4, 5, 5, 5]
    assert figures(variant, shop.location_id) == Figures(on_hand=21, reserved=2)
    _keep(shop, "during", MUG=9)
    assert cool_variant(variant, by=SYSTEM)
    db.session.commit()
    assert figures(variant, shop.location_id) == Figures(on_hand=21, reserved=11)
    assert sum(free for slot, (free, _) in _slots(variant).items() if slot) == 0
    # What was promised stays where its reservation says, and goes back from there.
    assert release("during", by=SYSTEM)
    db.session.commit()
    assert _reserved(shop, "MUG") == 2
    assert not cool_variant(variant, by=SYSTEM)
    db.session.commit()
    assert _slots(variant) == {0: (19, 2)}


def test_buyers_find_units_that_are_spread_while_they_wait(app: Flask, scope: int) -> None:
    """Whoever waited for the single slot must see the slots that were made meanwhile."""
    shop = open_shop({"MUG": 6})
    variant = shop.variants["MUG"]
    db.session.commit()
    heat_variant(variant, 3, by=SYSTEM)
    refused: list[BaseException] = []

    def buy(n: int) -> None:
        with app.app_context(), merchant_scope(scope):
            try:
                if n % 2:
                    reserve_at_once(f"b{n}", variant, 2, sku="MUG", by=SYSTEM)
                else:
                    _keep(shop, f"b{n}", MUG=1)
            except Exception as error:
                refused.append(error)

    threads = [threading.Thread(target=buy, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    until(lambda: row_waiters(app) == 3)
    db.session.commit()
    for thread in threads:
        thread.join()
    assert not refused
    assert _reserved(shop, "MUG") == 4


def test_a_bundle_is_kept_by_its_components(scope: int, make_bundle: Callable[..., int]) -> None:
    shop = open_shop({"MUG": 5, "TRAY": 4})
    bundle = make_bundle("SET", {shop.variants["MUG"]: 2, shop.variants["TRAY"]: 1})
    reserve_at_once("basket", bundle, 2, sku="SET", by=SYSTEM)
    assert (_reserved(shop, "MUG"), _reserved(shop, "TRAY")) == (4, 2)
    with pytest.raises(NotEnoughUnitsError):
        reserve_at_once("other", bundle, 1, sku="SET", by=SYSTEM)


def test_units_at_a_closed_location_are_not_kept(scope: int) -> None:
    shop = open_shop({"MUG": 5})
    other = Location(name="Closed", code="X", is_active=False)
    db.session.add(other)
    db.session.flush()
    apply_moves([Move(shop.variants["MUG"], other.id, "received", on_hand=9)], by=SYSTEM)
    db.session.commit()
    for attempt in (
        lambda: _keep(shop, "a", MUG=6),
        lambda: reserve_at_once("b", shop.variants["MUG"], 6, sku="MUG", by=SYSTEM),
    ):
        with pytest.raises(NotEnoughUnitsError):
            attempt()
        db.session.rollback()


def test_the_database_refuses_what_the_services_would_never_do(scope: int) -> None:
    shop = open_shop({"MUG": 1})
    with pytest.raises(InsufficientStockError):
        apply_moves([Move(shop.variants["MUG"], shop.location_id, "reserved", reserved=2)], by=SYSTEM)
    db.session.rollback()
    assert (
        db.session.scalar(sa.select(sa.func.count(StockMovement.id)).where(StockMovement.kind == "reserved"))
        == 0
    )


def _slots(variant_id: int) -> dict[int, tuple[int, int]]:
    db.session.expire_all()
    return {
        level.slot: (level.on_hand - level.allocated - level.reserved - level.unavailable, level.reserved)
        for level in db.session.scalars(sa.select(StockLevel).where(StockLevel.variant_id == variant_id))
    }


def _together(work: Callable[[int], None], count: int) -> None:
    threads = [threading.Thread(target=work, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.fixture
def make_bundle(scope: int) -> Callable[..., int]:
    """``make_bundle("SET", {variant: units})`` gives the id of a bundle."""

    def make(sku: str, parts: dict[int, int]) -> int:
        bundle = make_variant(sku)
        for component_id, quantity in parts.items():
            db.session.add(
                VariantComponent(bundle_id=bundle.id, component_id=component_id, quantity=quantity)
            )
        db.session.commit()
        return bundle.id

    return make
