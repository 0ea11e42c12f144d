"""What the order book says: home, sales, drill-down."""

from __future__ import annotations

from flask import Flask


def register(app: Flask) -> None:
    """Hook the domain into the app."""
