"""The simulator of routing: a basket or an order, from where it would ship, and what each rule did."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from flask import Response, request

from portal.accounts.access import requires
from portal.accounts.api_keys import channel_choices
from portal.accounts.forms import country_choices
from portal.catalog import typed
from portal.core.errors import DomainError
from portal.core.http import render
from portal.stock.papers import names_of, typed_key
from portal.stock.promise_views.blueprint import bp
from portal.stock.routing import trying
from portal.stock.routing.planning import Case, Plan
from portal.stock.routing.trying import Tried
from portal.stock.scanning import scanned_variant

BASKET_ROWS = 5
MOST_UNITS = 1_000_000


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
        channels=channel_choices(),
    )


def _tried() -> Tried:
    number = typed.text_of(request.args.get("order", ""))
    if number:
        return trying.tried_order(number)
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
    return Tried(trying.wants_of([(key, sku, units) for key, (sku, units) in basket.items()]), case)


def _answer(tried: Tried) -> dict[str, Any]:
    """The plan as the page shows it: parcels, what is missing, and what each rule did."""
    found = trying.try_rules(tried)
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
