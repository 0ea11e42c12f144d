"""Put the house together: settings, database, the domains floor by floor."""

from __future__ import annotations

import os

from flask import Flask

import portal.accounts
import portal.catalog
import portal.channels
import portal.customers
import portal.discovery
import portal.imports
import portal.operations
import portal.orders
import portal.privacy
import portal.reports
import portal.stock
from portal.config import Settings, SettingsError
from portal.core.api import init_api
from portal.core.assets import init_assets
from portal.core.card_numbers import init_card_numbers
from portal.core.charts import init_charts
from portal.core.database import init_database
from portal.core.formats import init_formats
from portal.core.jobs import init_jobs
from portal.core.logging import init_logging
from portal.core.slots import init_slots
from portal.core.web import init_http
from portal.extensions import init_extensions
from portal.paths import STATIC, TEMPLATES, missing_folders

DOMAINS = (
    portal.accounts,
    portal.catalog,
    portal.customers,
    portal.stock,
    portal.privacy,
    portal.orders,
    portal.channels,
    portal.reports,
    portal.imports,
    portal.discovery,
    portal.operations,
)


def create_app(settings: Settings | None = None) -> Flask:
    """Build the portal.

    Args:
        settings: what it is told from outside; read from the environment when not given.

    Raises:
        SettingsError: a setting is missing or wrong, or the checkout is not whole.
    """
    settings = settings or Settings.from_environment(os.environ)
    absent = missing_folders()
    if absent:
        raise SettingsError(f"The portal runs from its checkout; there is no {absent[0]}.")
    app = Flask(
        "portal", template_folder=str(TEMPLATES), static_folder=str(STATIC), static_url_path="/static"
    )
    app.config.update(SETTINGS=settings, SECRET_KEY=settings.secret_key)
    init_logging(app)
    init_extensions(app)
    # Before the domains: hooks run in the order of their registration, and a refused request costs no query.
    init_http(app)
    init_api(app)
    for domain in DOMAINS:
        domain.register(app)
    # After the hook that knows the person: what is refused is said inside their page.
    init_card_numbers(app)
    init_database(app, settings)
    init_assets(app)
    init_formats(app)
    init_charts(app)
    init_slots(app)
    init_jobs(app)
    return app
