"""Where units lie and every movement of them."""

from __future__ import annotations

from flask import Flask


def register(app: Flask) -> None:
    """Hook the domain into the app."""
