"""A page shows what a higher floor knows without importing it.

The page says ``{{ slot("customer.orders", customer_id=customer.id) }}``; the owner of the orders registered an address
for that name. The region loads by itself after the page, and is a plain link without JavaScript, so a slow or broken
region costs the page nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog
from flask import Flask, url_for
from markupsafe import Markup
from werkzeug.routing import BuildError

from portal.core.http import can

log = structlog.get_logger(__name__)

REGION = Markup(
    '<section class="slot" id="{id}" hx-get="{url}" hx-trigger="load" hx-swap="outerHTML" hx-target="this">'
    '<a class="slot-link" href="{url}">{label}</a></section>'
)
NOT_IN_IDS: Final = re.compile(r"[^A-Za-z0-9]+")
BROKEN = Markup('<p class="notice notice-warning" role="status">{label} cannot be shown right now.</p>')


@dataclass(frozen=True, slots=True)
class SlotEntry:
    """One region that some higher floor offers for a slot."""

    name: str
    endpoint: str
    permission: str | None
    order: int
    label: str


_slots: dict[str, dict[str, SlotEntry]] = {}


def register_slot(
    name: str, endpoint: str, permission: str | None, order: int = 100, *, label: str | None = None
) -> None:
    """Offer *endpoint* for the slot *name*; it takes the slot's ids as address parameters and sends one element.

    ``label`` is the text of the link and of the notice; without it the last word of the name is used.
    """
    words = label or name.rpartition(".")[2].replace("-", " ").replace("_", " ").capitalize()
    _slots.setdefault(name, {})[endpoint] = SlotEntry(name, endpoint, permission, order, words)


def slot(
    name: str, *, inline: Mapping[str, Markup] | None = None, carried: Mapping[str, Any] | None = None, **ids: Any
) -> Markup:  # fmt: skip
    """The regions that are registered for *name* and that this person may see; nothing when there are none.

    Args:
        inline: regions that are drawn already, by endpoint: a form in one of them was refused.
        carried: what the addresses carry beside the ids, the list a page was opened from.
        ids: what the regions are about.
    """
    entries = sorted(_slots.get(name, {}).values(), key=lambda entry: (entry.order, entry.endpoint))
    permitted = [entry for entry in entries if entry.permission is None or can(entry.permission)]
    drawn = inline or {}
    return Markup("").join(
        drawn[entry.endpoint] if entry.endpoint in drawn else _region(entry, ids, carried or {})
        for entry in permitted
    )


def registered_slots() -> list[SlotEntry]:
    """Every registration, for the test that their addresses exist."""
    return [entry for entries in _slots.values() for entry in entries.values()]


def init_slots(app: Flask) -> None:
    """Give templates ``slot``."""
    app.jinja_env.globals["slot"] = slot


def _region(entry: SlotEntry, ids: Mapping[str, Any], carried: Mapping[str, Any]) -> Markup:
    try:
        url = url_for(entry.endpoint, **ids, **carried)
    except BuildError:
        log.exception("a slot has no address", slot=entry.name, endpoint=entry.endpoint)
        return BROKEN.format(label=entry.label)
    parts = [entry.name, entry.endpoint, *(str(value) for value in ids.values())]
    return REGION.format(id="slot-" + NOT_IN_IDS.sub("-", "-".join(parts)), url=url, label=entry.label)
