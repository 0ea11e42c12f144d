"""A small shop that speaks the WooCommerce REST API v3, for tests: honest data, dishonest network.

The documents begin as copies of those in WooCommerce's own API description. What the shop keeps (`Shop`) is the
truth a sync is measured against; `Shop.fail_next` and the `is_...` switches spoil the way there.
"""

from __future__ import annotations

import base64
import copy
import datetime as dt
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from flask import Flask, Response, jsonify, request
from flask.testing import FlaskClient
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from portal.channels.outbound import Answer, NoAnswerError, Outbound
from tests.support.waiting import SECONDS

START = dt.datetime(2026, 11, 2, 9, 0, tzinfo=dt.UTC)


@dataclass
class Fault:
    """What happens to the next calls whose path holds `path`."""

    kind: str
    path: str
    times: int
    after: int = 0


@dataclass
class Shop:
    """The truth. Amounts are texts without tax, as WooCommerce keeps them."""

    key: str = "ck_1234567890abcdef"
    secret: str = "cs_1234567890abcdef"
    currency: str = "GBP"
    may_write: bool = True
    now: dt.datetime = START
    products: dict[int, dict[str, Any]] = field(default_factory=dict)
    variations: dict[int, dict[int, dict[str, Any]]] = field(default_factory=dict)
    orders: dict[int, dict[str, Any]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    writes: list[dict[str, Any]] = field(default_factory=list)
    held_back: list[Callable[[], None]] = field(default_factory=list)
    hidden_orders: set[int] = field(default_factory=set)
    poison: set[int] = field(default_factory=set)
    is_shuffling: bool = False
    is_doubling: bool = False
    largest_page: int = 100
    seed: random.Random = field(default_factory=lambda: random.Random(1))
    lock: threading.RLock = field(default_factory=threading.RLock)
    given_up: threading.Event = field(default_factory=threading.Event)
    _next_id: int = 100

    def tick(self, seconds: int = 1) -> dt.datetime:
        """Let time pass in the shop."""
        self.now += dt.timedelta(seconds=seconds)
        return self.now

    def fail_next(self, kind: str, path: str = "", times: int = 1, after: int = 0) -> None:
        """Kinds: 401 403 404 429 500 502 503, slow (done once its client has `given_up`), lost (done, no answer), late (done
        at `settle`), broken (no JSON), cut (half an answer), redirect."""
        self.given_up.clear()
        self.faults.append(Fault(kind, path, times, after))

    @property
    def answer_seconds(self) -> float:
        """For how long to wait for this shop: a moment where an answer will not come, else for as long as it takes."""
        return 2.0 if any(fault.kind == "slow" for fault in self.faults) else SECONDS

    def settle(self) -> None:
        """Requests that were under way when their client gave up arrive now."""
        held, self.held_back = self.held_back, []
        for effect in held:
            effect()

    def add_product(self, sku: str, *, name: str = "", stock: int | None = None, price: str = "") -> int:
        """A simple product."""
        product_id = self._id()
        self.products[product_id] = _product(
            product_id, "simple", sku, name or f"Article {sku}", stock, price
        )
        return product_id

    def add_variable(self, name: str, skus: list[str], price: str = "") -> tuple[int, list[int]]:
        """A product whose variations are on sale."""
        product_id = self._id()
        self.products[product_id] = _product(product_id, "variable", "", name, None, "")
        own: dict[int, dict[str, Any]] = {}
        for sku in skus:
            variation_id = self._id()
            own[variation_id] = _product(variation_id, "variation", sku, "", None, price) | {
                "attributes": [{"id": 6, "name": "Colour", "option": sku}]
            }
        self.variations[product_id] = own
        self.products[product_id]["variations"] = list(own)
        return product_id, list(own)

    def add_order(
        self, lines: list[tuple[str, int, str]], *, status: str = "processing", **changes: Any
    ) -> int:
        """An order of (SKU, quantity, price each); a SKU the shop does not sell becomes a line without a product."""
        order_id = self._id()
        rows = [self._line(n, *line) for n, line in enumerate(lines, 1)]
        shipping = Decimal(str(changes.pop("shipping_price", "0")))
        total = (
            sum((Decimal(row["total"]) + Decimal(row["total_tax"]) for row in rows), Decimal(0)) + shipping
        )
        at = _text(self.now)
        document = _order(order_id, status, self.currency, at)
        document |= {
            "line_items": rows,
            "total": f"{total:.2f}",
            "shipping_total": f"{shipping:.2f}",
            "total_tax": f"{sum(Decimal(row['total_tax']) for row in rows):.2f}",
            "date_paid_gmt": at if status in ("processing", "completed") else None,
            "shipping_lines": [
                {
                    "id": order_id * 10,
                    "method_title": "Flat rate",
                    "method_id": "flat_rate",
                    "total": f"{shipping:.2f}",
                    "total_tax": "0.00",
                    "taxes": [],
                    "meta_data": [],
                }
            ]
            if shipping
            else [],
        }
        document |= changes
        self.orders[order_id] = document
        return order_id

    def change_order(self, order_id: int, **changes: Any) -> None:
        """What a person in the shop does to an order; its version moves."""
        with self.lock:
            self.orders[order_id] |= {**changes, "date_modified_gmt": _text(self.now)}
            if self.orders[order_id]["status"] in ("processing", "completed"):
                self.orders[order_id]["date_paid_gmt"] = self.orders[order_id]["date_paid_gmt"] or _text(
                    self.now
                )

    def refund_order(self, order_id: int, amount: str, *, status: str | None = None) -> None:
        """Money given back in the shop."""
        refunds = [*self.orders[order_id]["refunds"], {"id": self._id(), "reason": "", "total": f"-{amount}"}]
        self.change_order(order_id, refunds=refunds, status=status or self.orders[order_id]["status"])

    def shown(self, sku: str) -> tuple[int | None, str]:
        """Stock and price the shop shows for a SKU."""
        row = self._by_sku(sku)
        assert row is not None
        return row["stock_quantity"], row["regular_price"]

    def _by_sku(self, sku: str) -> dict[str, Any] | None:
        rows = [*self.products.values(), *(v for own in self.variations.values() for v in own.values())]
        return next((row for row in rows if row["sku"] == sku), None)

    def _line(self, n: int, sku: str, quantity: int, price: str) -> dict[str, Any]:
        row = self._by_sku(sku) or {"id": 0, "type": "simple", "name": f"Unknown {sku}"}
        parent = next((p for p, own in self.variations.items() if row["id"] in own), 0)
        total = Decimal(price) * quantity
        return {
            "id": self._id(),
            "name": row["name"] or sku,
            "product_id": parent or row["id"],
            "variation_id": row["id"] if parent else 0,
            "quantity": quantity,
            "tax_class": "",
            "subtotal": f"{total:.2f}",
            "subtotal_tax": "0.00",
            "total": f"{total:.2f}",
            "total_tax": "0.00",
            "taxes": [],
            "meta_data": [],
            "sku": sku,
            "price": float(price),
        }

    def _id(self) -> int:
        self._next_id += 1
        return self._next_id


def create_shop_app(shop: Shop) -> Flask:
    """The shop as a WSGI application."""
    app = Flask("woocommerce-shop")
    app.testing = True
    api = "/wp-json/wc/v3"

    @app.before_request
    def _spoil() -> Response | None:
        shop.calls.append((request.method, request.path.removeprefix(api)))
        if (refused := _refused(shop)) is not None:
            return refused
        return _fault(shop, _due(shop, request.path))

    @app.get(f"{api}/products")
    def _products() -> Response:
        with shop.lock:
            return _page(shop, _included(list(shop.products.values())))

    @app.get(f"{api}/products/<int:product_id>/variations")
    def _variations(product_id: int) -> Response:
        if product_id not in shop.products:
            return _error("woocommerce_rest_product_invalid_id", 404)
        with shop.lock:
            return _page(shop, _included(list(shop.variations.get(product_id, {}).values())))

    @app.post(f"{api}/products/batch")
    def _batch() -> Response:
        return _write(shop, shop.products, "woocommerce_rest_product_invalid_id")

    @app.post(f"{api}/products/<int:product_id>/variations/batch")
    def _variation_batch(product_id: int) -> Response:
        own = shop.variations.get(product_id)
        if own is None:
            return _error("woocommerce_rest_product_invalid_id", 404)
        return _write(shop, own, "woocommerce_rest_product_variation_invalid_id")

    @app.get(f"{api}/orders")
    def _orders() -> Response:
        with shop.lock:
            rows = [copy.deepcopy(o) for i, o in shop.orders.items() if i not in shop.hidden_orders]
        if after := request.args.get("modified_after"):
            rows = [row for row in rows if row["date_modified_gmt"] > after]
        rows.sort(key=lambda row: (row["date_modified_gmt"], row["id"]))
        return _page(shop, rows)

    @app.get(f"{api}/orders/<int:order_id>")
    def _one_order(order_id: int) -> Response:
        with shop.lock:
            order = copy.deepcopy(shop.orders.get(order_id))
        return jsonify(order) if order else _error("woocommerce_rest_shop_order_invalid_id", 404)

    @app.errorhandler(404)
    def _no_route(_error_: Exception) -> Response:
        return _error("rest_no_route", 404)

    return app


@contextmanager
def serve(shop: Shop) -> Iterator[str]:
    """Run the shop on a free port; gives its address."""
    server = ThreadedWSGIServer("127.0.0.1", 0, create_shop_app(shop), handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        shop.given_up.set()
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


@dataclass(frozen=True)
class ShopCalls(Outbound):
    """Calls to the shop without a network between, for tests of many thousand calls."""

    client: FlaskClient | None = None

    @classmethod
    def to(cls, shop: Shop) -> ShopCalls:
        return cls(client=create_shop_app(shop).test_client())

    def call(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """The same answers, and the same ways of getting none."""
        assert self.client is not None
        place = url.partition("/wp-json")[2]
        try:
            got = self.client.open(f"/wp-json{place}", method=method, headers=dict(headers or {}), data=body)
        except LostAnswerError as error:
            raise NoAnswerError("The connection broke before the answer was complete.") from error
        if int(got.headers.get("Content-Length", len(got.data))) > len(got.data):
            raise NoAnswerError("The answer of the shop broke off.")
        return Answer(got.status_code, {k.lower(): v for k, v in got.headers.items()}, got.data)


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        return


class LostAnswerError(ConnectionError):
    """What was asked is done, and the answer does not arrive."""


def _due(shop: Shop, path: str) -> str | None:
    with shop.lock:
        for fault in shop.faults:
            if fault.path in path:
                if fault.after > 0:
                    fault.after -= 1
                    continue
                fault.times -= 1
                if fault.times <= 0:
                    shop.faults.remove(fault)
                return fault.kind
    return None


def _fault(shop: Shop, kind: str | None) -> Response | None:
    request.environ["shop.fault"] = kind
    match kind:
        case None | "lost" | "late" | "cut":
            return None
        case "slow":
            shop.given_up.wait(SECONDS)
            return None
        case "broken":
            return Response("<html>Briefly unavailable for scheduled maintenance.</html>", 200)
        case "redirect":
            return Response("", 301, {"Location": "http://127.0.0.1:1/elsewhere"})
        case "429":
            return _error("too_many_requests", 429, {"Retry-After": "7"})
        case _:
            return _error("internal_server_error", int(kind))


def _refused(shop: Shop) -> Response | None:
    expected = base64.b64encode(f"{shop.key}:{shop.secret}".encode()).decode()
    if request.headers.get("Authorization") != f"Basic {expected}":
        return _error("woocommerce_rest_cannot_view", 401)
    if request.method != "GET" and not shop.may_write:
        return _error("woocommerce_rest_cannot_batch", 403)
    return None


def _write(shop: Shop, rows: dict[int, dict[str, Any]], unknown: str) -> Response:
    wanted = (request.get_json() or {}).get("update", [])
    if any(row.get("id") in shop.poison for row in wanted):
        return _error("internal_server_error", 500)

    def apply() -> list[dict[str, Any]]:
        with shop.lock:
            return [_write_row(shop, rows, row, unknown) for row in wanted]

    if request.environ["shop.fault"] == "late":
        shop.held_back.append(lambda: None if apply() else None)
        return _lose()
    answer = {"update": apply()} if wanted else {}
    if request.environ["shop.fault"] == "lost":
        return _lose()
    if request.environ["shop.fault"] == "cut":
        return Response('{"update": [', 200, {"Content-Length": "4000"})
    return jsonify(answer)


def _write_row(
    shop: Shop, rows: dict[int, dict[str, Any]], row: dict[str, Any], unknown: str
) -> dict[str, Any]:
    known = rows.get(row["id"])
    if known is None:
        return {
            "id": row["id"],
            "error": {"code": unknown, "message": "Invalid ID.", "data": {"status": 400}},
        }
    for name in ("manage_stock", "stock_quantity", "regular_price"):
        if name in row:
            known[name] = row[name]
    shop.writes.append(dict(row))
    return copy.deepcopy(known)


def _lose() -> Response:
    """Close the connection without a word, as a server does that dies after its work."""
    if "werkzeug.socket" not in request.environ:
        raise LostAnswerError
    request.environ["werkzeug.socket"].close()
    return Response(b"")


def _included(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if include := request.args.get("include"):
        wanted = {int(part) for part in include.split(",")}
        rows = [row for row in rows if row["id"] in wanted]
    return sorted((copy.deepcopy(row) for row in rows), key=lambda row: row["id"])


def _page(shop: Shop, rows: list[dict[str, Any]]) -> Response:
    size = min(int(request.args.get("per_page", 10)), shop.largest_page)
    page = int(request.args.get("page", 1))
    shown = rows[(page - 1) * size : page * size]
    if fields := request.args.get("_fields"):
        shown = [{name: row[name] for name in fields.split(",") if name in row} for row in shown]
    if shop.is_doubling:
        shown = [row for row in shown for _ in range(2)]
    if shop.is_shuffling:
        shop.seed.shuffle(shown)
    answer = jsonify(shown)
    answer.headers["X-WP-Total"] = str(len(rows))
    answer.headers["X-WP-TotalPages"] = str(-(-len(rows) // size))
    return answer


def _error(code: str, status: int, headers: dict[str, str] | None = None) -> Response:
    answer = jsonify({"code": code, "message": "Something of no concern.", "data": {"status": status}})
    answer.status_code = status
    answer.headers.update(headers or {})
    return answer


def _text(at: dt.datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}"


def _product(key: int, kind: str, sku: str, name: str, stock: int | None, price: str) -> dict[str, Any]:
    return {
        "id": key,
        "type": kind,
        "sku": sku,
        "name": name,
        "manage_stock": stock is not None,
        "stock_quantity": stock,
        "regular_price": price,
        "sale_price": "",
        "status": "publish",
        "variations": [],
        "attributes": [],
    }


def _order(key: int, status: str, currency: str, at: str) -> dict[str, Any]:
    person = {
        "first_name": "Joan",
        "last_name": "Doe",
        "company": "",
        "address_1": "9 Market Street",
        "address_2": "",
        "city": "Leeds",
        "state": "",
        "postcode": "LS1 4DT",
        "country": "GB",
    }
    return {
        "id": key,
        "parent_id": 0,
        "number": str(key),
        "status": status,
        "currency": currency,
        "date_created_gmt": at,
        "date_modified_gmt": at,
        "discount_total": "0.00",
        "shipping_total": "0.00",
        "total": "0.00",
        "total_tax": "0.00",
        "prices_include_tax": False,
        "customer_id": 0,
        "customer_note": "",
        "billing": {**person, "email": f"joan.{key}@example.com", "phone": "0113 496 0000"},
        "shipping": person,
        "payment_method": "bacs",
        "payment_method_title": "Bank transfer",
        "transaction_id": "",
        "date_paid_gmt": None,
        "date_completed_gmt": None,
        "line_items": [],
        "tax_lines": [],
        "shipping_lines": [],
        "fee_lines": [],
        "coupon_lines": [],
        "refunds": [],
    }
