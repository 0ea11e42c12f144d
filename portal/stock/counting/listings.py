"""The list of counts, and the lines of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from flask import request, url_for

from portal.catalog.models import Product, Variant
from portal.core import formats
from portal.core.listing import ChoiceFilter, Column, Extra, FlagFilter, Listing, Sort, TextFilter, link_to
from portal.core.normalise import code_key
from portal.stock.counting.queries import figures_of
from portal.stock.listings import location_choices
from portal.stock.models import Location, StockCount, StockCountLine

STATES = [
    ("open", "Counting"),
    ("review", "To review"),
    ("applying", "Applying"),
    ("applied", "Applied"),
    ("cancelled", "Cancelled"),
]

_count = StockCount.__table__.c
_line = StockCountLine.__table__.c
_location = Location.__table__.c
_variant = Variant.__table__.c
_product = Product.__table__.c

COUNTS = Listing(
    key="stock-counts",
    title="Counts",
    permission="stock.view",
    noun=("count", "counts"),
    source=StockCount.__table__.join(
        Location.__table__,
        sa.and_(_location.merchant_id == _count.merchant_id, _location.id == _count.location_id),
    ),
    tenant=_count.merchant_id,
    row_key=_count.id,
    default_sort="-number",
    columns=[
        Column(
            "number",
            "Count",
            _count.number,
            kind="code",
            sort=Sort(_count.id, index="stock_count_pkey", alone=True),
        ),
        Column("name", "Name", _count.name, card=1),
        Column("state", "State", _count.state, kind="state", badge="count", card=2),
        Column("location", "Location", _location.name, card=3),
        Column("lines", "Variants", kind="number"),
        Column("differing", "Differing", kind="number"),
        Column("over", "Units over", kind="number"),
        Column("short", "Units short", kind="number"),
        Column("begun", "Begun", _count.created_at, kind="time"),
        Column("applied", "Applied", _count.applied_at, kind="time"),
    ],
    extras=[Extra(columns=("lines", "differing", "over", "short"), load=figures_of)],
    filters=[
        ChoiceFilter(
            key="state",
            label="State",
            expression=_count.state,
            options=STATES,
            index="stock_count_merchant_id_state_id_idx",
        ),
        ChoiceFilter(
            key="location",
            label="Location",
            expression=_count.location_id,
            convert=int,
            options=location_choices,
            index="stock_count_merchant_id_location_id_id_idx",
        ),
    ],
    link=link_to("counting.count", "count_id", "row_key"),
    empty=(
        "A count sets what people find on the shelf against the books. Nobody has to stop selling for it.",
        "counting.new_count",
        "Begin a count",
    ),
)


def _of_this_count() -> list[sa.ColumnElement[bool]]:
    """The list stands under the address of one count and reads nothing of another."""
    return [_line.count_id == (request.view_args or {}).get("count_id", 0)]


def _note(row: Mapping[str, Any]) -> str | None:
    if row["applied_at"] is not None:
        taken = row["short_units"]
        return (
            f"Applied, {formats.plural(taken, 'promised unit', 'promised units')} taken back"
            if taken
            else "Applied"
        )
    if row["is_excluded"]:
        return "Left out"
    return "Moved while counted: count it again" if row["book"] != row["book_last"] else None


COUNT_LINES = Listing(
    key="stock-count-lines",
    title="Counted variants",
    permission="stock.view",
    noun=("variant", "variants"),
    source=StockCountLine.__table__.join(
        Variant.__table__,
        sa.and_(_variant.merchant_id == _line.merchant_id, _variant.id == _line.variant_id),
    ).join(
        Product.__table__,
        sa.and_(_product.merchant_id == _variant.merchant_id, _product.id == _variant.product_id),
    ),
    tenant=_line.merchant_id,
    row_key=_line.id,
    exportable=False,
    default_sort="-line",
    always=_of_this_count,
    hidden={
        "count_id": _line.count_id,
        "variant_id": _line.variant_id,
        "is_excluded": _line.is_excluded,
        "applied_at": _line.applied_at,
        "short_units": _line.short_units,
        "book_last": _line.book_last,
    },
    columns=[
        Column("sku", "SKU", _variant.sku, kind="code"),
        Column("product", "Product", _product.title),
        Column("variant", "Variant", _variant.title),
        Column("book", "In the books", _line.book, kind="number", card=1),
        Column("counted", "Counted", _line.counted, kind="number", card=2),
        Column(
            "variance",
            "Difference",
            _line.variance,
            kind="number",
            card=3,
            sort=Sort(_line.variance, index="stock_count_line_merchant_id_count_id_variance_id_idx"),
        ),
        Column(
            "line",
            "Counted at",
            _line.counted_at,
            kind="time",
            sort=Sort(_line.id, index="stock_count_line_merchant_id_count_id_id_idx", alone=True),
        ),
        Column("note", "Note", text=_note),
    ],
    filters=[
        FlagFilter(key="differs", label="Differs", expression=_line.variance != 0),
        FlagFilter(key="moved", label="Moved while counted", expression=_line.book != _line.book_last),
        FlagFilter(key="excluded", label="Left out", expression=_line.is_excluded),
        FlagFilter(key="applied", label="Applied", expression=_line.applied_at.is_not(None)),
        TextFilter(key="sku", label="SKU", expression=_variant.sku_key, normalise=code_key),
    ],
    link=lambda row: url_for("counting.line", count_id=row["count_id"], variant_id=row["variant_id"]),
    quick=lambda text: _variant.sku_key == code_key(text),
    quick_label="SKU",
    empty=("Variants show here as they are scanned.", None, None),
)
