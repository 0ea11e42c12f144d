"""The category tree."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Response, request, url_for
from flask.typing import ResponseReturnValue
from wtforms.fields.choices import SelectChoice

from portal.accounts.access import current_actor, get_row_or_404, requires
from portal.catalog import categories as tree
from portal.catalog import queries
from portal.catalog.conflicts import stale_answer
from portal.catalog.forms import TOP, CategoryForm, refuse, texts, version_of
from portal.catalog.history import entries_of
from portal.catalog.models import Category
from portal.catalog.views.blueprint import bp
from portal.core.database import db
from portal.core.errors import DomainError, StaleError
from portal.core.http import render, see_other, toast
from portal.core.merging import pack_base, unpack_base
from portal.core.once import made_at, sent_once


@bp.get("/categories")
@requires("catalog.view")
def categories() -> Response:
    return render(
        "catalog/categories.html",
        tree=tree.in_tree_order(queries.categories()),
        counts=queries.products_per_category(),
    )


@bp.get("/categories/new")
@requires("catalog.edit")
def new_category() -> Response:
    form = CategoryForm(formdata=None, data={"parent_id": request.args.get("parent", ""), "position": "0"})
    return _page(form, None)


@bp.post("/categories/new")
@requires("catalog.edit")
@sent_once
def create_category() -> ResponseReturnValue:
    form = CategoryForm()
    try:
        tree.create_category(texts(form), by=current_actor())
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "name")
        return _page(form, None, status=error.status)
    toast("The category is added.")
    return made_at(url_for("catalog.categories"))


@bp.get("/categories/<int:category_id>")
@requires("catalog.edit")
def edit_category(category_id: int) -> Response:
    found = _category(category_id)
    values = tree.category_values(found)
    return _page(
        CategoryForm(formdata=None, data={**values, "version": found.version, "base": pack_base(values)}),
        found,
    )


@bp.post("/categories/<int:category_id>")
@requires("catalog.edit")
def save_category(category_id: int) -> ResponseReturnValue:
    found, form = _category(category_id), CategoryForm()
    try:
        tree.change_category(
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
        refuse(form, error, "name")
        return _page(form, _category(category_id), status=error.status)
    db.session.commit()
    toast("The category is saved.")
    return see_other(url_for("catalog.categories"))


@bp.post("/categories/<int:category_id>/remove")
@requires("catalog.edit")
def remove_category(category_id: int) -> ResponseReturnValue:
    found = _category(category_id)
    try:
        tree.delete_category(found, by=current_actor())
    except DomainError as error:
        db.session.rollback()
        toast(error.message, "danger")
        return see_other(url_for("catalog.edit_category", category_id=category_id))
    db.session.commit()
    toast("The category is deleted.")
    return see_other(url_for("catalog.categories"))


def _category(category_id: int) -> Category:
    return get_row_or_404(sa.select(Category).where(Category.id == category_id))


def _page(form: CategoryForm, category: Category | None, *, status: int = 200) -> Response:
    own = category.path if category else None
    form.parent_id.choices = [
        TOP,
        *(
            SelectChoice(str(each.id), f"{'– ' * depth}{each.name}")
            for depth, each in tree.in_tree_order(queries.categories())
            if own is None or not each.path.startswith(own)
        ),
    ]
    entries = entries_of("category", category.id) if category else []
    return render("catalog/edit_category.html", form=form, category=category, entries=entries, status=status)


def _stale(category: Category, form: CategoryForm, error: StaleError) -> Response:
    names = {str(each.id): each.name for each in queries.categories()} | {"": "At the top"}
    return stale_answer(
        form,
        error,
        now=tree.category_values(category),
        mine=texts(form),
        words=lambda name, value: names.get(value, value) if name == "parent_id" else value,
        action_url=url_for("catalog.edit_category", category_id=category.id),
        heading=category.name,
        back_url=url_for("catalog.categories"),
        back_label="Categories",
        history=queries.history("category", category.id, most=1),
    )
