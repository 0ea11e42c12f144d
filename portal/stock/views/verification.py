"""Whether the stock can be proved: runs of the verifier, what they found, and the repair of a difference."""

from __future__ import annotations

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, get_or_404, requires
from portal.catalog import typed
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import render, render_region, see_other, toast, whole_key
from portal.stock import findings, repairing, verifying
from portal.stock.breakdown import LABELS
from portal.stock.models import StockVerification
from portal.stock.movements import KIND_WORDS
from portal.stock.views.blueprint import adjusting, bp

COUNTER_WORDS = LABELS | {"damaged": "Damaged"}
SOURCE_WORDS = {
    "ledger": "the movements",
    "holders": "orders, reservations and papers",
    "replay": "the replay",
}


@bp.get("/verifications")
@requires("stock.view")
def verifications() -> Response:
    return render(
        "stock/verifications.html",
        runs=verifying.verifications(),
        open_findings=findings.open_findings(),
        running=findings.running_job(),
        every=verifying.verified_every(),
    )


@bp.post("/verifications")
@requires("stock.adjust")
def request_verification() -> ResponseReturnValue:
    verifying.request_verification(by=current_actor())
    db.session.commit()
    toast("The stock is being verified. This page shows the result.", "info")
    return see_other(url_for("stock.verifications"))


@bp.get("/verifications/<int:verification_id>")
@requires("stock.view")
def verification(verification_id: int) -> Response:
    found = get_or_404(StockVerification, verification_id)
    return render(
        "stock/verification.html",
        run=found,
        page=findings.findings_of(found.id, after=request.args.get("after", 0, type=whole_key)),
        counters=COUNTER_WORDS,
        sources=SOURCE_WORDS,
    )


@bp.get("/findings/<int:finding_id>")
@requires("stock.view")
def finding(finding_id: int) -> Response:
    return _finding_page(finding_id)


@bp.post("/findings/<int:finding_id>/repair")
@requires("stock.adjust")
def repair_finding(finding_id: int) -> ResponseReturnValue:
    repairing.finding_of(finding_id)
    try:
        repairing.repair(
            finding_id,
            request.form.get("target", ""),
            reason_id=typed.whole(request.form.get("reason_id", ""), "reason_id", "The reason", most=10**12),
            note=typed.short_text(request.form.get("note"), "note", "The note", most=500) or None,
            by=current_actor(),
        )
    except DomainError as error:
        db.session.rollback()
        return _finding_page(finding_id, errors={error.field or "target": error.message}, status=error.status)
    db.session.commit()
    found = repairing.finding_of(finding_id)
    toast("Level and movements agree again. The ledger says how.")
    return see_other(url_for("stock.ledger", variant_id=found.variant_id, location_id=found.location_id))


@bp.get("/verifications/worklist")
@requires("stock.view")
def verification_worklist() -> Response:
    return render_region(
        "stock/_verification_worklist.html",
        title="Stock differences",
        open_findings=findings.open_findings(),
        last=verifying.last_verification(),
    )


def _finding_page(finding_id: int, *, errors: dict[str, str] | None = None, status: int = 200) -> Response:
    found, context = repairing.finding_of(finding_id), adjusting()
    return render(
        "stock/finding.html",
        finding=found,
        proposal=repairing.propose(found),
        place=findings.place_of(found),
        movement=findings.movement_of(found),
        counters=COUNTER_WORDS,
        sources=SOURCE_WORDS,
        kinds=KIND_WORDS,
        errors=errors or {},
        typed=dict(request.form) if errors else {},
        reason_choices=[("", "Choose a reason"), *((each.id, each.label) for each in context["reasons"])],
        status=status,
    )
