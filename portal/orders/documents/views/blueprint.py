"""The blueprint of documents, and how a PDF is sent."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response
from werkzeug.http import dump_options_header

bp: Final = Blueprint("documents", __name__)


def pdf_response(data: bytes, filename: str, *, is_download: bool = False) -> Response:
    """A PDF to look at in the browser, or to keep."""
    response = Response(data, mimetype="application/pdf")
    response.headers["Content-Disposition"] = dump_options_header(
        "attachment" if is_download else "inline", {"filename": filename}
    )
    return response
