"""Orders as programs see them, each read in one statement."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.ids import floor_at, public_id
from portal.core.money import minor_units

# The newest orders are asked for most, and stand in few partitions.
WINDOWS: Final = (dt.timedelta(days=31), dt.timedelta(days=366))


def order_document(order_id: int, channel_id: int | None) -> dict[str, Any] | None:
    """An order of the channel (of any when None) as the API sends it; None when there is none."""
    row = (
        db.session.execute(
            _ORDER, {"merchant": current_merchant_id(), "order": order_id, "channel": channel_id}
        )
        .mappings()
        .one_or_none()
    )
    if row is None:
        return None
    money = _Money(row["currency"])
    return {
        "id": public_id("ord", row["id"]),
        "number": row["number"],
        "external_id": row["external_id"],
        "state": row["state"],
        "hold_reason": row["hold_reason"],
        "payment_state": row["payment_state"],
        "fulfilment_state": row["fulfilment_state"],
        "placed_at": _time(row["placed_at"]),
        "currency": row["currency"],
        "prices_include_tax": row["tax_inclusive"],
        "tax_treatment": row["tax_treatment"],
        "delivery": {"method": row["delivery"], "location": row["location"]},
        "totals": {
            name: money(row[column])
            for name, column in (
                ("items", "items_total"),
                ("charges", "charges_total"),
                ("discounts", "discount_total"),
                ("tax", "tax_total"),
                ("total", "total"),
                ("captured", "captured_total"),
                ("refunded", "refunded_total"),
            )
        },
        "lines": [_line(line, money) for line in row["lines"] or ()],
        "charges": [
            {**each, "amount": money(each["amount"]), "tax": money(each["tax"])}
            for each in row["charges"] or ()
        ],
        "payments": [
            {**each, "amount": money(each["amount"]), "captured": money(each["captured"])}
            for each in row["payments"] or ()
        ],
    }


def orders_before(
    cursor: int | None,
    *,
    limit: int,
    channel_id: int | None,
    state: str | None,
    placed_after: dt.datetime | None,
    external_id: str | None,
) -> tuple[list[dict[str, Any]], int | None]:
    """A page of orders, newest first, and the cursor of the next one; None when this is the last."""
    below = cursor if cursor is not None else floor_at(utc_now() + dt.timedelta(days=2))
    values = {
        "merchant": current_merchant_id(),
        "channel": channel_id,
        "state": state,
        "external_id": external_id,
        "below": below,
        "most": limit + 1,
    }
    floor = floor_at(max(placed_after, _FIRST)) if placed_after is not None else 0
    rows: Sequence[sa.RowMapping] = ()
    for lowest in _lowest(below, floor):
        statement = _LIST_BY_NUMBER if external_id is not None else _LIST
        rows = db.session.execute(statement, values | {"from": lowest}).mappings().all()
        if len(rows) > limit:
            break
    page = [_summary(row) for row in rows[:limit]]
    return page, rows[limit - 1]["id"] if len(rows) > limit else None


class _Money:
    """Amounts as texts with the decimals of their currency."""

    def __init__(self, currency: str) -> None:
        self._places = minor_units(currency)

    def __call__(self, amount: Any) -> str:
        return f"{Decimal(amount):.{self._places}f}"


def _line(line: Mapping[str, Any], money: _Money) -> dict[str, Any]:
    return {
        **line,
        "unit_price": _plain(line["unit_price"]),
        "tax_rate": _plain(line["tax_rate"]),
        "discount": money(line["discount"]),
        "tax": money(line["tax"]),
        "total": money(line["total"]),
    }


def _summary(row: sa.RowMapping) -> dict[str, Any]:
    return {
        "id": public_id("ord", row["id"]),
        **{
            name: row[name]
            for name in ("number", "external_id", "state", "payment_state", "fulfilment_state", "currency")
        },
        "placed_at": _time(row["placed_at"]),
        "total": _Money(row["currency"])(row["total"]),
    }


def _lowest(below: int, floor: int) -> list[int]:
    now = utc_now()
    windows = [floor_at(now - window) for window in WINDOWS]
    return [*(lowest for lowest in windows if floor < lowest < below), floor]


def _plain(number: Any) -> str:
    text = f"{Decimal(number):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _time(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


_FIRST: Final = dt.datetime(1990, 1, 1, tzinfo=dt.UTC)

_ORDER: Final = sa.text("""
    SELECT o.id, o.number, f.external_id, o.state, o.hold_reason, o.payment_state, o.fulfilment_state, o.placed_at, o.currency,
           o.tax_inclusive, o.tax_treatment, o.items_total, o.charges_total, o.discount_total, o.tax_total, o.total,
           o.captured_total, o.refunded_total, o.delivery,
           (SELECT p.code FROM location AS p WHERE p.merchant_id = :merchant AND p.id = o.delivery_location_id) AS location,
           (SELECT jsonb_agg(jsonb_build_object('n', l.n, 'sku', l.sku, 'title', l.title, 'quantity', l.quantity,
                       'unit_price', l.unit_price::text, 'discount', l.discount::text, 'tax_rate', l.tax_rate::text,
                       'tax', l.tax_amount::text, 'total', l.line_total::text, 'allocated', l.allocated_quantity,
                       'fulfilled', l.fulfilled_quantity, 'cancelled', l.cancelled_quantity,
                       'returned', l.returned_quantity) ORDER BY l.n)
            FROM order_line AS l WHERE l.merchant_id = :merchant AND l.order_id = :order) AS lines,
           (SELECT jsonb_agg(jsonb_build_object('kind', c.kind, 'label', c.label, 'amount', c.amount::text,
                       'tax', c.tax_amount::text) ORDER BY c.n)
            FROM order_charge AS c WHERE c.merchant_id = :merchant AND c.order_id = :order) AS charges,
           (SELECT jsonb_agg(jsonb_build_object('n', p.n, 'method', p.method, 'state', p.state, 'amount', p.amount::text,
                       'captured', p.captured_amount::text) ORDER BY p.n)
            FROM order_payment AS p WHERE p.merchant_id = :merchant AND p.order_id = :order) AS payments
    FROM sales_order AS o JOIN order_ref AS f ON f.merchant_id = o.merchant_id AND f.order_id = o.id
    WHERE o.merchant_id = :merchant AND o.id = :order
      AND (CAST(:channel AS bigint) IS NULL OR o.channel_id = :channel)""")

_HEADS: Final = """
    SELECT o.id, o.number, f.external_id, o.state, o.payment_state, o.fulfilment_state, o.placed_at, o.currency, o.total
    FROM {source}
    WHERE o.merchant_id = :merchant AND f.merchant_id = :merchant AND o.id < :below AND o.id >= :from
      AND (CAST(:channel AS bigint) IS NULL OR o.channel_id = :channel)
      AND (CAST(:state AS text) IS NULL OR o.state = :state) {more}
    ORDER BY o.id DESC LIMIT :most"""
_JOINED: Final = "sales_order AS o JOIN order_ref AS f ON f.merchant_id = o.merchant_id AND f.order_id = o.id"
_LIST: Final = sa.text(_HEADS.format(source=_JOINED, more=""))
_LIST_BY_NUMBER: Final = sa.text(_HEADS.format(source=_JOINED, more="AND f.external_id = :external_id"))
