"""Correct the person and the address of an order before everything has left, field by field; labels follow.

Two people who correct different fields at once both get their way; a field that both changed is shown to the second.
A parcel whose label is printed already keeps the address out: the label is voided with the correction, and the parcel
leaves only after a new one was made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from portal.core import audit, normalise
from portal.core.audit import Actor
from portal.core.database import db
from portal.core.errors import ConflictError, DomainError, NotFoundError
from portal.core.merging import merged
from portal.orders.book import change_order, lock_order, of_order, tell
from portal.orders.fulfilment.leaving import SET_APART
from portal.orders.fulfilment.parcels import parcel_of
from portal.orders.models import OrderContact, OrderFulfilment

FIELDS: Final = (
    "name", "company", "line1", "line2", "postcode", "city", "region", "country_code", "email", "phone",
)  # fmt: skip
LONGEST: Final = 200
NOT_AN_EMAIL: Final = "This is not an e-mail address."
NOT_ON_LABELS: Final = frozenset({"email"})
COUNTRY: Final = re.compile(r"[A-Z]{2}")

_contact, _parcel = OrderContact.__table__, OrderFulfilment.__table__


def contact_values(order_id: int, n: int) -> dict[str, str]:
    """One contact of the order in the form of its fields; empty text for what it has not.

    Raises:
        NotFoundError: the order has no such contact.
    """
    row = (
        db.session.execute(sa.select(_contact).where(of_order(_contact, order_id), _contact.c.n == n))
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise NotFoundError("The order has no such contact.")
    return {name: row[name] or "" for name in FIELDS}


def correct_contact(
    order_id: int, n: int, typed: Mapping[str, str], base: Mapping[str, Any], *, voids_labels: bool = False,
    subject_id: int | None, by: Actor,
) -> bool:  # fmt: skip
    """Save a correction; gives whether something changed.

    Args:
        typed: the fields as typed.
        base: what the form showed when it was opened.
        voids_labels: labels that are printed already are voided.

    Raises:
        StaleError: someone else changed a field that was changed here, too.
        ConflictError: everything has left, or a label is printed and is not to be voided.
        DomainError: a field is too long, or the new e-mail address is none.
    """
    head = lock_order(order_id)
    if head["state"] not in ("open", "on_hold"):
        raise ConflictError(
            f"The order is {head['state'].replace('_', ' ')}. A correction would reach no parcel any more."
        )
    now = contact_values(order_id, n)
    mine = {name: typed_line(typed[name]) for name in FIELDS if name in typed}
    if mine.get("country_code") and not COUNTRY.fullmatch(mine["country_code"]):
        raise DomainError("Choose a country.", field="country_code")
    values = merged(now, base, mine, version=head["version"])
    changed = {name: value for name, value in values.items() if value != now[name]}
    if not changed:
        return False
    if changed.get("email") and not normalise.is_email(changed["email"]):
        raise DomainError(NOT_AN_EMAIL, field="email")
    write_contact(order_id, n, now, changed, voids_labels=voids_labels, subject_id=subject_id, by=by)
    return True


def write_contact(
    order_id: int, n: int, now: Mapping[str, str], changed: Mapping[str, str], *, voids_labels: bool, with_country: bool = True,
    subject_id: int | None, by: Actor,
) -> None:  # fmt: skip
    """Put the changed fields of a contact in place, with the keys they are found by; the order is locked by the caller.

    Args:
        now: the whole contact as it stands.
        with_country: the order's own country goes with that of the parcel; not when it decided a tax that is long paid.

    Raises:
        ConflictError: a label is printed and is not to be voided.
    """
    if changed.keys() - NOT_ON_LABELS:
        _settle_labels(order_id, voids_labels, by)
    after = {**now, **changed}
    db.session.execute(
        sa.update(_contact)
        .where(of_order(_contact, order_id), _contact.c.n == n)
        .values(**{name: value or None for name, value in changed.items()}, **_keys(after))
    )
    follows = with_country and "country_code" in changed and _is_shipping(order_id, n)
    change_order(order_id, **({"country_code": after["country_code"] or None} if follows else {}))
    audit.record(
        action="order.contact_corrected", by=by, subject=("order", order_id), before={name: now[name] for name in changed},
        after=changed, data_subject_id=subject_id,
    )  # fmt: skip
    tell(order_id, "address_corrected", by, fields=", ".join(changed))


def made_labels(order_id: int) -> list[int]:
    """Parcels that have not left and whose label is printed."""
    return list(
        db.session.scalars(
            sa.select(_parcel.c.n).where(
                of_order(_parcel, order_id), _parcel.c.state.in_(SET_APART), _parcel.c.label_state == "made"
            )
        )
    )


def label_made(order_id: int, n: int, *, by: Actor) -> None:
    """A label was printed for a parcel that has not left; printed again, it takes the place of the voided one.

    Raises:
        ConflictError: the parcel has left or was undone.
    """
    lock_order(order_id)
    if parcel_of(order_id, n)["state"] not in SET_APART:
        raise ConflictError("A label is printed before the parcel leaves. See how it stands now.")
    db.session.execute(
        sa.update(_parcel).where(of_order(_parcel, order_id), _parcel.c.n == n).values(label_state="made")
    )
    change_order(order_id)
    tell(order_id, "label_made", by, parcel=str(n))


def _settle_labels(order_id: int, voids_labels: bool, by: Actor) -> None:
    printed = made_labels(order_id)
    if not printed:
        return
    if not voids_labels:
        raise ConflictError(
            "A label is printed with the old address. Tick that it is void; the parcel then waits for a new one.",
            field="voids_labels",
        )
    db.session.execute(
        sa.update(_parcel)
        .where(of_order(_parcel, order_id), _parcel.c.n.in_(printed))
        .values(label_state="void")
    )
    for n in printed:
        tell(order_id, "label_voided", by, parcel=str(n))


def _keys(values: Mapping[str, str]) -> dict[str, Any]:
    phone_key = normalise.phone_key(values["phone"] or None, values["country_code"] or None)
    return {
        "name_key": normalise.full_name_key(values["name"] or None),
        "email_key": normalise.email_key(values["email"] or None),
        "phone_key": phone_key,
        "phone_tail": normalise.phone_tail_key(phone_key),
        "postcode_key": normalise.postcode_key(values["postcode"] or None),
    }


def _is_shipping(order_id: int, n: int) -> bool:
    kind = db.session.execute(
        sa.select(_contact.c.kind).where(of_order(_contact, order_id), _contact.c.n == n)
    ).scalar_one()
    return bool(kind == "shipping")


def typed_line(text: str) -> str:
    """A field as it is kept.

    Raises:
        DomainError: it is too long.
    """
    line = " ".join(text.replace("\0", "").split())
    if len(line) > LONGEST:
        raise DomainError(f"Keep each line under {LONGEST} characters.")
    return line
