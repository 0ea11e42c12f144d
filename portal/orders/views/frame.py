"""The order's page is a frame: head, items, money, customer. Everything else is a panel, a region with an address.

A domain adds its section without touching this file::

    PARCELS = Panel("orders.parcels", "orders/parcels/_parcels.html", "Parcels", parcels_of)


    @bp.get("/orders/<order_number:number>/parcels")
    @requires("orders.view", passive=True)
    def parcels(number: str) -> Response:
        return PARCELS.show(number)


    register_slot("order.panels", "orders.parcels", "orders.view", order=20, label="Parcels")

and its acts go back to the page through ``act``; a refused form stands in its panel with what was typed. A button for
the head of the page is offered by ``portal.orders.acts.register_order_act``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask import Response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from markupsafe import Markup

from portal.accounts.access import current_identity
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import render, toast, wants_fragment
from portal.core.listing import list_address, neighbours
from portal.core.masking import mask
from portal.core.once import made_at
from portal.core.presence import look_at
from portal.orders.acts import order_acts
from portal.orders.assigning import assigned_to, workers
from portal.orders.forms import HoldForm, NoteForm, RevealForm, TagForm
from portal.orders.guards import require_unchanged
from portal.orders.holds import standing_holds
from portal.orders.listings import ORDERS
from portal.orders.queries import WholeOrder, find_order, history_of, whole_order
from portal.orders.timeline import entries_of
from portal.orders.views.blueprint import version_seen

CATEGORIES: Final = {
    "name": "name", "company": "name", "line1": "address", "line2": "address", "postcode": "postcode", "city": "address",
    "region": "address", "email": "email", "phone": "phone", "vat_id": "identifier",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Panel:
    """A region of the order's page.

    Attributes:
        endpoint: its address; takes ``number``.
        template: the fragment, one element.
        title: its name, also of the page it makes without htmx.
        context: what the fragment needs, from the order's number.
    """

    endpoint: str
    template: str
    title: str
    context: Callable[[str], Mapping[str, Any]]

    def show(self, number: str, *, status: int = 200) -> Response:
        """The fragment for htmx, a page of its own otherwise."""
        context = dict(self.context(number)) | {"number": number}
        if wants_fragment():
            return render(self.template, status=status, **context)
        return render("orders/panel.html", status=status, region=self.template, title=self.title, **context)

    def drawn(self, number: str, **typed: Any) -> dict[str, Markup]:
        """The fragment with a form that was refused, for the page to show in the panel's place."""
        text = render_template(self.template, **(dict(self.context(number)) | {"number": number} | typed))
        return {self.endpoint: Markup(text)}


def act(
    number: str, done: str | Callable[[], str], work: Callable[[int], Any], *, form: FlaskForm | None = None,
    form_name: str = "form", seen: bool = False, panel: Panel | None = None,
) -> ResponseReturnValue:  # fmt: skip
    """Do one thing to the order, commit, and go back to its page; a refusal shows the page with what was typed.

    Args:
        done: what the person is told, or what gives it after the work.
        work: takes the order's id.
        form: checked first; an error that names one of its fields stands beside it.
        form_name: the form's name in the template of the page or of the panel.
        seen: the act counts on figures of the page, and is refused when the order's version has moved on since.
        panel: where the form stands, when it is not in the frame itself.
    """
    found = find_order(number)
    problem, status = None, 422
    if form is None or form.validate():
        try:
            if seen:
                require_unchanged(found.order_id, version_seen())
            work(found.order_id)
            answer = made_at(order_url(number))
        except DomainError as error:
            db.session.rollback()
            problem, status = error.message, error.status
            if form is not None and error.field in form:
                form[error.field].errors, problem = [error.message], None
        else:
            toast(done if isinstance(done, str) else done())
            return answer
    typed = {form_name: form} if form is not None else {}
    if panel is None:
        return show_order(number, is_shown=True, status=status, problem=problem, **typed)
    inline = panel.drawn(number, acted=form_name, problem=None, typed=request.form, **typed)
    return show_order(number, is_shown=True, status=status, problem=problem, inline=inline)


def show_order(
    number: str, *, is_shown: bool, status: int = 200, problem: str | None = None,
    inline: Mapping[str, Markup] | None = None, **forms: Any,
) -> Response:  # fmt: skip
    """The whole page. ``inline`` holds panels that are drawn already, by endpoint."""
    found = find_order(number)
    whole = whole_order(found.order_id, found.subject_id)
    previous_url, next_url = neighbours(ORDERS, found.order_id, request.args.get("list"))
    kinds = {"hold_form": HoldForm, "note_form": NoteForm, "tag_form": TagForm, "reveal_form": RevealForm}
    made: dict[str, Any] = {
        name: forms.pop(name, None) or kind(formdata=None) for name, kind in kinds.items()
    }
    return render(
        "orders/order.html", order=whole.head, whole=whole, contacts=contacts_of(whole, is_shown), is_shown=is_shown,
        lines=[dict(line) | {"left": left_of(line)} for line in whole.lines], due=-whole.head["credit_total"],
        **history_page(number, found.order_id, is_shown=is_shown), previous_url=previous_url, next_url=next_url,
        list_url=list_address(ORDERS, url_for("orders.orders"), request.args.get("list")), holds=standing_holds(found.order_id), colleagues=others_in(found.order_id), workers=workers(),
        assigned=assigned_to(found.order_id), acts=order_acts(whole), acted=next((name for name in kinds if made[name].errors), None), inline=inline or {},
        status=status, problem=problem, **made, **forms,
    )  # fmt: skip


def history_page(number: str, order_id: int, *, is_shown: bool, before: int | None = None) -> dict[str, Any]:
    """What ``_timeline.html`` needs: a page of what happened, and where the one before it is."""
    history = history_of(order_id, before=before)
    older = history.older and url_for(
        "orders.order_timeline", number=number, before=history.older, list=request.args.get("list")
    )
    return {"timeline_entries": entries_of(history, is_shown=is_shown), "older_url": older}


def others_in(order_id: int) -> list[str]:
    """The names of the colleagues who have the order open, after saying that this person has."""
    ids = look_at("order", order_id, current_identity().id)
    names = workers() if ids else {}
    return [names[user_id] for user_id in ids if user_id in names]


def order_url(number: str) -> str:
    """The order's page, inside the list it was opened from."""
    return url_for("orders.order", number=number, list=request.args.get("list"))


def contacts_of(whole: WholeOrder, is_shown: bool) -> list[dict[str, Any]]:
    """Who bought and where it goes, masked unless *is_shown*."""
    return [
        {
            "n": contact["n"], "kind": contact["kind"], "country": contact["country_code"],
            "lines": [value for name, category in CATEGORIES.items()
                      if (value := contact[name] if is_shown else mask(contact[name], category))],
        }
        for contact in whole.contacts
    ]  # fmt: skip


def left_of(line: Any) -> int:
    """Units of the line that neither left nor were cancelled."""
    return int(max(line["quantity"] - line["cancelled_quantity"] - line["fulfilled_quantity"], 0))
