"""Hang the life of an order into the app: panels of its page, acts in its head, navigation, jobs, consumers."""

from __future__ import annotations

import portal.orders.letters.automatic
import portal.orders.waiting  # noqa: F401  registers its job and its consumer
from portal.core.slots import register_slot
from portal.orders.acts import register_order_act
from portal.orders.views.parcels import may_send


def set_up() -> None:
    """Register everything that fulfilment, holds, letters and files add."""
    register_slot("order.panels", "orders.order_parcels", "orders.view", 20, label="Parcels")
    register_slot(
        "order.panels", "orders.order_contacts", "orders.view", 70, label="Contact with the customer"
    )
    register_slot("order.panels", "orders.order_files", "orders.view", 80, label="Files")
    register_order_act(
        "orders.new_parcel", "Send parcel", "truck-delivery", "orders.edit", 10, is_main=True, when=may_send
    )
    register_order_act("orders.new_letter", "Write a mail", "mail", "orders.edit", 80)
