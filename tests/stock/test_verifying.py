"""The verifier finds a wrong counter, names the movement, and a person repairs it by movements."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.catalog.models import Variant
from portal.core.clock import utc_now
from portal.core.database import db, merchant_scope, snapshot
from portal.core.errors import ConflictError, DomainError
from portal.core.ids import id_at
from portal.core.jobs import run_due_jobs
from portal.stock import verifying
from portal.stock.ledger import ledger_sums
from portal.stock.models import StockFinding, StockLevel, StockMovement, StockVerification
from portal.stock.queries import figures
from portal.stock.repairing import propose, repair
from portal.stock.replaying import Difference, replay
from portal.stock.services import Move, apply_moves
from tests.stock.conftest import Shelf
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person, make_merchant, make_person

Member = Callable[..., Person]
Login = Callable[[Person], HouseClient]
LAST = 2**63 - 1


@pytest.fixture
def level(app: Flask, merchant: int, shelf: Shelf) -> Shelf:
    """A level with a history of twenty movements, all held by nobody: 3 units of an order are given back."""
    with app.app_context(), merchant_scope(merchant):
        move(shelf, "deallocated", allocated=-3, cause_kind="order", cause_id=77)
        for n in range(18):
            move(shelf, "received" if n % 2 else "adjusted", on_hand=2 if n % 2 else -1)
        db.session.commit()
    return shelf


def move(shelf: Shelf, kind: str, **values: Any) -> int:
    apply_moves([Move(shelf.variant_id, shelf.main, kind, **values)], by=SYSTEM)
    return int(
        db.session.scalar(
            sa.select(sa.func.max(StockMovement.id)).where(StockMovement.variant_id == shelf.variant_id)
        )
        or 0
    )


def tamper(shelf: Shelf, **values: Any) -> None:
    db.session.execute(
        sa.update(StockLevel)
        .where(StockLevel.variant_id == shelf.variant_id, StockLevel.location_id == shelf.main)
        .values({name: StockLevel.__table__.c[name] + units for name, units in values.items()})
    )


def found() -> list[Difference]:
    db.session.commit()
    with snapshot() as connection:
        return replay(connection, 1, LAST).differences


def verified() -> StockVerification:
    verifying.request_verification(by=SYSTEM)
    db.session.commit()
    run_due_jobs()
    run = verifying.last_verification()
    assert run is not None
    return run


def the_finding() -> StockFinding:
    return db.session.scalars(sa.select(StockFinding).where(StockFinding.state == "open")).one()


def test_a_sound_stock_has_no_difference(app: Flask, merchant: int, level: Shelf) -> None:
    with app.app_context(), merchant_scope(merchant):
        assert found() == []
        run = verified()
        assert (run.findings, run.levels) == (0, 1)
        assert run.movements == 21 and run.finished_at is not None


def test_it_names_the_first_movement_that_diverges(app: Flask, merchant: int, level: Shelf) -> None:
    with app.app_context(), merchant_scope(merchant):
        tamper(level, on_hand=2)
        first = move(level, "sold", on_hand=-1)
        move(level, "received", on_hand=4)
        assert found() == [
            Difference(level.variant_id, level.main, 0, "on_hand", "ledger", 24, 22, first, "at")
        ]


def test_it_says_when_the_level_went_wrong_after_the_last_movement(
    app: Flask, merchant: int, level: Shelf
) -> None:
    with app.app_context(), merchant_scope(merchant):
        last = move(level, "sold", on_hand=-1)
        tamper(level, on_hand=-3)
        assert [(each.counter, each.movement_id, each.movement_place) for each in found()] == [
            ("on_hand", last, "after")
        ]


@pytest.mark.parametrize(
    ("wrong", "moved", "counter"),
    [
        ({"reserved": 2}, {"on_hand": 1}, "reserved"),
        ({"unavailable": 2}, {"allocated": 1}, "unavailable"),
        ({"incoming": 2}, {"incoming": 1}, "incoming"),
    ],
)
def test_it_traces_every_chain_of_figures(
    app: Flask, merchant: int, level: Shelf, wrong: dict[str, int], moved: dict[str, int], counter: str
) -> None:
    with app.app_context(), merchant_scope(merchant):
        tamper(level, **wrong)
        named = move(level, "adjusted", **moved)
        difference = next(each for each in found() if each.source == "ledger")
        assert (difference.counter, difference.movement_id, difference.movement_place) == (
            counter,
            named,
            "at",
        )


def test_a_wrong_share_of_damaged_units_is_found(app: Flask, merchant: int, level: Shelf) -> None:
    with app.app_context(), merchant_scope(merchant):
        move(level, "quarantined", unavailable=3)
        tamper(level, damaged=2)
        assert [(each.counter, each.level_units, each.source_units) for each in found()] == [
            ("damaged", 2, 0)
        ]


def test_history_brought_in_later_and_swapped_numbers_are_no_difference(
    app: Flask, merchant: int, level: Shelf
) -> None:
    with app.app_context(), merchant_scope(merchant):
        values = {
            "merchant_id": merchant,
            "variant_id": level.variant_id,
            "location_id": level.main,
            "actor_kind": "job",
            "cause_kind": "import",
        }
        now = utc_now()
        table = StockMovement.__table__
        # Two sessions took their numbers in the other order within one millisecond.
        at = id_at(now, 0) + (1 << 30)
        on_hand = figures(level.variant_id, level.main).on_hand
        db.session.execute(
            sa.insert(table),
            [
                values
                | {"id": at + n, "kind": "sold", "on_hand_delta": delta, "on_hand_after": after}
                | {"promised_after": 0, "incoming_after": 0}
                for n, delta, after in ((1, -2, on_hand - 3), (2, -1, on_hand - 1))
            ],
        )
        tamper(level, on_hand=-3)
        # Imported history begins before everything and ends in between.
        begin = db.session.scalar(sa.select(sa.func.min(StockMovement.id)))
        assert begin is not None
        db.session.execute(
            sa.insert(table),
            [
                values | {"id": place, "kind": kind, "on_hand_delta": delta}
                for place, kind, delta in (
                    (begin - (1 << 34), "opening", 40),
                    (begin - (1 << 33), "sold", -15),
                    (at - 1, "history_end", -25),
                )
            ],
        )
        assert found() == []
        tamper(level, on_hand=1)
        assert [(each.movement_id, each.movement_place) for each in found()] == [(at + 2, "after")]


def test_a_movement_that_was_rewritten_is_found_though_the_sums_agree(
    app: Flask, merchant: int, level: Shelf
) -> None:
    with app.app_context(), merchant_scope(merchant):
        tamper(level, on_hand=5)
        db.session.execute(
            sa.insert(StockMovement.__table__).values(
                merchant_id=merchant,
                variant_id=level.variant_id,
                location_id=level.main,
                kind="received",
                on_hand_delta=5,
                actor_kind="system",
                cause_kind="person",
            )
        )
        named = move(level, "sold", on_hand=-1)
        assert [(each.source, each.counter, each.movement_id) for each in found()] == [
            ("replay", "on_hand", named)
        ]


def test_promises_are_held_against_those_who_hold_them(app: Flask, merchant: int, level: Shelf) -> None:
    with app.app_context(), merchant_scope(merchant):
        named = move(level, "allocated", allocated=2, cause_kind="order", cause_id=4711)
        assert found() == [
            Difference(level.variant_id, level.main, None, "allocated", "holders", 2, 0, named, "at")
        ]


def test_a_level_without_movements_and_movements_without_a_level_are_found(
    app: Flask, merchant: int, level: Shelf
) -> None:
    with app.app_context(), merchant_scope(merchant):
        db.session.execute(
            sa.insert(StockLevel.__table__).values(
                merchant_id=merchant, variant_id=level.variant_id, location_id=level.shop, on_hand=4
            )
        )
        db.session.execute(sa.delete(StockLevel).where(StockLevel.location_id == level.main))
        assert {(each.location_id, each.level_units, each.source_units) for each in found()} == {
            (level.shop, 4, 0),
            (level.main, 0, 19),
        }


def test_ranges_cover_every_variant_and_a_run_goes_on_where_it_stopped(
    app: Flask, merchant: int, level: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "FIRST_RANGE", 3)
    monkeypatch.setattr(verifying, "MOST_VARIANTS", 3)
    with app.app_context(), merchant_scope(merchant):
        for n in range(20):
            variant = Variant(product_id=level.product_id, sku=f"R-{n}", sku_key=f"R-{n}", position=n + 1)
            db.session.add(variant)
            db.session.flush()
            apply_moves([Move(variant.id, level.main, "received", on_hand=n + 1)], by=SYSTEM)
        db.session.commit()
        calls: list[tuple[int, int]] = []

        def interrupted(connection: sa.Connection, first: int, last: int, **options: Any) -> Any:
            calls.append((first, last))
            if len(calls) == 4:
                raise RuntimeError("the machine went away")
            return replay(connection, first, last)

        monkeypatch.setattr(verifying, "replay", interrupted)
        job_id = verifying.request_verification(by=SYSTEM).id
        db.session.commit()
        run_due_jobs()
        assert verifying.last_verification() is None
        db.session.execute(
            sa.text(
                "UPDATE job SET run_after = now(), rung_at = now() - interval '1 hour' WHERE merchant_id = :m AND id = :id"
            ),
            {"m": merchant, "id": job_id},
        )
        db.session.commit()
        run_due_jobs()
        run = verifying.last_verification()
        assert run is not None and run.job_id == job_id
        assert (run.levels, run.movements, run.findings) == (21, 41, 0)
        assert calls[3] == calls[4] and calls[-1][1] == LAST
        whole = calls[:3] + calls[4:]
        assert all(before[1] + 1 == after[0] for before, after in zip(whole, whole[1:], strict=False))


@pytest.mark.parametrize(("target", "on_hand", "added"), [("ledger", 19, [2, -2]), ("level", 21, [2])])
def test_a_repair_is_new_movements_with_a_reason(
    app: Flask, merchant: int, member: Member, level: Shelf, target: str, on_hand: int, added: list[int]
) -> None:
    person = member("warehouse")
    with app.app_context(), merchant_scope(merchant):
        tamper(level, on_hand=2)
        assert verified().findings == 1
        finding = the_finding()
        assert [way.target for way in propose(finding).ways] == ["ledger", "level"]
        with pytest.raises(DomainError, match="Choose a reason"):
            repair(finding.id, target, reason_id=None, note=None, by=person.actor)
        repair(finding.id, target, reason_id=level.reason_id, note="Seen", by=person.actor)
        db.session.commit()
        assert figures(level.variant_id, level.main).on_hand == on_hand
        assert ledger_sums(level.variant_id, level.main) == figures(level.variant_id, level.main)
        rows = db.session.scalars(
            sa.select(StockMovement).where(StockMovement.kind == "repaired").order_by(StockMovement.id)
        ).all()
        assert [row.on_hand_delta for row in rows] == added
        assert {(row.reason_id, row.actor_id, row.cause_kind) for row in rows} == {
            (level.reason_id, person.user_id, "verification")
        }
        assert found() == []
        with pytest.raises(ConflictError):
            repair(finding.id, target, reason_id=level.reason_id, note=None, by=person.actor)
        # What goes wrong later is traced to its own movement, not to the one that was repaired.
        move(level, "sold", on_hand=-1)
        tamper(level, on_hand=4)
        named = move(level, "sold", on_hand=-1)
        assert [each.movement_id for each in found()] == [named]


def test_damaged_units_and_promises_are_repaired_too(app: Flask, merchant: int, level: Shelf) -> None:
    with app.app_context(), merchant_scope(merchant):
        move(level, "quarantined", unavailable=3)
        move(level, "allocated", allocated=2, cause_kind="order", cause_id=4711)
        tamper(level, damaged=2)
        assert verified().findings == 2
        for finding in db.session.scalars(sa.select(StockFinding).where(StockFinding.state == "open")).all():
            way = propose(finding).ways[0]
            repair(finding.id, way.target, reason_id=level.reason_id, note=None, by=SYSTEM)
        db.session.commit()
        assert found() == []
        after = figures(level.variant_id, level.main)
        assert (after.allocated, after.unavailable, after.damaged) == (0, 3, 0)


def test_figures_that_moved_since_are_not_repaired_blindly(app: Flask, merchant: int, level: Shelf) -> None:
    with app.app_context(), merchant_scope(merchant):
        tamper(level, on_hand=2)
        verified()
        finding = the_finding()
        # A sale moves both; the gap is the same, and the repair still holds.
        move(level, "sold", on_hand=-1)
        assert not propose(finding).is_stale
        tamper(level, on_hand=1)
        assert propose(finding).is_stale
        with pytest.raises(ConflictError, match="moved since"):
            repair(finding.id, "ledger", reason_id=level.reason_id, note=None, by=SYSTEM)


def test_a_later_run_takes_the_place_of_an_older_one(app: Flask, merchant: int, level: Shelf) -> None:
    with app.app_context(), merchant_scope(merchant):
        tamper(level, on_hand=2)
        verified()
        first = the_finding().id
        verified()
        assert the_finding().id != first
        tamper(level, on_hand=-2)
        verified()
        assert (
            db.session.scalar(sa.select(sa.func.count(StockFinding.id)).where(StockFinding.state == "open"))
            == 0
        )


def test_runs_that_led_to_nothing_are_forgotten_after_a_month(
    app: Flask, merchant: int, level: Shelf
) -> None:
    with app.app_context(), merchant_scope(merchant):
        clean = verified().id
        tamper(level, on_hand=2)
        wrong = verified().id
        repair(the_finding().id, "ledger", reason_id=level.reason_id, note=None, by=SYSTEM)
        later = verified().id
        newest = verified().id
        db.session.execute(sa.update(StockVerification).values(finished_at=utc_now() - dt.timedelta(days=31)))
        assert verifying.forget_runs() == 2
        assert verifying.forget_runs() == 0
        db.session.commit()
        left = db.session.scalars(sa.select(StockVerification.id).order_by(StockVerification.id)).all()
    assert left == [wrong, newest] and clean not in left and later not in left


def test_the_screens_show_the_run_the_movement_and_the_repair(
    app: Flask, merchant: int, login: Login, member: Member, level: Shelf
) -> None:
    keeper, reader = login(member("warehouse")), login(member("support"))
    assert "was not verified yet" in reader.get("/stock").text
    assert reader.post("/stock/verifications").status_code == 403
    with app.app_context(), merchant_scope(merchant):
        tamper(level, on_hand=2)
        named = move(level, "sold", on_hand=-1)
        db.session.commit()
    assert keeper.post("/stock/verifications").status_code == 303
    assert "waits for its turn" in keeper.get("/stock/verifications").text
    with app.app_context(), merchant_scope(merchant):
        run_due_jobs()
        run_id, finding_id = verifying.last_verification().id, the_finding().id  # type: ignore[union-attr]
    assert "One figure does" in reader.get("/stock").text
    assert "Repair" in keeper.fragment("/stock/verifications/worklist").text
    assert "LAN-1" in reader.get(f"/stock/verifications/{run_id}").text
    page = keeper.get(f"/stock/findings/{finding_id}").text
    assert str(named) in page and "first movement that does not follow" in page and "+2" in page
    assert "Which figure is right" not in reader.get(f"/stock/findings/{finding_id}").text
    address = f"/stock/findings/{finding_id}/repair"
    assert reader.post(address, data={"target": "ledger"}).status_code == 403
    assert keeper.post(address, data={"target": "ledger"}).status_code == 422
    good = keeper.post(address, data={"target": "ledger", "reason_id": str(level.reason_id)})
    assert good.status_code == 303
    assert "The movements add up" in keeper.get(good.location).text
    assert "Repaired" in keeper.get(f"/stock/findings/{finding_id}").text
    assert (
        keeper.post(address, data={"target": "ledger", "reason_id": str(level.reason_id)}).status_code == 409
    )
    stranger = login(make_person(app, make_merchant(app)))
    assert stranger.get(f"/stock/findings/{finding_id}").status_code == 404
    assert stranger.get(f"/stock/verifications/{run_id}").status_code == 404
