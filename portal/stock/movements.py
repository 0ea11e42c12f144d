"""The list of movements: all variants and locations, newest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from flask import url_for

from portal.catalog.models import Product, Variant
from portal.core import formats
from portal.core.database import current_merchant_id
from portal.core.listing import ChoiceFilter, Column, DateFilter, Extra, Listing, Sort, TextFilter, execute
from portal.core.normalise import code_key
from portal.stock import queries
from portal.stock.causes import causes_of
from portal.stock.ledger import people_of
from portal.stock.listings import location_choices
from portal.stock.models import StockMovement

KIND_WORDS: Final = {
    "opening": "Opening balance",
    "history_end": "End of imported history",
    "received": "Received",
    "sold": "Sold",
    "returned": "Returned",
    "adjusted": "Adjusted",
    "counted": "Counted",
    "transferred": "Moved",
    "written_off": "Written off",
    "reserved": "Reserved",
    "released": "Released",
    "allocated": "Allocated to an order",
    "deallocated": "No longer allocated",
    "quarantined": "Set aside",
    "unquarantined": "Put back",
    "expected": "Expected",
    "repaired": "Repaired",
}

COUNTER_WORDS: Final = {
    "on_hand": "on hand",
    "allocated": "allocated",
    "reserved": "reserved",
    "unavailable": "unavailable",
    "incoming": "incoming",
}

_moved = StockMovement.__table__.c
_variant = Variant.__table__.c
_product = Product.__table__.c


def reason_choices() -> list[tuple[str, str]]:
    """The merchant's reasons, those that are offered no more among them."""
    return [(str(reason.id), reason.label) for reason in queries.reasons()]


def change_words(row: Mapping[str, Any]) -> str | None:
    """What a movement changed: "+12 on hand, −12 incoming"."""
    changed = ((formats.change(row[f"{counter}_delta"]), words) for counter, words in COUNTER_WORDS.items())
    return ", ".join(f"{units} {words}" for units, words in changed if units) or None


def causes_of_page(keys: Sequence[int]) -> Mapping[int, Mapping[str, Any]]:
    """What each movement of a page came from, and who made it."""
    rows = execute(
        sa.select(_moved.id, _moved.cause_kind, _moved.cause_id, _moved.actor_kind, _moved.actor_id).where(
            _moved.merchant_id == current_merchant_id(),
            _moved.id.in_(keys),
            _moved.id.between(min(keys), max(keys)),
        )
    ).all()
    causes = causes_of((row.cause_kind, row.cause_id) for row in rows)
    people = people_of(rows)
    return {
        row.id: {"cause": causes[row.cause_kind, row.cause_id].words, "who": people[row.id]} for row in rows
    }


MOVEMENTS = Listing(
    key="stock-movements",
    title="Movements",
    permission="stock.view",
    noun=("movement", "movements"),
    source=StockMovement.__table__.join(
        Variant.__table__,
        sa.and_(_variant.merchant_id == _moved.merchant_id, _variant.id == _moved.variant_id),
    ).join(
        Product.__table__,
        sa.and_(_product.merchant_id == _variant.merchant_id, _product.id == _variant.product_id),
    ),
    tenant=_moved.merchant_id,
    row_key=_moved.id,
    windowed=True,
    default_sort="-at",
    hidden={
        "variant_id": _moved.variant_id,
        "location_id": _moved.location_id,
        **{f"{counter}_delta": _moved[f"{counter}_delta"] for counter in COUNTER_WORDS},
    },
    columns=[
        Column("sku", "SKU", _variant.sku, kind="code"),
        Column(
            "at",
            "When",
            sa.func.id_time(_moved.id),
            kind="time",
            sort=Sort(_moved.id, index="stock_movement_pkey", alone=True),
        ),
        Column("product", "Product", _product.title, default=False),
        Column("location", "Location", _moved.location_id, names=location_choices, card=1),
        Column(
            "kind", "What", _moved.kind, text=lambda row: KIND_WORDS.get(row["kind"], row["kind"]), card=2
        ),
        Column("change", "Change", text=change_words, card=3),
        Column("on_hand", "On hand", _moved.on_hand_delta, kind="change", default=False),
        Column("allocated", "Allocated", _moved.allocated_delta, kind="change", default=False),
        Column("reserved", "Reserved", _moved.reserved_delta, kind="change", default=False),
        Column("unavailable", "Unavailable", _moved.unavailable_delta, kind="change", default=False),
        Column("incoming", "Incoming", _moved.incoming_delta, kind="change", default=False),
        Column("reason", "Reason", _moved.reason_id, names=reason_choices),
        Column("cause", "Cause"),
        Column("who", "By"),
    ],
    extras=[Extra(columns=("cause", "who"), load=causes_of_page)],
    filters=[
        TextFilter(
            key="sku",
            label="SKU",
            expression=_variant.sku_key,
            normalise=code_key,
            index="variant_merchant_id_sku_key_key",
        ),
        ChoiceFilter(
            key="location",
            label="Location",
            expression=_moved.location_id,
            convert=int,
            options=location_choices,
        ),
        ChoiceFilter(key="kind", label="What", expression=_moved.kind, options=list(KIND_WORDS.items())),
        ChoiceFilter(
            key="reason", label="Reason", expression=_moved.reason_id, convert=int, options=reason_choices
        ),
        DateFilter(key="at", label="When", expression=_moved.id, of="id", index="stock_movement_pkey"),
    ],
    link=lambda row: url_for("stock.ledger", variant_id=row["variant_id"], location_id=row["location_id"]),
    quick=lambda text: _variant.sku_key == code_key(text),
    quick_label="SKU",
    empty=("Every change of stock is listed here: sales, deliveries, counts and corrections.", None, None),
)
