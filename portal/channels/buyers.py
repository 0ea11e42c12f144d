"""Who bought: the customer behind an order of a shop, found by e-mail address or made."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from portal.channels.connectors.base import Contact
from portal.core import audit
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.normalise import email_key, name_key, phone_key
from portal.core.subjects import DataSubject
from portal.customers.models import Customer
from portal.orders.models import OrderRef
from portal.orders.placement import NewContact
from portal.privacy.suppression import is_suppressed


def customer_for(buyer: Contact, *, placed_at: dt.datetime, source: str, by: Actor) -> int | None:
    """The customer with the buyer's e-mail address, made when there is none yet; None without an address, and for an
    order from before the buyer was erased."""
    key = email_key(buyer.email)
    phone = phone_key(buyer.phone, buyer.country_code or None)
    if key is None or is_suppressed(current_merchant_id(), key, phone, placed_at):
        return None
    # Two first orders of one person at the same moment must not become two customers.
    place = f"{current_merchant_id()}|customer|{key}"
    db.session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(place, 0))))
    known = db.session.scalars(
        sa.select(Customer.id)
        .where(Customer.email_key == key, Customer.state == "active")
        .order_by(Customer.id)
        .limit(1)
    ).first()
    return known if known is not None else _make_customer(buyer, key, source, by)


def contacts(buyer: Contact, shipping: Contact) -> list[NewContact]:
    """The people of an order: who bought and where it goes; the buyer's address when the shop names no other."""
    where = shipping or buyer
    rows = []
    if buyer:
        rows.append(_contact("buyer", buyer, buyer))
    if where:
        rows.append(_contact("shipping", where, buyer))
    if buyer.line1 and buyer != where:
        rows.append(_contact("billing", buyer, buyer))
    return rows


def subject_of_order(order_id: int) -> int | None:
    """The person an order belongs to."""
    table = OrderRef.__table__
    return db.session.execute(
        sa.select(table.c.subject_id).where(
            table.c.merchant_id == current_merchant_id(), table.c.order_id == order_id
        )
    ).scalar_one_or_none()


def _make_customer(buyer: Contact, key: str, source: str, by: Actor) -> int:
    subject = DataSubject()
    db.session.add(subject)
    db.session.flush()
    customer = Customer(
        subject_id=subject.id,
        name=buyer.name or None,
        name_key=_name_key(buyer.name),
        company=buyer.company or None,
        email=buyer.email,
        email_key=key,
        phone=buyer.phone or None,
        phone_key=phone_key(buyer.phone, buyer.country_code or None) if buyer.phone else None,
        country_code=buyer.country_code or None,
        source=source,
    )
    db.session.add(customer)
    db.session.flush()
    audit.record(
        action="customer.created", by=by, subject=("customer", customer.id), after={"source": source}
    )
    return customer.id


def _contact(kind: str, who: Contact, buyer: Contact) -> NewContact:
    return NewContact(
        kind=kind,
        name=who.name or None,
        company=who.company or None,
        email=(who.email or buyer.email) or None,
        phone=(who.phone or buyer.phone) or None,
        line1=who.line1 or None,
        line2=who.line2 or None,
        city=who.city or None,
        region=who.region or None,
        postcode=who.postcode or None,
        country_code=who.country_code or None,
    )


def _name_key(name: str) -> str | None:
    given, _, surname = name.rpartition(" ")
    return name_key(surname, given)
