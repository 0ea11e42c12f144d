"""The one way levels change: round trips, figures after each movement, damaged units, bundles that hear of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import IntegrityError

from portal.catalog.models import Variant
from portal.core.audit import AuditEntry, Entry
from portal.core.database import current_merchant_id, db, merchant_scope
from portal.core.outbox.models import OutboxEvent
from portal.stock.models import StockLevel, StockMovement
from portal.stock.queries import Figures
from portal.stock.services import InsufficientStockError, Move, apply_moves
from tests.stock.conftest import Shelf
from tests.support.people import SYSTEM
from tests.support.statements import count_statements

Units = Callable[..., Figures]


def variants(shelf: Shelf, count: int) -> list[int]:
    made = [
        Variant(product_id=shelf.product_id, sku=f"V-{n}", sku_key=f"V-{n}", position=n + 1)
        for n in range(count)
    ]
    db.session.add_all(made)
    db.session.flush()
    return [variant.id for variant in made]


def test_a_basket_takes_one_statement_whatever_its_size(app: Flask, merchant: int, shelf: Shelf) -> None:
    with app.app_context(), merchant_scope(merchant):
        ids = variants(shelf, 40)
        apply_moves([Move(each, shelf.main, "received", on_hand=5) for each in ids], by=SYSTEM)
        db.session.commit()

        def basket(size: int) -> int:
            moves = [Move(each, shelf.main, "allocated", allocated=1) for each in ids[:size]]
            return count_statements(app, lambda: apply_moves(moves, by=SYSTEM))

        assert [basket(1), basket(3), basket(40)] == [1, 1, 1]


def test_each_movement_keeps_the_figures_after_it(app: Flask, merchant: int, shelf: Shelf) -> None:
    with app.app_context(), merchant_scope(merchant):
        v, place = shelf.variant_id, shelf.main
        apply_moves(
            [
                Move(v, place, "received", on_hand=5, incoming=0),
                Move(v, place, "quarantined", unavailable=4, unavailable_kind="damaged"),
                Move(v, place, "expected", incoming=7),
                Move(v, place, "written_off", on_hand=-1, unavailable=-1, unavailable_kind="damaged"),
            ],
            by=SYSTEM,
        )
        rows = db.session.execute(
            sa.select(
                StockMovement.kind,
                StockMovement.on_hand_after,
                StockMovement.promised_after,
                StockMovement.incoming_after,
            )
            .where(StockMovement.variant_id == v)
            .order_by(StockMovement.id)
        ).all()
        assert [tuple(row) for row in rows[-4:]] == [
            ("received", 15, 3, 0),
            ("quarantined", 15, 7, 0),
            ("expected", 15, 7, 7),
            ("written_off", 14, 6, 7),
        ]
        level = db.session.execute(
            sa.select(StockLevel.unavailable, StockLevel.damaged, StockLevel.incoming).where(
                StockLevel.variant_id == v, StockLevel.location_id == place
            )
        ).one()
        assert tuple(level) == (3, 3, 7)


def test_units_that_are_set_aside_without_a_kind_are_in_quarantine(
    app: Flask, merchant: int, shelf: Shelf, units: Units
) -> None:
    with app.app_context(), merchant_scope(merchant):
        apply_moves([Move(shelf.variant_id, shelf.main, "quarantined", unavailable=2)], by=SYSTEM)
        db.session.commit()
    assert (units().quarantine, units().damaged) == (2, 0)


@pytest.mark.parametrize(
    "move",
    [
        {"on_hand": -8},
        {"allocated": 8},
        {"reserved": 8},
        {"unavailable": 8},
        {"allocated": -4},
        {"unavailable": -1, "unavailable_kind": "damaged"},
        {"incoming": -1},
    ],
)
def test_what_a_level_does_not_have_is_refused_and_nothing_changes(
    app: Flask, merchant: int, shelf: Shelf, units: Units, move: dict[str, int]
) -> None:
    before = units()
    with app.app_context(), merchant_scope(merchant):
        other = variants(shelf, 1)[0]
        apply_moves([Move(other, shelf.main, "received", on_hand=5)], by=SYSTEM)
        db.session.commit()
        with pytest.raises(InsufficientStockError) as raised:
            apply_moves(
                [
                    Move(other, shelf.main, "adjusted", on_hand=-1),
                    Move(shelf.variant_id, shelf.main, "adjusted", **move),  # type: ignore[arg-type]
                ],
                by=SYSTEM,
            )
        assert raised.value.levels == [(shelf.variant_id, shelf.main, 0)]
        assert raised.value.variant_ids == [shelf.variant_id]
        # The transaction goes on: nothing was sent that the database had to refuse.
        apply_moves([Move(other, shelf.main, "adjusted", on_hand=-5)], by=SYSTEM)
        db.session.commit()
    assert units() == before


def test_the_log_speaks_of_an_act_in_the_same_statement_and_only_if_it_took_place(
    app: Flask, merchant: int, shelf: Shelf
) -> None:
    logged = sa.select(AuditEntry.changes["after"]["note"].astext).where(AuditEntry.action == "stock.tried")

    def take(units: int, note: str) -> None:
        move = Move(shelf.variant_id, shelf.main, "adjusted", on_hand=-units)
        entry = Entry("stock.tried", ("variant", shelf.variant_id), after={"note": note})
        apply_moves([move], by=SYSTEM, entry=entry)

    with app.app_context(), merchant_scope(merchant):
        with pytest.raises(InsufficientStockError):
            take(8, "more than available")
        assert count_statements(app, lambda: take(7, "all that is available")) == 1
        db.session.commit()
        assert db.session.scalars(logged).all() == ["all that is available"]


@pytest.mark.parametrize("values", [{"damaged": 1}, {"damaged": -1}])
def test_the_database_keeps_damaged_units_within_the_unavailable(
    app: Flask, merchant: int, shelf: Shelf, values: dict[str, int]
) -> None:
    with app.app_context(), merchant_scope(merchant), pytest.raises(IntegrityError):
        db.session.execute(
            sa.update(StockLevel).where(StockLevel.variant_id == shelf.variant_id).values(**values)
        )


def test_one_event_per_variant_in_one_statement(app: Flask, merchant: int, shelf: Shelf) -> None:
    with app.app_context(), merchant_scope(merchant):
        ids = variants(shelf, 3)
        apply_moves(
            [Move(each, place, "received", on_hand=1) for each in ids for place in (shelf.main, shelf.shop)],
            by=SYSTEM,
        )
        db.session.commit()
        told = db.session.scalars(
            sa.select(OutboxEvent.payload).where(OutboxEvent.kind == "stock.changed")
        ).all()
        assert [each["variant_id"] for each in told if each["variant_id"] in ids] == ids
        assert current_merchant_id() == merchant
