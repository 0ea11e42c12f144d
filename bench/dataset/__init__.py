"""A data set of a stated size from a seed: merchants, catalogue, customers, five years of orders and their stock ledger.

Rows are written by COPY as ``portal_owner``. Nothing in it is a real person: names are drawn from short lists, mail
goes to example.com, phone numbers are of the range 555-0100 to 555-0199 that is kept for fiction.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psycopg

from bench.dataset.beginnings import Beginnings
from bench.dataset.book import Book
from bench.dataset.ground import Ground
from bench.dataset.sizes import SIZES, Shop, Size, make_merchants, shops_of

__all__ = ["SIZES", "Generator", "Shop", "Size", "make_merchants", "shops_of"]


class Generator:
    """Writes one data set; the same seed and end date give the same rows."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        *,
        seed: int,
        until: dt.datetime,
        years: float = 5.0,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._ground = Ground(connection, seed=seed, until=until, years=years)
        self._say = say

    def write(self, shops: Sequence[Shop], movements: int) -> None:
        """Write the shops whole: what they sell and to whom, then their orders in time."""
        self._hasten()
        self._partitions()
        beginnings = Beginnings(self._ground)
        for shop in shops:
            self._say(f"merchant {shop.merchant_id}: catalogue and customers")
            beginnings.write(shop)
        Book(self._ground, self._say).write(shops, movements)
        for shop in shops:
            self._levels(shop)
            self._customer_counts(shop)
        self._ground.tables.write()
        self._say("statistics")
        self._ground.connection.commit()
        with self._ground.connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        self._ground.connection.commit()

    def _hasten(self) -> None:
        """Leave foreign keys unchecked where the server lets the owner, and commits unflushed.

        Every row here points at a row of the same run, which a test holds at size S.
        """
        with self._ground.connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = off")
            self._ground.connection.commit()
            try:
                cursor.execute("SET session_replication_role = replica")
                self._ground.connection.commit()
            except psycopg.errors.InsufficientPrivilege:
                self._ground.connection.rollback()

    def _partitions(self) -> None:
        """A call per month, and only for months that have none yet."""
        with self._ground.connection.cursor() as cursor:
            for at in _months(self._ground.since, self._ground.until):
                cursor.execute(
                    "SELECT EXISTS (SELECT FROM partition_bounds('sales_order') WHERE lower <= id_floor(%s) AND id_floor(%s) < upper)",
                    (at, at),
                )
                if cursor.fetchone() == (False,):
                    cursor.execute("SELECT ensure_partitions_for(%s)", (at,))
                    self._ground.connection.commit()
        self._ground.connection.commit()

    def _levels(self, shop: Shop) -> None:
        for index, on_hand in enumerate(shop.on_hand):
            variant, place = divmod(index, shop.locations)
            self._ground.tables.add(
                "stock_level",
                "merchant_id,variant_id,location_id,on_hand,allocated",
                f"{shop.merchant_id}\t{shop.variant_ids[variant]}\t{shop.location_ids[place]}\t{on_hand}\t{shop.allocated[index]}\n",
            )

    def _customer_counts(self, shop: Shop) -> None:
        self._ground.tables.write()
        with self._ground.connection.cursor() as cursor:
            cursor.execute(
                "CREATE TEMPORARY TABLE IF NOT EXISTS counted (id bigint, orders integer, last_at timestamptz) ON COMMIT DELETE ROWS"
            )
            with cursor.copy("COPY counted FROM STDIN") as copy:
                for at, customer in enumerate(shop.customer_ids):
                    if shop.order_counts[at]:
                        copy.write(f"{customer}\t{shop.order_counts[at]}\t{shop.last_orders[at]}\n")
            cursor.execute(
                "UPDATE customer c SET order_count = n.orders, last_order_at = n.last_at FROM counted n"
                " WHERE c.merchant_id = %s AND c.id = n.id",
                (shop.merchant_id,),
            )
            cursor.execute(
                "INSERT INTO number_series (merchant_id, kind, next_value) VALUES (%s, 'order', %s)"
                " ON CONFLICT (merchant_id, kind) DO UPDATE SET next_value = excluded.next_value",
                (shop.merchant_id, shop.number + 1),
            )
        self._ground.connection.commit()


def _months(since: dt.datetime, until: dt.datetime) -> Iterator[dt.datetime]:
    """An instant in each month from *since* to *until*, both included."""
    at = since
    while (at.year, at.month) < (until.year, until.month):
        yield at
        at = (at.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
    yield until
