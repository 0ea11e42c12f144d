"""WooCommerce's product CSV: a variable product and its variations are rows of their own, tied by the parent's SKU."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

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

KINDS = ("simple", "variable", "variation", "grouped", "external")


def read_woocommerce(rows: Iterable[Row], decimal_mark: str) -> Parsed:
    """Products in the order of the file. A variation may stand before its parent, so the rows are gathered first."""
    parents: list[Cells] = []
    variations: dict[str, list[Cells]] = {}
    for number, cells in rows:
        row = Cells(number, cells, decimal_mark)
        try:
            if _kind(row) == "variation":
                variations.setdefault(row.needed("parent").casefold(), []).append(row)
            else:
                parents.append(row)
        except FieldError as error:
            yield RowProblem([number], error.field, error.reason, error.row_number)
    for row in parents:
        names = {name.casefold() for name in (row.text("sku"), f"id:{row.text('external_id')}") if name}
        own = [child for name in names for child in variations.pop(name, [])]
        numbers = [row.number, *(child.number for child in own)]
        try:
            yield _product(row, own)
        except FieldError as error:
            yield RowProblem(numbers, error.field, error.reason, error.row_number)
    for orphans in variations.values():
        for child in orphans:
            yield RowProblem(
                [child.number], "parent", "names a parent that the file does not hold", child.number
            )


def _kind(row: Cells) -> str:
    kinds = [part.casefold() for part in split_list(row.needed("type"))]
    kind = next((kind for kind in kinds if kind in KINDS), None)
    if kind is None:
        raise FieldError(row.number, "type", f"is none of {', '.join(KINDS)}")
    return kind


def _product(row: Cells, children: list[Cells]) -> ProductDraft:
    kind = _kind(row)
    sku = row.text("sku", 100)
    title = row.needed("title")
    published = row.flag("published")
    draft = ProductDraft(
        source="woocommerce",
        external_id=sku or row.needed("external_id"),
        title=title,
        slug=slug_of(title, sku or ""),
        rows=[row.number, *(child.number for child in children)],
        description=row.text("description", 100_000) or row.text("summary", 100_000),
        state=None if published is None else ("active" if published else "draft"),
        tags=split_list(row.text("tags", 5_000)),
        categories=[split_list(path, ">") for path in split_list(row.text("categories", 5_000))],
        images=[(address, "") for address in split_list(row.text("images", 20_000))],
    )
    if kind == "variable":
        draft.options = _options(row)
        draft.variants = [_variant(draft, child) for child in children]
        if not draft.variants:
            draft.notes.append(
                (row.number, "is variable but has no variations; it gets no variant until one is added")
            )
        return draft
    if children:
        raise FieldError(children[0].number, "parent", "names a parent that is not variable")
    draft.variants = [_only_variant(row, draft, is_stocked=kind == "simple" and not _is_virtual(row))]
    if kind == "grouped":
        draft.type_code, draft.attributes = "grouped", {"members": row.text("grouped", 5_000) or ""}
    if kind == "external":
        draft.type_code, draft.attributes = (
            "external",
            {"external_url": row.text("external_url", 2_000) or ""},
        )
    return draft


def _options(row: Cells) -> dict[str, list[str]]:
    options: dict[str, list[str]] = {}
    for place in (1, 2, 3):
        name, values = (
            row.text(f"attribute{place}_name"),
            split_list(row.text(f"attribute{place}_values", 5_000)),
        )
        if name and values:
            options[name] = values
    return options


def _variant(draft: ProductDraft, row: Cells) -> VariantDraft:
    chosen: dict[str, str] = {}
    for place in (1, 2, 3):
        name, value = row.text(f"attribute{place}_name"), row.text(f"attribute{place}_values")
        if name and value:
            chosen[name] = value
            choices = draft.options.setdefault(name, [])
            if value not in choices:
                choices.append(value)
    for address in split_list(row.text("images", 20_000)):
        if address not in {known for known, _ in draft.images}:
            draft.images.append((address, ""))
    sku = row.text("sku", 100) or slug_of(" ".join([draft.external_id, *chosen.values()]))
    return _priced(VariantDraft(row.number, sku, chosen, is_stocked=not _is_virtual(row)), row)


def _only_variant(row: Cells, draft: ProductDraft, *, is_stocked: bool) -> VariantDraft:
    return _priced(
        VariantDraft(row.number, row.text("sku", 100) or f"woo-{draft.external_id}", is_stocked=is_stocked),
        row,
    )


def _priced(variant: VariantDraft, row: Cells) -> VariantDraft:
    regular, sale = row.money("price"), row.money("sale_price")
    variant.price = sale if sale is not None else regular
    variant.compare_at = regular if sale is not None and regular is not None and regular >= sale else None
    variant.has_compare_at = True
    variant.stock = row.stock("stock")
    weight = row.decimal("weight")
    variant.weight_grams = round(weight * 1000) if weight and weight < Decimal(1_000_000) else None
    return variant


def _is_virtual(row: Cells) -> bool:
    return bool({"virtual", "downloadable"} & {part.casefold() for part in split_list(row.text("type"))})
