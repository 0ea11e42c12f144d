"""What was erased does not come back with an old order; a new order of the same person is an order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import sqlalchemy as sa

from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import db
from portal.orders.models import OrderContact, OrderRef, SalesChannel
from portal.orders.placement import NewContact, NewLine, NewOrder, place_order
from tests.privacy.planting import Planter
from tests.privacy.requests import approved_request

JOB = Actor("job", 1, "job")


def order_of(person: Planter, channel_id: int, external_id: str, placed_at: dt.datetime) -> NewOrder:
    contact = NewContact(kind="buyer", name="Back again", email=person.markers["customer", "email_key"])
    line = NewLine(sku="X", title="X", quantity=1, unit_price=Decimal(5), is_stocked=False)
    return NewOrder(
        channel_id=channel_id,
        currency="GBP",
        lines=[line],
        external_id=external_id,
        placed_at=placed_at,
        contacts=[contact],
    )


def test_an_order_from_before_the_erasure_comes_without_its_person(
    scope: int,
    person: Planter,
    actors: tuple[Actor, Actor],
    work: Callable[[], int],
) -> None:
    channel = SalesChannel(code="web", name="Web shop", kind="web")
    db.session.add(channel)
    db.session.commit()
    approved_request(person.subject_id, by=actors[0], approver=actors[1])
    work()
    old = place_order(order_of(person, channel.id, "A1", utc_now() - dt.timedelta(days=3)), by=JOB)
    new = place_order(order_of(person, channel.id, "A2", utc_now()), by=JOB)
    db.session.commit()
    subjects = dict(
        db.session.execute(
            sa.select(OrderRef.order_id, OrderRef.subject_id).where(
                OrderRef.order_id.in_([old.order_id, new.order_id])
            )
        ).all()
    )
    assert subjects[old.order_id] is None
    assert subjects[new.order_id] not in {None, person.subject_id}
    contacts = db.session.scalars(
        sa.select(OrderContact.order_id).where(OrderContact.email_key.is_not(None))
    ).all()
    assert contacts == [new.order_id]
