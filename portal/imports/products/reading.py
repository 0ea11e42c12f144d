"""Rows of a product file as drafts, by the reader of its format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from portal.imports.products.drafts import Parsed, Row
from portal.imports.products.plain import read_plain
from portal.imports.products.shopify import read_shopify
from portal.imports.products.woocommerce import read_woocommerce
from portal.imports.reading.table import Table

READERS: Final[dict[str, Callable[[Iterable[Row], str], Parsed]]] = {
    "shopify_products": read_shopify,
    "woocommerce_products": read_woocommerce,
    "products": read_plain,
}


def read_drafts(format_key: str, table: Table, mapping: dict[str, int], decimal_mark: str) -> Parsed:
    """Every product of the file, or the rows that are none."""
    return READERS[format_key](_mapped(table, mapping), decimal_mark)


def _mapped(table: Table, mapping: dict[str, int]) -> Iterator[Row]:
    for number, cells in table.rows():
        yield number, {key: cells[column] for key, column in mapping.items() if column < len(cells)}
