"""The customers' screens. An opened customer is a case: roles that serve customers see the person, and the look is logged."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from portal.accounts.access import can, current_actor, get_row_or_404, requires
from portal.core import reveal
from portal.core.database import db
from portal.core.errors import DomainError, StaleError
from portal.core.http import render, render_region, see_other, toast
from portal.core.listing import list_address, neighbours, show_list
from portal.core.masking import mask
from portal.core.merging import pack_base, unpack_base
from portal.core.once import made_at, sent_once
from portal.core.subjects import RestrictedError, restricted_since
from portal.customers import services
from portal.customers.forms import CONSENT_LABELS, AddressForm, ConsentForm, CustomerForm, RevealForm
from portal.customers.listings import CUSTOMERS
from portal.customers.models import Customer, CustomerAddress
from portal.customers.queries import newest_consents, possible_duplicates

bp = Blueprint("customers", __name__, url_prefix="/customers")

CATEGORIES = {"name": "name", "company": "name", "email": "email", "phone": "phone", "note": "free_text"}
ADDRESS_CATEGORIES = {"postcode": "postcode", "name": "name", "company": "name", "phone": "phone"}


@bp.get("")
@requires("customers.view")
def customers() -> ResponseReturnValue:
    return show_list(CUSTOMERS, "customers/customers.html")


@bp.get("/new")
@requires("customers.edit")
def new_customer() -> Response:
    return render("customers/edit_customer.html", form=CustomerForm(formdata=None), customer=None, clashes=[])


@bp.post("/new")
@requires("customers.edit")
@sent_once
def create_customer() -> ResponseReturnValue:
    form = CustomerForm()
    if not form.validate():
        return render("customers/edit_customer.html", form=form, customer=None, clashes=[], status=422)
    try:
        customer = services.create_customer(form.data, by=current_actor())
    except DomainError as error:
        return _refused(form, error, None)
    customer_id = customer.id
    toast("The customer is added.")
    return made_at(url_for("customers.customer", customer_id=customer_id))


@bp.get("/<int:customer_id>")
@requires("customers.view")
def customer(customer_id: int) -> Response:
    found = _customer(customer_id)
    is_shown = can("customers.edit") and restricted_since(found.subject_id) is None
    if is_shown:
        reveal.log_view(
            current_actor(), [found.subject_id], case=("customer", found.id), fields=tuple(CATEGORIES)
        )
    return _profile(found, is_shown=is_shown)


@bp.post("/<int:customer_id>/reveal")
@requires("customers.view", "customers.reveal")
def reveal_customer(customer_id: int) -> Response:
    found = _customer(customer_id)
    form = RevealForm()
    try:
        reveal.reveal(
            current_actor(), found.subject_id, reason=form.reason.data or "", fields=tuple(CATEGORIES)
        )
    except DomainError as error:
        form.reason.errors = [error.message]
        return _profile(found, is_shown=False, reveal_form=form, status=422)
    return _profile(found, is_shown=True)


@bp.get("/<int:customer_id>/edit")
@requires("customers.edit")
def edit_customer(customer_id: int) -> Response:
    found = _customer(customer_id, for_change=True)
    reveal.log_view(
        current_actor(), [found.subject_id], case=("customer", found.id), fields=tuple(CATEGORIES)
    )
    values = services.customer_values(found)
    form = CustomerForm(formdata=None, data={**values, "version": found.version, "base": pack_base(values)})
    return render("customers/edit_customer.html", form=form, customer=found, clashes=[])


@bp.post("/<int:customer_id>/edit")
@requires("customers.edit")
def save_customer(customer_id: int) -> ResponseReturnValue:
    found, form = _customer(customer_id, for_update=True), CustomerForm()
    if not form.validate():
        return render("customers/edit_customer.html", form=form, customer=found, clashes=[], status=422)
    try:
        base = unpack_base(form.base.data or "")
        services.change_customer(found, form.data, base=base, version=_version(form), by=current_actor())
    except StaleError as error:
        return _stale(form, error, customer_id)
    except DomainError as error:
        return _refused(form, error, found)
    db.session.commit()
    toast("The customer is saved.")
    return see_other(url_for("customers.customer", customer_id=customer_id))


@bp.get("/<int:customer_id>/addresses/new")
@requires("customers.edit")
def new_address(customer_id: int) -> Response:
    return _address_page(AddressForm(formdata=None), _customer(customer_id, for_change=True), None)


@bp.get("/<int:customer_id>/addresses/<int:address_id>")
@requires("customers.edit")
def edit_address(customer_id: int, address_id: int) -> Response:
    found = _customer(customer_id, for_change=True)
    reveal.log_view(
        current_actor(), [found.subject_id], case=("customer", found.id), fields=services.ADDRESS_FIELDS
    )
    values = services.address_values(_address(found, address_id))
    form = AddressForm(formdata=None, data={**values, "base": pack_base(values)})
    return _address_page(form, found, address_id)


@bp.post("/<int:customer_id>/addresses")
@requires("customers.edit")
@sent_once
def add_address(customer_id: int) -> ResponseReturnValue:
    return _save_address(customer_id, None)


@bp.post("/<int:customer_id>/addresses/<int:address_id>")
@requires("customers.edit")
def save_address(customer_id: int, address_id: int) -> ResponseReturnValue:
    return _save_address(customer_id, address_id)


@bp.post("/<int:customer_id>/addresses/<int:address_id>/remove")
@requires("customers.edit")
def remove_address(customer_id: int, address_id: int) -> ResponseReturnValue:
    found = _customer(customer_id, for_update=True)
    services.remove_address(found, _address(found, address_id), by=current_actor())
    db.session.commit()
    toast("The address is removed. Past orders keep their own copy.")
    return see_other(url_for("customers.customer", customer_id=customer_id))


@bp.post("/<int:customer_id>/consents")
@requires("customers.edit")
@sent_once
def record_consent(customer_id: int) -> ResponseReturnValue:
    found, form = _customer(customer_id, for_change=True), ConsentForm()
    if not form.validate():
        return _profile(found, is_shown=True, consent_form=form, status=422)
    services.record_consent(
        found,
        form.channel.data,
        granted=form.state.data == "granted",
        source=form.source.data or "",
        by=current_actor(),
    )
    toast("The consent is recorded.")
    return made_at(url_for("customers.customer", customer_id=customer_id))


@bp.get("/regions/people/<int:subject_id>")
@requires("customers.view")
def of_person(subject_id: int) -> Response:
    """Where to correct what stands about a person."""
    pages = db.session.scalars(
        sa.select(Customer.id)
        .where(Customer.subject_id == subject_id, Customer.state == "active")
        .order_by(Customer.id)
    ).all()
    return render_region(
        "customers/_of_person.html", title="Customer pages", subject_id=subject_id, pages=pages
    )


def _save_address(customer_id: int, address_id: int | None) -> ResponseReturnValue:
    found, form = _customer(customer_id, for_update=True), AddressForm()
    address = _address(found, address_id) if address_id else None
    if not form.validate():
        return _address_page(form, found, address_id, status=422)
    try:
        base = unpack_base(form.base.data or "") if address else None
        services.save_address(found, form.data, address=address, base=base, by=current_actor())
    except StaleError as error:
        db.session.rollback()
        now = services.address_values(_address(_customer(customer_id), address_id or 0))
        return _address_page(
            form, _customer(customer_id), address_id, conflict=_conflict(form, error, now), status=409
        )
    except DomainError as error:
        db.session.rollback()
        form[error.field or "line1"].errors = [error.message]
        return _address_page(form, _customer(customer_id), address_id, status=error.status)
    toast("The address is saved.")
    return made_at(url_for("customers.customer", customer_id=customer_id))


def _customer(customer_id: int, *, for_update: bool = False, for_change: bool = False) -> Customer:
    statement = sa.select(Customer).where(Customer.id == customer_id)
    found = get_row_or_404(statement.with_for_update() if for_update else statement)
    if for_change and restricted_since(found.subject_id):
        raise RestrictedError
    return found


def _address(customer: Customer, address_id: int) -> CustomerAddress:
    return get_row_or_404(
        sa.select(CustomerAddress).where(
            CustomerAddress.id == address_id, CustomerAddress.customer_id == customer.id
        )
    )


def _profile(customer: Customer, *, is_shown: bool, status: int = 200, **forms: FlaskForm) -> Response:
    previous_url, next_url = neighbours(CUSTOMERS, customer.id, request.args.get("list"))
    return render(
        "customers/customer.html",
        customer=customer,
        restricted_at=restricted_since(customer.subject_id),
        known=_shown(customer, CATEGORIES, is_shown),
        is_shown=is_shown,
        addresses=[(address, _address_lines(address, is_shown)) for address in customer.addresses],
        consents=newest_consents(customer.id),
        consent_labels=CONSENT_LABELS,
        duplicates=possible_duplicates(customer),
        consent_form=forms.get("consent_form") or ConsentForm(formdata=None),
        reveal_form=forms.get("reveal_form") or RevealForm(formdata=None),
        previous_url=previous_url,
        next_url=next_url,
        list_url=list_address(CUSTOMERS, url_for("customers.customers"), request.args.get("list")),
        status=status,
    )


def _shown(row: Customer | CustomerAddress, categories: dict[str, str], is_shown: bool) -> dict[str, Any]:
    return {
        name: getattr(row, name) if is_shown else mask(getattr(row, name), category)
        for name, category in categories.items()
    }


def _address_lines(address: CustomerAddress, is_shown: bool) -> list[str]:
    names = ("name", "company", "line1", "line2", "postcode", "city", "region", "phone")
    shown = _shown(address, {name: ADDRESS_CATEGORIES.get(name, "address") for name in names}, is_shown)
    return [shown[name] for name in names if shown[name]] + (
        [address.country_code] if address.country_code else []
    )


def _version(form: CustomerForm) -> int:
    return int(form.version.data) if (form.version.data or "").isdecimal() else 0


def _refused(form: CustomerForm, error: DomainError, customer: Customer | None) -> Response:
    db.session.rollback()
    form[error.field or "name"].errors = [error.message]
    return render(
        "customers/edit_customer.html", form=form, customer=customer, clashes=[], status=error.status
    )


def _stale(form: CustomerForm, error: StaleError, customer_id: int) -> Response:
    db.session.rollback()
    current = _customer(customer_id)
    return render(
        "customers/edit_customer.html",
        form=form,
        customer=current,
        version=current.version,
        status=409,
        **_conflict(form, error, services.customer_values(current)),
    )


def _conflict(form: FlaskForm, error: StaleError, now: dict[str, str | None]) -> dict[str, Any]:
    """What ``stale_conflict`` shows: the fields to choose for, and every other one as it would be saved."""
    base = unpack_base(form.base.data or "")
    clashes = [
        {"name": name, "label": form[name].label.text, "mine": mine or "", "theirs": theirs or ""}
        for name, (theirs, mine) in error.clashes.items()
    ]
    carried = [
        (name, (now[name] if now[name] != (base.get(name) or None) else form[name].data) or "")
        for name in now
        if name not in error.clashes
    ]
    return {"clashes": clashes, "carried": [*carried, ("base", pack_base(now))]}


def _address_page(
    form: AddressForm, customer: Customer, address_id: int | None, *, status: int = 200,
    conflict: dict[str, Any] | None = None,
) -> Response:  # fmt: skip
    return render(
        "customers/edit_address.html",
        form=form,
        customer=customer,
        address_id=address_id,
        conflict=conflict,
        status=status,
    )
