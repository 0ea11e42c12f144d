"""Who may come in. Every address says whom it is for; one that says nothing lets nobody in.

    @bp.get("/orders")
    @requires("orders.view")

``requires`` also takes ``fresh=True`` (the password was typed in the last five minutes: for what cannot be undone) and
``passive=True`` (a poll or a live region: it does not keep an unattended desk signed in).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from flask import Flask, Response, abort, current_app, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from portal.accounts.api_access import guard_caller
from portal.accounts.api_keys import SCOPES
from portal.accounts.confirmation import ask_for_password, confirm_from_form
from portal.accounts.identity import Identity
from portal.accounts.permissions import OPERATE, PERMISSIONS
from portal.accounts.sessions import is_fresh, touch
from portal.core.audit import Actor
from portal.core.database import Base, db
from portal.core.errors import NotFoundError
from portal.core.http import can, path_or, previous_path, see_other, wants_fragment, wants_json
from portal.core.problems import answer

__all__ = [
    "can",
    "current_actor",
    "current_identity",
    "current_user",
    "get_or_404",
    "get_row_or_404",
    "public_route",
    "requires",
    "requires_scope",
    "signed_in",
]

View = TypeVar("View", bound=Callable[..., Any])
Row = TypeVar("Row", bound=Base)
MARK: Final = "__access__"


@dataclass(frozen=True, slots=True)
class Access:
    """Whom an address is for. Exactly one of public, signed in, member, or a program with a scope."""

    permissions: tuple[str, ...] = ()
    is_public: bool = False
    needs_membership: bool = True
    needs_fresh: bool = False
    is_passive: bool = False
    reason: str = ""
    scope: str = ""


class UndeclaredAccessError(RuntimeError):
    """A view says neither whom it is for nor that it is for everybody: a fault of ours."""


def requires(*permissions: str, fresh: bool = False, passive: bool = False) -> Callable[[View], View]:
    """For members of the merchant who hold every one of *permissions*; with none, for every member.

    Raises:
        ValueError: a permission is in no table.
    """
    unknown = [name for name in permissions if name not in PERMISSIONS and name != OPERATE]
    if unknown:
        raise ValueError(
            f"There is no permission {', '.join(unknown)}; they stand in portal/accounts/permissions.py."
        )
    return _declare(
        Access(
            permissions,
            needs_membership=permissions != (OPERATE,),
            needs_fresh=fresh,
            is_passive=passive,
        )
    )


def signed_in(reason: str, *, fresh: bool = False) -> Callable[[View], View]:
    """For everyone who is signed in, working for a merchant or not: their own account."""
    return _declare(Access(needs_membership=False, needs_fresh=fresh, reason=_said(reason)))


def public_route(reason: str) -> Callable[[View], View]:
    """For everybody, and why."""
    return _declare(Access(is_public=True, needs_membership=False, reason=_said(reason)))


def requires_scope(scope: str) -> Callable[[View], View]:
    """For programs whose key has *scope*; no cookie opens it. Such an address lies below ``/api/``.

    Raises:
        ValueError: the scope is in no table.
    """
    if scope not in SCOPES:
        raise ValueError(f"There is no scope {scope}; they stand in portal/accounts/api_keys.py.")
    return _declare(Access(needs_membership=False, scope=scope))


def declared_access(app: Flask, endpoint: str) -> Access | None:
    """What the view behind *endpoint* says of itself."""
    access: Access | None = getattr(app.view_functions.get(endpoint), MARK, None)
    return access


def guard_request() -> ResponseReturnValue | None:
    """Runs before every view: deny by default.

    Raises:
        UndeclaredAccessError: outside production, for a view without a declaration; in production it answers 403.
    """
    if request.endpoint is None or request.endpoint == "static":
        return None
    access = declared_access(current_app, request.endpoint)
    if access is None:
        if current_app.config["SETTINGS"].environment == "production":
            abort(403)
        raise UndeclaredAccessError(
            f"{request.endpoint} declares neither @requires(...) nor @public_route(reason)."
        )
    identity: Identity | None = g.get("identity")
    if access.is_public:
        return None
    if access.scope:
        return guard_caller(access.scope)
    if identity is None:
        return ask_to_sign_in()
    if access.needs_membership and identity.merchant is None:
        abort(403, "You do not work for this merchant. Choose another, or ask its owner to invite you.")
    if not all(identity.can(permission) for permission in access.permissions):
        abort(403)
    if not access.is_passive:
        touch(identity)
    if access.needs_fresh and not is_fresh(identity) and not confirm_from_form(identity):
        return ask_for_password()
    return None


def ask_to_sign_in() -> ResponseReturnValue:
    """401 with ``HX-Redirect`` for htmx, 401 problem details for machines, a redirect that leads back for pages."""
    if wants_json():
        return answer(401)
    is_page = request.method == "GET" and not wants_fragment()
    back = path_or(request.full_path.rstrip("?"), "") if is_page else previous_path("")
    target = url_for("accounts.sign_in", next=back or None)
    if wants_fragment():
        return Response(status=401, headers={"HX-Redirect": target})
    return see_other(target)


def current_identity() -> Identity:
    """The person of this request, for views that are not public."""
    identity: Identity | None = g.get("identity")
    if identity is None:
        raise UndeclaredAccessError("Nobody is signed in here; a public view has no current person.")
    return identity


def current_actor() -> Actor:
    """Who does it, for services (``by=current_actor()``)."""
    return current_identity().actor


def get_or_404(model: type[Row], key: Any, *, lock: bool = False) -> Row:
    """The record with that key among the merchant's own; the key is the part after ``merchant_id``.

    Raises:
        NotFoundError: there is none. Another merchant's record answers the same, to the byte.
    """
    keys = key if isinstance(key, tuple) else (key,)
    columns = [column for column in sa.inspect(model).primary_key if column.name != "merchant_id"]
    matches = [column == value for column, value in zip(columns, keys, strict=True)]
    return get_row_or_404(sa.select(model).where(*matches), lock=lock)


def get_row_or_404(statement: sa.Select[Row], *, lock: bool = False) -> Row:
    """The one entity *statement* finds, the merchant's filter added.

    Raises:
        NotFoundError: it finds none.
    """
    found = db.session.scalars(statement.with_for_update() if lock else statement).one_or_none()
    if found is None:
        raise NotFoundError()
    return found


def _declare(access: Access) -> Callable[[View], View]:
    def mark(view: View) -> View:
        setattr(view, MARK, access)
        return view

    return mark


def _said(reason: str) -> str:
    if not reason.strip():
        raise ValueError("Say why this address needs no permission.")
    return reason
