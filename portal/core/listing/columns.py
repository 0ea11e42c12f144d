"""What a list shows: its columns, how each sorts, and where values come from that no join should fetch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

CellKind = Literal["text", "code", "number", "change", "money", "time", "day", "state", "flag", "country"]
RIGHT_ALIGNED = frozenset({"number", "change", "money"})


@dataclass(frozen=True, slots=True)
class Sort:
    """How a column sorts.

    Args:
        expression: what is compared; NULL only when `nullable`, and then such rows stand last in either direction.
        index: name of the index `(merchant_id, expression, tie-break)`; None makes the sort bounded (2 s, "narrow your filters").
        alone: the expression is unique, as an id is; no tie-break is needed.
    """

    expression: sa.ColumnElement[Any]
    index: str | None
    nullable: bool = False
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a list.

    Args:
        key: name in the URL (`cols=`, `sort=`) and of the value in the row.
        value: SQL expression; None when an `Extra` brings the value.
        kind: how it is written and aligned. `change` is a number with its sign, and nothing where nothing changed. `money` needs `currency`, the key of a row value; `state` needs `badge`, the kind of
            badge (order, payment, …).
        default: shown unless the person chose otherwise.
        personal: category of personal data (name, email, phone, address, postcode); such a column is masked in lists and exports.
        card: shown on the card that a row becomes at 360 px; give it to the three that matter, the first column is always there.
        names: choices that name the value (an id of a channel); fetched once for all rows of a page.
        text: writes the value itself, for words that are computed; the export writes the same.
    """

    key: str
    label: str
    value: sa.ColumnElement[Any] | None = None
    kind: CellKind = "text"
    default: bool = True
    sort: Sort | None = None
    currency: str | None = None
    badge: str | None = None
    personal: str | None = None
    card: bool | int = False
    names: Callable[[], Sequence[tuple[str, str]]] | None = None
    text: Callable[[Mapping[str, Any]], str | None] | None = None

    @property
    def is_right_aligned(self) -> bool:
        return self.kind in RIGHT_ALIGNED


Loader = Callable[[Sequence[Any]], Mapping[Any, Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Extra:
    """Values fetched for the rows of a page after its keys are known, in one statement for all of them.

    `load(keys)` returns, by key, the values by column key. Use it where a join would make PostgreSQL plan badly.
    """

    columns: tuple[str, ...]
    load: Loader
