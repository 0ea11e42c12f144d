"""The look-up: a page of its own, and the drop-down under the search box."""

from __future__ import annotations

from flask import Blueprint, abort, g, redirect, request
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_identity, requires
from portal.core.http import render, wants_fragment
from portal.discovery.services import PERMISSIONS, look_up

blueprint = Blueprint("discovery", __name__)

ON_PAGE = 20
IN_DROP_DOWN = 5


@blueprint.get("/lookup")
@requires()
def lookup() -> ResponseReturnValue:
    identity = current_identity()
    permissions = frozenset(g.permissions)
    if not permissions & PERMISSIONS.keys():
        abort(403)
    typed = request.args.get("q", "")
    country = identity.merchant.country if identity.merchant else None
    found = look_up(
        typed, country=country, permissions=permissions, limit=IN_DROP_DOWN if wants_fragment() else ON_PAGE
    )
    if wants_fragment():
        return render("discovery/_results.html", found=found)
    if found.only:
        return redirect(found.only.url, 303)
    return render("discovery/lookup.html", found=found)
