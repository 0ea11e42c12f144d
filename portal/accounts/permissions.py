"""What a role may allow: one table, and the roles every merchant begins with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Permission:
    """One name that views ask for; sensitive ones stand apart in the editor."""

    name: str
    label: str
    is_sensitive: bool = False

    @property
    def area(self) -> str:
        return self.name.partition(".")[0]


AREAS: Final = {
    "catalog": "Products",
    "stock": "Stock",
    "orders": "Orders",
    "customers": "Customers",
    "channels": "Channels",
    "reports": "Reports",
    "privacy": "Privacy",
    "operations": "Operations",
    "settings": "Settings",
    "users": "Users and roles",
}

SENSITIVE: Final = (
    Permission("catalog.price", "Change prices", True),
    Permission("stock.adjust", "Adjust stock", True),
    Permission("orders.refund", "Refund money", True),
    Permission("lists.export", "Export lists", True),
    Permission("customers.reveal", "Reveal personal data outside a case", True),
    Permission("privacy.request", "Record privacy requests", True),
    Permission("privacy.approve", "Approve an erasure", True),
    Permission("audit.view", "Read the audit log", True),
    Permission("imports.run", "Run imports", True),
    Permission("jobs.manage", "Cancel and retry jobs", True),
)

PERMISSIONS: Final = {
    permission.name: permission
    for permission in (
        *(
            Permission(f"{area}.{verb}", f"{label}: {verb}")
            for area, label in AREAS.items()
            for verb in ("view", "edit")
        ),
        *SENSITIVE,
    )
}

# Held by the platform operator alone; no role of a merchant can contain it.
OPERATE: Final = "platform.operate"

OWNER: Final = "owner"


@dataclass(frozen=True, slots=True)
class BuiltInRole:
    """A role that every merchant has from the first day and that follows the release."""

    key: str
    name: str
    description: str
    permissions: frozenset[str]


def _views(*areas: str) -> set[str]:
    return {f"{area}.view" for area in areas}


def _edits(*areas: str) -> set[str]:
    return _views(*areas) | {f"{area}.edit" for area in areas}


BUILT_IN_ROLES: Final = (
    BuiltInRole(
        OWNER, "Owner", "Everything, and the only role that can make another owner.", frozenset(PERMISSIONS)
    ),
    BuiltInRole(
        "catalogue-manager",
        "Catalogue manager",
        "Products, prices, categories and what channels show of them.",
        frozenset(
            _edits("catalog", "channels")
            | _views("stock", "orders", "reports", "operations")
            | {"catalog.price", "imports.run", "lists.export"}
        ),
    ),
    BuiltInRole(
        "warehouse",
        "Warehouse",
        "Stock, picking and sending.",
        frozenset(_edits("stock", "orders") | _views("catalog", "operations") | {"stock.adjust"}),
    ),
    BuiltInRole(
        "support",
        "Support",
        "Orders and the people behind them: edit, refund, return, send again.",
        frozenset(
            _edits("orders", "customers")
            | _views("catalog", "stock", "operations")
            | {"orders.refund", "privacy.request"}
        ),
    ),
    BuiltInRole(
        "compliance",
        "Compliance officer",
        "Privacy requests, erasure and the record of who did what.",
        frozenset(
            _edits("privacy")
            | _views("customers", "orders", "operations", "users")
            | {"privacy.request", "privacy.approve", "customers.reveal", "audit.view", "lists.export"}
        ),
    ),
    BuiltInRole(
        "analyst",
        "Analyst",
        "Reports and lists, without seeing who the customers are.",
        frozenset(
            _views("reports", "catalog", "stock", "orders", "customers", "channels", "operations")
            | {"lists.export"}
        ),
    ),
    BuiltInRole(
        "read-only",
        "Read-only",
        "Looks at everything a shop does, changes nothing.",
        frozenset(_views("catalog", "stock", "orders", "customers", "channels", "reports", "operations")),
    ),
)


def known(names: Iterable[str]) -> frozenset[str]:
    """The permissions among *names* that this release knows; a row of an older release may name others."""
    return frozenset(names) & PERMISSIONS.keys()
