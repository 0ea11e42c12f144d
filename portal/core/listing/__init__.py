"""The list kit: declare a list once and get filters, sort, columns, keyset paging, saved views, export and bulk selection.

    ORDERS = register_listing(Listing(
        key="orders", title="Orders", permission="orders.view", noun=("order", "orders"),
        source=Order.__table__, tenant=o.merchant_id, row_key=o.id, windowed=True, default_sort="-placed",
        columns=[Column("number", "Order", o.number, kind="code"),
                 Column("placed", "Placed", o.placed_at, kind="time", sort=Sort(o.id, index="sales_order_pkey", alone=True))],
        filters=[ChoiceFilter(key="state", label="State", expression=o.state, options=STATES, index="sales_order_…_idx"),
                 DateFilter(key="placed", label="Placed", expression=o.id, of="id", index="sales_order_pkey")],
        link=lambda row: url_for("orders.order", number=row["number"]),
    ))

    @blueprint.get("/")
    @requires("orders.view")
    def orders():
        return show_list(ORDERS, "orders/orders.html")     # the template includes "components/list.html"

One file per subject: `declaration` (Listing), `columns`, `filters` and `dates`, `state` (the URL), `statements` (SQL), `cursor`,
`page` and `cells` (what the templates read), `views` (saved views), `walking` (next, previous, all keys), `registry`, `answers`.
"""

from portal.core.listing.answers import show_list
from portal.core.listing.columns import Column, Extra, Sort
from portal.core.listing.declaration import BulkAction, Listing, link_to
from portal.core.listing.filters import (
    ChoiceFilter,
    DateFilter,
    Filter,
    FilterValueError,
    FlagFilter,
    MoneyFilter,
    NumberFilter,
    TextFilter,
)
from portal.core.listing.page import Page, Viewer
from portal.core.listing.registry import listing_named, listings, register_listing
from portal.core.listing.statements import CAP, among, execute
from portal.core.listing.walking import (
    Selection,
    first_keys,
    frozen_keys,
    list_address,
    neighbours,
    selection_of,
    sentence_of,
)

__all__ = [
    "CAP",
    "BulkAction",
    "ChoiceFilter",
    "Column",
    "DateFilter",
    "Extra",
    "Filter",
    "FilterValueError",
    "FlagFilter",
    "Listing",
    "MoneyFilter",
    "NumberFilter",
    "Page",
    "Selection",
    "Sort",
    "TextFilter",
    "Viewer",
    "among",
    "execute",
    "first_keys",
    "frozen_keys",
    "link_to",
    "list_address",
    "listing_named",
    "listings",
    "neighbours",
    "register_listing",
    "selection_of",
    "sentence_of",
    "show_list",
]
