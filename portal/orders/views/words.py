"""What people write on an order, and what happened on it before."""

from __future__ import annotations

from typing import Any, Final

from flask import Response, request
from flask.typing import ResponseReturnValue

from portal.accounts.access import can, current_actor, requires
from portal.core.once import sent_once
from portal.orders import services
from portal.orders.forms import NoteForm, TagForm
from portal.orders.queries import find_order
from portal.orders.views.blueprint import bp, place_before
from portal.orders.views.frame import Panel, act, history_page


def _timeline_of(number: str) -> dict[str, Any]:
    return history_page(
        number, find_order(number).order_id, is_shown=can("orders.edit"), before=place_before()
    )


TIMELINE: Final = Panel("orders.order_timeline", "orders/_timeline.html", "What happened", _timeline_of)


@bp.get("/orders/<order_number:number>/timeline")
@requires("orders.view")
def order_timeline(number: str) -> Response:
    """What happened before a place in the timeline (``?before=``); the newest without one."""
    return TIMELINE.show(number)


@bp.post("/orders/<order_number:number>/notes")
@requires("orders.edit")
@sent_once
def add_note(number: str) -> ResponseReturnValue:
    form, found = NoteForm(), find_order(number)

    def note(order_id: int) -> None:
        services.add_note(
            order_id, form.body.data or "", is_internal=not form.for_customer.data, subject_id=found.subject_id,
            by=current_actor(),
        )  # fmt: skip

    return act(number, "The note is added.", note, form=form, form_name="note_form")


@bp.post("/orders/<order_number:number>/tags")
@requires("orders.edit")
def add_tag(number: str) -> ResponseReturnValue:
    form = TagForm()
    return act(number, "The tag is added.", form=form, form_name="tag_form",
               work=lambda order_id: services.add_tag(order_id, form.tag.data or "", by=current_actor()))  # fmt: skip


@bp.post("/orders/<order_number:number>/tags/remove")
@requires("orders.edit")
def remove_tag(number: str) -> ResponseReturnValue:
    return act(number, "The tag is removed.",
               lambda order_id: services.remove_tag(order_id, request.form.get("tag", ""), by=current_actor()))  # fmt: skip
