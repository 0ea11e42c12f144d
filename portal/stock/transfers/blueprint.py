"""The blueprint of transfers."""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("transfers", __name__, url_prefix="/stock/transfers")
