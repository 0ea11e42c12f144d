"""Transfers: units leave, travel and arrive, and are never in two places."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from portal.core.database import db, merchant_scope
from portal.core.errors import ConflictError, DomainError
from portal.stock.ledger import ledger, ledger_sums
from portal.stock.models import StockLevel, StockTransfer
from portal.stock.papers import ChangedMeanwhileError
from portal.stock.queries import Figures, figures
from portal.stock.receiving import Arrival
from portal.stock.services import InsufficientStockError, Move, apply_moves
from portal.stock.transfers import services
from tests.stock.conftest import Shelf
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person, make_merchant, make_person

Member = Callable[..., Person]
Login = Callable[[Person], HouseClient]
Units = Callable[..., Figures]


@pytest.fixture
def sent(app: Flask, merchant: int, shelf: Shelf) -> int:
    """A transfer of 6 lanterns from the main warehouse to the shop, on its way."""
    with app.app_context(), merchant_scope(merchant):
        transfer = drafted(shelf, 6)
        services.send(transfer, version=transfer.version, by=SYSTEM)
        db.session.commit()
        return transfer.id


def drafted(shelf: Shelf, units: int) -> StockTransfer:
    transfer = services.create_transfer(
        {"from_location_id": str(shelf.main), "to_location_id": str(shelf.shop)}, by=SYSTEM
    )
    services.set_line(transfer, shelf.variant_id, units, version=transfer.version, by=SYSTEM)
    db.session.commit()
    return transfer


def get(transfer_id: int) -> StockTransfer:
    return db.session.scalars(
        sa.select(StockTransfer)
        .where(StockTransfer.id == transfer_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def booking(**units: Any) -> dict[str, str]:
    return {"token": str(uuid.uuid4())} | {
        name.replace("_", "-", 1): str(value) for name, value in units.items()
    }


def test_a_draft_moves_nothing_and_sending_moves_everything_at_once(
    app: Flask, merchant: int, shelf: Shelf, units: Units
) -> None:
    with app.app_context(), merchant_scope(merchant):
        transfer = drafted(shelf, 6)
        key = transfer.id
        assert units().on_hand == 10 and units(shelf.shop).incoming == 0
        services.send(get(key), version=transfer.version, by=SYSTEM)
        db.session.commit()
    assert (units().on_hand, units().available) == (4, 1)
    assert (units(shelf.shop).on_hand, units(shelf.shop).incoming) == (0, 6)


def test_what_is_promised_is_not_sent(app: Flask, merchant: int, shelf: Shelf, units: Units) -> None:
    with app.app_context(), merchant_scope(merchant):
        transfer = drafted(shelf, 8)
        with pytest.raises(ConflictError, match="LAN-1: 7 of 8"):
            services.send(transfer, version=transfer.version, by=SYSTEM)
        db.session.rollback()
    assert units().on_hand == 10


def test_a_stale_page_sends_nothing(app: Flask, merchant: int, shelf: Shelf) -> None:
    with app.app_context(), merchant_scope(merchant):
        transfer = drafted(shelf, 2)
        seen = transfer.version
        services.set_line(transfer, shelf.variant_id, 5, version=seen, by=SYSTEM)
        with pytest.raises(ChangedMeanwhileError):
            services.send(transfer, version=seen, by=SYSTEM)


def test_good_damaged_missing_and_extra_units_are_told_apart(
    app: Flask, merchant: int, shelf: Shelf, sent: int, units: Units
) -> None:
    with app.app_context(), merchant_scope(merchant):
        services.receive(get(sent), [Arrival(shelf.variant_id, good=3)], token=uuid.uuid4(), by=SYSTEM)
        assert get(sent).state == "partly_received"
        services.receive(
            get(sent),
            [Arrival(shelf.variant_id, damaged=1, missing=2, extra=3, reason_id=shelf.reason_id)],
            token=uuid.uuid4(),
            by=SYSTEM,
        )
        assert get(sent).state == "received"
        db.session.commit()
        kinds = {entry.kind for entry in ledger(shelf.variant_id, shelf.shop).entries}
        assert kinds == {"expected", "transferred", "written_off", "adjusted"}
        assert {entry.reason for entry in ledger(shelf.variant_id, shelf.shop).entries} == {None, "Damaged"}
    shop = units(shelf.shop)
    assert (shop.on_hand, shop.unavailable, shop.available, shop.incoming) == (7, 1, 6, 0)
    # One unit was still free at the source; it explains one of the three that came unasked.
    assert (units().on_hand, units().available) == (3, 0)


def test_more_than_is_outstanding_is_refused(
    app: Flask, merchant: int, shelf: Shelf, sent: int, units: Units
) -> None:
    with app.app_context(), merchant_scope(merchant):
        with pytest.raises(ConflictError, match="LAN-1: 6"):
            services.receive(get(sent), [Arrival(shelf.variant_id, good=7)], token=uuid.uuid4(), by=SYSTEM)
        db.session.rollback()
    assert units(shelf.shop).incoming == 6


def test_one_form_books_once_and_never_with_other_numbers(
    app: Flask, merchant: int, shelf: Shelf, sent: int, units: Units
) -> None:
    token = uuid.uuid4()
    with app.app_context(), merchant_scope(merchant):
        for booked in (True, False, False):
            assert (
                services.receive(get(sent), [Arrival(shelf.variant_id, good=2)], token=token, by=SYSTEM)
                is booked
            )
            db.session.commit()
        with pytest.raises(DomainError, match="booked before with other numbers"):
            services.receive(get(sent), [Arrival(shelf.variant_id, good=3)], token=token, by=SYSTEM)
        db.session.rollback()
    assert units(shelf.shop).on_hand == 2


def test_a_sent_transfer_cannot_be_cancelled_and_a_draft_can(
    app: Flask, merchant: int, shelf: Shelf, sent: int
) -> None:
    with app.app_context(), merchant_scope(merchant):
        with pytest.raises(ConflictError, match="on its way"):
            services.cancel(get(sent), by=SYSTEM)
        draft = drafted(shelf, 1)
        services.cancel(draft, by=SYSTEM)
        assert draft.state == "cancelled"
        with pytest.raises(ConflictError):
            services.send(draft, version=draft.version, by=SYSTEM)


def test_units_of_a_hot_variant_are_taken_from_all_its_slots(
    app: Flask, merchant: int, shelf: Shelf, units: Units
) -> None:
    with app.app_context(), merchant_scope(merchant):
        apply_moves([Move(shelf.variant_id, shelf.main, "received", on_hand=5, slot=1)], by=SYSTEM)
        db.session.commit()
        transfer = drafted(shelf, 12)
        services.send(transfer, version=transfer.version, by=SYSTEM)
        db.session.commit()
    assert (units().on_hand, units().available) == (3, 0)


# People at once.


def together(*acts: Callable[[], Any]) -> list[Any]:
    results: list[Any] = []
    barrier = threading.Barrier(len(acts))

    def run(act: Callable[[], Any]) -> None:
        barrier.wait()
        results.append(act())

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == len(acts)
    return results


def test_two_people_who_receive_the_same_units_at_once_get_them_once(
    login: Login, member: Member, shelf: Shelf, sent: int, units: Units
) -> None:
    anna, ben = login(member("warehouse")), login(member("warehouse"))
    path = f"/stock/transfers/{sent}/receiving"
    answers = together(
        *(
            lambda c=client: c.post(path, data=booking(**{f"good_{shelf.variant_id}": 6})).status_code
            for client in (anna, ben)
        )
    )
    assert sorted(answers) == [303, 409]
    assert (units(shelf.shop).on_hand, units(shelf.shop).incoming) == (6, 0)


def test_a_receipt_sent_by_a_double_click_books_once(
    login: Login, member: Member, shelf: Shelf, sent: int, units: Units
) -> None:
    person, form = member("warehouse"), booking(**{f"good_{shelf.variant_id}": 2})
    clients = [login(person) for _ in range(4)]
    path = f"/stock/transfers/{sent}/receiving"
    answers = together(*(lambda c=client: c.post(path, data=form).status_code for client in clients))
    assert answers == [303] * 4
    assert units(shelf.shop).on_hand == 2


def test_two_scanners_at_one_transfer_add_up(
    login: Login, member: Member, shelf: Shelf, sent: int, units: Units
) -> None:
    clients = [login(member("warehouse")) for _ in range(2)]
    path = f"/stock/transfers/{sent}/scans"

    def scan_all(client: HouseClient) -> list[int]:
        return [
            client.post(path, data={"code": "lan-1", "units": "1", "token": str(uuid.uuid4())}).status_code
            for _ in range(4)
        ]

    answers = sum(together(*(lambda c=client: scan_all(c) for client in clients)), [])
    assert sorted(answers) == [303] * 6 + [409] * 2
    assert (units(shelf.shop).on_hand, units(shelf.shop).incoming) == (6, 0)


def test_a_sale_and_a_transfer_at_once_never_take_the_same_unit(
    app: Flask, merchant: int, shelf: Shelf, units: Units
) -> None:
    with app.app_context(), merchant_scope(merchant):
        transfer = drafted(shelf, 5)
        key, seen = transfer.id, transfer.version

    def ship() -> str:
        with app.app_context(), merchant_scope(merchant):
            try:
                services.send(get(key), version=seen, by=SYSTEM)
                db.session.commit()
            except ConflictError:
                db.session.rollback()
                return "refused"
            return "sent"

    def promise() -> str:
        with app.app_context(), merchant_scope(merchant):
            try:
                apply_moves([Move(shelf.variant_id, shelf.main, "allocated", allocated=5)], by=SYSTEM)
                db.session.commit()
            except InsufficientStockError:
                db.session.rollback()
                return "refused"
            return "promised"

    assert "refused" in together(ship, promise)
    assert units().available >= 0


# Screens.


def test_the_way_of_a_transfer_through_its_screens(
    login: Login, member: Member, shelf: Shelf, units: Units
) -> None:
    client = login(member("warehouse"))
    answer = client.post(
        "/stock/transfers/new",
        data={"from_location_id": shelf.main, "to_location_id": shelf.shop, "note": "Blue crate"},
    )
    assert answer.status_code == 303
    path = answer.location.removesuffix("/drafting")
    assert "No variants yet" in client.get(path).text
    assert client.post(f"{path}/lines", data=booking(code="nothing")).status_code == 422
    assert client.post(f"{path}/lines", data=booking(code="lan-1", units=4)).status_code == 303
    line = f"{path}/lines/{shelf.variant_id}"
    assert client.post(line, data={"units": "5", "version": version(client, path)}).status_code == 303
    assert client.post(line, data={"units": "9", "version": "1"}).status_code == 409
    assert client.post(f"{path}/sending", data={"version": version(client, path)}).status_code == 303
    assert client.post(f"{path}/sending", data={"version": "1"}).status_code == 409
    page = client.get(f"{path}/receiving").text
    assert "LAN-1" in page and "Book what arrived" in page
    refused = client.post(f"{path}/receiving", data=booking(**{f"damaged_{shelf.variant_id}": 1}))
    assert refused.status_code == 422 and "Choose a reason" in refused.text
    scan = {"code": "LAN-1", "units": "2", "token": str(uuid.uuid4())}
    good = client.fragment(f"{path}/scans", method="POST", data=scan)
    assert good.status_code == 200 and 'data-scan-ok="yes"' in good.text and "3 still to come" in good.text
    again = client.fragment(f"{path}/scans", method="POST", data=scan)
    assert "Booked before" in again.text and units(shelf.shop).on_hand == 2
    bad = client.fragment(f"{path}/scans", method="POST", data={"code": "zzz", "token": str(uuid.uuid4())})
    assert bad.status_code == 422 and 'data-scan-ok="no"' in bad.text and "No variant has" in bad.text
    plain = client.post(f"{path}/scans", data={"code": "zzz", "token": str(uuid.uuid4())})
    assert plain.status_code == 422 and "<h1" in plain.text and "is-refused" in plain.text
    assert (
        client.post(
            f"{path}/receiving/missing", data=booking() | {"reason_id": str(shelf.reason_id)}
        ).status_code
        == 303
    )
    page = client.get(path).text
    assert "Received" in page and "Blue crate" in page
    assert (units(shelf.shop).on_hand, units(shelf.shop).incoming) == (2, 0)
    listed = client.get("/stock/transfers").text
    assert path in listed
    assert "Transfer 1" in client.get(f"/stock/levels/{shelf.variant_id}/{shelf.shop}").text


def test_everything_received_twice_says_it_was_booked(
    login: Login, member: Member, shelf: Shelf, sent: int, units: Units
) -> None:
    client, form = login(member("warehouse")), booking()
    path = f"/stock/transfers/{sent}"
    assert [client.post(f"{path}/receiving/all", data=form).status_code for _ in range(2)] == [303, 303]
    assert "This was booked already." in client.get(path).text
    assert units(shelf.shop).incoming == 0


def test_a_variant_in_the_table_and_beside_it_is_booked_together(
    login: Login, member: Member, shelf: Shelf, sent: int, units: Units
) -> None:
    beside = {"extra_code": "LAN-1", "extra_units": "1", "reason_id": str(shelf.reason_id)}
    form = booking(**{f"good_{shelf.variant_id}": 2}) | beside
    client = login(member("warehouse"))
    assert client.post(f"/stock/transfers/{sent}/receiving", data=form).status_code == 303
    assert units(shelf.shop).on_hand == 3


def version(client: HouseClient, path: str) -> str:
    return client.get(path).text.partition('name="version" value="')[2].partition('"')[0]


def test_who_may_look_may_not_act_and_strangers_find_nothing(
    app: Flask, login: Login, member: Member, sent: int
) -> None:
    reader = login(member("support"))
    path = f"/stock/transfers/{sent}"
    assert reader.get(path).status_code == 200 and "Receive everything" not in reader.get(path).text
    assert reader.post(f"{path}/receiving/all", data=booking()).status_code == 403
    stranger = login(make_person(app, make_merchant(app)))
    assert stranger.get(path).status_code == 404


# Whatever people do, units add up.


class Way(RuleBasedStateMachine):
    """Random transfers between three places: on hand and on the way together change by losses and finds alone."""

    app: Flask
    merchant: int

    @initialize()
    def begin(self) -> None:
        from portal.stock.places import add_location, add_reason
        from tests.support.shop import make_variant

        self.context = [self.app.app_context(), merchant_scope(self.merchant)]
        for each in self.context:
            each.__enter__()
        serial = uuid.uuid4().hex[:8]
        self.variants = [make_variant(f"P{serial}-{n}").id for n in range(2)]
        self.places = [
            add_location({"name": f"Place {serial} {n}", "kind": "warehouse"}, by=SYSTEM).id for n in range(3)
        ]
        self.reason = add_reason({"label": f"Why {serial}"}, by=SYSTEM).id
        self.total = 0
        self.papers: list[int] = []
        for variant in self.variants:
            for place in self.places[:2]:
                apply_moves([Move(variant, place, "received", on_hand=20)], by=SYSTEM)
                self.total += 20
        db.session.commit()

    @rule(source=st.integers(0, 2), step=st.integers(1, 2), units=st.integers(1, 15), which=st.integers(0, 1))
    def send(self, source: int, step: int, units: int, which: int) -> None:
        transfer = services.create_transfer(
            {
                "from_location_id": str(self.places[source]),
                "to_location_id": str(self.places[(source + step) % 3]),
            },
            by=SYSTEM,
        )
        services.set_line(transfer, self.variants[which], units, version=transfer.version, by=SYSTEM)
        try:
            services.send(transfer, version=transfer.version, by=SYSTEM)
        except ConflictError:
            db.session.rollback()
            return
        db.session.commit()
        self.papers.append(transfer.id)

    @precondition(lambda self: self.papers)
    @rule(
        paper=st.integers(0, 50),
        which=st.integers(0, 1),
        good=st.integers(0, 6),
        damaged=st.integers(0, 2),
        missing=st.integers(0, 2),
        extra=st.integers(0, 3),
        twice=st.booleans(),
    )
    def receive(
        self, paper: int, which: int, good: int, damaged: int, missing: int, extra: int, twice: bool
    ) -> None:
        transfer_id, variant, token = (
            self.papers[paper % len(self.papers)],
            self.variants[which],
            uuid.uuid4(),
        )
        source = get(transfer_id).from_location_id
        free = figures(variant, source).available
        arrival = Arrival(variant, good, damaged, missing, extra, self.reason)
        for _ in range(2 if twice else 1):
            try:
                booked = services.receive(get(transfer_id), [arrival], token=token, by=SYSTEM)
            except DomainError:
                db.session.rollback()
                return
            db.session.commit()
            if booked:
                self.total += max(0, extra - free) - missing

    @precondition(lambda self: hasattr(self, "places"))
    @rule(place=st.integers(0, 2), which=st.integers(0, 1), units=st.integers(1, 5))
    def sell(self, place: int, which: int, units: int) -> None:
        try:
            apply_moves([Move(self.variants[which], self.places[place], "sold", on_hand=-units)], by=SYSTEM)
        except InsufficientStockError:
            db.session.rollback()
            return
        db.session.commit()
        self.total -= units

    @invariant()
    def units_are_in_one_place(self) -> None:
        if not hasattr(self, "places"):
            return
        level = StockLevel
        row = db.session.execute(
            sa.select(sa.func.sum(level.on_hand), sa.func.sum(level.incoming)).where(
                level.variant_id.in_(self.variants)
            )
        ).one()
        assert row[0] + row[1] == self.total
        for variant in self.variants:
            for place in self.places:
                assert figures(variant, place) == ledger_sums(variant, place)
        db.session.rollback()

    def teardown(self) -> None:
        for each in reversed(getattr(self, "context", [])):
            each.__exit__(None, None, None)


def test_units_are_conserved_whatever_is_sent_and_received(app: Flask, merchant: int) -> None:
    machine = type("Way", (Way,), {"app": app, "merchant": merchant})
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def test_the_list_takes_the_same_statements_whatever_its_size(
    app: Flask, merchant: int, login: Login, member: Member, shelf: Shelf
) -> None:
    from tests.stock.test_levels import count_statements

    client = login(member("warehouse"))
    with app.app_context(), merchant_scope(merchant):
        drafted(shelf, 1)
    client.get("/stock/transfers")
    few = count_statements(app, lambda: client.get("/stock/transfers"))
    with app.app_context(), merchant_scope(merchant):
        for _ in range(12):
            drafted(shelf, 1)
    assert count_statements(app, lambda: client.get("/stock/transfers")) <= few
