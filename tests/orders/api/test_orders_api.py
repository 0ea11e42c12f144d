"""``/api/v1/orders``: one request is one order, answers are exact, and a key opens only what it says."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.accounts.api_keys import create_key, revoke_key
from portal.accounts.models import ApiKey
from portal.core.database import db, merchant_scope
from portal.core.idempotency import IdempotencyKey, forget_old_keys
from portal.orders.models import Order, OrderContact, OrderPayment, OrderRef
from portal.stock.models import Location
from tests.orders.api.conftest import Program, basket
from tests.support.people import SYSTEM, make_merchant
from tests.support.shop import Shop, levels, open_shop

Make = Callable[..., Program]


def line(**more: object) -> dict[str, object]:
    """A basket's one line, changed."""
    return {"lines": [{"sku": "MUG", "quantity": 1} | more]}


class TestPlacing:
    def test_it_places_at_catalogue_prices_and_promises_stock(
        self, program: Make, shop: Shop, scope: int
    ) -> None:
        answer = program().post("/api/v1/orders", basket(external_id="W-1"))
        assert answer.status_code == 201, answer.text
        order = answer.json
        assert order["totals"] == {
            "items": "16.25", "charges": "3.95", "discounts": "0.00", "tax": "0.00", "total": "20.20",
            "captured": "0.00", "refunded": "0.00",
        }  # fmt: skip
        assert (order["state"], order["payment_state"], order["external_id"]) == ("open", "unpaid", "W-1")
        assert [(line["sku"], line["quantity"], line["total"]) for line in order["lines"]] == [
            ("MUG", 2, "9.00"),
            ("PLATE", 1, "7.25"),
        ]
        assert order["id"].startswith("ord_")
        assert answer.headers["Location"] == f"/api/v1/orders/{order['id']}"
        payment = db.session.scalars(sa.select(OrderPayment)).one()
        assert (payment.state, str(payment.amount), payment.captured_amount) == ("pending", "20.2000", 0)

    def test_the_answer_holds_nothing_of_the_person(self, program: Make) -> None:
        answer = program().post("/api/v1/orders", basket())
        assert "Ada" not in answer.text
        assert "example.com" not in answer.text

    def test_a_captured_payment_makes_it_paid(self, program: Make) -> None:
        paid = {"method": "card", "state": "captured", "reference": "ch_1"}
        order = program().post("/api/v1/orders", basket(payment=paid)).json
        assert (order["payment_state"], order["totals"]["captured"]) == ("paid", "20.20")

    def test_the_buyer_collects_it_or_takes_it_at_once(self, program: Make, shop: Shop) -> None:
        where = db.session.scalars(sa.select(Location.code).where(Location.id == shop.location_id)).one()
        caller = program()
        fetched = {"method": "collect", "location": where}
        assert caller.post("/api/v1/orders", basket()).json["delivery"] == {
            "method": "ship",
            "location": None,
        }
        order = caller.post("/api/v1/orders", basket(delivery=fetched)).json
        assert (order["delivery"], order["fulfilment_state"]) == (fetched, "unfulfilled")
        taken = caller.post(
            "/api/v1/orders", basket(delivery={"method": "hand_over", "location": where})
        ).json
        assert (taken["state"], taken["fulfilment_state"]) == ("closed", "fulfilled")

    @pytest.mark.parametrize(
        ("delivery", "words"),
        [
            ({"method": "collect"}, "at which location"),
            ({"method": "collect", "location": "NOWHERE"}, "no location in use with the code NOWHERE"),
            ({"method": "ship", "location": "NOWHERE"}, "What is sent has no location"),
        ],
    )
    def test_a_delivery_that_makes_no_sense_is_refused(
        self, program: Make, delivery: dict[str, str], words: str
    ) -> None:
        answer = program().post("/api/v1/orders", basket(delivery=delivery))
        assert (answer.status_code, answer.json["field"]) == (422, "delivery")
        assert words in answer.json["detail"]

    def test_the_same_number_under_another_key_is_the_same_order(self, program: Make) -> None:
        caller = program()
        first = caller.post("/api/v1/orders", basket(external_id="W-2"))
        second = caller.post("/api/v1/orders", basket(external_id="W-2"))
        assert (first.status_code, second.status_code) == (201, 200)
        assert first.json["id"] == second.json["id"]

    @pytest.mark.parametrize(
        ("change", "field", "words"),
        [
            ({"lines": [{"sku": "GONE", "quantity": 1}]}, "lines", "no variant with the SKU GONE"),
            ({"currency": "EUR"}, "lines", "no price in EUR"),
            ({"currency": "XQQ"}, "currency", "no currency code"),
            ({"customer_id": "cus_1"}, "customer_id", "no such customer"),
            ({"voucher_code": "NOPE"}, "voucher_code", "no voucher"),
            ({"shipping": {"amount": "1.005"}}, "charges", "2 decimals"),
            ({"customer_id": "cus_zzzzzzzzzzzzz"}, "customer_id", "no such customer"),
            (line(discount="10"), "lines", "more than the line costs"),
            (line(discount="0.001"), "lines", "2 decimals"),
            (line(unit_price="99999999999", quantity=1_000_000), "lines", "costs more than"),
        ],
    )
    def test_what_does_not_fit_is_a_problem_with_its_field(
        self, program: Make, change: dict[str, object], field: str, words: str
    ) -> None:
        answer = program().post("/api/v1/orders", basket(**change))
        assert answer.status_code == 422
        assert answer.content_type == "application/problem+json"
        assert answer.json["field"] == field
        assert words in answer.json["detail"]

    @pytest.mark.parametrize(
        "change",
        [
            {"lines": []},
            {"lines": [{"sku": "MUG", "quantity": 0}]},
            {"lines": [{"sku": "MUG", "quantity": "2"}]},
            {"lines": [{"sku": "MUG\0", "quantity": 2}]},
            {"lines": [{"sku": "MUG", "quantity": 1, "unit_price": "NaN"}]},
            {"lines": [{"sku": "MUG", "quantity": 1, "unit_price": -1}]},
            {"buyer": {"name": "Ada", "company": "4242 4242 4242 4242"}},
            {"surprise": 1},
            # An empty number of the shop's would make all its orders one.
            {"external_id": ""},
            {"external_id": "  "},
            line(sku=""),
            {"payment": {"method": ""}},
            {"tags": ["a,b"]},
            {"tags": [""]},
            {"buyer": {"email": "no address"}},
            {"shipping_address": {"country_code": "ZZ"}},
        ],
    )
    def test_what_the_schema_refuses_is_named(self, program: Make, change: dict[str, object]) -> None:
        answer = program().post("/api/v1/orders", basket(**change))
        assert answer.status_code == 422
        assert answer.json["errors"]

    @pytest.mark.parametrize(
        ("body", "kind", "status"),
        [
            (b"{", "application/json", 400),
            (b"\xff", "application/json", 400),
            (b"[" * 100_000, "application/json", 400),
            (b'{"currency": "GBP"}', "text/plain", 415),
            (b"currency=GBP", "application/x-www-form-urlencoded", 415),
            (b"", "application/json", 400),
            (b"[]", "application/json", 422),
        ],
    )
    def test_a_body_that_is_no_order_is_told_why(
        self, app: Flask, program: Make, body: bytes, kind: str, status: int
    ) -> None:
        headers = {"Authorization": f"Bearer {program().secret}", "Idempotency-Key": "k"}
        answer = app.test_client().post("/api/v1/orders", data=body, headers=headers, content_type=kind)
        assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
        assert "page" not in answer.json["detail"]

    def test_empty_words_of_a_person_are_none(self, program: Make) -> None:
        program().post("/api/v1/orders", basket(buyer={"name": " Ada ", "email": "", "phone": " "}))
        buyer = db.session.scalars(sa.select(OrderContact).where(OrderContact.kind == "buyer")).one()
        assert (buyer.name, buyer.email, buyer.phone) == ("Ada", None, None)


class TestOnce:
    def test_fifty_at_once_are_one_order_and_one_answer(
        self, app: Flask, program: Make, shop: Shop, scope: int
    ) -> None:
        caller, barrier, answers = program(rate=60_000), threading.Barrier(50), []
        body = basket()
        db.session.rollback()

        def send() -> None:
            barrier.wait()
            answer = caller.post("/api/v1/orders", body, key="the-same")
            answers.append((answer.status_code, answer.data, answer.headers.get("Location")))

        threads = [threading.Thread(target=send) for _ in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(answers) == 50
        assert len(set(answers)) == 1, {status for status, _, _ in answers}
        assert answers[0][0] == 201
        assert db.session.scalar(sa.select(sa.func.count(OrderRef.order_id))) == 1
        assert levels([shop.variants["MUG"]]) == {shop.variants["MUG"]: (100, 2)}

    def test_the_key_with_another_body_is_refused(self, program: Make) -> None:
        caller = program()
        assert caller.post("/api/v1/orders", basket(), key="a").status_code == 201
        answer = caller.post("/api/v1/orders", basket(tags=["gift"]), key="a")
        assert answer.status_code == 422
        assert "another request" in answer.json["detail"]

    def test_a_refused_request_leaves_its_key_free(self, program: Make) -> None:
        caller = program()
        wrong = basket(lines=[{"sku": "GONE", "quantity": 1}])
        assert caller.post("/api/v1/orders", wrong, key="b").status_code == 422
        assert caller.post("/api/v1/orders", basket(), key="b").status_code == 201

    def test_a_request_without_a_key_is_refused(self, app: Flask, program: Make) -> None:
        headers = {"Authorization": f"Bearer {program().secret}"}
        answer = app.test_client().post("/api/v1/orders", json=basket(), headers=headers)
        assert answer.status_code == 422
        assert "Idempotency-Key" in answer.text

    def test_two_programs_may_choose_the_same_word(self, program: Make) -> None:
        one, other = program(), program()
        first = one.post("/api/v1/orders", basket(), key="c").json
        assert other.post("/api/v1/orders", basket(), key="c").json["id"] != first["id"]

    def test_old_keys_go(self, program: Make, scope: int) -> None:
        program().post("/api/v1/orders", basket(), key="d")
        kept = db.session.scalars(sa.select(IdempotencyKey)).one()
        assert forget_old_keys() == 0
        assert forget_old_keys(kept.created_at + dt.timedelta(days=366)) == 1


class TestReading:
    def test_it_reads_what_it_placed(self, program: Make) -> None:
        caller = program()
        placed = caller.post("/api/v1/orders", basket()).json
        assert caller.get(f"/api/v1/orders/{placed['id']}").json == placed
        assert caller.get("/api/v1/orders/ord_1").status_code == 404
        assert caller.get("/api/v1/orders/cus_1").status_code == 404

    def test_pages_follow_each_other_without_gap_or_double(self, program: Make) -> None:
        caller = program()
        placed = [caller.post("/api/v1/orders", basket()).json["id"] for _ in range(5)]
        seen, cursor = [], ""
        while True:
            page = caller.get(f"/api/v1/orders?limit=2{cursor}").json
            seen += [order["id"] for order in page["orders"]]
            if page["next_cursor"] is None:
                break
            cursor = f"&cursor={page['next_cursor']}"
        assert seen == placed[::-1]
        assert caller.get("/api/v1/orders?state=closed").json == {"orders": [], "next_cursor": None}
        assert caller.get("/api/v1/orders?limit=1000").status_code == 422

    def test_a_key_of_a_channel_sees_only_its_orders(self, program: Make, scope: int) -> None:
        mine, other = program(), program(channel=open_shop({"CUP": 1}).channel_id)
        everything = program("orders.read", channel=None)
        placed = mine.post("/api/v1/orders", basket(external_id="X")).json["id"]
        assert other.get(f"/api/v1/orders/{placed}").status_code == 404
        assert other.get("/api/v1/orders").json["orders"] == []
        assert [order["id"] for order in everything.get("/api/v1/orders").json["orders"]] == [placed]
        found = everything.get("/api/v1/orders?external_id=X").json["orders"]
        assert [order["id"] for order in found] == [placed]


class TestKeys:
    def test_nobody_comes_in_without_a_key(self, app: Flask, program: Make) -> None:
        answer = app.test_client().get("/api/v1/orders")
        assert (answer.status_code, answer.content_type) == (401, "application/problem+json")
        wrong = program().secret[:-1] + "_"
        headers = {"Authorization": f"Bearer {wrong}"}
        assert app.test_client().get("/api/v1/orders", headers=headers).status_code == 401

    def test_a_session_of_a_person_is_no_key(
        self, login: Callable[..., object], member: Callable[..., object], shop: Shop
    ) -> None:
        assert login(member("owner")).get("/api/v1/orders").status_code == 401  # type: ignore[attr-defined]

    def test_a_key_does_only_what_it_may(self, program: Make) -> None:
        reader = program("orders.read")
        answer = reader.post("/api/v1/orders", basket())
        assert answer.status_code == 403
        assert "orders.write" in answer.json["detail"]
        assert program("orders.write").get("/api/v1/orders").status_code == 403

    def test_a_revoked_key_is_refused_at_once(self, program: Make, scope: int) -> None:
        caller = program()
        assert caller.get("/api/v1/orders").status_code == 200
        revoke_key(db.session.get_one(ApiKey, (scope, caller.key_id)), by=SYSTEM)
        db.session.commit()
        assert caller.get("/api/v1/orders").status_code == 401

    def test_a_key_of_another_merchant_sees_nothing_of_this_one(
        self, app: Flask, program: Make, scope: int
    ) -> None:
        placed = program().post("/api/v1/orders", basket()).json["id"]
        db.session.rollback()
        stranger = make_merchant(app)

        def theirs() -> Program:
            with app.app_context(), merchant_scope(stranger):
                key, secret = create_key(
                    name="Theirs", scopes=["orders.read"], channel_id=None, rate_per_minute=60, by=SYSTEM
                )
                made = Program(app, secret, key.id)
                db.session.commit()
                return made

        import contextvars

        caller = contextvars.Context().run(theirs)
        assert caller.get("/api/v1/orders").json["orders"] == []
        assert caller.get(f"/api/v1/orders/{placed}").status_code == 404

    def test_too_many_requests_are_told_when_to_come_back(self, program: Make) -> None:
        caller = program(rate=3)
        answers = [caller.get("/api/v1/orders") for _ in range(8)]
        refused = [answer for answer in answers if answer.status_code == 429]
        # A minute may begin anew meanwhile.
        assert 2 <= len(refused) <= 5
        assert 1 <= int(refused[0].headers["Retry-After"]) <= 61
        assert refused[0].headers["RateLimit-Limit"] == "3"

    def test_it_notes_when_a_key_was_used_and_keeps_only_its_hash(self, program: Make, scope: int) -> None:
        caller = program()
        caller.get("/api/v1/orders")
        key = db.session.get_one(ApiKey, (scope, caller.key_id))
        assert key.last_used_at is not None
        assert caller.secret.encode() not in key.secret_hash
        assert caller.secret.startswith(key.hint)
        assert len(key.hint) < len(caller.secret) - 30


def test_the_document_says_what_the_api_does(client: Callable[..., object]) -> None:
    document = client.get("/api/v1/openapi.json").json  # type: ignore[attr-defined]
    assert document["openapi"] == "3.1.0"
    assert set(document["paths"]) >= {
        "/api/v1/orders",
        "/api/v1/orders/{order_id}",
        "/api/v1/reservations/{basket}",
        "/api/v1/reservations/{basket}/renewal",
    }
    assert set(document["paths"]["/api/v1/orders"]) >= {"get", "post"}
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"


def test_orders_of_a_foreign_currency_keep_its_worth(program: Make, shop: Shop, scope: int) -> None:
    from portal.orders.models import ExchangeRate

    lines = [{"sku": "MUG", "quantity": 2, "unit_price": "5.00"}]
    caller = program()
    refused = caller.post("/api/v1/orders", basket(currency="EUR", lines=lines))
    assert (refused.status_code, refused.json["field"]) == (422, "currency")
    db.session.add(ExchangeRate(currency="EUR", rate="0.85", valid_from=dt.date(2026, 1, 1)))
    db.session.commit()
    placed = caller.post("/api/v1/orders", basket(currency="EUR", lines=lines))
    assert placed.status_code == 201, placed.text
    order = db.session.scalars(sa.select(Order)).one()
    assert (order.base_currency, str(order.base_rate), str(order.base_total)) == (
        "GBP",
        "0.8500000000",
        "11.8600",
    )
