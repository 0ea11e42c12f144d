"""Imports: files of other systems brought in through mapping, dry run, apply and undo, each a job."""

from __future__ import annotations

from flask import Flask


def register(app: Flask) -> None:
    """Hook the domain into the app."""
