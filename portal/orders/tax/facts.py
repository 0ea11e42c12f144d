"""The merchant's rules, rates and exchange rate for one sale, in one statement."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from portal.core.database import current_merchant_id, db
from portal.orders.tax.deciding import Rates, TaxRules


@dataclass(frozen=True, slots=True)
class TaxFacts:
    """What deciding needs: rules, the rates that hold on the day, the merchant's own country and currency.

    ``is_counter``: what the channel sells is handed over in the merchant's own shop.
    """

    rules: TaxRules
    rates: Rates
    home: str
    base_currency: str
    base_rate: Decimal | None
    prices_include_tax: bool
    is_counter: bool = False


def facts_for(
    countries: Iterable[str | None], currency: str, at: dt.datetime, channel_id: int | None = None
) -> TaxFacts:
    """Read what holds for sales to these countries in this currency, on the day it is then at the merchant's.

    ``base_rate`` is what one unit of *currency* is worth in the merchant's currency; None when they keep no rate for it.
    """
    row = db.session.execute(_FACTS, arguments_for(countries, currency, at, channel_id)).one()
    return facts_from(row, currency)


def arguments_for(
    countries: Iterable[str | None], currency: str, at: dt.datetime, channel_id: int | None
) -> dict[str, Any]:
    """The arguments of ``TAX_FACTS``, for a statement that asks more."""
    return {
        "merchant": current_merchant_id(),
        "tax_countries": sorted({country for country in countries if country}),
        "tax_currency": currency,
        "taxed_at": at,
        "channel": channel_id,
    }


def facts_from(row: sa.Row[Any], currency: str) -> TaxFacts:
    """What ``TAX_FACTS`` gave for a sale in *currency*."""
    rates = {
        (country, region, tax_class): Decimal(rate)
        for country, region, tax_class, rate in row.tax_rates or ()
    }
    rules = TaxRules(**{name: row.tax_rules[name] for name in _RULES}) if row.tax_rules else TaxRules()
    worth = Decimal(1) if row.currency == currency else row.worth
    return TaxFacts(rules, rates, row.country, row.currency, worth, row.prices_include_tax, row.is_counter)


# A function whose plans are kept: migrations/functions/placement.sql.
TAX_FACTS: Final = (
    "tax_facts(:merchant, CAST(:tax_countries AS text[]), :tax_currency, CAST(:taxed_at AS timestamptz),"
    " CAST(:channel AS bigint))"
)
TAX_COLUMNS: Final = "country, currency, prices_include_tax, tax_rules, tax_rates, worth, is_counter"
_FACTS: Final = sa.text(f"SELECT {TAX_COLUMNS} FROM {TAX_FACTS}")
_RULES: Final = tuple(TaxRules.__dataclass_fields__)
