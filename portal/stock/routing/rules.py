"""The merchant's rules and settings for promises, as the engines read them: one statement, no cache to be stale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from portal.core.database import current_merchant_id, db
from portal.stock.routing.planning import Rule

_READ: Final = sa.text("""
    SELECT (SELECT to_jsonb(s) FROM promise_setting AS s WHERE s.merchant_id = :merchant) AS setting,
           ARRAY(SELECT to_jsonb(r) FROM routing_rule AS r WHERE r.merchant_id = :merchant AND r.is_active
                 ORDER BY r.position, r.id) AS rules""")


@dataclass(frozen=True, slots=True)
class PromiseTerms:
    """When units are promised, for how long they are kept, and by which rules places are chosen."""

    allocate_on: str = "placement"
    basket_minutes: int = 15
    payment_minutes: int = 60
    heats_by_itself: bool = True
    hot_slots: int = 8
    rules: tuple[Rule, ...] = ()


def promise_terms() -> PromiseTerms:
    """The terms of the merchant in scope; the defaults where nothing was ever set."""
    row = db.session.execute(_READ, {"merchant": current_merchant_id()}).one()
    return terms_from(row.setting, row.rules)


def terms_from(setting: Mapping[str, Any] | None, rules: Sequence[Mapping[str, Any]]) -> PromiseTerms:
    """The terms that a row of settings and rows of rules make."""
    kept = setting or {}
    known = {name: kept[name] for name in _NAMES if name in kept}
    return PromiseTerms(**known, rules=tuple(_rule(each) for each in rules))


_NAMES: Final = ("allocate_on", "basket_minutes", "payment_minutes", "heats_by_itself", "hot_slots")


def _rule(row: Mapping[str, Any]) -> Rule:
    return Rule(
        name=row["name"],
        strategy=row["strategy"],
        location_id=row["location_id"],
        country_codes=frozenset(row["country_codes"]),
        channel_ids=frozenset(row["channel_ids"]),
        tag=row["tag"],
        least_total=_money(row["least_total"]),
        most_total=_money(row["most_total"]),
    )


def _money(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value))
