"""What every list offers besides its rows: keep its state as a view, and export it."""

from __future__ import annotations

from flask import Blueprint, abort, g, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, requires
from portal.core.database import db
from portal.core.errors import DomainError, NotFoundError
from portal.core.export import start_export
from portal.core.http import path_or, render, render_region, see_other, toast, whole_key
from portal.core.listing import Listing, Page, listing_named
from portal.core.listing.page import request_viewer
from portal.core.listing.state import ListState, decode_state
from portal.core.listing.views import own_view, remove_view, save_view
from portal.core.once import made_at, sent_once
from portal.discovery.queries import roles_of_merchant

blueprint = Blueprint("lists", __name__, url_prefix="/lists")


@blueprint.get("/<string:list_key>/filter")
@requires()
def filter_form(list_key: str) -> ResponseReturnValue:
    """The form of one filter; lists do not carry all of theirs, because choices such as countries are long."""
    listing = _permitted(list_key)
    state = _state(listing, request.args.get("list", "all"))
    page = Page(listing, state, request_viewer(), _path(), [], [], None, [])
    wanted = next((each for each in page.filters if each.key == request.args.get("field")), None)
    if wanted is None:
        raise NotFoundError(f"{listing.title} has no such filter.")
    return render_region(
        "discovery/_filter.html", title=f"{listing.title}: {wanted.label}", page=page, filter=wanted
    )


@blueprint.get("/<string:list_key>/views/new")
@requires()
def new_view(list_key: str) -> ResponseReturnValue:
    return _view_form(_permitted(list_key))


@blueprint.post("/<string:list_key>/views")
@requires()
@sent_once
def create_view(list_key: str) -> ResponseReturnValue:
    listing = _permitted(list_key)
    view_id = request.form.get("view", type=whole_key) if request.form.get("replace") else None
    known = {role.id for role in roles_of_merchant()}
    try:
        view = save_view(
            listing,
            _state(listing, request.form.get("list", "")),
            name=request.form.get("name", ""),
            by=current_actor(),
            role_ids=sorted(known & set(request.form.getlist("role", type=int))),
            view_id=view_id,
        )
    except DomainError as error:
        db.session.rollback()
        return _view_form(listing, error=error)
    saved = view.id
    toast("The view is saved. It stands among the tabs of the list.")
    return made_at(f"{_path()}?view={saved}")


@blueprint.post("/<string:list_key>/views/<int:view_id>/remove")
@requires()
def delete_view(list_key: str, view_id: int) -> ResponseReturnValue:
    view = remove_view(_permitted(list_key), view_id, by=current_actor())
    name = view.name
    db.session.commit()
    toast(f"The view “{name}” is removed. The rows it showed are untouched.")
    return see_other(_path())


@blueprint.post("/<string:list_key>/export")
@requires("lists.export")
@sent_once
def export(list_key: str) -> ResponseReturnValue:
    listing = _permitted(list_key)
    started = start_export(
        listing,
        request.form.get("list", ""),
        by=current_actor(),
        permissions=frozenset(g.permissions),
        reveal=bool(request.form.get("reveal")),
        reason=request.form.get("reason", ""),
    )
    job_id = started.id
    return made_at(url_for("operations.job", job_id=job_id))


def _permitted(list_key: str) -> Listing:
    listing = listing_named(list_key)
    if listing.permission not in g.permissions:
        abort(403)
    return listing


def _state(listing: Listing, encoded: str) -> ListState:
    state = decode_state(listing, encoded, g.permissions)
    if state is None:
        raise DomainError("The list could not be read. Open it again and save once more.")
    return state


def _path() -> str:
    return path_or(request.values.get("path"), "/")


def _view_form(listing: Listing, *, error: DomainError | None = None) -> ResponseReturnValue:
    view_id = request.values.get("view", type=whole_key)
    view = own_view(listing, view_id, by=current_actor()) if view_id else None
    shared = {each.role_id for each in view.roles} if view else set()
    chosen = set(request.form.getlist("role", type=int)) if request.method == "POST" else shared
    return render(
        "discovery/new_view.html",
        listing=listing,
        encoded=request.values.get("list", "all"),
        path=_path(),
        view=view,
        error=error,
        name=request.form.get("name", view.name if view else ""),
        roles=roles_of_merchant(),
        shared_with=chosen,
        status=error.status if error else 200,
    )
