"""Imports of hostile text and messy files end in order: applied or refused, never crashed, never half applied."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from portal.catalog.models import Product, Variant
from portal.core import storage
from portal.core.database import db
from portal.core.errors import DomainError
from portal.imports import services
from portal.imports.models import Import
from portal.orders.models import Order, OrderLine
from tests.imports.conftest import BY, DATA, HEAD, row, work

STRINGS = json.loads((DATA / "blns.json").read_text(encoding="utf-8"))


def csv_of(headings: list[str], rows: list[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(headings)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8", "surrogatepass")


def test_naughty_strings_as_products_end_in_order(applied: Callable[..., Import]) -> None:
    rows = [[f"N-{n}", text, text, "1.00", text] for n, text in enumerate(STRINGS)]
    found = applied(csv_of(["SKU", "Title", "Description", "Price", "Tags"], rows))
    products, variants = (
        db.session.scalar(
            sa.select(sa.func.count()).select_from(model).where(model.merchant_id == found.merchant_id)
        )
        for model in (Product, Variant)
    )
    assert products == variants == found.counts["created"]
    # A row of blank cells but for its code is a row; only those without a title or with a NUL are refused.
    assert found.counts["created"] + found.counts["rejected"] == found.counts["rows"] == len(rows)
    assert found.counts["created"] > 450


def test_naughty_strings_as_codes_and_titles_of_orders_end_in_order(applied: Callable[..., Import]) -> None:
    rows = [[text, text, text, "1", "2010-12-01 08:26:00", "2.50", text, text] for text in STRINGS]
    found = applied(csv_of(HEAD.strip().split(","), rows))
    lines = db.session.scalar(
        sa.select(sa.func.count()).select_from(OrderLine).where(OrderLine.merchant_id == found.merchant_id)
    )
    assert found.counts["imported"] + found.counts["rejected"] == found.counts["rows"]
    assert lines == found.counts["lines"]
    assert found.counts["orders"] > 100


def test_naughty_strings_as_numbers_and_dates_are_refused_row_by_row(applied: Callable[..., Import]) -> None:
    rows = [[f"I{n}", "A", "x", text, text, text, "", ""] for n, text in enumerate(STRINGS)]
    found = applied(csv_of(HEAD.strip().split(","), rows))
    assert (found.counts["rejected"], found.counts["orders"]) == (found.counts["rows"], 0)


@pytest.mark.parametrize(
    "path",
    sorted((DATA / "horror").iterdir()) + sorted((DATA / "csv-spectrum").glob("*.csv")),
    ids=lambda path: path.name,
)
def test_a_messy_file_is_refused_or_ends_in_order(path: Path, upload: Callable[..., Import]) -> None:
    try:
        found = upload(path.read_bytes(), path.name)
        services.set_mapping(found, found.mapping, {}, by=BY)
        services.start_check(found, by=BY)
    except DomainError as error:
        db.session.rollback()
        assert error.message
        return
    db.session.commit()
    assert work(found).state in {"checked", "failed"}


def test_a_file_that_breaks_in_the_middle_is_never_half_applied(checked: Callable[..., Import]) -> None:
    whole = HEAD + "".join(row(str(n), "A1", 1, "1") for n in range(400))
    found = checked(whole.encode() + b'"open quote,' + b"1,2,3\n" * 4000)
    assert found.state == "failed"
    assert "line 402" in (found.problem or "")
    assert (
        db.session.scalar(
            sa.select(sa.func.count()).select_from(Order).where(Order.merchant_id == found.merchant_id)
        )
        == 0
    )


def test_corrected_rejects_come_back_and_complete_the_import(applied: Callable[..., Import]) -> None:
    first = applied(
        HEAD
        + row("1", "A1", 1, "1", description="=FREE()")
        + row("1", "A2", 1, "oops")
        + row("2", "A1", 2, "1")
    )
    assert (first.counts["orders"], first.counts["rejected"]) == (1, 2)
    assert first.rejects_key is not None
    rejects = storage.read_bytes(first.rejects_key).decode("utf-8-sig")
    assert "'=FREE()" in rejects
    assert "Unit price is not a number" in rejects
    second = applied(rejects.replace("oops", "3.00"), retry_of=first)
    assert (second.counts["orders"], second.counts["rejected"], second.retry_of_id) == (1, 0, first.id)
    titles = set(
        db.session.scalars(sa.select(OrderLine.title).where(OrderLine.merchant_id == first.merchant_id))
    )
    assert "=FREE()" in titles


def test_the_same_file_again_at_once_is_refused(upload: Callable[..., Import]) -> None:
    first, second = upload(HEAD + row("1", "A1", 1, "1")), upload(HEAD + row("2", "A1", 1, "1"))
    for found in (first, second):
        services.set_mapping(found, found.mapping, {}, by=BY)
    services.start_check(first, by=BY)
    with pytest.raises(DomainError, match="Another import"):
        services.start_check(second, by=BY)
