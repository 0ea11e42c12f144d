"""Acts that stand in the head of an order's page: each domain offers its own, the page shows those that make sense."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import request, url_for

from portal.core.http import can
from portal.orders.queries import WholeOrder


@dataclass(frozen=True, slots=True)
class OrderAct:
    """A link to the page where the act begins."""

    endpoint: str
    label: str | Callable[[WholeOrder], str]
    icon: str
    permission: str
    order: int
    is_main: bool
    when: Callable[[WholeOrder], bool]


_acts: dict[str, OrderAct] = {}


def register_order_act(
    endpoint: str, label: str | Callable[[WholeOrder], str], icon: str, permission: str, order: int = 100, *,
    is_main: bool = False, when: Callable[[WholeOrder], bool] = lambda whole: True,
) -> None:  # fmt: skip
    """Offer a link to *endpoint* (it takes ``number``) in the head of every order for which *when* holds.

    The first main act that can be done is the page's primary button; the others stand under "More". A label may
    depend on the order.
    """
    _acts[endpoint] = OrderAct(endpoint, label, icon, permission, order, is_main, when)


def order_acts(whole: WholeOrder) -> list[dict[str, Any]]:
    """What this person may do to this order now, the main act first."""
    number, listed = whole.head["number"], request.args.get("list")
    possible = [act for act in _acts.values() if can(act.permission) and act.when(whole)]
    possible.sort(key=lambda act: (not act.is_main, act.order, act.endpoint))
    return [
        {
            "label": act.label if isinstance(act.label, str) else act.label(whole), "icon": act.icon, "is_main": act.is_main and position == 0,
            "url": url_for(act.endpoint, number=number, list=listed),
        }
        for position, act in enumerate(possible)
    ]  # fmt: skip
