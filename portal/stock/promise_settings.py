"""What a merchant says about promises: when units are allocated, how long they are kept, what a variant does without stock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from portal.catalog import typed
from portal.catalog.models import STOCK_POLICIES, Variant
from portal.core import audit
from portal.core.announcing import announce
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.core.merging import merged
from portal.stock.models import ALLOCATION_MOMENTS, PromiseSetting
from portal.stock.papers import typed_day
from portal.stock.routing.rules import PromiseTerms
from portal.stock.settings import locked_setting

MOMENT_WORDS: Final = {
    "placement": "when the order is placed",
    "payment": "when the order is paid or its payment is secured",
}
POLICY_WORDS: Final = {
    "deny": "Sell only what is there",
    "backorder": "Sell on, deliver when it arrives",
    "preorder": "Sell before it is released",
}
FIELDS: Final = ("allocate_on", "basket_minutes", "payment_minutes", "heats_by_itself", "hot_slots")
POLICY_FIELDS: Final = ("policy", "limit", "until")
LIMITS: Final = {
    "basket_minutes": (1, 10_080, "Baskets keep units for 1 to 10,080 minutes, which is a week."),
    "payment_minutes": (1, 43_200, "Unpaid orders keep units for 1 to 43,200 minutes, which is thirty days."),
    "hot_slots": (2, 64, "A hot variant has 2 to 64 slots."),
}


def setting_texts() -> dict[str, str]:
    """What holds now, by field, as the form shows it."""
    return _texts(db.session.get(PromiseSetting, current_merchant_id()) or PromiseTerms())


def save_promise_setting(values: Mapping[str, str], *, base: Mapping[str, Any], by: Actor) -> None:
    """Say when units are allocated and how long they are kept, keeping the edits of both sides.

    Args:
        base: what the form showed when it was opened.

    Raises:
        StaleError: someone else changed the same field since.
        DomainError: a value is out of range; it names the field.
    """
    found = locked_setting(PromiseSetting)
    before = _texts(found)
    wanted = merged(before, base, {name: values[name] for name in FIELDS}, version=found.version)
    for name, value in _checked(wanted).items():
        setattr(found, name, value)
    db.session.flush()
    after = _texts(found)
    changed = [name for name in FIELDS if before[name] != after[name]]
    if changed:
        audit.record(
            action="stock.promises_set",
            by=by,
            subject=("promise_setting", current_merchant_id()),
            before={name: before[name] for name in changed},
            after={name: after[name] for name in changed},
        )


def policy_texts(variant: Variant) -> dict[str, str]:
    """What a variant does without stock, by field, as the form shows it."""
    return {
        "policy": variant.stock_policy,
        "limit": "" if variant.backorder_limit is None else str(variant.backorder_limit),
        "until": variant.preorder_until.isoformat() if variant.preorder_until else "",
    }


def save_policy(variant: Variant, values: Mapping[str, str], *, base: Mapping[str, Any], by: Actor) -> None:
    """Say what happens when a variant has nothing left, keeping the edits of both sides.

    Args:
        variant: its row, locked.
        values: policy; limit, the most units that may wait for goods at once, empty for no limit; until, the last day
            on which it is sold before release, empty until it is changed.
        base: what the form showed when it was opened.

    Raises:
        StaleError: someone else changed the same field since.
        DomainError: the policy is unknown, the limit no number of units, or the day none.
    """
    wanted = merged(
        policy_texts(variant), base, {name: values[name] for name in POLICY_FIELDS}, version=variant.version
    )
    policy = wanted["policy"]
    if policy not in STOCK_POLICIES:
        raise DomainError("Choose what happens when nothing is left.", field="policy")
    limit = typed.whole(wanted["limit"], "limit", "The limit")
    until = typed_day(wanted["until"], "until", "The last day")
    before = (variant.stock_policy, variant.backorder_limit, variant.preorder_until)
    after = (policy, limit if policy == "backorder" else None, until if policy == "preorder" else None)
    if before == after:
        return
    variant.stock_policy, variant.backorder_limit, variant.preorder_until = after
    db.session.flush()
    names = ("stock_policy", "backorder_limit", "preorder_until")
    announce(
        "variant.stock_policy_changed",
        by=by,
        subject=("variant", variant.id),
        before=dict(zip(names, before, strict=True)),
        after=dict(zip(names, after, strict=True)),
        event="stock.changed",
        key=f"variant:{variant.id}",
        payload={"variant_id": variant.id},
    )


def _texts(terms: PromiseSetting | PromiseTerms) -> dict[str, str]:
    return {
        "allocate_on": terms.allocate_on,
        "basket_minutes": str(terms.basket_minutes),
        "payment_minutes": str(terms.payment_minutes),
        "heats_by_itself": "y" if terms.heats_by_itself else "",
        "hot_slots": str(terms.hot_slots),
    }


def _checked(text: Mapping[str, str]) -> dict[str, Any]:
    if text["allocate_on"] not in ALLOCATION_MOMENTS:
        raise DomainError("Choose when units are allocated.", field="allocate_on")
    numbers = {}
    for name, (least, most, message) in LIMITS.items():
        number = typed.whole(text[name], name, "This")
        if number is None or not least <= number <= most:
            raise DomainError(message, field=name)
        numbers[name] = number
    return {
        "allocate_on": text["allocate_on"],
        "heats_by_itself": bool(text["heats_by_itself"]),
        **numbers,
    }
