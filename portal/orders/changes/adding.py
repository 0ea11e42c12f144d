"""Goods that are added to a form row by row: looked for by SKU, barcode or name, put into the next free row.

The rows are fields of the form (``sku-1``, ``units-1``, ``new-price-1`` and on); nothing is kept until the form is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from portal.orders.changes.reading import MOST_ADDED
from portal.orders.drafts.finding import SoldVariant, find_variants, sold_by_codes

FULL: Final = f"A change takes {MOST_ADDED} new items. Confirm it, then begin another."


@dataclass(frozen=True, slots=True)
class AddedRow:
    """A row as it is typed, with the variant it means once there is one."""

    n: int
    variant: SoldVariant | None


@dataclass(frozen=True, slots=True)
class Adding:
    """The rows of a form, one of them free, and what was looked for."""

    rows: Sequence[AddedRow]
    typed: Mapping[str, str]
    text: str = ""
    found: Sequence[SoldVariant] = field(default_factory=tuple)
    problem: str | None = None


def adding(typed: Mapping[str, str], currency: str) -> Adding:
    """The rows that hold something, and a free one."""
    taken = [n for n in range(1, MOST_ADDED + 1) if _code(typed, n)]
    variants = sold_by_codes([_code(typed, n) for n in taken], currency)
    free = next((n for n in range(1, MOST_ADDED + 1) if n not in taken), None)
    rows = [AddedRow(n, variants.get(_code(typed, n))) for n in taken]
    return Adding([*rows, AddedRow(free, None)] if free else rows, typed)


def looked_for(typed: Mapping[str, str], currency: str) -> Adding:
    """What the search field or an *Add* button asked for: matches to choose from; one that is meant exactly is put in."""
    text = typed.get("find", "").strip()
    if chosen := typed.get("pick", "").strip():
        return _with(typed, chosen, currency)
    found = find_variants(text, currency)
    exact = [each for each in found if each.is_exact]
    if len(exact) == 1 and not typed.get("only_look"):
        return _with(typed, exact[0].sku, currency)
    shown = adding(typed, currency)
    problem = None if found or not text else f"Nothing that is sold matches “{text[:60]}”."
    return Adding(shown.rows, shown.typed, text, found, problem)


def _with(typed: Mapping[str, str], sku: str, currency: str) -> Adding:
    """The rows with one unit more of a SKU; a form that is full stays as it is."""
    filled = {name: text for name, text in typed.items() if name not in ("find", "pick", "only_look")}
    rows = range(1, MOST_ADDED + 1)
    same = next((n for n in rows if _code(typed, n).lower() == sku.lower()), None)
    n = same or next((n for n in rows if not _code(typed, n)), None)
    if n is None:
        shown = adding(filled, currency)
        return Adding(shown.rows, shown.typed, problem=FULL)
    units = filled.get(f"units-{n}", "").strip() or ("1" if same else "0")
    if units.isascii() and units.isdigit() and len(units) < 8:
        filled[f"units-{n}"] = str(int(units) + 1)
    filled[f"sku-{n}"] = sku
    return adding(filled, currency)


def _code(typed: Mapping[str, str], n: int) -> str:
    return typed.get(f"sku-{n}", "").strip()
