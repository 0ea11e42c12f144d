"""Running the portal: jobs, mail, the audit log, the settings of the outside world."""

from __future__ import annotations

from flask import Flask

from portal.accounts.permissions import OPERATE
from portal.core.keyring.commands import keyring_commands
from portal.core.listing import register_listing
from portal.core.navigation import register_nav
from portal.core.scheduler import models as scheduled  # noqa: F401 - part of the data model
from portal.core.slots import register_slot
from portal.operations import jobs  # noqa: F401 - jobs register themselves
from portal.operations.health import probes
from portal.operations.listings import AUDIT, BACKGROUND_JOBS, JOBS, MESSAGES
from portal.operations.notice import notices
from portal.operations.views import audit_log, bp, mail_account, messages, platform  # noqa: F401 - views register themselves
from portal.operations.views import jobs as job_views  # noqa: F401


def register(app: Flask) -> None:
    """Hook the domain into the app."""
    app.cli.add_command(keyring_commands)
    for listing in (JOBS, BACKGROUND_JOBS, MESSAGES, AUDIT):
        register_listing(listing)
    app.register_blueprint(bp)
    app.register_blueprint(probes)
    app.register_blueprint(notices)
    register_slot("home.notice", "notices.home_notice", None, label="Notice")
    register_slot("home.tiles", "operations.failed_mail", "operations.view", 50, label="Mail that failed")
    register_slot("topbar.jobs", "operations.ring", "operations.view", label="Jobs")
    register_nav(
        "operations", "Jobs", "operations.jobs_index", "tool", "operations.view", 800, title="Operations"
    )
    register_nav("operations", "Mail", "operations.messages", "mail", "operations.view", 810)
    register_nav("operations", "Audit log", "operations.audit_log", "history", "audit.view", 820)
    register_nav("platform", "Platform", "operations.platform_page", "world", OPERATE, 850)
    register_nav("settings", "Mail server", "operations.mail_account", "send", "settings.view", 930)
