"""Acts on many orders at once, each a job that freezes the set first. What is done is chosen on a page of its own."""

from __future__ import annotations

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, requires
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import render, see_other, toast
from portal.core.jobs import enqueue
from portal.core.listing import Selection, list_address, selection_of
from portal.core.selected import arguments_of
from portal.orders import services
from portal.orders.assigning import workers
from portal.orders.bulk import ACTS
from portal.orders.forms import HOLD_REASONS
from portal.orders.fulfilment.carriers import CARRIERS
from portal.orders.listings import ORDERS
from portal.orders.views.blueprint import bp


@bp.post("/orders/tags")
@requires("orders.edit")
def tag_orders() -> ResponseReturnValue:
    """Tag the chosen orders, or all that match the list."""
    selection, tag = selection_of(ORDERS, request.form), services.checked_tag(request.form.get("value", ""))
    return _start("orders.tag", selection, {"tag": tag}, "Tagging has started.")


@bp.post("/orders/bulk")
@requires("orders.edit")
def choose_bulk() -> Response:
    """Ask what is done with the chosen orders. Nothing is changed yet."""
    return _page(selection_of(ORDERS, request.form))


@bp.post("/orders/bulk/start")
@requires("orders.edit")
def start_bulk() -> ResponseReturnValue:
    selection, act = selection_of(ORDERS, request.form), request.form.get("act", "")
    try:
        value = _value(act)
    except DomainError as error:
        return _page(selection, error)
    return _start(
        "orders.bulk", selection, {"act": act, "value": value}, f"{ACTS[act]}: the job has started."
    )


def _value(act: str) -> str:
    """What the act needs, checked before the job, so that a slip costs no job.

    Raises:
        DomainError: nothing was chosen, or the choice makes no sense.
    """
    if act not in ACTS:
        raise DomainError("Choose what to do.", field="act")
    text = request.form.get(act, "").strip()
    if act == "hold" and text not in HOLD_REASONS:
        raise DomainError("Choose why the orders wait.", field="hold")
    if act == "tag":
        try:
            return services.checked_tag(text)
        except DomainError as error:
            raise DomainError(error.message, field="tag") from error
    if act == "assign" and text and not (text.isascii() and text.isdigit() and int(text[:18]) in workers()):
        raise DomainError("Choose a person who works here.", field="assign")
    if act == "send" and len(text) > 80:
        raise DomainError("Keep the carrier under 80 characters.", field="send")
    return "" if act == "release" else text


def _start(kind: str, selection: Selection, values: dict[str, str], words: str) -> ResponseReturnValue:
    job = enqueue(
        kind, {**arguments_of(selection, by=current_actor()), **values}, by=current_actor(),
        total=len(selection.keys) or None,
    )  # fmt: skip
    job_id = job.id
    db.session.commit()
    toast(words, url=url_for("operations.job", job_id=job_id), link="See the job")
    return see_other(_list_url() if kind == "orders.tag" else url_for("operations.job", job_id=job_id))


def _list_url() -> str:
    return list_address(ORDERS, url_for("orders.orders"), request.form.get("list"))


def _page(selection: Selection, error: DomainError | None = None) -> Response:
    return render(
        "orders/choose_bulk.html", selection=selection, acts=ACTS, reasons=HOLD_REASONS, carriers=list(CARRIERS),
        people=list(workers().items()), typed=request.form, list_url=_list_url(), error=error, status=422 if error else 200,
    )  # fmt: skip
