"""What the law makes a merchant keep although the person asked for erasure, as data per country.

The duty is the merchant's, so the merchant's country decides, not the customer's. The terms are those of the
ordinary case and run from the end of the calendar year of the document; a merchant with another financial year or a
special duty changes them with their adviser.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

LEGAL_OBLIGATION: Final = "GDPR art. 17(3)(b)"
ACCOUNTABILITY: Final = "GDPR art. 12(3)"


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """How long a country's law makes invoices be kept."""

    country: str
    law: str
    years: int

    def ends_on(self, document_date: dt.date) -> dt.date:
        """The last day of the duty for a document of that date."""
        return dt.date(document_date.year + self.years, 12, 31)


_LISTED: Final = (
    RetentionRule("AT", "BAO § 132, UStG § 11", 7),
    RetentionRule("BE", "Code TVA art. 60", 10),
    RetentionRule("CH", "OR art. 958f", 10),
    RetentionRule("CZ", "Zákon o DPH § 35", 10),
    RetentionRule("DE", "AO § 147, UStG § 14b", 8),
    RetentionRule("DK", "Bogføringsloven § 12", 5),
    RetentionRule("ES", "Código de Comercio art. 30", 6),
    RetentionRule("FI", "Kirjanpitolaki 2:10", 6),
    RetentionRule("FR", "Code de commerce L123-22", 10),
    RetentionRule("GB", "VAT Act 1994 sch. 11 par. 6", 6),
    RetentionRule("IE", "VAT Consolidation Act 2010 s. 84", 6),
    RetentionRule("IT", "Codice civile art. 2220", 10),
    RetentionRule("LU", "Code de commerce art. 16", 10),
    RetentionRule("NL", "AWR art. 52", 7),
    RetentionRule("NO", "Bokføringsloven § 13", 5),
    RetentionRule("PL", "Ordynacja podatkowa art. 86", 5),
    RetentionRule("PT", "CIVA art. 52", 10),
    RetentionRule("SE", "Bokföringslagen 7 kap. 2 §", 7),
    RetentionRule("US", "26 CFR 1.6001-1", 7),
)
RULES: Final = {rule.country: rule for rule in _LISTED}
LONGEST: Final = max(rule.years for rule in _LISTED)


def rule_for(country: str) -> RetentionRule:
    """The rule of the merchant's country. A country that is not listed gets the longest term of those that are.

    Erasing what a law demands cannot be taken back; keeping it restricted for longer can.
    """
    return RULES.get(
        country,
        RetentionRule(country, "National accounting law (country not listed, longest listed term)", LONGEST),
    )
