"""The list of orders whose buyers are owed money, with what of it is asked for already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from portal.core import formats
from portal.core.listing import ChoiceFilter, Column, DateFilter, Extra, Listing, MoneyFilter, Sort, link_to
from portal.orders.changes.queries import Asked, asked_of
from portal.orders.listings import STATES, buyers_of, channel_choices
from portal.orders.models import Order

_order = Order.__table__.c
_NOTHING: Final = Asked(Decimal(0), Decimal(0))


def _asked(order_ids: Sequence[int]) -> Mapping[int, Mapping[str, Any]]:
    found = asked_of(order_ids)
    return {
        order_id: {"asked": found.get(order_id, _NOTHING), "left": found.get(order_id, _NOTHING)}
        for order_id in order_ids
    }


def _asked_words(row: Mapping[str, Any]) -> str | None:
    """What became of the money so far: nothing, on its way, or waiting for a second person."""
    asked: Asked = row["asked"]
    words = []
    if asked.under_way:
        words.append(f"{formats.money(asked.under_way, row['currency'])} is on its way")
    if asked.waiting:
        words.append(f"{formats.money(asked.waiting, row['currency'])} waits for a second person")
    return ", ".join(words) or None


def _left_words(row: Mapping[str, Any]) -> str:
    asked: Asked = row["left"]
    return formats.money(max(row["owing"] - asked.under_way - asked.waiting, Decimal(0)), row["currency"])


OWED: Final = Listing(
    key="owed",
    title="Owed to buyers",
    permission="orders.refund",
    noun=("order", "orders"),
    source=Order.__table__,
    tenant=_order.merchant_id,
    row_key=_order.id,
    always=lambda: [_order.credit_total > 0],
    default_sort="-placed",
    hidden={"currency": _order.currency, "owing": _order.credit_total},
    extras=[Extra(("customer",), buyers_of), Extra(("asked", "left"), _asked)],
    columns=[
        Column("number", "Order", _order.number, kind="code"),
        Column("placed", "Placed", _order.placed_at, kind="time", sort=Sort(_order.id, index="sales_order_credit_idx", alone=True)),
        Column("customer", "Customer", personal="name"),
        Column("channel", "Channel", _order.channel_id, names=channel_choices, default=False),
        Column("state", "State", _order.state, kind="state", badge="order"),
        Column("owed", "Owed", _order.credit_total, kind="money", currency="currency", card=1),
        Column("asked", "Asked for", text=_asked_words, card=2),
        Column("left", "To give back", kind="money", currency="currency", text=_left_words, card=3),
    ],
    filters=[
        DateFilter(key="placed", label="Placed", expression=_order.id, of="id", index="sales_order_credit_idx"),
        ChoiceFilter(key="state", label="State", expression=_order.state, options=STATES),
        ChoiceFilter(key="channel", label="Channel", expression=_order.channel_id, convert=int, options=channel_choices),
        MoneyFilter(key="owed", label="Owed", expression=_order.credit_total),
    ],
    link=link_to("orders.order", "number", "number"),
    empty=("Money that is owed to a buyer, because items were cancelled or came back, stands here until it is given back.", None, None),
)  # fmt: skip
