"""The screens of transfers: the list, a draft, and what arrives."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, get_or_404, requires
from portal.catalog import typed
from portal.catalog.forms import refuse, texts, version_of
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import render, see_other, toast
from portal.core.listing import neighbours, show_list
from portal.core.once import made_at, sent_once
from portal.stock.models import StockTransfer, StockTransferLine
from portal.stock.papers import happened, place_names, typed_key
from portal.stock.receiving import Arrival, added_up, arrivals_from, reason_choices, receipts_of
from portal.stock.scan_answers import ScanOutcome, accepted, scan_answer, scan_refused
from portal.stock.scanning import MOST_SCANNED, scanned_goods, typed_code, typed_token, typed_units
from portal.stock.transfers import services
from portal.stock.transfers.blueprint import bp
from portal.stock.transfers.forms import TransferForm
from portal.stock.transfers.listings import TRANSFERS
from portal.stock.transfers.queries import transfer_rows

SHOWN_LINES = 200


@bp.get("")
@requires("stock.view")
def transfers() -> ResponseReturnValue:
    return show_list(TRANSFERS, "stock/transfers/transfers.html")


@bp.get("/new")
@requires("stock.edit")
def new_transfer() -> Response:
    return _form_page(TransferForm(formdata=None), None)


@bp.post("/new")
@requires("stock.edit")
@sent_once
def create_transfer() -> ResponseReturnValue:
    form = TransferForm()
    try:
        made = services.create_transfer(texts(form), by=current_actor()).id
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "from_location_id")
        return _form_page(form, None, status=error.status)
    return made_at(url_for("transfers.drafting", transfer_id=made))


@bp.get("/<int:transfer_id>")
@requires("stock.view")
def transfer(transfer_id: int) -> Response:
    return _page(get_or_404(StockTransfer, transfer_id))


@bp.get("/<int:transfer_id>/edit")
@requires("stock.edit")
def edit_transfer(transfer_id: int) -> Response:
    found = get_or_404(StockTransfer, transfer_id)
    return _form_page(TransferForm(formdata=None, obj=found), found)


@bp.post("/<int:transfer_id>/edit")
@requires("stock.edit")
def save_transfer(transfer_id: int) -> ResponseReturnValue:
    found, form = get_or_404(StockTransfer, transfer_id, lock=True), TransferForm()
    try:
        services.change_transfer(found, texts(form), version=version_of(form.data), by=current_actor())
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "from_location_id")
        return _form_page(form, get_or_404(StockTransfer, transfer_id), status=error.status)
    db.session.commit()
    toast("The transfer is saved.")
    return see_other(url_for("transfers.transfer", transfer_id=transfer_id))


@bp.post("/<int:transfer_id>/lines/<int:variant_id>")
@requires("stock.edit")
def set_line(transfer_id: int, variant_id: int) -> ResponseReturnValue:
    found = get_or_404(StockTransfer, transfer_id, lock=True)
    get_or_404(StockTransferLine, (transfer_id, variant_id))
    try:
        units = typed_units(request.form.get("units"), least=0, default=None)
        services.set_line(found, variant_id, units, version=version_of(request.form), by=current_actor())
    except DomainError as error:
        db.session.rollback()
        errors = {f"units-{variant_id}": error.message}
        return _page(get_or_404(StockTransfer, transfer_id), errors=errors, status=error.status)
    db.session.commit()
    return see_other(url_for("transfers.transfer", transfer_id=transfer_id, _anchor="lines"))


@bp.post("/<int:transfer_id>/sending")
@requires("stock.edit")
@sent_once
def send(transfer_id: int) -> ResponseReturnValue:
    return _act(
        transfer_id,
        lambda found: services.send(found, version=version_of(request.form), by=current_actor()),
        "The units are on their way.",
    )


@bp.post("/<int:transfer_id>/cancellation")
@requires("stock.edit")
@sent_once
def cancel(transfer_id: int) -> ResponseReturnValue:
    return _act(
        transfer_id, lambda found: services.cancel(found, by=current_actor()), "The transfer is cancelled."
    )


@bp.get("/<int:transfer_id>/receiving")
@requires("stock.edit")
def receiving(transfer_id: int) -> Response:
    return _receiving_page(get_or_404(StockTransfer, transfer_id))


@bp.post("/<int:transfer_id>/receiving")
@requires("stock.edit")
def receive(transfer_id: int) -> ResponseReturnValue:
    """Book the table of what arrived."""
    found = get_or_404(StockTransfer, transfer_id, lock=True)
    try:
        variant_ids = [line.variant_id for line in services.lines_of(found.id)]
        arrivals = added_up([*arrivals_from(request.form, variant_ids), *_unlisted(request.form)])
        booked = services.receive(
            found, arrivals, token=typed_token(request.form.get("token")), by=current_actor()
        )
    except DomainError as error:
        db.session.rollback()
        return _receiving_page(
            get_or_404(StockTransfer, transfer_id), errors=_errors(error, "form"), status=error.status
        )
    return _booked(found, booked)


@bp.post("/<int:transfer_id>/receiving/all")
@requires("stock.edit")
def receive_all(transfer_id: int) -> ResponseReturnValue:
    """All that is outstanding arrived in good order."""
    found = get_or_404(StockTransfer, transfer_id, lock=True)
    try:
        token = typed_token(request.form.get("token"))
        booked = services.receive(
            found, services.outstanding_arrivals(found), token=token, by=current_actor()
        )
    except DomainError as error:
        db.session.rollback()
        toast(error.message, "danger")
        return see_other(url_for("transfers.transfer", transfer_id=transfer_id))
    return _booked(found, booked)


@bp.post("/<int:transfer_id>/receiving/missing")
@requires("stock.edit")
def miss_rest(transfer_id: int) -> ResponseReturnValue:
    """What is outstanding will not come any more."""
    found = get_or_404(StockTransfer, transfer_id, lock=True)
    try:
        reason_id = typed_key(request.form.get("reason_id", ""), "reason_id", "The reason")
        if reason_id is None:
            raise DomainError("Choose why the rest is missing.", field="reason_id")
        arrivals = services.outstanding_arrivals(found, missing_reason=reason_id)
        booked = services.receive(
            found, arrivals, token=typed_token(request.form.get("token")), by=current_actor()
        )
    except DomainError as error:
        db.session.rollback()
        toast(error.message, "danger")
        return see_other(url_for("transfers.receiving", transfer_id=transfer_id))
    return _booked(found, booked)


@bp.post("/<int:transfer_id>/scans")
@requires("stock.edit")
def scan(transfer_id: int) -> ResponseReturnValue:
    """Book units of what was scanned at once, so that a phone that dies loses nothing."""
    found = get_or_404(StockTransfer, transfer_id, lock=True)
    code = request.form.get("code", "")
    try:
        variant, line, booked = services.receive_code(
            found,
            typed_code(code),
            typed_units(request.form.get("units")),
            token=typed_token(request.form.get("token")),
            by=current_actor(),
        )
    except DomainError as error:
        return scan_refused(
            code,
            error,
            page=lambda outcome, status: _receiving_page(
                get_or_404(StockTransfer, transfer_id), outcome=outcome, status=status
            ),
        )
    outstanding, good = line.outstanding, line.received
    db.session.commit()
    words = (
        "Booked before."
        if not booked
        else f"{outstanding:,} still to come."
        if outstanding
        else "All are here."
    )
    outcome = accepted(
        variant,
        words,
        good,
        figures={f"outstanding-{line.variant_id}": outstanding, f"received-{line.variant_id}": good},
    )
    return scan_answer(outcome, back_url=url_for("transfers.receiving", transfer_id=transfer_id))


def _unlisted(form: Mapping[str, str]) -> list[Arrival]:
    """A variant that came along without being on the transfer."""
    if not form.get("extra_code", "").strip():
        return []
    found = scanned_goods(form["extra_code"])
    units = typed.whole(
        form.get("extra_units", ""), "extra_units", "The number of units", least=1, most=MOST_SCANNED
    )
    reason_id = typed_key(form.get("reason_id", ""), "reason_id", "The reason")
    if reason_id is None:
        raise DomainError("Choose a reason: a variant came that is not on the transfer.", field="reason_id")
    return [Arrival(found.variant_id, extra=units or 1, reason_id=reason_id)]


def _act(transfer_id: int, act: Callable[[StockTransfer], None], words: str) -> ResponseReturnValue:
    found = get_or_404(StockTransfer, transfer_id, lock=True)
    try:
        act(found)
    except DomainError as error:
        db.session.rollback()
        return _page(
            get_or_404(StockTransfer, transfer_id), errors={"form": error.message}, status=error.status
        )
    toast(words)
    return made_at(url_for("transfers.transfer", transfer_id=transfer_id))


def _booked(found: StockTransfer, booked: bool) -> ResponseReturnValue:
    transfer_id, is_over = found.id, found.state == "received"
    db.session.commit()
    if not booked:
        toast("This was booked already.", "info")
    else:
        toast("Everything is accounted for." if is_over else "Booked. The rest is still on its way.")
    return see_other(url_for("transfers.transfer", transfer_id=transfer_id))


def _errors(error: DomainError, otherwise: str) -> dict[str, str]:
    return {error.field or otherwise: error.message}


def _form_page(form: TransferForm, found: StockTransfer | None, *, status: int = 200) -> Response:
    return render("stock/transfers/edit_transfer.html", form=form, transfer=found, status=status)


def _page(found: StockTransfer, *, errors: Mapping[str, str] | None = None, status: int = 200) -> Response:
    previous_url, next_url = neighbours(TRANSFERS, found.id, request.args.get("list"))
    return render(
        "stock/transfers/transfer.html",
        transfer=found,
        places=place_names([found.from_location_id, found.to_location_id]),
        rows=transfer_rows(found),
        receipts=receipts_of("transfer", found.id),
        history=happened("stock_transfer", found.id),
        new_token=uuid.uuid4,
        errors=errors or {},
        typed=dict(request.form) if errors else {},
        previous_url=previous_url,
        next_url=next_url,
        status=status,
    )


def _receiving_page(
    found: StockTransfer,
    *,
    outcome: ScanOutcome | None = None,
    errors: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    rows = [row for row in transfer_rows(found) if row.line.outstanding]
    return render(
        "stock/transfers/receiving.html",
        transfer=found,
        places=place_names([found.from_location_id, found.to_location_id]),
        rows=rows[:SHOWN_LINES],
        hidden_rows=max(0, len(rows) - SHOWN_LINES),
        outstanding=sum(row.line.outstanding for row in rows),
        reason_choices=reason_choices(),
        token=uuid.uuid4(),
        scan_token=uuid.uuid4(),
        rest_token=uuid.uuid4(),
        outcome=outcome,
        errors=errors or {},
        typed=dict(request.form) if errors or outcome else {},
        status=status,
    )
