"""The answer of a list view: a page, or the region of the list when htmx asked for that."""

from __future__ import annotations

from typing import Any

from flask import redirect, request
from flask.typing import ResponseReturnValue

from portal.core.http import render, wants_fragment
from portal.core.listing.declaration import Listing
from portal.core.listing.page import Page, request_viewer

REGION = "components/_list_region.html"


def show_list(
    listing: Listing, template: str, *, region: str = REGION, **context: Any
) -> ResponseReturnValue:
    """Answer a GET of the list.

    The "add filter" form sends field, comparison and value apart; without JavaScript it is sent on to the one address of that
    state, with htmx that address is pushed. A list that draws its own rows names the `region` its template includes.
    """
    if "add" in request.args and not wants_fragment():
        page = Page.read(listing, request.args, path=request.path, viewer=request_viewer())
        return (
            redirect(page.canonical_url, 303) if not page.messages else render(template, page=page, **context)
        )
    page = Page.read(
        listing, request.args, path=request.path, viewer=request_viewer(), with_views=not wants_fragment()
    )
    if not wants_fragment():
        return render(template, page=page, **context)
    response = render(region, page=page, **context)
    response.headers["HX-Push-Url"] = page.canonical_url
    return response
