"""Product types and their attributes."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Response, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, get_row_or_404, requires
from portal.catalog import product_types as types
from portal.catalog import queries
from portal.catalog.conflicts import stale_answer
from portal.catalog.forms import AttributeForm, TypeForm, refuse, texts, version_of
from portal.catalog.models import AttributeDefinition, ProductType
from portal.catalog.views.blueprint import bp
from portal.core.database import db
from portal.core.errors import DomainError, StaleError
from portal.core.http import render, see_other, toast
from portal.core.merging import pack_base, unpack_base
from portal.core.once import made_at, sent_once


@bp.get("/product-types")
@requires("catalog.view")
def product_types() -> Response:
    return _list_page(TypeForm(formdata=None))


@bp.post("/product-types")
@requires("catalog.edit")
@sent_once
def create_product_type() -> ResponseReturnValue:
    form = TypeForm()
    try:
        type_id = types.create_type(form.name.data or "", by=current_actor()).id
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "name")
        return _list_page(form, status=error.status)
    toast("The product type is added. Give it attributes.")
    return made_at(url_for("catalog.product_type", type_id=type_id))


@bp.get("/product-types/<int:type_id>")
@requires("catalog.view")
def product_type(type_id: int) -> Response:
    return _type_page(_type(type_id))


@bp.post("/product-types/<int:type_id>")
@requires("catalog.edit")
def rename_product_type(type_id: int) -> ResponseReturnValue:
    found, form = _type(type_id, lock=True), TypeForm()
    try:
        types.rename_type(
            found, form.name.data or "", base=unpack_base(form.base.data or ""), by=current_actor()
        )
    except StaleError as error:
        return _stale_type(found, form, error)
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "name")
        return _type_page(_type(type_id), form=form, status=error.status)
    db.session.commit()
    toast("The product type is saved.")
    return see_other(url_for("catalog.product_type", type_id=type_id))


@bp.post("/product-types/<int:type_id>/remove")
@requires("catalog.edit")
def remove_product_type(type_id: int) -> ResponseReturnValue:
    found = _type(type_id, lock=True)
    try:
        types.delete_type(found, by=current_actor())
    except DomainError as error:
        db.session.rollback()
        toast(error.message, "danger")
        return see_other(url_for("catalog.product_type", type_id=type_id))
    db.session.commit()
    toast("The product type is deleted.")
    return see_other(url_for("catalog.product_types"))


@bp.get("/product-types/<int:type_id>/attributes/new")
@requires("catalog.edit")
def new_attribute(type_id: int) -> Response:
    return _attribute_page(_type(type_id), None, AttributeForm(formdata=None, data={"kind": "text"}))


@bp.post("/product-types/<int:type_id>/attributes/new")
@requires("catalog.edit")
@sent_once
def create_attribute(type_id: int) -> ResponseReturnValue:
    kind, form = _type(type_id, lock=True), AttributeForm()
    try:
        types.add_attribute(kind, texts(form), by=current_actor())
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "label")
        return _attribute_page(_type(type_id), None, form, status=error.status)
    toast("The attribute is added.")
    return made_at(url_for("catalog.product_type", type_id=type_id))


@bp.get("/product-types/<int:type_id>/attributes/<int:attribute_id>")
@requires("catalog.edit")
def edit_attribute(type_id: int, attribute_id: int) -> Response:
    kind = _type(type_id)
    found = _attribute(kind, attribute_id)
    values = types.attribute_texts(found)
    form = AttributeForm(formdata=None, data={**values, "version": found.version, "base": pack_base(values)})
    return _attribute_page(kind, found, form)


@bp.post("/product-types/<int:type_id>/attributes/<int:attribute_id>")
@requires("catalog.edit")
def save_attribute(type_id: int, attribute_id: int) -> ResponseReturnValue:
    kind, form = _type(type_id, lock=True), AttributeForm()
    found = _attribute(kind, attribute_id)
    try:
        types.change_attribute(
            found,
            texts(form),
            base=unpack_base(form.base.data or ""),
            version=version_of(form.data),
            by=current_actor(),
        )
    except StaleError as error:
        return _stale(found, form, error)
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "label")
        kind = _type(type_id)
        return _attribute_page(kind, _attribute(kind, attribute_id), form, status=error.status)
    db.session.commit()
    toast("The attribute is saved.")
    return see_other(url_for("catalog.product_type", type_id=type_id))


@bp.post("/product-types/<int:type_id>/attributes/<int:attribute_id>/remove")
@requires("catalog.edit")
def remove_attribute(type_id: int, attribute_id: int) -> ResponseReturnValue:
    types.remove_attribute(_attribute(_type(type_id, lock=True), attribute_id), by=current_actor())
    db.session.commit()
    toast("The attribute is removed.")
    return see_other(url_for("catalog.product_type", type_id=type_id))


def _type(type_id: int, *, lock: bool = False) -> ProductType:
    statement = sa.select(ProductType).where(ProductType.id == type_id)
    return get_row_or_404(statement.with_for_update(key_share=True) if lock else statement)


def _attribute(kind: ProductType, attribute_id: int) -> AttributeDefinition:
    return get_row_or_404(
        sa.select(AttributeDefinition).where(
            AttributeDefinition.id == attribute_id, AttributeDefinition.product_type_id == kind.id
        )
    )


def _list_page(form: TypeForm, *, status: int = 200) -> Response:
    return render(
        "catalog/product_types.html",
        types=queries.product_types(),
        counts=queries.attributes_per_type(),
        form=form,
        status=status,
    )


def _type_page(kind: ProductType, *, form: TypeForm | None = None, status: int = 200) -> Response:
    values = types.type_texts(kind)
    shown = {**values, "version": kind.version, "base": pack_base(values)}
    return render(
        "catalog/product_type.html",
        kind=kind,
        form=form or TypeForm(formdata=None, data=shown),
        labels=types.KIND_LABELS,
        status=status,
    )


def _attribute_page(
    kind: ProductType, found: AttributeDefinition | None, form: AttributeForm, *, status: int = 200
) -> Response:
    uses = queries.products_with_attribute(found.id) if found else 0
    return render(
        "catalog/edit_attribute.html", kind=kind, attribute=found, form=form, uses=uses, status=status
    )


def _stale_type(kind: ProductType, form: TypeForm, error: StaleError) -> Response:
    here = url_for("catalog.product_type", type_id=kind.id)
    return stale_answer(
        form,
        error,
        now=types.type_texts(kind),
        mine=texts(form),
        action_url=here,
        heading=kind.name,
        back_url=here,
        back_label="Product type",
        history=queries.history("product_type", kind.id, most=1),
    )


def _stale(found: AttributeDefinition, form: AttributeForm, error: StaleError) -> Response:
    return stale_answer(
        form,
        error,
        now=types.attribute_texts(found),
        mine=texts(form),
        words=_words,
        action_url=url_for("catalog.edit_attribute", type_id=found.product_type_id, attribute_id=found.id),
        heading=found.label,
        back_url=url_for("catalog.product_type", type_id=found.product_type_id),
        back_label="Product type",
        history=queries.history("product_type", found.product_type_id, most=1),
    )


def _words(name: str, value: str) -> str:
    if name.startswith("is_"):
        return "Yes" if value else "No"
    return types.KIND_LABELS.get(value, value) if name == "kind" else value
