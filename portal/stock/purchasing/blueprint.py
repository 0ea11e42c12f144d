"""The blueprint of suppliers and purchase orders."""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("purchasing", __name__, url_prefix="/stock")
