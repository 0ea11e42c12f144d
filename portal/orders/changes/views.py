"""The screens of changes: a form for each kind, the preview, confirming and dropping, and what waits for a second person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import can, current_actor, current_identity, requires
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError, ForbiddenError, NotFoundError
from portal.core.http import render, see_other, toast, wants_fragment
from portal.core.listing import show_list
from portal.core.once import made_at, sent_once
from portal.orders.changes import limits, queries, services
from portal.orders.changes.adding import Adding, looked_for
from portal.orders.changes.adding import adding as rows_of
from portal.orders.changes.listings import OWED
from portal.orders.changes.order_now import OrderNow, read_order
from portal.orders.changes.plan import Plan, plan_change
from portal.orders.changes.proposal import Proposal
from portal.orders.changes.reading import read_proposal
from portal.orders.changes.reasons import KIND_WORDS, REASONS, reason_words
from portal.orders.changes.words import money_back, paid_by_hand
from portal.orders.models import Order
from portal.orders.queries import find_order
from portal.orders.store_credit.services import balance_of
from portal.orders.views.blueprint import place_after, place_before, version_seen
from portal.orders.views.frame import Panel, order_url

bp = Blueprint("changes", __name__)

TITLES: Final = {
    "edit": "Edit the order",
    "cancel": "Cancel items",
    "refund": "Refund",
    "claim": "Lost or damaged",
    "goodwill": "Goodwill",
}
GIVES_MONEY: Final = {"refund", "claim", "goodwill"}


@bp.get("/orders/<order_number:number>/changes/new")
@requires("orders.edit")
def new_change(number: str) -> Response:
    return _form(number, _kind(), {}, None)


@bp.get("/orders/<order_number:number>/edit")
@requires("orders.edit")
def edit_order(number: str) -> Response:
    return _form(number, "edit", {}, None)


@bp.get("/orders/<order_number:number>/cancellation/new")
@requires("orders.edit")
def cancel_items(number: str) -> Response:
    return _form(number, "cancel", {}, None)


@bp.get("/orders/<order_number:number>/refund/new")
@requires("orders.edit", "orders.refund")
def refund_order(number: str) -> Response:
    return _form(number, "refund", {}, None)


@bp.get("/orders/<order_number:number>/claim/new")
@requires("orders.edit", "orders.refund")
def claim_items(number: str) -> Response:
    return _form(number, "claim", {}, None)


@bp.get("/orders/<order_number:number>/goodwill/new")
@requires("orders.edit", "orders.refund")
def give_goodwill(number: str) -> Response:
    return _form(number, "goodwill", {}, None)


@bp.post("/orders/<order_number:number>/changes/sketch")
@requires("orders.edit", passive=True)
def sketch(number: str) -> Response:
    """What the form as it is typed would come to; nothing is kept."""
    now, plan, problem = _now(number), None, None
    try:
        plan = plan_change(now, _read(now, _kind()))
    except DomainError as error:
        problem = error.message
    return render(
        "orders/changes/_sketch.html",
        now=now,
        problem=problem,
        live_url=url_for("changes.sketch", number=number),
        **_effects(plan),
    )


@bp.post("/orders/<order_number:number>/changes/items")
@requires("orders.edit")
def find_items(number: str) -> Response:
    """Items to add to an edit: matches of what is looked for, or the rows with the one that was chosen. Nothing is kept."""
    now, typed = _now(number), request.values.to_dict()
    shown = looked_for(typed, now.currency)
    if not wants_fragment():
        return _form(number, "edit", shown.typed, None, adding=shown)
    answer = render(
        "orders/changes/_added_items.html", errors={}, currency=now.currency, **_items(number, shown)
    )
    if not typed.get("only_look"):
        answer.headers["HX-Trigger"] = "items-changed"
    return answer


@bp.post("/orders/<order_number:number>/changes")
@requires("orders.edit")
@sent_once
def begin_change(number: str) -> ResponseReturnValue:
    found, kind = find_order(number), _kind()
    if kind == "edit" and request.form.get("find", "").strip():
        # Enter in the search field, as a scanner presses it, sends the form; it is not the form that was meant.
        return find_items(number)
    try:
        proposal = _read(_now(number), kind)
        n = services.begin(
            found.order_id, proposal, reason_code=request.form.get("reason_code", ""), note=request.form.get("note"),
            by=current_actor(),
        )  # fmt: skip
    except DomainError as error:
        db.session.rollback()
        return _form(number, kind, request.form, error)
    return made_at(url_for("changes.change", number=number, n=n, list=request.args.get("list")))


@bp.get("/orders/<order_number:number>/changes/<int(max=2147483647):n>")
@requires("orders.view")
def change(number: str, n: int) -> Response:
    return _preview(number, n)


@bp.post("/orders/<order_number:number>/changes/<int(max=2147483647):n>/confirmation")
@requires("orders.edit")
def confirm_change(number: str, n: int) -> ResponseReturnValue:
    return _decide(number, n, "confirm")


@bp.post("/orders/<order_number:number>/changes/<int(max=2147483647):n>/approval")
@requires("orders.refund")
def approve_change(number: str, n: int) -> ResponseReturnValue:
    return _decide(number, n, "approve")


@bp.post("/orders/<order_number:number>/changes/<int(max=2147483647):n>/refusal")
@requires("orders.refund")
def refuse_change(number: str, n: int) -> ResponseReturnValue:
    found = find_order(number)
    try:
        services.refuse(found.order_id, n, by=current_actor())
    except DomainError as error:
        db.session.rollback()
        return _preview(number, n, problem=error)
    db.session.commit()
    toast("The refund is not given. The order stays as it was.")
    return see_other(order_url(number))


@bp.post("/orders/<order_number:number>/changes/<int(max=2147483647):n>/drop")
@requires("orders.edit")
def drop_change(number: str, n: int) -> ResponseReturnValue:
    services.drop(find_order(number).order_id, n, by=current_actor())
    db.session.commit()
    toast("Nothing was changed.", "info")
    return see_other(order_url(number))


@bp.get("/refunds/waiting")
@requires("orders.refund")
def waiting() -> Response:
    rows = queries.waiting_changes(after=place_after())
    more, rows = len(rows) > queries.PAGE, rows[: queries.PAGE]
    return render(
        "orders/changes/waiting.html", rows=rows, names=queries.names_of(rows), reason_words=reason_words, kinds=KIND_WORDS,
        me=current_identity().actor.id,
        next_url=url_for("changes.waiting", after=f"{rows[-1]['order_id']}-{rows[-1]['n']}") if more else None,
    )  # fmt: skip


@bp.get("/refunds/owed")
@requires("orders.refund")
def owed() -> ResponseReturnValue:
    return show_list(OWED, "orders/changes/owed.html")


@bp.get("/refunds/worklist")
@requires("orders.refund", passive=True)
def worklist() -> Response:
    """The region of home that counts refunds that wait, and orders whose buyers are owed money nobody has asked for."""
    return render("orders/changes/_worklist.html", waiting=queries.waiting_count(), owed=queries.owed_count())


def _changes_of(number: str) -> dict[str, Any]:
    now, waiting = _now(number), queries.waiting_of(find_order(number).order_id)
    held = balance_of(now.customer_id, now.currency) if now.customer_id else Decimal(0)
    return {
        "now": now, "credit_to_use": min(held, max(-now.credit, Decimal(0))), "waiting": waiting, **_page_of(number, waiting)
    }  # fmt: skip


def _older_of(number: str) -> dict[str, Any]:
    return {"now": _now(number), **_page_of(number)}


def _page_of(number: str, waiting: Sequence[sa.RowMapping] = ()) -> dict[str, Any]:
    before = place_before()
    found = queries.changes_of(find_order(number).order_id, before=before)
    older = found.older and url_for(
        "changes.changes", number=number, before=found.older, list=request.args.get("list")
    )
    return {
        "changes": found.rows, "is_older": before is not None, "older_url": older, "names": queries.names_of([*found.rows, *waiting]), "kinds": KIND_WORDS,
        "reason_words": reason_words,
    }  # fmt: skip


CHANGES: Final = Panel("changes.changes", "orders/changes/_changes.html", "Changes", _changes_of)
OLDER: Final = Panel("changes.changes", "orders/changes/_changes_page.html", "Changes", _older_of)


@bp.get("/orders/<order_number:number>/changes")
@requires("orders.view", passive=True)
def changes(number: str) -> Response:
    """What changed before a place (``?before=``); the panel with the newest without one."""
    return (CHANGES if place_before() is None else OLDER).show(number)


def _decide(number: str, n: int, act: str) -> ResponseReturnValue:
    found, by = find_order(number), current_actor()
    try:
        _require_right(services.preview(found.order_id, n))
        work = services.confirm if act == "confirm" else services.approve
        outcome = work(found.order_id, n, version=version_seen(), by=by)
    except DomainError as error:
        db.session.rollback()
        return _preview(number, n, problem=error)
    db.session.commit()
    _say(outcome)
    return see_other(order_url(number))


def _say(outcome: services.Outcome) -> None:
    if outcome.state == "already":
        toast("This change was made already, so nothing was done twice.", "info")
    elif outcome.state == "waiting":
        toast(
            "A second person must agree to this refund. It waits for them; nothing was changed yet.",
            "warning",
        )
    else:
        toast("The order is changed.")


def _require_right(shown: services.Preview) -> None:
    if shown.plan is not None and shown.plan.refund is not None and not can("orders.refund"):
        raise ForbiddenError(
            "Your role may change orders, but not give money back. Leave the refund to someone who may."
        )


def _kind() -> str:
    kind = request.values.get("kind", "edit")
    if kind not in TITLES:
        raise NotFoundError("There is no such kind of change.")
    if kind in GIVES_MONEY and not can("orders.refund"):
        raise ForbiddenError("Your role may not give money back.")
    return kind


def _read(now: OrderNow, kind: str) -> Proposal:
    proposal = read_proposal(kind, now, request.form)
    if proposal.refund is not None and not can("orders.refund"):
        raise ForbiddenError("Your role may not give money back.", field="give_back")
    return proposal


def _now(number: str) -> OrderNow:
    order_id, table = find_order(number).order_id, Order.__table__
    head = db.session.execute(
        sa.select(table).where(table.c.merchant_id == current_merchant_id(), table.c.id == order_id)
    ).mappings().one_or_none()  # fmt: skip
    if head is None:
        raise NotFoundError("This order is in the archive.")
    return read_order(head)


def _items(number: str, shown: Adding) -> dict[str, Any]:
    words = {"title": "Add items", "sub": "Without a price the catalogue's is taken.", "act": "to add"}
    return {"adding": shown, "find_url": url_for("changes.find_items", number=number), "item_words": words}


def _form(
    number: str,
    kind: str,
    typed: Mapping[str, str],
    error: DomainError | None,
    *,
    adding: Adding | None = None,
) -> Response:
    now, plan = _now(number), None
    if typed:
        try:
            plan = plan_change(now, _read(now, kind))
        except DomainError:
            plan = None
    return render(
        "orders/changes/new_change.html", number=number, now=now, kind=kind, title=TITLES[kind], typed=typed,
        plain=lambda value: _plain(value, now.decimals), reasons=list(REASONS[kind].items()), error=error, problem=None,
        status=error.status if error else 200, allowance=limits.allowance_of(current_actor()),
        asked=queries.asked_of([now.order_id]).get(now.order_id), **_effects(plan),
        **(_items(number, adding or rows_of(typed, now.currency)) if kind == "edit" else {}),
    )  # fmt: skip


def _preview(number: str, n: int, *, problem: DomainError | None = None) -> Response:
    order_id = find_order(number).order_id
    shown = services.preview(order_id, n)
    record = queries.record_of(order_id, n)
    draft, told = shown.draft, problem or shown.problem
    is_done = draft["state"] in {"confirmed", "dropped", "refused"}
    status = problem.status if problem else 200
    return render(
        "orders/changes/change.html", number=number, draft=draft, now=shown.now, is_done=is_done, status=status,
        problem=told.message if told and not (is_done and problem is None) else None,
        title=KIND_WORDS[draft["kind"]], reason=reason_words(draft["kind"], draft["reason_code"]),
        is_own=draft["actor_kind"] == "user" and draft["actor_id"] == current_actor().id,
        record=record, names=queries.names_of([draft, record.change] if record else [draft]), will_wait=_will_wait(shown.plan), **_effects(None if is_done else shown.plan),
    )  # fmt: skip


def _will_wait(plan: Plan | None) -> bool:
    return plan is not None and not limits.allowance_of(current_actor()).covers(plan.given_in_base)


def _effects(plan: Plan | None) -> dict[str, Any]:
    if plan is None:
        return {"plan": None, "stock": [], "ways_back": [], "by_hand": Decimal(0)}
    return {
        "plan": plan, "stock": queries.stock_effects(plan), "ways_back": money_back(plan), "by_hand": paid_by_hand(plan),
    }  # fmt: skip


def _plain(value: Decimal, decimals: int) -> str:
    """An amount as a field holds it: with the currency's decimals, and more only where the price has more."""
    short = round(value, decimals)
    return f"{short if short == value else value.normalize():f}"
