"""A month of every partitioned table leaves and comes back: children first out, orders first in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import psycopg
import pytest

from bench.dataset import Generator, Shop, make_merchants
from portal.core.ids import id_at
from tests.database.catalogue import RULES, Connection
from tests.support.databases import MadeDatabase, at_database, fresh_database

# What the data set does not write; ``{m}`` is the merchant, ``{o}`` an order of the month, ``{id}`` an id of the month.
FILLINGS = {
    "audit_entry": "(merchant_id, id, actor_kind, actor_name, action, subject_kind, subject_id) VALUES ({m}, {id}, 'system', 'x', 'x', 'x', '1')",
    "outbox_event": "(merchant_id, id, kind, key) VALUES ({m}, {id}, 'x', 'x')",
    "order_note": "(merchant_id, order_id, body, actor_kind) VALUES ({m}, {o}, 'x', 'system')",
    "order_change": "(merchant_id, order_id, n, kind, reason_code, due_after, credit_after, actor_kind) VALUES ({m}, {o}, 1, 'edit', 'x', 0, 0, 'system')",
    "order_change_draft": "(merchant_id, order_id, n, kind, proposal, reason_code, seen_version, actor_kind) VALUES ({m}, {o}, 1, 'edit', '{{}}', 'x', 1, 'system')",
    "order_change_line": "(merchant_id, order_id, change_n, part, part_n) VALUES ({m}, {o}, 1, 'line', 1)",
    "order_refund": "(merchant_id, order_id, n, amount, actor_kind) VALUES ({m}, {o}, 9, 1, 'system')",
    "order_refund_line": "(merchant_id, order_id, refund_n, line_n, quantity, amount) VALUES ({m}, {o}, 1, 1, 1, 1)",
    "order_return": "(merchant_id, order_id, n) VALUES ({m}, {o}, 1)",
    "order_return_line": "(merchant_id, order_id, return_n, line_n, quantity) VALUES ({m}, {o}, 1, 1, 1)",
    "order_assignment": "(merchant_id, order_id, user_id) VALUES ({m}, {o}, 1)",
    "order_contact_log": "(merchant_id, order_id, way, title, actor_kind) VALUES ({m}, {o}, 'phone', 'Call', 'system')",
    "order_discount": "(merchant_id, order_id, n, source, label, percent, amount) VALUES ({m}, {o}, 1, 'staff', 'x', 10, 1)",
    "order_document": "(merchant_id, order_id, n, content) VALUES ({m}, {o}, 1, '{{}}')",
    "order_file": "(merchant_id, order_id, file_id, name, media_type, size, sha256, actor_kind) VALUES ({m}, {o}, 1, 'x', 'text/plain', 1, '', 'system')",
    "order_hold": "(merchant_id, order_id, reason, actor_kind) VALUES ({m}, {o}, 'x', 'system')",
    "order_shortfall": "(merchant_id, order_id, line_n, sku, units, value, currency, cause) VALUES ({m}, {o}, 1, 'x', 1, 1, 'EUR', 'count')",
    "payment_attempt": "(merchant_id, order_id, payment_n, account_id, action, key, amount, actor_kind) VALUES ({m}, {o}, 1, 1, 'capture', 'x', 1, 'system')",
    "order_tag": "(merchant_id, order_id, tag) VALUES ({m}, {o}, 'x')",
}


@pytest.fixture(scope="module")
def month(servers: tuple[str, str]) -> Iterator[tuple[Connection, dict[str, str]]]:
    """A database in which a past month is full; gives the connection and each table's partition of the month."""
    middle = (dt.datetime.now(dt.UTC) - dt.timedelta(days=100)).replace(day=20)
    with fresh_database(servers[0]) as database, psycopg.connect(_owner(database)) as owner:
        merchant = make_merchants(owner, 1)[0]
        shop = Shop(merchant, orders=60, variants=8, customers=5, locations=1)
        Generator(owner, seed=3, until=middle, years=0.02).write([shop], 400)
        order = owner.execute("SELECT max(id) FROM sales_order").fetchone()
        assert order is not None
        tables = _partitions_of(owner, middle)
        for table in tables:
            if not _count(owner, tables[table]):
                values = FILLINGS[table].format(m=merchant, o=order[0], id=id_at(middle, 7))
                owner.execute(f"INSERT INTO {table} {values}")
        owner.commit()
        yield owner, tables


def test_the_month_is_full_in_every_partitioned_table(month: tuple[Connection, dict[str, str]]) -> None:
    owner, tables = month
    assert len(tables) >= 17
    assert not [table for table, partition in tables.items() if not _count(owner, partition)]


def test_the_month_leaves_and_returns_unchanged(month: tuple[Connection, dict[str, str]]) -> None:
    owner, tables = month
    before = {table: _checksum(owner, table) for table in tables}
    bounds = {table: _bounds(owner, table, partition) for table, partition in tables.items()}
    orders_last = sorted(tables, key=lambda table: table == "sales_order")
    for table in orders_last:
        owner.execute(f"ALTER TABLE {table} DETACH PARTITION {tables[table]}")
    owner.commit()
    assert not _count(owner, "sales_order")
    assert _count(owner, "order_ref") == 60, "numbers outlive the month"
    for table in reversed(orders_last):
        lower, upper = bounds[table]
        owner.execute(
            f"ALTER TABLE {table} ATTACH PARTITION {tables[table]} FOR VALUES FROM ({lower}) TO ({upper})"
        )
    owner.commit()
    assert {table: _checksum(owner, table) for table in tables} == before
    assert not [finding for rule in RULES for finding in rule(owner)]


def test_a_dropped_month_is_made_anew(month: tuple[Connection, dict[str, str]]) -> None:
    owner, tables = month
    at = owner.execute(
        "SELECT id_time(lower) FROM partition_bounds('sales_order') WHERE name = %s", (tables["sales_order"],)
    ).fetchone()
    assert at is not None
    for table in sorted(tables, key=lambda table: table == "sales_order"):
        owner.execute(f"ALTER TABLE {table} DETACH PARTITION {tables[table]}")
        owner.execute(f"DROP TABLE {tables[table]}")
    owner.commit()
    made = owner.execute("SELECT ensure_partitions_for(%s)", (at[0],)).fetchone()
    assert made == (len(tables),)
    again = owner.execute("SELECT ensure_partitions_for(%s)", (at[0],)).fetchone()
    assert again == (0,)
    owner.commit()
    assert not [finding for rule in RULES for finding in rule(owner)]


@pytest.mark.parametrize("at", ["1989-12-31", "2999-01-01"])
def test_no_partition_is_made_outside_the_years_orders_can_have(
    month: tuple[Connection, dict[str, str]], at: str
) -> None:
    owner, _ = month
    owner.rollback()
    with pytest.raises(
        psycopg.errors.InvalidParameterValue, match="before 1990 or more than 13 months ahead"
    ):
        owner.execute("SELECT ensure_partitions_for(%s)", (at,))
    owner.rollback()


def _owner(database: MadeDatabase) -> str:
    return at_database(database.admin_url, database.name)


def _partitions_of(owner: Connection, at: dt.datetime) -> dict[str, str]:
    tables = [row[0] for row in owner.execute("SELECT partrelid::regclass::text FROM pg_partitioned_table")]
    found = {}
    for table in tables:
        row = owner.execute(
            "SELECT name FROM partition_bounds(%s::regclass) WHERE lower <= id_floor(%s) AND id_floor(%s) < upper",
            (table, at, at),
        ).fetchone()
        assert row is not None, f"{table} has no partition for {at}"
        found[table] = row[0]
    return found


def _bounds(owner: Connection, table: str, partition: str) -> tuple[int, int]:
    row = owner.execute(
        "SELECT lower, upper FROM partition_bounds(%s::regclass) WHERE name = %s", (table, partition)
    ).fetchone()
    assert row is not None
    return row[0], row[1]


def _count(owner: Connection, table: str) -> int:
    row = owner.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert row is not None
    return int(row[0])


def _checksum(owner: Connection, table: str) -> str:
    row = owner.execute(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t").fetchone()
    assert row is not None
    return str(row[0])
