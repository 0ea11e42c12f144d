"""How a scan is answered: a fragment for the scanner's page, a redirect or the page itself for a plain form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Response
from flask.typing import ResponseReturnValue

from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import render, see_other, toast, wants_fragment
from portal.stock.scanning import Scanned


@dataclass(frozen=True, slots=True)
class ScanOutcome:
    """What became of a scan. ``figures`` are numbers elsewhere on the page that it changed, by the id they stand under."""

    is_ok: bool
    heading: str
    words: str
    units: int | None = None
    title: str = ""
    needs_care: bool = False
    figures: Mapping[str, int] = field(default_factory=dict)


def accepted(found: Scanned, words: str, units: int, **values: object) -> ScanOutcome:
    """A scan that counted: the variant, what is true now, and the number that goes with it."""
    return ScanOutcome(True, found.sku, words, units, found.title, **values)  # type: ignore[arg-type]


def scan_answer(
    outcome: ScanOutcome, *, back_url: str, template: str = "stock/_scan_outcome.html", **context: Any
) -> ResponseReturnValue:
    """Answer a scan that counted. A *template* of one's own begins with the usual one and adds what else has changed."""
    if wants_fragment():
        return render(template, outcome=outcome, **context)
    toast(f"{outcome.heading}: {outcome.words}", "warning" if outcome.needs_care else "success")
    return see_other(back_url)


def scan_refused(code: str, error: DomainError, *, page: Callable[[ScanOutcome, int], Response]) -> Response:
    """Answer a scan that did not count: the scanner's page turns red and buzzes, a plain form comes back with the reason."""
    db.session.rollback()
    shown = " ".join(code.split())[:40] or "Nothing scanned"
    outcome = ScanOutcome(False, shown, error.message)
    if wants_fragment():
        return render("stock/_scan_outcome.html", outcome=outcome, status=error.status)
    return page(outcome, error.status)
