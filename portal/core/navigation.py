"""The left navigation. Each domain says at start what it adds; a person sees what their role may open."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask, g, has_request_context, request, url_for

from portal.core.http import can, wants_fragment

Count = Callable[[], int | None]


@dataclass(frozen=True, slots=True)
class NavEntry:
    """One link. The first permitted entry of a section stands for it, under a title if it has one; all are its children."""

    section: str
    label: str
    endpoint: str
    icon: str
    permission: str | None
    order: int
    count: Count | None
    title: str | None = None


_entries: dict[str, NavEntry] = {}


def register_nav(
    section: str,
    label: str,
    endpoint: str,
    icon: str,
    permission: str | None,
    order: int = 100,
    *,
    count: Count | None = None,
    title: str | None = None,
) -> None:
    """Add a link to *endpoint*. ``permission=None`` shows it to everyone who works for the merchant.

    ``title`` is what the section is called where this entry stands for it, when that is more than the entry.

    ``count`` is for what waits for someone; it runs on every page, so it must be one cheap query or none.
    """
    _entries[endpoint] = NavEntry(section, label, endpoint, icon, permission, order, count, title)


def navigation() -> list[dict[str, Any]]:
    """The sections this person may open, in order, each with its children."""
    shown = [
        entry
        for entry in sorted(_entries.values(), key=lambda entry: (entry.order, entry.label))
        if _may_see(entry)
    ]
    sections: dict[str, dict[str, Any]] = {}
    addresses = {entry.endpoint: url_for(entry.endpoint) for entry in shown}
    opened = _opened(addresses)
    for entry in shown:
        link = {
            "label": entry.label,
            "icon": entry.icon,
            "url": addresses[entry.endpoint],
            "active": entry.endpoint == opened,
            "count": entry.count() if entry.count else None,
        }
        head = sections.setdefault(
            entry.section,
            {**link, "label": entry.title or entry.label, "section": entry.section, "children": []},
        )
        head["children"].append(link)
    blueprint = request.blueprint if has_request_context() else None
    heads = list(sections.values())
    for head in heads:
        head["active"] = any(child["active"] for child in head["children"])
    if not any(head["active"] for head in heads):
        # A domain may have a page under Settings as well; its other pages belong to the section that comes first.
        for head in heads:
            head["active"] = any(
                entry.endpoint.partition(".")[0] == blueprint
                for entry in shown
                if entry.section == head["section"]
            )
            if head["active"]:
                break
    return heads


def init_navigation(app: Flask) -> None:
    """Give templates ``navigation``; the page of a failed request gets none, because counts are queries."""

    @app.context_processor
    def provide() -> dict[str, Any]:
        # A fragment has no frame, and building the addresses costs it a millisecond.
        is_wanted = g.get("identity") is not None and not g.get("is_failing") and not wants_fragment()
        return {"navigation": navigation() if is_wanted else []}


def _may_see(entry: NavEntry) -> bool:
    return can(entry.permission) if entry.permission else g.get("is_member", False)


def _opened(addresses: Mapping[str, str]) -> str | None:
    """The entry whose page is open, or the one below whose address the open page lies."""
    if not has_request_context() or request.endpoint in addresses:
        return request.endpoint if has_request_context() else None
    above = [
        (len(address), endpoint)
        for endpoint, address in addresses.items()
        if address != "/" and request.path.startswith(f"{address.rstrip('/')}/")
    ]
    return max(above)[1] if above else None
