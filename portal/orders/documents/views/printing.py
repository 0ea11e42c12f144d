"""Documents of many orders in one file: what goes in is chosen, then a job makes it."""

from __future__ import annotations

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, requires
from portal.core.database import db
from portal.core.http import render, toast
from portal.core.listing import list_address, selection_of
from portal.core.once import made_at, sent_once
from portal.core.selected import Chosen, chosen_by, set_aside
from portal.orders.documents.forms import PrintForm
from portal.orders.documents.printing import MOST, start_printing
from portal.orders.documents.sellers import missing_of
from portal.orders.documents.settings import document_settings
from portal.orders.documents.views.blueprint import bp
from portal.orders.listings import ORDERS


@bp.post("/documents/print")
@requires("orders.edit")
def choose_print() -> Response:
    """Count the chosen orders and ask what of them is printed. Nothing is changed yet."""
    chosen = set_aside(ORDERS, selection_of(ORDERS, request.form), by=current_actor())
    db.session.commit()
    return _page(chosen, PrintForm(formdata=None), 200)


@bp.post("/documents/print/start")
@requires("orders.edit")
@sent_once
def start_print() -> ResponseReturnValue:
    chosen, form = chosen_by(ORDERS, request.form.get("chosen", ""), by=current_actor()), PrintForm()
    if not form.validate():
        return _page(chosen, form, 422)
    job = start_printing(form.what.data, chosen, by=current_actor())
    url = url_for("operations.job", job_id=job.id)
    toast("The PDF is being made.", url=url, link="See the job")
    return made_at(url)


def _page(chosen: Chosen, form: PrintForm, status: int) -> Response:
    return render(
        "orders/documents/choose_print.html", chosen=chosen, form=form, most=MOST, missing=missing_of(document_settings()),
        list_url=list_address(ORDERS, url_for("orders.orders"), request.form.get("list")), status=status,
    )  # fmt: skip
