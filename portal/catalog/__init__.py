"""What is sold: products, variants, prices, categories."""

from __future__ import annotations

from flask import Flask

from portal.catalog.listings import PRODUCTS
from portal.catalog.views import bp
from portal.core.listing import register_listing
from portal.core.navigation import register_nav


def register(app: Flask) -> None:
    """The list, the screens and the entries of the navigation."""
    register_listing(PRODUCTS)
    register_nav("Products", "Products", "catalog.products", "tag", "catalog.view", order=30)
    register_nav("Products", "Categories", "catalog.categories", "category", "catalog.view", order=31)
    register_nav("Products", "Product types", "catalog.product_types", "tags", "catalog.view", order=32)
    app.register_blueprint(bp)
