"""The returns desk: a queue for each state, a page for each return, and the form that begins one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import can, current_actor, requires
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError, NotFoundError
from portal.core.http import render, toast, wants_fragment
from portal.core.once import made_at, sent_once
from portal.orders.changes import services as changes
from portal.orders.changes.adding import Adding, looked_for
from portal.orders.changes.adding import adding as rows_of
from portal.orders.changes.order_now import OrderNow, read_order
from portal.orders.changes.proposal import RefundWish
from portal.orders.changes.queries import stock_effects
from portal.orders.changes.reading import added_lines, amount_of, units_of
from portal.orders.changes.reasons import REASONS, REJECTIONS, reason_words
from portal.orders.documents.settings import document_settings
from portal.orders.guards import require_unchanged
from portal.orders.letters.buyers import addressee_of
from portal.orders.models import Order
from portal.orders.queries import find_order
from portal.orders.returns import queries, services
from portal.orders.returns.exchanging import outlook
from portal.orders.returns.states import KIND_LABELS, LABELS, OPEN
from portal.orders.returns.telling import is_told_as_a_rule
from portal.orders.returns.withdrawal import merchant_zone, right_of
from portal.orders.views.blueprint import place_after, place_before, version_seen
from portal.orders.views.frame import Panel, order_url
from portal.stock.queries import locations

bp = Blueprint("returns", __name__)

FATES: Final = (("sale", "On sale"), ("quarantine", "Keep apart"), ("write_off", "Write off"))


@bp.get("/returns")
@requires("orders.view")
def desk() -> Response:
    state = request.args.get("state", "requested")
    if state not in (*OPEN, "clock"):
        raise NotFoundError("There is no such queue.")
    rows = list(
        queries.clocks(after=place_after()) if state == "clock" else queries.queue(state, after=place_after())
    )
    more = len(rows) > queries.PAGE
    return render(
        "orders/returns/desk.html", state=state, rows=rows[: queries.PAGE], labels=LABELS, kinds=KIND_LABELS,
        counts=queries.queue_counts(), reason_words=reason_words, now=utc_now(),
        next_url=url_for("returns.desk", state=state, after=f"{rows[-2]['order_id']}-{rows[-2]['n']}") if more else None,
    )  # fmt: skip


@bp.get("/returns/worklist")
@requires("orders.view", passive=True)
def worklist() -> Response:
    """The region of home that counts returns by what they wait for."""
    return render("orders/returns/_worklist.html", counts=queries.queue_counts(), labels=LABELS)


@bp.get("/orders/<order_number:number>/returns/new")
@requires("orders.edit")
def new_return(number: str) -> Response:
    return _form(number, {}, None)


@bp.post("/orders/<order_number:number>/returns/items")
@requires("orders.edit")
def find_items(number: str) -> Response:
    """What an exchange may bring: matches of what is looked for, or the rows with the one that was chosen. Nothing is kept."""
    now, typed = _now(find_order(number).order_id), request.values.to_dict()
    shown = looked_for(typed, now.currency)
    if not wants_fragment():
        return _form(number, shown.typed, None, adding=shown)
    return render(
        "orders/changes/_added_items.html", errors={}, currency=now.currency, **_items(number, shown)
    )


@bp.post("/orders/<order_number:number>/returns")
@requires("orders.edit")
@sent_once
def request_return(number: str) -> ResponseReturnValue:
    found, typed = find_order(number), request.form
    if typed.get("find", "").strip():
        # Enter in the search field, as a scanner presses it, sends the form; it is not the form that was meant.
        return find_items(number)
    try:
        require_unchanged(found.order_id, version_seen())
        now = _now(found.order_id)
        kind = typed.get("kind", "")
        wanted = added_lines(now, typed)
        if wanted and kind != "exchange":
            raise DomainError(
                "Only an exchange sends items instead. Choose it, or empty their rows.", field="kind"
            )
        n = services.request_return(
            found.order_id, {line.n: units_of(typed, f"line-{line.n}") or 0 for line in now.lines}, kind=kind,
            reason_code=typed.get("reason_code", ""), note=typed.get("note"), by=current_actor(),
            wanted=wanted, declared_at=_declared(typed),
        )  # fmt: skip
    except DomainError as error:
        db.session.rollback()
        return _form(number, typed, error)
    toast("The return is recorded.")
    return made_at(url_for("returns.order_return", number=number, n=n))


@bp.get("/orders/<order_number:number>/returns/<int(max=2147483647):n>")
@requires("orders.view")
def order_return(number: str, n: int) -> Response:
    return _page(number, n)


@bp.post("/orders/<order_number:number>/returns/<int(max=2147483647):n>/approval")
@requires("orders.edit")
@sent_once
def approve_return(number: str, n: int) -> ResponseReturnValue:
    return _act(
        number,
        n,
        "The goods may come.",
        lambda order_id: services.approve_return(
            order_id, n, tells_buyer=bool(request.form.get("tell")), by=current_actor()
        ),
        form="approve",
    )


@bp.post("/orders/<order_number:number>/returns/<int(max=2147483647):n>/dispatch")
@requires("orders.edit")
@sent_once
def mark_sent_back(number: str, n: int) -> ResponseReturnValue:
    return _act(
        number, n, "The goods are on their way.",
        lambda order_id: services.mark_sent_back(
            order_id, n, tracking_number=request.form.get("tracking_number"), has_proof=bool(request.form.get("proof")),
            by=current_actor(),
        ),
        form="dispatch",
    )  # fmt: skip


@bp.post("/orders/<order_number:number>/returns/<int(max=2147483647):n>/arrival")
@requires("orders.edit")
@sent_once
def receive(number: str, n: int) -> ResponseReturnValue:
    def arrive(order_id: int) -> None:
        lines = queries.return_of(order_id, n).lines
        counts = {row["line_n"]: units_of(request.form, f"line-{row['line_n']}") or 0 for row in lines}
        services.receive(order_id, n, counts, location_id=_location(), by=current_actor())

    return _act(number, n, "The units lie in quarantine until someone inspects them.", arrive, form="arrival")


@bp.post("/orders/<order_number:number>/returns/<int(max=2147483647):n>/inspection")
@requires("orders.edit")
@sent_once
def inspect(number: str, n: int) -> ResponseReturnValue:
    def look(order_id: int) -> None:
        lines = queries.return_of(order_id, n).lines
        fates = {
            row["line_n"]: {fate: units_of(request.form, f"{fate}-{row['line_n']}") or 0 for fate, _ in FATES}
            for row in lines
        }
        services.inspect(order_id, n, fates, by=current_actor())

    return _act(number, n, "The goods are inspected.", look, form="inspection")


@bp.post("/orders/<order_number:number>/returns/<int(max=2147483647):n>/settlement")
@requires("orders.edit", "orders.refund")
@sent_once
def settle_return(number: str, n: int) -> ResponseReturnValue:
    """Begin the change that settles the return; its preview comes next."""
    found, typed = find_order(number), request.form
    try:
        refund = None
        if typed.get("give_back"):
            is_credit = typed.get("destination") == "store_credit"
            refund = RefundWish(destination="store_credit" if is_credit else "payment")
        proposal = services.settlement(
            found.order_id, n, refund=refund, deduction=amount_of(typed, "deduction") or Decimal(0),
            with_delivery=bool(typed.get("delivery")),
        )  # fmt: skip
        reason = queries.return_of(found.order_id, n).head["reason_code"] or "other"
        change_n = changes.begin(found.order_id, proposal, reason_code=reason, by=current_actor())
    except DomainError as error:
        db.session.rollback()
        return _page(number, n, error, refused="settle")
    return made_at(url_for("changes.change", number=number, n=change_n))


@bp.post("/orders/<order_number:number>/returns/<int(max=2147483647):n>/rejection")
@requires("orders.edit")
@sent_once
def reject(number: str, n: int) -> ResponseReturnValue:
    return _act(
        number,
        n,
        "The return is rejected.",
        lambda order_id: services.reject(
            order_id,
            n,
            reason_code=request.form.get("rejection", ""),
            goes_back=bool(request.form.get("goes_back")),
            tells_buyer=bool(request.form.get("tell")),
            message=request.form.get("message"),
            by=current_actor(),
        ),
        form="reject",
    )


def _returns_of(number: str) -> dict[str, Any]:
    page = queries.returns_of(find_order(number).order_id, before=place_before())
    older = page.older and url_for(
        "returns.order_returns", number=number, before=page.older, list=request.args.get("list")
    )
    return {
        "returns": page.rows, "older_url": older, "kinds": KIND_LABELS, "labels": LABELS,
        "reason_words": reason_words, "is_shown": can("orders.edit"), "now": utc_now(),
    }  # fmt: skip


RETURNS: Final = Panel("returns.order_returns", "orders/returns/_returns.html", "Returns", _returns_of)
OLDER: Final = Panel("returns.order_returns", "orders/returns/_returns_page.html", "Returns", _returns_of)


@bp.get("/orders/<order_number:number>/returns")
@requires("orders.view", passive=True)
def order_returns(number: str) -> Response:
    """The returns before a place (``?before=``); the panel with the newest without one."""
    return (RETURNS if place_before() is None else OLDER).show(number)


def _act(number: str, n: int, done: str, work: Callable[[int], Any], *, form: str) -> ResponseReturnValue:
    order_id = find_order(number).order_id
    try:
        services.require_as_seen(order_id, n, version_seen())
        work(order_id)
    except DomainError as error:
        db.session.rollback()
        if error.status == 404:
            raise
        return _page(number, n, error, refused=form)
    toast(done)
    return made_at(url_for("returns.order_return", number=number, n=n))


def _items(number: str, shown: Adding) -> dict[str, Any]:
    words = {
        "title": "For an exchange: what is sent instead",
        "sub": "Promised as soon as the exchange is approved. Leave it empty for a return. Without a price the catalogue's is taken.",
        "act": "to send instead",
    }  # fmt: skip
    return {"adding": shown, "find_url": url_for("returns.find_items", number=number), "item_words": words}


def _form(
    number: str, typed: Mapping[str, str], error: DomainError | None, *, adding: Adding | None = None
) -> Response:
    order_id = find_order(number).order_id
    now = _now(order_id)
    return render(
        "orders/returns/new_return.html", number=number, now=now, typed=typed, error=error, possible=services.returnable(order_id, now),
        right=right_of(order_id), kinds=list(KIND_LABELS.items()), reasons=list(REASONS["return"].items()),
        **_items(number, adding or rows_of(typed, now.currency)), currency=now.currency, today=utc_now().astimezone(merchant_zone()).date().isoformat(),
        status=error.status if error else 200,
    )  # fmt: skip


def _page(number: str, n: int, error: DomainError | None = None, *, refused: str | None = None) -> Response:
    """The page of a return; *refused* is which of its forms was, so that it stands there as it was typed."""
    order_id = find_order(number).order_id
    found, addressee = queries.return_of(order_id, n), addressee_of(order_id)
    now = _now(order_id)
    whole = all(
        next((row["quantity"] for row in found.lines if row["line_n"] == line.n), 0) >= line.paid_units
        for line in now.lines if line.quantity > 0
    )  # fmt: skip
    return render(
        "orders/returns/return.html", number=number, found=found, head=found.head, lines=found.lines, now=now, error=error, refused=refused,
        labels=LABELS, kinds=KIND_LABELS, reason=reason_words("return", found.head["reason_code"]), fates=FATES,
        may_settle=services.may_settle(found.head) and found.head["settled_n"] is None, is_whole=whole,
        locations=[place for place in locations() if place.is_active], typed=request.form, moment=utc_now(),
        order_url=order_url(number), status=error.status if error else 200, rejections=REJECTIONS,
        rejection=queries.rejection_of(order_id, n) if found.head["state"] == "rejected" else None,
        to=addressee, is_told=is_told_as_a_rule(addressee),
        has_address=bool(document_settings().line1), **_approval(now, found),
    )  # fmt: skip


def _approval(now: OrderNow, found: queries.WholeReturn) -> dict[str, Any]:
    """What approving an exchange comes to, as the preview of a change shows it."""
    waits = found.head["kind"] == "exchange" and found.head["state"] == "requested"
    ahead = outlook(now, found.head, found.lines) if waits else None
    plan = ahead.approval if ahead else None
    return {
        "waits": waits, "plan": plan, "stock": stock_effects(plan) if plan else [], "by_hand": Decimal(0), "problem": None,
        "in_the_end": ahead.in_the_end if ahead else Decimal(0),
    }  # fmt: skip


def _now(order_id: int) -> OrderNow:
    table = Order.__table__
    head = db.session.execute(
        sa.select(table).where(table.c.merchant_id == current_merchant_id(), table.c.id == order_id)
    ).mappings().one_or_none()  # fmt: skip
    if head is None:
        raise NotFoundError("This order is in the archive.")
    return read_order(head)


def _declared(typed: Mapping[str, str]) -> dt.datetime | None:
    text = (typed.get("declared_on") or "").strip()
    if typed.get("kind") != "withdrawal" or not text:
        return None
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise DomainError("Enter a day, for example 2026-11-21.", field="declared_on") from None
    zone, now = merchant_zone(), utc_now()
    return now if day == now.astimezone(zone).date() else dt.datetime.combine(day, dt.time(12), zone)


def _location() -> int | None:
    chosen = units_of(request.form, "location_id")
    if chosen is not None and chosen not in {place.id for place in locations() if place.is_active}:
        raise DomainError("Choose a location that is in use.", field="location_id")
    return chosen
