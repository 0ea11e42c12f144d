"""Counts while sales go on: every scan saved once, sales netted, differences booked, promises taken back."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import DBAPIError

from portal.catalog.models import Variant
from portal.core.clock import utc_now
from portal.core.database import db, merchant_scope
from portal.core.errors import ConflictError, DomainError, NotFoundError
from portal.core.jobs import JobCancelledError, run_due_jobs
from portal.core.jobs.models import Job, JobItem
from portal.stock import promises
from portal.stock.counting import applying, services
from portal.stock.counting.scans import CountClosedError, record_scan
from portal.stock.ledger import ledger
from portal.stock.models import StockCount, StockCountLine, StockCountScan, StockLevel
from portal.stock.papers import ChangedMeanwhileError
from portal.stock.promises import TakeBack
from portal.stock.queries import Figures
from portal.stock.scanning import UnknownCodeError
from portal.stock.services import Move, apply_moves
from tests.stock.conftest import Shelf
from tests.stock.test_levels import count_statements
from tests.stock.test_transfers import together, version
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person, make_merchant, make_person
from tests.support.shop import make_variant

Member = Callable[..., Person]
Login = Callable[[Person], HouseClient]
Units = Callable[..., Figures]


@pytest.fixture
def count_id(app: Flask, merchant: int, shelf: Shelf) -> int:
    """An open count of the main warehouse."""
    with app.app_context(), merchant_scope(merchant):
        made = services.begin_count({"name": "Aisle 1", "location_id": str(shelf.main)}, by=SYSTEM)
        db.session.commit()
        return made.id


@pytest.fixture
def in_scope(app: Flask, merchant: int) -> Iterator[int]:
    with app.app_context(), merchant_scope(merchant):
        yield merchant


def scan(count_id: int, units: int = 1, mode: Any = "add", code: str = "LAN-1", token: Any = None) -> Any:
    counted = record_scan(count_id, code, units, mode, token=token or uuid.uuid4(), by=SYSTEM)
    db.session.commit()
    return counted


def get(count_id: int) -> StockCount:
    return db.session.scalars(
        sa.select(StockCount)
        .where(StockCount.id == count_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def apply(count_id: int, **values: Any) -> StockCount:
    if get(count_id).state == "open":
        services.close_count(get(count_id), by=SYSTEM)
    found = get(count_id)
    given = {"version": found.version, "zero_uncounted": False, "reason_id": None} | values
    services.approve_count(found, by=SYSTEM, **given)
    db.session.commit()
    run_due_jobs()
    db.session.rollback()
    return get(count_id)


def test_scans_of_one_variant_add_up_and_a_scan_may_replace_them(
    in_scope: int, shelf: Shelf, count_id: int
) -> None:
    assert [scan(count_id).counted for _ in range(3)] == [1, 2, 3]
    assert scan(count_id, 5).counted == 8
    assert scan(count_id, 4, "set").counted == 4
    assert scan(count_id, code=" lan-1 ").counted == 5
    line = db.session.scalars(sa.select(StockCountLine)).one()
    assert (line.book, line.variance, line.scans) == (10, -5, 6)


def test_a_token_counts_once(in_scope: int, shelf: Shelf, count_id: int) -> None:
    token = uuid.uuid4()
    assert [scan(count_id, 2, token=token).is_new for _ in range(3)] == [True, False, False]
    assert scan(count_id).counted == 3
    make_variant("OTHER")
    db.session.commit()
    with pytest.raises(DomainError, match="sent before for something else"):
        scan(count_id, code="OTHER", token=token)
    db.session.rollback()


def test_what_cannot_be_counted_is_refused(in_scope: int, shelf: Shelf, count_id: int) -> None:
    with pytest.raises(UnknownCodeError):
        scan(count_id, code="nothing")
    db.session.rollback()
    with pytest.raises(NotFoundError):
        scan(count_id + 10_000)
    db.session.rollback()
    scan(count_id)
    services.close_count(get(count_id), by=SYSTEM)
    db.session.commit()
    with pytest.raises(CountClosedError):
        scan(count_id)
    db.session.rollback()


def test_one_scan_takes_two_statements_however_long_the_count_is(
    app: Flask, in_scope: int, shelf: Shelf, count_id: int
) -> None:
    scan(count_id)
    few = count_statements(app, lambda: scan(count_id))
    for number in range(30):
        make_variant(f"MANY-{number}")
        scan(count_id, code=f"MANY-{number}")
    assert count_statements(app, lambda: scan(count_id)) == few == 2


def test_sales_during_a_count_are_netted(in_scope: int, shelf: Shelf, count_id: int, units: Units) -> None:
    scan(count_id, 8)
    apply_moves([Move(shelf.variant_id, shelf.main, "sold", on_hand=-3, allocated=-3)], by=SYSTEM)
    db.session.commit()
    found = apply(count_id)
    assert found.state == "applied"
    # 8 of 10 lay there; 3 of the 8 were sent afterwards.
    assert (units().on_hand, units().available) == (5, 5)
    entry = ledger(shelf.variant_id, shelf.main).entries[0]
    assert (entry.kind, entry.on_hand_delta, entry.cause.words) == ("counted", -2, f"Count {found.number}")


def test_units_that_moved_between_two_scans_of_a_line_are_pointed_out(
    in_scope: int, shelf: Shelf, count_id: int
) -> None:
    scan(count_id, 4)
    apply_moves([Move(shelf.variant_id, shelf.main, "sold", on_hand=-1, allocated=-1)], by=SYSTEM)
    db.session.commit()
    assert scan(count_id, 5).has_moved
    services.close_count(get(count_id), by=SYSTEM)
    assert get(count_id).summary["moved"] == 1
    services.reopen_count(get(count_id), by=SYSTEM)
    db.session.commit()
    again = scan(count_id, 9, "set")
    assert (again.counted, again.has_moved) == (9, False)
    assert db.session.scalars(sa.select(StockCountLine.variance)).one() == 0


def test_more_than_the_books_say_is_added_and_the_day_of_the_count_is_kept(
    in_scope: int, shelf: Shelf, count_id: int, units: Units
) -> None:
    scan(count_id, 14)
    apply(count_id, reason_id=shelf.reason_id)
    assert units().on_hand == 14
    level = db.session.scalars(sa.select(StockLevel).where(StockLevel.location_id == shelf.main)).one()
    assert level.counted_at is not None and utc_now() - level.counted_at < dt.timedelta(minutes=1)
    assert ledger(shelf.variant_id, shelf.main).entries[0].reason == "Damaged"


def test_a_count_that_agrees_moves_nothing_and_is_dated_all_the_same(
    in_scope: int, shelf: Shelf, count_id: int
) -> None:
    before = len(ledger(shelf.variant_id, shelf.main).entries)
    scan(count_id, 10)
    assert apply(count_id).state == "applied"
    assert len(ledger(shelf.variant_id, shelf.main).entries) == before
    assert db.session.scalar(sa.select(StockLevel.counted_at).where(StockLevel.location_id == shelf.main))


def test_units_set_aside_go_before_promises_are_broken(
    in_scope: int, shelf: Shelf, count_id: int, units: Units
) -> None:
    apply_moves(
        [Move(shelf.variant_id, shelf.main, "quarantined", unavailable=4, unavailable_kind="damaged")],
        by=SYSTEM,
    )
    db.session.commit()
    scan(count_id, 4)
    assert apply(count_id).state == "applied"
    found = units()
    assert (found.on_hand, found.allocated, found.unavailable, found.available) == (4, 3, 1, 0)


@pytest.fixture
def holder(monkeypatch: pytest.MonkeyPatch) -> list[TakeBack]:
    """Someone who promised units and gives up to two back each time."""
    asked: list[TakeBack] = []

    def give(wanted: TakeBack, *, by: Any) -> int:
        asked.append(wanted)
        units = min(2, wanted.units)
        apply_moves(
            [
                Move(
                    wanted.variant_id,
                    wanted.location_id,
                    "deallocated",
                    allocated=-units,
                    cause_kind=wanted.cause_kind,
                    cause_id=wanted.cause_id,
                )
            ],
            by=by,
        )
        return units

    monkeypatch.setattr(promises, "_holders", {})
    promises.register_promises("test", give, order=1)
    return asked


def test_a_count_below_what_is_promised_takes_promises_back(
    in_scope: int, shelf: Shelf, count_id: int, units: Units, holder: list[TakeBack]
) -> None:
    scan(count_id, 1)
    found = apply(count_id)
    assert found.state == "applied"
    assert [(one.units, one.cause_kind, one.cause_id) for one in holder] == [(2, "count", count_id)]
    assert (units().on_hand, units().allocated, units().available) == (1, 1, 0)
    assert db.session.scalars(sa.select(StockCountLine.short_units)).one() == 2
    job = db.session.get_one(Job, (in_scope, found.job_id))
    assert (
        "2 promised units"
        in db.session.scalars(sa.select(JobItem.message).where(JobItem.job_id == job.id)).one()
    )


def test_a_promise_nobody_takes_back_stops_its_line_alone_and_can_be_tried_again(
    in_scope: int, shelf: Shelf, count_id: int, units: Units, holder: list[TakeBack]
) -> None:
    other = make_variant("OTHER")
    apply_moves([Move(other.id, shelf.main, "received", on_hand=5)], by=SYSTEM)
    db.session.commit()
    scan(count_id, 0, "set")
    scan(count_id, 4, code="OTHER")
    found = apply(count_id)
    assert found.state == "review" and found.summary["applied"] == 1
    # What could be taken off is off; one promised unit that is not there is left.
    assert (units().on_hand, units().allocated) == (1, 1)
    with pytest.raises(ConflictError):
        services.cancel_count(get(count_id), by=SYSTEM)
    apply_moves([Move(shelf.variant_id, shelf.main, "deallocated", allocated=-1)], by=SYSTEM)
    db.session.commit()
    assert apply(count_id).state == "applied"
    assert units().on_hand == 0


def test_what_was_not_counted_becomes_nothing_when_that_is_wished(
    in_scope: int, shelf: Shelf, count_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.stock.counting.jobs.LARGEST_BATCH", 2)
    others = [make_variant(f"LOST-{number}").id for number in range(5)]
    apply_moves([Move(key, shelf.main, "received", on_hand=2) for key in others], by=SYSTEM)
    apply_moves([Move(others[0], shelf.shop, "received", on_hand=9)], by=SYSTEM)
    db.session.commit()
    scan(count_id, 10)
    services.close_count(get(count_id), by=SYSTEM)
    assert (get(count_id).summary["uncounted"], get(count_id).summary["uncounted_units"]) == (5, 10)
    db.session.commit()
    assert apply(count_id, zero_uncounted=True).state == "applied"
    left = db.session.execute(
        sa.select(StockLevel.location_id, sa.func.sum(StockLevel.on_hand))
        .where(StockLevel.variant_id.in_(others))
        .group_by(StockLevel.location_id)
    ).all()
    assert dict(left) == {shelf.main: 0, shelf.shop: 9}


def test_a_job_that_stops_half_way_goes_on_where_it_stopped(
    in_scope: int, shelf: Shelf, count_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.stock.counting.jobs.BATCH", 2)
    monkeypatch.setattr("portal.stock.counting.jobs.LARGEST_BATCH", 2)
    keys = [make_variant(f"HALF-{number}").id for number in range(6)]
    for key in range(6):
        scan(count_id, 3, code=f"HALF-{key}")
    real, turns = applying.apply_lines, iter(range(100))

    def cut_off(*args: Any, **values: Any) -> Any:
        if next(turns) == 1:
            raise JobCancelledError
        return real(*args, **values)

    monkeypatch.setattr("portal.stock.counting.jobs.apply_lines", cut_off)
    found = apply(count_id)
    assert found.state == "review" and found.summary["applied"] == 2
    db.session.commit()
    assert apply(count_id).state == "applied"
    total = db.session.scalar(
        sa.select(sa.func.sum(StockLevel.on_hand)).where(StockLevel.variant_id.in_(keys))
    )
    assert total == 18


def test_a_line_that_is_left_out_is_not_applied(
    in_scope: int, shelf: Shelf, count_id: int, units: Units
) -> None:
    db.session.get_one(Variant, (in_scope, shelf.variant_id)).unit_cost = Decimal("2.5")
    scan(count_id, 8)
    services.close_count(get(count_id), by=SYSTEM)
    for excluded in (True, False, True):
        services.exclude_line(get(count_id), shelf.variant_id, excluded=excluded, by=SYSTEM)
        kept, added_up = dict(get(count_id).summary), services.sums_of(get(count_id))
        assert Decimal(kept.pop("value")) == Decimal(added_up.pop("value"))
        assert kept == added_up
    assert get(count_id).summary["differing"] == 0
    db.session.commit()
    assert apply(count_id).state == "applied"
    assert units().on_hand == 10


def test_a_review_that_is_out_of_date_approves_nothing(in_scope: int, shelf: Shelf, count_id: int) -> None:
    scan(count_id, 8)
    services.close_count(get(count_id), by=SYSTEM)
    seen = get(count_id).version
    services.exclude_line(get(count_id), shelf.variant_id, excluded=True, by=SYSTEM)
    with pytest.raises(ChangedMeanwhileError):
        services.approve_count(get(count_id), version=seen, zero_uncounted=False, reason_id=None, by=SYSTEM)
    db.session.rollback()


def test_what_was_not_counted_for_long_is_found_in_the_list(
    app: Flask, merchant: int, login: Login, member: Member, shelf: Shelf, count_id: int
) -> None:
    client = login(member("warehouse"))
    for days in ("0", "90"):
        assert "LAN-1" in client.get(f"/stock?f=1.uncounted.min.{days}").text
    with app.app_context(), merchant_scope(merchant):
        scan(count_id, 10)
        apply(count_id)
    assert "LAN-1" in client.get("/stock?f=1.uncounted.min.0").text
    page = client.get("/stock?f=1.uncounted.min.90").text
    assert "No levels match" in page and "90 days" in page
    assert "is no number of days" in client.get("/stock?f=1.uncounted.min.soon").text


def test_a_scan_too_many_is_taken_off_once(in_scope: int, count_id: int) -> None:
    with pytest.raises(DomainError, match="0 of LAN-1 are counted"):
        scan(count_id, 1, "take")
    db.session.rollback()
    scan(count_id, 3)
    token = uuid.uuid4()
    assert [scan(count_id, 2, "take", token=token).counted for _ in range(2)] == [1, 1]
    with pytest.raises(DomainError, match="1 of LAN-1 are counted"):
        scan(count_id, 2, "take")


# People at once.


def test_two_scanners_on_one_line_add_up_and_sent_twice_counts_once(
    app: Flask, merchant: int, login: Login, member: Member, shelf: Shelf, count_id: int
) -> None:
    clients = [login(member("warehouse")) for _ in range(3)]
    twice = {"code": "LAN-1", "units": "1", "token": str(uuid.uuid4())}

    def scan_all(client: HouseClient) -> list[int]:
        sent = [{"code": "LAN-1", "units": "1", "token": str(uuid.uuid4())} for _ in range(8)] + [twice]
        return [
            client.fragment(f"/stock/counts/{count_id}/scans", method="POST", data=one).status_code
            for one in sent
        ]

    assert sum(together(*(lambda c=client: scan_all(c) for client in clients)), []) == [200] * 27
    with app.app_context(), merchant_scope(merchant):
        assert db.session.scalars(sa.select(StockCountLine.counted)).one() == 25
        assert len(db.session.scalars(sa.select(StockCountScan.token)).all()) == 25


@pytest.mark.parametrize("statement", [sa.update(StockCountScan).values(units=1), sa.delete(StockCountScan)])
def test_the_scans_of_a_count_stay_as_they_are_for_as_long_as_the_count(
    app: Flask, merchant: int, shelf: Shelf, count_id: int, statement: sa.Update | sa.Delete
) -> None:
    with app.app_context(), merchant_scope(merchant):
        scan(count_id, 9)
        services.cancel_count(get(count_id), by=SYSTEM)
        db.session.commit()
        with pytest.raises(DBAPIError, match="permission denied"):
            db.session.execute(statement.where(StockCountScan.count_id == count_id))


def test_sales_in_the_middle_of_applying_are_kept(
    app: Flask, merchant: int, shelf: Shelf, count_id: int, units: Units
) -> None:
    with app.app_context(), merchant_scope(merchant):
        scan(count_id, 9)
        services.close_count(get(count_id), by=SYSTEM)
        found = get(count_id)
        services.approve_count(found, version=found.version, zero_uncounted=False, reason_id=None, by=SYSTEM)
        db.session.commit()

    def run() -> None:
        with app.app_context(), merchant_scope(merchant):
            run_due_jobs()

    def sell() -> None:
        for _ in range(3):
            with app.app_context(), merchant_scope(merchant):
                apply_moves([Move(shelf.variant_id, shelf.main, "sold", on_hand=-1, allocated=-1)], by=SYSTEM)
                db.session.commit()

    together(run, sell)
    assert (units().on_hand, units().allocated, units().available) == (6, 0, 6)


# Screens.


def test_the_way_of_a_count_through_its_screens(
    login: Login, member: Member, shelf: Shelf, units: Units, app: Flask, merchant: int
) -> None:
    client = login(member("warehouse"))
    refused = client.post("/stock/counts/new", data={"name": "", "location_id": shelf.main})
    assert refused.status_code == 422 and "Give the count a name" in refused.text
    answer = client.post("/stock/counts/new", data={"name": "Back room", "location_id": shelf.main})
    scanning = answer.location
    path = scanning.removesuffix("/scanning")
    assert "Nothing was counted yet" in client.get(scanning).text
    one = {"code": "lan-1", "units": "8", "token": str(uuid.uuid4())}
    good = client.fragment(f"{path}/scans", method="POST", data=one)
    assert good.status_code == 200 and "Counted so far" in good.text and ">8<" in good.text
    bad = client.fragment(
        f"{path}/scans", method="POST", data=one | {"code": "?", "token": str(uuid.uuid4())}
    )
    assert bad.status_code == 422 and 'data-scan-ok="no"' in bad.text
    plain = client.post(f"{path}/scans", data=one | {"token": str(uuid.uuid4()), "mode": "set"})
    assert plain.status_code == 303 and "mode=set" in plain.location
    assert "LAN-1" in client.get(scanning).text
    assert client.post(f"{path}/closing").status_code == 303
    assert client.get(scanning).status_code == 303
    page = client.get(path).text
    assert "Approve and apply" in page and "1 variant changes" in page and "2 taken off" in page
    line = client.get(f"{path}/lines/{shelf.variant_id}").text
    assert re.search(r"Difference.*?-2|−2", line, re.DOTALL) and "Leave it out" in line
    assert client.post(f"{path}/approval", data={"version": version(client, path)}).status_code == 303
    with app.app_context(), merchant_scope(merchant):
        run_due_jobs()
    assert "Applied" in client.get(path).text
    assert units().on_hand == 8
    assert "Back room" in client.get("/stock/counts").text


def test_who_counts_may_not_approve_and_strangers_find_nothing(
    app: Flask, login: Login, member: Member, count_id: int
) -> None:
    reader = login(member("support"))
    path = f"/stock/counts/{count_id}"
    assert reader.get(path).status_code == 200
    assert reader.get(f"{path}/scanning").status_code == 403
    assert reader.post(f"{path}/approval").status_code == 403
    stranger = login(make_person(app, make_merchant(app)))
    sent = {"code": "LAN-1", "token": str(uuid.uuid4())}
    assert stranger.get(path).status_code == 404
    assert stranger.post(f"{path}/scans", data=sent).status_code == 404
