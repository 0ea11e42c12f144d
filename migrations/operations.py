"""What revisions share: row-level security, grants and the reviewed SQL functions."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import sqlalchemy as sa
from alembic import op

FUNCTIONS = Path(__file__).parent / "functions"
MERCHANT = "NULLIF(current_setting('portal.merchant_id', true), '')::integer"


class Xid8(sa.types.UserDefinedType[str]):
    """PostgreSQL's 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **options: object) -> str:
        return "xid8"


def run_functions(*names: str) -> None:
    """Execute files of ``migrations/functions``, whole."""
    for name in names:
        op.execute(_escaped((FUNCTIONS / f"{name}.sql").read_text(encoding="utf-8")))


def protect_tenant_tables(tables: Iterable[str]) -> None:
    """Wall off each table: a row is seen and written only in the transaction of its merchant."""
    for table in tables:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY {table}_tenant ON {table} TO portal_app"
            f" USING (merchant_id = {MERCHANT}) WITH CHECK (merchant_id = {MERCHANT})"
        )


def grant(tables: Iterable[str], *, privileges: str = "SELECT, INSERT, UPDATE, DELETE") -> None:
    """Give the app what it needs of each table and nothing by default."""
    for table in tables:
        op.execute(f"GRANT {privileges} ON {table} TO portal_app")


def _escaped(sql: str) -> str:
    # op.execute takes a colon before a word for a bind parameter.
    return sql.replace(":", r"\:").replace(r"\:\:", "::")
