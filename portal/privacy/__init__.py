"""Requests of persons about their data: access, erasure, holds, certificates, and who saw whom."""

from __future__ import annotations

from flask import Flask

from portal.core.listing import register_listing
from portal.core.masking import mask
from portal.core.navigation import register_nav
from portal.core.slots import register_slot
from portal.privacy import jobs  # noqa: F401 - jobs register themselves
from portal.privacy.commands import privacy_commands
from portal.privacy.listings import REQUESTS
from portal.privacy.sealed import register_own
from portal.privacy.views import bp, records, regions, requests  # noqa: F401 - views register themselves


def register(app: Flask) -> None:
    """Add the screens, the jobs, the commands and what other pages show of privacy."""
    app.register_blueprint(bp)
    app.cli.add_command(privacy_commands)
    app.jinja_env.filters["mask"] = mask
    register_listing(REQUESTS)
    register_own()
    register_nav("Privacy", "Privacy", "privacy.requests", "shield-lock", "privacy.view", order=80)
    register_slot(
        "home.worklist", "privacy.worklist_region", "privacy.view", order=20, label="Privacy requests"
    )
    register_slot("customer.privacy", "privacy.person_region", "privacy.request")
