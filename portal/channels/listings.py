"""The lists of channels: the articles of one shop, and the orders it sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from flask import request, url_for

from portal.catalog.models import Variant
from portal.channels.models import ChannelAccount, ChannelInboundOrder, ChannelListing
from portal.channels.queries import order_numbers
from portal.core import formats
from portal.core.clock import utc_now
from portal.core.listing import (
    BulkAction,
    ChoiceFilter,
    Column,
    DateFilter,
    Extra,
    FlagFilter,
    Listing,
    Sort,
    TextFilter,
)
from portal.core.normalise import code_key

ARTICLE_STATES = [
    ("in_step", "In step"),
    ("waiting", "Waiting"),
    ("unknown", "Asking the shop"),
    ("failed", "Failed, tried again"),
    ("dead", "Given up"),
    ("unmatched", "Not matched"),
    ("ignored", "Ignored"),
]
INBOUND_STATES = [
    ("applied", "Applied"),
    ("held", "On hold"),
    ("failed", "Failed, tried again"),
    ("dead", "Given up"),
    ("ignored", "Not an order"),
    ("received", "Received"),
]

_account = ChannelAccount.__table__.c
_article = ChannelListing.__table__.c
_variant = Variant.__table__.c
_inbound = ChannelInboundOrder.__table__.c


def of_this_account(column: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """Both lists stand under the address of one account and read nothing of another."""
    condition: sa.ColumnElement[bool] = column == (request.view_args or {}).get("account_id", 0)
    return condition


def lag_words(row: Mapping[str, Any]) -> str | None:
    """How long the shop has been without what it should show."""
    if row["wanted_version"] <= row["acknowledged_version"] or row["wanted_at"] is None:
        return None
    return formats.duration(max(0, int((utc_now() - row["wanted_at"]).total_seconds())))


ARTICLES = Listing(
    key="channel-articles",
    title="Articles",
    permission="channels.view",
    noun=("article", "articles"),
    source=ChannelListing.__table__.join(
        ChannelAccount.__table__,
        sa.and_(_account.merchant_id == _article.merchant_id, _account.id == _article.account_id),
    ).outerjoin(
        Variant.__table__,
        sa.and_(_variant.merchant_id == _article.merchant_id, _variant.id == _article.variant_id),
    ),
    tenant=_article.merchant_id,
    row_key=_article.id,
    exportable=False,
    default_sort="article",
    always=lambda: [of_this_account(_article.account_id)],
    hidden={
        "account_id": _article.account_id,
        "currency": _account.price_currency,
        "wanted_at": _article.wanted_at,
        "wanted_version": _article.wanted_version,
        "acknowledged_version": _article.acknowledged_version,
    },
    columns=[
        Column(
            "article",
            "Article",
            _article.remote_name,
            sort=Sort(_article.id, index="channel_listing_pkey", alone=True),
        ),
        Column("remote_sku", "SKU there", _article.remote_sku, kind="code", default=False),
        Column("sku", "Our SKU", _variant.sku, kind="code"),
        Column("state", "State", _article.state, kind="state", badge="channel", card=1),
        Column("paused", "Paused", _article.is_paused, kind="flag", default=False),
        Column("wanted_stock", "Stock wanted", _article.wanted_stock, kind="number", card=2),
        Column("sent_stock", "Sent", _article.sent_stock, kind="number"),
        Column("acknowledged_stock", "Confirmed", _article.acknowledged_stock, kind="number"),
        Column("wanted_price", "Price wanted", _article.wanted_price, kind="money", currency="currency"),
        Column(
            "sent_price", "Price sent", _article.sent_price, kind="money", currency="currency", default=False
        ),
        Column(
            "acknowledged_price",
            "Price confirmed",
            _article.acknowledged_price,
            kind="money",
            currency="currency",
            default=False,
        ),
        Column("lag", "Behind by", text=lag_words),
        Column("error", "Last error", _article.last_error, card=3),
        Column("retry", "Next try", _article.next_try_at, kind="time", default=False),
    ],
    filters=[
        ChoiceFilter(
            key="state",
            label="State",
            expression=_article.state,
            options=ARTICLE_STATES,
            index="channel_listing_merchant_id_account_id_state_id_idx",
        ),
        TextFilter(
            key="sku",
            label="SKU there",
            expression=_article.remote_sku_key,
            normalise=code_key,
            index="channel_listing_merchant_id_account_id_remote_sku_key_idx",
        ),
        FlagFilter(key="paused", label="Paused", expression=_article.is_paused),
        FlagFilter(key="missing", label="Gone from the shop", expression=_article.is_missing),
    ],
    link=lambda row: url_for("channels.article", account_id=row["account_id"], listing_id=row["row_key"]),
    quick=lambda text: sa.or_(_article.remote_sku_key == code_key(text), _variant.sku_key == code_key(text)),
    quick_label="SKU",
    empty=(
        "The shop was not read yet. Compare it once, and its articles stand here with what each is in your catalogue.",
        None,
        None,
    ),
    bulk=[
        BulkAction("Push now", "channels.push_articles", "channels.edit"),
        BulkAction("Pause", "channels.pause_articles", "channels.edit"),
        BulkAction("Resume", "channels.resume_articles", "channels.edit"),
    ],
)


def articles_of(account_id: int) -> Listing:
    """The articles of one account for a job, which stands under no address."""
    return replace(ARTICLES, always=lambda: [_article.account_id == account_id])


INBOUND = Listing(
    key="channel-orders",
    title="Orders received",
    permission="channels.view",
    noun=("order", "orders"),
    source=ChannelInboundOrder.__table__,
    tenant=_inbound.merchant_id,
    row_key=_inbound.id,
    exportable=False,
    default_sort="-seen",
    always=lambda: [of_this_account(_inbound.account_id)],
    hidden={"account_id": _inbound.account_id},
    columns=[
        Column(
            "number",
            "Number there",
            sa.func.coalesce(sa.func.nullif(_inbound.external_number, ""), _inbound.external_id),
            kind="code",
        ),
        Column("id", "Id there", _inbound.external_id, kind="code", default=False),
        Column("state", "State", _inbound.state, kind="state", badge="channel", card=1),
        Column("status", "Status there", _inbound.external_status, card=2),
        Column("order", "Our order", kind="code"),
        Column("reason", "Reason", _inbound.reason, card=3),
        Column(
            "seen",
            "First seen",
            _inbound.first_seen_at,
            kind="time",
            sort=Sort(_inbound.id, index="channel_inbound_order_pkey", alone=True),
        ),
        Column("applied", "Applied", _inbound.applied_at, kind="time", default=False),
        Column("retry", "Next try", _inbound.next_try_at, kind="time"),
    ],
    extras=[Extra(columns=("order",), load=order_numbers)],
    filters=[
        ChoiceFilter(
            key="state",
            label="State",
            expression=_inbound.state,
            options=INBOUND_STATES,
            index="channel_inbound_order_merchant_id_account_id_state_id_idx",
        ),
        TextFilter(key="number", label="Number there", expression=_inbound.external_number),
        DateFilter(key="seen", label="First seen", expression=_inbound.first_seen_at),
    ],
    link=lambda row: url_for(
        "channels.inbound_order", account_id=row["account_id"], inbound_id=row["row_key"]
    ),
    quick=lambda text: sa.or_(_inbound.external_id == text.strip(), _inbound.external_number == text.strip()),
    quick_label="Number there",
    empty=("Orders of this shop arrive here by themselves once the channel is switched on.", None, None),
)
