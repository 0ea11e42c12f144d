"""``flask privacy``: the erasure ledger from the command line."""

from __future__ import annotations

import click
from flask.cli import AppGroup, with_appcontext

from portal.privacy.ledger import init_ledger
from portal.privacy.replay import ledger_is_replayed, replay_ledger

privacy_commands = AppGroup("privacy", help="The erasure ledger.")


@privacy_commands.command("init-ledger")
@with_appcontext
def init_ledger_command() -> None:
    """Make the folder of the erasure ledger, once, when the portal is set up."""
    click.echo("The erasure ledger is ready." if init_ledger() else "The erasure ledger stood already.")


@privacy_commands.command("replay-ledger")
@with_appcontext
def replay_ledger_command() -> None:
    """Erase again what a restored database brought back. Safe to repeat."""
    result = replay_ledger()
    click.echo(
        f"{result.entries} entries applied, {result.subjects} people erased again, {result.rows} rows emptied."
    )
    if not ledger_is_replayed():
        raise click.ClickException("Some entries are still outstanding. Run it again.")
