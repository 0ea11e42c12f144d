"""Settings of tax: the rules, the rates, usual rates on offer, exchange rates."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, current_identity, get_or_404, requires
from portal.catalog.conflicts import stale_answer
from portal.catalog.forms import refuse
from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.errors import DomainError, StaleError
from portal.core.http import render, see_other, toast
from portal.core.merging import pack_base, unpack_base
from portal.core.once import made_at, sent_once
from portal.orders.models import TaxRate
from portal.orders.tax import services
from portal.orders.tax.forms import ExchangeRateForm, TaxRateForm, TaxRulesForm
from portal.orders.tax.regions import place_name
from portal.orders.tax.standard_rates import AS_OF

bp: Final = Blueprint("tax", __name__, url_prefix="/settings/tax")
GROUPS: Final = {"eu": "European Union", "gb": "United Kingdom", "us": "United States, by state"}
YES_NO: Final = {"y": "Yes", "": "No"}


@bp.get("")
@requires("settings.view")
def tax() -> Response:
    return _page(_rules_form(), _rate_form())


@bp.post("/rules")
@requires("settings.edit")
def save_tax_rules() -> ResponseReturnValue:
    form = TaxRulesForm()
    mine = {name: form[name].data or "" for name in services.RULE_FIELDS}
    mine["is_reverse_charge"] = "y" if form.is_reverse_charge.data else ""
    if not form.validate():
        return _page(form, _rate_form(), status=422)
    try:
        services.save_rules(mine, base=unpack_base(form.base.data or ""), by=current_actor())
    except StaleError as error:
        return stale_answer(
            form,
            error,
            now=services.rule_values(services.tax_settings()),
            mine=mine,
            words=lambda name, value: _words(form, name, value),
            action_url=url_for("tax.save_tax_rules"),
            heading="Tax",
            back_url=url_for("tax.tax"),
            back_label="Tax",
        )
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "rounding")
        return _page(form, _rate_form(), status=error.status)
    db.session.commit()
    toast("The rules are saved. Orders placed from now on follow them.")
    return see_other(url_for("tax.tax"))


@bp.post("/rates")
@requires("settings.edit")
@sent_once
def create_tax_rate() -> ResponseReturnValue:
    form = TaxRateForm().offer_countries()
    if not form.validate():
        return _page(_rules_form(), form, status=422)
    try:
        services.create_rate(
            country_code=form.country_code.data or "",
            region=form.region.data or "",
            tax_class=form.tax_class.data or "",
            values=_rate_values(form),
            by=current_actor(),
        )
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "percent")
        return _page(_rules_form(), form, status=error.status)
    toast("The rate is kept.")
    return made_at(url_for("tax.tax"))


@bp.get("/rates/<int:rate_id>")
@requires("settings.edit")
def edit_tax_rate(rate_id: int) -> Response:
    rate = get_or_404(TaxRate, rate_id)
    values = services.rate_values(rate)
    form = TaxRateForm(formdata=None, data=values | {"version": str(rate.version), "base": pack_base(values)})
    return render(
        "orders/tax/edit_rate.html",
        form=form,
        rate=rate,
        classes=services.TAX_CLASSES,
        place_name=place_name,
    )


@bp.post("/rates/<int:rate_id>")
@requires("settings.edit")
def save_tax_rate(rate_id: int) -> ResponseReturnValue:
    rate, form = get_or_404(TaxRate, rate_id, lock=True), TaxRateForm()
    mine = _rate_values(form)
    try:
        services.change_rate(rate, mine, base=unpack_base(form.base.data or ""), by=current_actor())
    except StaleError as error:
        return stale_answer(
            form,
            error,
            now=services.rate_values(rate),
            mine=mine,
            action_url=url_for("tax.save_tax_rate", rate_id=rate_id),
            heading=rate.name,
            back_url=url_for("tax.tax"),
            back_label="Tax",
        )
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "percent")
        return render(
            "orders/tax/edit_rate.html",
            form=form,
            rate=get_or_404(TaxRate, rate_id),
            classes=services.TAX_CLASSES,
            place_name=place_name,
            status=error.status,
        )
    db.session.commit()
    toast("The rate is saved. Orders keep the rate they were placed at.")
    return see_other(url_for("tax.tax"))


@bp.post("/rates/<int:rate_id>/removal")
@requires("settings.edit")
def remove_tax_rate(rate_id: int) -> ResponseReturnValue:
    services.remove_rate(get_or_404(TaxRate, rate_id, lock=True), by=current_actor())
    db.session.commit()
    toast("The rate is removed. Orders placed at it keep it.")
    return see_other(url_for("tax.tax"))


@bp.get("/usual-rates")
@requires("settings.view")
def usual_rates() -> Response:
    return _offers(utc_now().date().isoformat())


@bp.post("/usual-rates")
@requires("settings.edit")
@sent_once
def confirm_usual_rates() -> ResponseReturnValue:
    day, keys = request.form.get("valid_from", ""), request.form.getlist("keys")
    try:
        valid_from = services.day_of(day, "valid_from")
        if valid_from is None:
            raise DomainError("Enter the first day the rates hold.", field="valid_from")
        count = services.confirm_offers(keys, valid_from=valid_from, by=current_actor())
    except DomainError as error:
        db.session.rollback()
        return _offers(day, chosen=keys, error=error)
    toast(f"{count} {'rate is' if count == 1 else 'rates are'} yours now. Change them whenever the law does.")
    return made_at(url_for("tax.tax"))


@bp.get("/currencies")
@requires("settings.view")
def exchange_rates() -> Response:
    form = ExchangeRateForm(formdata=None, data={"valid_from": utc_now().date()})
    return _currencies(form.offer_currencies())


@bp.post("/currencies")
@requires("settings.edit")
def record_exchange_rate() -> ResponseReturnValue:
    form = ExchangeRateForm().offer_currencies()
    if not form.validate() or form.valid_from.data is None:
        return _currencies(form, status=422)
    try:
        services.record_exchange_rate(
            currency=form.currency.data or "",
            rate=form.worth,
            valid_from=form.valid_from.data,
            own=_own_currency(),
            by=current_actor(),
        )
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "rate")
        return _currencies(form, status=error.status)
    db.session.commit()
    toast("The rate is kept. Orders placed from that day on record it.")
    return see_other(url_for("tax.exchange_rates"))


def _page(rules: TaxRulesForm, rate: TaxRateForm, *, status: int = 200) -> Response:
    return render(
        "orders/tax/tax.html",
        form=rules,
        rate_form=rate,
        rates=services.all_rates(),
        classes=services.TAX_CLASSES,
        place_name=place_name,
        today=utc_now().date(),
        offers=len(services.open_offers()),
        status=status,
    )


def _rules_form() -> TaxRulesForm:
    found = services.tax_settings()
    values = services.rule_values(found)
    form = TaxRulesForm(
        formdata=None,
        data=values | {"version": str(found.version if found else 0), "base": pack_base(values)},
    )
    form.is_reverse_charge.data = bool(values["is_reverse_charge"])
    return form


def _rate_form() -> TaxRateForm:
    shop = current_identity().merchant
    data = {"valid_from": utc_now().date().isoformat(), "country_code": shop.country if shop else ""}
    return TaxRateForm(formdata=None, data=data).offer_countries()


def _rate_values(form: TaxRateForm) -> dict[str, str]:
    return {name: form[name].data or "" for name in ("name", "percent", "valid_from", "valid_to")}


def _words(form: TaxRulesForm, name: str, value: str) -> str:
    if name == "is_reverse_charge":
        return YES_NO.get(value, value)
    choices = getattr(form[name], "choices", None) or ()
    return str({choice.value: choice.label for choice in choices}.get(value, value))


def _offers(day: str, *, chosen: list[str] | None = None, error: DomainError | None = None) -> Response:
    shop = current_identity().merchant
    offers = services.open_offers()
    own = [each.key for each in offers if shop and each.country_code == shop.country and not each.region]
    return render(
        "orders/tax/usual_rates.html",
        groups=[
            (group, label, [each for each in offers if each.group == group])
            for group, label in GROUPS.items()
        ],
        place_name=place_name,
        chosen=set(own if chosen is None else chosen),
        valid_from=day,
        as_of=AS_OF,
        error=error,
        status=error.status if error else 200,
    )


def _currencies(form: ExchangeRateForm, *, status: int = 200) -> Response:
    return render(
        "orders/tax/currencies.html",
        form=form,
        rates=services.newest_exchange_rates(),
        own=_own_currency(),
        plain=services.plain,
        status=status,
    )


def _own_currency() -> str:
    shop = current_identity().merchant
    assert shop is not None
    return shop.currency
