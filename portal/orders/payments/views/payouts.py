"""Payouts: the list, one payout line by line, and the queue of lines that found no order."""

from __future__ import annotations

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from portal.accounts.access import current_actor, requires
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import path_or, render, see_other, toast
from portal.core.listing import show_list
from portal.orders.payments import accounts, payout_pages, payouts
from portal.orders.payments.forms import ExplainLineForm, MatchLineForm
from portal.orders.payments.listings import PAYOUT_LINES, PAYOUTS
from portal.orders.payments.views.blueprint import bp
from portal.orders.queries import find_order


@bp.get("/payouts")
@requires("orders.view")
def payout_list() -> ResponseReturnValue:
    return show_list(
        PAYOUTS, "orders/payments/payouts.html", waiting=payout_pages.unmatched_count(),
        accounts=[each for each in accounts.accounts() if accounts.is_tested(each)],
    )  # fmt: skip


@bp.get("/payouts/lines")
@requires("orders.view")
def payout_line_list() -> ResponseReturnValue:
    return show_list(PAYOUT_LINES, "orders/payments/payout_lines.html")


@bp.post("/payouts/fetch")
@requires("orders.edit")
def fetch_payouts() -> ResponseReturnValue:
    for each in accounts.accounts():
        if accounts.is_tested(each):
            payouts.request_fetch(each.id, by=current_actor())
    db.session.commit()
    toast("The payouts are being read.")
    return see_other(url_for("payments.payout_list"))


@bp.get("/payouts/<int:payout_id>")
@requires("orders.view")
def payout(payout_id: int) -> Response:
    return _payout_page(payout_id)


@bp.post("/payouts/<int:payout_id>/match")
@requires("orders.edit")
def rematch_payout(payout_id: int) -> ResponseReturnValue:
    payouts.request_rematch(payout_id, by=current_actor())
    db.session.commit()
    toast("The lines are being matched. Reload in a moment.")
    return see_other(url_for("payments.payout", payout_id=payout_id))


@bp.get("/payouts/unmatched")
@requires("orders.view")
def unmatched_lines() -> Response:
    return _queue()


@bp.post("/payouts/lines/<int:payout_line_id>/match")
@requires("orders.refund")
def match_line(payout_line_id: int) -> ResponseReturnValue:
    form = MatchLineForm()

    def match() -> None:
        payouts.match_by_hand(payout_line_id, find_order(form.number.data or "").order_id, by=current_actor())

    return _settle(payout_line_id, form, "match_form", "number", match, "The line is matched.")


@bp.post("/payouts/lines/<int:payout_line_id>/explanation")
@requires("orders.refund")
def explain_line(payout_line_id: int) -> ResponseReturnValue:
    form = ExplainLineForm()
    return _settle(
        payout_line_id, form, "explain_form", "reason",
        lambda: payouts.explain(payout_line_id, form.reason.data or "", by=current_actor()), "The line is explained.",
    )  # fmt: skip


@bp.post("/payouts/lines/<int:payout_line_id>/put-back")
@requires("orders.refund")
def put_line_back(payout_line_id: int) -> ResponseReturnValue:
    payouts.require_line(payout_line_id)
    payout_id = payouts.put_back(payout_line_id, by=current_actor())
    db.session.commit()
    toast("The line waits for its order again.")
    return see_other(url_for("payments.payout", payout_id=payout_id))


def _settle(
    line_id: int, form: FlaskForm, name: str, field: str, work: object, done: str
) -> ResponseReturnValue:
    assert callable(work)
    payouts.require_line(line_id)
    if form.validate():
        try:
            work()
            db.session.commit()
        except DomainError as error:
            db.session.rollback()
            form[field].errors = [error.message]
        else:
            toast(done)
            return see_other(path_or(request.form.get("back"), url_for("payments.unmatched_lines")))
    return _queue(acted=(name, line_id), error=" ".join(form[field].errors or ("Fill this in.",)), status=422)


def _queue(*, acted: tuple[str, int] | None = None, error: str | None = None, status: int = 200) -> Response:
    return render(
        "orders/payments/unmatched.html", lines=payout_pages.unmatched_lines(), total=payout_pages.unmatched_count(), acted=acted,
        error=error, typed=request.form, status=status,
    )  # fmt: skip


def _payout_page(payout_id: int) -> Response:
    found = payouts.payout_of(payout_id)
    return render(
        "orders/payments/payout.html", payout=found, lines=payout_pages.lines_of(payout_id, request.args.get("after")),
        account=accounts.account_of(found.account_id),
    )  # fmt: skip
