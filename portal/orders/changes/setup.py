"""What changes add to the portal at start: acts and panel of an order, the queue of refunds, the settings."""

from __future__ import annotations

from flask import Flask

from portal.core.listing import register_listing
from portal.core.navigation import register_nav
from portal.core.slots import register_slot
from portal.orders.acts import register_order_act
from portal.orders.changes.listings import OWED
from portal.orders.changes.settings_views import bp as settings_bp
from portal.orders.changes.views import bp
from portal.orders.queries import WholeOrder


def set_up(app: Flask) -> None:
    """Register all of it."""
    register_order_act("changes.edit_order", "Edit", "edit", "orders.edit", 30)
    register_order_act("changes.cancel_items", "Cancel items", "ban", "orders.edit", 31, when=_has_unsent)
    register_order_act("changes.refund_order", "Refund", "receipt-refund", "orders.refund", 40)
    register_order_act(
        "changes.claim_items", "Lost or damaged", "package-off", "orders.refund", 42, when=_has_sent
    )
    register_order_act(
        "changes.give_goodwill", "Goodwill", "gift", "orders.refund", 43, when=_costs_something
    )
    register_slot("order.panels", "changes.changes", "orders.view", 35, label="Changes")
    register_slot("home.tiles", "changes.worklist", "orders.refund", 15, label="Refunds that wait")
    register_nav("Orders", "Refunds", "changes.waiting", "receipt-refund", "orders.refund", order=25)
    register_nav("settings", "Refunds", "refund_rules.rules", "receipt-refund", "settings.view", 908)
    register_listing(OWED)
    app.register_blueprint(bp)
    app.register_blueprint(settings_bp)


def _has_unsent(whole: WholeOrder) -> bool:
    return any(
        line["quantity"] > line["cancelled_quantity"] + line["fulfilled_quantity"] for line in whole.lines
    )


def _has_sent(whole: WholeOrder) -> bool:
    return any(line["fulfilled_quantity"] > line["credited_quantity"] for line in whole.lines)


def _costs_something(whole: WholeOrder) -> bool:
    return bool(whole.head["due_total"] > 0)
