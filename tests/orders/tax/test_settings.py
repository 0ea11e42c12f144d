"""Rates, rules and currencies as screens: kept by the merchant, dated, and followed by the next order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal as D

import pytest
import sqlalchemy as sa

from portal.core.audit.models import AuditEntry
from portal.core.database import db
from portal.orders.models import ExchangeRate, Order, OrderLine, TaxRate, TaxSettings
from portal.orders.new_order import NewCharge, NewContact, NewLine, NewOrder
from portal.orders.placement import place_order
from portal.orders.pricing import price
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person
from tests.support.shop import open_shop

Login = Callable[[Person], HouseClient]


@pytest.fixture
def owner(login: Login, member: Callable[..., Person]) -> HouseClient:
    return login(member("owner"))


def keep_rate(owner: HouseClient, **values: str) -> None:
    sent = {
        "country_code": "GB",
        "region": "",
        "tax_class": "standard",
        "percent": "20",
        "name": "VAT",
        "valid_from": "2020-01-01",
        "valid_to": "",
    } | values
    answer = owner.post("/settings/tax/rates", data=sent)
    assert answer.status_code == 303, answer.text


def test_usual_rates_are_an_offer_until_they_are_kept(owner: HouseClient, scope: int) -> None:
    page = owner.get("/settings/tax/usual-rates").text
    assert 'value="GB..standard" checked' in page
    assert db.session.scalars(sa.select(TaxRate)).all() == []
    sent = {"keys": ["GB..standard", "GB..reduced", "US.CA.standard"], "valid_from": "2026-02-01"}
    assert owner.post("/settings/tax/usual-rates", data=sent).status_code == 303
    kept = db.session.scalars(sa.select(TaxRate).order_by(TaxRate.id)).all()
    assert [(rate.country_code, rate.region, rate.tax_class, rate.rate) for rate in kept] == [
        ("GB", "", "standard", D("0.200000")),
        ("GB", "", "reduced", D("0.050000")),
        ("US", "CA", "standard", D("0.072500")),
    ]
    assert {rate.source for rate in kept} == {"list of 2026-01-01"}
    assert "GB..standard" not in owner.get("/settings/tax/usual-rates").text


def test_nothing_chosen_is_told(owner: HouseClient) -> None:
    answer = owner.post("/settings/tax/usual-rates", data={"valid_from": "2026-02-01"})
    assert answer.status_code == 422
    assert "Choose the rates" in answer.text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"percent": "abc"}, "Enter a rate"),
        ({"percent": "100"}, "Enter a rate"),
        ({"percent": "NaN"}, "Enter a rate"),
        ({"valid_from": "yesterday"}, "Enter a date"),
        ({"valid_from": ""}, "first day"),
        ({"valid_to": "2019-01-01"}, "comes before"),
        ({"tax_class": "zero"}, "Choose a class"),
        ({"region": "?"}, "code of up to three"),
    ],
)
def test_a_rate_that_makes_no_sense_is_refused_with_what_was_typed(
    owner: HouseClient, change: dict[str, str], words: str
) -> None:
    sent = {"country_code": "GB", "region": "", "tax_class": "standard", "percent": "20", "name": "", "valid_from": "2026-01-01"} | change  # fmt: skip
    answer = owner.post("/settings/tax/rates", data=sent)
    assert answer.status_code == 422
    assert words in answer.text


def test_a_second_rate_of_the_same_day_is_refused(owner: HouseClient) -> None:
    keep_rate(owner)
    sent = {"country_code": "GB", "tax_class": "standard", "percent": "21", "valid_from": "2020-01-01"}
    answer = owner.post("/settings/tax/rates", data=sent)
    assert answer.status_code == 409
    assert "from that day already" in answer.text


def test_the_rate_of_the_day_counts(owner: HouseClient, scope: int) -> None:
    shop = open_shop()
    keep_rate(owner)
    keep_rate(owner, percent="25", valid_from="2030-01-01")
    keep_rate(owner, percent="17.5", valid_from="2010-01-01")

    def tax_at(at: str) -> D:
        new = NewOrder(
            channel_id=shop.channel_id,
            currency="GBP",
            lines=[NewLine("MUG", "Mug", 1, D("100.00"), is_stocked=False)],
            placed_at=dt.datetime.fromisoformat(at).replace(tzinfo=dt.UTC),
            tax_inclusive=False,
            by_rules=True,
        )
        return price(new).totals.tax_total

    assert [tax_at(at) for at in ("2015-06-01", "2026-06-01", "2031-01-01", "2005-01-01")] == [
        D("17.50"),
        D("20.00"),
        D("25.00"),
        D("0"),
    ]


def test_a_rate_is_changed_and_removed_and_orders_keep_theirs(owner: HouseClient, scope: int) -> None:
    shop = open_shop()
    keep_rate(owner)
    placed = place_order(
        NewOrder(
            channel_id=shop.channel_id,
            currency="GBP",
            lines=[
                NewLine("MUG", "Mug", 2, D("12.00"), variant_id=shop.variants["MUG"], tax_class="standard")
            ],
            charges=[NewCharge("shipping", "Post", D("6.00"))],
            contacts=[NewContact("shipping", country_code="GB")],
            by_rules=True,
        ),
        by=SYSTEM,
    )
    db.session.commit()
    rate = db.session.scalars(sa.select(TaxRate)).one()
    form = owner.get(f"/settings/tax/rates/{rate.id}").text
    base = form.partition('name="base" type="hidden" value="')[2].partition('"')[0].replace("&#34;", '"')
    sent = {"percent": "22", "name": "VAT", "valid_from": "2020-01-01", "valid_to": "", "base": base}
    assert owner.post(f"/settings/tax/rates/{rate.id}", data=sent).status_code == 303
    db.session.expire_all()
    assert db.session.scalars(sa.select(TaxRate.rate)).one() == D("0.22")
    assert owner.post(f"/settings/tax/rates/{rate.id}/removal").status_code == 303
    assert db.session.scalars(sa.select(TaxRate)).all() == []
    order = db.session.get_one(Order, (scope, placed.order_id))
    line = db.session.scalars(sa.select(OrderLine)).one()
    assert (order.total, order.tax_total, order.tax_treatment) == (D("30.00"), D("5.00"), "standard")
    assert (line.tax_rate, line.tax_amount, line.tax_class) == (D("0.20"), D("4.00"), "standard")
    actions = db.session.scalars(
        sa.select(AuditEntry.action).where(AuditEntry.action.like("tax_rate.%"))
    ).all()
    assert sorted(actions) == ["tax_rate.created", "tax_rate.removed", "tax_rate.updated"]


def rules_form(owner: HouseClient, **values: str) -> dict[str, str]:
    page = owner.get("/settings/tax").text
    base = page.partition('id="rules-base" name="base" type="hidden" value="')[2].partition('"')[0]
    sent = {
        "rounding": "line",
        "shipping_tax": "own",
        "shipping_class": "standard",
        "eu_consumers": "home",
        "untaxed_prices": "less_tax",
        "is_reverse_charge": "y",
        "base": base.replace("&#34;", '"'),
    }
    return sent | values


def test_the_rules_are_saved_and_followed(owner: HouseClient, scope: int) -> None:
    sent = rules_form(owner, rounding="total", shipping_tax="proportional")
    assert owner.post("/settings/tax/rules", data=sent).status_code == 303
    kept = db.session.scalars(sa.select(TaxSettings)).one()
    assert (kept.rounding, kept.shipping_tax) == ("total", "proportional")
    wrong = rules_form(owner, rounding="sometimes")
    assert owner.post("/settings/tax/rules", data=wrong).status_code == 422


def test_two_people_who_change_the_rules_are_brought_together(owner: HouseClient, scope: int) -> None:
    mine, theirs = rules_form(owner, rounding="total"), rules_form(owner, eu_consumers="destination")
    clash = rules_form(owner, rounding="line", eu_consumers="home")
    assert owner.post("/settings/tax/rules", data=theirs).status_code == 303
    assert owner.post("/settings/tax/rules", data=mine).status_code == 303
    kept = db.session.scalars(sa.select(TaxSettings)).one()
    assert (kept.rounding, kept.eu_consumers) == ("total", "destination")
    other = clash | {"rounding": "total", "shipping_class": "zero"}
    assert owner.post("/settings/tax/rules", data=other).status_code == 303


def test_currencies_are_recorded_by_day(owner: HouseClient, scope: int) -> None:
    sent = {"currency": "EUR", "rate": "0.85", "valid_from": "2026-01-01"}
    assert owner.post("/settings/tax/currencies", data=sent).status_code == 303
    assert owner.post("/settings/tax/currencies", data=sent | {"rate": "0.86"}).status_code == 303
    assert db.session.scalars(sa.select(ExchangeRate.rate)).all() == [D("0.86")]
    for wrong in ({"currency": "GBP"}, {"currency": "XQQ"}, {"rate": "0"}, {"rate": "NaN"}, {"rate": "1e30"}):
        assert owner.post("/settings/tax/currencies", data=sent | wrong).status_code == 422


def test_who_may_only_look_changes_nothing(login: Login, member: Callable[..., Person]) -> None:
    reader = login(member("support"))
    assert reader.get("/settings/tax").status_code == 403
    assert reader.post("/settings/tax/rates", data={}).status_code == 403
