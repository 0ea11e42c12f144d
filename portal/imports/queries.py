"""Reading imports for their pages."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from portal.core.card_numbers import without_card_numbers
from portal.core.jobs import Job
from portal.imports.formats import FORMATS, Field
from portal.imports.listed import listed_rows
from portal.imports.models import Import, ImportRow, RowOutcome
from portal.imports.reading.table import Table
from portal.imports.services import current_state, job_of, steps

SHOWN_ROWS = 50

COUNT_LABELS = {
    "orders": "Orders",
    "credit_orders": "Credit orders",
    "lines": "Lines",
    "charges": "Charges",
    "cancellations": "Cancelled lines found",
    "corrections": "Stock corrections",
    "products": "New products",
    "customers": "New customers",
    "guests": "Guest orders",
    "orders_unchanged": "Orders that stand already",
    "created": "New products",
    "updated": "Products that change",
    "variants": "Variants",
    "opening_stock": "Opening balances",
}
UNCHANGED_LABELS = {"order_history": "rows that stand already", "products": "products unchanged"}


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """A field of the format, the column chosen for it and what the first rows hold there."""

    field: Field
    column: int | None
    sample: list[str]


@dataclass(frozen=True, slots=True)
class ImportPage:
    """All that the page of an import shows."""

    found: Import
    state: str
    job: Job | None
    steps: frozenset[str]
    counts: list[tuple[str, int]]
    rejected: list[ImportRow]
    differences: list[ImportRow]
    kept: list[ImportRow]

    @property
    def sums(self) -> list[tuple[str, str]]:
        """The control sums, to the last digit."""
        found, unit = self.found, self.found.options.get("currency", "")
        named = (
            ("Quantity × price of all rows", found.sum_rows),
            ("of rows imported", found.sum_imported),
            ("of rows refused", found.sum_rejected),
            ("Rounded line by line", found.sum_lines),
            ("Difference from rounding", self.difference),
        )
        return [(label, f"{value.normalize():,f} {unit}") for label, value in named if value is not None]

    @property
    def difference(self) -> Decimal | None:
        """What rounding each line to the currency's digits changes of the sum."""
        if self.found.sum_lines is None or self.found.sum_imported is None:
            return None
        return self.found.sum_lines - self.found.sum_imported


def import_page(found: Import) -> ImportPage:
    """The import, its job, what may be done next, and the first listed rows."""
    job = job_of(found)
    state = current_state(found, job)
    return ImportPage(
        found=found,
        state=state,
        job=job,
        steps=steps(found, job),
        counts=[
            (label, int(found.counts[key])) for key, label in COUNT_LABELS.items() if found.counts.get(key)
        ],
        rejected=list(listed_rows(found.id, RowOutcome.REJECTED, count=SHOWN_ROWS)),
        differences=list(listed_rows(found.id, RowOutcome.DIFFERENCE, count=SHOWN_ROWS)),
        kept=list(listed_rows(found.id, RowOutcome.KEPT, count=SHOWN_ROWS)),
    )


def mapped_columns(found: Import, table: Table, mapping: dict[str, int]) -> list[MappedColumn]:
    """Every field of the format with its column and three sample values."""
    head = [list(map(without_card_numbers, cells)) for _, cells in table.head(20)]

    def sample(column: int | None) -> list[str]:
        values = [] if column is None else [cells[column].strip() for cells in head if column < len(cells)]
        return [value[:60] for value in dict.fromkeys(values) if value][:3]

    return [
        MappedColumn(field, mapping.get(field.key), sample(mapping.get(field.key)))
        for field in FORMATS[found.format].fields
    ]


def field_labels(found: Import) -> dict[str, Any]:
    """Labels of the format's fields by key."""
    return {field.key: field.label for field in FORMATS[found.format].fields}
