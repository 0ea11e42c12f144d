"""Imports as the stock ledger names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import url_for

from portal.core.http import can
from portal.stock.causes import Cause


def import_causes(import_ids: Sequence[int]) -> Mapping[int, Cause]:
    """Imports by their number, with a link for those who may open them."""
    return {
        key: Cause(
            f"Import {key}", url_for("imports.show_import", import_id=key) if can("imports.run") else None
        )
        for key in import_ids
    }


def undo_causes(import_ids: Sequence[int]) -> Mapping[int, Cause]:
    """The same for what taking an import back moved."""
    return {
        key: Cause(f"{cause.words} taken back", cause.url) for key, cause in import_causes(import_ids).items()
    }
