"""Correct what stands about a person on all their orders, as a privacy request asks (GDPR article 16).

Each order keeps its own copy of name and address, and a person may have moved between two orders. So what is corrected is
a value: every contact of these people that holds it gets the new one, other values stay. Documents that were issued, mails
that were sent, and what shops and gateways sent us stay as they are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from portal.core import normalise
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError
from portal.core.listing import among
from portal.orders.book import lock_order
from portal.orders.fulfilment.correcting import (
    COUNTRY,
    FIELDS,
    NOT_AN_EMAIL,
    contact_values,
    typed_line,
    write_contact,
)
from portal.orders.models import InvoiceRef, OrderContact, OrderRef
from portal.privacy.evidence import add_evidence
from portal.privacy.models import PrivacyRequest
from portal.privacy.queries import scope_of

GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "name": ("name", "company"),
    "email": ("email",),
    "phone": ("phone",),
    "address": ("line1", "line2", "postcode", "city", "region", "country_code"),
}
MOST_CONTACTS: Final = 2_000
MOST_AT_ONCE: Final = 100
CAP: Final = 1_000

_contact, _ref, _document = OrderContact.__table__, OrderRef.__table__, InvoiceRef.__table__


@dataclass(frozen=True, slots=True)
class Standing:
    """A value that stands on orders of a person: a name, an e-mail, a phone number or an address."""

    group: str
    values: Mapping[str, str]
    orders: int

    @property
    def key(self) -> str:
        """Names the value in a form; one that changed meanwhile has another."""
        text = json.dumps([self.group, dict(self.values)], sort_keys=True)
        return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Known:
    """What stands about the people of a request: values, on how many orders, and the documents that keep them."""

    standing: Sequence[Standing]
    orders: int
    is_cut: bool
    documents: int


@dataclass(frozen=True, slots=True)
class Rectified:
    """How many orders were corrected, and how many still wait."""

    orders: int
    left: int


def require_open(request: PrivacyRequest) -> None:
    """Refuse to correct anything before identity and scope are clear, or after the request was carried out.

    Raises:
        ConflictError: it is no rectification, or not its turn.
    """
    if request.kind != "rectification" or request.state != "scoped":
        raise ConflictError(
            "Orders are corrected on a rectification whose person is identified and in scope, before it is carried out."
        )


def known_of(request: PrivacyRequest) -> Known:
    """What stands on the orders of the people in scope, newest orders first."""
    rows = _rows(scope_of(request.id))
    found: dict[tuple[str, tuple[str, ...]], set[int]] = {}
    for row in rows[:MOST_CONTACTS]:
        for group, names in GROUPS.items():
            values = tuple(row[name] or "" for name in names)
            # A country alone is no address, and names nobody.
            if any(value for name, value in zip(names, values, strict=True) if name != "country_code"):
                found.setdefault((group, values), set()).add(row["order_id"])
    order_ids = sorted({row["order_id"] for row in rows})
    return Known(
        [Standing(group, dict(zip(GROUPS[group], values, strict=True)), len(ids)) for (group, values), ids in found.items()],
        len(order_ids), len(rows) > MOST_CONTACTS, _documents(order_ids),
    )  # fmt: skip


def read_corrections(known: Known, typed: Mapping[str, str]) -> list[tuple[Standing, dict[str, str]]]:
    """The values that were changed in the form, each with what takes its place.

    Raises:
        ConflictError: a value of the form does not stand on the orders any more.
        DomainError: a field is too long or makes no sense; it names the field.
    """
    keys = {each.key for each in known.standing}
    if any(name.partition("-")[0] not in keys for name in typed if "-" in name):
        raise ConflictError(
            "Some of this was changed meanwhile, so nothing was corrected. What stands now is below."
        )
    found = []
    for each in known.standing:
        new = {
            name: _checked(name, typed[f"{each.key}-{name}"], f"{each.key}-{name}")
            for name in GROUPS[each.group]
            if f"{each.key}-{name}" in typed
        }
        if changed := {name: value for name, value in new.items() if value != each.values[name]}:
            found.append((each, {**each.values, **changed}))
    return found


def rectify(
    request: PrivacyRequest, corrections: Sequence[tuple[Standing, Mapping[str, str]]], *, voids_labels: bool, by: Actor
) -> Rectified:  # fmt: skip
    """Correct the values on every order that holds them, a hundred orders at once; the rest holds them still.

    Raises:
        ConflictError: a label is printed with the old address and is not to be voided.
        DomainError: nothing was changed.
    """
    require_open(request)
    if not corrections:
        raise DomainError("Change at least one field.")
    subjects: dict[int, int] = {}
    for row in _rows(scope_of(request.id), [old for old, _ in corrections])[:MOST_CONTACTS]:
        subjects[row["order_id"]] = row["subject_id"]
    chosen = sorted(subjects)[:MOST_AT_ONCE]
    done, fields = 0, set[str]()
    for order_id in chosen:
        written = _correct(order_id, subjects[order_id], corrections, voids_labels=voids_labels, by=by)
        done += bool(written)
        fields |= written
    if done:
        words = ", ".join(name for name in FIELDS if name in fields).replace("_", " ")
        add_evidence(request, "orders_corrected", by=by, facts={"orders": done, "fields": words})
    return Rectified(done, len(subjects) - len(chosen))


def _correct(
    order_id: int, subject_id: int, corrections: Sequence[tuple[Standing, Mapping[str, str]]], *, voids_labels: bool, by: Actor
) -> set[str]:  # fmt: skip
    """Correct one order's contacts as they stand now that it is held; gives the fields that were written."""
    head, written = lock_order(order_id), set[str]()
    numbers = db.session.scalars(
        sa.select(_contact.c.n)
        .where(_contact.c.merchant_id == current_merchant_id(), _contact.c.order_id == order_id)
        .order_by(_contact.c.n)
    ).all()
    for n in numbers:
        now = contact_values(order_id, n)
        if changed := _changes(now, corrections):
            write_contact(
                order_id, n, now, changed, voids_labels=voids_labels, subject_id=subject_id, by=by,
                with_country=head["state"] in ("open", "on_hold"),
            )  # fmt: skip
            written |= changed.keys()
    return written


def _changes(
    row: Mapping[Any, Any], corrections: Sequence[tuple[Standing, Mapping[str, str]]]
) -> dict[str, str]:
    """The fields of a contact that the corrections change, with their new values."""
    return {
        name: value
        for old, new in corrections
        if all((row[name] or "") == value for name, value in old.values.items())
        for name, value in new.items()
        if value != old.values[name]
    }


def _rows(subject_ids: Sequence[int], holding: Sequence[Standing] = ()) -> Sequence[sa.RowMapping]:
    """The contacts of the people's orders that hold one of the values, newest orders first, one more than are looked at."""
    statement = (
        sa.select(_contact.c.order_id, _contact.c.n, *(_contact.c[name] for name in FIELDS), _ref.c.subject_id)
        .join(_ref, sa.and_(_ref.c.merchant_id == _contact.c.merchant_id, _ref.c.order_id == _contact.c.order_id))
        .where(
            _contact.c.merchant_id == current_merchant_id(), _ref.c.merchant_id == current_merchant_id(),
            _ref.c.subject_id.in_(subject_ids),
        )
        .order_by(_contact.c.order_id.desc(), _contact.c.n)
        .limit(MOST_CONTACTS + 1)
    )  # fmt: skip
    if holding:
        held = [
            sa.and_(*(sa.func.coalesce(_contact.c[name], "") == value for name, value in each.values.items()))
            for each in holding
        ]
        statement = statement.where(sa.or_(*held))
    return db.session.execute(statement).mappings().all()


def _documents(order_ids: Sequence[int]) -> int:
    """How many issued documents these orders have, counted up to a thousand."""
    if not order_ids:
        return 0
    rows = (
        sa.select(_document.c.id)
        .where(_document.c.merchant_id == current_merchant_id(), among(_document.c.order_id, order_ids))
        .limit(CAP + 1)
    )
    return int(db.session.execute(sa.select(sa.func.count()).select_from(rows.subquery())).scalar_one())


def _checked(name: str, text: str, field: str) -> str:
    try:
        line = typed_line(text)
    except DomainError as error:
        raise DomainError(error.message, field=field) from error
    if name == "email" and line and not normalise.is_email(line):
        raise DomainError(NOT_AN_EMAIL, field=field)
    if name == "country_code" and line and not COUNTRY.fullmatch(line):
        raise DomainError("Choose a country.", field=field)
    return line
