"""How large a data set is, and each merchant's share of it."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import psycopg


@dataclass(frozen=True, slots=True)
class Size:
    """How many rows; ``movements`` counts the whole ledger."""

    name: str
    orders: int
    variants: int
    customers: int
    locations: int
    movements: int
    disk_bytes: int


SIZES: Final = {
    size.name: size
    for size in (
        Size("S", 10_000, 2_000, 3_000, 2, 100_000, 400_000_000),
        Size("M", 1_000_000, 200_000, 300_000, 3, 10_000_000, 16_000_000_000),
        Size("L", 10_000_000, 1_000_000, 2_000_000, 20, 100_000_000, 160_000_000_000),
    )
}


@dataclass(slots=True)
class Shop:
    """One merchant's share of the data set and what has been written of it so far."""

    merchant_id: int
    orders: int
    variants: int
    customers: int
    locations: int
    currency: str = "EUR"
    tax_rate: Decimal = Decimal("0.19")
    number: int = 1000
    variant_ids: range = range(0)
    location_ids: range = range(0)
    channel_ids: range = range(0)
    customer_ids: list[int] = field(default_factory=list)
    subject_ids: list[int] = field(default_factory=list)
    people: list[tuple[str, str, str, int, str]] = field(default_factory=list)
    prices: array[int] = field(default_factory=lambda: array("q"))
    on_hand: array[int] = field(default_factory=lambda: array("q"))
    allocated: array[int] = field(default_factory=lambda: array("q"))
    order_counts: array[int] = field(default_factory=lambda: array("q"))
    last_orders: list[str | None] = field(default_factory=list)


def shops_of(size: Size, merchant_ids: Sequence[int]) -> list[Shop]:
    """Share a size among merchants: the first holds 90 % of it."""
    rest = max(1, len(merchant_ids) - 1)

    def share(amount: int, first: bool) -> int:
        if len(merchant_ids) == 1:
            return amount
        return amount * 9 // 10 if first else max(1, amount // 10 // rest)

    return [
        Shop(
            merchant_id,
            orders=share(size.orders, index == 0),
            variants=max(4, share(size.variants, index == 0)),
            customers=share(size.customers, index == 0),
            locations=size.locations if index == 0 else 1,
        )
        for index, merchant_id in enumerate(merchant_ids)
    ]


def make_merchants(connection: psycopg.Connection[Any], count: int) -> list[int]:
    """Insert bare merchants; a bench needs their rows, not their people."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO merchant (name, slug, country, currency, time_zone, prices_include_tax)"
            " SELECT 'Bench shop ' || n, 'bench-' || n, 'DE', 'EUR', 'Europe/Berlin', true FROM generate_series(1, %s) n RETURNING id",
            (count,),
        )
        ids = [row[0] for row in cursor.fetchall()]
    connection.commit()
    return ids
