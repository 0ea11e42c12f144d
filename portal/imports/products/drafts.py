"""A product as a file describes it, whatever the format of the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from portal.imports.formats import is_free_text
from portal.imports.reading.errors import CellError
from portal.imports.reading.values import check_free_text, check_text, parse_decimal

Row = tuple[int, dict[str, str]]


@dataclass(slots=True)
class VariantDraft:
    """A variant. What is None was not in the file and stays as it is."""

    row_number: int
    sku: str
    option_values: dict[str, str] = field(default_factory=dict)
    price: Decimal | None = None
    compare_at: Decimal | None = None
    barcode: str | None = None
    weight_grams: int | None = None
    stock: int | None = None
    is_stocked: bool = True
    has_compare_at: bool = False

    @property
    def title(self) -> str:
        """The option values joined, as on the product page."""
        return " / ".join(self.option_values.values())


@dataclass(slots=True)
class ProductDraft:
    """A product with its variants, from one row or several."""

    source: str
    external_id: str
    title: str
    rows: list[int]
    slug: str | None = None
    description: str | None = None
    vendor: str | None = None
    state: str | None = None
    tags: list[str] = field(default_factory=list)
    categories: list[list[str]] = field(default_factory=list)
    options: dict[str, list[str]] = field(default_factory=dict)
    variants: list[VariantDraft] = field(default_factory=list)
    images: list[tuple[str, str]] = field(default_factory=list)
    type_code: str | None = None
    attributes: dict[str, str] = field(default_factory=dict)
    notes: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Rows that cannot become a product, and why. All rows of one product are refused together."""

    rows: list[int]
    field: str | None
    reason: str
    row_at_fault: int


class Cells:
    """The mapped cells of one row, read with errors that name the field."""

    def __init__(self, number: int, cells: Mapping[str, str], decimal_mark: str) -> None:
        self.number = number
        self._cells = cells
        self._mark = decimal_mark

    def text(self, key: str, longest: int = 255) -> str | None:
        """The trimmed text, or None when the column is not mapped or the cell is empty."""
        try:
            read = check_free_text if is_free_text(key) else check_text
            text = read(self._cells.get(key, ""))
        except CellError as error:
            raise FieldError(self.number, key, error.reason) from None
        if len(text) > longest:
            raise FieldError(self.number, key, f"is longer than {longest:,} letters")
        return text or None

    def needed(self, key: str, longest: int = 255) -> str:
        """The text of a field that must not be empty."""
        text = self.text(key, longest)
        if text is None:
            raise FieldError(self.number, key, "is empty")
        return text

    def money(self, key: str) -> Decimal | None:
        """A price, not below zero."""
        return self._number(key, lowest=Decimal(0))

    def whole(self, key: str) -> int | None:
        """A whole number, not below zero."""
        number = self._number(key, lowest=Decimal(0))
        if number is None:
            return None
        if number != number.to_integral_value():
            raise FieldError(self.number, key, "is not a whole number")
        if number > 1_000_000_000:
            raise FieldError(self.number, key, "is too large")
        return int(number)

    def stock(self, key: str) -> int | None:
        """A quantity on hand. Shops let it fall below zero when they oversell; then nothing is on hand."""
        number = self._number(key, lowest=None)
        if number is None:
            return None
        if number != number.to_integral_value() or abs(number) > 1_000_000_000:
            raise FieldError(self.number, key, "is not a whole number of pieces")
        return max(0, int(number))

    def decimal(self, key: str) -> Decimal | None:
        """A number, not below zero."""
        return self._number(key, lowest=Decimal(0))

    def flag(self, key: str) -> bool | None:
        """Yes or no, as shops write it."""
        text = (self.text(key) or "").casefold()
        if not text:
            return None
        return text in {"1", "true", "yes", "y", "active", "published"}

    def _number(self, key: str, lowest: Decimal | None) -> Decimal | None:
        text = self.text(key)
        if text is None:
            return None
        try:
            number = parse_decimal(text, self._mark)
        except CellError as error:
            raise FieldError(self.number, key, error.reason) from None
        if lowest is not None and number < lowest:
            raise FieldError(self.number, key, "is below zero")
        return number


class FieldError(ValueError):
    """A cell of a product row broke a rule."""

    def __init__(self, row_number: int, field: str, reason: str) -> None:
        super().__init__(reason)
        self.row_number = row_number
        self.field = field
        self.reason = reason


def split_list(text: str | None, mark: str = ",") -> list[str]:
    """The parts of a cell that holds several values, trimmed, without repeats; a backslash keeps the mark."""
    if not text:
        return []
    parts = text.replace(f"\\{mark}", "\0").split(mark)
    return list(dict.fromkeys(part.replace("\0", mark).strip() for part in parts if part.strip()))


def as_dict(draft: ProductDraft) -> dict[str, Any]:
    """The fields of the product itself that a file may change."""
    return {
        "title": draft.title,
        "description": draft.description,
        "vendor": draft.vendor,
        "state": draft.state,
        "tags": draft.tags or None,
    }


Parsed = Iterator[ProductDraft | RowProblem]
