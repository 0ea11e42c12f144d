"""Which sale an order is in the eyes of tax: where its goods go, and whether a business buys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

from portal.orders.tax.deciding import Sale
from portal.orders.tax.facts import TaxFacts
from portal.orders.tax.regions import region_code
from portal.orders.tax.vat_numbers import required_valid

_GOES_TO: Final = ("shipping", "billing", "buyer")
_BUYS: Final = ("billing", "buyer", "shipping")


class Party(Protocol):
    """A contact of the order, planned or written."""

    @property
    def kind(self) -> str: ...
    @property
    def region(self) -> str | None: ...
    @property
    def country_code(self) -> str | None: ...
    @property
    def vat_id(self) -> str | None: ...


def destination_of(parties: Iterable[Party]) -> Party | None:
    """Where the goods go; the buyer's own place when nothing is sent."""
    return _first(parties, _GOES_TO, "country_code")


def sale_of(parties: Iterable[Party], facts: TaxFacts) -> Sale:
    """The sale. What is handed over at the merchant's counter is sold there, wherever the buyer lives.

    Raises:
        DomainError: the VAT number has a typing error.
    """
    known = list(parties)
    is_sent = any(party.kind == "shipping" and party.country_code for party in known)
    place = None if facts.is_counter and not is_sent else destination_of(known)
    country = ((place.country_code if place else None) or facts.home).upper()
    return Sale(facts.home, country, region_code(country, place.region if place else None), vat_id_of(known))


def vat_id_of(parties: Iterable[Party]) -> str | None:
    """The buyer's VAT number in its compact form.

    Raises:
        DomainError: it has a typing error.
    """
    party = _first(parties, _BUYS, "vat_id")
    return required_valid(party.vat_id, country=party.country_code) if party else None


def _first(parties: Iterable[Party], kinds: tuple[str, ...], field: str) -> Party | None:
    chosen = [party for party in parties if party.kind in kinds and getattr(party, field)]
    return min(chosen, key=lambda party: kinds.index(party.kind), default=None)
