"""Money is asked for once: whatever breaks, whoever clicks twice, whoever dies in the middle."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from decimal import Decimal

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.core.audit import SYSTEM
from portal.core.database import db, merchant_scope
from portal.core.errors import ConflictError, DomainError
from portal.orders import gateways
from portal.orders.models import OrderEvent, PaymentAttempt
from portal.orders.payments import calling, services
from tests.orders.payments.conftest import GatewayDesk, Paid, Pay, work, work_later

ZERO = Decimal(0)


def sums(paid: Paid) -> tuple[str, Decimal, Decimal, Decimal, Decimal]:
    """State, taken, being taken, given back, being given back."""
    row = paid.payment()
    return row.state, row.captured_amount, row.capture_pending, row.refunded_amount, row.refund_pending


def ask_capture(paid: Paid, amount: str, key: str) -> None:
    services.capture(paid.order_id, paid.n, Decimal(amount), key=key, by=SYSTEM)
    db.session.commit()


def ask_refund(paid: Paid, amount: str, key: str) -> int:
    n = services.request_refund(paid.order_id, paid.n, Decimal(amount), key=key, reason=None, by=SYSTEM)
    db.session.commit()
    return n


def forget_the_way() -> None:
    """Let time pass: what may have been on its way has arrived or is lost."""
    db.session.execute(
        sa.update(PaymentAttempt)
        .where(PaymentAttempt.called_at.is_not(None))
        .values(called_at=PaymentAttempt.called_at - calling.ON_ITS_WAY - dt.timedelta(seconds=1)),
        execution_options={"synchronize_session": False},
    )
    db.session.commit()


def test_money_is_set_aside_taken_in_parts_and_given_back(pay: Pay, desk: GatewayDesk) -> None:
    paid = pay("20.00")
    assert sums(paid)[0] == "authorised"
    assert paid.head().payment_state == "authorised"
    assert (paid.payment().card_brand, paid.payment().card_last_four) == ("visa", "4242")
    assert paid.payment().gateway_token is None
    ask_capture(paid, "12.50", "a")
    assert sums(paid) == ("authorised", ZERO, Decimal("12.50"), ZERO, ZERO)
    work()
    assert sums(paid) == ("authorised", Decimal("12.50"), ZERO, ZERO, ZERO)
    assert (paid.head().captured_total, paid.head().payment_state) == (Decimal("12.50"), "part_paid")
    ask_capture(paid, "7.50", "b")
    work()
    assert (paid.head().captured_total, paid.head().payment_state) == (Decimal("20.00"), "paid")
    n = ask_refund(paid, "5.25", "r")
    assert paid.refunds()[0].state == "pending"
    assert (paid.head().refunded_total, sums(paid)[4]) == (ZERO, Decimal("5.25"))
    work()
    assert (paid.refunds()[0].n, paid.refunds()[0].state) == (n, "done")
    assert (paid.head().refunded_total, paid.head().payment_state) == (Decimal("5.25"), "part_refunded")
    assert sums(paid) == ("captured", Decimal("20.00"), ZERO, Decimal("5.25"), ZERO)
    assert [each.state for each in paid.attempts()] == ["succeeded"] * 4
    assert len(desk.payments()) == 1


def test_what_is_not_taken_is_let_go(pay: Pay) -> None:
    paid = pay("20.00")
    services.void(paid.order_id, paid.n, key="v", by=SYSTEM)
    db.session.commit()
    with pytest.raises(ConflictError, match="can be taken any more"):
        ask_capture(paid, "1.00", "late")
    db.session.rollback()
    work()
    assert sums(paid)[0] == "voided"
    assert paid.head().payment_state == "unpaid"


@pytest.mark.parametrize(
    ("token", "code"), [("tok_declined", "declined"), ("tok_no_money", "insufficient_funds"), ("tok_expired", "expired_card")]
)  # fmt: skip
def test_a_card_the_bank_declines_says_why(pay: Pay, token: str, code: str) -> None:
    paid = pay("20.00", token=token)
    assert (paid.payment().state, paid.payment().failure_code) == ("failed", code)
    assert paid.head().payment_state == "unpaid"
    assert [each.state for each in paid.attempts()] == ["failed"]


def test_an_answer_lost_after_charging_is_asked_for_and_never_charged_again(
    pay: Pay, desk: GatewayDesk
) -> None:
    desk.fail_next("authorise", "lost")
    paid = pay("20.00")
    assert paid.attempts()[0].state == "unknown"
    assert paid.payment().state == "pending"
    work_later()
    assert sums(paid)[0] == "authorised"
    assert len(desk.payments()) == 1


@pytest.mark.parametrize("kind", ["lost", "slow"])
def test_a_capture_that_timed_out_after_doing_is_taken_once(
    pay: Pay, desk: GatewayDesk, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    paid = pay("20.00")
    monkeypatch.setattr(gateways, "ANSWER_SECONDS", 0.3)
    desk.fail_next("capture", kind, seconds=1.0)
    ask_capture(paid, "20.00", "once")
    work()
    assert paid.attempts()[1].state == "unknown"
    assert sums(paid) == ("authorised", ZERO, Decimal("20.00"), ZERO, ZERO)
    with pytest.raises(DomainError, match="left to take"):
        ask_capture(paid, "20.00", "again")
    db.session.rollback()
    work_later()
    assert sums(paid) == ("captured", Decimal("20.00"), ZERO, ZERO, ZERO)
    assert [entry["amount"] for entry in desk.payments()[0]["captures"]] == ["20"]


def test_a_refund_whose_request_arrives_late_is_given_once(
    pay: Pay, desk: GatewayDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid = pay("20.00", captured=True)
    monkeypatch.setattr(gateways, "ANSWER_SECONDS", 0.2)
    desk.fail_next("refund", "late", seconds=1.2)
    ask_refund(paid, "20.00", "r")
    work()
    assert paid.refunds()[0].state == "pending"
    # Asked before the request has arrived: nothing is there, and nothing is repeated yet.
    work_later()
    assert desk.payments()[0]["refunds"] == []
    assert paid.attempts()[-1].state == "unknown"
    threading.Event().wait(1.3)
    work_later()
    assert [entry["amount"] for entry in desk.payments()[0]["refunds"]] == ["20"]
    assert paid.refunds()[0].state == "done"
    assert paid.head().refunded_total == Decimal("20.00")


def test_a_request_that_never_arrived_is_repeated_under_its_key(pay: Pay, desk: GatewayDesk) -> None:
    paid = pay("20.00", captured=True)
    desk.fail_next("refund", "before")
    ask_refund(paid, "3.00", "r")
    work()
    assert paid.attempts()[-1].state == "unknown"
    work_later()
    assert paid.attempts()[-1].state == "unknown"
    forget_the_way()
    work_later()
    assert paid.refunds()[0].state == "done"
    assert [entry["key"] for entry in desk.payments()[0]["refunds"]] == [f"{key_head(paid)}:refund:r"]


def key_head(paid: Paid) -> str:
    from portal.core.ids import public_id

    return public_id("ord", paid.order_id)


def test_a_gateway_that_is_away_gets_the_request_when_it_is_back(
    pay: Pay, desk: GatewayDesk, account: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid = pay("20.00")
    desk.fail_next("capture", "429", times=2)
    ask_capture(paid, "20.00", "k")
    work()
    assert paid.attempts()[1].called_at is None
    work_later()
    work_later()
    assert sums(paid)[1] == Decimal("20.00")


def test_a_refund_the_gateway_refuses_is_free_again_and_told(pay: Pay, desk: GatewayDesk) -> None:
    paid = pay("20.00", captured=True)
    # Somebody gave it all back in the gateway's own screens, and its notice has not come.
    from portal.orders.gateways.house import HouseGateway

    reference = paid.payment().gateway_reference
    assert reference is not None
    HouseGateway(desk.url, desk.secret_key, seconds=5).refund(reference, Decimal(20), "GBP", key="by-hand")
    ask_refund(paid, "4.00", "r")
    work()
    assert [(each.state, each.failure_code) for each in paid.refunds()] == [("failed", "amount_too_large")]
    assert sums(paid)[4] == ZERO
    kinds = db.session.scalars(sa.select(OrderEvent.kind).where(OrderEvent.order_id == paid.order_id)).all()
    assert "refund_failed" in kinds


def test_the_same_key_is_one_refund_and_one_capture(pay: Pay, desk: GatewayDesk) -> None:
    paid = pay("20.00")
    for _ in range(3):
        ask_capture(paid, "20.00", "double-click")
    work()
    assert {ask_refund(paid, "6.00", "double-click") for _ in range(3)} == {1}
    work()
    assert sums(paid) == ("captured", Decimal("20.00"), ZERO, Decimal("6.00"), ZERO)
    assert len(desk.payments()[0]["captures"]) == len(desk.payments()[0]["refunds"]) == 1


def test_no_more_than_there_is(pay: Pay) -> None:
    paid = pay("20.00", captured=True)
    ask_refund(paid, "15.00", "a")
    for amount, words in (("5.01", "Only £5.00"), ("0", "above zero"), ("1.001", "2 decimals")):
        with pytest.raises(DomainError, match=words):
            ask_refund(paid, amount, f"b{amount}")
        db.session.rollback()
    work()
    assert sums(paid)[3] == Decimal("15.00")


@pytest.mark.parametrize("act", ["capture", "refund"])
def test_people_at_once_cannot_move_more_than_there_is(
    app: Flask, scope: int, pay: Pay, desk: GatewayDesk, act: str
) -> None:
    paid = pay("20.00", captured=act == "refund")
    db.session.rollback()
    ask = ask_capture if act == "capture" else ask_refund
    refused: list[str] = []

    def one(n: int) -> Callable[[], None]:
        def run() -> None:
            with app.app_context(), merchant_scope(scope):
                barrier.wait()
                try:
                    ask(paid, "7.00", f"t{n}")
                except DomainError as error:
                    refused.append(error.message)

        return run

    barrier = threading.Barrier(6)
    threads = [threading.Thread(target=one(n)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 4
    work()
    state = sums(paid)
    assert (state[1], state[3]) == ((Decimal(14), ZERO) if act == "capture" else (Decimal(20), Decimal(14)))
    entries = desk.payments()[0]["captures" if act == "capture" else "refunds"]
    assert sum(Decimal(each["amount"]) for each in entries) == 14
    head = paid.head()
    assert (head.captured_total, head.refunded_total) == (state[1], state[3])


def test_a_refund_that_takes_days_ends_as_the_bank_says(pay: Pay, desk: GatewayDesk) -> None:
    paid = pay("20.00", token="tok_slow_refund", captured=True)
    for key, end in (("good", "done"), ("bad", "failed")):
        n = ask_refund(paid, "5.00", key)
        work()
        assert paid.refunds()[n - 1].state == "pending"
        entry = desk.payments()[0]["refunds"][n - 1]
        desk.say("refunds", payment=desk.payments()[0]["id"], refund=entry["id"], state=end)
        work_later()
        assert paid.refunds()[n - 1].state == end
    assert sums(paid) == ("captured", Decimal("20.00"), ZERO, Decimal("5.00"), ZERO)
    assert paid.head().refunded_total == Decimal("5.00")


def test_money_given_back_by_hand_is_done_at_once(shop: object, scope: int) -> None:
    placed = shop.order(("MUG", 1, "9.00"), paid="9.00")  # type: ignore[attr-defined]
    n = services.request_refund(placed.order_id, 1, Decimal("4.00"), key="x", reason="Late", by=SYSTEM)
    db.session.commit()
    paid = Paid(placed.order_id, placed.number, 1)
    assert (paid.refunds()[n - 1].state, paid.head().refunded_total) == ("done", Decimal("4.00"))
    assert sums(paid)[3] == Decimal("4.00")
    assert paid.attempts() == []


def test_two_workers_with_one_attempt_make_one_call(
    app: Flask, scope: int, pay: Pay, desk: GatewayDesk
) -> None:
    paid = pay("20.00")
    ask_capture(paid, "20.00", "once")
    n = paid.attempts()[-1].n
    db.session.rollback()
    desk.fail_next("capture", "slow", seconds=1.0)
    barrier = threading.Barrier(2)

    def carry() -> None:
        with app.app_context(), merchant_scope(scope):
            barrier.wait()
            calling.carry_out(paid.order_id, n, by=SYSTEM, commit=db.session.commit)

    threads = [threading.Thread(target=carry) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [
        each for each in desk.state()["calls"] if each.endswith(f"{desk.payments()[0]['id']}/captures")
    ] == [f"POST /v1/payments/{desk.payments()[0]['id']}/captures"]
    work_later()
    assert sums(paid)[1] == Decimal("20.00")
