"""The desk of shortfalls: what is missing, since when, and what it is worth."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import url_for

from portal.core.listing import ChoiceFilter, Column, Listing, Sort, TextFilter
from portal.core.normalise import code_key
from portal.orders.models import OrderRef, OrderShortfall
from portal.orders.shortfalls.services import CAUSES

_case, _ref = OrderShortfall.__table__.c, OrderRef.__table__.c
_joined = OrderShortfall.__table__.join(
    OrderRef.__table__, sa.and_(_ref.merchant_id == _case.merchant_id, _ref.order_id == _case.order_id)
)

STATES = [("open", "Open"), ("solved", "Solved"), ("withdrawn", "Withdrawn")]


def _link(row: Any) -> str:
    return url_for("orders.shortfall", number=row["order"], case_n=row["row_key"])


SHORTFALLS = Listing(
    key="shortfalls",
    title="Shortfalls",
    permission="orders.view",
    noun=("shortfall", "shortfalls"),
    source=_joined,
    tenant=_case.merchant_id,
    row_key=_case.n,
    default_sort="opened",
    hidden={"currency": _case.currency},
    columns=[
        Column("order", "Order", _ref.number, kind="code", card=1),
        Column("sku", "SKU", _case.sku, kind="code"),
        Column("units", "Missing", _case.units, kind="number", card=2),
        Column("value", "Worth", _case.value, kind="money", currency="currency", card=3),
        Column("cause", "Found by", _case.cause, names=lambda: list(CAUSES.items())),
        Column("opened", "Since", _case.opened_at, kind="time", sort=Sort(_case.n, index="order_shortfall_state_idx", alone=True)),
        Column("told", "Customer told", _case.told_at, kind="time"),
        Column("state", "State", _case.state, kind="state", badge="shortfall"),
    ],
    filters=[
        ChoiceFilter(key="state", label="State", expression=_case.state, options=STATES, index="order_shortfall_state_idx"),
        ChoiceFilter(key="cause", label="Found by", expression=_case.cause, options=list(CAUSES.items())),
        TextFilter(key="sku", label="SKU", expression=_case.sku, normalise=code_key),
    ],
    link=_link,
    empty=("When units of an order are missing, the order stands here until someone takes a way out.", None, None),
)  # fmt: skip
