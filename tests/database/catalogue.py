"""The rules of the database, each read from ``pg_catalog`` and held against the models. A rule gives its findings, one line each."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import psycopg

import portal.app
from portal.core.database import Base
from portal.core.tenancy import Tenant
from tests.support.databases import ROOT

assert portal.app  # Importing the app registers every model.

Connection = psycopg.Connection[tuple[Any, ...]]
Rule = Callable[[Connection], list[str]]

MOST_PARTITIONS: Final = 36
ORDER_TABLE, REF_TABLE = "sales_order", "order_ref"

# Indexes of tenant tables that do not lead with the merchant, each with the platform's scan that needs it.
PLATFORM_INDEXES: Final = {
    "job_lease_idx": "the sweeper looks for ended leases of all merchants",
    "job_queued_idx": "the sweeper looks for jobs nobody picked up, of all merchants",
    "stored_file_expiry_idx": "the purge looks for expired files of all merchants",
    "message_due_idx": "the sweeper looks for mail to send, of all merchants",
    "membership_user_id_idx": "sign-in looks for the merchants of a user",
    "stock_reservation_expires_at_idx": "the sweep looks for reservations that ran out, of all merchants",
    "hot_variant_wanted_at_idx": "the sweep looks for hot variants nobody wants any more, of all merchants",
    "saved_view_user_id_idx": "the foreign key to the user, when a user is deleted",
}

MODELS: Final = {mapper.local_table.name: mapper.class_ for mapper in Base.registry.mappers}  # type: ignore[attr-defined]
TENANT: Final = {name for name, model in MODELS.items() if issubclass(model, Tenant)}
APPEND_ONLY: Final = {name for name, model in MODELS.items() if getattr(model, "__append_only__", False)}
KIND: Final = {name: getattr(model, "__kind__", None) for name, model in MODELS.items()}


def tables_are_known(db: Connection) -> list[str]:
    """Every table has a model and every model its kind."""
    rows = db.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition"
    )
    found = {row[0] for row in rows} - {"alembic_version"}
    return (
        [f"{name} has no model" for name in sorted(found - MODELS.keys())]
        + [f"{name} has no table" for name in sorted(MODELS.keys() - found)]
        + [
            f"{name} declares no kind"
            for name, kind in KIND.items()
            if kind not in {"tenant", "shared", "platform"}
        ]
    )


def keys_lead_with_the_merchant(db: Connection) -> list[str]:
    """Primary keys, unique keys and indexes of tenant tables begin with merchant_id."""
    rows = db.execute("""
        SELECT t.relname, i.relname, x.indisunique, a.attname
        FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
        LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = x.indkey[0]
        WHERE t.relnamespace = 'public'::regnamespace AND NOT t.relispartition""")
    return [
        f"{index} on {table} begins with {first or 'an expression'}"
        for table, index, unique, first in rows
        if table in TENANT and first != "merchant_id" and (unique or index not in PLATFORM_INDEXES)
    ]


def foreign_keys_stay_with_the_merchant(db: Connection) -> list[str]:
    """A foreign key between tenant tables carries merchant_id on both sides; nothing shared points at a tenant table."""
    findings = []
    for table, target, name, columns, targets, on_delete in _foreign_keys(db):
        if (
            table in TENANT
            and target in TENANT
            and (columns[0] != "merchant_id" or targets[0] != "merchant_id")
        ):
            findings.append(f"{name}: {table} points at {target} without the merchant")
        if table not in TENANT and target in TENANT:
            findings.append(f"{name}: {table} is not of a merchant and points at {target}")
        if on_delete in {"n", "d"}:
            findings.append(f"{name}: ON DELETE SET NULL or SET DEFAULT")
    return findings


def nothing_points_at_a_partitioned_table(db: Connection) -> list[str]:
    """No unpartitioned table has a foreign key to a partitioned one: it would block the month's leaving."""
    partitioned = _partitioned(db)
    return [
        f"{name}: {table} is not partitioned and points at {target}"
        for table, target, name, *_ in _foreign_keys(db)
        if target in partitioned and table not in partitioned
    ]


def rows_are_walled_off(db: Connection) -> list[str]:
    """Tenant tables have row-level security with USING and WITH CHECK for portal_app, on the setting, without a sub-select."""
    findings = []
    rows = db.execute("""
        SELECT c.relname, c.relrowsecurity, p.polroles::regrole[]::text[], pg_get_expr(p.polqual, c.oid), pg_get_expr(p.polwithcheck, c.oid)
        FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition""")
    for table, enabled, roles, using, check in rows:
        if table not in TENANT:
            continue
        if not enabled:
            findings.append(f"{table} has no row-level security")
        if roles != ["portal_app"]:
            findings.append(f"{table} has a policy for {roles}")
        for side, text in (("USING", using), ("WITH CHECK", check)):
            if (
                "merchant_id = " not in (text or "")
                or "portal.merchant_id" not in (text or "")
                or "SELECT" in (text or "").upper()
            ):
                findings.append(f"{table}: {side} is {text}")
    return findings


def partitions_are_shut(db: Connection) -> list[str]:
    """A partition has row-level security, no policy and no grant: its rows are reached through the parent alone."""
    rows = db.execute("""
        SELECT c.relname, c.relrowsecurity, EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid),
               ARRAY(SELECT DISTINCT g.grantee::regrole::text FROM aclexplode(c.relacl) g WHERE g.grantee <> c.relowner AND g.grantee <> 0),
               EXISTS (SELECT FROM aclexplode(c.relacl) g WHERE g.grantee = 0)
        FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relispartition AND c.relkind = 'r'""")
    return [
        f"{table}: row-level security {enabled}, policy {policy}, granted to {grantees}{' and everyone' if public else ''}"
        for table, enabled, policy, grantees, public in rows
        if not enabled or policy or grantees or public
    ]


def partitions_have_the_same_bounds(db: Connection) -> list[str]:
    """All partitioned tables are cut at the same instants, none has a default partition or more than 36 partitions."""
    bounds: dict[str, set[tuple[int, int]]] = {name: set() for name in _partitioned(db)}
    findings = []
    for table in bounds:
        for name, lower, upper in db.execute("SELECT * FROM partition_bounds(%s::regclass)", (table,)):
            if lower is None:
                findings.append(f"{table} has a default or odd partition {name}")
            bounds[table].add((lower, upper))
        if len(bounds[table]) > MOST_PARTITIONS:
            findings.append(f"{table} has {len(bounds[table])} partitions")
    expected = bounds[ORDER_TABLE]
    return findings + [
        f"{table} is cut differently from {ORDER_TABLE}"
        for table, found in bounds.items()
        if found != expected
    ]


def grants_are_what_models_say(db: Connection) -> list[str]:
    """portal_app has what each table's kind allows, everyone else nothing; append-only means insert and read."""
    rows = db.execute("""
        SELECT c.relname, CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END, array_agg(g.privilege_type ORDER BY 1)
        FROM pg_class c CROSS JOIN aclexplode(c.relacl) g
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm') AND NOT c.relispartition AND g.grantee <> c.relowner
        GROUP BY 1, 2""")
    given = {(table, role): set(privileges) for table, role, privileges in rows}
    findings = [
        f"{table} is granted to {role}: {sorted(privileges)}"
        for (table, role), privileges in given.items()
        if role != "portal_app"
        and role != "postgres"
        and table != "pg_stat_statements"
        and not table.startswith("pg_stat")
    ]
    for name in MODELS:
        wanted = (
            {"SELECT", "INSERT"}
            if name in APPEND_ONLY
            else {"SELECT"}
            if KIND[name] == "shared"
            else {"SELECT", "INSERT", "UPDATE", "DELETE"}
        )
        if given.get((name, "portal_app"), set()) != wanted:
            findings.append(
                f"portal_app on {name}: {sorted(given.get((name, 'portal_app'), set()))}, should be {sorted(wanted)}"
            )
    return findings


def roles_own_nothing_they_should_not(db: Connection) -> list[str]:
    """portal_app and portal_upkeep own nothing and are above no rule; default privileges give nobody anything."""
    findings = [
        f"{role} is superuser, bypasses row-level security, or may create roles or databases"
        for role, *powers in db.execute(
            "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname IN ('portal_app', 'portal_upkeep')"
        )
        if any(powers)
    ]
    findings += [
        f"{owner} owns {name}"
        for name, owner in db.execute(
            "SELECT relname, relowner::regrole::text FROM pg_class WHERE relowner::regrole::text IN ('portal_app', 'portal_upkeep')"
        )
    ]
    findings += [
        f"default privileges exist: {acl}"
        for (acl,) in db.execute("SELECT defaclacl::text FROM pg_default_acl")
    ]
    return findings


def functions_are_reviewed(db: Connection) -> list[str]:
    """A function that runs as the owner stands in migrations/functions with its reason, has a fixed search_path and is not for everyone."""
    texts = {
        path.stem: path.read_text(encoding="utf-8")
        for path in (ROOT / "migrations" / "functions").glob("*.sql")
    }
    findings = []
    rows = db.execute("""
        SELECT p.proname, p.proconfig, p.proowner::regrole::text, p.prosecdef,
               EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) g WHERE g.grantee = 0)
        FROM pg_proc p LEFT JOIN pg_depend d ON d.objid = p.oid AND d.deptype = 'e'
        WHERE p.pronamespace = 'public'::regnamespace AND d.objid IS NULL""")
    for name, settings, owner, definer, public in rows:
        where = [
            stem for stem, text in texts.items() if re.search(rf"CREATE OR REPLACE FUNCTION {name}\(", text)
        ]
        if len(where) != 1:
            findings.append(f"{name} is defined in {where or 'no file'}")
        if owner != "portal_owner":
            findings.append(f"{name} belongs to {owner}")
        if not definer:
            continue
        if not any(setting.startswith("search_path=pg_catalog") for setting in settings or ()):
            findings.append(f"{name} runs as its owner without a fixed search_path")
        if public:
            findings.append(f"{name} runs as its owner and everyone may call it")
        if where and not re.search(
            rf"--[^\n]*\n(?:--[^\n]*\n|\n)*CREATE OR REPLACE FUNCTION {name}\(", texts[where[0]]
        ):
            findings.append(f"{name} says no reason above it")
    return findings


def nothing_that_shards_refuse(db: Connection) -> list[str]:
    """No trigger, no view that runs as its owner, no materialised view: rules tried on Citus 13.2."""
    findings = [
        f"{table} has the trigger {name}"
        for table, name in db.execute(
            "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal"
        )
    ]
    findings += [
        f"{name} is a view that is not security_invoker"
        for (name,) in db.execute("""
        SELECT c.relname FROM pg_class c LEFT JOIN pg_depend d ON d.objid = c.oid AND d.deptype = 'e'
        WHERE c.relkind = 'v' AND c.relnamespace = 'public'::regnamespace AND d.objid IS NULL
          AND NOT coalesce('security_invoker=true' = ANY (c.reloptions), false)""")
    ]
    findings += [
        f"{name} is a materialised view"
        for (name,) in db.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'm' AND relnamespace = 'public'::regnamespace"
        )
    ]
    return findings


def rows_of_an_order_are_found_by_it(db: Connection) -> list[str]:
    """Every table with an order_id has an index that begins with (merchant_id, order_id)."""
    rows = db.execute("""
        SELECT c.relname, EXISTS (
            SELECT FROM pg_index x WHERE x.indrelid = c.oid AND x.indkey[0] = m.attnum AND x.indkey[1] = a.attnum)
        FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'order_id' AND NOT a.attisdropped
        JOIN pg_attribute m ON m.attrelid = c.oid AND m.attname = 'merchant_id'
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition""")
    return [f"{table} has no index on (merchant_id, order_id)" for table, indexed in rows if not indexed]


RULES: Final[tuple[Rule, ...]] = (
    tables_are_known,
    keys_lead_with_the_merchant,
    foreign_keys_stay_with_the_merchant,
    nothing_points_at_a_partitioned_table,
    rows_are_walled_off,
    partitions_are_shut,
    partitions_have_the_same_bounds,
    grants_are_what_models_say,
    roles_own_nothing_they_should_not,
    functions_are_reviewed,
    nothing_that_shards_refuse,
    rows_of_an_order_are_found_by_it,
)


def _foreign_keys(db: Connection) -> list[tuple[Any, ...]]:
    return db.execute("""
        SELECT t.relname, r.relname, f.conname,
               ARRAY(SELECT a.attname::text FROM unnest(f.conkey) WITH ORDINALITY k(n, o) JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.n ORDER BY k.o),
               ARRAY(SELECT a.attname::text FROM unnest(f.confkey) WITH ORDINALITY k(n, o) JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum = k.n ORDER BY k.o),
               f.confdeltype::text
        FROM pg_constraint f JOIN pg_class t ON t.oid = f.conrelid JOIN pg_class r ON r.oid = f.confrelid
        WHERE f.contype = 'f' AND f.conparentid = 0 AND NOT t.relispartition AND NOT r.relispartition
          AND t.relnamespace = 'public'::regnamespace""").fetchall()


def _partitioned(db: Connection) -> set[str]:
    return {
        row[0]
        for row in db.execute(
            "SELECT c.relname FROM pg_partitioned_table p JOIN pg_class c ON c.oid = p.partrelid WHERE c.relnamespace = 'public'::regnamespace"
        )
    }
