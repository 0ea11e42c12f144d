"""The orders' screens. An opened order is a case: roles that serve customers see the person, and the look is logged."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from portal.accounts.access import can, current_actor, requires
from portal.core import reveal
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import render, see_other, toast
from portal.core.jobs import enqueue
from portal.core.listing import neighbours, selection_of, show_list
from portal.core.masking import mask
from portal.orders import services
from portal.orders.forms import HoldForm, NoteForm, PaymentForm, RevealForm, ShipForm, TagForm
from portal.orders.listings import ORDERS
from portal.orders.queries import WholeOrder, find_order, orders_of_customer, waiting_counts, whole_order
from portal.orders.timeline import entries_of

bp = Blueprint("orders", __name__)

LINE_FIELD = re.compile(r"line-[0-9]{1,9}")
WHOLE_UNITS = re.compile(r"[0-9]{1,9}")
FEW = 6
CATEGORIES = {
    "name": "name", "company": "name", "line1": "address", "line2": "address", "postcode": "postcode", "city": "address",
    "region": "address", "email": "email", "phone": "phone", "vat_id": "identifier",
}  # fmt: skip


@bp.get("/orders")
@requires("orders.view")
def orders() -> ResponseReturnValue:
    return show_list(ORDERS, "orders/orders.html")


@bp.get("/orders/<order_number:number>")
@requires("orders.view")
def order(number: str) -> Response:
    found = find_order(number)
    is_shown = can("orders.edit")
    if is_shown and found.subject_id:
        reveal.log_view(
            current_actor(), [found.subject_id], case=("order", found.order_id), fields=tuple(CATEGORIES)
        )
    return _page(number, is_shown=is_shown)


@bp.post("/orders/<order_number:number>/reveal")
@requires("orders.view", "customers.reveal")
def reveal_buyer(number: str) -> Response:
    found, form = find_order(number), RevealForm()
    try:
        if not found.subject_id:
            raise DomainError("No person stands behind this order any more, so nobody can be shown.")
        reveal.reveal(
            current_actor(), found.subject_id, reason=form.reason.data or "", fields=tuple(CATEGORIES)
        )
    except DomainError as error:
        form.reason.errors = [error.message]
        return _page(number, is_shown=False, status=422, reveal_form=form)
    return _page(number, is_shown=True)


@bp.post("/orders/<order_number:number>/hold")
@requires("orders.edit")
def hold_order(number: str) -> ResponseReturnValue:
    form = HoldForm()
    return _act(number, form, "hold_form", "The order is on hold.",
                lambda order_id: services.hold_order(order_id, form.reason.data or "", by=current_actor()))  # fmt: skip


@bp.post("/orders/<order_number:number>/hold/remove")
@requires("orders.edit")
def release_order(number: str) -> ResponseReturnValue:
    short: list[str] = []
    return _act(number, None, "", lambda: _still_short(short) if short else "The order goes on.",
                lambda order_id: short.extend(services.release_order(order_id, by=current_actor())))  # fmt: skip


@bp.post("/orders/<order_number:number>/cancellation")
@requires("orders.edit")
def cancel_order(number: str) -> ResponseReturnValue:
    return _act(number, None, "", "The order is cancelled. Its units are for sale again.",
                lambda order_id: services.cancel_order(order_id, by=current_actor()), seen=True)  # fmt: skip


@bp.post("/orders/<order_number:number>/parcels")
@requires("orders.edit")
def ship_lines(number: str) -> ResponseReturnValue:
    form = ShipForm()

    def ship(order_id: int) -> None:
        services.ship_lines(
            order_id,
            _quantities(),
            carrier=form.carrier.data,
            tracking_number=form.tracking_number.data,
            by=current_actor(),
        )

    return _act(number, form, "ship_form", "The parcel is on its way.", ship, seen=True)


@bp.post("/orders/<order_number:number>/parcels/<int(max=2147483647):parcel>/delivery")
@requires("orders.edit")
def mark_delivered(number: str, parcel: int) -> ResponseReturnValue:
    return _act(number, None, "", "The parcel is delivered.",
                lambda order_id: services.mark_delivered(order_id, parcel, by=current_actor()))  # fmt: skip


@bp.post("/orders/<order_number:number>/payments")
@requires("orders.edit")
def take_payment(number: str) -> ResponseReturnValue:
    form = PaymentForm()

    def take(order_id: int) -> None:
        services.take_payment(
            order_id,
            form.amount.data,
            method=form.method.data,
            reference=form.reference.data,
            by=current_actor(),
        )

    return _act(number, form, "payment_form", "The payment is recorded.", take, seen=True)


@bp.post("/orders/<order_number:number>/notes")
@requires("orders.edit")
def add_note(number: str) -> ResponseReturnValue:
    form, found = NoteForm(), find_order(number)

    def note(order_id: int) -> None:
        services.add_note(
            order_id, form.body.data or "", is_internal=not form.for_customer.data, subject_id=found.subject_id,
            by=current_actor(),
        )  # fmt: skip

    return _act(number, form, "note_form", "The note is added.", note)


@bp.post("/orders/<order_number:number>/tags")
@requires("orders.edit")
def add_tag(number: str) -> ResponseReturnValue:
    form = TagForm()
    return _act(number, form, "tag_form", "The tag is added.",
                lambda order_id: services.add_tag(order_id, form.tag.data or "", by=current_actor()))  # fmt: skip


@bp.post("/orders/<order_number:number>/tags/remove")
@requires("orders.edit")
def remove_tag(number: str) -> ResponseReturnValue:
    return _act(number, None, "", "The tag is removed.",
                lambda order_id: services.remove_tag(order_id, request.form.get("tag", ""), by=current_actor()))  # fmt: skip


@bp.post("/orders/tags")
@requires("orders.edit")
def tag_orders() -> ResponseReturnValue:
    """Tag the chosen orders, or all that match the list, as a job that freezes the set first."""
    selection, tag = selection_of(ORDERS, request.form), services.checked_tag(request.form.get("value", ""))
    job = enqueue(
        "orders.tag", {"keys": list(selection.keys), "state": selection.state, "tag": tag},
        by=current_actor(), total=len(selection.keys) or None,
    )  # fmt: skip
    job_id = job.id
    db.session.commit()
    toast("Tagging has started.", url=url_for("operations.job", job_id=job_id), link="See the job")
    return see_other(url_for("orders.orders"))


@bp.get("/orders/of-customer/<int:customer_id>")
@requires("orders.view", passive=True)
def customer_orders(customer_id: int) -> Response:
    """The region of a customer's page that lists their orders."""
    return render("orders/_of_customer.html", orders=orders_of_customer(customer_id), customer_id=customer_id)


@bp.get("/orders/worklist")
@requires("orders.view", passive=True)
def worklist() -> Response:
    """The region of home that counts the orders waiting for someone."""
    return render("orders/_worklist.html", counts=waiting_counts())


def _act(
    number: str, form: FlaskForm | None, form_name: str, done: str | Callable[[], str],
    work: Callable[[int], Any], *, seen: bool = False,
) -> ResponseReturnValue:  # fmt: skip
    """Do one thing to the order and go back to it; a refusal shows the page with what was typed.

    With *seen* the act counts on figures of the page, and is refused when they are no longer true.
    """
    found = find_order(number)
    if form is not None and not form.validate():
        return _page(number, is_shown=True, status=422, **{form_name: form})
    try:
        if seen:
            services.require_unchanged(found.order_id, _version_seen())
        work(found.order_id)
    except DomainError as error:
        db.session.rollback()
        if form is not None and error.field in form:
            form[error.field].errors = [error.message]
            return _page(number, is_shown=True, status=error.status, **{form_name: form})
        typed = {form_name: form} if form is not None else {}
        return _page(number, is_shown=True, status=error.status, problem=error.message, **typed)
    db.session.commit()
    toast(done if isinstance(done, str) else done())
    return see_other(url_for("orders.order", number=number, list=request.args.get("list")))


def _page(number: str, *, is_shown: bool, status: int = 200, **context: Any) -> Response:
    found = find_order(number)
    whole = whole_order(found.order_id, found.subject_id)
    previous_url, next_url = neighbours(ORDERS, found.order_id, request.args.get("list"))
    acted = next((name for name in context if name.endswith("_form")), None)
    forms = {
        "hold_form": HoldForm, "ship_form": ShipForm, "payment_form": PaymentForm, "note_form": NoteForm, "tag_form": TagForm,
        "reveal_form": RevealForm,
    }  # fmt: skip
    made: dict[str, Any] = {
        name: context.pop(name, None) or form(formdata=None) for name, form in forms.items()
    }
    return render(
        "orders/order.html", order=whole.head, whole=whole, contacts=_contacts(whole, is_shown), is_shown=is_shown,
        lines=[dict(line) | {"left": _left(line)} for line in whole.lines], due=whole.head["total"] - whole.head["captured_total"],
        in_parcel=_in_parcel(whole), timeline_entries=entries_of(whole.events, whole.notes, is_shown=is_shown), typed=request.form,
        previous_url=previous_url, next_url=next_url, status=status, problem=context.pop("problem", None), acted=acted, **made, **context,
    )  # fmt: skip


def _contacts(whole: WholeOrder, is_shown: bool) -> list[dict[str, Any]]:
    return [
        {
            "kind": contact["kind"], "country": contact["country_code"],
            "lines": [value for name, category in CATEGORIES.items()
                      if (value := contact[name] if is_shown else mask(contact[name], category))],
        }
        for contact in whole.contacts
    ]  # fmt: skip


def _left(line: Any) -> int:
    return int(max(line["quantity"] - line["cancelled_quantity"] - line["fulfilled_quantity"], 0))


def _in_parcel(whole: WholeOrder) -> dict[int, str]:
    titles = {line["n"]: line["sku"] for line in whole.lines}
    words: dict[int, list[str]] = {}
    for row in whole.parcel_lines:
        words.setdefault(row["fulfilment_n"], []).append(
            f"{row['quantity']} × {titles.get(row['line_n'], '?')}"
        )
    return {
        parcel: ", ".join(lines[:FEW]) + (f" and {len(lines) - FEW} more" if len(lines) > FEW else "")
        for parcel, lines in words.items()
    }


def _quantities() -> dict[int, int]:
    """Units by line number from the fields ``line-3=2``; what is no number is refused with the line's name."""
    quantities: dict[int, int] = {}
    for name, text in request.form.items():
        if LINE_FIELD.fullmatch(name) and text.strip():
            if not WHOLE_UNITS.fullmatch(text.strip()):
                raise DomainError(f"Line {name[5:]}: enter whole units, for example 2.")
            quantities[int(name[5:])] = int(text)
    return quantities


def _version_seen() -> int:
    text = request.form.get("version", "")
    return int(text) if WHOLE_UNITS.fullmatch(text) else 0


def _still_short(skus: list[str]) -> str:
    return f"The order still waits: there is not enough stock of {', '.join(skus[:5])}."
