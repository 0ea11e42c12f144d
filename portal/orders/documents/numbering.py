"""Numbers of invoices and credit notes: unique, in sequence, without a gap.

The counter's row is locked from the moment a number is taken until the transaction ends, so taking one is the last
statement before the commit. A transaction that fails gives its number back, because the counter fails with it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from portal.core.database import current_merchant_id, db
from portal.orders.models import DocumentCounter, DocumentSettings, InvoiceRef

_counter: Final = DocumentCounter.__table__
_ref: Final = InvoiceRef.__table__


@dataclass(frozen=True, slots=True)
class NewRef:
    """What stands beside the number."""

    id: int
    order_id: int
    kind: str
    issued_on: dt.date
    currency: str
    net_total: Decimal
    tax_total: Decimal
    change_n: int | None = None
    refers_to_id: int | None = None


def series_of(settings: DocumentSettings, kind: str, issued_on: dt.date) -> str:
    """What stands before the running number on that day, as in "INV-2026-"."""
    prefix = _prefix(settings, kind)
    return f"{prefix}{issued_on.year}-" if settings.numbers_by_year else prefix


def next_number(settings: DocumentSettings, kind: str, issued_on: dt.date) -> str:
    """The number that the next document of that day would have; nothing is taken."""
    series = series_of(settings, kind, issued_on)
    last = db.session.scalar(
        sa.select(_counter.c.last_value).where(
            _counter.c.merchant_id == current_merchant_id(), _counter.c.series == series
        )
    )
    running = db.session.scalar(sa.select(_first(settings, kind, series))) if last is None else last + 1
    return f"{series}{running:0{settings.digits}d}"


def take_number(new: NewRef, settings: DocumentSettings) -> str:
    """Take the next number of the series and write the document's reference, in one statement; commit right after."""
    series = series_of(settings, new.kind, new.issued_on)
    taken = (
        postgresql.insert(_counter)
        .values(
            merchant_id=current_merchant_id(), series=series, last_value=_first(settings, new.kind, series)
        )
        .on_conflict_do_update(
            index_elements=["merchant_id", "series"], set_={"last_value": _counter.c.last_value + 1}
        )
        .returning(_counter.c.last_value)
        .cte("taken")
    )
    running = sa.cast(taken.c.last_value, sa.Text)
    padded = sa.func.lpad(running, sa.func.greatest(settings.digits, sa.func.length(running)), "0")
    values: dict[str, Any] = {
        "merchant_id": current_merchant_id(), "id": new.id, "order_id": new.order_id, "kind": new.kind, "series": series,
        "issued_on": new.issued_on, "change_n": new.change_n, "refers_to_id": new.refers_to_id, "currency": new.currency,
        "net_total": new.net_total, "tax_total": new.tax_total, "total": new.net_total + new.tax_total,
    }  # fmt: skip
    columns = [_ref.c[name] for name in values]
    row = sa.select(
        *(sa.literal(value, _ref.c[name].type) for name, value in values.items()),
        sa.literal(series, sa.Text).concat(padded),
        taken.c.last_value,
    )
    statement = sa.insert(_ref).from_select([*columns, _ref.c.number, _ref.c.sequence], row)
    return str(db.session.execute(statement.returning(_ref.c.number)).scalar_one())


def _first(settings: DocumentSettings, kind: str, series: str) -> sa.ColumnElement[int]:
    """Where a new series begins: at the merchant's first number; at 1 when the years before it are counted here already."""
    first = sa.literal(settings.first_number, _counter.c.last_value.type)
    if not settings.numbers_by_year or settings.first_number == 1:
        return first
    prefix = _prefix(settings, kind)
    earlier = sa.select(sa.literal(1)).where(
        _counter.c.merchant_id == current_merchant_id(),
        _counter.c.series.startswith(prefix, autoescape=True),
        sa.func.substr(_counter.c.series, len(prefix) + 1).regexp_match("^[0-9]{4}-$"),
        _counter.c.series < series,
    )
    return sa.case((earlier.exists(), sa.literal(1, _counter.c.last_value.type)), else_=first)


def _prefix(settings: DocumentSettings, kind: str) -> str:
    return settings.invoice_prefix if kind == "invoice" else settings.credit_note_prefix
