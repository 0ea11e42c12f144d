"""The scanner's page of a draft, of a transfer or of a purchase order, and how a scan onto it is answered."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from flask import Response
from flask.typing import ResponseReturnValue

from portal.core.http import render, see_other, toast
from portal.stock.draft_scans import Drafted, Paper, last_scans
from portal.stock.scan_answers import ScanOutcome, accepted, scan_answer


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


def drafted_answer(
    draft: DraftPage, drafted: Drafted, words: str, *, needs_care: bool = False
) -> ResponseReturnValue:
    """Answer a scan that counted: its outcome, and the last scans with it."""
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


def undone_answer(draft: DraftPage, drafted: Drafted) -> ResponseReturnValue:
    """Answer the undoing of a scan."""
    left = f"{drafted.units:,} left on the draft." if drafted.units else "It is off the draft."
    toast(f"{drafted.variant.sku}: {'undone. ' if drafted.is_new else 'undone before. '}{left}")
    return see_other(draft.page_url)
