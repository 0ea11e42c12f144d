"""The portal: a back-office that merchants run on their own PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Flask


def create_app(*args: Any, **kwargs: Any) -> Flask:
    """Build the application; imported late so that ``import portal.core`` stays light."""
    from portal.app import create_app as build

    return build(*args, **kwargs)
