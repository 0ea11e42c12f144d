"""Flask extensions that more than one floor uses; the database stands in ``portal.core.database``."""

from __future__ import annotations

from flask import Flask
from flask_login import LoginManager
from flask_migrate import Migrate

from portal.core.database import db
from portal.paths import MIGRATIONS

login_manager = LoginManager()
migrate = Migrate(directory=str(MIGRATIONS), compare_type=True, render_as_batch=False)


def init_extensions(app: Flask) -> None:
    """Bind them to *app*. Sessions are ours, on the server, so Flask-Login keeps nothing in the cookie."""
    app.config.update(SESSION_PROTECTION=None, REMEMBER_COOKIE_NAME="portal-unused")
    login_manager.init_app(app)
    migrate.init_app(app, db)
