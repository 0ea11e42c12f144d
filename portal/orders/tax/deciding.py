"""Which tax a sale bears: pure decisions from where the goods go, who buys, and the merchant's rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from portal.orders.tax.vat_numbers import EU, country_of

ZERO: Final = Decimal(0)
UNTAXED_CLASSES: Final = frozenset({"zero", "exempt"})

Place = tuple[str, str]
Rates = Mapping[tuple[str, str, str], Decimal]


@dataclass(frozen=True, slots=True)
class TaxRules:
    """The merchant's rules; the defaults hold while they have chosen none."""

    rounding: str = "line"
    shipping_tax: str = "own"
    shipping_class: str = "standard"
    eu_consumers: str = "home"
    is_reverse_charge: bool = True
    untaxed_prices: str = "less_tax"


@dataclass(frozen=True, slots=True)
class Sale:
    """From where to whom: countries by ISO code, ``region`` as the state's code, ``vat_id`` of a business buyer."""

    home: str
    country: str
    region: str = ""
    vat_id: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """How a sale is taxed.

    ``place`` is where its rates are looked up, None when it bears none. ``reason`` is what the buyer's invoice says.
    ``is_rate_missing`` warns that the merchant keeps no rate for a place they would tax at, or that its state is not known.
    """

    treatment: str
    place: Place | None
    reason: str = ""
    is_rate_missing: bool = False


def decide(sale: Sale, rules: TaxRules, rates: Rates) -> Decision:
    """Decide by the usual order: reverse charge, home, the rest of the EU, other countries with rates, export."""
    places = {(country, region) for country, region, _ in rates}
    if _is_reverse_charge(sale, rules):
        return Decision("reverse_charge", None, "Reverse charge: the buyer accounts for the VAT.")
    if sale.country == sale.home:
        return _taxed(sale.country, sale.region, places)
    if sale.home in EU and sale.country in EU:
        if rules.eu_consumers == "home":
            return _taxed(sale.home, "", places)
        return _taxed(sale.country, sale.region, places)
    if any(country == sale.country for country, _ in places):
        return _taxed(sale.country, sale.region, places)
    return Decision("export", None, "Export: no tax is charged.")


def rate_of(decision: Decision, tax_class: str, rates: Rates) -> Decimal:
    """The rate of a class of goods in this sale; a region's own before its country's."""
    if decision.place is None or tax_class in UNTAXED_CLASSES:
        return ZERO
    country, region = decision.place
    for key in ((country, region, tax_class), (country, "", tax_class)):
        if key in rates:
            return rates[key]
    # A class the place has no rate of its own for is taxed as the rest is.
    return rates.get((country, region, "standard"), rates.get((country, "", "standard"), ZERO))


def included_rate(
    decision: Decision, tax_class: str, sale: Sale, rules: TaxRules, rates: Rates
) -> Decimal | None:
    """The home rate inside a price that is to be taken out, because the buyer owes none; None to leave it."""
    if decision.place is not None or rules.untaxed_prices != "less_tax":
        return None
    return rate_of(Decision("standard", (sale.home, "")), tax_class, rates)


def _is_reverse_charge(sale: Sale, rules: TaxRules) -> bool:
    if not (rules.is_reverse_charge and sale.home in EU and sale.country in EU and sale.country != sale.home):
        return False
    country = country_of(sale.vat_id)
    return country is not None and country in EU and country != sale.home


def _taxed(country: str, region: str, places: set[Place]) -> Decision:
    known = (country, region) if (country, region) in places else (country, "")
    # In the United States a seller owes tax in the states where they keep a rate, and nothing in the others.
    is_missing = known not in places and (country != "US" or not region)
    return Decision("standard", known, is_rate_missing=is_missing)
