"""Routing rules as merchants keep them: add, change, reorder, switch, delete; and try them on a basket."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from portal.core import audit
from portal.core.audit import Actor
from portal.core.database import db
from portal.core.errors import ConflictError, DomainError, NotFoundError
from portal.stock.bundles import parts_of
from portal.stock.models import ROUTING_STRATEGIES, Location, RoutingRule
from portal.stock.routing.planning import Case, Plan, Want, plan
from portal.stock.routing.rules import promise_terms
from portal.stock.supply import see_supply

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


@dataclass(frozen=True, slots=True)
class RuleValues:
    """A rule as it was typed."""

    name: str
    strategy: str
    location_id: int | None = None
    country_codes: Collection[str] = ()
    channel_ids: Collection[int] = ()
    tag: str | None = None
    least_total: Decimal | None = None
    most_total: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """A basket or an order for the simulator: its lines and what rules may ask about it."""

    wants: Sequence[Want]
    case: Case
    own: Mapping[int, Mapping[int, int]] | None = None


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


def add_rule(values: RuleValues, *, by: Actor) -> RoutingRule:
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


def change_rule(rule_id: int, values: RuleValues, *, version: int, by: Actor) -> None:
    """Save a rule.

    Raises:
        DomainError: as ``add_rule``.
        ConflictError: someone saved it since the form was opened.
    """
    wanted, rule = _checked(values), rule_of(rule_id, lock=True)
    _require(rule, version)
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


def try_rules(tried: Tried) -> Plan:
    """From where the basket would ship as stock stands now. Nothing is held or changed."""
    supply = see_supply({variant_id for want in tried.wants for variant_id in want.parts})
    free = supply.free()
    for variant_id, there in (tried.own or {}).items():
        for location_id, units in there.items():
            places = free.setdefault(variant_id, {})
            places[location_id] = places.get(location_id, 0) + units
    return plan(tried.wants, free, supply.places, promise_terms().rules, tried.case)


def wants_of(lines: Sequence[tuple[int, str, int]]) -> list[Want]:
    """Lines as variant id, SKU and units, with bundles dissolved into their parts."""
    parts = parts_of([variant_id for variant_id, _, _ in lines])
    return [
        Want(n, sku, units, parts.get(variant_id, {variant_id: 1}))
        for n, (variant_id, sku, units) in enumerate(lines, 1)
    ]


# Orders stand above stock: they register how one is read for the simulator.
OrderReader = Callable[[str], Tried | None]
_reader: list[OrderReader] = []


def offer_orders(read: OrderReader) -> None:
    """Let the simulator try orders: ``read(number)`` gives one, or None where there is none."""
    _reader[:] = [read]


def tried_order(number: str) -> Tried:
    """An order by its number.

    Raises:
        DomainError: there is none, or nothing of it is left to send.
    """
    found = _reader[0](number) if _reader else None
    if found is None:
        raise DomainError("There is no live order with this number.", field="order")
    if not found.wants:
        raise DomainError("Nothing of this order is left to send.", field="order")
    return found


def _require(rule: RoutingRule, version: int) -> None:
    if rule.version != version:
        raise ConflictError("Someone changed this rule while you were looking at it. Look again, then save.")


def _checked(values: RuleValues) -> dict[str, Any]:
    name = " ".join(values.name.split())
    if not 1 <= len(name) <= 80:
        raise DomainError("Give the rule a name of up to 80 characters.", field="name")
    if values.strategy not in ROUTING_STRATEGIES:
        raise DomainError("Choose what the rule does.", field="strategy")
    location_id = values.location_id if values.strategy in OF_LOCATION else None
    if values.strategy in OF_LOCATION and (
        location_id is None
        or db.session.scalar(sa.select(Location.is_active).where(Location.id == location_id)) is None
    ):
        raise DomainError("Choose the location that the rule is about.", field="location_id")
    if any(len(code) != 2 or not code.isalpha() for code in values.country_codes):
        raise DomainError("Write countries as two letters each: DE, FR, GB.", field="country_codes")
    least, most = values.least_total, values.most_total
    if least is not None and most is not None and least > most:
        raise DomainError("The highest total is below the lowest.", field="most_total")
    return {
        "name": name,
        "strategy": values.strategy,
        "location_id": location_id,
        "country_codes": sorted({code.upper() for code in values.country_codes}),
        "channel_ids": sorted(set(values.channel_ids)),
        "tag": " ".join((values.tag or "").split())[:40] or None,
        "least_total": least,
        "most_total": most,
    }
