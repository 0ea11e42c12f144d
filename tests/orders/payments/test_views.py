"""The screens of payments: acts from the order's page, settings, disputes, payouts, notices."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from decimal import Decimal

import pytest
import sqlalchemy as sa

from portal.core.audit import SYSTEM
from portal.core.database import db
from portal.core.errors import ConflictError, DomainError
from portal.orders.models import GatewayAccount, Order, PaymentDispute, PaymentLink, PaymentPayoutLine
from portal.orders.payments import accounts, payouts, preferences, services
from portal.orders.payments.accounts import AccountValues
from tests.orders.payments.conftest import GatewayDesk, Pay, work, work_later
from tests.orders.payments.test_disputes import PDF, hear
from tests.support.client import HouseClient
from tests.support.people import Person
from tests.support.shop import Shop

Login = Callable[[Person], HouseClient]
Member = Callable[..., Person]


def panel(client: HouseClient, number: str) -> str:
    db.session.rollback()
    answer = client.fragment(f"/orders/{number}/payments")
    assert answer.status_code == 200
    return answer.text


def key_in(text: str) -> str:
    found = re.search(r'name="key" value="([0-9a-f]+)-1"', text)
    assert found
    return f"{found[1]}-1"


def test_money_is_taken_from_the_page_once_by_a_double_click(pay: Pay, login: Login, member: Member) -> None:
    paid, client = pay("20.00"), login(member("support"))
    shown = panel(client, paid.number)
    assert 'value="20.00"' in shown
    for _ in range(2):
        answer = client.post(
            f"/orders/{paid.number}/payments/1/capture", data={"amount": "12.50", "key": key_in(shown)}
        )
        assert answer.status_code == 303
    work()
    assert paid.head().captured_total == Decimal("12.50")
    assert 'value="7.50"' in panel(client, paid.number)
    second = client.post(f"/orders/{paid.number}/payments/1/capture", data={"amount": "99", "key": "another"})
    assert second.status_code == 422
    assert "Only £7.50 is left to take." in second.text
    assert 'value="99"' in second.text


def test_what_is_set_aside_is_let_go_from_the_page(pay: Pay, login: Login, member: Member) -> None:
    paid, client = pay("20.00"), login(member("support"))
    panel(client, paid.number)
    assert client.post(f"/orders/{paid.number}/payments/1/void", data={"key": "k"}).status_code == 303
    assert "Under way: let go" in panel(client, paid.number)
    work()
    assert "Released" in panel(client, paid.number) or "Voided" in panel(client, paid.number)


def test_a_refund_that_failed_is_asked_for_again_once(
    pay: Pay, desk: GatewayDesk, login: Login, member: Member
) -> None:
    paid = pay("20.00", token="tok_slow_refund", captured=True)
    services.request_refund(paid.order_id, 1, Decimal(5), key="r", reason="Late", by=SYSTEM)
    db.session.commit()
    work()
    remote = desk.payments()[0]
    desk.say("refunds", payment=remote["id"], refund=remote["refunds"][0]["id"], state="failed")
    work_later()
    client = login(member("support"))
    assert "the bank sent it back" in panel(client, paid.number)
    assert client.post(f"/orders/{paid.number}/refunds/1/again", data={"key": "a"}).status_code == 303
    assert client.post(f"/orders/{paid.number}/refunds/1/again", data={"key": "b"}).status_code == 409
    work()
    assert len(desk.payments()[0]["refunds"]) == 2
    warehouse = login(member("warehouse"))
    assert warehouse.post(f"/orders/{paid.number}/refunds/1/again", data={"key": "c"}).status_code == 403


def test_asking_the_gateway_brings_the_order_up_to_date(
    pay: Pay, desk: GatewayDesk, login: Login, member: Member
) -> None:
    paid, client = pay("20.00"), login(member("support"))
    reference = paid.payment().gateway_reference or ""
    account_id = paid.payment().account_id
    assert account_id
    accounts.gateway_of(accounts.account_of(account_id)).capture(reference, Decimal(20), "GBP", key="x")
    db.session.rollback()
    assert client.post(f"/orders/{paid.number}/payments/1/look").status_code == 303
    assert paid.head().payment_state == "paid"


def test_a_link_is_made_copied_and_withdrawn(
    account: GatewayAccount, shop: object, login: Login, member: Member
) -> None:
    placed = shop.order(("MUG", 1, "20.00"))  # type: ignore[attr-defined]
    client = login(member("support"))
    assert "Make a payment link" in panel(client, placed.number)
    too_much = client.post(f"/orders/{placed.number}/links", data={"amount": "20.01", "key": "k"})
    assert too_much.status_code == 422
    assert "Only £20.00 is left to ask for." in too_much.text
    for status in (303, 409):
        assert (
            client.post(f"/orders/{placed.number}/links", data={"amount": "20", "key": "k"}).status_code
            == status
        )
    assert re.search(r"/pay/m_[0-9a-z]+-[0-9a-f]{32}", panel(client, placed.number))
    assert "/pay/" not in panel(login(member("read-only")), placed.number)
    link_id = db.session.scalars(sa.select(PaymentLink.id)).one()
    assert client.post(f"/orders/{placed.number}/links/{link_id}/withdraw").status_code == 303
    assert "/pay/" not in panel(client, placed.number)


def test_a_gateway_is_connected_tested_and_switched_on(
    scope: int, desk: GatewayDesk, login: Login, member: Member
) -> None:
    client = login(member("owner"))
    values = {
        "kind": "house", "name": "Cards", "mode": "test", "secret_key": desk.secret_key, "webhook_secret": desk.webhook_secret,
        "base_url": desk.url,
    }  # fmt: skip
    assert client.get("/settings/payments/new").status_code == 200
    for wrong, words in (
        ({"secret_key": "sk_live_abcdefghijk"}, "A test key begins with hk_test_"),
        ({"base_url": "http://169.254.169.254"}, "PRIVATE_HOSTS"),
        ({"base_url": "https://example.com"}, "PRIVATE_HOSTS"),
        ({"webhook_secret": ""}, "Enter the signing secret"),
        ({"kind": "paypal"}, "Not a valid choice"),
    ):
        refused = client.post("/settings/payments/new", data=values | wrong)
        assert refused.status_code == 422
        assert words in refused.text, wrong
    made = client.post("/settings/payments/new", data=values)
    assert made.status_code == 303
    path = made.headers["Location"]
    page = client.get(path).text
    assert desk.secret_key not in page
    assert f"ends in {desk.secret_key[-4:]}" in page
    assert "/webhooks/payments/m_" in page
    assert client.post(f"{path}/on").status_code == 422
    assert client.post(f"{path}/test").status_code == 303
    assert client.post(f"{path}/on").status_code == 303
    assert "used by links" in client.get("/settings/payments").text
    # New keys are not used before they were tried.
    version = re.search(r'name="version"[^>]*value="(\d+)"', client.get(path).text)
    assert version
    changed = client.post(path, data={**values, "secret_key": "hk_test_unknown_key", "version": version[1]})
    assert changed.status_code == 303
    assert "These keys were not tried yet" in client.get(path).text
    stale = client.post(
        path, data={**values, "name": "Other", "secret_key": "", "webhook_secret": "", "version": version[1]}
    )
    assert stale.status_code == 409
    client.post(f"{path}/test")
    assert "The test failed. The gateway refused the secret key." in client.get(path).text


def test_when_money_is_taken_is_a_setting_with_a_version(scope: int, login: Login, member: Member) -> None:
    client = login(member("owner"))
    assert 'value="dispatch"' in client.get("/settings/payments").text
    data = {"capture_on": "placement", "link_days": "3", "version": "0"}
    assert client.post("/settings/payments", data=data).status_code == 303
    assert (preferences.preferences().capture_on, preferences.preferences().link_days) == ("placement", 3)
    client.post("/settings/payments", data=data | {"link_days": "9"})
    db.session.rollback()
    assert preferences.preferences().link_days == 3
    assert client.post("/settings/payments", data=data | {"link_days": "0"}).status_code == 422
    assert login(member("support")).get("/settings/payments").status_code == 403


def test_a_dispute_is_answered_from_its_page(
    pay: Pay, desk: GatewayDesk, account: GatewayAccount, login: Login, member: Member
) -> None:
    paid = pay("20.00", captured=True)
    desk.say("disputes", payment=paid.payment().gateway_reference)
    hear(desk, account)
    found = db.session.scalars(sa.select(PaymentDispute)).one()
    path, version = f"/disputes/{found.id}", found.version
    db.session.rollback()
    client = login(member("support"))
    assert "The buyer disputes" in panel(client, paid.number)
    assert "1 dispute to answer" in client.fragment("/payments/worklist").text
    assert client.get("/disputes").status_code == 200
    saved = client.post(f"{path}/evidence", data={"delivery": "Left with <b>Bob</b>", "version": version})
    assert saved.status_code == 303
    assert "&lt;b&gt;Bob" in client.get(path).text
    assert client.post(f"{path}/files", data={"kind": "receipt"}).status_code == 422
    added = client.post(f"{path}/files", data={"kind": "receipt", "file": (io.BytesIO(PDF), "receipt.pdf")})
    assert added.status_code == 303
    link = re.search(rf'href="({path}/files/\d+)"', client.get(path).text)
    assert link
    paper = client.get(link[1])
    assert (paper.data, paper.mimetype) == (PDF, "application/pdf")
    assert "attachment" in paper.headers["Content-Disposition"]
    reader = login(member("read-only"))
    assert "Bob" not in reader.get(path).text
    assert reader.get(link[1]).status_code == 403
    assert client.post(f"{path}/submission", data={"version": version}).status_code == 409
    db.session.rollback()
    now = db.session.scalar(sa.select(PaymentDispute.version))
    db.session.rollback()
    assert client.post(f"{path}/submission", data={"version": now}).status_code == 303
    assert client.post(f"{path}/submission", data={"version": now}).status_code == 409
    work()
    assert "With the bank" in client.get(path).text


def test_payouts_show_their_lines_and_the_queue_is_worked(
    pay: Pay, desk: GatewayDesk, account: GatewayAccount, login: Login, member: Member
) -> None:
    paid = pay("20.00", captured=True)
    desk.say("payouts", secret_key=desk.secret_key, extra=[
        {"kind": "adjustment", "source": None, "payment": "pay_nobody", "gross": "9.00", "fee": "0", "net": "9.00"}
    ])  # fmt: skip
    payouts.request_fetch(account.id, by=SYSTEM)
    db.session.commit()
    work()
    client = login(member("support"))
    assert "1 to match" in client.get("/payouts").text
    line = db.session.scalars(
        sa.select(PaymentPayoutLine).where(PaymentPayoutLine.state == "unmatched")
    ).one()
    line_id, payout_id = line.id, line.payout_id
    db.session.rollback()
    page = client.get(f"/payouts/{payout_id}").text
    assert f"/orders/{paid.number}" in page
    assert "Not matched" in page
    queue = client.get("/payouts/unmatched").text
    assert "pay_nobody" in queue
    wrong = client.post(f"/payouts/lines/{line_id}/match", data={"number": "no-such"})
    assert wrong.status_code == 422
    assert "There is no order with this number." in wrong.text
    assert client.post(f"/payouts/lines/{line_id}/explanation", data={"reason": ""}).status_code == 422
    done = client.post(f"/payouts/lines/{line_id}/match", data={"number": paid.number})
    assert done.status_code == 303
    assert "Every line is matched" in client.get("/payouts/unmatched").text
    again = client.post(f"/payouts/lines/{line_id}/explanation", data={"reason": "x"})
    assert again.status_code == 422
    assert re.search(r'role="alert"[^>]*><p>[^<]+</p>', again.text), "its form is gone, so the page says why"
    assert login(member("warehouse")).post(f"/payouts/lines/{line_id}/match").status_code == 403


@pytest.mark.parametrize(
    "path", ["/disputes", "/payouts", "/payouts/unmatched", "/payments/notices", "/settings/payments"]
)
def test_empty_pages_say_what_they_are_for(scope: int, login: Login, member: Member, path: str) -> None:
    answer = login(member("owner")).get(path)
    assert answer.status_code == 200
    assert 'class="empty"' in answer.text


CARD = "4242 4242 4242 4242"


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("notes", {"body": f"She says to charge {CARD} instead."}),
        ("tags", {"tag": CARD}),
        ("payments", {"amount": "20.00", "method": "other", "reference": CARD.replace(" ", "")}),
    ],
)
def test_a_card_number_that_somebody_types_is_refused_and_kept_nowhere(
    shop: Shop, login: Login, member: Member, path: str, data: dict[str, str]
) -> None:
    placed = shop.order(("MUG", 1, "20.00"))
    client = login(member("support"))
    version = db.session.scalars(sa.select(Order.version).where(Order.id == placed.order_id)).one()
    data = {**data, "version": str(version)}
    db.session.rollback()
    answer = client.post(f"/orders/{placed.number}/{path}", data=data)
    assert answer.status_code == 422
    assert "looks like a card number" in answer.text
    assert "4242" not in answer.text
    said = client.fragment(f"/orders/{placed.number}/{path}", method="POST", data=data)
    # What was typed stays in the form for the person to mend.
    assert (said.status_code, said.headers["HX-Reswap"]) == (422, "none")
    assert "4242" not in client.get(f"/orders/{placed.number}").text
    data = {
        name: value.replace(CARD, "4242").replace(CARD.replace(" ", ""), "4242")
        for name, value in data.items()
    }
    assert client.post(f"/orders/{placed.number}/{path}", data=data).status_code == 303


def test_keys_that_were_replaced_during_the_test_are_not_tested(
    account: GatewayAccount, desk: GatewayDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow:
        def test(self) -> str:
            other = AccountValues("Practice", "test", "hk_test_never_tried", "whsec_other_one", desk.url)
            accounts.change_account(accounts.account_of(account.id), other, by=SYSTEM)
            db.session.commit()
            return "It works."

    monkeypatch.setattr(accounts, "gateway_of", lambda *_args, **_options: Slow())
    with pytest.raises(ConflictError, match="during the test"):
        accounts.test_account(accounts.account_of(account.id), by=SYSTEM)
    db.session.rollback()
    with pytest.raises(DomainError, match="Test the account first"):
        accounts.switch_on(accounts.account_of(account.id), by=SYSTEM)
