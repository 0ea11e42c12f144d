"""What a merchant says about promises: when units are allocated, how long they are kept, what a variant does without stock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from portal.catalog.models import STOCK_POLICIES, Variant
from portal.core import audit, outbox
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError
from portal.stock.models import ALLOCATION_MOMENTS, PromiseSetting
from portal.stock.routing.rules import PromiseTerms

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
LIMITS: Final = {
    "basket_minutes": (1, 10_080, "Baskets keep units for 1 to 10,080 minutes, which is a week."),
    "payment_minutes": (1, 43_200, "Unpaid orders keep units for 1 to 43,200 minutes, which is thirty days."),
    "hot_slots": (2, 64, "A hot variant has 2 to 64 slots."),
}


def promise_setting() -> PromiseSetting | None:
    """The merchant's own setting; None while the defaults hold."""
    return db.session.get(PromiseSetting, current_merchant_id())


def setting_values() -> dict[str, Any]:
    """What holds now, by field, and the version of the row (0: none yet)."""
    found, defaults = promise_setting(), PromiseTerms()
    return {name: getattr(found or defaults, name) for name in FIELDS} | {
        "version": found.version if found else 0
    }


def save_promise_setting(values: Mapping[str, Any], *, version: int, by: Actor) -> None:
    """Say when units are allocated and how long they are kept.

    Args:
        version: of the row the form was opened with; 0 when there was none.

    Raises:
        DomainError: a value is out of range; it names the field.
        ConflictError: someone saved it since.
    """
    wanted = {name: values[name] for name in FIELDS}
    if wanted["allocate_on"] not in ALLOCATION_MOMENTS:
        raise DomainError("Choose when units are allocated.", field="allocate_on")
    for name, (least, most, message) in LIMITS.items():
        if wanted[name] is None or not least <= wanted[name] <= most:
            raise DomainError(message, field=name)
    found = db.session.scalar(sa.select(PromiseSetting).with_for_update())
    if version != (found.version if found else 0):
        raise ConflictError("Someone saved this while you were looking at it. Look again, then save.")
    before = {name: getattr(found or PromiseTerms(), name) for name in FIELDS}
    if found is None:
        db.session.add(PromiseSetting(**wanted))
    else:
        for name, value in wanted.items():
            setattr(found, name, value)
    db.session.flush()
    changed = {name for name in FIELDS if before[name] != wanted[name]}
    if changed:
        audit.record(
            action="stock.promises_set",
            by=by,
            subject=("promise_setting", current_merchant_id()),
            before={name: before[name] for name in changed},
            after={name: wanted[name] for name in changed},
        )


def save_policy(
    variant: Variant,
    policy: str,
    *,
    limit: int | None,
    until: dt.date | None,
    version: int,
    by: Actor,
) -> None:
    """Say what happens when a variant has nothing left.

    Args:
        limit: most units that may wait for goods at once; None is no limit. For back-orders.
        until: last day on which it is sold before release; None is until it is changed. For pre-orders.
        version: of the variant the form was opened with.

    Raises:
        DomainError: the policy is unknown, or the limit below zero.
        ConflictError: the variant changed since.
    """
    if policy not in STOCK_POLICIES:
        raise DomainError("Choose what happens when nothing is left.", field="policy")
    if limit is not None and limit < 0:
        raise DomainError("The limit is a number of units from 0 up.", field="limit")
    if variant.version != version:
        raise ConflictError("This variant changed while you were looking at it. Look again, then save.")
    before = (variant.stock_policy, variant.backorder_limit, variant.preorder_until)
    after = (policy, limit if policy == "backorder" else None, until if policy == "preorder" else None)
    if before == after:
        return
    variant.stock_policy, variant.backorder_limit, variant.preorder_until = after
    db.session.flush()
    names = ("stock_policy", "backorder_limit", "preorder_until")
    audit.record(
        action="variant.stock_policy_changed",
        by=by,
        subject=("variant", variant.id),
        before=dict(zip(names, before, strict=True)),
        after=dict(zip(names, after, strict=True)),
    )
    outbox.publish("stock.changed", key=f"variant:{variant.id}", payload={"variant_id": variant.id})
