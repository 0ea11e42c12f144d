"""The gateway over HTTP: ``/v1`` for merchants, ``/checkout`` for buyers, ``/desk`` for whoever steers a test or the demo."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, jsonify, redirect, render_template, request
from flask.typing import ResponseReturnValue

from deploy.gateway.book import Book, Document, RefusedError
from deploy.gateway.cards import CARDS
from deploy.gateway.telling import Teller


@dataclass
class Fault:
    """What happens to the next calls of an act. Kinds: before (refused with 503, nothing done), lost (done, then the
    connection breaks), slow (done, answered after ``seconds``), late (done after ``seconds``, never answered), 429, 401.
    Whoever made the mischief may end such a wait before."""

    act: str
    kind: str
    times: int = 1
    seconds: float = 0.0


@dataclass
class Desk:
    """The book, the teller and the mischief."""

    book: Book
    teller: Teller
    faults: list[Fault] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    waits_are_over: threading.Event = field(default_factory=threading.Event)

    def due(self, act: str) -> Fault | None:
        """The mischief for this call, used up by it."""
        with self.book.lock:
            for fault in self.faults:
                if fault.act in (act, "*"):
                    fault.times -= 1
                    if fault.times <= 0:
                        self.faults.remove(fault)
                    return fault
        return None


def create_gateway(state: Path | None = None) -> Flask:
    """The application; what it knows is kept in *state*."""
    app = Flask("practice-gateway", template_folder=str(Path(__file__).parent / "templates"))
    teller = Teller({})
    book = Book(state, teller.tell)
    teller.accounts = book.data["accounts"]
    teller.start()
    desk = Desk(book, teller)
    app.register_error_handler(RefusedError, _refused)
    _merchant_routes(app, desk)
    _buyer_routes(app, desk)
    _desk_routes(app, desk)
    return app


def _merchant_routes(app: Flask, desk: Desk) -> None:
    book = desk.book

    @app.get("/v1/account")
    def account() -> ResponseReturnValue:
        return _act(desk, "account", lambda key: {"id": key, "name": book.data["accounts"][key]["name"]})

    @app.post("/v1/payments")
    def pay() -> ResponseReturnValue:
        return _act(desk, "authorise", lambda key: _once(book, key, lambda: book.pay(key, _asked(), _key())))

    @app.get("/v1/payments")
    def payments() -> ResponseReturnValue:
        wanted = request.args.get("key")
        return _act(
            desk, "fetch", lambda key: {"payments": [p for p in _own(book, key) if p["key"] == wanted]}
        )

    @app.get("/v1/payments/<name>")
    def payment(name: str) -> ResponseReturnValue:
        return _act(desk, "fetch", lambda key: book.own("payments", key, name))

    @app.post("/v1/payments/<name>/<act>")
    def change(name: str, act: str) -> ResponseReturnValue:
        works: dict[str, Callable[[Document], Document]] = {
            "captures": lambda one: book.capture(one, Decimal(_asked()["amount"]), _key()),
            "void": lambda one: book.void(one, _key()),
            "refunds": lambda one: book.refund(one, Decimal(_asked()["amount"]), _key()),
        }
        if act not in works:
            raise RefusedError(404, "no_such_act")
        return _act(
            desk,
            act.removesuffix("s"),
            lambda key: _once(book, key, lambda: works[act](book.own("payments", key, name))),
        )

    @app.post("/v1/checkouts")
    def open_page() -> ResponseReturnValue:
        base = request.host_url.rstrip("/")
        return _act(
            desk,
            "checkout",
            lambda key: _once(book, key, lambda: book.open_page(key, _asked(), _key(), base)),
        )

    @app.get("/v1/checkouts/<name>")
    def page(name: str) -> ResponseReturnValue:
        return _act(desk, "fetch", lambda key: book.own("checkouts", key, name))

    @app.post("/v1/checkouts/<name>/close")
    def close_page(name: str) -> ResponseReturnValue:
        return _act(desk, "close", lambda key: book.close_page(book.own("checkouts", key, name)))

    @app.get("/v1/disputes/<name>")
    def dispute(name: str) -> ResponseReturnValue:
        return _act(desk, "fetch", lambda key: book.own("disputes", key, name))

    @app.post("/v1/disputes/<name>/evidence")
    def evidence(name: str) -> ResponseReturnValue:
        return _act(
            desk, "evidence",
            lambda key: _once(book, key, lambda: book.answer_dispute(book.own("disputes", key, name), _asked(), _key())),
        )  # fmt: skip

    @app.get("/v1/payouts")
    def payouts() -> ResponseReturnValue:
        since = request.args.get("since", "")
        return _act(
            desk, "fetch",
            lambda key: {"payouts": [p for p in book.data["payouts"].values() if p["account"] == key and p["created_at"] >= since]},
        )  # fmt: skip

    @app.get("/v1/payouts/<name>")
    def payout(name: str) -> ResponseReturnValue:
        return _act(desk, "fetch", lambda key: book.own("payouts", key, name))

    @app.get("/v1/payouts/<name>/lines")
    def payout_lines(name: str) -> ResponseReturnValue:
        return _act(desk, "fetch", lambda key: {"lines": book.own("payouts", key, name)["lines"]})


def _buyer_routes(app: Flask, desk: Desk) -> None:
    book = desk.book

    @app.get("/checkout/<name>")
    def show(name: str) -> ResponseReturnValue:
        page = book.data["checkouts"].get(name)
        if page is None:
            raise RefusedError(404, "no_such_page")
        return render_template("checkout.html", page=page, cards=CARDS.values(), refused=None)

    @app.post("/checkout/<name>")
    def pay_on_page(name: str) -> ResponseReturnValue:
        with book.lock:
            page = book.data["checkouts"].get(name)
            if page is None:
                raise RefusedError(404, "no_such_page")
            try:
                page = book.pay_on_page(page, request.form.get("card", ""))
            except RefusedError as error:
                return render_template(
                    "checkout.html", page=page, cards=CARDS.values(), refused=error.code
                ), error.status
        return redirect(page["return_url"], 303)


def _desk_routes(app: Flask, desk: Desk) -> None:
    book, teller = desk.book, desk.teller

    @app.post("/desk/accounts")
    def put_account() -> ResponseReturnValue:
        asked = _asked()
        with book.lock:
            book.data["accounts"][asked["secret_key"]] = asked
            book.save()
        return jsonify({})

    @app.post("/desk/portal")
    def move_portal() -> ResponseReturnValue:
        """The portal answers at another address today; what was held back is told."""
        with book.lock:
            for each in book.data["accounts"].values():
                if each.get("webhook_url"):
                    each["webhook_url"] = _asked()["url"] + urlsplit(each["webhook_url"]).path
            book.save()
        teller.is_holding = False
        teller.release(shuffle=False, times=1)
        return jsonify({})

    @app.post("/desk/faults")
    def add_fault() -> ResponseReturnValue:
        with book.lock:
            desk.faults.append(Fault(**_asked()))
            desk.waits_are_over.clear()
        return jsonify({})

    @app.post("/desk/faults/end")
    def end_waits() -> ResponseReturnValue:
        desk.waits_are_over.set()
        return jsonify({})

    @app.post("/desk/notices")
    def steer_notices() -> ResponseReturnValue:
        asked = _asked()
        teller.is_holding = bool(asked.get("hold", teller.is_holding))
        teller.times = int(asked.get("times", teller.times))
        sent = 0
        if asked.get("release"):
            sent = teller.release(
                shuffle=bool(asked.get("shuffle")), times=int(asked.get("each", 1)), seed=asked.get("seed")
            )
        return jsonify({"sent": sent})

    @app.get("/desk/state")
    def state() -> ResponseReturnValue:
        with book.lock:
            return jsonify(
                {**book.data, "calls": desk.calls, "delivered": teller.delivered, "is_idle": teller.is_idle(), "held": len(teller.held)}
            )  # fmt: skip

    @app.post("/desk/disputes")
    def add_dispute() -> ResponseReturnValue:
        asked = _asked()
        with book.lock:
            payment = book.data["payments"][asked["payment"]]
            amount = Decimal(asked["amount"]) if asked.get("amount") else None
            return jsonify(book.dispute(payment, asked.get("reason", "fraudulent"), amount))

    @app.post("/desk/disputes/<name>")
    def decide_dispute(name: str) -> ResponseReturnValue:
        with book.lock:
            return jsonify(book.decide_dispute(book.data["disputes"][name], _asked()["state"]))

    @app.post("/desk/refunds")
    def end_refund() -> ResponseReturnValue:
        asked = _asked()
        with book.lock:
            book.end_refund(book.data["payments"][asked["payment"]], asked["refund"], asked["state"])
        return jsonify({})

    @app.post("/desk/payouts")
    def pay_out() -> ResponseReturnValue:
        asked = _asked()
        with book.lock:
            return jsonify(
                book.pay_out(asked["secret_key"], asked.get("currency", "GBP"), asked.get("extra", []))
            )


def _act(desk: Desk, act: str, work: Callable[[str], Any]) -> ResponseReturnValue:
    """Do what a merchant asks, with the mischief that is due."""
    account = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if account not in desk.book.data["accounts"]:
        raise RefusedError(401, "key")
    fault = desk.due(act)
    desk.calls.append(f"{request.method} {request.path}")
    match fault.kind if fault else "":
        case "before":
            return _said(503, "busy")
        case "429" | "401" as status:
            answer = _said(int(status), "refused")
            answer.headers["Retry-After"] = "1"
            return answer
        case "late":
            assert fault is not None
            desk.waits_are_over.wait(fault.seconds)
    with desk.book.lock:
        done = jsonify(work(account))
    match fault.kind if fault else "":
        case "lost" | "late":
            request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        case "slow":
            assert fault is not None
            desk.waits_are_over.wait(fault.seconds)
    return done


def _once(book: Book, account: str, work: Callable[[], Document]) -> Document:
    return book.once(account, _key(), {"path": request.path, **_asked()}, work)


def _own(book: Book, account: str) -> list[Document]:
    return [each for each in book.data["payments"].values() if each["account"] == account]


def _asked() -> Document:
    document = request.get_json(silent=True)
    return document if isinstance(document, dict) else {}


def _key() -> str | None:
    return request.headers.get("Idempotency-Key")


def _refused(error: RefusedError) -> Response:
    return _said(error.status, error.code)


def _said(status: int, code: str) -> Response:
    answer = jsonify({"code": code})
    answer.status_code = status
    return answer
