"""The shapes of file an import knows: their fields, and by which headings each is recognised."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rapidfuzz import fuzz

from portal.core.card_numbers import is_looked_through
from portal.imports.models import ImportKind


@dataclass(frozen=True, slots=True)
class Field:
    """Something a column can hold.

    Args:
        names: headings that mean it, besides its label.
    """

    key: str
    label: str
    names: tuple[str, ...] = ()
    is_required: bool = False
    help: str = ""


@dataclass(frozen=True, slots=True)
class Format:
    """A shape of file. ``signature`` are headings that only it has."""

    key: str
    title: str
    kind: ImportKind
    fields: tuple[Field, ...]
    signature: tuple[str, ...] = ()

    def field(self, key: str) -> Field:
        """The field called *key*."""
        return next(field for field in self.fields if field.key == key)

    def missing(self, mapping: Mapping[str, int]) -> list[Field]:
        """Required fields that no column was given to."""
        return [field for field in self.fields if field.is_required and field.key not in mapping]


_ORDER_LINES: Final = (
    Field(
        "order_number",
        "Order number",
        ("InvoiceNo", "Invoice", "Order", "Order ID", "Order No", "Name"),
        True,
        "Rows with the same number become one order.",
    ),
    Field("code", "Product code", ("StockCode", "SKU", "Item code", "Article", "Lineitem sku"), True),
    Field("description", "Description", ("Product name", "Item", "Title", "Lineitem name")),
    Field(
        "quantity",
        "Quantity",
        ("Qty", "Pieces", "Units", "Lineitem quantity"),
        True,
        "Below zero: goods that came back, or a stock correction.",
    ),
    Field("at", "Date and time", ("InvoiceDate", "Date", "Order date", "Created at", "Placed at"), True),
    Field("unit_price", "Unit price", ("UnitPrice", "Price", "Lineitem price"), True),
    Field(
        "customer",
        "Customer number",
        ("CustomerID", "Customer", "Customer ID", "Client"),
        False,
        "Rows without one become guest orders.",
    ),
    Field("country", "Country", ("Country name", "Shipping Country", "Billing Country")),
)

_PLAIN_PRODUCTS: Final = (
    Field("sku", "SKU", ("Code", "Article", "Item code", "Product code", "Variant SKU"), True),
    Field("title", "Title", ("Name", "Product", "Product name"), True),
    Field("description", "Description", ("Body", "Body (HTML)", "Details")),
    Field("price", "Price", ("Regular price", "Unit price", "Variant Price")),
    Field("barcode", "Barcode", ("EAN", "GTIN", "UPC", "Variant Barcode")),
    Field("categories", "Category", ("Type", "Categories", "Group")),
    Field("tags", "Tags", ("Keywords",)),
    Field("stock", "Stock", ("Quantity", "Qty", "Inventory", "Variant Inventory Qty")),
    Field("images", "Image address", ("Image", "Image Src", "Images")),
)

_SHOPIFY: Final = (
    Field("handle", "Handle", (), True, "Rows with the same handle are one product."),
    Field("title", "Title", (), True),
    Field("description", "Body (HTML)", ("Body HTML",)),
    Field("vendor", "Vendor"),
    Field("type", "Type", ("Custom Product Type",)),
    Field("tags", "Tags"),
    Field("published", "Published", ("Status",)),
    Field("option1_name", "Option1 Name"),
    Field("option1_value", "Option1 Value"),
    Field("option2_name", "Option2 Name"),
    Field("option2_value", "Option2 Value"),
    Field("option3_name", "Option3 Name"),
    Field("option3_value", "Option3 Value"),
    Field("sku", "Variant SKU"),
    Field("grams", "Variant Grams"),
    Field("stock", "Variant Inventory Qty"),
    Field("price", "Variant Price", (), True),
    Field("compare_at", "Variant Compare At Price"),
    Field("barcode", "Variant Barcode"),
    Field("images", "Image Src"),
    Field("image_alt", "Image Alt Text"),
    Field("variant_image", "Variant Image"),
)

_WOOCOMMERCE: Final = (
    Field("external_id", "ID"),
    Field("type", "Type", (), True),
    Field("sku", "SKU"),
    Field("title", "Name", (), True),
    Field("published", "Published"),
    Field("visibility", "Visibility in catalog"),
    Field("summary", "Short description"),
    Field("description", "Description"),
    Field("stock", "Stock"),
    Field("weight", "Weight (kg)", ("Weight (lbs)", "Weight")),
    Field("sale_price", "Sale price"),
    Field("price", "Regular price"),
    Field("categories", "Categories"),
    Field("tags", "Tags"),
    Field("images", "Images"),
    Field("parent", "Parent"),
    Field("grouped", "Grouped products"),
    Field("external_url", "External URL"),
    Field("attribute1_name", "Attribute 1 name"),
    Field("attribute1_values", "Attribute 1 value(s)"),
    Field("attribute2_name", "Attribute 2 name"),
    Field("attribute2_values", "Attribute 2 value(s)"),
    Field("attribute3_name", "Attribute 3 name"),
    Field("attribute3_values", "Attribute 3 value(s)"),
)

FORMATS: Final = {
    shape.key: shape
    for shape in (
        Format(
            "online_retail",
            "Order lines",
            ImportKind.ORDER_HISTORY,
            _ORDER_LINES,
            ("InvoiceNo", "StockCode", "InvoiceDate", "UnitPrice"),
        ),
        Format(
            "shopify_products",
            "Shopify products",
            ImportKind.PRODUCTS,
            _SHOPIFY,
            ("Handle", "Variant Price", "Option1 Name"),
        ),
        Format(
            "woocommerce_products",
            "WooCommerce products",
            ImportKind.PRODUCTS,
            _WOOCOMMERCE,
            ("Type", "SKU", "Regular price", "Visibility in catalog"),
        ),
        Format("products", "Products, one row each", ImportKind.PRODUCTS, _PLAIN_PRODUCTS),
    )
}

LEAST_LIKENESS: Final = 84.0
# Their long numbers name pictures, pages and other products.
NAMING: Final = frozenset({"images", "variant_image", "external_url", "parent", "grouped"})


def is_free_text(key: str) -> bool:
    """Whether cells of a field may hold whatever somebody wrote, a card number too."""
    return key not in NAMING and is_looked_through(key)


def recognise_format(headings: Sequence[str]) -> str:
    """The key of the format whose own headings are all there, else the one whose fields fit best."""
    present = {plain(heading) for heading in headings}
    for shape in FORMATS.values():
        if shape.signature and all(plain(name) in present for name in shape.signature):
            return shape.key
    candidates = ("online_retail", "products")
    return max(candidates, key=lambda key: _fit(FORMATS[key], headings))


def guess_mapping(headings: Sequence[str], shape: Format) -> dict[str, int]:
    """Field to column: the same name first, then the likest above a threshold; no column serves two fields."""
    likeness = sorted(
        (
            (_likeness(field, heading), -place, field.key, column)
            for place, field in enumerate(shape.fields)
            for column, heading in enumerate(headings)
        ),
        reverse=True,
    )
    mapping: dict[str, int] = {}
    for score, _, key, column in likeness:
        if score >= LEAST_LIKENESS and key not in mapping and column not in mapping.values():
            mapping[key] = column
    return mapping


def heading_likeness(cells: Sequence[str]) -> float:
    """How much a row reads like a heading of any known format: the share of its cells that name a field."""
    known = _known_names()
    filled = [cell for cell in cells if cell.strip()]
    named = sum(1 for cell in filled if plain(cell) in known)
    return named / len(filled) if named >= 2 else 0.0


def plain(name: str) -> str:
    """A heading without case, marks and camel humps: ``InvoiceNo`` and ``invoice_no`` are one."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return " ".join(re.sub(r"[\W_]+", " ", spaced).casefold().split())


def _known_names() -> frozenset[str]:
    return frozenset(
        plain(name) for shape in FORMATS.values() for field in shape.fields for name in _names(field)
    )


def _names(field: Field) -> Iterable[str]:
    return (field.label, *field.names)


def _fit(shape: Format, headings: Sequence[str]) -> float:
    mapping = guess_mapping(headings, shape)
    required = [field for field in shape.fields if field.is_required]
    return sum(field.key in mapping for field in required) / len(required) + len(mapping) / 100


def _likeness(field: Field, heading: str) -> float:
    text = plain(heading)
    names = [plain(name) for name in _names(field)]
    if text in names:
        return 200.0 - names.index(text)
    return max(fuzz.token_sort_ratio(text, name) for name in names)
