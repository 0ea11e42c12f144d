"""Requests of persons about their data: access, erasure, holds, certificates, and who saw whom."""

from __future__ import annotations

from flask import Flask

import portal.core.reveal  # noqa: F401  the view log is read here and must be part of the data model
import portal.privacy.models  # noqa: F401


def register(app: Flask) -> None:
    """Add the requests of persons to the portal."""
