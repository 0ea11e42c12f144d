"""Units of products that can be sold, told by whoever counts them. The catalogue itself knows no stock.

The stock floor stands above this one; it offers its figures at start, and lists of products show them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

Figures = Callable[[Sequence[int]], Mapping[int, int]]

_figures: dict[str, Figures] = {}


def offer_availability(products: Figures, variants: Figures) -> None:
    """Give the functions that read available units by product and by variant, one statement each."""
    _figures["product"], _figures["variant"] = products, variants


def available_by_product(product_ids: Sequence[int]) -> Mapping[int, int]:
    """Units available per product; nothing when nobody counts."""
    return _figures["product"](product_ids) if "product" in _figures and product_ids else {}


def available_by_variant(variant_ids: Sequence[int]) -> Mapping[int, int]:
    """Units available per variant; nothing when nobody counts."""
    return _figures["variant"](variant_ids) if "variant" in _figures and variant_ids else {}
