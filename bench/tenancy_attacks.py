"""Attempts to see another merchant's rows, by someone who may write SQL. Each gives how many rows, or hints, it got."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import psycopg
from psycopg import sql

from bench.databases import SizedShop
from deploy.local.databases import BENCH_GUEST

Connection = psycopg.Connection[tuple[Any, ...]]

REFUSED: Final = (psycopg.errors.InsufficientPrivilege, psycopg.errors.FeatureNotSupported)
_NUMBER: Final = re.compile(r"\d+")


def attacks(shop: SizedShop) -> Iterator[tuple[str, int]]:
    """Every attack by its name, tried by the second merchant on the first."""
    victim, thief = shop.merchant_ids[:2]
    for name, attack in ATTACKS.items():
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
            connection.execute(sql.SQL("SET portal.merchant_id = {}").format(sql.Literal(str(thief))))
            yield name, attack(connection, victim, thief)


def partitions_directly(connection: Connection, victim: int, thief: int) -> int:
    """Read each partition by its own name."""
    names = connection.execute(
        "SELECT oid::regclass::text FROM pg_class WHERE relispartition AND relkind = 'r'"
    ).fetchall()
    assert len(names) > 100, "there are partitions to try"
    return sum(_rows(connection, f"SELECT count(*) FROM {name}") for (name,) in names)


def tables_without_filter(connection: Connection, victim: int, thief: int) -> int:
    """Ask every table with a merchant for the others' rows; also with row security switched off."""
    leaked = 0
    for table in _tenant_tables(connection):
        leaked += _rows(
            connection,
            f"SELECT count(*) FROM (SELECT FROM {table} WHERE merchant_id <> {thief} LIMIT 10) AS t",
        )
        with connection.transaction(force_rollback=True):
            connection.execute("SET LOCAL row_security = off")
            leaked += _rows(
                connection,
                f"SELECT count(*) FROM (SELECT FROM {table} WHERE merchant_id = {victim} LIMIT 10) AS t",
                alone=False,
            )
    return leaked


def set_config_as_an_analyst(connection: Connection, victim: int, thief: int) -> int:
    """A role with SQL of its own, bound to one merchant by a literal policy and a security_invoker view, changes the setting."""
    guest = sql.Identifier(BENCH_GUEST)
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"]) as owner:
        owner.execute("CREATE SCHEMA bench_analyst")
        owner.execute(
            "CREATE VIEW bench_analyst.orders WITH (security_invoker) AS SELECT merchant_id, id, total FROM sales_order"
        )
        owner.execute(
            sql.SQL("CREATE POLICY bench_analyst ON sales_order TO {} USING (merchant_id = {})").format(
                guest, sql.Literal(thief)
            )
        )
        owner.execute(
            sql.SQL(
                "GRANT USAGE ON SCHEMA bench_analyst TO {g}; GRANT SELECT ON bench_analyst.orders, sales_order TO {g}"
            ).format(g=guest)
        )
        owner.execute(sql.SQL("SET LOCAL ROLE {}").format(guest))
        own = owner.execute(
            "SELECT count(*) FROM (SELECT FROM bench_analyst.orders LIMIT 10) AS t"
        ).fetchone()
        assert own is not None and own[0] > 0, "the analyst sees their own orders"
        owner.execute("SELECT set_config('portal.merchant_id', %s, true)", [str(victim)])
        found = owner.execute(
            "SELECT count(*) FROM (SELECT FROM bench_analyst.orders WHERE merchant_id <> %s LIMIT 10) AS t",
            [thief],
        ).fetchone()
        owner.rollback()
    assert found is not None
    return int(found[0])


def set_config_without_a_grant(connection: Connection, victim: int, thief: int) -> int:
    """The upkeep role sets the merchant and reads: the setting opens nothing to a role that no policy names."""
    with psycopg.connect(os.environ["UPKEEP_DATABASE_URL"], autocommit=True) as upkeep:
        upkeep.execute("SELECT set_config('portal.merchant_id', %s, false)", [str(victim)])
        return sum(
            _rows(upkeep, f"SELECT count(*) FROM (SELECT FROM {table} LIMIT 10) AS t")
            for table in _tenant_tables(upkeep)
        )


def views(connection: Connection, victim: int, thief: int) -> int:
    """A view of one's own over the tables, and every view that stands in the schema."""
    leaked = 0
    for (name,) in connection.execute("SELECT viewname FROM pg_views WHERE schemaname = 'public'").fetchall():
        leaked += (
            _rows(connection, f"SELECT count(*) FROM (SELECT * FROM {name} LIMIT 10) AS t")
            if "merchant_id" in str(name)
            else 0
        )
    connection.execute(
        "CREATE TEMPORARY VIEW peek AS SELECT merchant_id FROM sales_order WHERE merchant_id = merchant_id"
    )
    return leaked + _rows(
        connection, f"SELECT count(*) FROM (SELECT FROM peek WHERE merchant_id <> {thief} LIMIT 10) AS t"
    )


def leaky_function(connection: Connection, victim: int, thief: int) -> int:
    """A function that tells what it is given, cheap enough for the planner to want it first."""
    told: list[str] = []
    connection.add_notice_handler(lambda notice: told.append(notice.message_primary or ""))
    connection.execute(
        "CREATE FUNCTION pg_temp.tell(m integer) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS"
        " $$ BEGIN RAISE NOTICE 'saw %', m; RETURN true; END $$"
    )
    connection.execute(
        "SELECT count(*) FROM (SELECT FROM customer WHERE pg_temp.tell(merchant_id) LIMIT 50) AS t"
    )
    return sum(text == f"saw {victim}" for text in told)


def unique_key_as_oracle(connection: Connection, victim: int, thief: int) -> int:
    """Take a key the victim has: it is free, so its being taken tells nothing. Write in the victim's name: the same refusal."""
    taken = _of_victim("SELECT sku_key FROM variant WHERE merchant_id = %s ORDER BY id DESC LIMIT 1", victim)
    slug = f"oracle-{taken}".lower()
    add = "INSERT INTO product (merchant_id, title, title_key, slug) VALUES (%s, 'x', 'x', %s)"
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"]) as owner:
        owner.execute(add, (victim, slug))
        owner.commit()
        try:
            free = _outcome(connection, add, (thief, slug))
            existing, absent = (
                _outcome(connection, add, (victim, each)) for each in (slug, slug + "-absent")
            )
        finally:
            owner.execute("DELETE FROM product WHERE merchant_id = %s AND slug = %s", (victim, slug))
            owner.commit()
    return int(free != "done") + int(existing != absent)


def foreign_key_as_oracle(connection: Connection, victim: int, thief: int) -> int:
    """Point at a row of the victim and at one that is nowhere: the same answer, but for the number typed."""
    customer = _of_victim("SELECT id FROM customer WHERE merchant_id = %s LIMIT 1", victim)
    add = "INSERT INTO customer_address (merchant_id, customer_id, city) VALUES (%s, %s, 'x')"
    existing, absent = (_outcome(connection, add, (thief, key)) for key in (customer, customer + 1))
    return int(existing == "done" or existing != absent)


def copy_out_and_in(connection: Connection, victim: int, thief: int) -> int:
    """COPY in both directions."""
    leaked = 0
    with connection.cursor() as cursor:
        try:
            with cursor.copy(
                "COPY (SELECT merchant_id FROM customer WHERE merchant_id = merchant_id LIMIT 500) TO STDOUT"
            ) as copy:
                leaked += sum(row[0] != str(thief) for row in copy.rows())
        except REFUSED:
            connection.rollback()
        try:
            with cursor.copy("COPY product (merchant_id, title, title_key, slug) FROM STDIN") as copy:
                copy.write_row((victim, "x", "x", "copied-in"))
            leaked += 1
        except REFUSED:
            connection.rollback()
    return leaked


def writes_for_the_victim(connection: Connection, victim: int, thief: int) -> int:
    """Change, delete and give away rows across the wall."""
    changed = connection.execute(f"UPDATE product SET title = title WHERE merchant_id = {victim}").rowcount
    gone = connection.execute(f"DELETE FROM product_category WHERE merchant_id = {victim}").rowcount
    given = _outcome(
        connection, f"UPDATE stock_reason SET merchant_id = {victim} WHERE merchant_id = %s", (thief,)
    )
    into = _outcome(
        connection, "INSERT INTO location (merchant_id, name, code) VALUES (%s, 'x', 'x')", (victim,)
    )
    return changed + gone + int(into == "done") + int(given == "done" and _moved(connection, victim))


def no_merchant_at_all(connection: Connection, victim: int, thief: int) -> int:
    """Without the setting nobody's rows are seen, nor with one that is no number."""
    connection.execute("RESET portal.merchant_id")
    leaked = sum(
        _rows(connection, f"SELECT count(*) FROM (SELECT FROM {table} LIMIT 10) AS t")
        for table in _tenant_tables(connection)
    )
    connection.execute("SET portal.merchant_id = ''")
    return leaked + _rows(connection, "SELECT count(*) FROM (SELECT FROM sales_order LIMIT 10) AS t")


ATTACKS: Final[dict[str, Callable[[Connection, int, int], int]]] = {
    "partitions read directly": partitions_directly,
    "tables without a filter, row_security off": tables_without_filter,
    "set_config by an analyst over a view": set_config_as_an_analyst,
    "set_config by a role without a policy": set_config_without_a_grant,
    "views": views,
    "a function that tells what it is given": leaky_function,
    "a unique key as oracle": unique_key_as_oracle,
    "a foreign key as oracle": foreign_key_as_oracle,
    "COPY out and in": copy_out_and_in,
    "writes for the victim": writes_for_the_victim,
    "no merchant set": no_merchant_at_all,
}


def _tenant_tables(connection: Connection) -> list[str]:
    rows = connection.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'merchant_id'"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1"
    )
    return [str(name) for (name,) in rows.fetchall()]


def _rows(connection: Connection, statement: str, *, alone: bool = True) -> int:
    """The number a statement counts; a refusal counts nothing."""
    try:
        if alone:
            found = connection.execute(statement).fetchone()
        else:
            with connection.transaction():
                found = connection.execute(statement).fetchone()
    except REFUSED:
        return 0
    assert found is not None
    return int(found[0])


def _outcome(connection: Connection, statement: str, values: tuple[Any, ...]) -> str:
    """How a statement ended, in the words a stranger reads, without the numbers they typed; nothing of it stays."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement, values)
    except psycopg.Error as error:
        diagnostic = error.diag
        return _NUMBER.sub(
            "#", f"{diagnostic.sqlstate} {diagnostic.message_primary} {diagnostic.message_detail}"
        )
    return "done"


def _of_victim(statement: str, victim: int) -> Any:
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"]) as owner:
        found = owner.execute(statement, (victim,)).fetchone()
    assert found is not None
    return found[0]


def _moved(connection: Connection, victim: int) -> bool:
    return connection.execute("SELECT FROM stock_reason WHERE merchant_id = %s", (victim,)).rowcount > 0
