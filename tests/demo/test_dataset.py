"""The generated data set: rows that point at each other, sums that add up, the same for the same seed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from bench.__main__ import benches
from bench.dataset import Generator, Size, shops_of
from tests.support.databases import MadeDatabase

TINY = Size("tiny", 120, 40, 30, 2, 1_000, 0)
UNTIL = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
ORPHANS = """
    SELECT c.conrelid::regclass::text, c.confrelid::regclass::text,
           array_agg(a.attname ORDER BY k.n), array_agg(t.attname ORDER BY k.n)
    FROM pg_constraint c
    CROSS JOIN LATERAL unnest(c.conkey, c.confkey) WITH ORDINALITY AS k(here, there, n)
    JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.here
    JOIN pg_attribute t ON t.attrelid = c.confrelid AND t.attnum = k.there
    WHERE c.contype = 'f' AND c.conparentid = 0 GROUP BY c.oid, 1, 2"""


@pytest.fixture(scope="module")
def owner(database: MadeDatabase) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database.url("portal_owner")) as connection:
        yield connection


@pytest.fixture(scope="module")
def merchant_ids(owner: psycopg.Connection[Any]) -> list[int]:
    made = owner.execute(
        "INSERT INTO merchant (name, slug, country, currency) SELECT 'Set ' || n, 'set-' || gen_random_uuid(), 'DE', 'EUR'"
        " FROM generate_series(1, 2) AS n RETURNING id"
    ).fetchall()
    ids = [row[0] for row in made]
    owner.commit()
    Generator(owner, seed=3, until=UNTIL, years=1.0).write(shops_of(TINY, ids), TINY.movements)
    return ids


def test_every_row_points_at_a_row_that_is_there(
    owner: psycopg.Connection[Any], merchant_ids: list[int]
) -> None:
    orphans = {}
    for table, target, here, there in owner.execute(ORPHANS).fetchall():
        if "merchant_id" not in here:
            continue
        matches = " AND ".join(f"t.{b} = s.{a}" for a, b in zip(here, there, strict=True))
        whole = " AND ".join(f"s.{a} IS NOT NULL" for a in here)
        query = f"SELECT count(*) FROM {table} s WHERE s.merchant_id = ANY(%s) AND {whole} AND NOT EXISTS (SELECT FROM {target} t WHERE {matches})"
        found = owner.execute(query, (merchant_ids,)).fetchone()
        if found and found[0]:
            orphans[table, target] = found[0]
    assert orphans == {}


def test_levels_are_what_the_ledger_says(owner: psycopg.Connection[Any], merchant_ids: list[int]) -> None:
    differing = owner.execute(
        """
        SELECT count(*) FROM stock_level l
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(on_hand_delta), 0) AS on_hand, coalesce(sum(allocated_delta), 0) AS allocated FROM stock_movement m
            WHERE m.merchant_id = l.merchant_id AND m.variant_id = l.variant_id AND m.location_id = l.location_id
        ) AS ledger
        WHERE l.merchant_id = ANY(%s) AND (l.on_hand <> ledger.on_hand OR l.allocated <> ledger.allocated)""",
        (merchant_ids,),
    ).fetchone()
    assert differing == (0,)


def test_orders_add_up_from_their_lines_and_charges(
    owner: psycopg.Connection[Any], merchant_ids: list[int]
) -> None:
    differing = owner.execute(
        """
        SELECT count(*) FROM sales_order o WHERE o.merchant_id = ANY(%s) AND o.total <>
            (SELECT sum(line_total) FROM order_line l WHERE l.merchant_id = o.merchant_id AND l.order_id = o.id)
            + coalesce((SELECT sum(amount) FROM order_charge c WHERE c.merchant_id = o.merchant_id AND c.order_id = o.id), 0)""",
        (merchant_ids,),
    ).fetchone()
    assert differing == (0,)


def test_the_first_merchant_holds_nine_tenths(
    owner: psycopg.Connection[Any], merchant_ids: list[int]
) -> None:
    rows = owner.execute(
        "SELECT merchant_id, count(*) FROM sales_order WHERE merchant_id = ANY(%s) GROUP BY 1 ORDER BY 2 DESC",
        (merchant_ids,),
    ).fetchall()
    assert rows == [(merchant_ids[0], 108), (merchant_ids[1], 12)]


def test_benches_are_listed_by_what_they_say_of_themselves() -> None:
    known = benches()
    assert {"import-orders", "order-list", "lookup", "tenancy"} <= known.keys()
    assert all(words and "``" not in words for words in known.values())
