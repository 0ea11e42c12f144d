"""What was said with the customer: the log, a call written down, a mail chosen, edited and sent."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import can, current_actor, requires
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import render, toast
from portal.core.once import made_at, sent_once
from portal.orders.assigning import workers
from portal.orders.book import change_order
from portal.orders.guards import require_unchanged
from portal.orders.letters.buyers import addressee_of
from portal.orders.letters.contacts import contacts_of, log_contact
from portal.orders.letters.forms import CallForm, MailForm
from portal.orders.letters.texts import filled, send_text, texts
from portal.orders.queries import find_order, version_of
from portal.orders.shortfalls.ways import mark_told
from portal.orders.views.blueprint import bp, version_seen
from portal.orders.views.frame import Panel, act, order_url


def _contacts_of(number: str) -> dict[str, Any]:
    found = find_order(number)
    return {
        "contacts": contacts_of(found.order_id), "is_shown": can("orders.edit"), "names": workers(), "acted": None,
        "call_form": CallForm(formdata=None), "problem": None, "typed": {}, "may_read_mail": can("operations.view"),
    }  # fmt: skip


CONTACTS = Panel("orders.order_contacts", "orders/letters/_contacts.html", "Contact", _contacts_of)


@bp.get("/orders/<order_number:number>/contacts")
@requires("orders.view", passive=True)
def order_contacts(number: str) -> Response:
    return CONTACTS.show(number)


@bp.post("/orders/<order_number:number>/contacts")
@requires("orders.edit")
@sent_once
def log_call(number: str) -> ResponseReturnValue:
    form, found = CallForm(), find_order(number)

    def write(order_id: int) -> None:
        log_contact(
            order_id, form.way.data or "", form.summary.data or "", is_incoming=bool(form.is_incoming.data),
            subject_id=found.subject_id, by=current_actor(),
        )  # fmt: skip

    return act(number, "It is written down.", write, form=form, form_name="call_form", panel=CONTACTS)


@bp.get("/orders/<order_number:number>/letters/new")
@requires("orders.edit")
def new_letter(number: str) -> Response:
    found, form = find_order(number), MailForm(formdata=None)
    chosen = next((each for each in texts() if each.key == request.args.get("text")), None)
    form.shortfall.data = request.args.get("shortfall", "")
    if chosen is not None:
        ready = filled(chosen, found.order_id)
        form.text.data, form.subject.data, form.body.data = ready.key, ready.subject, ready.body
    return _letter(number, form)


@bp.post("/orders/<order_number:number>/letters")
@requires("orders.edit")
@sent_once
def send_letter(number: str) -> ResponseReturnValue:
    found, form = find_order(number), MailForm()
    if not form.validate():
        return _letter(number, form, status=422)
    name = next((each.name for each in texts() if each.key == form.text.data), None)
    try:
        require_unchanged(found.order_id, version_seen())
        send_text(
            found.order_id, form.subject.data or "", form.body.data or "", title=name, by=current_actor()
        )
        change_order(found.order_id)
        if (form.shortfall.data or "").isascii() and (form.shortfall.data or "").isdigit():
            mark_told(found.order_id, int(str(form.shortfall.data)[:19]), by=current_actor())
    except DomainError as error:
        db.session.rollback()
        if error.field in form:
            form[error.field].errors = [error.message]
            return _letter(number, form, status=error.status)
        return _letter(number, form, status=error.status, problem=error.message)
    toast("The mail is on its way.")
    return made_at(order_url(number))


def _letter(number: str, form: MailForm, *, status: int = 200, problem: str | None = None) -> Response:
    found = find_order(number)
    return render(
        "orders/letters/new_letter.html", number=number, form=form, texts=texts(), addressee=addressee_of(found.order_id),
        version=version_of(found.order_id), problem=problem, status=status, back=order_url(number),
        here=url_for("orders.send_letter", number=number, list=request.args.get("list")),
    )  # fmt: skip
