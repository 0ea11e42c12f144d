"""A document as it is set: words and figures in their places, already in the reader's language. Nothing is computed here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Literal

from portal.orders.documents.glyphs import printable

LAYOUT: Final = 1
Side = Literal["start", "end", "center"]


@dataclass(frozen=True, slots=True)
class Seller:
    """The letterhead: name, the lines under it, and the one line above the recipient."""

    name: str
    lines: Sequence[str] = ()
    sender: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table; a wide one takes the room that is left."""

    label: str
    side: Side = "start"
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell with small lines under its text."""

    main: str
    under: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows of text."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[str | Cell]]


@dataclass(frozen=True, slots=True)
class Total:
    """A line of the sums; the strong one is what is paid."""

    label: str
    value: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Code:
    """A code that scanners read, with its text below."""

    svg: str
    text: str
    square: bool = False


@dataclass(frozen=True, slots=True)
class Paper:
    """One document.

    Args:
        heading: its name and number.
        language: of the words on it, as in "de".
        direction: of the script.
        facts: label and value; a third, true value sets the pair apart.
        logo: name of a picture that is handed over beside the papers.
        codes: beside the heading.
        boxes: labels of lines to write on.
        footer: columns of small lines.
        page_words: "Page {page} of {pages}" in the language.
    """

    heading: str
    seller: Seller
    language: str = "en"
    direction: str = "ltr"
    paper: str = "a4"
    recipient: Sequence[str] = ()
    facts: Sequence[Sequence[str | bool]] = ()
    lead: Sequence[str] = ()
    goods: Table | None = None
    totals: Sequence[Total] = ()
    taxes: Table | None = None
    notes: Sequence[str] = ()
    codes: Sequence[Code] = ()
    boxes: Sequence[str] = ()
    footer: Sequence[Sequence[str]] = ()
    page_words: str = "Page {page} of {pages}"
    logo: str | None = None
    layout: int = field(default=LAYOUT)

    def as_dict(self) -> dict[str, Any]:
        """For keeping: plain JSON that ``paper_of`` reads again."""
        kept: dict[str, Any] = _cleaned(asdict(self), printable)
        return kept

    def to(self, recipient: Sequence[str]) -> Paper:
        """The same paper with its recipient, who is kept apart from it."""
        return replace(self, recipient=[printable(line) for line in recipient])


def paper_of(kept: Mapping[str, Any]) -> Paper:
    """The paper that ``as_dict`` described."""
    values = dict(kept)
    values["seller"] = Seller(**values["seller"])
    values["goods"] = _table_of(values["goods"])
    values["taxes"] = _table_of(values["taxes"])
    values["totals"] = [Total(**each) for each in values["totals"]]
    values["codes"] = [Code(**each) for each in values["codes"]]
    return Paper(**values)


def _table_of(kept: Mapping[str, Any] | None) -> Table | None:
    if kept is None:
        return None
    rows = [[Cell(**cell) if isinstance(cell, Mapping) else cell for cell in row] for row in kept["rows"]]
    return Table([Column(**column) for column in kept["columns"]], rows)


def _cleaned(value: Any, clean: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return value if value.startswith("<svg") else clean(value)
    if isinstance(value, Mapping):
        return {name: _cleaned(each, clean) for name, each in value.items()}
    if isinstance(value, Sequence):
        return [_cleaned(each, clean) for each in value]
    return value
