"""Try the rules on a basket or an order: what would ship from where, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from portal.core.errors import DomainError
from portal.stock.bundles import parts_of
from portal.stock.routing.planning import Case, Plan, Want, plan
from portal.stock.routing.rules import promise_terms
from portal.stock.supply import see_supply


@dataclass(frozen=True, slots=True)
class Tried:
    """A basket or an order for the simulator: its lines and what rules may ask about it."""

    wants: Sequence[Want]
    case: Case
    own: Mapping[int, Mapping[int, int]] | None = None


def try_rules(tried: Tried) -> Plan:
    """From where the basket would ship as stock stands now. Nothing is held or changed."""
    supply = see_supply({variant_id for want in tried.wants for variant_id in want.parts})
    free = supply.free()
    for variant_id, there in (tried.own or {}).items():
        for location_id, units in there.items():
            places = free.setdefault(variant_id, {})
            places[location_id] = places.get(location_id, 0) + units
    return plan(tried.wants, free, supply.places, promise_terms().rules, tried.case)


def wants_of(lines: Sequence[tuple[int, str, int]]) -> list[Want]:
    """Lines as variant id, SKU and units, with bundles dissolved into their parts."""
    parts = parts_of([variant_id for variant_id, _, _ in lines])
    return [
        Want(n, sku, units, parts.get(variant_id, {variant_id: 1}))
        for n, (variant_id, sku, units) in enumerate(lines, 1)
    ]


# Orders stand above stock: they register how one is read for the simulator.
OrderReader = Callable[[str], Tried | None]
_reader: list[OrderReader] = []


def offer_orders(read: OrderReader) -> None:
    """Let the simulator try orders: ``read(number)`` gives one, or None where there is none."""
    _reader[:] = [read]


def tried_order(number: str) -> Tried:
    """An order by its number.

    Raises:
        DomainError: there is none, or nothing of it is left to send.
    """
    found = _reader[0](number) if _reader else None
    if found is None:
        raise DomainError("There is no live order with this number.", field="order")
    if not found.wants:
        raise DomainError("Nothing of this order is left to send.", field="order")
    return found
