"""Variants: a row of the grid, a page of one, its prices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from portal.accounts.access import can, current_actor, requires
from portal.catalog import prices, queries, typed, variants
from portal.catalog.conflicts import conflict, stale_page
from portal.catalog.forms import PriceForm, VariantForm, refuse, texts, version_of
from portal.catalog.grid import grid_row
from portal.catalog.history import entries_of
from portal.catalog.models import Variant
from portal.catalog.views.blueprint import bp, home_currency, product_or_404, variant_or_404
from portal.catalog.views.products import product_page
from portal.core.database import db
from portal.core.errors import DomainError, StaleError
from portal.core.http import render, see_other, toast, wants_fragment
from portal.core.merging import pack_base, unpack_base
from portal.core.once import made_at, sent_once

ROW_FIELDS = ("sku", "barcode")


@bp.post("/products/<int:product_id>/variants")
@requires("catalog.edit")
@sent_once
def add_variant(product_id: int) -> ResponseReturnValue:
    found = product_or_404(product_id, lock=True)
    try:
        variant_id = variants.add_variant(found, {"sku": request.form.get("sku", "")}, by=current_actor()).id
    except DomainError as error:
        db.session.rollback()
        return product_page(
            product_or_404(product_id),
            status=error.status,
            errors={"new": error.message},
            typed={"new": request.form.get("sku", "")},
        )
    toast("The variant is added.")
    return made_at(_row_url(product_id, variant_id))


@bp.get("/variants/<int:variant_id>")
@requires("catalog.view")
def variant(variant_id: int) -> Response:
    return _variant_page(variant_or_404(variant_id))


@bp.post("/variants/<int:variant_id>")
@requires("catalog.edit")
def save_variant(variant_id: int) -> ResponseReturnValue:
    held, form = variants.hold_variant(variant_id), VariantForm()
    if not form.validate():
        return _variant_page(variant_or_404(variant_id), form=form, status=422)
    try:
        variants.change_variant(
            held,
            texts(form),
            base=unpack_base(form.base.data or ""),
            version=version_of(form.data),
            by=current_actor(),
        )
    except StaleError as error:
        parts = conflict(form, error, now=held.values, mine=texts(form))
        return _stale(variant_or_404(variant_id), parts)
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "sku")
        return _variant_page(variant_or_404(variant_id), form=form, status=error.status)
    db.session.commit()
    toast("The variant is saved.")
    return see_other(url_for("catalog.variant", variant_id=variant_id))


@bp.get("/variants/<int:variant_id>/row")
@requires("catalog.view")
def variant_row(variant_id: int) -> ResponseReturnValue:
    found = variant_or_404(variant_id)
    if not wants_fragment():
        return see_other(_row_url(found.product_id, variant_id))
    return _row(variant_id)


@bp.post("/variants/<int:variant_id>/row")
@requires("catalog.edit")
def save_variant_row(variant_id: int) -> ResponseReturnValue:
    """One row of the grid: SKU, barcode and, for those who may, the price."""
    held = variants.hold_variant(variant_id)
    mine = {
        name: typed.text_of(request.form.get(name))
        for name in (*ROW_FIELDS, "amount")
        if name in request.form
    }
    try:
        _save_row(held, mine, unpack_base(request.form.get("base", "")))
    except StaleError as error:
        return _stale_row(variant_id, mine, error)
    except DomainError as error:
        db.session.rollback()
        return _refused_row(variant_id, mine, error)
    db.session.commit()
    toast("The variant is saved.")
    if wants_fragment():
        return _row(variant_id)
    return see_other(_row_url(held.product_id, variant_id))


@bp.post("/variants/<int:variant_id>/activation")
@requires("catalog.edit")
def activate_variant(variant_id: int) -> ResponseReturnValue:
    return _switch(variant_id, on=True)


@bp.post("/variants/<int:variant_id>/activation/remove")
@requires("catalog.edit")
def deactivate_variant(variant_id: int) -> ResponseReturnValue:
    return _switch(variant_id, on=False)


@bp.get("/variants/<int:variant_id>/prices")
@requires("catalog.view")
def variant_prices(variant_id: int) -> ResponseReturnValue:
    return see_other(url_for("catalog.variant", variant_id=variant_id, _anchor="prices"))


@bp.post("/variants/<int:variant_id>/prices")
@requires("catalog.price")
def save_price(variant_id: int) -> ResponseReturnValue:
    held, form = variants.hold_variant(variant_id), PriceForm()
    currency = typed.text_of(form.currency.data).upper()
    mine = {name: value for name, value in texts(form).items() if name in prices.PRICE_FIELDS}
    try:
        prices.set_price(held, currency, mine, base=unpack_base(form.base.data or "{}"), by=current_actor())
    except StaleError as error:
        now = prices.price_values(prices.price_of(variant_id, currency), currency)
        parts = conflict(form, error, now=now, mine=mine)
        return _stale(variant_or_404(variant_id), parts, prices_in=currency)
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "amount")
        return _variant_page(variant_or_404(variant_id), price_form=form, status=error.status)
    db.session.commit()
    toast("The price is saved.")
    return see_other(url_for("catalog.variant", variant_id=variant_id, _anchor="prices"))


def _save_row(held: variants.HeldVariant, mine: Mapping[str, str], base: Mapping[str, Any]) -> None:
    clashes: dict[str, tuple[Any, Any]] = {}
    saves: list[Callable[[], None]] = [
        lambda: variants.change_variant(
            held,
            {name: mine[name] for name in ROW_FIELDS if name in mine},
            base=base,
            version=0,
            by=current_actor(),
        )
    ]
    if can("catalog.price") and "amount" in mine:
        amount = {"amount": mine["amount"]}
        saves.append(lambda: prices.set_price(held, home_currency(), amount, base=base, by=current_actor()))
    for save in saves:
        try:
            save()
        except StaleError as error:
            clashes |= error.clashes
    if clashes:
        raise StaleError(clashes, version=held.version)


def _stale_row(variant_id: int, mine: Mapping[str, str], error: StaleError) -> ResponseReturnValue:
    db.session.rollback()
    labels = {"sku": "SKU", "barcode": "Barcode", "amount": "Price"}
    variant = variant_or_404(variant_id)
    row = grid_row(variant.id, home_currency())
    base = unpack_base(request.form.get("base", ""))
    parts = {
        "clashes": [
            {"name": n, "label": labels[n], "mine": typed_, "theirs": theirs}
            for n, (theirs, typed_) in error.clashes.items()
        ],
        "version": variant.version,
        "carried": [
            *(
                (n, row.values[n] if row.values[n] != base.get(n, row.values[n]) else mine[n])
                for n in mine
                if n not in error.clashes
            ),
            ("base", row.base),
        ],
    }
    if not wants_fragment():
        return _stale(variant, parts, row=True)
    return render("catalog/_variant_row.html", row=row, conflict=parts, errors={}, typed={}, status=409)


def _refused_row(variant_id: int, mine: Mapping[str, str], error: DomainError) -> ResponseReturnValue:
    field = error.field if error.field in (*ROW_FIELDS, "amount") else "sku"
    if wants_fragment():
        return _row(variant_id, errors={field: error.message}, typed=mine, status=error.status)
    return product_page(
        product_or_404(variant_or_404(variant_id).product_id),
        around=variant_id,
        errors={(variant_id, field): error.message},
        typed={(variant_id, name): value for name, value in mine.items()},
        status=error.status,
    )


def _row(
    variant_id: int,
    *,
    errors: Mapping[str, str] | None = None,
    typed: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    return render(
        "catalog/_variant_row.html",
        row=grid_row(variant_id, home_currency()),
        conflict=None,
        status=status,
        errors={(variant_id, name): text for name, text in (errors or {}).items()},
        typed={(variant_id, name): text for name, text in (typed or {}).items()},
    )


def _variant_page(found: Variant, *, status: int = 200, **forms: FlaskForm) -> Response:
    values = variants.variant_values(found)
    form = forms.get("form") or VariantForm(
        formdata=None, data={**values, "version": found.version, "base": pack_base(values)}
    )
    known = queries.prices_of(found.id)
    shown = [(price, prices.price_values(price, price.currency)) for price in known]
    return render(
        "catalog/variant.html",
        variant=found,
        product=product_or_404(found.product_id),
        form=form,
        prices=[(price, values, pack_base(values)) for price, values in shown],
        price_form=forms.get("price_form")
        or PriceForm(formdata=None, data=_first_price([price.currency for price in known])),
        entries=entries_of("variant", found.id),
        currency=home_currency(),
        status=status,
    )


def _first_price(known: list[str]) -> dict[str, str]:
    return {"currency": "" if home_currency() in known else home_currency(), "base": "{}"}


def _stale(
    found: Variant, parts: Mapping[str, Any], *, prices_in: str | None = None, row: bool = False
) -> Response:
    endpoint = "catalog.variant_prices" if prices_in else "catalog.variant_row" if row else "catalog.variant"
    home = _row_url(found.product_id, found.id) if row else url_for("catalog.variant", variant_id=found.id)
    answer = stale_page(
        parts,
        action_url=url_for(endpoint, variant_id=found.id),
        heading=found.title or found.sku,
        back_url=home,
        back_label=found.sku,
        history=queries.history("variant", found.id, most=1),
        extra=[("currency", prices_in)] if prices_in else [],
    )
    db.session.rollback()
    return answer


def _switch(variant_id: int, *, on: bool) -> ResponseReturnValue:
    held = variants.hold_variant(variant_id)
    variants.switch_variant(held, on=on, by=current_actor())
    db.session.commit()
    toast(
        "The variant is sold again." if on else "The variant is no longer sold. Its stock and history stay."
    )
    if wants_fragment():
        return _row(variant_id)
    return see_other(_row_url(held.product_id, variant_id))


def _row_url(product_id: int, variant_id: int) -> str:
    return url_for(
        "catalog.product", product_id=product_id, variant=variant_id, _anchor=f"variant-{variant_id}"
    )
