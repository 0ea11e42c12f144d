"""Look-up: what was typed into the search box, understood as everything it may be, within the person's rights.

Exact keys first; only when nothing has exactly that key are beginnings tried.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from flask import url_for

from portal.core import formats
from portal.core.masking import mask_email, mask_name
from portal.core.normalise import (
    clean,
    code_key,
    email_key,
    full_name_keys,
    letters_and_digits,
    phone_digits,
    phone_key,
    postcode_key,
    tracking_key,
)
from portal.discovery import queries
from portal.discovery.queries import Rows, Sought

Kind = Literal["orders", "customers", "products"]

LABELS: Final[dict[Kind, str]] = {"orders": "Orders", "customers": "Customers", "products": "Products"}
PERMISSIONS: Final[dict[str, Kind]] = {
    "orders.view": "orders",
    "customers.view": "customers",
    "catalog.view": "products",
}
SHORTEST_PREFIX: Final = 2
SHORTEST_PHONE: Final = 6
LONGEST_PHONE: Final = 20
WHOLE_PHONE: Final = 9
LONGEST_TYPED: Final = 200
_PHONE: Final = re.compile(r"^[+(]?[\d\s()./+-]+$")


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that was found. `detail` is masked."""

    kind: Kind
    key: int
    title: str
    detail: str
    url: str


@dataclass
class Found:
    """What a look-up found, by kind, in the order to show it."""

    typed: str
    is_exact: bool = False
    groups: dict[Kind, dict[int, Hit]] = field(default_factory=dict)

    def add(self, hits: Iterable[Hit]) -> None:
        for hit in hits:
            self.groups.setdefault(hit.kind, {}).setdefault(hit.key, hit)

    @property
    def hits(self) -> list[Hit]:
        return [hit for group in self.groups.values() for hit in group.values()]

    @property
    def only(self) -> Hit | None:
        """The one thing that was exactly meant."""
        return self.hits[0] if self.is_exact and len(self.hits) == 1 else None

    @property
    def sections(self) -> list[tuple[str, list[Hit]]]:
        return [(LABELS[kind], list(self.groups[kind].values())) for kind in LABELS if kind in self.groups]


def look_up(typed: str, *, country: str | None, permissions: frozenset[str], limit: int) -> Found:
    """Find what *typed* may mean. At most *limit* of each kind; phone numbers are read in *country*."""
    text = " ".join(clean(typed[:LONGEST_TYPED]).split())
    found = Found(text)
    if not text:
        return found
    kinds = {kind for permission, kind in PERMISSIONS.items() if permission in permissions}
    search = _Search(text, country, kinds, limit)
    for is_exact, steps in search.stages():
        for step in steps:
            found.add(step())
        if found.groups:
            found.is_exact = is_exact
            break
    return found


class _Search:
    """The steps of one look-up, cheapest and surest first."""

    def __init__(self, text: str, country: str | None, kinds: set[Kind], limit: int) -> None:
        self.text, self.country, self.kinds, self.limit = text, country, kinds, limit
        self.digits = phone_digits(text)
        self.is_email = "@" in text
        self.is_phone = bool(_PHONE.match(text)) and SHORTEST_PHONE <= len(self.digits) <= LONGEST_PHONE
        self.has_digit = any(c.isdigit() for c in text)
        self.has_letter = any(c.isalpha() for c in text)
        self.compact = letters_and_digits(text)

    def stages(self) -> list[tuple[bool, list[Callable[[], list[Hit]]]]]:
        """(is exact, steps): what finds something ends the search. Tables without partitions come first."""
        return [
            (True, [self.codes, self.people]),
            (True, [self.parcels, self.guests]),
            (False, [self.code_prefixes, self.people_prefixes]),
            (False, [self.guest_prefixes]),
        ]

    def codes(self) -> list[Hit]:
        """Order number, external number, SKU, barcode."""
        key = code_key(self.text)
        if self.is_email or key is None:
            return []
        rows = queries.things_by_code(
            _code_forms(self.text, key),
            key,
            tracking_key(self.text),
            self.limit,
            orders="orders" in self.kinds,
            products="products" in self.kinds,
        )
        return _things(rows)

    def people(self) -> list[Hit]:
        """Customers by e-mail, phone, full name, or postcode and surname."""
        if "customers" not in self.kinds:
            return []
        if self.has_letter and self.has_digit and not self.is_email:
            return [
                hit
                for code, surname in _places(self.text)
                for hit in _customers(queries.customers_at(code, surname, self.limit))
            ]
        wanted = self._exact_person()
        return _customers(queries.customers_where(wanted, self.limit)) if wanted else []

    def parcels(self) -> list[Hit]:
        key = tracking_key(self.text)
        if "orders" not in self.kinds or self.is_email or key is None or not self.has_digit or len(key) < 6:
            return []
        return _orders(queries.orders_by_tracking(key, self.limit, exact=True))

    def guests(self) -> list[Hit]:
        """Orders by who bought or receives, for people without a customer row."""
        if "orders" not in self.kinds:
            return []
        if self.has_letter and self.has_digit and not self.is_email:
            return [
                hit
                for code, surname in _places(self.text)
                for hit in _orders(queries.orders_sent_to(code, surname, self.limit))
            ]
        wanted = self._exact_person()
        return _orders(queries.orders_of_guests(wanted, self.limit)) if wanted else []

    def code_prefixes(self) -> list[Hit]:
        key = code_key(self.text)
        if self.is_email or key is None or len(key) < SHORTEST_PREFIX:
            return []
        return _things(
            queries.things_by_beginning(
                _code_forms(self.text, key),
                key,
                self.limit,
                orders="orders" in self.kinds,
                products="products" in self.kinds,
            )
        )

    def people_prefixes(self) -> list[Hit]:
        if "customers" not in self.kinds:
            return []
        wanted = self._prefix_person()
        return _customers(queries.customers_where(wanted, self.limit)) if wanted else []

    def guest_prefixes(self) -> list[Hit]:
        if "orders" not in self.kinds:
            return []
        hits: list[Hit] = []
        key = tracking_key(self.text)
        if key is not None and len(key) >= 6 and self.has_digit and not self.is_email:
            hits += _orders(queries.orders_by_tracking(key, self.limit, exact=False))
        wanted = self._prefix_person()
        if wanted:
            hits += _orders(queries.orders_of_guests(wanted, self.limit))
        return hits

    def _exact_person(self) -> list[Sought]:
        if self.is_email:
            key = email_key(self.text)
            return [Sought("email", key)] if key else []
        if self.is_phone:
            number = phone_key(self.text, self.country)
            wanted = [Sought("phone", number)] if number else []
            # A whole national number typed without its country is still exactly one; less is a beginning.
            whole = len(self.digits) >= WHOLE_PHONE
            return wanted + ([self._tail()] if whole else [])
        if self.has_digit:
            return []
        return [Sought("name", key) for key in full_name_keys(self.text)]

    def _prefix_person(self) -> list[Sought]:
        if self.is_phone:
            return [self._tail()]
        if len(self.compact) < SHORTEST_PREFIX or (self.has_digit and " " in self.text and not self.is_email):
            return []
        key = email_key(self.text) if " " not in self.text else None
        wanted = [Sought.beginning("email", key)] if key else []
        if self.is_email or self.has_digit:
            return wanted
        return wanted + [Sought.beginning("name", name) for name in full_name_keys(self.text)]

    def _tail(self) -> Sought:
        return Sought.beginning("phone_tail", self.digits[::-1])


def _code_forms(text: str, key: str) -> list[str]:
    """A code as typed and as it may be stored: with and without the sign people put in front of an order number."""
    plain = key.removeprefix("#")
    return [form for form in dict.fromkeys([text, key, plain, f"#{plain}"]) if form and form != "#"]


def _places(text: str) -> list[tuple[str, str]]:
    """Every way to read the text as postcode and surname, in either order: words with digits belong to the postcode."""
    words = text.replace(",", " ").split()
    found: list[tuple[str, str]] = []
    for cut in range(1, len(words)):
        for place, name in ((words[:cut], words[cut:]), (words[cut:], words[:cut])):
            if any(c.isdigit() for c in "".join(name)) or not any(c.isdigit() for c in "".join(place)):
                continue
            code, names = postcode_key("".join(place)), full_name_keys(" ".join(name))
            if code and names and len(code) <= 10:
                found.append((code, names[-1].split()[0]))
    return found[:4]


def _orders(rows: Rows) -> list[Hit]:
    return [
        Hit(
            "orders",
            row.id,
            f"Order {row.number}",
            _joined(_about_order(row)),
            url_for("orders.order", number=row.number),
        )
        for row in rows
    ]


def _about_order(row: Any) -> list[str | None]:
    values = row._mapping
    return [
        formats.day(row.placed_at),
        row.external_id,
        mask_name(values.get("name")),
        f"parcel {values['tracking']}" if values.get("tracking") else None,
    ]


def _customers(rows: Rows) -> list[Hit]:
    return [
        Hit(
            "customers",
            row.id,
            mask_name(row.name) or row.company or f"Customer {row.id}",
            _joined([mask_email(row.email), formats.plural(row.order_count, "order", "orders")]),
            url_for("customers.customer", customer_id=row.id),
        )
        for row in rows
    ]


def _things(rows: Rows) -> list[Hit]:
    orders = _orders([row for row in rows if row.kind == "orders"])
    return orders + [_variant(row) for row in rows if row.kind == "products"]


def _variant(row: Any) -> Hit:
    url = url_for("catalog.product", product_id=row.product_id, variant=row.id, _anchor=f"variant-{row.id}")
    barcode = row.external_id
    return Hit(
        "products", row.id, row.number, _joined([row.title, f"barcode {barcode}" if barcode else None]), url
    )


def _joined(parts: Iterable[str | None]) -> str:
    return " · ".join(part for part in parts if part)
