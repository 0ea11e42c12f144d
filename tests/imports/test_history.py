"""Order history, from file to orders and back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from portal.catalog.models import Price, Product, Variant
from portal.core.database import db
from portal.core.jobs import Job, JobCancelledError, JobRun, LeaseLostError
from portal.core.outbox import OutboxEvent
from portal.core.subjects import DataSubject
from portal.customers.models import Customer
from portal.imports import services
from portal.imports.history import ledger, settle
from portal.imports.models import Import, ImportRow
from portal.orders.models import (
    Order,
    OrderCharge,
    OrderLine,
    OrderNote,
    OrderRef,
    OrderRefund,
    OrderReturn,
    OrderReturnLine,
)
from portal.privacy.suppression import suppress
from portal.reports.models import SalesDay
from portal.reports.rollups import follow_orders
from portal.stock.models import StockLevel, StockMovement
from tests.imports.conftest import BY, HEAD, do, row, work


def all_of(model: type[Any], *order: Any) -> list[Any]:
    return list(db.session.scalars(sa.select(model).order_by(*order)))


def movements() -> list[tuple[str, int]]:
    return [(move.kind, move.on_hand_delta) for move in all_of(StockMovement, StockMovement.id)]


def test_rows_of_one_invoice_become_one_order(applied: Callable[..., Import]) -> None:
    found = applied(
        HEAD + row("536365", "71053", 6, "3.39") + row("536365", "85123A", 2, "2.55", description="HEART")
    )
    assert (found.state, found.counts["orders"], found.counts["imported"]) == ("applied", 1, 2)
    order = db.session.scalars(sa.select(Order)).one()
    assert (order.number, order.total, order.state, order.payment_state) == (
        "536365",
        Decimal("25.44"),
        "closed",
        "paid",
    )
    assert order.placed_at.isoformat() == "2010-12-01T08:26:00+00:00"
    assert [
        (line.sku, line.quantity, line.fulfilled_quantity) for line in all_of(OrderLine, OrderLine.n)
    ] == [("71053", 6, 6), ("85123A", 2, 2)]
    assert [customer.external_id for customer in all_of(Customer)] == ["17850"]


def test_an_invoice_with_two_timestamps_takes_the_first(applied: Callable[..., Import]) -> None:
    applied(HEAD + row("1", "A1", 1, "1") + row("1", "A2", 1, "1", at="2010-12-01 08:27:00"))
    assert [order.placed_at.minute for order in all_of(Order)] == [26]


def test_a_missing_customer_is_a_guest_with_a_subject_of_their_own(applied: Callable[..., Import]) -> None:
    applied(HEAD + row("1", "A1", 1, "1", customer="") + row("2", "A1", 1, "1", customer=""))
    assert all_of(Customer) == []
    assert len({ref.subject_id for ref in all_of(OrderRef)}) == len(all_of(DataSubject)) == 2


def test_an_order_from_before_its_buyer_was_erased_comes_as_a_guests(
    checked: Callable[..., Import],
) -> None:
    found = checked(
        HEAD
        + row("1", "A1", 1, "1", customer="17850")
        + row("2", "A1", 1, "1", customer="17850", at="2010-12-09 10:00:00")
        + row("3", "A1", 1, "1", customer="99")
    )
    erased_at = dt.datetime(2010, 12, 5, tzinfo=dt.UTC)
    suppress(found.merchant_id, [("number", "17850")], erased_at=erased_at)
    db.session.commit()
    services.set_mapping(found, found.mapping, found.options, by=BY)
    found = do(services.start_check, found)
    assert found.counts["guests"] == 1
    found = do(services.start_apply, found)
    numbers = {ref.subject_id: ref.number for ref in all_of(OrderRef)}
    known = {numbers[each.subject_id]: each.external_id for each in all_of(Customer)}
    assert known == {"2": "17850", "3": "99"}, (
        "a new purchase is welcome, an old one comes without its person"
    )


def test_a_cancellation_is_a_refund_and_a_return_of_what_it_cancels(applied: Callable[..., Import]) -> None:
    found = applied(
        HEAD
        + row("1", "A1", 10, "2.00")
        + row("2", "A1", 4, "2.00", at="2010-12-02 09:00:00")
        + row("C3", "A1", -4, "2.00", at="2010-12-05 10:00:00")
    )
    assert (found.counts["orders"], found.counts["cancellations"], found.counts["credit_orders"]) == (2, 1, 0)
    refund = db.session.scalars(sa.select(OrderRefund)).one()
    cancelled = db.session.scalars(sa.select(Order).where(Order.number == "2")).one()
    assert (refund.order_id, refund.amount, refund.external_id, refund.at.day) == (
        cancelled.id,
        Decimal(8),
        "C3",
        5,
    )
    assert (cancelled.refunded_total, cancelled.payment_state) == (Decimal(8), "refunded")
    assert [(line.quantity, line.restocked_quantity) for line in all_of(OrderReturnLine)] == [(4, 4)]
    assert [item.state for item in all_of(OrderReturn)] == ["refunded"]


def test_a_cancellation_of_nothing_known_is_a_credit_order(applied: Callable[..., Import]) -> None:
    found = applied(HEAD + row("C3", "A1", -4, "2.00") + row("C4", "D", -1, "5.00", description="Discount"))
    assert found.counts["credit_orders"] == 2
    assert [(order.number, order.total, order.discount_total) for order in all_of(Order, Order.number)] == [
        ("C3", Decimal(-8), Decimal(0)),
        ("C4", Decimal(-5), Decimal(5)),
    ]


def test_a_refund_never_exceeds_what_was_paid(applied: Callable[..., Import]) -> None:
    found = applied(HEAD + row("1", "A1", 4, "2.00") + row("C2", "A1", -4, "3.00", at="2010-12-05 10:00:00"))
    assert (found.counts["cancellations"], found.counts["credit_orders"]) == (0, 1)


def test_fees_and_postage_are_charges_and_no_products(applied: Callable[..., Import]) -> None:
    found = applied(
        HEAD
        + row("1", "A1", 1, "10")
        + row("1", "POST", 1, "5", description="POSTAGE")
        + row("1", "m", 1, "2", description="Manual")
        + row("1", "gift_0001_20", 1, "20")
        + row("1", "BANK CHARGES", 1, "1")
    )
    assert [(charge.kind, charge.amount) for charge in all_of(OrderCharge, OrderCharge.n)] == [
        ("shipping", Decimal(5)),
        ("adjustment", Decimal(2)),
        ("gift", Decimal(20)),
        ("fee", Decimal(1)),
    ]
    assert [variant.sku for variant in all_of(Variant)] == ["A1"]
    assert found.counts["charges"] == 4
    order = db.session.scalars(sa.select(Order)).one()
    assert (order.items_total, order.charges_total, order.total) == (Decimal(10), Decimal(28), Decimal(38))


def test_typed_remarks_name_no_product_and_codes_differing_in_case_are_one(
    applied: Callable[..., Import],
) -> None:
    applied(
        HEAD
        + row("1", "a1", 1, "1", description="wrong barcode")
        + row("1", "A1", 1, "1")
        + row("1", "A1", 1, "1")
        + row("2", "A1", -5, "0", customer="", description="damages")
    )
    assert [(variant.sku, variant.sku_key) for variant in all_of(Variant)] == [("A1", "A1")]
    assert [product.title for product in all_of(Product)] == ["WHITE METAL LANTERN"]
    assert [price.amount for price in all_of(Price)] == [Decimal(1)]


def test_a_stock_correction_is_a_movement_with_its_remark(applied: Callable[..., Import]) -> None:
    found = applied(
        HEAD
        + row("1", "A1", 2, "1")
        + row("2", "A1", -3, "0", customer="", description="thrown away", at="2010-12-03 09:00:00")
    )
    assert found.counts["corrections"] == 1
    correction = db.session.scalars(sa.select(StockMovement).where(StockMovement.kind == "adjusted")).one()
    assert (correction.on_hand_delta, correction.note) == (-3, "2: thrown away")


def test_imported_history_moves_no_stock_of_today(applied: Callable[..., Import]) -> None:
    applied(
        HEAD
        + row("1", "A1", 5, "1")
        + row("C2", "A1", -2, "1", at="2010-12-02 09:00:00")
        + row("3", "A1", 4, "1", at="2010-12-03 09:00:00")
    )
    assert movements() == [("opening", 7), ("sold", -5), ("returned", 2), ("sold", -4)]
    assert [(level.on_hand, level.allocated) for level in all_of(StockLevel)] == [(0, 0)]


def test_what_is_left_of_the_history_is_taken_out_at_its_end(applied: Callable[..., Import]) -> None:
    applied(
        HEAD
        + row("1", "A1", 5, "1")
        + row("2", "A1", 9, "0", customer="", description="found", at="2010-12-03 09:00:00")
    )
    assert movements() == [("opening", 5), ("sold", -5), ("adjusted", 9), ("history_end", -9)]


def test_exact_duplicates_stay_separate_lines(applied: Callable[..., Import]) -> None:
    applied(HEAD + row("1", "A1", 1, "1") * 3)
    assert [line.n for line in all_of(OrderLine, OrderLine.n)] == [1, 2, 3]


def test_countries_get_their_code_and_keep_their_name(applied: Callable[..., Import]) -> None:
    names = ["EIRE", "RSA", "Channel Islands", "Unspecified", "Germany"]
    applied(HEAD + "".join(row(str(n), "A1", 1, "1", country=name) for n, name in enumerate(names)))
    assert [(order.source_country, order.country_code) for order in all_of(Order, Order.number)] == [
        ("EIRE", "IE"),
        ("RSA", "ZA"),
        ("Channel Islands", None),
        ("Unspecified", None),
        ("Germany", "DE"),
    ]


def test_bad_rows_are_named_and_their_whole_order_waits(applied: Callable[..., Import]) -> None:
    found = applied(
        HEAD
        + row("1", "A1", 1, "1")
        + row("1", "A1", 1, "one")
        + row("2", "A1", 1, "2")
        + row("3", "A1", 1, "1", at="1989-12-31 10:00:00")
        + row("4", "A1", 1, "1", at="2199-01-01 10:00:00")
        + row("5", "A1", 1, "1", at="2010-02-30 10:00:00")
        + "6,A1,only,three\n"
    )
    assert [order.number for order in all_of(Order)] == ["2"]
    told = {listed.row_number: (listed.field, listed.reason) for listed in all_of(ImportRow)}
    assert told == {
        2: (None, "belongs to an order whose row 3 was refused"),
        3: ("unit_price", "is not a number"),
        5: ("at", "lies before 1990"),
        6: ("at", "lies after tomorrow"),
        7: ("at", "is not a date of the calendar"),
        8: ("quantity", "is not a number"),
    }
    assert (found.counts["rows"], found.counts["imported"], found.counts["rejected"]) == (7, 1, 6)
    assert found.sum_rows == found.sum_imported + found.sum_rejected


def test_a_card_number_refuses_its_row(applied: Callable[..., Import]) -> None:
    card = "5555555555554444"
    found = applied(
        HEAD
        + row("1", "A1", 1, "1", description=f"Phone order {card}")
        + row("2", "A1", 1, "1", customer=card)
        + row(card, "A1", 1, "1")
        + row("4", card, 1, "1")
    )
    assert [order.number for order in all_of(Order)] == ["4"]
    told = {listed.row_number: (listed.field, listed.subject, listed.reason) for listed in all_of(ImportRow)}
    assert {number: field for number, (field, _, _) in told.items()} == {
        2: "description",
        3: "customer",
        4: "order_number",
    }
    assert card not in str(told)
    assert found.counts["rejected"] == 3


def test_the_check_writes_nothing(checked: Callable[..., Import]) -> None:
    found = checked(HEAD + row("1", "A1", 1, "1"))
    assert (found.state, found.counts["orders"], found.counts["products"], found.counts["customers"]) == (
        "checked",
        1,
        1,
        1,
    )
    for model in (Order, OrderRef, Product, Variant, Customer, DataSubject, StockMovement):
        assert all_of(model) == []


def test_a_second_import_of_the_same_file_changes_nothing(applied: Callable[..., Import]) -> None:
    content = (
        HEAD
        + row("1", "A1", 5, "1")
        + row("C2", "A1", -2, "1", at="2010-12-02 09:00:00")
        + row("3", "A1", 4, "0", customer="")
    )
    applied(content)
    before = (movements(), [(order.number, order.version) for order in all_of(Order)])
    found = applied(content)
    assert (found.counts["unchanged"], found.counts["imported"], found.counts["orders"]) == (3, 0, 0)
    assert (movements(), [(order.number, order.version) for order in all_of(Order)]) == before


def test_an_order_that_stands_with_other_content_is_refused(applied: Callable[..., Import]) -> None:
    applied(HEAD + row("1", "A1", 5, "1"))
    found = applied(HEAD + row("1", "A1", 6, "1") + row("2", "A1", 1, "1"))
    assert (found.counts["rejected"], found.counts["orders"]) == (1, 1)
    assert db.session.scalars(sa.select(Order.total).where(Order.number == "1")).one() == 5


def test_a_number_another_order_has_is_refused_and_a_prefix_helps(applied: Callable[..., Import]) -> None:
    first = applied(HEAD + row("1", "A1", 5, "1"), number_prefix="OLD-")
    assert first.counts["orders"] == 1
    assert [order.number for order in all_of(Order)] == ["OLD-1"]


def test_open_orders_are_unpaid_and_unsent_and_move_no_stock(applied: Callable[..., Import]) -> None:
    applied(HEAD + row("1", "A1", 5, "1"), state="open")
    order = db.session.scalars(sa.select(Order)).one()
    assert (order.state, order.payment_state, order.fulfilment_state, order.captured_total) == (
        "open",
        "unpaid",
        "unfulfilled",
        0,
    )
    assert movements() == []


def test_undo_takes_everything_back_and_the_ledger_only_grows(applied: Callable[..., Import]) -> None:
    found = applied(
        HEAD
        + row("1", "A1", 5, "1")
        + row("1", "POST", 1, "2")
        + row("C2", "A1", -2, "1", at="2010-12-02 09:00:00")
        + row("3", "B2", 4, "0", customer="", description="found")
        + row("4", "A1", 1, "1", customer="")
    )
    before = movements()
    undone = do(services.start_undo, found)
    assert (undone.state, undone.counts["kept"]) == ("undone", 0)
    for model in (
        Order,
        OrderRef,
        OrderLine,
        OrderCharge,
        OrderRefund,
        Product,
        Variant,
        Price,
        Customer,
        DataSubject,
        StockLevel,
    ):
        assert all_of(model) == [], model
    after = movements()
    assert after[: len(before)] == before
    assert sum(delta for _, delta in after) == 0
    assert sorted(after[len(before) :]) == sorted((kind, -delta) for kind, delta in before)


def test_undo_keeps_and_lists_what_changed_since(applied: Callable[..., Import]) -> None:
    found = applied(HEAD + row("1", "A1", 5, "1") + row("2", "B2", 1, "1"))
    order = db.session.scalars(sa.select(Order).where(Order.number == "1")).one()
    db.session.add(OrderNote(order_id=order.id, body="Called about this.", actor_kind="user"))
    db.session.commit()
    undone = do(services.start_undo, found)
    assert [order.number for order in all_of(Order)] == ["1"]
    assert [variant.sku for variant in all_of(Variant)] == ["A1"]
    assert sum(delta for _, delta in movements()) == 0
    kept = {listed.subject for listed in all_of(ImportRow)}
    assert {"Order 1", "Stock history of A1", "Variant A1"} <= kept
    assert undone.state == "undone"


def test_after_an_undo_the_file_can_be_imported_again(applied: Callable[..., Import]) -> None:
    content = HEAD + row("1", "A1", 5, "1") + row("3", "A1", 4, "0", customer="", description="found")
    do(services.start_undo, applied(content))
    again = applied(content)
    assert (again.counts["orders"], again.counts["corrections"], again.counts["unchanged"]) == (1, 1, 0)


def test_reports_follow_an_import_and_its_undo(applied: Callable[..., Import]) -> None:
    def days() -> list[tuple[str, Decimal, Decimal]]:
        # Given by hand, because a consumer waits for the oldest transaction of the whole server.
        follow_orders(all_of(OutboxEvent, OutboxEvent.id))
        db.session.commit()
        return [(str(day.day), day.gross, day.refunded) for day in all_of(SalesDay, SalesDay.day)]

    found = applied(HEAD + row("1", "A1", 5, "1") + row("C2", "A1", -2, "1", at="2010-12-03 09:00:00"))
    assert days() == [("2010-12-01", Decimal(5), Decimal(0)), ("2010-12-03", Decimal(0), Decimal(2))]
    do(services.start_undo, found)
    assert days() == []


def test_a_check_that_failed_offers_no_apply(upload: Callable[..., Import]) -> None:
    found = upload((HEAD + row("1", "A1", 1, "1") * 400).encode() + b'"open quote,' + b"1,2,3\n" * 4000)
    services.set_mapping(found, found.mapping, {}, by=BY)
    failed = do(services.start_check, found)
    assert failed.state == "failed"
    assert services.steps(failed, services.job_of(failed)) == {"map", "check"}


def test_a_stopped_import_goes_on_or_goes_back(
    checked: Callable[..., Import], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = HEAD + "".join(row(str(n), f"A{n % 7}", 1 + n % 3, "1.10") for n in range(60))
    monkeypatch.setattr(settle, "BATCH_ROWS", 10)
    found = checked(content)

    def stop_in_the_middle(work: JobRun, **values: Any) -> None:
        if 20 <= len(all_of(OrderRef)) < 60:
            raise JobCancelledError
        commit(work, **values)

    commit = JobRun.commit
    monkeypatch.setattr(JobRun, "commit", stop_in_the_middle)
    stopped = do(services.start_apply, found)
    monkeypatch.setattr(JobRun, "commit", commit)
    assert 0 < len(all_of(Order)) < 60
    assert (stopped.state, services.steps(stopped, services.job_of(stopped))) == (
        "cancelled",
        {"apply", "undo"},
    )
    whole = do(services.start_apply, stopped)
    assert (whole.state, len(all_of(Order))) == ("applied", 60)
    assert sum(delta for _, delta in movements()) == 0
    assert [customer.order_count for customer in all_of(Customer)] == [60]


def test_a_worker_that_dies_anywhere_leaves_the_same_rows(
    checked: Callable[..., Import], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = (
        HEAD
        + "".join(row(str(n), f"A{n % 7}", 1 + n % 3, "1.10") for n in range(40))
        + "".join(row(f"C{n}", f"A{n % 7}", -1, "1.10", at="2010-12-09 10:00:00") for n in range(10))
        + row("K1", "A1", 5, "0", customer="", description="found")
    )
    monkeypatch.setattr(settle, "BATCH_ROWS", 10)
    monkeypatch.setattr(ledger, "BATCH_MOVES", 20)
    found = checked(content)
    commit = JobRun.commit
    for dies_at in range(18, 60, 3):
        commits = iter(range(1000))

        def die(
            work: JobRun, dies_at: int = dies_at, commits: Iterator[int] = commits, **values: Any
        ) -> None:
            if next(commits) == dies_at:
                raise LeaseLostError
            commit(work, **values)

        monkeypatch.setattr(JobRun, "commit", die)
        if found.state == "checked":
            services.start_apply(found, by=BY)
            db.session.commit()
        found = work(found)
        db.session.execute(
            sa.update(Job).where(Job.state == "running").values(state="queued", lease_until=None)
        )
        db.session.commit()
        if found.state == "applied":
            break
    monkeypatch.setattr(JobRun, "commit", commit)
    found = work(found)
    assert found.state == "applied"
    assert len(all_of(Order)) == 40
    assert sum(refund.amount for refund in all_of(OrderRefund)) == Decimal("11.00")
    assert sum(delta for _, delta in movements()) == 0
    assert len([kind for kind, _ in movements() if kind == "sold"]) == 40
    assert len([kind for kind, _ in movements() if kind == "adjusted"]) == 1
