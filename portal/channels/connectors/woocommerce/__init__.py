"""Shops that speak the REST API v3 of WooCommerce."""
