"""Routing rules: the list in its order, the form of one, and the simulator."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, requires
from portal.accounts.api_keys import channel_choices
from portal.accounts.forms import country_choices
from portal.catalog import typed
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import render, see_other, toast
from portal.stock import queries
from portal.stock.models import RoutingRule
from portal.stock.papers import names_of, typed_key
from portal.stock.promise_views.blueprint import bp
from portal.stock.routing import services
from portal.stock.routing.planning import Case, Plan
from portal.stock.routing.services import RuleValues, Tried
from portal.stock.scanning import scanned_variant

BASKET_ROWS = 5
MOST_UNITS = 1_000_000


@bp.get("/routing")
@requires("settings.view")
def routing() -> Response:
    return render(
        "stock/routing/rules.html",
        rules=services.routing_rules(),
        words=services.STRATEGY_WORDS,
        **_names(),
    )


@bp.get("/routing/new")
@requires("settings.edit")
def new_rule() -> Response:
    return _form(None, {"strategy": "prefer_location"})


@bp.post("/routing/new")
@requires("settings.edit")
def create_rule() -> ResponseReturnValue:
    try:
        services.add_rule(_typed(), by=current_actor())
    except DomainError as error:
        db.session.rollback()
        return _form(None, _sent(), error=error)
    db.session.commit()
    toast("The rule is added. It counts from now on.")
    return see_other(url_for("promises.routing"))


@bp.get("/routing/<int:routing_rule_id>")
@requires("settings.edit")
def edit_rule(routing_rule_id: int) -> Response:
    rule = services.rule_of(routing_rule_id)
    return _form(rule, _values(rule))


@bp.post("/routing/<int:routing_rule_id>")
@requires("settings.edit")
def save_rule(routing_rule_id: int) -> ResponseReturnValue:
    try:
        services.change_rule(routing_rule_id, _typed(), version=_version(), by=current_actor())
    except DomainError as error:
        db.session.rollback()
        return _form(services.rule_of(routing_rule_id), _sent(), error=error)
    db.session.commit()
    toast("The rule is saved.")
    return see_other(url_for("promises.routing"))


@bp.post("/routing/<int:routing_rule_id>/position")
@requires("settings.edit")
def move_rule(routing_rule_id: int) -> ResponseReturnValue:
    services.move_rule(routing_rule_id, -1 if request.form.get("step") == "up" else 1, by=current_actor())
    db.session.commit()
    return see_other(url_for("promises.routing", _anchor=f"rule-{routing_rule_id}"))


@bp.post("/routing/<int:routing_rule_id>/activation")
@requires("settings.edit")
def activate_rule(routing_rule_id: int) -> ResponseReturnValue:
    return _switch(routing_rule_id, on=True)


@bp.post("/routing/<int:routing_rule_id>/activation/remove")
@requires("settings.edit")
def deactivate_rule(routing_rule_id: int) -> ResponseReturnValue:
    return _switch(routing_rule_id, on=False)


@bp.post("/routing/<int:routing_rule_id>/removal")
@requires("settings.edit")
def delete_rule(routing_rule_id: int) -> ResponseReturnValue:
    try:
        services.delete_rule(routing_rule_id, version=_version(), by=current_actor())
        db.session.commit()
    except DomainError as error:
        db.session.rollback()
        toast(error.message, "warning")
    else:
        toast("The rule is deleted.")
    return see_other(url_for("promises.routing"))


@bp.get("/routing/simulator")
@requires("settings.view")
def simulator() -> Response:
    """What would ship from where, and why; as stock stands now, and without changing anything."""
    errors: dict[str, str] = {}
    answer: dict[str, Any] | None = None
    if any(request.args.values()):
        try:
            answer = _answer(_tried())
        except DomainError as error:
            errors = {error.field or "sku-1": error.message}
    rows = [
        (request.args.get(f"sku-{n}", ""), request.args.get(f"units-{n}", ""))
        for n in range(1, BASKET_ROWS + 1)
    ]
    return render(
        "stock/routing/simulator.html",
        rows=rows,
        typed=request.args,
        answer=answer,
        errors=errors,
        countries=[(choice.value, choice.label) for choice in country_choices()],
        status=422 if errors else 200,
        **_names(),
    )


def _tried() -> Tried:
    number = typed.text_of(request.args.get("order", ""))
    if number:
        return services.tried_order(number)
    basket: dict[int, tuple[str, int]] = {}
    for n in range(1, BASKET_ROWS + 1):
        code = typed.text_of(request.args.get(f"sku-{n}", ""))
        if not code:
            continue
        try:
            found = scanned_variant(code)
        except DomainError as error:
            raise DomainError(error.message, field=f"sku-{n}") from error
        units = typed.whole(
            request.args.get(f"units-{n}", "") or "1",
            f"units-{n}",
            "The number of units",
            least=1,
            most=MOST_UNITS,
        )
        basket[found.variant_id] = (found.sku, basket.get(found.variant_id, ("", 0))[1] + (units or 1))
    if not basket:
        raise DomainError("Enter at least one SKU, or the number of an order.", field="sku-1")
    case = Case(
        country_code=typed.text_of(request.args.get("country", "")).upper() or None,
        channel_id=typed_key(request.args.get("channel", ""), "channel", "The channel"),
        tags=frozenset(filter(None, [typed.text_of(request.args.get("tag", ""))])),
        total=typed.decimal(typed.text_of(request.args.get("total", "")), "total", "The total")
        or Case().total,
    )
    return Tried(services.wants_of([(key, sku, units) for key, (sku, units) in basket.items()]), case)


def _answer(tried: Tried) -> dict[str, Any]:
    """The plan as the page shows it: parcels, what is missing, and what each rule did."""
    found = services.try_rules(tried)
    names = names_of({pick.variant_id for pick in found.picks})
    parcels: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for pick in found.picks:
        parcels[pick.location_id].append((names[pick.variant_id].sku, pick.units))
    return {
        "sentence": _sentence(found),
        "parcels": [(place, parcels[place.id]) for place in found.places],
        "missing": [
            (want.sku, found.missing[want.line_n]) for want in tried.wants if want.line_n in found.missing
        ],
        "verdicts": found.verdicts,
        "case": tried.case,
    }


def _sentence(found: Plan) -> str:
    """``This would ship from Berlin and Paris because …``."""
    if not found.places:
        return "None of it can be sent: no location that may ship it has any."
    places = [place.name for place in found.places]
    where = places[0] if len(places) == 1 else f"{', '.join(places[:-1])} and {places[-1]}"
    reasons = [f"“{each.rule}” counts: {each.words}" for each in found.verdicts if each.counted]
    if not reasons:
        reasons = [
            "no rule counts for it, so it goes in as few parcels as can be, from where most of it lies"
        ]
    return f"This would ship from {where}, because {'; '.join(reasons)}."


def _switch(routing_rule_id: int, *, on: bool) -> ResponseReturnValue:
    services.switch_rule(routing_rule_id, on=on, by=current_actor())
    db.session.commit()
    toast("The rule counts again." if on else "The rule does not count any more.")
    return see_other(url_for("promises.routing"))


def _typed() -> RuleValues:
    sent = request.form
    return RuleValues(
        name=typed.short_text(sent.get("name"), "name", "The name", most=80),
        strategy=sent.get("strategy", ""),
        location_id=typed_key(sent.get("location_id", ""), "location_id", "The location"),
        country_codes=sent.get("country_codes", "").upper().replace(",", " ").split(),
        channel_ids=[
            int(value) for value in sent.getlist("channel_ids") if value.isascii() and value.isdecimal()
        ],
        tag=typed.short_text(sent.get("tag"), "tag", "The tag", most=40),
        least_total=typed.decimal(sent.get("least_total", ""), "least_total", "The lowest total", places=2),
        most_total=typed.decimal(sent.get("most_total", ""), "most_total", "The highest total", places=2),
    )


def _sent() -> dict[str, Any]:
    return {**request.form.to_dict(), "channel_ids": request.form.getlist("channel_ids")}


def _values(rule: RoutingRule) -> dict[str, Any]:
    return {
        "name": rule.name,
        "strategy": rule.strategy,
        "location_id": rule.location_id or "",
        "country_codes": ", ".join(rule.country_codes),
        "channel_ids": [str(key) for key in rule.channel_ids],
        "tag": rule.tag or "",
        "least_total": typed.plain(rule.least_total),
        "most_total": typed.plain(rule.most_total),
    }


def _version() -> int:
    return request.form.get("version", 0, type=int)


def _form(
    rule: RoutingRule | None, values: Mapping[str, Any], *, error: DomainError | None = None
) -> Response:
    return render(
        "stock/routing/edit_rule.html",
        rule=rule,
        values=values,
        words=services.STRATEGY_WORDS,
        location_options=[
            ("", "None"),
            *((place.id, place.name) for place in queries.locations() if place.is_active),
        ],
        errors={error.field or "name": error.message} if error else {},
        status=error.status if error else 200,
        **_names(),
    )


def _names() -> dict[str, Any]:
    return {"places": queries.locations(), "channels": channel_choices()}
