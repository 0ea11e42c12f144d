"""The catalogue of PostgreSQL says what the models say, and each rule has been seen to fail."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.database import catalogue
from tests.database.catalogue import RULES, Connection, Rule
from tests.support.databases import at_database, fresh_database

VIOLATIONS: dict[Rule, str] = {
    catalogue.tables_are_known: "CREATE TABLE stray (id integer)",
    catalogue.keys_lead_with_the_merchant: "CREATE UNIQUE INDEX ON customer (email)",
    catalogue.foreign_keys_stay_with_the_merchant: "CREATE UNIQUE INDEX lonely ON variant (id); ALTER TABLE price ADD FOREIGN KEY (variant_id) REFERENCES variant (id)",
    catalogue.nothing_points_at_a_partitioned_table: "ALTER TABLE customer ADD FOREIGN KEY (merchant_id, id) REFERENCES sales_order (merchant_id, id)",
    catalogue.rows_are_walled_off: "ALTER TABLE customer DISABLE ROW LEVEL SECURITY",
    catalogue.partitions_are_shut: "DO $$ BEGIN EXECUTE format('GRANT SELECT ON %s TO portal_app',"
    " (SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'sales_order'::regclass LIMIT 1)); END $$",
    catalogue.partitions_have_the_same_bounds: "CREATE TABLE order_line_rest PARTITION OF order_line DEFAULT",
    catalogue.grants_are_what_models_say: "GRANT UPDATE ON stock_movement TO portal_app",
    catalogue.roles_own_nothing_they_should_not: "CREATE TABLE mine (id integer); ALTER TABLE mine OWNER TO portal_app",
    catalogue.functions_are_reviewed: "CREATE FUNCTION peep() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM customer'",
    catalogue.nothing_that_shards_refuse: "CREATE VIEW everyone AS SELECT * FROM customer",
    catalogue.rows_of_an_order_are_found_by_it: "ALTER TABLE customer ADD order_id bigint",
}


@pytest.fixture(scope="module")
def superuser(servers: tuple[str, str]) -> Iterator[Connection]:
    """An empty database of its own: what other tests make or plant is none of these rules' business."""
    with (
        fresh_database(servers[0]) as database,
        psycopg.connect(at_database(database.admin_url, database.name)) as connection,
    ):
        yield connection


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_catalogue_keeps_the_rule(superuser: Connection, rule: Rule) -> None:
    findings = rule(superuser)
    superuser.rollback()
    assert not findings, "\n".join(findings)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_sees_a_violation(superuser: Connection, rule: Rule) -> None:
    try:
        superuser.execute(VIOLATIONS[rule])
        assert rule(superuser), f"{rule.__name__} did not notice: {VIOLATIONS[rule]}"
    finally:
        superuser.rollback()
