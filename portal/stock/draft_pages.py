"""The scanner's page of a draft, of a transfer or of a purchase order, and how a scan onto it is answered."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from flask import Response, request
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, get_or_404
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import render, see_other, toast
from portal.stock.draft_scans import Drafted, Paper, last_scans
from portal.stock.models import PurchaseOrder, StockTransfer
from portal.stock.scan_answers import ScanOutcome, accepted, scan_answer, scan_refused
from portal.stock.scanning import typed_code, typed_token, typed_units

Draft = TypeVar("Draft", StockTransfer, PurchaseOrder)


@dataclass(frozen=True, slots=True)
class DraftPage:
    """What the page says of its paper. ``words`` go below the scan box."""

    kind: Paper
    key: int
    noun: str
    sub: str
    words: str
    paper_url: str
    page_url: str
    scan_url: str
    undo_url: str


def drafting_page(
    draft: DraftPage,
    *,
    outcome: ScanOutcome | None = None,
    typed: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    """The scanner's page; after a refused scan with what was typed."""
    return render(
        "stock/drafting.html",
        draft=draft,
        scans=last_scans((draft.kind, draft.key)),
        outcome=outcome,
        token=uuid.uuid4(),
        typed=typed or {},
        status=status,
    )


def scan_onto_draft(
    paper: Draft,
    scan_onto: Callable[..., Drafted],
    page_of: Callable[[Draft], DraftPage],
    tell: Callable[[Draft, Drafted], tuple[str, bool]],
) -> ResponseReturnValue:
    """Put what a form says was scanned on a draft, and answer with its outcome and the last scans.

    Args:
        paper: the draft, whose row is held.
        tell: what to say of a line that a scan changed, and whether it needs care.
    """
    key, code = paper.id, request.form.get("code", "")
    try:
        drafted = scan_onto(
            paper,
            typed_code(code),
            typed_units(request.form.get("units")),
            token=typed_token(request.form.get("token")),
            by=current_actor(),
        )
    except DomainError as error:
        return scan_refused(
            code,
            error,
            page=lambda outcome, status: drafting_page(
                page_of(get_or_404(type(paper), key)),
                outcome=outcome,
                typed=dict(request.form),
                status=status,
            ),
        )
    db.session.commit()
    words, needs_care = tell(paper, drafted)
    draft = page_of(paper)
    outcome = accepted(
        drafted.variant,
        words if drafted.is_new else "Added before.",
        drafted.units,
        needs_care=needs_care,
    )
    return scan_answer(
        outcome,
        back_url=draft.page_url,
        template="stock/_draft_scan_answer.html",
        draft=draft,
        scans=last_scans((draft.kind, draft.key)),
    )


def undo_on_draft(
    paper: Draft, undo: Callable[..., Drafted], page_of: Callable[[Draft], DraftPage]
) -> ResponseReturnValue:
    """Take off a draft what the scan that a form names had added."""
    page_url = page_of(paper).page_url
    try:
        drafted = undo(paper, typed_token(request.form.get("scan")), by=current_actor())
    except DomainError as error:
        db.session.rollback()
        toast(error.message, "danger")
        return see_other(page_url)
    db.session.commit()
    left = f"{drafted.units:,} left on the draft." if drafted.units else "It is off the draft."
    toast(f"{drafted.variant.sku}: {'undone. ' if drafted.is_new else 'undone before. '}{left}")
    return see_other(page_url)
