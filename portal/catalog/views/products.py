"""The list of products and the product editor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from portal.accounts.access import current_actor, requires
from portal.catalog import attributes, queries, services
from portal.catalog.categories import in_tree_order
from portal.catalog.conflicts import stale_answer
from portal.catalog.forms import NO_TYPE, NewProductForm, PictureForm, product_form, refuse, texts, version_of
from portal.catalog.grid import variant_grid
from portal.catalog.history import product_entries
from portal.catalog.listings import PRODUCTS, type_choices
from portal.catalog.models import Product
from portal.catalog.views.blueprint import bp, home_currency, product_or_404
from portal.core.audit import Actor
from portal.core.database import db
from portal.core.errors import DomainError, StaleError
from portal.core.http import render, see_other, toast, wants_fragment, whole_key
from portal.core.listing import list_address, neighbours, show_list
from portal.core.merging import pack_base, unpack_base
from portal.core.once import made_at, sent_once


@bp.get("/products")
@requires("catalog.view")
def products() -> ResponseReturnValue:
    return show_list(PRODUCTS, "catalog/products.html", region="catalog/_products.html")


@bp.get("/products/new")
@requires("catalog.edit")
def new_product() -> Response:
    return _new_page(NewProductForm(formdata=None))


@bp.post("/products/new")
@requires("catalog.edit")
@sent_once
def create_product() -> ResponseReturnValue:
    form = NewProductForm()
    if not form.validate():
        return _new_page(form, status=422)
    try:
        product_id = services.create_product(texts(form), by=current_actor()).id
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "title")
        return _new_page(form, status=error.status)
    toast("The product is added as a draft.")
    return made_at(url_for("catalog.product", product_id=product_id))


@bp.get("/products/<int:product_id>")
@requires("catalog.view")
def product(product_id: int) -> Response:
    return product_page(product_or_404(product_id))


@bp.post("/products/<int:product_id>")
@requires("catalog.edit")
def save_product(product_id: int) -> ResponseReturnValue:
    found = product_or_404(product_id, lock=True)
    definitions = attributes.definitions_of(found.product_type_id)
    form = product_form(definitions, types=type_choices())
    if not form.validate():
        return product_page(found, form=form, status=422)
    try:
        services.change_product(
            found,
            texts(form),
            base=unpack_base(form.base.data or ""),
            version=version_of(form.data),
            definitions=definitions,
            by=current_actor(),
        )
    except StaleError as error:
        return _stale(found, form, error)
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "title")
        return product_page(product_or_404(product_id), form=form, status=error.status)
    db.session.commit()
    toast("The product is saved.")
    return see_other(url_for("catalog.product", product_id=product_id))


@bp.get("/products/<int:product_id>/variants")
@requires("catalog.view")
def variants(product_id: int) -> Response:
    """The grid alone, for paging."""
    found = product_or_404(product_id)
    return product_page(
        found, template="catalog/_variants.html" if wants_fragment() else "catalog/product.html"
    )


@bp.post("/products/<int:product_id>/publication")
@requires("catalog.edit")
def publish_product(product_id: int) -> ResponseReturnValue:
    return _with_product(product_id, services.publish_product, "The product is published.")


@bp.post("/products/<int:product_id>/publication/remove")
@requires("catalog.edit")
def unpublish_product(product_id: int) -> ResponseReturnValue:
    return _with_product(product_id, services.unpublish_product, "The product is a draft again.")


@bp.post("/products/<int:product_id>/archive")
@requires("catalog.edit")
def archive_product(product_id: int) -> ResponseReturnValue:
    return _with_product(product_id, services.archive_product, "The product is archived.")


@bp.post("/products/<int:product_id>/categories")
@requires("catalog.edit")
def file_product(product_id: int) -> ResponseReturnValue:
    chosen = [
        int(key)
        for key in request.form.getlist("category")
        if key.isascii() and key.isdecimal() and len(key) < 19
    ]
    known = {category.id for category in queries.categories()}

    def file(product: Product, *, by: Actor) -> None:
        services.file_under(product, [key for key in chosen if key in known], by=by)

    return _with_product(product_id, file, "The categories are saved.")


def product_page(
    product: Product,
    *,
    template: str = "catalog/product.html",
    status: int = 200,
    around: int | None = None,
    errors: Mapping[Any, str] | None = None,
    typed: Mapping[Any, str] | None = None,
    **forms: FlaskForm,
) -> Response:
    """The editor, with the form given or one of what stands.

    Args:
        around: the variant the grid begins at.
        errors: what is wrong with rows of the grid, by variant and field; ``"new"`` for the row that adds one.
        typed: what was typed there.
    """
    definitions = attributes.definitions_of(product.product_type_id)
    values = services.product_values(product, definitions)
    form = forms.get("form") or product_form(
        definitions,
        types=type_choices(),
        formdata=None,
        data={**values, "version": product.version, "base": pack_base(values)},
    )
    previous_url, next_url = neighbours(PRODUCTS, product.id, request.args.get("list"))
    grid = variant_grid(
        product.id,
        home_currency(),
        after=request.args.get("after"),
        before=request.args.get("before"),
        around=around or request.args.get("variant", type=whole_key),
    )
    return render(
        template,
        product=product,
        form=form,
        grid=grid,
        errors=errors or {},
        typed=typed or {},
        conflict=None,
        attribute_fields=[
            (form[attributes.field_name(each)], each)
            for each in definitions
            if attributes.field_name(each) in form
        ],
        attribute_values=[
            (each.label, words(values[attributes.field_name(each)], each.unit)) for each in definitions
        ],
        options=queries.options_of(product.id),
        media=product.media,
        picture_form=forms.get("picture_form") or PictureForm(formdata=None),
        tree=in_tree_order(queries.categories()),
        filed=queries.category_ids(product.id),
        entries=product_entries(product.id),
        previous_url=previous_url,
        next_url=next_url,
        list_url=list_address(PRODUCTS, url_for("catalog.products"), request.args.get("list")),
        status=status,
    )


def words(value: str, unit: str | None) -> str:
    """An attribute's value as people read it."""
    text = value.replace("\n", ", ")
    return f"{text} {unit}" if unit and text else text


def _with_product(product_id: int, act: Any, done: str) -> ResponseReturnValue:
    found = product_or_404(product_id, lock=True)
    try:
        act(found, by=current_actor())
    except DomainError as error:
        db.session.rollback()
        form = product_page_form(product_id)
        if error.field and error.field in form:
            refuse(form, error, "title")
            return product_page(product_or_404(product_id), form=form, status=error.status)
        toast(error.message, "danger")
        return see_other(url_for("catalog.product", product_id=product_id))
    db.session.commit()
    toast(done)
    return see_other(url_for("catalog.product", product_id=product_id))


def product_page_form(product_id: int) -> FlaskForm:
    """The form of what stands, to put an error at one of its fields."""
    product = product_or_404(product_id)
    definitions = attributes.definitions_of(product.product_type_id)
    values = services.product_values(product, definitions)
    return product_form(
        definitions,
        types=type_choices(),
        formdata=None,
        data={**values, "version": product.version, "base": pack_base(values)},
    )


def _new_page(form: NewProductForm, status: int = 200) -> Response:
    form.product_type_id.choices = [NO_TYPE, *type_choices()]
    return render("catalog/new_product.html", form=form, status=status)


def _stale(product: Product, form: FlaskForm, error: StaleError) -> Response:
    definitions = attributes.definitions_of(product.product_type_id)
    home = url_for("catalog.product", product_id=product.id)
    return stale_answer(
        form,
        error,
        now=services.product_values(product, definitions),
        mine=texts(form),
        action_url=home,
        heading=product.title,
        back_url=home,
        back_label=product.title,
        history=queries.history("product", product.id, most=1),
    )
