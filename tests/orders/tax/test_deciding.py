"""Which tax a sale bears, by place, buyer and rules; and the numbers of businesses."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from portal.core.errors import DomainError
from portal.orders.tax.deciding import Sale, TaxRules, decide, included_rate, rate_of
from portal.orders.tax.standard_rates import AS_OF, offered
from portal.orders.tax.vat_numbers import EU, compact, country_of, required_valid

RATES = {
    ("NL", "", "standard"): D("0.21"),
    ("NL", "", "reduced"): D("0.09"),
    ("DE", "", "standard"): D("0.19"),
    ("US", "CA", "standard"): D("0.0725"),
    ("GB", "", "standard"): D("0.20"),
}
GERMAN, DUTCH = "DE136695976", "NL004495445B01"


@pytest.mark.parametrize(
    ("sale", "rules", "treatment", "rate"),
    [
        (Sale("NL", "NL"), TaxRules(), "standard", "0.21"),
        (Sale("NL", "DE"), TaxRules(), "standard", "0.21"),
        (Sale("NL", "DE"), TaxRules(eu_consumers="destination"), "standard", "0.19"),
        (Sale("NL", "DE", vat_id=GERMAN), TaxRules(), "reverse_charge", "0"),
        (Sale("NL", "DE", vat_id=GERMAN), TaxRules(is_reverse_charge=False), "standard", "0.21"),
        (Sale("NL", "DE", vat_id="DE123456789"), TaxRules(), "standard", "0.21"),
        (Sale("NL", "DE", vat_id=DUTCH), TaxRules(), "standard", "0.21"),
        (Sale("NL", "NL", vat_id=DUTCH), TaxRules(), "standard", "0.21"),
        (Sale("NL", "GB", vat_id="GB980780684"), TaxRules(), "standard", "0.20"),
        (Sale("NL", "CH"), TaxRules(), "export", "0"),
        (Sale("US", "US", "CA"), TaxRules(), "standard", "0.0725"),
        (Sale("US", "US", "NY"), TaxRules(), "standard", "0"),
        (Sale("GB", "FR"), TaxRules(), "export", "0"),
    ],
)
def test_a_sale_is_taxed_where_it_should_be(sale: Sale, rules: TaxRules, treatment: str, rate: str) -> None:
    decision = decide(sale, rules, RATES)
    assert decision.treatment == treatment
    assert rate_of(decision, "standard", RATES) == D(rate)


def test_classes_bear_their_own_rate_and_zero_bears_none() -> None:
    decision = decide(Sale("NL", "NL"), TaxRules(), RATES)
    assert rate_of(decision, "reduced", RATES) == D("0.09")
    assert rate_of(decision, "zero", RATES) == rate_of(decision, "exempt", RATES) == 0
    german = decide(Sale("DE", "DE"), TaxRules(), RATES)
    assert rate_of(german, "reduced", RATES) == D("0.19"), "no reduced rate is kept there"


def test_the_tax_inside_a_price_is_taken_out_only_where_none_is_owed() -> None:
    sale = Sale("NL", "DE", vat_id=GERMAN)
    decision = decide(sale, TaxRules(), RATES)
    assert included_rate(decision, "standard", sale, TaxRules(), RATES) == D("0.21")
    assert included_rate(decision, "standard", sale, TaxRules(untaxed_prices="as_shown"), RATES) is None
    home = Sale("NL", "NL")
    assert included_rate(decide(home, TaxRules(), RATES), "standard", home, TaxRules(), RATES) is None


def test_a_missing_rate_at_home_is_told() -> None:
    assert decide(Sale("FR", "FR"), TaxRules(), RATES).is_rate_missing
    assert not decide(Sale("US", "US", "NY"), TaxRules(), RATES).is_rate_missing


def test_vat_numbers_are_checked_by_their_digits() -> None:
    assert country_of(" de 136 695 976 ") == "DE"
    assert country_of("DE136695975") is None
    assert country_of("EL094259216") == "GR"
    assert country_of("CHE123456789") is None
    assert country_of("") is None
    assert compact("  ") is None
    assert required_valid("CHE-123.456.788") == "CHE123456788"
    with pytest.raises(DomainError, match="check digits"):
        required_valid("DE136695975")


def test_the_usual_rates_name_each_place_once_and_cover_the_union() -> None:
    keys = [rate.key for rate in offered()]
    assert len(keys) == len(set(keys))
    assert {rate.country_code for rate in offered() if rate.group == "eu"} == EU
    assert all(0 < rate.rate < D("0.30") for rate in offered())
    assert AS_OF.year >= 2026
