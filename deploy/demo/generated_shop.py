"""The second shop: the data set that benches measure, size S, written by COPY, and a few people of its own."""

from __future__ import annotations

import os

import psycopg

from bench.dataset import SIZES, Generator, shops_of
from deploy.demo.people import Crowd
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.customers.services import create_customer, save_address

SEED = 11
# The first shop makes its own from the same crowd, so these people stand in both.
SHARED_SEED = 2024
SHARED = 4


def fill(team: dict[str, Actor]) -> None:
    """Ten thousand orders in five years, in euros, prices with tax."""
    merchant_id, size = current_merchant_id(), SIZES["S"]
    db.session.rollback()
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"]) as connection:
        Generator(connection, seed=SEED, until=utc_now().replace(microsecond=0)).write(
            shops_of(size, [merchant_id]), size.movements
        )
    people = Crowd(SHARED_SEED)
    for _ in range(SHARED):
        person = people.somebody()
        save_address(
            create_customer(person.as_contact(), by=team["support"]), person.as_address(), by=team["support"]
        )
    db.session.commit()
