"""Acts on many orders at once: which orders, then what is done with them, then a yes; each act is a job.

The orders are set aside when the first page is drawn, so what is counted there is what the job works on.
"""

from __future__ import annotations

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, requires
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import render, toast
from portal.core.jobs import enqueue
from portal.core.listing import list_address, selection_of
from portal.core.once import made_at, sent_once
from portal.core.selected import Chosen, arguments_of, chosen_by, set_aside, states_of
from portal.orders import services
from portal.orders.assigning import workers
from portal.orders.bulk import ACTS, act_words
from portal.orders.forms import HOLD_REASONS
from portal.orders.fulfilment.carriers import CARRIERS
from portal.orders.listings import ORDERS, STATES
from portal.orders.models import Order
from portal.orders.views.blueprint import bp


@bp.post("/orders/bulk")
@requires("orders.edit")
def choose_bulk() -> Response:
    """Count the chosen orders and ask what is done with them. Nothing is changed yet."""
    chosen = set_aside(ORDERS, selection_of(ORDERS, request.form), by=current_actor())
    db.session.commit()
    return _choose(chosen)


@bp.post("/orders/bulk/check")
@requires("orders.edit")
def check_bulk() -> Response:
    """Say how many orders the act is for and what it does, and ask. Nothing is changed yet."""
    chosen, act = _chosen(), request.form.get("act", "")
    try:
        value = _value(act)
    except DomainError as error:
        return _choose(chosen, error)
    words = act_words(act, workers()[int(value)] if act == "assign" and value else value)
    return render(
        "orders/check_bulk.html", chosen=chosen, act=act, value=value, title=ACTS[act], words=words,
        states=states_of(Order.__table__, STATES, chosen.keys), list_url=_list_url(),
    )  # fmt: skip


@bp.post("/orders/bulk/start")
@requires("orders.edit")
@sent_once
def start_bulk() -> ResponseReturnValue:
    """Begin. Pressed twice, it is the same job."""
    chosen, act = _chosen(), request.form.get("act", "")
    try:
        value = _value(act)
    except DomainError as error:
        return _choose(chosen, error)
    job = enqueue(
        "orders.bulk", {**arguments_of(chosen), "act": act, "value": value}, by=current_actor(),
        total=chosen.total, unique_key=chosen.word,
    )  # fmt: skip
    url = url_for("operations.job", job_id=job.id)
    toast(f"{ACTS[act]}: the job has started.", url=url, link="See the job")
    return made_at(url)


def _chosen() -> Chosen:
    return chosen_by(ORDERS, request.form.get("chosen", ""), by=current_actor())


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


def _list_url() -> str:
    return list_address(ORDERS, url_for("orders.orders"), request.form.get("list"))


def _choose(chosen: Chosen, error: DomainError | None = None) -> Response:
    return render(
        "orders/choose_bulk.html", chosen=chosen, acts=ACTS, reasons=HOLD_REASONS, carriers=list(CARRIERS),
        people=list(workers().items()), typed=request.form, list_url=_list_url(), error=error, status=422 if error else 200,
    )  # fmt: skip
