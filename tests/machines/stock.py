"""Units are never made and never lost: over locations, on the way, sold and written off they stay what came in.

Every act goes through the services people and orders use, and is committed. The model is a handful of numbers. After
each step the levels are the model's; after each run the ledger, replayed, is the levels.
"""

from __future__ import annotations

import itertools
import uuid
from collections import Counter
from typing import Any

import sqlalchemy as sa
from flask import Flask
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from portal.catalog.models import Product, Variant
from portal.core.database import current_merchant_id, db, merchant_scope, snapshot
from portal.core.errors import DomainError
from portal.stock.bundles import exploded
from portal.stock.bundling import save_components
from portal.stock.models import Location, StockLevel, StockReason, StockReservationLine, StockTransfer
from portal.stock.moving import KEPT
from portal.stock.queries import available_by_variant
from portal.stock.receiving import Arrival
from portal.stock.replaying import LEDGER, REPLAY, replay
from portal.stock.reservations import release, reserve
from portal.stock.routing.planning import Want
from portal.stock.services import Move, adjust_stock, apply_moves, put_back, set_aside, write_off
from portal.stock.transfers import services as transfers
from tests.machines.running import Counted
from tests.support.people import SYSTEM, make_merchant

UNITS = st.integers(1, 9)
KIND = st.sampled_from(["quarantine", "damaged"])
_serial = itertools.count(1)

Level = tuple[int, int]


def machine(app: Flask) -> type[Counted]:
    """The machine, bound to an application and a merchant of its own."""
    merchant = make_merchant(app)
    return type("BoundStockMachine", (StockMachine,), {"app": app, "merchant": merchant, "steps": 0})


class StockMachine(Counted):
    """Three variants and a bundle of two of them, at three locations."""

    app: Flask
    merchant: int

    def __init__(self) -> None:
        super().__init__()
        self._context = self.app.app_context()
        self._context.push()
        self._scope = merchant_scope(self.merchant)
        self._scope.__enter__()
        self.levels: dict[Level, Counter[str]] = {}
        self.came_in: Counter[int] = Counter()
        self.sold: Counter[int] = Counter()
        self.written_off: Counter[int] = Counter()
        self.allocated: list[tuple[int, dict[Level, int]]] = []
        self.reserved: dict[str, dict[Level, int]] = {}
        self.under_way: list[tuple[int, dict[int, int], int]] = []

    def teardown(self) -> None:
        try:
            self.the_ledger_gives_the_levels()
        finally:
            self._scope.__exit__(None, None, None)
            self._context.pop()

    @initialize()
    def open_the_shop(self) -> None:
        serial = next(_serial)
        product = Product(title="M", title_key="m", slug=f"m-{serial}", state="active")
        places = [Location(name=f"P{serial}-{n}", code=f"P{serial}-{n}") for n in range(3)]
        reason = StockReason(code=f"r-{serial}", label="Counted again")
        db.session.add_all([product, reason, *places])
        db.session.flush()
        variants = [
            Variant(product_id=product.id, sku=f"S{serial}-{n}", sku_key=f"S{serial}-{n}", position=n)
            for n in range(4)
        ]
        db.session.add_all(variants)
        db.session.flush()
        self.variants, self.bundle = [each.id for each in variants[:3]], variants[3].id
        self.skus = {each.id: each.sku for each in variants}
        self.places, self.reason = [place.id for place in places], reason.id
        save_components(self.bundle, [(variants[0].sku, 1), (variants[1].sku, 2)], base={}, by=SYSTEM)
        db.session.commit()
        self.levels = {(v, place): Counter() for v in self.variants for place in self.places}
        for v in self.variants:
            self._receive(v, self.places[0], 12)

    @rule(v=st.integers(0, 2), place=st.integers(0, 2), units=UNITS)
    def receive(self, v: int, place: int, units: int) -> None:
        self._receive(self.variants[v], self.places[place], units)

    @rule(v=st.integers(0, 2), place=st.integers(0, 2), delta=st.integers(-6, 6))
    def adjust(self, v: int, place: int, delta: int) -> None:
        level = (self.variants[v], self.places[place])
        if self._done(
            lambda: adjust_stock(*level, delta, reason_id=self.reason, by=SYSTEM),
            delta != 0 and self._available(level) + delta >= 0,
        ):
            self.levels[level]["on_hand"] += delta
            self.came_in[level[0]] += delta

    @rule(v=st.integers(0, 2), place=st.integers(0, 2), units=UNITS, kind=KIND)
    def take_out_of_sale(self, v: int, place: int, units: int, kind: str) -> None:
        level = (self.variants[v], self.places[place])
        if self._done(lambda: set_aside(*level, units, kind, by=SYSTEM), self._available(level) >= units):
            self._unavailable(level, units, kind)

    @rule(v=st.integers(0, 2), place=st.integers(0, 2), units=UNITS, kind=KIND)
    def put_on_sale_again(self, v: int, place: int, units: int, kind: str) -> None:
        level = (self.variants[v], self.places[place])
        if self._done(
            lambda: put_back(*level, units, kind, by=SYSTEM), self._set_aside(level, kind) >= units
        ):
            self._unavailable(level, -units, kind)

    @rule(
        v=st.integers(0, 2),
        place=st.integers(0, 2),
        units=UNITS,
        source=st.sampled_from(["available", "quarantine", "damaged"]),
    )
    def write_units_off(self, v: int, place: int, units: int, source: str) -> None:
        level = (self.variants[v], self.places[place])
        has = self._available(level) if source == "available" else self._set_aside(level, source)
        if self._done(lambda: write_off(*level, units, source, by=SYSTEM), has >= units):
            self.levels[level]["on_hand"] -= units
            if source != "available":
                self._unavailable(level, -units, source)
            self.written_off[level[0]] += units

    @rule(basket=st.dictionaries(st.integers(0, 3), st.integers(1, 3), min_size=1), place=st.integers(0, 2))
    def allocate_a_basket(self, basket: dict[int, int], place: int) -> None:
        """Singles and bundles in one basket take their components once, in one sum."""
        wanted = exploded({self._sold(n): units for n, units in basket.items()})
        levels = {(v, self.places[place]): units for v, units in wanted.items()}
        order_id = next(_serial)
        moves = [
            Move(*level, "allocated", allocated=units, cause_kind="order", cause_id=order_id)
            for level, units in levels.items()
        ]
        enough = all(self._available(level) >= units for level, units in levels.items())
        if self._done(lambda: apply_moves(moves, by=SYSTEM), enough):
            for level, units in levels.items():
                self.levels[level]["allocated"] += units
            self.allocated.append((order_id, levels))

    @precondition(lambda self: self.allocated)
    @rule(data=st.data(), ships=st.booleans())
    def ship_or_cancel(self, data: st.DataObject, ships: bool) -> None:
        order_id, levels = self.allocated.pop(data.draw(st.integers(0, len(self.allocated) - 1)))
        moves = [
            Move(
                *level,
                "sold" if ships else "deallocated",
                on_hand=-units if ships else 0,
                allocated=-units,
                cause_kind="order",
                cause_id=order_id,
            )
            for level, units in levels.items()
        ]
        self._done(lambda: apply_moves(moves, by=SYSTEM), True)
        for level, units in levels.items():
            self.levels[level]["allocated"] -= units
            if ships:
                self.levels[level]["on_hand"] -= units
                self.sold[level[0]] += units

    @rule(basket=st.integers(0, 3), n=st.integers(0, 3), units=UNITS)
    def reserve_for_a_basket(self, basket: int, n: int, units: int) -> None:
        """The same basket again replaces what it held; its own units may be used anew."""
        key, sold = f"b{self.bundle}-{basket}", self._sold(n)
        parts = exploded({sold: 1})
        own = self.reserved.get(key, {})
        enough = all(
            sum(self._available((v, place)) + own.get((v, place), 0) for place in self.places)
            >= units * per_unit
            for v, per_unit in parts.items()
        )
        wants = [Want(1, self.skus[sold], units, parts)]
        if self._done(lambda: reserve(key, wants, holder="basket", by=SYSTEM), enough):
            for level, held in own.items():
                self.levels[level]["reserved"] -= held
            self.reserved[key] = self._held_under(key)
            taken: Counter[int] = Counter()
            for level, held in self.reserved[key].items():
                self.levels[level]["reserved"] += held
                taken[level[0]] += held
            assert taken == {v: units * per_unit for v, per_unit in parts.items()}

    @precondition(lambda self: self.reserved)
    @rule(data=st.data())
    def leave_a_basket(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.reserved)))
        self._done(lambda: release(key, by=SYSTEM), True)
        for level, held in self.reserved.pop(key).items():
            self.levels[level]["reserved"] -= held

    @rule(v=st.integers(0, 2), way=st.permutations([0, 1, 2]), units=UNITS)
    def send_a_transfer(self, v: int, way: list[int], units: int) -> None:
        variant, (source, target) = self.variants[v], (self.places[way[0]], self.places[way[1]])

        def act() -> int:
            paper = transfers.create_transfer(
                {"from_location_id": str(source), "to_location_id": str(target)}, by=SYSTEM
            )
            transfers.set_line(paper, variant, units, version=paper.version, by=SYSTEM)
            transfers.send(paper, version=paper.version, by=SYSTEM)
            return paper.id

        paper_id = self._done(act, self._available((variant, source)) >= units)
        if paper_id:
            self.levels[variant, source]["on_hand"] -= units
            self.levels[variant, target]["incoming"] += units
            self.under_way.append((paper_id, {variant: units}, target))

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def receive_a_transfer(self, data: st.DataObject) -> None:
        paper_id, lines, target = self.under_way[data.draw(st.integers(0, len(self.under_way) - 1))]
        variant, left = next(iter(lines.items()))
        good = data.draw(st.integers(0, left))
        damaged = data.draw(st.integers(0, left - good))
        missing = data.draw(st.integers(0, left - good - damaged))
        if not good + damaged + missing:
            return
        arrival = Arrival(variant, good, damaged, missing, reason_id=self.reason)

        def act() -> None:
            paper = db.session.get_one(StockTransfer, (current_merchant_id(), paper_id))
            assert transfers.receive(paper, [arrival], token=uuid.uuid4(), by=SYSTEM)

        self._done(act, True)
        level = (variant, target)
        self.levels[level]["incoming"] -= good + damaged + missing
        self.levels[level]["on_hand"] += good + damaged
        self._unavailable(level, damaged, "damaged")
        self.written_off[variant] += missing
        lines[variant] = left - good - damaged - missing
        if not lines[variant]:
            self.under_way = [each for each in self.under_way if each[0] != paper_id]

    @invariant()
    def the_levels_are_the_models(self) -> None:
        if not self.levels:
            return
        table = StockLevel.__table__.c
        rows = db.session.execute(
            sa.select(
                table.variant_id,
                table.location_id,
                *(sa.func.sum(table[name]).label(name) for name in KEPT),
            )
            .where(table.merchant_id == self.merchant, table.variant_id.in_([*self.variants, self.bundle]))
            .group_by(table.variant_id, table.location_id)
        ).all()
        found = {
            (row.variant_id, row.location_id): {name: int(getattr(row, name)) for name in KEPT}
            for row in rows
        }
        for level, model in self.levels.items():
            assert found.get(level, dict.fromkeys(KEPT, 0)) == {name: model[name] for name in KEPT}
        assert set(found) <= set(self.levels), "a bundle got stock of its own"
        db.session.rollback()

    @invariant()
    def units_are_conserved(self) -> None:
        for v in getattr(self, "variants", []):
            here = sum(self.levels[v, place]["on_hand"] for place in self.places)
            on_the_way = sum(lines.get(v, 0) for _, lines, _ in self.under_way)
            assert here + on_the_way + self.sold[v] + self.written_off[v] == self.came_in[v]
            assert all(self._available((v, place)) >= 0 for place in self.places)

    def the_ledger_gives_the_levels(self) -> None:
        if not self.levels:
            return
        with snapshot() as connection:
            replayed = replay(connection, min(self.variants), self.bundle)
        wrong = [each for each in replayed.differences if each.source in (LEDGER, REPLAY)]
        wrong += [each for each in replayed.differences if each.counter in ("reserved", "incoming")]
        assert wrong == []
        sellable = available_by_variant([self.bundle])[self.bundle]
        one, two = (sum(self._available((v, place)) for place in self.places) for v in self.variants[:2])
        assert sellable == min(one, two // 2)
        db.session.rollback()

    def _receive(self, v: int, place: int, units: int) -> None:
        self._done(lambda: apply_moves([Move(v, place, "received", on_hand=units)], by=SYSTEM), True)
        self.levels[v, place]["on_hand"] += units
        self.came_in[v] += units

    def _done(self, act: Any, expected: bool) -> Any:
        """Act and commit; what the model forbids must be refused, what it allows must be done."""
        try:
            result = act()
        except DomainError as error:
            db.session.rollback()
            assert not expected, f"refused: {error}"
            return None
        assert expected, "done, though there were not enough units"
        db.session.commit()
        return True if result is None else result

    def _sold(self, n: int) -> int:
        return [*self.variants, self.bundle][n]

    def _available(self, level: Level) -> int:
        model = self.levels[level]
        return model["on_hand"] - model["allocated"] - model["reserved"] - model["unavailable"]

    def _set_aside(self, level: Level, kind: str) -> int:
        model = self.levels[level]
        return model["damaged"] if kind == "damaged" else model["unavailable"] - model["damaged"]

    def _unavailable(self, level: Level, units: int, kind: str) -> None:
        self.levels[level]["unavailable"] += units
        if kind == "damaged":
            self.levels[level]["damaged"] += units

    def _held_under(self, key: str) -> dict[Level, int]:
        from portal.stock.models import StockReservation

        head, line = StockReservation.__table__.c, StockReservationLine.__table__.c
        rows = db.session.execute(
            sa.select(line.variant_id, line.location_id, sa.func.sum(line.quantity).label("units"))
            .select_from(
                StockReservationLine.__table__.join(
                    StockReservation.__table__,
                    sa.and_(head.merchant_id == line.merchant_id, head.id == line.reservation_id),
                )
            )
            .where(line.merchant_id == self.merchant, head.key == key, head.state == "held")
            .group_by(line.variant_id, line.location_id)
        )
        return {(row.variant_id, row.location_id): int(row.units) for row in rows}
