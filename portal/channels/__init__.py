"""Channels: the outside shops we sell through. Stock and prices go out, orders come in."""

from __future__ import annotations

from flask import Flask


def register(app: Flask) -> None:
    """Hook the domain into the app: its jobs and its consumer of events."""
    from portal.channels import jobs  # noqa: F401 - registers on import
