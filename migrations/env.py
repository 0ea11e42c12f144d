"""Run migrations as the owner, with short locks: old code runs while a migration does."""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import context
from flask import current_app
from sqlalchemy.dialects.postgresql.base import ischema_names

from migrations.operations import Xid8
from portal.config import SettingsError, settings
from portal.core.database import Base

# SQLAlchemy does not know the type it finds in the outbox and the audit log.
ischema_names.setdefault("xid8", Xid8)

PARTITION = re.compile(r"_[ym]\d{4,6}(_\d{4})?$")


def is_ours(name: str | None, kind: str, parents: dict[str, str | None]) -> bool:
    """Partitions come and go by themselves; autogenerate compares their parents."""
    return not (kind == "table" and name is not None and PARTITION.search(name))


def is_declared(
    item: sa.schema.SchemaItem, name: str | None, kind: str, reflected: bool, other: object
) -> bool:
    """PostgreSQL keeps a copy of a foreign key per referenced partition; only the declared one is compared."""
    if isinstance(item, sa.ForeignKeyConstraint) and reflected:
        return not any(PARTITION.search(element.target_fullname.split(".")[0]) for element in item.elements)
    return True


def run_offline() -> None:
    context.configure(dialect_name="postgresql", target_metadata=Base.metadata, literal_binds=True)
    with context.begin_transaction():
        context.execute("SET LOCAL lock_timeout = '2s'")
        context.execute("SET LOCAL statement_timeout = '60s'")
        context.run_migrations()


def run_online() -> None:
    url = settings().owner_database_url
    if url is None:
        raise SettingsError(
            "OWNER_DATABASE_URL is not set: migrations run as portal_owner, never as portal_app."
        )
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            include_name=is_ours,
            include_object=is_declared,
            transaction_per_migration=True,
            **current_app.extensions["migrate"].configure_args,
        )
        with context.begin_transaction():
            connection.exec_driver_sql("SET LOCAL lock_timeout = '2s'")
            connection.exec_driver_sql("SET LOCAL statement_timeout = '60s'")
            context.run_migrations()
        _let_the_app_read_the_version(connection)
    engine.dispose()


def _let_the_app_read_the_version(connection: sa.Connection) -> None:
    """The app says that it is not ready while the schema is not the newest. Alembic makes the table, so no revision grants it."""
    if sa.inspect(connection).has_table("alembic_version"):
        connection.exec_driver_sql("GRANT SELECT ON alembic_version TO portal_app")
        connection.commit()


if context.is_offline_mode():
    run_offline()
else:
    run_online()
