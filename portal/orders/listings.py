"""The list of orders. Rows come newest month first; who bought is masked, as in every list."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from portal.accounts.forms import country_choices
from portal.core.database import current_merchant_id, db
from portal.core.listing import (
    BulkAction,
    ChoiceFilter,
    Column,
    DateFilter,
    Extra,
    FlagFilter,
    Listing,
    MoneyFilter,
    NumberFilter,
    Sort,
    TextFilter,
    among,
    execute,
    link_to,
)
from portal.core.normalise import code_key, email_key, full_name_key, postcode_key, tracking_key
from portal.orders.assigning import workers
from portal.orders.fulfilment.parcels import WORDS
from portal.orders.models import (
    Order,
    OrderAssignment,
    OrderContact,
    OrderFulfilment,
    OrderLine,
    OrderRef,
    OrderReturn,
    OrderTag,
    SalesChannel,
)
from portal.stock.listings import location_choices

_order, _contact = Order.__table__.c, OrderContact.__table__.c
_line, _tag, _channel = OrderLine.__table__.c, OrderTag.__table__.c, SalesChannel.__table__.c
_ref, _parcel = OrderRef.__table__.c, OrderFulfilment.__table__.c
_return = OrderReturn.__table__.c
_assignment = OrderAssignment.__table__.c

STATES = [("open", "Open"), ("on_hold", "On hold"), ("closed", "Closed"), ("cancelled", "Cancelled")]
PAYMENT_STATES = [
    ("unpaid", "Unpaid"),
    ("authorised", "Authorised"),
    ("part_paid", "Partly paid"),
    ("paid", "Paid"),
    ("part_refunded", "Partly refunded"),
    ("refunded", "Refunded"),
]
FULFILMENT_STATES = [
    ("unfulfilled", "Unfulfilled"),
    ("part_fulfilled", "Partly fulfilled"),
    ("fulfilled", "Fulfilled"),
    ("returned", "Returned"),
    ("none", "Nothing to send"),
]
DELIVERY_WORDS = [("ship", "Shipping"), ("collect", "Collection"), ("hand_over", "Hand-over")]
PARCEL_WORDS = [(state, words.capitalize()) for state, words in WORDS.items()]
RETURN_STATES = [
    ("requested", "Requested"),
    ("approved", "Approved"),
    ("on_the_way", "On the way"),
    ("received", "Received"),
    ("inspected", "Inspected"),
    ("refunded", "Refunded"),
    ("rejected", "Rejected"),
]


def channel_choices() -> list[tuple[str, str]]:
    """The merchant's channels, for filters."""
    rows = execute(
        sa.select(_channel.id, _channel.name)
        .where(_channel.merchant_id == current_merchant_id())
        .order_by(_channel.name, _channel.id)
    )
    return [(str(row.id), row.name) for row in rows]


def buyers_of(order_ids: Sequence[int]) -> Mapping[int, Mapping[str, Any]]:
    """The name of each order's first contact, in one statement."""
    rows = execute(
        sa.select(_contact.order_id, _contact.name, _contact.company).where(
            _contact.merchant_id == current_merchant_id(),
            among(_contact.order_id, order_ids),
            _contact.n == 1,
        )
    )
    return {row.order_id: {"customer": row.name or row.company} for row in rows}


def tags_of(order_ids: Sequence[int]) -> Mapping[int, Mapping[str, Any]]:
    """The tags of each order, in one text."""
    found: dict[int, list[str]] = defaultdict(list)
    rows = db.session.execute(
        sa.select(_tag.order_id, _tag.tag)
        .where(
            _tag.merchant_id == current_merchant_id(),
            _tag.order_id.in_(order_ids),
            _tag.order_id.between(min(order_ids), max(order_ids)),
        )
        .order_by(_tag.tag)
    )
    for row in rows:
        found[row.order_id].append(row.tag)
    return {order_id: {"tags": ", ".join(tags)} for order_id, tags in found.items()}


_channel_name: Final = (
    sa.select(_channel.name)
    .where(_channel.merchant_id == _order.merchant_id, _channel.id == _order.channel_id)
    .scalar_subquery()
)


def _through(table: Any) -> Any:
    """Orders that have a row of another table fulfilling the condition, within the window that is read."""

    def condition(wanted: sa.ColumnElement[bool], within: Any) -> sa.ColumnElement[bool]:
        return _order.id.in_(
            sa.select(table.order_id).where(
                table.merchant_id == current_merchant_id(), wanted, within(table.order_id)
            )
        )

    return condition


ORDERS = Listing(
    key="orders",
    title="Orders",
    permission="orders.view",
    noun=("order", "orders"),
    source=Order.__table__,
    tenant=_order.merchant_id,
    row_key=_order.id,
    windowed=True,
    default_sort="-placed",
    hidden={"currency": _order.currency},
    columns=[
        Column("number", "Order", _order.number, kind="code"),
        Column(
            "placed",
            "Placed",
            _order.placed_at,
            kind="time",
            sort=Sort(_order.id, index="sales_order_pkey", alone=True),
            card=1,
        ),
        Column("customer", "Customer", personal="name"),
        Column("channel", "Channel", _channel_name),
        Column("state", "State", _order.state, kind="state", badge="order", card=2),
        Column("payment", "Payment", _order.payment_state, kind="state", badge="payment"),
        Column("fulfilment", "Fulfilment", _order.fulfilment_state, kind="state", badge="fulfilment"),
        Column("units", "Units", _order.unit_count, kind="number"),
        Column(
            "total",
            "Total",
            _order.total,
            kind="money",
            currency="currency",
            card=3,
            sort=Sort(_order.total, index=None),
        ),
        Column("country", "Country", _order.country_code, kind="code", default=False),
        Column("delivery", "Delivery", _order.delivery, names=lambda: DELIVERY_WORDS, default=False),
        Column("due", "Ship by", _order.due_at, kind="time", default=False),
        Column(
            "refunded", "Refunded", _order.refunded_total, kind="money", currency="currency", default=False
        ),
        Column("hold_reason", "Hold reason", _order.hold_reason, default=False),
        Column("tags", "Tags", default=False),
    ],
    extras=[
        Extra(columns=("customer",), load=buyers_of),
        Extra(columns=("tags",), load=tags_of),
    ],
    filters=[
        ChoiceFilter(
            key="state",
            label="State",
            expression=_order.state,
            options=STATES,
            index="sales_order_merchant_id_state_id_idx",
        ),
        ChoiceFilter(
            key="payment",
            label="Payment",
            expression=_order.payment_state,
            options=PAYMENT_STATES,
            index="sales_order_merchant_id_payment_state_id_idx",
        ),
        ChoiceFilter(
            key="fulfilment",
            label="Fulfilment",
            expression=_order.fulfilment_state,
            options=FULFILMENT_STATES,
            index="sales_order_merchant_id_fulfilment_state_id_idx",
        ),
        ChoiceFilter(
            key="channel",
            label="Channel",
            expression=_order.channel_id,
            convert=int,
            options=channel_choices,
            index="sales_order_merchant_id_channel_id_id_idx",
        ),
        DateFilter(key="placed", label="Placed", expression=_order.id, of="id", index="sales_order_pkey"),
        ChoiceFilter(
            key="country",
            label="Country",
            expression=_order.country_code,
            index="sales_order_merchant_id_country_code_id_idx",
            options=lambda: [(choice.value, choice.label) for choice in country_choices()],
        ),
        TextFilter(
            key="email",
            label="Customer e-mail",
            expression=_contact.email_key,
            normalise=email_key,
            personal=True,
            index="order_contact_merchant_id_email_key_order_id_idx",
            through=_through(_contact),
        ),
        TextFilter(
            key="name",
            label="Customer name",
            expression=_contact.name_key,
            normalise=full_name_key,
            personal=True,
            index="order_contact_merchant_id_name_key_order_id_idx",
            through=_through(_contact),
        ),
        TextFilter(
            key="postcode",
            label="Postcode",
            expression=_contact.postcode_key,
            normalise=postcode_key,
            personal=True,
            index="order_contact_merchant_id_postcode_key_order_id_idx",
            through=_through(_contact),
        ),
        TextFilter(
            key="external",
            label="Number of the channel",
            expression=_ref.external_key,
            normalise=code_key,
            index="order_ref_merchant_id_external_key_idx",
            through=_through(_ref),
        ),
        TextFilter(
            key="tracking",
            label="Tracking number",
            expression=_parcel.tracking_key,
            normalise=tracking_key,
            personal=True,
            index="order_fulfilment_merchant_id_tracking_key_order_id_idx",
            through=_through(_parcel),
        ),
        ChoiceFilter(
            key="parcel",
            label="Parcel",
            expression=_parcel.state,
            options=PARCEL_WORDS,
            index="order_fulfilment_state_idx",
            through=_through(_parcel),
        ),
        TextFilter(key="sku", label="SKU", expression=_line.sku, normalise=code_key, through=_through(_line)),
        TextFilter(
            key="tag",
            label="Tag",
            expression=_tag.tag,
            index="order_tag_merchant_id_tag_order_id_idx",
            through=_through(_tag),
        ),
        ChoiceFilter(
            key="return",
            label="Return",
            expression=_return.state,
            options=RETURN_STATES,
            index="order_return_state_idx",
            through=_through(_return),
        ),
        ChoiceFilter(
            key="assigned",
            label="Looked after by",
            expression=_assignment.user_id,
            convert=int,
            options=lambda: [(str(user_id), name) for user_id, name in workers().items()],
            index="order_assignment_merchant_id_user_id_order_id_idx",
            through=_through(_assignment),
        ),
        ChoiceFilter(key="delivery", label="Delivery", expression=_order.delivery, options=DELIVERY_WORDS),
        ChoiceFilter(
            key="fetched_at",
            label="Collected or taken at",
            expression=_order.delivery_location_id,
            convert=int,
            options=location_choices,
            index="sales_order_delivery_idx",
        ),
        MoneyFilter(key="total", label="Total", expression=_order.total),
        MoneyFilter(key="refunded", label="Refunded", expression=_order.refunded_total),
        NumberFilter(key="units", label="Units", expression=_order.unit_count),
        FlagFilter(
            key="owed",
            label="Money owed to the buyer",
            expression=_order.credit_total > 0,
            index="sales_order_credit_idx",
        ),
        DateFilter(key="due", label="Ship by", expression=_order.due_at),
        FlagFilter(
            key="late",
            label="Late",
            expression=sa.and_(_order.state == "open", _order.due_at < sa.func.now()),
            index="sales_order_due_idx",
        ),
    ],
    link=link_to("orders.order", "number", "number"),
    quick=lambda text: _order.number.in_({code_key(text) or "", text.replace("\0", "").strip()}),
    quick_label="Order number",
    bulk=[
        BulkAction("Hold, release, send, assign, tag", "orders.choose_bulk", "orders.edit"),
        BulkAction("Print documents", "documents.choose_print", "orders.edit"),
    ],
)
