"""The list of transfers."""

from __future__ import annotations

import sqlalchemy as sa

from portal.core.listing import ChoiceFilter, Column, DateFilter, Extra, Listing, Sort, link_to
from portal.stock.listings import location_choices
from portal.stock.models import Location, StockTransfer
from portal.stock.transfers.queries import totals_of

STATES = [
    ("draft", "Draft"),
    ("in_transit", "In transit"),
    ("partly_received", "Partly received"),
    ("received", "Received"),
    ("cancelled", "Cancelled"),
]

_transfer = StockTransfer.__table__.c
_source = Location.__table__.alias("source")
_target = Location.__table__.alias("target")

TRANSFERS = Listing(
    key="stock-transfers",
    title="Transfers",
    permission="stock.view",
    noun=("transfer", "transfers"),
    source=StockTransfer.__table__.join(
        _source,
        sa.and_(_source.c.merchant_id == _transfer.merchant_id, _source.c.id == _transfer.from_location_id),
    ).join(
        _target,
        sa.and_(_target.c.merchant_id == _transfer.merchant_id, _target.c.id == _transfer.to_location_id),
    ),
    tenant=_transfer.merchant_id,
    row_key=_transfer.id,
    default_sort="-number",
    columns=[
        Column(
            "number",
            "Transfer",
            _transfer.number,
            kind="code",
            sort=Sort(_transfer.id, index="stock_transfer_pkey", alone=True),
        ),
        Column("state", "State", _transfer.state, kind="state", badge="transfer", card=1),
        Column("source", "From", _source.c.name),
        Column("target", "To", _target.c.name, card=2),
        Column("units", "Units", kind="number"),
        Column("outstanding", "Outstanding", kind="number", card=3),
        Column("differences", "Differences", kind="number", default=False),
        Column("expected", "Expected", _transfer.expected_on, kind="day"),
        Column("sent", "Sent", _transfer.sent_at, kind="time"),
        Column("received", "Received", _transfer.received_at, kind="time", default=False),
    ],
    extras=[Extra(columns=("units", "outstanding", "differences"), load=totals_of)],
    filters=[
        ChoiceFilter(
            key="state",
            label="State",
            expression=_transfer.state,
            options=STATES,
            index="stock_transfer_merchant_id_state_id_idx",
        ),
        ChoiceFilter(
            key="source",
            label="From",
            expression=_transfer.from_location_id,
            convert=int,
            options=location_choices,
            index="stock_transfer_merchant_id_from_location_id_id_idx",
        ),
        ChoiceFilter(
            key="target",
            label="To",
            expression=_transfer.to_location_id,
            convert=int,
            options=location_choices,
            index="stock_transfer_merchant_id_to_location_id_id_idx",
        ),
        DateFilter(key="sent", label="Sent", expression=_transfer.sent_at),
    ],
    link=link_to("transfers.transfer", "transfer_id", "row_key"),
    empty=(
        "A transfer moves units between two of your locations and shows what is on its way.",
        "transfers.new_transfer",
        "Add transfer",
    ),
)
