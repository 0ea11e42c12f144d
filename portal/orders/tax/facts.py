"""The merchant's rules, rates and exchange rate for one sale, in one statement."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import sqlalchemy as sa

from portal.core.database import current_merchant_id, db
from portal.orders.tax.deciding import Rates, TaxRules


@dataclass(frozen=True, slots=True)
class TaxFacts:
    """What deciding needs: rules, the rates that hold on the day, the merchant's own country and currency."""

    rules: TaxRules
    rates: Rates
    home: str
    base_currency: str
    base_rate: Decimal | None
    prices_include_tax: bool


def facts_for(countries: Iterable[str | None], currency: str, on: dt.date) -> TaxFacts:
    """Read what holds on a day for sales to these countries in this currency.

    ``base_rate`` is what one unit of *currency* is worth in the merchant's currency; None when they keep no rate for it.
    """
    row = db.session.execute(
        _FACTS,
        {
            "merchant": current_merchant_id(),
            "countries": sorted({country for country in countries if country}),
            "currency": currency,
            "day": on,
        },
    ).one()
    rates = {
        (country, region, tax_class): Decimal(rate) for country, region, tax_class, rate in row.rates or ()
    }
    rules = TaxRules(**row.rules) if row.rules else TaxRules()
    worth = Decimal(1) if row.currency == currency else row.worth
    return TaxFacts(rules, rates, row.country, row.currency, worth, row.prices_include_tax)


_FACTS: Final = sa.text("""
    SELECT m.country, m.currency, m.prices_include_tax,
           (SELECT jsonb_build_object('rounding', s.rounding, 'shipping_tax', s.shipping_tax, 'shipping_class', s.shipping_class,
                                      'eu_consumers', s.eu_consumers, 'is_reverse_charge', s.is_reverse_charge,
                                      'untaxed_prices', s.untaxed_prices)
            FROM tax_settings AS s WHERE s.merchant_id = :merchant) AS rules,
           (SELECT jsonb_agg(jsonb_build_array(r.country_code, r.region, r.tax_class, r.rate::text))
            FROM (SELECT DISTINCT ON (t.country_code, t.region, t.tax_class) t.country_code, t.region, t.tax_class, t.rate
                  FROM tax_rate AS t
                  WHERE t.merchant_id = :merchant AND (t.country_code = ANY(:countries) OR t.country_code = m.country)
                    AND t.valid_from <= :day AND (t.valid_to IS NULL OR t.valid_to >= :day)
                  ORDER BY t.country_code, t.region, t.tax_class, t.valid_from DESC) AS r) AS rates,
           (SELECT x.rate FROM exchange_rate AS x
            WHERE x.merchant_id = :merchant AND x.currency = :currency AND x.valid_from <= :day
            ORDER BY x.valid_from DESC LIMIT 1) AS worth
    FROM merchant AS m WHERE m.id = :merchant""")
