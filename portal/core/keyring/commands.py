"""``flask keyring upgrade``: make or bring up to date the tables of the key database."""

from __future__ import annotations

import os

import click
import sqlalchemy as sa
from flask.cli import AppGroup, with_appcontext

from portal.config import settings
from portal.paths import MIGRATIONS

keyring_commands = AppGroup("keyring", help="The key database.")


@keyring_commands.command("upgrade")
@with_appcontext
def upgrade() -> None:
    """Run migrations/keyring.sql as the owner of the key database. Safe to repeat."""
    engine = sa.create_engine(_owner_url(), poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL lock_timeout = '2s'")
        connection.exec_driver_sql((MIGRATIONS / "keyring.sql").read_text(encoding="utf-8"))
    engine.dispose()
    click.echo("The key database is up to date.")


def _owner_url() -> sa.URL:
    # The owner of the portal's database owns the key database too, unless told otherwise.
    named = os.environ.get("KEYRING_OWNER_DATABASE_URL")
    if named:
        return sa.make_url(named.replace("postgresql://", "postgresql+psycopg://", 1))
    keyring = sa.make_url(settings().keyring_database_url)
    owner = settings().owner_database_url
    if owner is None:
        return keyring
    signed_in = sa.make_url(owner)
    return keyring.set(username=signed_in.username, password=signed_in.password)
