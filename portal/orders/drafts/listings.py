"""The list of drafts."""

from __future__ import annotations

from portal.core.listing import ChoiceFilter, Column, Listing, Sort, link_to
from portal.orders.models import ComposedOrder

STATES = [("draft", "Draft"), ("placed", "Placed"), ("discarded", "Discarded")]

_draft = ComposedOrder.__table__.c

DRAFTS = Listing(
    key="drafts",
    title="Drafts",
    permission="orders.view",
    noun=("draft", "drafts"),
    source=ComposedOrder.__table__,
    tenant=_draft.merchant_id,
    row_key=_draft.id,
    default_sort="-begun",
    columns=[
        Column(
            "begun",
            "Begun",
            _draft.created_at,
            kind="time",
            sort=Sort(_draft.id, index="composed_order_pkey", alone=True),
        ),
        Column("name", "Buyer", _draft.name, personal="name", card=1),
        Column("company", "Company", _draft.company, personal="name", default=False),
        Column("state", "State", _draft.state, kind="state", badge="draft", card=2),
        Column("currency", "Currency", _draft.currency),
        Column("kept", "Units kept until", _draft.reserved_until, kind="time", card=3),
    ],
    filters=[
        ChoiceFilter(
            key="state",
            label="State",
            expression=_draft.state,
            options=STATES,
            index="composed_order_merchant_id_state_id_idx",
        ),
    ],
    link=link_to("drafts.draft", "draft_id", "row_key"),
    empty=("Compose an order here for someone on the phone or at the desk.", None, None),
)
