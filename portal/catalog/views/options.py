"""The options of a product and the matrix of its variants."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, requires
from portal.catalog import options as matrix
from portal.catalog import queries
from portal.catalog.models import Product
from portal.catalog.views.blueprint import bp, product_or_404
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import render, toast
from portal.core.once import made_at, sent_once


@bp.get("/products/<int:product_id>/options")
@requires("catalog.edit")
def options(product_id: int) -> Response:
    return _options_page(product_or_404(product_id))


@bp.post("/products/<int:product_id>/options")
@requires("catalog.edit")
@sent_once
def save_options(product_id: int) -> ResponseReturnValue:
    found = product_or_404(product_id, lock=True)
    try:
        matrix.save_options(
            found,
            names=_numbered("name"),
            values=_numbered("value"),
            added={key: _lines(text) for key, text in _numbered("added").items()},
            new_name=request.form.get("new_name", ""),
            new_values=_lines(request.form.get("new_values", "")),
            by=current_actor(),
        )
    except DomainError as error:
        db.session.rollback()
        return _options_page(product_or_404(product_id), error=error, status=error.status)
    toast("The options are saved.")
    return made_at(url_for("catalog.options", product_id=product_id))


@bp.post("/products/<int:product_id>/matrix")
@requires("catalog.edit")
@sent_once
def generate_variants(product_id: int) -> ResponseReturnValue:
    found = product_or_404(product_id, lock=True)
    try:
        made = matrix.generate_variants(found, by=current_actor())
    except DomainError as error:
        db.session.rollback()
        return _options_page(product_or_404(product_id), error=error, status=error.status)
    toast(f"{made:,} variants are added." if made != 1 else "1 variant is added.")
    return made_at(url_for("catalog.product", product_id=product_id, _anchor="variants"))


def _options_page(product: Product, *, error: DomainError | None = None, status: int = 200) -> Response:
    typed: dict[str, Any] = dict(request.form) if error else {}
    missing: list[dict[str, str]] = []
    try:
        missing = matrix.missing_combinations(product)
    except DomainError as too_many:
        error = error or too_many
    return render(
        "catalog/options.html",
        product=product,
        options=queries.options_of(product.id),
        missing=missing,
        error=error,
        typed=typed,
        status=status,
    )


def _numbered(name: str) -> dict[int, str]:
    """Fields such as ``name-12`` by their number."""
    found = {}
    for field, text in request.form.items():
        head, _, key = field.partition("-")
        if head == name and key.isascii() and key.isdecimal() and len(key) < 19:
            found[int(key)] = text
    return found


def _lines(text: str) -> list[str]:
    return [word.strip() for line in text.splitlines() for word in line.split(",") if word.strip()]
