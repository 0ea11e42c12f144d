"""Payouts: every line finds its payment or refund, or waits for a person; differences show."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from decimal import Decimal

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.core.audit import SYSTEM
from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.errors import ConflictError, DomainError
from portal.orders.gateways.base import Authorisation, RemotePayout, RemotePayoutLine
from portal.orders.gateways.house import HouseGateway
from portal.orders.models import GatewayAccount, PaymentPayout, PaymentPayoutLine
from portal.orders.payments import accounts, payouts, services
from tests.orders.payments.conftest import GatewayDesk, Pay, work, work_later
from tests.support.people import Person
from tests.support.statements import count_statements


def fetch(account: GatewayAccount) -> None:
    payouts.request_fetch(account.id, by=SYSTEM)
    db.session.commit()
    work()
    db.session.expire_all()


def lines() -> list[PaymentPayoutLine]:
    db.session.rollback()
    db.session.expire_all()
    return list(db.session.scalars(sa.select(PaymentPayoutLine).order_by(PaymentPayoutLine.id)))


def only() -> PaymentPayout:
    db.session.rollback()
    return db.session.scalars(sa.select(PaymentPayout).execution_options(populate_existing=True)).one()


@pytest.fixture
def paid_out(pay: Pay, desk: GatewayDesk, account: GatewayAccount) -> dict[str, int]:
    """A payout of two payments, a refund, a fee, and a payment of somebody else; gives order ids by name."""
    first, second = pay("20.00", captured=True), pay("100.00", captured=True)
    services.request_refund(second.order_id, 1, Decimal("40.00"), key="r", reason=None, by=SYSTEM)
    db.session.commit()
    work()
    HouseGateway(desk.url, desk.secret_key, seconds=5).authorise(
        Authorisation(Decimal("7.77"), "GBP", "tok_visa", "elsewhere", is_captured_at_once=True), key="theirs"
    )
    desk.say("payouts", secret_key=desk.secret_key, extra=[
        {"kind": "fee", "source": None, "payment": None, "gross": "-3.00", "fee": "0", "net": "-3.00"}
    ])  # fmt: skip
    fetch(account)
    return {"first": first.order_id, "second": second.order_id}


def test_lines_find_their_orders(paid_out: dict[str, int]) -> None:
    found = {(each.kind, each.gross): each for each in lines()}
    assert len(found) == 5
    for key, order, expected in (
        (("payment", Decimal(20)), "first", Decimal(20)),
        (("payment", Decimal(100)), "second", Decimal(100)),
        (("refund", Decimal(-40)), "second", Decimal(-40)),
    ):
        line = found[key]
        assert (line.state, line.order_id, line.expected) == ("matched", paid_out[order], expected), key
    assert found[("fee", Decimal(-3))].state == "matched"
    assert found[("payment", Decimal("7.77"))].state == "unmatched"
    payout = only()
    assert (payout.line_count, payout.unmatched_count) == (5, 1)
    assert payout.lines_amount == payout.amount
    assert payout.fees_amount == sum(each.fee for each in found.values())


def test_reading_it_again_changes_nothing(paid_out: dict[str, int], account: GatewayAccount) -> None:
    before = [(each.id, each.state) for each in lines()]
    fetch(account)
    fetch(account)
    assert [(each.id, each.state) for each in lines()] == before
    assert only().line_count == 5


def test_a_person_names_the_order_or_says_what_it_is_once(paid_out: dict[str, int]) -> None:
    line = next(each.id for each in lines() if each.state == "unmatched")
    with pytest.raises(DomainError, match="Say what this line is"):
        payouts.explain(line, "  ", by=SYSTEM)
    payouts.match_by_hand(line, paid_out["first"], by=SYSTEM)
    db.session.commit()
    assert only().unmatched_count == 0
    with pytest.raises(ConflictError, match="settled this line"):
        payouts.explain(line, "A gift card", by=SYSTEM)


def test_what_a_person_said_is_put_back_and_what_the_gateway_said_is_not(
    paid_out: dict[str, int], member: Callable[..., Person]
) -> None:
    by = member("support").actor
    line = next(each.id for each in lines() if each.state == "unmatched")
    by_the_gateway = next(each.id for each in lines() if each.kind == "refund")
    payouts.match_by_hand(line, paid_out["first"], by=by)
    payouts.put_back(line, by=by)
    db.session.commit()
    again = next(each for each in lines() if each.id == line)
    assert (again.state, again.order_id, again.matched_by, only().unmatched_count) == (
        "unmatched",
        None,
        None,
        1,
    )
    payouts.explain(line, "A gift card", by=by)
    payouts.put_back(line, by=by)
    db.session.commit()
    for each in (line, by_the_gateway):
        with pytest.raises(ConflictError, match="Only what a person settled"):
            payouts.put_back(each, by=by)


def test_a_long_payout_is_matched_in_a_handful_of_statements(
    app: Flask, paid_out: dict[str, int], account: GatewayAccount
) -> None:
    known = next(each for each in lines() if each.kind == "payment" and each.state == "matched")
    remote = RemotePayout("pout_long", "paid", Decimal(10_000), "GBP", utc_now().date(), utc_now())

    def cost(reference: str, size: int) -> int:
        long = [
            RemotePayoutLine(
                f"{reference}-{n}", "payment", Decimal(20), Decimal(0), Decimal(20), known.source_reference, known.payment_reference
            )
            for n in range(size)
        ]  # fmt: skip
        fresh = accounts.account_of(account.id)
        return count_statements(
            app,
            lambda: payouts.take_over(
                fresh, dataclasses.replace(remote, reference=reference), iter(long), commit=db.session.commit
            ),
        )

    assert cost("pout_short", 10) == cost("pout_long", payouts.BATCH)
    assert {each.state for each in lines() if each.reference.startswith("pout_long-")} == {"matched"}


def test_a_line_of_another_amount_shows_the_difference(
    pay: Pay, desk: GatewayDesk, account: GatewayAccount
) -> None:
    paid = pay("20.00", captured=True)
    reference, capture = paid.payment().gateway_reference, paid.attempts()[-1].reference
    desk.say("payouts", secret_key=desk.secret_key, extra=[
        {"kind": "payment", "source": capture, "payment": reference, "gross": "19.50", "fee": "0.10", "net": "19.40"}
    ])  # fmt: skip
    fetch(account)
    odd = next(each for each in lines() if each.gross == Decimal("19.50"))
    assert (odd.state, odd.gross, odd.expected) == ("matched", Decimal("19.50"), Decimal("20.00"))


def test_what_is_not_known_yet_is_no_difference(pay: Pay, desk: GatewayDesk, account: GatewayAccount) -> None:
    paid = pay("20.00")
    services.capture(paid.order_id, 1, Decimal("12.00"), key="a", by=SYSTEM)
    db.session.commit()
    work()
    desk.fail_next("capture", "lost")
    services.capture(paid.order_id, 1, Decimal("8.00"), key="b", by=SYSTEM)
    db.session.commit()
    work()
    desk.say("payouts", secret_key=desk.secret_key)
    fetch(account)
    assert {each.gross: each.expected for each in lines()} == {Decimal(12): Decimal(12), Decimal(8): None}
    work_later()
    fetch(account)
    assert {each.gross: each.expected for each in lines()} == {
        Decimal(12): Decimal(12),
        Decimal(8): Decimal(8),
    }


def test_a_payment_that_comes_in_late_is_found_when_looked_for_again(
    paid_out: dict[str, int], pay: Pay
) -> None:
    line = next(each for each in lines() if each.state == "unmatched")
    line_id, reference = line.id, line.payment_reference
    late = pay("7.77")
    db.session.execute(
        sa.text(
            "UPDATE order_payment SET gateway_reference = :r WHERE merchant_id = :m AND order_id = :o AND n = 1"
        ),
        {"r": reference, "m": line.merchant_id, "o": late.order_id},
    )
    db.session.commit()
    assert payouts.rematch(only().id, commit=db.session.commit) == 1
    db.session.commit()
    assert next(each for each in lines() if each.id == line_id).order_id == late.order_id
