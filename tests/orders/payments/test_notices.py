"""News of the gateway: late, twice, in any order, forged, about nobody; each has its effect once or none."""

from __future__ import annotations

import json
import time
from decimal import Decimal

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.core.audit import SYSTEM
from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.secrets import secret_box
from portal.orders.gateways import signatures
from portal.orders.gateways.house import HouseGateway
from portal.orders.models import GatewayAccount, OrderEvent, PaymentNotice
from portal.orders.payments import accounts, notices, services
from tests.orders.payments.conftest import GatewayDesk, Pay, work, work_later
from tests.support.client import HouseClient
from tests.support.waiting import until


@pytest.fixture
def told(account: GatewayAccount, desk: GatewayDesk, portal_url: str) -> GatewayDesk:
    """The gateway tells its news to the portal."""
    desk.say(
        "accounts", secret_key=desk.secret_key, name="Tests", webhook_secret=desk.webhook_secret,
        webhook_url=f"{portal_url}{accounts.webhook_path(account)}",
    )  # fmt: skip
    return desk


def outside(desk: GatewayDesk) -> HouseGateway:
    """What somebody does in the gateway's own screens."""
    return HouseGateway(desk.url, desk.secret_key, seconds=5)


def received() -> list[PaymentNotice]:
    db.session.rollback()
    db.session.expire_all()
    return list(db.session.scalars(sa.select(PaymentNotice).order_by(PaymentNotice.id)))


def kinds_of(order_id: int) -> list[str]:
    return list(
        db.session.scalars(
            sa.select(OrderEvent.kind).where(OrderEvent.order_id == order_id).order_by(OrderEvent.n)
        )
    )


def test_what_is_done_at_the_gateway_is_taken_over(pay: Pay, told: GatewayDesk) -> None:
    paid = pay("20.00")
    reference = paid.payment().gateway_reference
    assert reference
    outside(told).capture(reference, Decimal(15), "GBP", key="x")
    outside(told).refund(reference, Decimal(4), "GBP", key="y")
    until(lambda: len(received()) >= 3)
    work()
    head, row = paid.head(), paid.payment()
    assert (head.captured_total, head.refunded_total) == (Decimal(15), Decimal(4))
    assert (row.captured_amount, row.refunded_amount, row.state) == (Decimal(15), Decimal(4), "authorised")
    assert [(each.destination, each.amount, each.state) for each in paid.refunds()] == [
        ("outside", Decimal(4), "done")
    ]
    assert {each.state for each in received()} == {"applied"}


@pytest.mark.parametrize("seed", range(3))
def test_late_doubled_and_shuffled_news_has_each_effect_once(pay: Pay, told: GatewayDesk, seed: int) -> None:
    told.say("notices", hold=True)
    try:
        paid = pay("20.00")
        for n, amount in enumerate(("5.00", "7.00", "8.00")):
            services.capture(paid.order_id, paid.n, Decimal(amount), key=f"c{n}", by=SYSTEM)
        db.session.commit()
        work()
        for n, amount in enumerate(("1.25", "2.50")):
            services.request_refund(
                paid.order_id, paid.n, Decimal(amount), key=f"r{n}", reason=None, by=SYSTEM
            )
        db.session.commit()
        work()
        outside(told).refund(paid.payment().gateway_reference or "", Decimal("3.00"), "GBP", key="outside")
        sent = told.say("notices", hold=False, release=True, shuffle=True, each=3, seed=seed)["sent"]
    finally:
        told.say("notices", hold=False)
    until(lambda: told.state()["is_idle"])
    before = kinds_of(paid.order_id)
    work()
    found = received()
    assert sent == 3 * len(found)
    assert {each.times_received for each in found} == {3}
    assert {each.state for each in found} == {"applied"}
    head = paid.head()
    assert (head.captured_total, head.refunded_total) == (Decimal("20.00"), Decimal("6.75"))
    assert sorted(each.amount for each in paid.refunds()) == [
        Decimal("1.25"),
        Decimal("2.50"),
        Decimal("3.00"),
    ]
    # Only what nobody here knew is news.
    assert kinds_of(paid.order_id)[len(before) :] == ["refunded"]


def test_an_answer_comes_within_a_second(pay: Pay, told: GatewayDesk) -> None:
    pay("20.00")
    until(lambda: len(received()) >= 1)
    waits = [each["seconds"] for each in told.state()["delivered"]]
    assert waits
    assert max(waits) < 1.0


def test_only_what_the_gateway_signed_just_now_is_kept(
    app: Flask, account: GatewayAccount, desk: GatewayDesk, client: HouseClient
) -> None:
    path = accounts.webhook_path(account)
    body = json.dumps(
        {"id": "n1", "kind": "payment.captured", "object": "pay_1", "at": utc_now().isoformat()}
    ).encode()
    now = int(time.time())
    db.session.rollback()

    def post(signature: str | None, content: bytes = body, to: str = path) -> int:
        headers = {"House-Signature": signature} if signature else {}
        return client.post(to, data=content, headers=headers).status_code

    good = signatures.sign(body, desk.webhook_secret, now)
    assert post(None) == 400
    assert post(signatures.sign(body, "whsec_other", now)) == 400
    assert post(signatures.sign(body, desk.webhook_secret, now - 3600)) == 400
    assert post(good, body.replace(b"pay_1", b"pay_2")) == 400
    assert post(good, b"x" * (notices.LARGEST + 1)) == 400
    assert post(good, to=path[:-1] + ("0" if path[-1] != "0" else "1")) == 404
    assert post(good, to="/webhooks/payments/nonsense") == 404
    assert received() == []
    assert post(good) == 204
    assert len(received()) == 1


@pytest.mark.parametrize(
    ("kind", "object_name", "status"),
    [
        ("payment.captured\0", "pay\0_1", 204),
        ("payment.\ud800", "\ud800", 204),
        ("x" * 9000, "y" * 9000, 204),
        ("payment", None, 204),
        ([[[]]], {}, 204),
    ],
)
def test_whatever_is_signed_is_stored_or_refused_and_breaks_nothing(
    account: GatewayAccount,
    desk: GatewayDesk,
    client: HouseClient,
    kind: object,
    object_name: object,
    status: int,
) -> None:
    path, now = accounts.webhook_path(account), int(time.time())
    document = {"id": f"n\0{'z' * 300}", "kind": kind, "object": object_name, "at": utc_now().isoformat()}
    db.session.rollback()
    for body, expected in (
        (json.dumps(document).encode(), status),
        (b"[" * 100_000, 400),
        (b'{"id": 1}', 400),
        (b"\xff", 400),
        (b"null", 400),
    ):
        signature = signatures.sign(body, desk.webhook_secret, now)
        assert client.post(path, data=body, headers={"House-Signature": signature}).status_code == expected
    assert len(received()) == 1
    assert notices.body_of(notices.notice_of(received()[0].id)) == json.dumps(document)
    work()


def test_the_body_is_sealed_and_later_dies_with_the_buyer(pay: Pay, told: GatewayDesk) -> None:
    told.say("notices", hold=True)
    paid = pay("20.00")
    told.say("notices", hold=False, release=True)
    until(lambda: len(received()) >= 1)
    first = received()[0]
    assert first.body is not None
    assert b"payment" not in first.body
    work()
    after = received()[0]
    assert (after.state, after.order_id, after.body) == ("applied", paid.order_id, None)
    assert after.subject_id is not None
    assert after.body_of_person is not None
    assert "payment.authorised" in (notices.body_of(notices.notice_of(after.id)) or "")


def test_news_about_nobody_is_tried_again_and_then_kept_in_sight(
    account: GatewayAccount, told: GatewayDesk
) -> None:
    from portal.orders.gateways.base import Authorisation

    outside(told).authorise(Authorisation(Decimal(5), "GBP", "tok_visa", "elsewhere"), key="not-ours")
    until(lambda: len(received()) == 1)
    work()
    assert [(each.state, each.reason) for each in received()] == [("failed", notices.NO_ORDER)]
    db.session.execute(
        sa.update(PaymentNotice).values(received_at=utc_now() - notices.PATIENCE * 2),
        execution_options={"synchronize_session": False},
    )
    db.session.commit()
    work_later()
    assert [each.state for each in received()] == ["dead"]
    notices.try_now(received()[0].id)
    db.session.commit()
    work()
    assert [each.state for each in received()] == ["failed"]


def test_a_notice_waits_for_a_gateway_that_is_away(pay: Pay, told: GatewayDesk) -> None:
    paid = pay("20.00")
    told.fail_next("fetch", "before", times=3)
    outside(told).capture(paid.payment().gateway_reference or "", Decimal(20), "GBP", key="x")
    until(lambda: len(received()) >= 2)
    work()
    assert "failed" in {each.state for each in received()}
    for _ in range(4):
        work_later()
    assert {each.state for each in received()} == {"applied"}
    assert paid.head().captured_total == Decimal(20)


def test_a_key_is_shown_by_its_end_and_stored_sealed(account: GatewayAccount, desk: GatewayDesk) -> None:
    assert account.secret_key is not None
    assert desk.secret_key.encode() not in account.secret_key
    assert account.secret_key_tail == desk.secret_key[-4:]
    assert secret_box.open(account.secret_key, f"gateway account {account.id} key") == desk.secret_key
