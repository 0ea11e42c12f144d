"""Shopify's product CSV: rows with the same handle are one product; the first carries its fields, each with an option
value a variant, each with an image address an image."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

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


def read_shopify(rows: Iterable[Row], decimal_mark: str) -> Parsed:
    """Products in the order of the file. Rows of a product follow each other, as Shopify writes them."""
    for handle, group in groupby(rows, key=lambda row: row[1].get("handle", "").strip()):
        lines = list(group)
        numbers = [number for number, _ in lines]
        try:
            yield _product(handle, [Cells(number, cells, decimal_mark) for number, cells in lines])
        except FieldError as error:
            yield RowProblem(numbers, error.field, error.reason, error.row_number)


def _product(handle: str, rows: list[Cells]) -> ProductDraft:
    first = rows[0]
    if not handle:
        raise FieldError(first.number, "handle", "is empty")
    published = first.text("published")
    draft = ProductDraft(
        source="shopify",
        external_id=first.needed("handle"),
        slug=slug_of(handle),
        title=first.needed("title"),
        rows=[row.number for row in rows],
        description=first.text("description", 100_000),
        vendor=first.text("vendor"),
        state=None if published is None else _state(published),
        tags=split_list(first.text("tags", 5_000)),
        categories=[[part] for part in split_list(first.text("type"))],
    )
    names = [first.text(f"option{place}_name") for place in (1, 2, 3)]
    for row in rows:
        variant = _variant(draft, row, names)
        if variant is not None:
            draft.variants.append(variant)
        image = row.text("images", 2_000)
        if image and image not in {address for address, _ in draft.images}:
            draft.images.append((image, row.text("image_alt", 500) or ""))
    return draft


def _variant(draft: ProductDraft, row: Cells, names: list[str | None]) -> VariantDraft | None:
    values = [row.text(f"option{place}_value") for place in (1, 2, 3)]
    if not any(values) and (row.text("price") is None or draft.variants):
        return None
    chosen = {name: value for name, value in zip(names, values, strict=True) if name and value}
    if chosen == {"Title": "Default Title"}:
        chosen = {}
    for name, value in chosen.items():
        choices = draft.options.setdefault(name, [])
        if value not in choices:
            choices.append(value)
    # Without a SKU of its own a variant is called by its handle and options, the same at every import.
    sku = row.text("sku", 100) or slug_of(" ".join([draft.external_id, *chosen.values()]))
    price, before = row.money("price"), row.money("compare_at")
    return VariantDraft(
        row.number,
        sku,
        chosen,
        price=price,
        compare_at=before if before and price is not None and before >= price else None,
        barcode=row.text("barcode", 50),
        weight_grams=_grams(row),
        stock=row.stock("stock"),
        has_compare_at=True,
    )


def _grams(row: Cells) -> int | None:
    grams = row.decimal("grams")
    return round(grams) if grams else None


def _state(published: str) -> str:
    return {"false": "draft", "draft": "draft", "archived": "archived", "no": "draft", "0": "draft"}.get(
        published.casefold(), "active"
    )
