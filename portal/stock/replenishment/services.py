"""Set the thresholds of variants at locations, and say who is told when stock runs low."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from portal.catalog import typed
from portal.catalog.uniqueness import unique
from portal.core import audit
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.core.merging import merged
from portal.stock.models import ReplenishmentRule, ReplenishmentSetting
from portal.stock.papers import require_place, require_version, tell, typed_key
from portal.stock.replenishment.watching import watch
from portal.stock.scanning import MOST_SCANNED, scanned_goods, typed_code
from portal.stock.settings import locked_setting

RULE_KEY: Final = "replenishment_rule_merchant_id_variant_id_location_id_key"
SUBJECT: Final = "replenishment_rule"
NUMBERS: Final = ("minimum", "maximum", "lead_days")
MOST_DAYS: Final = 730


def add_rule(values: Mapping[str, Any], *, by: Actor) -> ReplenishmentRule:
    """A threshold for a variant at a location.

    Raises:
        DomainError: no variant has the code, a number is wrong, or the variant has a threshold there already.
    """
    found = scanned_goods(typed_code(values.get("code")))
    place = require_place(typed_key(values.get("location_id"), "location_id", "The location"), "location_id")
    rule = ReplenishmentRule(variant_id=found.variant_id, location_id=place, **_columns(values))
    message = f"{found.sku} has a threshold at this location already. Change that one."
    with unique(RULE_KEY, message, field="location_id"):
        db.session.add(rule)
    tell("replenishment_rule.created", (SUBJECT, rule.id), by=by, after=rule_values(rule))
    watch([rule.variant_id])
    return rule


def change_rule(
    rule: ReplenishmentRule, values: Mapping[str, Any], *, base: Mapping[str, Any], by: Actor
) -> None:
    """Save the numbers of a threshold over what stands, keeping the edits of both sides.

    Raises:
        StaleError: someone else changed the same number since the form was opened.
        DomainError: a number is wrong.
    """
    before = rule_values(rule)
    mine = {name: typed.text_of(values.get(name)) for name in NUMBERS}
    for name, value in _columns(merged(rule_texts(rule), base, mine, version=rule.version)).items():
        setattr(rule, name, value)
    db.session.flush()
    after = rule_values(rule)
    if after != before:
        tell("replenishment_rule.changed", (SUBJECT, rule.id), by=by, before=before, after=after)
        watch([rule.variant_id])


def remove_rule(rule: ReplenishmentRule, *, by: Actor) -> None:
    """Watch the variant at the location no longer."""
    variant_id, before = rule.variant_id, rule_values(rule)
    tell("replenishment_rule.removed", (SUBJECT, rule.id), by=by, before=before)
    db.session.delete(rule)
    db.session.flush()
    watch([variant_id])


def rule_values(rule: ReplenishmentRule) -> dict[str, Any]:
    """What stands, by field."""
    names = ("variant_id", "location_id", "minimum", "maximum", "lead_days")
    return {name: getattr(rule, name) for name in names}


def rule_texts(rule: ReplenishmentRule) -> dict[str, str]:
    """The numbers as their form shows them."""
    return {name: "" if (value := getattr(rule, name)) is None else str(value) for name in NUMBERS}


def setting() -> ReplenishmentSetting:
    """Who is told; a row that was never saved tells nobody."""
    found = db.session.get(ReplenishmentSetting, current_merchant_id())
    return found or ReplenishmentSetting(
        merchant_id=current_merchant_id(), notify_email=None, is_active=True, version=1
    )


def save_setting(values: Mapping[str, Any], *, version: int, by: Actor) -> None:
    """Say who is told.

    Raises:
        ChangedMeanwhileError: someone else did.
        DomainError: the address is none.
    """
    email = typed.short_text(values.get("notify_email"), "notify_email", "The e-mail address", most=254)
    if email and ("@" not in email or " " in email):
        raise DomainError("This is not an e-mail address.", field="notify_email")
    found = locked_setting(ReplenishmentSetting)
    require_version(found.version, version, "setting")
    before = {"is_active": found.is_active, "is_mailed": bool(found.notify_email)}
    found.notify_email, found.is_active = email or None, bool(values.get("is_active"))
    db.session.flush()
    audit.record(
        "replenishment_setting.changed",
        by=by,
        subject=("replenishment_setting", current_merchant_id()),
        before=before,
        after={"is_active": found.is_active, "is_mailed": bool(found.notify_email)},
    )


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    minimum = typed.whole(
        typed.text_of(values.get("minimum")), "minimum", "The smallest stock", most=MOST_SCANNED
    )
    maximum = typed.whole(
        typed.text_of(values.get("maximum")), "maximum", "The largest stock", most=MOST_SCANNED
    )
    if minimum is None:
        raise DomainError("Enter at how many units to order again.", field="minimum")
    if maximum is None or maximum <= minimum:
        raise DomainError(
            "Enter up to how many units to order; more than the smallest stock.", field="maximum"
        )
    days = typed.whole(typed.text_of(values.get("lead_days")), "lead_days", "The lead time", most=MOST_DAYS)
    return {"minimum": minimum, "maximum": maximum, "lead_days": days}
