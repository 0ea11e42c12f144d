"""Why an order is changed, for each kind of change; a list and not free words, so that lists and reports may show it."""

from __future__ import annotations

from typing import Final

REASONS: Final[dict[str, dict[str, str]]] = {
    "edit": {
        "asked": "The customer asked for it",
        "mistake": "A mistake in the order",
        "no_stock": "Something is not in stock",
        "agreed": "A price was agreed",
        "outside": "Reopened by the channel",
        "other": "Another reason, see the note",
    },
    "cancel": {
        "asked": "The customer asked for it",
        "no_stock": "It is not in stock",
        "unpaid": "It was not paid",
        "fraud": "It may be fraud",
        "duplicate": "Ordered twice",
        "outside": "Cancelled by the channel",
        "other": "Another reason, see the note",
    },
    "refund": {
        "asked": "The customer asked for it",
        "late": "It came late",
        "damaged": "It came damaged",
        "not_as_described": "It is not as described",
        "shipping": "Delivery was charged wrongly",
        "price": "The price was wrong",
        "paid_twice": "It was paid twice",
        "outside": "Given back by the channel",
        "other": "Another reason, see the note",
    },
    "return": {
        "withdrawal": "Withdrawal within the time the law gives",
        "does_not_fit": "It does not fit",
        "changed_mind": "The customer changed their mind",
        "damaged": "It came damaged",
        "wrong_item": "A wrong item was sent",
        "not_as_described": "It is not as described",
        "other": "Another reason, see the note",
    },
    "exchange": {
        "does_not_fit": "It does not fit",
        "wrong_item": "A wrong item was sent",
        "damaged": "It came damaged",
        "changed_mind": "The customer wants another",
        "not_as_described": "It is not as described",
        "other": "Another reason, see the note",
    },
    "claim": {
        "lost": "The parcel was lost",
        "damaged": "It came damaged, and need not come back",
        "missing": "Something was missing in the parcel",
        "other": "Another reason, see the note",
    },
    "goodwill": {
        "late": "It came late",
        "trouble": "For the trouble",
        "loyal": "A loyal customer",
        "other": "Another reason, see the note",
    },
}

REJECTIONS: Final = {
    "kept": "The customer keeps it",
    "never_came": "It never arrived",
    "too_late": "It was sent back too late",
    "used": "It was used beyond trying it",
    "excluded": "It cannot be returned: made to order, or unsealed",
    "not_ours": "It is not what we sent",
    "other": "Another reason, see the notes",
}

KIND_WORDS: Final = {
    "edit": "Edit",
    "cancel": "Cancellation",
    "refund": "Refund",
    "return": "Return",
    "exchange": "Exchange",
    "claim": "Claim",
    "goodwill": "Goodwill",
}


def reason_words(kind: str, code: str | None) -> str:
    """A reason as people read it."""
    for each in (REASONS.get(kind, {}), *REASONS.values()):
        if code in each:
            return each[code]
    return (code or "no reason given").replace("_", " ").capitalize()
