"""Who works here and what they may do: merchants, users, roles, sign-in."""

from __future__ import annotations

from flask import Flask


def register(app: Flask) -> None:
    """Hooks first (who is asking, may they), then the screens."""
    from portal.accounts.setup import set_up

    set_up(app)
