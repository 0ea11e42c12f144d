"""Products of any shop, one row each: a SKU, a title, and what else there is."""

from __future__ import annotations

from collections.abc import Iterable

from portal.imports.naming import slug_of
from portal.imports.products.drafts import (
    Cells,
    FieldError,
    Parsed,
    ProductDraft,
    Row,
    RowProblem,
    VariantDraft,
    split_list,
)


def read_plain(rows: Iterable[Row], decimal_mark: str) -> Parsed:
    """Products in the order of the file."""
    for number, cells in rows:
        row = Cells(number, cells, decimal_mark)
        try:
            yield _product(row)
        except FieldError as error:
            yield RowProblem([number], error.field, error.reason, error.row_number)


def _product(row: Cells) -> ProductDraft:
    sku, title = row.needed("sku", 100), row.needed("title")
    variant = VariantDraft(
        row.number, sku, price=row.money("price"), barcode=row.text("barcode", 50), stock=row.stock("stock")
    )
    return ProductDraft(
        source="file",
        external_id=sku,
        title=title,
        slug=slug_of(title, sku),
        rows=[row.number],
        description=row.text("description", 100_000),
        tags=split_list(row.text("tags", 5_000)),
        categories=[split_list(path, ">") for path in split_list(row.text("categories", 5_000))],
        variants=[variant],
        images=[(address, "") for address in split_list(row.text("images", 20_000))],
    )
