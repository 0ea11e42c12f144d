"""Every list of the portal, by key."""

from __future__ import annotations

from portal.core.errors import NotFoundError
from portal.core.listing.declaration import Listing

listings: dict[str, Listing] = {}


def register_listing(listing: Listing) -> Listing:
    """Make a list known to exports, saved views and bulk jobs; called by the owning domain at start, harmless when repeated."""
    listings[listing.key] = listing
    return listing


def listing_named(key: str) -> Listing:
    """The list of that name.

    Raises:
        NotFoundError: there is none.
    """
    if key not in listings:
        raise NotFoundError("There is no such list.")
    return listings[key]
