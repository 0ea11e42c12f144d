"""Where a request may go from where it is. The database holds the same rules as checks."""

from __future__ import annotations

from typing import Final

MOVES: Final[dict[str, frozenset[str]]] = {
    "received": frozenset({"verified", "refused"}),
    "verified": frozenset({"scoped", "refused"}),
    "scoped": frozenset({"scoped", "held", "previewed", "running", "answered", "refused"}),
    "held": frozenset({"scoped", "previewed", "approved", "refused"}),
    "previewed": frozenset({"scoped", "previewed", "held", "approved", "refused"}),
    "approved": frozenset({"held", "running", "scoped", "refused"}),
    "running": frozenset({"running", "held", "third_parties", "answered"}),
    "third_parties": frozenset({"answered"}),
    "answered": frozenset({"closed"}),
    "closed": frozenset(),
    "refused": frozenset(),
}

OPEN: Final = frozenset(state for state, moves in MOVES.items() if moves)

LABELS: Final = {
    "received": "Awaiting identity",
    "verified": "Identity verified",
    "scoped": "Scope set",
    "held": "On legal hold",
    "previewed": "Awaiting approval",
    "approved": "Approved",
    "running": "Running",
    "third_parties": "Telling recipients",
    "answered": "Answered",
    "closed": "Closed",
    "refused": "Refused",
}

KIND_LABELS: Final = {
    "erasure": "Erasure",
    "access": "Access",
    "rectification": "Rectification",
    "restriction": "Restriction",
    "objection": "Objection",
}
LAW_LABELS: Final = {"gdpr": "GDPR", "ccpa": "CCPA"}
IDENTITY_LABELS: Final = {
    "signed_in": "Asked from their signed-in account",
    "email_reply": "Answered a code sent to the e-mail we hold",
    "call_back": "Called back on the number we hold",
    "order_details": "Named details of past orders",
    "representative": "A representative with a written mandate",
    "document": "Showed a document, not kept",
}
REFUSAL_LABELS: Final = {
    "not_identified": "We could not identify the person (GDPR art. 12(2), 12(6))",
    "unfounded": "Manifestly unfounded (GDPR art. 12(5))",
    "excessive": "Excessive, repeated (GDPR art. 12(5))",
    "legal_claims": "Needed for legal claims (GDPR art. 17(3)(e))",
    "freedom_of_expression": "Freedom of expression (GDPR art. 17(3)(a))",
    "not_in_scope": "The law does not give this right here",
    "withdrawn": "The person withdrew the request",
}
EXTENSION_LABELS: Final = {"complex": "The request is complex", "many": "We received many requests"}
RECIPIENT_LABELS: Final = {
    "open": "To tell",
    "done": "Confirmed done",
    "failed": "Failed, ask again",
    "not_supported": "Cannot do it",
    "verified_absent": "Holds nothing",
}


def may_move(before: str, after: str) -> bool:
    """Whether a request in state *before* may go to *after*."""
    return after in MOVES[before]
