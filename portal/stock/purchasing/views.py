"""The screens of purchase orders."""

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
from portal.stock.models import PurchaseOrder, PurchaseOrderLine, Supplier
from portal.stock.papers import happened, place_names, require_version
from portal.stock.purchasing import services
from portal.stock.purchasing.blueprint import bp
from portal.stock.purchasing.forms import PurchaseForm
from portal.stock.purchasing.letters import send_by_mail
from portal.stock.purchasing.listings import PURCHASE_ORDERS
from portal.stock.purchasing.queries import purchase_rows
from portal.stock.receiving import arrivals_from, reason_choices, receipts_of
from portal.stock.scan_answers import ScanOutcome, accepted, scan_answer, scan_refused
from portal.stock.scanning import typed_code, typed_token, typed_units

SHOWN_LINES = 200


@bp.get("/purchase-orders")
@requires("stock.view")
def purchases() -> ResponseReturnValue:
    return show_list(PURCHASE_ORDERS, "stock/purchasing/purchases.html")


@bp.get("/purchase-orders/new")
@requires("stock.edit")
def new_purchase() -> Response:
    return _form_page(
        PurchaseForm(formdata=None, data={"supplier_id": request.args.get("supplier", "")}), None
    )


@bp.post("/purchase-orders/new")
@requires("stock.edit")
@sent_once
def create_purchase() -> ResponseReturnValue:
    form = PurchaseForm()
    try:
        made = services.create_purchase(texts(form), by=current_actor()).id
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "supplier_id")
        return _form_page(form, None, status=error.status)
    return made_at(url_for("purchasing.drafting_purchase", purchase_id=made))


@bp.get("/purchase-orders/<int:purchase_id>")
@requires("stock.view")
def purchase(purchase_id: int) -> Response:
    return _page(get_or_404(PurchaseOrder, purchase_id))


@bp.get("/purchase-orders/<int:purchase_id>/edit")
@requires("stock.edit")
def edit_purchase(purchase_id: int) -> Response:
    found = get_or_404(PurchaseOrder, purchase_id)
    return _form_page(PurchaseForm(formdata=None, obj=found), found)


@bp.post("/purchase-orders/<int:purchase_id>/edit")
@requires("stock.edit")
def save_purchase(purchase_id: int) -> ResponseReturnValue:
    found, form = get_or_404(PurchaseOrder, purchase_id, lock=True), PurchaseForm()
    try:
        services.change_purchase(found, texts(form), version=version_of(form.data), by=current_actor())
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "location_id")
        return _form_page(form, get_or_404(PurchaseOrder, purchase_id), status=error.status)
    db.session.commit()
    toast("The purchase order is saved.")
    return see_other(url_for("purchasing.purchase", purchase_id=purchase_id))


@bp.post("/purchase-orders/<int:purchase_id>/lines/<int:variant_id>")
@requires("stock.edit")
def set_purchase_line(purchase_id: int, variant_id: int) -> ResponseReturnValue:
    found = get_or_404(PurchaseOrder, purchase_id, lock=True)
    get_or_404(PurchaseOrderLine, (purchase_id, variant_id))
    try:
        units = typed_units(request.form.get("units"), least=0, default=None)
        cost = typed.decimal(typed.text_of(request.form.get("unit_cost")), "unit_cost", "The cost")
        services.set_line(
            found, variant_id, units, cost, version=version_of(request.form), by=current_actor()
        )
    except DomainError as error:
        db.session.rollback()
        return _page(
            get_or_404(PurchaseOrder, purchase_id),
            errors={f"line-{variant_id}": error.message},
            status=error.status,
        )
    db.session.commit()
    return see_other(url_for("purchasing.purchase", purchase_id=purchase_id, _anchor="lines"))


@bp.post("/purchase-orders/<int:purchase_id>/ordering")
@requires("stock.edit")
@sent_once
def order_purchase(purchase_id: int) -> ResponseReturnValue:
    """Order it, and write to the supplier when that is ticked."""

    def act(found: PurchaseOrder) -> None:
        services.order(found, version=version_of(request.form), by=current_actor())
        if request.form.get("mail"):
            send_by_mail(found, by=current_actor())

    return _act(purchase_id, act, "The purchase order is ordered. Its units are incoming.")


@bp.post("/purchase-orders/<int:purchase_id>/mail")
@requires("stock.edit")
@sent_once
def mail_purchase(purchase_id: int) -> ResponseReturnValue:
    """Write to the supplier; the same page writes once."""

    def act(found: PurchaseOrder) -> None:
        require_version(found.version, version_of(request.form), services.NOUN)
        send_by_mail(found, by=current_actor())

    return _act(purchase_id, act, "It is on its way to the supplier.")


@bp.post("/purchase-orders/<int:purchase_id>/closing")
@requires("stock.edit")
@sent_once
def close_purchase(purchase_id: int) -> ResponseReturnValue:
    return _act(
        purchase_id,
        lambda found: services.close(found, version=version_of(request.form), by=current_actor()),
        "The purchase order is closed. Nothing more is incoming.",
    )


@bp.post("/purchase-orders/<int:purchase_id>/cancellation")
@requires("stock.edit")
@sent_once
def cancel_purchase(purchase_id: int) -> ResponseReturnValue:
    return _act(
        purchase_id,
        lambda found: services.cancel(found, version=version_of(request.form), by=current_actor()),
        "The purchase order is cancelled.",
    )


@bp.get("/purchase-orders/<int:purchase_id>/receiving")
@requires("stock.edit")
def receiving_purchase(purchase_id: int) -> Response:
    return _receiving_page(get_or_404(PurchaseOrder, purchase_id))


@bp.post("/purchase-orders/<int:purchase_id>/receiving")
@requires("stock.edit")
def receive_purchase(purchase_id: int) -> ResponseReturnValue:
    """Book the table of what arrived."""
    found = get_or_404(PurchaseOrder, purchase_id, lock=True)
    try:
        variant_ids = [line.variant_id for line in services.lines_of(found.id)]
        booked = services.receive(
            found,
            arrivals_from(request.form, variant_ids, ("good", "damaged")),
            token=typed_token(request.form.get("token")),
            accept_over=bool(request.form.get("accept_over")),
            by=current_actor(),
        )
    except DomainError as error:
        db.session.rollback()
        return _receiving_page(
            get_or_404(PurchaseOrder, purchase_id),
            errors={error.field or "form": error.message},
            status=error.status,
        )
    return _booked(found, booked)


@bp.post("/purchase-orders/<int:purchase_id>/receiving/all")
@requires("stock.edit")
def receive_all_of_purchase(purchase_id: int) -> ResponseReturnValue:
    """All that is outstanding arrived in good order."""
    found = get_or_404(PurchaseOrder, purchase_id, lock=True)
    try:
        booked = services.receive(
            found,
            services.outstanding_arrivals(found),
            token=typed_token(request.form.get("token")),
            accept_over=False,
            by=current_actor(),
        )
    except DomainError as error:
        db.session.rollback()
        toast(error.message, "danger")
        return see_other(url_for("purchasing.purchase", purchase_id=purchase_id))
    return _booked(found, booked)


@bp.post("/purchase-orders/<int:purchase_id>/scans")
@requires("stock.edit")
def scan_purchase(purchase_id: int) -> ResponseReturnValue:
    """Book units of what was scanned at once."""
    found = get_or_404(PurchaseOrder, purchase_id, lock=True)
    code = request.form.get("code", "")
    try:
        variant, line, booked = services.receive_code(
            found,
            typed_code(code),
            typed_units(request.form.get("units")),
            token=typed_token(request.form.get("token")),
            accept_over=bool(request.form.get("accept_over")),
            by=current_actor(),
        )
    except DomainError as error:
        return scan_refused(
            code,
            error,
            page=lambda outcome, status: _receiving_page(
                get_or_404(PurchaseOrder, purchase_id), outcome=outcome, status=status
            ),
        )
    outstanding, good, over = line.outstanding, line.received, line.received + line.damaged > line.quantity
    db.session.commit()
    words = (
        "More than was ordered."
        if over
        else f"{outstanding:,} still to come."
        if outstanding
        else "All are here."
    )
    outcome = accepted(
        variant,
        words if booked else "Booked before.",
        good,
        needs_care=over,
        figures={f"outstanding-{line.variant_id}": outstanding},
    )
    return scan_answer(outcome, back_url=url_for("purchasing.receiving_purchase", purchase_id=purchase_id))


def _act(purchase_id: int, act: Callable[[PurchaseOrder], None], words: str) -> ResponseReturnValue:
    found = get_or_404(PurchaseOrder, purchase_id, lock=True)
    try:
        act(found)
    except DomainError as error:
        db.session.rollback()
        return _page(
            get_or_404(PurchaseOrder, purchase_id), errors={"form": error.message}, status=error.status
        )
    toast(words)
    return made_at(url_for("purchasing.purchase", purchase_id=purchase_id))


def _booked(found: PurchaseOrder, booked: bool) -> ResponseReturnValue:
    purchase_id, is_over = found.id, found.state == "received"
    db.session.commit()
    if not booked:
        toast("This was booked already.", "info")
    else:
        toast("Everything that was ordered is here." if is_over else "Booked. The rest is still on its way.")
    return see_other(url_for("purchasing.purchase", purchase_id=purchase_id))


def _form_page(form: PurchaseForm, found: PurchaseOrder | None, *, status: int = 200) -> Response:
    return render("stock/purchasing/edit_purchase.html", form=form, purchase=found, status=status)


def _page(found: PurchaseOrder, *, errors: Mapping[str, str] | None = None, status: int = 200) -> Response:
    previous_url, next_url = neighbours(PURCHASE_ORDERS, found.id, request.args.get("list"))
    return render(
        "stock/purchasing/purchase.html",
        purchase=found,
        supplier=get_or_404(Supplier, found.supplier_id),
        place=place_names([found.location_id])[found.location_id],
        rows=purchase_rows(found),
        receipts=receipts_of("purchase", found.id),
        history=happened("purchase_order", found.id),
        token=uuid.uuid4(),
        errors=errors or {},
        typed=dict(request.form) if errors else {},
        previous_url=previous_url,
        next_url=next_url,
        status=status,
    )


def _receiving_page(
    found: PurchaseOrder,
    *,
    outcome: ScanOutcome | None = None,
    errors: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    rows = purchase_rows(found)
    return render(
        "stock/purchasing/receiving.html",
        purchase=found,
        supplier=get_or_404(Supplier, found.supplier_id),
        place=place_names([found.location_id])[found.location_id],
        rows=sorted(rows, key=lambda row: not row.line.outstanding)[:SHOWN_LINES],
        hidden_rows=max(0, len(rows) - SHOWN_LINES),
        reason_choices=reason_choices(),
        token=uuid.uuid4(),
        scan_token=uuid.uuid4(),
        outcome=outcome,
        errors=errors or {},
        typed=dict(request.form) if errors or outcome else {},
        status=status,
    )
