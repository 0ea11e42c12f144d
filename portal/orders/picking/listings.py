"""The list of pick lists."""

from __future__ import annotations

import sqlalchemy as sa

from portal.core.listing import ChoiceFilter, Column, Listing, Sort, link_to
from portal.orders.models import PickList
from portal.stock.models import Location

STATES = [("open", "Open"), ("done", "Done"), ("cancelled", "Cancelled")]

_list = PickList.__table__.c
_place = Location.__table__.c

PICK_LISTS = Listing(
    key="pick-lists",
    title="Pick lists",
    permission="orders.view",
    noun=("pick list", "pick lists"),
    source=PickList.__table__.join(
        Location.__table__,
        sa.and_(_place.merchant_id == _list.merchant_id, _place.id == _list.location_id),
    ),
    tenant=_list.merchant_id,
    row_key=_list.id,
    default_sort="-list",
    columns=[
        Column("list", "Pick list", _list.number, kind="code", sort=Sort(_list.id, index="pick_list_pkey", alone=True)),
        Column("state", "State", _list.state, kind="state", badge="pick_list", card=1),
        Column("location", "Location", _place.name, card=2),
        Column("orders", "Orders", _list.order_count, kind="number"),
        Column("units", "Units", _list.wanted, kind="number", card=3),
        Column("made", "Made", _list.created_at, kind="time"),
        Column("done", "Done", _list.done_at, kind="time"),
    ],
    filters=[
        ChoiceFilter(key="state", label="State", expression=_list.state, options=STATES, index="pick_list_merchant_id_state_id_idx"),
    ],
    link=link_to("picking.pick_list", "list_id", "list"),
    empty=("A pick list gathers what many orders need from one location, so that it is fetched in one walk.", "picking.new_pick_list", "Make a pick list"),
)  # fmt: skip
