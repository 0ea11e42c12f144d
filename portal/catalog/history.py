"""What was done to things of the catalogue, as their pages tell it."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from portal.catalog.models import Variant
from portal.catalog.queries import history, history_of_any
from portal.core.audit import AuditEntry, read_changes
from portal.core.database import current_merchant_id, db

SHOWN: Final = 15
# A product of more variants tells what was done to this many of them; each variant has a history of its own.
VARIANTS_FOLLOWED: Final = 200
LONGEST_TOLD: Final = 40


def entries_of(kind: str, key: int) -> list[dict[str, Any]]:
    """What was done to a thing, for the timeline."""
    return [_told(entry) for entry in history(kind, key)]


def product_entries(product_id: int) -> list[dict[str, Any]]:
    """What was done to a product and to its variants, prices included, for the timeline."""
    skus = _skus(product_id)
    found = [*history("product", product_id), *history_of_any("variant", skus)]
    found.sort(key=lambda entry: entry.id, reverse=True)
    return [
        _told(entry, skus[int(entry.subject_id)] if entry.subject_kind == "variant" else None)
        for entry in found[:SHOWN]
    ]


def _skus(product_id: int) -> dict[int, str]:
    table = Variant.__table__.c
    rows = db.session.execute(
        sa.select(table.id, table.sku)
        .where(table.merchant_id == current_merchant_id(), table.product_id == product_id)
        .order_by(table.position, table.id)
        .limit(VARIANTS_FOLLOWED)
    )
    return {row.id: row.sku for row in rows}


def _told(entry: AuditEntry, sku: str | None = None) -> dict[str, Any]:
    noun, _, verb = entry.action.partition(".")
    words = f"{noun} {verb}" if noun in ("price", "variant") else verb
    text = words.replace("_", " ").capitalize()
    return {
        "at": entry.at,
        "text": f"{text}: {sku}" if sku else text,
        "who": entry.actor_name,
        "detail": _what_changed(entry),
    }


def _what_changed(entry: AuditEntry) -> str | None:
    """Each field that changed with both values, where they are short enough to read."""
    if not entry.action.endswith((".updated", ".changed")):
        return None
    changes = read_changes(entry)
    currency = changes.after.get("currency", "")
    told = []
    for field in entry.fields:
        name = field.replace("_", " ").capitalize()
        before, after = changes.before.get(field), changes.after.get(field)
        if _is_short(before) and _is_short(after):
            told.append(f"{name} {_words(before)} → {_words(after)} {currency}".rstrip())
        else:
            told.append(name)
    return ", ".join(told)


def _is_short(value: object) -> bool:
    return not isinstance(value, (list, dict)) and len(_words(value)) <= LONGEST_TOLD


def _words(value: object) -> str:
    return "–" if value in (None, "") else str(value)
