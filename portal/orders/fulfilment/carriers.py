"""Carriers whose tracking pages are known, so that a number becomes a link."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, urlsplit

from portal.core.errors import DomainError
from portal.core.normalise import code_key

# The carrier's name as staff choose it, and the address of its tracking page.
CARRIERS: Final = {
    "Royal Mail": "https://www.royalmail.com/track-your-item#/tracking-results/{number}",
    "Parcelforce": "https://www.parcelforce.com/track-trace?trackNumber={number}",
    "Evri": "https://www.evri.com/track/parcel/{number}",
    "DPD": "https://tracking.dpd.de/status/en_GB/parcel/{number}",
    "DHL": "https://www.dhl.com/global-en/home/tracking.html?tracking-id={number}",
    "Deutsche Post": "https://www.deutschepost.de/de/s/sendungsverfolgung.html?piececode={number}",
    "Hermes": "https://www.myhermes.de/empfangen/sendungsverfolgung/sendungsinformation#{number}",
    "GLS": "https://gls-group.com/GROUP/en/parcel-tracking?match={number}",
    "UPS": "https://www.ups.com/track?tracknum={number}",
    "FedEx": "https://www.fedex.com/fedextrack/?trknbr={number}",
    "PostNL": "https://postnl.nl/tracktrace/?B={number}",
    "La Poste": "https://www.laposte.fr/outils/suivre-vos-envois?code={number}",
    "Austrian Post": "https://www.post.at/s/sendungsdetails?snr={number}",
    "Swiss Post": "https://service.post.ch/ekp-web/ui/entry/search/{number}",
    "USPS": "https://tools.usps.com/go/TrackConfirmAction?tLabels={number}",
}
_BY_KEY: Final = {code_key(name): address for name, address in CARRIERS.items()}
LONGEST_LINK: Final = 500


def tracking_link(carrier: str | None, number: str | None, own: str | None = None) -> str | None:
    """Where a parcel can be followed: the link staff gave, or the page of a carrier we know."""
    if own:
        return own
    address = _BY_KEY.get(code_key(carrier)) if carrier else None
    if address is None or not number:
        return None
    return address.format(number=quote(re.sub(r"\s+", "", number), safe=""))


def checked_link(text: str | None) -> str | None:
    """A link as it may stand on a page and in a mail.

    Raises:
        DomainError: it is no web address, or too long.
    """
    link = (text or "").replace("\0", "").strip()
    if not link:
        return None
    try:
        parts = urlsplit(link)
    except ValueError:
        parts = None
    if (
        parts is None
        or parts.scheme not in ("http", "https")
        or not parts.hostname
        or len(link) > LONGEST_LINK
    ):
        raise DomainError("Enter the whole address, beginning with https://.", field="tracking_url")
    if any(character.isspace() for character in link):
        raise DomainError("A web address has no spaces.", field="tracking_url")
    return link
