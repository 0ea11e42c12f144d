"""The screens of the catalogue."""

from __future__ import annotations

from portal.catalog.views import categories, options, pictures, product_types, products, variants
from portal.catalog.views.blueprint import bp

__all__ = ["bp", "categories", "options", "pictures", "product_types", "products", "variants"]
