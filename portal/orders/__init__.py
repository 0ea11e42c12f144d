"""Orders, from placement to the last refund."""

from __future__ import annotations

from flask import Flask

import portal.orders.backorders
import portal.orders.jobs
import portal.orders.views.allocation
import portal.orders.vouchers.consuming  # noqa: F401  they register on import
from portal.accounts.api_keys import register_channel_choices
from portal.core.api import register_api
from portal.core.listing import register_listing
from portal.core.navigation import register_nav
from portal.core.slots import register_slot
from portal.orders.addresses import OrderNumberConverter
from portal.orders.allocation import take_back_allocated
from portal.orders.api.reservations import bp as reservations_bp
from portal.orders.api.views import bp as api_bp
from portal.orders.api.views import described
from portal.orders.causes import order_causes
from portal.orders.changes import setup as changes
from portal.orders.documents import setup as documents
from portal.orders.drafts.listings import DRAFTS
from portal.orders.drafts.views import bp as drafts_bp
from portal.orders.fulfilment import setup as fulfilment
from portal.orders.listings import ORDERS
from portal.orders.payments import setup as payments
from portal.orders.returns import setup as returns
from portal.orders.routing_case import tried_order
from portal.orders.sales_channels.services import channel_choices
from portal.orders.sales_channels.views import bp as sales_channels_bp
from portal.orders.stock_parts import register_orders_as_source
from portal.orders.store_credit import setup as store_credit
from portal.orders.tax.views import bp as tax_bp
from portal.orders.views import bp
from portal.orders.vouchers.listings import VOUCHERS
from portal.orders.vouchers.views import bp as vouchers_bp
from portal.stock.causes import register_cause
from portal.stock.promises import register_promises
from portal.stock.routing.trying import offer_orders


def register(app: Flask) -> None:
    """The list, the order's page and what other pages show of orders."""
    app.url_map.converters["order_number"] = OrderNumberConverter
    register_listing(ORDERS)
    register_nav("Orders", "Orders", "orders.orders", "receipt", "orders.view", order=20)
    register_slot("privacy.orders", "orders.of_request", "privacy.edit", label="Orders")
    register_slot("customer.orders", "orders.customer_orders", "orders.view", label="Orders")
    register_slot("home.tiles", "orders.worklist", "orders.view", 10, label="Orders that wait")
    register_slot("order.panels", "orders.order_allocation", "orders.view", 25, label="Allocation")
    register_slot("order.panels", "orders.payments", "orders.view", 30, label="Payments")
    fulfilment.set_up(app)
    register_cause("order", order_causes)
    register_orders_as_source()
    register_promises("orders", take_back_allocated, order=20)
    offer_orders(tried_order)
    app.register_blueprint(bp)
    payments.set_up(app)
    documents.register(app)
    changes.set_up(app)
    returns.set_up(app)
    store_credit.set_up(app)
    app.register_blueprint(described)
    register_api(app, api_bp)
    register_api(app, reservations_bp)
    register_channel_choices(channel_choices)
    register_listing(DRAFTS)
    register_listing(VOUCHERS)
    for screens in (drafts_bp, vouchers_bp, tax_bp, sales_channels_bp):
        app.register_blueprint(screens)
    register_nav("Orders", "Drafts", "drafts.drafts", "edit", "orders.view", order=21)
    register_nav("Orders", "Vouchers", "vouchers.vouchers", "tag", "orders.view", order=28)
    register_nav("settings", "Tax", "tax.tax", "receipt", "settings.view", 905)
    register_nav("settings", "Currencies", "tax.exchange_rates", "world", "settings.view", 906)
    register_nav(
        "settings", "Sales channels", "sales_channels.sales_channels", "building-store", "settings.view", 907
    )
