"""The blueprint of the screens of promises."""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("promises", __name__, url_prefix="/stock")
