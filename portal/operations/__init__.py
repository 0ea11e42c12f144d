"""Running the portal: jobs, mail, the audit log, the settings of the outside world."""

from __future__ import annotations

from flask import Flask

from portal.core.keyring.commands import keyring_commands


def register(app: Flask) -> None:
    """Hook the domain into the app."""
    app.cli.add_command(keyring_commands)
