"""A chargeback holds its money, is answered once, and ends as the bank says."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
import sqlalchemy as sa

from portal.core.audit import SYSTEM
from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.errors import ConflictError, DomainError
from portal.core.jobs import enqueue
from portal.core.jobs.run import MAX_FAILURES
from portal.orders.gateways.base import Authorisation
from portal.orders.models import GatewayAccount, PaymentDispute
from portal.orders.payments import accounts, disputes, services
from portal.orders.placement import NewPayment
from tests.orders.payments.conftest import GatewayDesk, Paid, Pay, tell_consumers, work, work_later
from tests.support.shop import Shop
from tests.support.waiting import settle

PDF = b"%PDF-1.7\n%..."


@pytest.fixture
def disputed(pay: Pay, desk: GatewayDesk, account: GatewayAccount) -> Paid:
    """An order of 20.00, paid, whose buyer went to the bank."""
    paid = pay("20.00", captured=True)
    desk.say("disputes", payment=paid.payment().gateway_reference, reason="product_not_received")
    hear(desk, account)
    return paid


def hear(desk: GatewayDesk, account: GatewayAccount) -> None:
    """Take over every dispute of the account as it stands."""
    fresh = accounts.account_of(account.id)
    caller = accounts.gateway_of(fresh)
    mine = [each["id"] for each in desk.state()["disputes"].values() if each["account"] == desk.secret_key]
    for reference in mine:
        remote = caller.dispute(reference)
        assert remote is not None
        disputes.take_over(fresh, remote, by=SYSTEM)
        db.session.commit()


def only() -> PaymentDispute:
    db.session.rollback()
    return db.session.scalars(sa.select(PaymentDispute).execution_options(populate_existing=True)).one()


def test_its_money_is_held_and_cannot_be_given_back_twice(disputed: Paid) -> None:
    found = only()
    assert (found.state, found.reason, found.held_amount) == (
        "needs_response",
        "product_not_received",
        Decimal(20),
    )
    assert found.fee_amount == Decimal(15)
    assert disputed.payment().disputed_amount == Decimal(20)
    with pytest.raises(DomainError, match="can be given back"):
        services.request_refund(disputed.order_id, 1, Decimal("0.01"), key="x", reason=None, by=SYSTEM)


@pytest.mark.parametrize(("end", "refunded", "state"), [("won", "0", "paid"), ("lost", "20", "refunded")])
def test_it_ends_as_the_bank_says_once(
    disputed: Paid, desk: GatewayDesk, account: GatewayAccount, end: str, refunded: str, state: str
) -> None:
    desk.say(f"disputes/{only().reference}", state=end)
    for _ in range(3):
        hear(desk, account)
    head = disputed.head()
    assert (head.captured_total, head.refunded_total, head.payment_state) == (
        Decimal(20),
        Decimal(refunded),
        state,
    )
    assert (only().state, only().held_amount, disputed.payment().disputed_amount) == (end, 0, 0)
    assert disputed.payment().refunded_amount == Decimal(refunded)


def test_old_news_takes_nothing_back(disputed: Paid, desk: GatewayDesk, account: GatewayAccount) -> None:
    fresh = accounts.account_of(account.id)
    before = accounts.gateway_of(fresh).dispute(only().reference)
    assert before is not None
    desk.say(f"disputes/{only().reference}", state="lost")
    hear(desk, account)
    disputes.take_over(accounts.account_of(account.id), before, by=SYSTEM)
    db.session.commit()
    assert only().state == "lost"
    assert disputed.head().refunded_total == Decimal(20)


def test_what_went_back_already_is_not_lost_again(
    pay: Pay, desk: GatewayDesk, account: GatewayAccount
) -> None:
    paid = pay("20.00", captured=True)
    services.request_refund(paid.order_id, 1, Decimal(15), key="r", reason=None, by=SYSTEM)
    db.session.commit()
    work()
    desk.say("disputes", payment=paid.payment().gateway_reference)
    hear(desk, account)
    assert only().held_amount == Decimal(5)
    desk.say(f"disputes/{only().reference}", state="lost")
    hear(desk, account)
    assert paid.head().refunded_total == Decimal(20)


def answer() -> PaymentDispute:
    found = disputes.dispute_of(only().id, lock=True)
    disputes.save_evidence(found, {"delivery": "Left with a neighbour."}, version=found.version, by=SYSTEM)
    disputes.add_file(found, "proof_of_delivery", "../proof of\x00 delivery.pdf", PDF, by=SYSTEM)
    db.session.commit()
    return disputes.dispute_of(found.id, lock=True)


@pytest.mark.parametrize("fault", [None, "lost", "before"])
def test_the_answer_reaches_the_bank_once(disputed: Paid, desk: GatewayDesk, fault: str | None) -> None:
    found = answer()
    if fault:
        desk.fail_next("evidence", fault)
    version = found.version
    disputes.submit(found, version=version, by=SYSTEM)
    db.session.commit()
    with pytest.raises(ConflictError, match="was sent"):
        disputes.submit(disputes.dispute_of(only().id, lock=True), version=version, by=SYSTEM)
    db.session.rollback()
    work()
    db.session.execute(sa.text("UPDATE job SET run_after = now() WHERE merchant_id = :m AND state = 'queued'"), {"m": only().merchant_id})  # fmt: skip
    db.session.commit()
    work_later()
    assert (only().state, only().submission) == ("under_review", "sent")
    kept = desk.state()["disputes"][only().reference]["evidence"]
    assert kept["texts"] == {"delivery": "Left with a neighbour."}
    assert [(each["kind"], each["name"]) for each in kept["files"]] == [
        ("proof_of_delivery", ".. proof of delivery.pdf")
    ]
    with pytest.raises(ConflictError):
        disputes.save_evidence(disputes.dispute_of(only().id, lock=True), {}, version=1, by=SYSTEM)


def test_an_answer_is_refused_when_it_is_empty_late_stale_or_no_file(disputed: Paid) -> None:
    found = disputes.dispute_of(only().id, lock=True)
    with pytest.raises(DomainError, match="Write or add something"):
        disputes.submit(found, version=found.version, by=SYSTEM)
    for content, words in ((b"<html>", "PDF"), (b"", "PDF"), (PDF + b"0" * disputes.LARGEST_FILE, "4 MB")):
        with pytest.raises(DomainError, match=words):
            disputes.add_file(found, "receipt", "x.pdf", content, by=SYSTEM)
    with pytest.raises(DomainError, match="10,000"):
        disputes.save_evidence(found, {"goods": "x" * 10_001}, version=found.version, by=SYSTEM)
    with pytest.raises(ConflictError, match="while you were writing"):
        disputes.save_evidence(found, {"goods": "x"}, version=found.version - 1, by=SYSTEM)
    found = answer()
    found.due_at = utc_now() - dt.timedelta(days=1)
    db.session.flush()
    with pytest.raises(DomainError, match="has passed"):
        disputes.submit(found, version=found.version, by=SYSTEM)


def test_a_dispute_that_came_before_its_order_holds_its_money_when_the_order_is_there(
    account: GatewayAccount, desk: GatewayDesk, shop: Shop
) -> None:
    caller = accounts.gateway_of(account)
    made = caller.authorise(
        Authorisation(Decimal("20.00"), "GBP", "tok_visa", "W-1", is_captured_at_once=True),
        key="the-shops-own",
    )
    desk.say("disputes", payment=made.reference)
    hear(desk, account)
    assert (only().order_id, only().held_amount) == (None, 0)
    placed = shop.order(
        ("MUG", 1, "20.00"),
        payments=(NewPayment("card", Decimal("20.00"), gateway="house", gateway_reference=made.reference),),
    )
    settle()
    tell_consumers()
    work()
    for _ in range(2):
        hear(desk, account)
    assert (only().order_id, only().held_amount) == (placed.order_id, Decimal(20))
    desk.say(f"disputes/{only().reference}", state="lost")
    hear(desk, account)
    paid = Paid(placed.order_id, placed.number, 1)
    assert (paid.head().refunded_total, paid.payment().disputed_amount) == (Decimal(20), 0)


def test_an_answer_whose_job_came_to_an_end_is_sent_when_the_gateway_is_back(
    disputed: Paid, desk: GatewayDesk
) -> None:
    found = answer()
    desk.fail_next("evidence", "before", times=MAX_FAILURES)
    disputes.submit(found, version=found.version, by=SYSTEM)
    db.session.commit()
    for _ in range(MAX_FAILURES):
        work_later()
    assert (only().submission, disputes.unsent_answers()) == ("sending", [])
    db.session.execute(
        sa.update(PaymentDispute).values(submitted_at=utc_now() - disputes.UNSENT_AFTER * 2),
        execution_options={"synchronize_session": False},
    )
    db.session.commit()
    enqueue("payments.tend", by=SYSTEM)
    db.session.commit()
    work()
    assert (only().state, only().submission) == ("under_review", "sent")
