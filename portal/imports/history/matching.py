"""What a cancellation cancels. A credit names no invoice, so it is found by customer, code and quantity.

For each credited row: the latest earlier sale of the same customer, country and code whose uncancelled units are exactly as
many, else the latest with at least as many. The price given back may not exceed the price paid, nor an order's refunds
its total. A credit that fits no sale stands alone, as a credit order of its own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

import sqlalchemy as sa

from portal.core.database import db
from portal.imports.connection import copy_into, execute

_CREDITED = """
    SELECT r.buyer, r.sku_key, r.at, r.row_no, r.invoice, r.quantity, r.unit_price,
           round(r.quantity * r.unit_price, :minor) AS amount, i.total, i.country
    FROM h_row r
    JOIN h_invoice i ON i.invoice = r.invoice
    WHERE NOT i.is_correction AND r.buyer <> '' AND (r.buyer, r.sku_key) IN (
        SELECT c.buyer, c.sku_key FROM h_row c JOIN h_invoice ci ON ci.invoice = c.invoice
        WHERE c.quantity < 0 AND c.buyer <> '' AND NOT ci.is_correction)
    ORDER BY r.buyer, r.sku_key, r.at, r.row_no
"""


@dataclass(slots=True)
class SoldRow:
    """A sale row and how many of its units are not cancelled yet."""

    row_no: int
    invoice: str
    open_units: int
    unit_price: Decimal
    country: str


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """A row of one customer and code, in the order of time; a credit has a quantity below zero."""

    customer: str
    sku_key: str
    at: dt.datetime
    row_no: int
    invoice: str
    quantity: int
    unit_price: Decimal
    amount: Decimal
    total: Decimal
    country: str


@dataclass(frozen=True, slots=True)
class Match:
    """A credited row and the sale row it takes back."""

    row_no: int
    sale_row: int
    amount: Decimal


def match_cancellations(minor: int) -> None:
    """Fill ``h_match`` from ``h_row``; streams, and remembers one customer's sales of one code at a time."""
    execute("DROP TABLE IF EXISTS h_match")
    execute(
        "CREATE TEMP TABLE h_match (row_no integer PRIMARY KEY, sale_row integer NOT NULL, amount numeric NOT NULL)"
    )
    # Read whole before the COPY begins, because one connection does one thing at a time; matches are few and small.
    matches = list(find_matches(_rows(minor)))
    copy_into("h_match", (f"{match.row_no}\t{match.sale_row}\t{match.amount:f}\n" for match in matches))
    execute("ANALYZE h_match")


def find_matches(rows: Iterable[LedgerRow]) -> Iterator[Match]:
    """Match the credits among *rows*, which are sorted by customer, code, time and row."""
    left: dict[str, Decimal] = {}
    for _, group in groupby(rows, key=lambda row: (row.customer, row.sku_key)):
        sold: list[SoldRow] = []
        for row in group:
            if row.quantity > 0:
                sold.append(SoldRow(row.row_no, row.invoice, row.quantity, row.unit_price, row.country))
                left.setdefault(row.invoice, row.total)
                continue
            sale = _cancelled_sale(sold, -row.quantity, row, left)
            if sale is not None:
                sale.open_units += row.quantity
                left[sale.invoice] += row.amount
                yield Match(row.row_no, sale.row_no, -row.amount)


def _cancelled_sale(
    sold: list[SoldRow], units: int, row: LedgerRow, left: dict[str, Decimal]
) -> SoldRow | None:
    def fits(sale: SoldRow) -> bool:
        return (
            sale.country == row.country
            and sale.unit_price >= row.unit_price
            and left[sale.invoice] + row.amount >= 0
        )

    candidates = [sale for sale in reversed(sold) if sale.open_units >= units and fits(sale)]
    exact = next((sale for sale in candidates if sale.open_units == units), None)
    return exact or next(iter(candidates), None)


def _rows(minor: int) -> Iterator[LedgerRow]:
    with db.session.execute(
        sa.text(_CREDITED), {"minor": minor}, execution_options={"yield_per": 5_000}
    ) as result:
        for row in result:
            yield LedgerRow(*row)
