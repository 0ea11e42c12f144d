"""Correct a person on all their orders, from the privacy request that asks for it."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, get_or_404, requires
from portal.accounts.forms import country_choices
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import render, render_region, see_other, toast
from portal.core.reveal import log_view
from portal.orders.rectifying import GROUPS, known_of, read_corrections, rectify, require_open
from portal.orders.views.blueprint import bp
from portal.privacy.models import PrivacyRequest
from portal.privacy.queries import scope_of

LABELS = {
    "name": "Name", "company": "Company", "email": "E-mail", "phone": "Phone", "line1": "Street and number", "line2": "Second line",
    "postcode": "Postcode", "city": "City", "region": "Region", "country_code": "Country",
}  # fmt: skip
TITLES = {"name": "Names", "email": "E-mail addresses", "phone": "Phone numbers", "address": "Addresses"}


@bp.get("/regions/privacy-requests/<int:request_id>/orders")
@requires("privacy.edit", passive=True)
def of_request(request_id: int) -> Response:
    """On how many orders the people of a request stand, and where to correct them."""
    found = get_or_404(PrivacyRequest, request_id)
    return render_region(
        "orders/rectifying/_of_request.html", title="Orders", request_id=request_id, known=known_of(found)
    )


@bp.get("/privacy/requests/<int:request_id>/orders")
@requires("privacy.edit")
def person_on_orders(request_id: int) -> Response:
    return _page(request_id)


@bp.post("/privacy/requests/<int:request_id>/orders")
@requires("privacy.edit")
def correct_person_on_orders(request_id: int) -> ResponseReturnValue:
    found = get_or_404(PrivacyRequest, request_id, lock=True)
    try:
        require_open(found)
        typed = {
            name: text for name, text in request.form.items() if name not in ("csrf_token", "voids_labels")
        }
        done = rectify(
            found, read_corrections(known_of(found), typed), voids_labels=bool(request.form.get("voids_labels")), by=current_actor()
        )  # fmt: skip
    except DomainError as error:
        db.session.rollback()
        return _page(request_id, request.form, error)
    db.session.commit()
    words = f"{done.orders:,} {'order is' if done.orders == 1 else 'orders are'} corrected."
    if done.left:
        toast(f"{words} {done.left:,} more hold what was wrong: correct it once more.", "warning")
        return see_other(url_for("orders.person_on_orders", request_id=request_id))
    toast(words)
    return see_other(url_for("privacy.request_page", request_id=request_id))


def _page(
    request_id: int, typed: Mapping[str, str] | None = None, error: DomainError | None = None
) -> Response:
    found = get_or_404(PrivacyRequest, request_id)
    require_open(found)
    log_view(
        current_actor(), scope_of(request_id), case=("privacy_request", request_id),
        fields=["name", "email", "phone", "address"],
    )  # fmt: skip
    return render(
        "orders/rectifying/person_on_orders.html", request_id=request_id, known=known_of(found), typed=typed or {}, error=error,
        groups=GROUPS, titles=TITLES, labels=LABELS, countries=[("", "–"), *((each.value, each.label) for each in country_choices())],
        status=error.status if error else 200,
    )  # fmt: skip
