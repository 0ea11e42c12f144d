"""The screens of suppliers."""

from __future__ import annotations

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, get_or_404, requires
from portal.catalog.conflicts import stale_answer
from portal.catalog.forms import refuse, texts, version_of
from portal.catalog.queries import history
from portal.core.database import db
from portal.core.errors import DomainError, StaleError
from portal.core.http import render, see_other, toast
from portal.core.listing import neighbours, show_list
from portal.core.merging import pack_base, unpack_base
from portal.core.once import made_at, sent_once
from portal.stock.models import Supplier, SupplierItem
from portal.stock.papers import happened
from portal.stock.purchasing import suppliers as services
from portal.stock.purchasing.blueprint import bp
from portal.stock.purchasing.forms import ItemForm, SupplierForm
from portal.stock.purchasing.listings import SUPPLIERS
from portal.stock.purchasing.queries import item_rows


@bp.get("/suppliers")
@requires("stock.view")
def suppliers() -> ResponseReturnValue:
    return show_list(SUPPLIERS, "stock/purchasing/suppliers.html")


@bp.get("/suppliers/new")
@requires("stock.edit")
def new_supplier() -> Response:
    return _form_page(SupplierForm(formdata=None, data={"locale": "en"}), None)


@bp.post("/suppliers/new")
@requires("stock.edit")
@sent_once
def create_supplier() -> ResponseReturnValue:
    form = SupplierForm()
    try:
        made = services.add_supplier(texts(form), by=current_actor()).id
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "name")
        return _form_page(form, None, status=error.status)
    toast("The supplier is added.")
    return made_at(url_for("purchasing.supplier", supplier_id=made))


@bp.get("/suppliers/<int:supplier_id>")
@requires("stock.view")
def supplier(supplier_id: int) -> Response:
    return _page(get_or_404(Supplier, supplier_id), ItemForm(formdata=None, data=_new_item()))


@bp.get("/suppliers/<int:supplier_id>/edit")
@requires("stock.edit")
def edit_supplier(supplier_id: int) -> Response:
    found = get_or_404(Supplier, supplier_id)
    values = services.supplier_values(found)
    data = {**values, "version": found.version, "base": pack_base(values)}
    return _form_page(SupplierForm(formdata=None, data=data), found)


@bp.post("/suppliers/<int:supplier_id>/edit")
@requires("stock.edit")
def save_supplier(supplier_id: int) -> ResponseReturnValue:
    found, form = get_or_404(Supplier, supplier_id, lock=True), SupplierForm()
    try:
        services.change_supplier(
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
        return _form_page(form, get_or_404(Supplier, supplier_id), status=error.status)
    db.session.commit()
    toast("The supplier is saved.")
    return see_other(url_for("purchasing.supplier", supplier_id=supplier_id))


@bp.post("/suppliers/<int:supplier_id>/activation")
@requires("stock.edit")
def activate_supplier(supplier_id: int) -> ResponseReturnValue:
    return _switch(supplier_id, on=True)


@bp.post("/suppliers/<int:supplier_id>/activation/remove")
@requires("stock.edit")
def deactivate_supplier(supplier_id: int) -> ResponseReturnValue:
    return _switch(supplier_id, on=False)


@bp.post("/suppliers/<int:supplier_id>/items")
@requires("stock.edit")
def save_item(supplier_id: int) -> ResponseReturnValue:
    """Add an item, or replace what was said of the same variant."""
    found, form = get_or_404(Supplier, supplier_id, lock=True), ItemForm()
    try:
        values = texts(form) | {"is_preferred": "1" if form.is_preferred.data else ""}
        services.save_item(found, values, by=current_actor())
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "code")
        return _page(get_or_404(Supplier, supplier_id), form, status=error.status)
    db.session.commit()
    toast("The item is saved.")
    return see_other(url_for("purchasing.supplier", supplier_id=supplier_id, _anchor="items"))


@bp.post("/supplier-items/<int:supplier_item_id>/remove")
@requires("stock.edit")
def remove_item(supplier_item_id: int) -> ResponseReturnValue:
    found = get_or_404(SupplierItem, supplier_item_id, lock=True)
    supplier_id = found.supplier_id
    services.remove_item(found, by=current_actor())
    db.session.commit()
    toast("The item is taken off.")
    return see_other(url_for("purchasing.supplier", supplier_id=supplier_id, _anchor="items"))


def _new_item() -> dict[str, str]:
    """A form with the item of an address (``?code=``) filled in, or an empty one."""
    return {"code": request.args.get("code", "")[:100], "pack_size": "1", "minimum_quantity": "1"}


def _switch(supplier_id: int, *, on: bool) -> ResponseReturnValue:
    services.switch_supplier(get_or_404(Supplier, supplier_id, lock=True), on=on, by=current_actor())
    db.session.commit()
    toast("The supplier is used again." if on else "The supplier is put away. Past purchase orders keep it.")
    return see_other(url_for("purchasing.supplier", supplier_id=supplier_id))


def _form_page(form: SupplierForm, found: Supplier | None, *, status: int = 200) -> Response:
    return render("stock/purchasing/edit_supplier.html", form=form, supplier=found, status=status)


def _page(found: Supplier, form: ItemForm, *, status: int = 200) -> Response:
    previous_url, next_url = neighbours(SUPPLIERS, found.id, request.args.get("list"))
    return render(
        "stock/purchasing/supplier.html",
        supplier=found,
        items=item_rows(found.id),
        form=form,
        history=happened("supplier", found.id),
        previous_url=previous_url,
        next_url=next_url,
        status=status,
    )


def _stale(found: Supplier, form: SupplierForm, error: StaleError) -> Response:
    return stale_answer(
        form,
        error,
        now=services.supplier_values(found),
        mine=texts(form),
        action_url=url_for("purchasing.edit_supplier", supplier_id=found.id),
        heading=found.name,
        back_url=url_for("purchasing.supplier", supplier_id=found.id),
        back_label=found.name,
        history=history("supplier", found.id, most=1),
    )
