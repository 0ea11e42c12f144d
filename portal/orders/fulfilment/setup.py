"""Hang the life of an order into the app: panels of its page, acts in its head, navigation, jobs, consumers."""

from __future__ import annotations

from flask import Flask

import portal.orders.letters.automatic
import portal.orders.waiting  # noqa: F401  registers its job and its consumer
from portal.core.listing import register_listing
from portal.core.navigation import register_nav
from portal.core.slots import register_slot
from portal.orders.acts import register_order_act
from portal.orders.picking.listings import PICK_LISTS
from portal.orders.picking.views import bp as picking
from portal.orders.shortfalls.listings import SHORTFALLS
from portal.orders.views.parcels import NEXT, may_send
from portal.orders.views.settings import bp as settings


def set_up(app: Flask) -> None:
    """Register everything that fulfilment, holds, shortfalls, letters and files add."""
    register_listing(SHORTFALLS)
    register_listing(PICK_LISTS)
    app.register_blueprint(picking)
    app.register_blueprint(settings)
    register_nav(
        "settings",
        "Sending and collecting",
        "fulfilment.fulfilment",
        "truck-delivery",
        "settings.view",
        order=909,
    )
    register_nav("settings", "Mail texts", "fulfilment.letters", "mail", "settings.view", order=910)
    register_nav("Orders", "Pick lists", "picking.pick_lists", "clipboard-list", "orders.view", order=23)
    register_slot("home.tiles", "picking.worklist", "orders.view", 8, label="To pick")
    register_nav("Orders", "Shortfalls", "orders.shortfalls", "alert-triangle", "orders.view", order=22)
    register_slot("home.tiles", "orders.shortfall_worklist", "orders.view", 11, label="Shortfalls")
    for order, endpoint, label in (
        (10, "orders.order_shortfalls", "Missing units"),
        (20, "orders.order_parcels", "Parcels"),
        (70, "orders.order_contacts", "Contact with the customer"),
        (80, "orders.order_files", "Files"),
    ):
        register_slot("order.panels", endpoint, "orders.view", order, label=label)
    register_order_act(
        "orders.new_parcel",
        lambda whole: NEXT[whole.head["delivery"]],
        "truck-delivery",
        "orders.edit",
        10,
        is_main=True,
        when=may_send,
    )
    register_order_act("orders.new_letter", "Write a mail", "mail", "orders.edit", 80)
