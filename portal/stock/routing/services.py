"""Routing rules as merchants keep them: add, change, reorder, switch, delete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from portal.accounts.api_keys import channel_choices
from portal.catalog import typed
from portal.core import audit
from portal.core.audit import Actor
from portal.core.database import db
from portal.core.errors import ConflictError, DomainError, NotFoundError
from portal.core.merging import merged
from portal.stock.models import ROUTING_STRATEGIES, Location, RoutingRule
from portal.stock.papers import typed_key

STRATEGY_WORDS: Final = {
    "prefer_location": "Prefer a location",
    "same_country": "Prefer locations in the buyer's country",
    "fewest_parcels": "Send as few parcels as possible",
    "most_stock": "Prefer the location with the most stock",
    "exclude_location": "Leave a location out",
}
OF_LOCATION: Final = ("prefer_location", "exclude_location")
MOST_RULES: Final = 50
FIELDS: Final = (
    "name",
    "strategy",
    "location_id",
    "country_codes",
    "channel_ids",
    "tag",
    "least_total",
    "most_total",
)


def routing_rules() -> Sequence[RoutingRule]:
    """All rules in the order in which they count."""
    return db.session.scalars(sa.select(RoutingRule).order_by(RoutingRule.position, RoutingRule.id)).all()


def rule_of(rule_id: int, *, lock: bool = False) -> RoutingRule:
    """One rule.

    Raises:
        NotFoundError: it was deleted.
    """
    statement = sa.select(RoutingRule).where(RoutingRule.id == rule_id)
    found = db.session.scalar(statement.with_for_update() if lock else statement)
    if found is None:
        raise NotFoundError("This rule is gone. Someone deleted it.")
    return found


def rule_texts(rule: RoutingRule) -> dict[str, str]:
    """What the form shows, by field, as text; channels stand on a line each."""
    return {
        "name": rule.name,
        "strategy": rule.strategy,
        "location_id": str(rule.location_id or ""),
        "country_codes": ", ".join(rule.country_codes),
        "channel_ids": "\n".join(str(key) for key in rule.channel_ids),
        "tag": rule.tag or "",
        "least_total": typed.plain(rule.least_total),
        "most_total": typed.plain(rule.most_total),
    }


def add_rule(values: Mapping[str, str], *, by: Actor) -> RoutingRule:
    """Add a rule behind the others.

    Raises:
        DomainError: a value is missing or makes no sense; it names the field.
    """
    wanted = _checked(values)
    count, last = db.session.execute(
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.max(RoutingRule.position), 0))
    ).one()
    if count >= MOST_RULES:
        raise DomainError(f"There can be {MOST_RULES} rules. Delete one first.")
    rule = RoutingRule(position=last + 1, **wanted)
    db.session.add(rule)
    db.session.flush()
    audit.record(action="routing_rule.created", by=by, subject=("routing_rule", rule.id), after=wanted)
    return rule


def change_rule(rule: RoutingRule, values: Mapping[str, str], *, base: Mapping[str, Any], by: Actor) -> None:
    """Save a rule, its row locked, keeping the edits of both sides.

    Raises:
        StaleError: someone else changed the same field since the form was opened.
        DomainError: as ``add_rule``.
    """
    typed_now = {name: values[name] for name in FIELDS}
    wanted = _checked(merged(rule_texts(rule), base, typed_now, version=rule.version))
    before = {name: getattr(rule, name) for name in FIELDS}
    changed = {name: value for name, value in wanted.items() if before[name] != value}
    for name, value in changed.items():
        setattr(rule, name, value)
    if changed:
        db.session.flush()
        audit.record(
            action="routing_rule.updated",
            by=by,
            subject=("routing_rule", rule.id),
            before={name: before[name] for name in changed},
            after=changed,
        )


def move_rule(rule_id: int, step: int, *, by: Actor) -> None:
    """Let a rule count one place earlier (-1) or later (1). At either end it stays."""
    rules = list(
        db.session.scalars(
            sa.select(RoutingRule).order_by(RoutingRule.position, RoutingRule.id).with_for_update()
        )
    )
    here = next((n for n, rule in enumerate(rules) if rule.id == rule_id), None)
    if here is None:
        raise NotFoundError("This rule is gone. Someone deleted it.")
    there = here + step
    if not 0 <= there < len(rules):
        return
    rules[here], rules[there] = rules[there], rules[here]
    for position, rule in enumerate(rules, 1):
        rule.position = position
    db.session.flush()
    audit.record(
        action="routing_rule.moved",
        by=by,
        subject=("routing_rule", rule_id),
        before={"position": here + 1},
        after={"position": there + 1},
    )


def switch_rule(rule_id: int, *, on: bool, by: Actor) -> None:
    """Let a rule count, or not. Doing so twice changes nothing."""
    rule = rule_of(rule_id, lock=True)
    if rule.is_active != on:
        rule.is_active = on
        db.session.flush()
        audit.record(
            action="routing_rule.switched",
            by=by,
            subject=("routing_rule", rule.id),
            before={"is_active": not on},
            after={"is_active": on},
        )


def delete_rule(rule_id: int, *, version: int, by: Actor) -> None:
    """Delete a rule.

    Raises:
        ConflictError: someone changed it since the page was opened.
    """
    rule = rule_of(rule_id, lock=True)
    _require(rule, version)
    before = {name: getattr(rule, name) for name in FIELDS}
    db.session.delete(rule)
    db.session.flush()
    audit.record(action="routing_rule.deleted", by=by, subject=("routing_rule", rule_id), before=before)


def _require(rule: RoutingRule, version: int) -> None:
    if rule.version != version:
        raise ConflictError(
            "Someone changed this rule while you were looking at it. Look again, then delete."
        )


def _checked(text: Mapping[str, str]) -> dict[str, Any]:
    name = typed.short_text(text["name"], "name", "The name", most=80)
    if not name:
        raise DomainError("Give the rule a name of up to 80 characters.", field="name")
    if text["strategy"] not in ROUTING_STRATEGIES:
        raise DomainError("Choose what the rule does.", field="strategy")
    countries = text["country_codes"].upper().replace(",", " ").split()
    if any(len(code) != 2 or not (code.isascii() and code.isalpha()) for code in countries):
        raise DomainError("Write countries as two letters each: DE, FR, GB.", field="country_codes")
    least = typed.decimal(text["least_total"], "least_total", "The lowest total", places=2)
    most = typed.decimal(text["most_total"], "most_total", "The highest total", places=2)
    if least is not None and most is not None and least > most:
        raise DomainError("The highest total is below the lowest.", field="most_total")
    return {
        "name": name,
        "strategy": text["strategy"],
        "location_id": _location(text) if text["strategy"] in OF_LOCATION else None,
        "country_codes": sorted(set(countries)),
        "channel_ids": _channels(text["channel_ids"]),
        "tag": typed.short_text(text["tag"], "tag", "The tag", most=40) or None,
        "least_total": least,
        "most_total": most,
    }


def _location(text: Mapping[str, str]) -> int:
    location_id = typed_key(text["location_id"], "location_id", "The location")
    known = location_id and db.session.scalar(sa.select(Location.id).where(Location.id == location_id))
    if not known:
        raise DomainError("Choose the location that the rule is about.", field="location_id")
    return int(known)


def _channels(lines: str) -> list[int]:
    known = {str(key): key for key, _ in channel_choices()}
    chosen = set(lines.split())
    if chosen - known.keys():
        raise DomainError("One of these channels does not exist any more. Choose again.", field="channel_ids")
    return sorted(known[each] for each in chosen)
