"""Hang payments into the app: screens, lists, navigation, what home and privacy ask."""

from __future__ import annotations

from flask import Flask

import portal.orders.payments.jobs  # noqa: F401  registers its handlers
from portal.core.listing import register_listing
from portal.core.navigation import register_nav
from portal.core.slots import register_slot
from portal.orders.payments.listings import DISPUTES, NOTICES, PAYOUT_LINES, PAYOUTS
from portal.orders.payments.notices import body_of_person
from portal.orders.payments.people import names_of_gateways
from portal.orders.payments.views import bp
from portal.privacy.recipients import register_recipients
from portal.privacy.sealed import register_sealed


def set_up(app: Flask) -> None:
    """Register everything that payments add."""
    for listing in (DISPUTES, PAYOUTS, PAYOUT_LINES, NOTICES):
        register_listing(listing)
    register_nav("Orders", "Disputes", "payments.dispute_list", "flag", "orders.view", order=26)
    register_nav("Orders", "Payouts", "payments.payout_list", "receipt", "orders.view", order=27)
    register_nav(
        "settings", "Payments", "payments.payment_settings", "credit-card", "settings.view", order=930
    )
    register_slot(
        "home.worklist", "payments.worklist_region", "orders.refund", 12, label="Payments that wait"
    )
    register_sealed("payment_notice", "body_of_person", body_of_person)
    register_recipients("payments", names_of_gateways)
    app.register_blueprint(bp)
