"""Saved views: a state of a list under a name, one's own or shared with roles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlencode

import sqlalchemy as sa
from werkzeug.datastructures import MultiDict

from portal.core.audit import Actor, record
from portal.core.database import db
from portal.core.errors import ConflictError, DomainError, ForbiddenError, NotFoundError
from portal.core.listing.declaration import Listing
from portal.core.listing.state import MOST_CONDITIONS, ListState, pairs
from portal.core.listing.statements import execute
from portal.core.normalise import clean
from portal.core.tenancy import current_merchant_id
from portal.core.views_model import SavedView, SavedViewRole

MOST_VIEWS = 30
LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class View:
    """A saved view as a tab shows it."""

    id: int
    name: str
    state: str
    is_own: bool

    @property
    def arguments(self) -> MultiDict[str, str]:
        """The state as arguments of a request."""
        return MultiDict(parse_qs(self.state, max_num_fields=MOST_CONDITIONS + 8))


def views_for(listing: Listing, user_id: int | None, role_id: int | None) -> list[View]:
    """The person's own views and those shared with their role, by name."""
    if user_id is None:
        return []
    view, shared = SavedView.__table__.c, SavedViewRole.__table__.c
    theirs = sa.exists().where(
        shared.merchant_id == view.merchant_id, shared.view_id == view.id, shared.role_id == role_id
    )
    rows = execute(
        sa.select(view.id, view.name, view.state, view.user_id)
        .where(
            view.merchant_id == current_merchant_id(),
            view.list_key == listing.key,
            sa.or_(view.user_id == user_id, theirs),
        )
        .order_by(view.user_id != user_id, view.name, view.id)
        .limit(MOST_VIEWS * 2)
    )
    return [View(row.id, row.name, row.state, row.user_id == user_id) for row in rows]


def save_view(
    listing: Listing,
    state: ListState,
    *,
    name: str,
    by: Actor,
    role_ids: Sequence[int] = (),
    view_id: int | None = None,
) -> SavedView:
    """Keep the state under a name; with `view_id`, replace what that view holds. Flushes; the caller commits.

    Raises:
        DomainError: no name, too many views, or a filter that names a person.
        ConflictError: one's own view of that name exists.
        ForbiddenError: the view is somebody else's.
    """
    name = clean(name).strip()[:LONGEST_NAME]
    if not name:
        raise DomainError("Give the view a name.", field="name")
    _refuse_personal(listing, state)
    assert by.id is not None
    written = urlencode(pairs(listing, replace(state, view=0)))
    mine = db.session.scalars(
        sa.select(SavedView)
        .where(SavedView.list_key == listing.key, SavedView.user_id == by.id)
        .limit(MOST_VIEWS)
    ).all()
    view = own_view(listing, view_id, by=by) if view_id is not None else None
    if any(other.name == name and other is not view for other in mine):
        raise ConflictError(f"You already have a view called “{name}”. Choose another name.", field="name")
    if view is None:
        if len(mine) >= MOST_VIEWS:
            raise DomainError(f"A list keeps {MOST_VIEWS} views of yours. Remove one first.", field="name")
        view = SavedView(list_key=listing.key, user_id=by.id, name=name, state=written)
        db.session.add(view)
    else:
        view.name, view.state = name, written
    db.session.flush()
    _share(view, role_ids, by)
    return view


def remove_view(listing: Listing, view_id: int, *, by: Actor) -> SavedView:
    """Forget a view of one's own. Flushes; the caller commits.

    Raises:
        NotFoundError, ForbiddenError: there is none, or it is somebody else's.
    """
    view = own_view(listing, view_id, by=by)
    if view.roles:
        record(
            "list_view.removed",
            by=by,
            subject=("saved_view", view.id),
            before={"name": view.name, "list": listing.key},
        )
    db.session.delete(view)
    db.session.flush()
    return view


def own_view(listing: Listing, view_id: int, *, by: Actor) -> SavedView:
    view = db.session.scalars(
        sa.select(SavedView).where(SavedView.id == view_id, SavedView.list_key == listing.key)
    ).one_or_none()
    if view is None:
        raise NotFoundError("There is no such view; it may have been removed.")
    if view.user_id != by.id:
        raise ForbiddenError(
            "This view belongs to someone else. Save it under a name of your own to change it."
        )
    return view


def _share(view: SavedView, role_ids: Sequence[int], by: Actor) -> None:
    before = {shared.role_id for shared in view.roles}
    after = set(role_ids)
    if before == after:
        return
    view.roles = [shared for shared in view.roles if shared.role_id in after]
    view.roles += [SavedViewRole(view_id=view.id, role_id=role_id) for role_id in sorted(after - before)]
    record(
        "list_view.shared",
        by=by,
        subject=("saved_view", view.id),
        before={"roles": sorted(before)},
        after={"roles": sorted(after), "name": view.name, "list": view.list_key},
    )
    db.session.flush()


def _refuse_personal(listing: Listing, state: ListState) -> None:
    named = [
        listing.filters_by_key[term.field].label
        for term in state.terms
        if listing.filters_by_key[term.field].personal
    ]
    if named or state.query:
        what = named[0] if named else "What you typed into the search field"
        raise DomainError(
            f"{what} may name a person, so it is not kept in a view. Remove that condition, then save.",
            field="name",
        )
