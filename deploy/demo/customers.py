"""Fictional people in the place of the numbers that the real history has for its customers, and some more."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence

import sqlalchemy as sa

from deploy.demo.people import Crowd, Person
from portal.core import normalise
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.customers.models import Customer, CustomerAddress
from portal.customers.services import (
    change_customer,
    create_customer,
    customer_values,
    record_consent,
    save_address,
)

_CONTACTS = sa.text("""
    UPDATE order_contact AS c SET kind = 'shipping', name = k.name, name_key = k.name_key, email = k.email, email_key = k.email_key,
           phone = k.phone, phone_key = k.phone_key, phone_tail = k.phone_tail, line1 = a.line1, city = a.city, postcode = a.postcode,
           postcode_key = a.postcode_key, country_code = k.country_code
    FROM sales_order AS o
    JOIN customer AS k ON k.merchant_id = o.merchant_id AND k.id = o.customer_id
    JOIN customer_address AS a ON a.merchant_id = k.merchant_id AND a.customer_id = k.id AND a.is_default
    WHERE c.merchant_id = :merchant AND o.merchant_id = :merchant AND k.merchant_id = :merchant AND a.merchant_id = :merchant
      AND c.order_id = o.id""")


def name_the_numbers(crowd: Crowd) -> None:
    """Give every imported customer a name, a mail address, a phone number and an address that are nobody's."""
    merchant_id = current_merchant_id()
    customer, address = Customer.__table__, CustomerAddress.__table__
    rows = db.session.execute(
        sa.select(customer.c.id, customer.c.country_code).where(
            customer.c.merchant_id == merchant_id, customer.c.name.is_(None)
        )
    ).all()
    values, addresses = [], []
    for row in rows:
        country = row.country_code or "GB"
        person = crowd.somebody(country)
        phone_key = normalise.phone_key(person.phone, "GB")
        values.append({
            "key": row.id, "name": person.name, "name_key": normalise.full_name_key(person.name), "email": person.email,
            "email_key": normalise.email_key(person.email), "phone": person.phone, "phone_key": phone_key,
            "phone_tail": normalise.phone_tail_key(phone_key), "country_code": country,
        })  # fmt: skip
        addresses.append({
            "merchant_id": merchant_id, "customer_id": row.id, "is_default": True, **person.as_address(),
            "postcode_key": normalise.postcode_key(person.postcode),
        })  # fmt: skip
    columns = {name: sa.bindparam(name) for name in values[0] if name != "key"}
    named = (
        sa.update(customer)
        .where(customer.c.merchant_id == merchant_id, customer.c.id == sa.bindparam("key"))
        .values(**columns)
    )
    db.session.connection().execute(named, values)
    db.session.execute(sa.insert(address), addresses)
    db.session.execute(_CONTACTS, {"merchant": merchant_id})
    db.session.commit()


def of_the_history(most: int) -> Sequence[Customer]:
    """Some who came with the history and bought a few times."""
    bought = sa.select(Customer).where(Customer.source == "import", Customer.order_count.between(2, 6))
    return db.session.scalars(bought.order_by(Customer.id).limit(most)).all()


def welcome(crowd: Crowd, count: int, *, by: Actor, pick: random.Random) -> list[tuple[int, Person]]:
    """New customers, most of them at home; gives ids and people."""
    abroad = ("DE", "FR", "IE", "ES", "PL", "JP", "HK", "NO")
    people = [crowd.somebody("GB" if pick.random() < 0.85 else pick.choice(abroad)) for _ in range(count)]
    return welcome_all(people, by=by)


def welcome_all(people: Sequence[Person], *, by: Actor) -> list[tuple[int, Person]]:
    """Each with an address and, most of them, a consent, a few withdrawn again."""
    made = []
    for place, person in enumerate(people):
        customer = create_customer(person.as_contact(), by=by)
        save_address(customer, person.as_address(), by=by)
        if place % 3:
            record_consent(customer, "email", granted=True, source="checkout", by=by)
        if place % 11 == 5:
            record_consent(customer, "email", granted=False, source="portal", by=by)
        made.append((customer.id, person))
        db.session.commit()
    return made


def double(people: Sequence[tuple[int, Person]], *, by: Actor) -> None:
    """Some of them stand twice: the same address with another spelling, the same number under a nickname."""
    for _, person in people[:3]:
        given, _, family = person.name.partition(" ")
        again = {**person.as_contact(), "name": f"{given[:1]}. {family}".strip(), "phone": ""}
        create_customer(again, by=by)
    for _, person in people[3:5]:
        create_customer(
            {**person.as_contact(), "name": person.name.upper(), "email": f"alt.{person.email}"}, by=by
        )
    db.session.commit()


def annotate(people: Sequence[tuple[int, Person]], *, by: Actor, today: dt.date) -> None:
    """What support noted of calls; it also gives the log of personal data something to hold."""
    notes = (
        "Prefers a call in the afternoon.",
        "Parcels go to the neighbour at number 4.",
        "Asked for an invoice with a company name.",
    )
    for place, (customer_id, _) in enumerate(people):
        customer = db.session.get_one(Customer, (current_merchant_id(), customer_id))
        before = customer_values(customer)
        change_customer(
            customer,
            {**before, "note": f"{notes[place % len(notes)]} ({today:%d.%m.%Y})"},
            base=before,
            version=customer.version,
            by=by,
        )
    db.session.commit()
