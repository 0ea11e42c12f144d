"""The screens of counts: the list, the scanner's page, the review."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from decimal import Decimal

import sqlalchemy as sa
from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import (
    current_actor,
    current_identity,
    get_or_404,
    get_row_or_404,
    requires,
)
from portal.catalog.forms import refuse, texts, version_of
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.core.http import render, render_region, see_other, toast
from portal.core.jobs import Job
from portal.core.listing import neighbours, show_list
from portal.core.once import made_at, sent_once
from portal.stock import queries
from portal.stock.counting import services
from portal.stock.counting.forms import CountForm
from portal.stock.counting.listings import COUNT_LINES, COUNTS
from portal.stock.counting.queries import last_scans, lines_so_far
from portal.stock.counting.scans import Counted, Mode, record_scan
from portal.stock.models import StockCount, StockCountLine
from portal.stock.papers import happened, names_of, people_names, place_names, typed_key
from portal.stock.scan_answers import ScanOutcome, accepted, scan_answer, scan_refused
from portal.stock.scanning import typed_code, typed_token, typed_units

bp = Blueprint("counting", __name__, url_prefix="/stock/counts")


@bp.get("")
@requires("stock.view")
def counts() -> ResponseReturnValue:
    return show_list(COUNTS, "stock/counting/counts.html")


@bp.get("/new")
@requires("stock.edit")
def new_count() -> Response:
    return render("stock/counting/new_count.html", form=CountForm(formdata=None))


@bp.post("/new")
@requires("stock.edit")
@sent_once
def begin_count() -> ResponseReturnValue:
    form = CountForm()
    try:
        made = services.begin_count(texts(form), by=current_actor()).id
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "name")
        return render("stock/counting/new_count.html", form=form, status=error.status)
    return made_at(url_for("counting.scanning", count_id=made))


@bp.get("/<int:count_id>")
@requires("stock.view")
def count(count_id: int) -> ResponseReturnValue:
    """What was counted, and once it is closed, what differs."""
    found = get_or_404(StockCount, count_id)
    previous_url, next_url = neighbours(COUNTS, count_id, request.args.get("list"))
    return show_list(
        COUNT_LINES,
        "stock/counting/count.html",
        count=found,
        job=_job(found),
        value=Decimal(found.summary.get("value", "0")),
        currency=_home_currency(),
        lines=found.summary.get("lines") if found.state != "open" else lines_so_far(count_id),
        place=place_names([found.location_id])[found.location_id],
        people=people_names([found.created_by_id, found.approved_by_id]),
        history=happened("stock_count", count_id),
        reasons=[("", "No reason"), *((str(one.id), one.label) for one in queries.reasons(active=True))],
        previous_url=previous_url,
        next_url=next_url,
    )


@bp.get("/<int:count_id>/progress")
@requires("stock.view", passive=True)
def progress(count_id: int) -> Response:
    """How far the job is."""
    found = get_or_404(StockCount, count_id)
    return render_region(
        "stock/counting/_progress.html", title="Progress of the count", count=found, job=_job(found)
    )


@bp.get("/<int:count_id>/scanning")
@requires("stock.edit")
def scanning(count_id: int) -> ResponseReturnValue:
    found = get_or_404(StockCount, count_id)
    if found.state != "open":
        return see_other(url_for("counting.count", count_id=count_id))
    return _scanning_page(found)


@bp.post("/<int:count_id>/scans")
@requires("stock.edit")
def scan(count_id: int) -> ResponseReturnValue:
    """Save one scan."""
    code = request.form.get("code", "")
    mode = _mode()
    try:
        counted = record_scan(
            count_id,
            typed_code(code),
            typed_units(request.form.get("units"), least=0 if mode == "set" else 1),
            mode,
            token=typed_token(request.form.get("token")),
            by=current_actor(),
        )
    except DomainError as error:
        return scan_refused(
            code,
            error,
            page=lambda outcome, status: _scanning_page(
                get_or_404(StockCount, count_id), outcome=outcome, status=status
            ),
        )
    db.session.commit()
    outcome = accepted(counted.variant, _words(counted, mode), counted.counted, needs_care=counted.has_moved)
    return scan_answer(outcome, back_url=url_for("counting.scanning", count_id=count_id, mode=mode))


@bp.get("/<int:count_id>/lines/<int:variant_id>")
@requires("stock.view")
def line(count_id: int, variant_id: int) -> Response:
    """One line: what was counted, what the books said, and whether it takes part."""
    found = get_or_404(StockCount, count_id)
    row = get_row_or_404(
        sa.select(StockCountLine).where(
            StockCountLine.count_id == count_id, StockCountLine.variant_id == variant_id
        )
    )
    previous_url, next_url = neighbours(COUNT_LINES, row.id, request.args.get("list"))
    return render(
        "stock/counting/line.html",
        count=found,
        line=row,
        variant=names_of([variant_id])[variant_id],
        place=place_names([found.location_id])[found.location_id],
        previous_url=previous_url,
        next_url=next_url,
    )


@bp.post("/<int:count_id>/lines/<int:variant_id>/exclusion")
@requires("stock.edit")
def exclude_line(count_id: int, variant_id: int) -> ResponseReturnValue:
    return _exclude(count_id, variant_id, excluded=True)


@bp.post("/<int:count_id>/lines/<int:variant_id>/exclusion/remove")
@requires("stock.edit")
def include_line(count_id: int, variant_id: int) -> ResponseReturnValue:
    return _exclude(count_id, variant_id, excluded=False)


@bp.post("/<int:count_id>/closing")
@requires("stock.edit")
@sent_once
def close_count(count_id: int) -> ResponseReturnValue:
    return _act(
        count_id, lambda found: services.close_count(found, by=current_actor()), "The counting has ended."
    )


@bp.post("/<int:count_id>/closing/remove")
@requires("stock.edit")
@sent_once
def reopen_count(count_id: int) -> ResponseReturnValue:
    return _act(
        count_id, lambda found: services.reopen_count(found, by=current_actor()), "The count is open again."
    )


@bp.post("/<int:count_id>/approval")
@requires("stock.adjust")
@sent_once
def approve_count(count_id: int) -> ResponseReturnValue:
    def approve(found: StockCount) -> None:
        services.approve_count(
            found,
            version=version_of(request.form),
            zero_uncounted=bool(request.form.get("zero_uncounted")),
            reason_id=typed_key(request.form.get("reason_id", ""), "reason_id", "The reason"),
            by=current_actor(),
        )

    return _act(count_id, approve, "The count is being applied. You can leave this page.")


@bp.post("/<int:count_id>/applying")
@requires("stock.adjust")
def go_on_applying(count_id: int) -> ResponseReturnValue:
    return _act(
        count_id,
        lambda found: services.go_on_applying(found, by=current_actor()),
        "The count is being applied.",
    )


@bp.post("/<int:count_id>/cancellation")
@requires("stock.edit")
@sent_once
def cancel_count(count_id: int) -> ResponseReturnValue:
    return _act(
        count_id, lambda found: services.cancel_count(found, by=current_actor()), "The count is dropped."
    )


def _mode() -> Mode:
    """What a scan does to its line: it adds, unless the form says otherwise."""
    asked = request.values.get("mode")
    return "take" if asked == "take" else "set" if asked == "set" else "add"


def _words(counted: Counted, mode: Mode) -> str:
    if not counted.is_new:
        return "Counted before."
    if counted.has_moved:
        return "Stock moved while this was being counted. Count it again with “replaced”."
    return "Taken off. So many are left." if mode == "take" else "Counted so far."


def _exclude(count_id: int, variant_id: int, *, excluded: bool) -> ResponseReturnValue:
    get_or_404(StockCountLine, (count_id, variant_id))
    return _act(
        count_id,
        lambda found: services.exclude_line(found, variant_id, excluded=excluded, by=current_actor()),
        "The line is left out." if excluded else "The line takes part again.",
        back=url_for("counting.line", count_id=count_id, variant_id=variant_id),
    )


def _act(
    count_id: int, act: Callable[[StockCount], None], words: str, *, back: str | None = None
) -> ResponseReturnValue:
    back = back or url_for("counting.count", count_id=count_id)
    found = get_or_404(StockCount, count_id, lock=True)
    try:
        act(found)
    except DomainError as error:
        db.session.rollback()
        toast(error.message, "danger")
        return see_other(back)
    toast(words)
    return made_at(back)


def _home_currency() -> str:
    merchant = current_identity().merchant
    assert merchant is not None
    return merchant.currency


def _job(found: StockCount) -> Job | None:
    return db.session.get(Job, (current_merchant_id(), found.job_id)) if found.job_id is not None else None


def _scanning_page(found: StockCount, *, outcome: ScanOutcome | None = None, status: int = 200) -> Response:
    return render(
        "stock/counting/scanning.html",
        count=found,
        place=place_names([found.location_id])[found.location_id],
        lines=lines_so_far(found.id),
        scans=last_scans(found.id),
        token=uuid.uuid4(),
        mode=_mode(),
        outcome=outcome,
        typed=dict(request.form) if outcome else {},
        status=status,
    )
