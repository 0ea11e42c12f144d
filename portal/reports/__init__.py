"""What the order book says: home, sales, drill-down."""

from __future__ import annotations

from flask import Flask

from portal.core.navigation import register_nav
from portal.reports.commands import report_commands
from portal.reports.views import bp, change, line_label


def register(app: Flask) -> None:
    """Home, the reports and their entries of the navigation."""
    app.jinja_env.globals.update(change=change, line_label=line_label)
    register_nav("Home", "Home", "reports.home", "home", None, order=10)
    register_nav("Reports", "Reports", "reports.sales", "chart-bar", "reports.view", order=70)
    app.register_blueprint(bp)
    app.cli.add_command(report_commands)
