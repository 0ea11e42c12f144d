"""Correct the person and the address of an order. Two people who save at once both get their way, field by field."""

from __future__ import annotations

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue
from wtforms.fields.choices import SelectChoice

from portal.accounts.access import current_actor, requires
from portal.accounts.forms import country_choices
from portal.core.database import db
from portal.core.errors import DomainError, StaleError
from portal.core.http import render, see_other, toast
from portal.core.merging import pack_base, unpack_base
from portal.orders.fulfilment.correcting import FIELDS, contact_values, correct_contact, made_labels
from portal.orders.fulfilment.forms import ContactForm
from portal.orders.queries import find_order
from portal.orders.views.blueprint import bp
from portal.orders.views.frame import order_url


@bp.get("/orders/<order_number:number>/contacts/<int(max=2147483647):contact_n>/edit")
@requires("orders.edit")
def edit_contact(number: str, contact_n: int) -> Response:
    found = find_order(number)
    values = contact_values(found.order_id, contact_n)
    return _page(number, contact_n, _form(values, base=values))


@bp.post("/orders/<order_number:number>/contacts/<int(max=2147483647):contact_n>/edit")
@requires("orders.edit")
def save_contact(number: str, contact_n: int) -> ResponseReturnValue:
    found, form = find_order(number), _form()
    if not form.validate():
        return _page(number, contact_n, form, status=422)
    typed = {name: form[name].data or "" for name in FIELDS}
    try:
        changed = correct_contact(
            found.order_id, contact_n, typed, unpack_base(form.base.data or ""), voids_labels=bool(form.voids_labels.data),
            subject_id=found.subject_id, by=current_actor(),
        )  # fmt: skip
    except StaleError as error:
        db.session.rollback()
        return _stale(number, contact_n, form, error)
    except DomainError as error:
        db.session.rollback()
        if error.field in form:
            form[error.field].errors = [error.message]
            return _page(number, contact_n, form, status=error.status)
        return _page(number, contact_n, form, status=error.status, problem=error.message)
    db.session.commit()
    toast("The address is corrected." if changed else "Nothing was changed.")
    return see_other(order_url(number))


def _form(values: dict[str, str] | None = None, base: dict[str, str] | None = None) -> ContactForm:
    form = ContactForm(formdata=None, data=values) if values is not None else ContactForm()
    form.country_code.choices = [SelectChoice("", "–"), *country_choices()]
    if base is not None:
        form.base.data = pack_base(base)
    return form


def _stale(number: str, contact_n: int, form: ContactForm, error: StaleError) -> Response:
    now = contact_values(find_order(number).order_id, contact_n)
    base = unpack_base(form.base.data or "")
    clashes = [
        {"name": name, "label": form[name].label.text, "mine": mine or "", "theirs": theirs or ""}
        for name, (theirs, mine) in error.clashes.items()
    ]
    carried = [
        (name, now[name] if now[name] != base.get(name, "") else form[name].data or "")
        for name in FIELDS if name not in error.clashes
    ]  # fmt: skip
    if form.voids_labels.data:
        carried.append(("voids_labels", "y"))
    conflict = {"clashes": clashes, "carried": [*carried, ("base", pack_base(now))]}
    return _page(number, contact_n, form, status=409, conflict=conflict)


def _page(
    number: str, contact_n: int, form: ContactForm, *, status: int = 200, problem: str | None = None,
    conflict: dict[str, object] | None = None,
) -> Response:  # fmt: skip
    return render(
        "orders/edit_contact.html", number=number, form=form, problem=problem, conflict=conflict, status=status,
        labels=made_labels(find_order(number).order_id), back=order_url(number),
        here=url_for("orders.save_contact", number=number, contact_n=contact_n, list=request.args.get("list")),
    )  # fmt: skip
