"""Revenue per month, the top 20 products and the top 20 customers of each country: from the CSV, and from the order book.

The CSV side uses ``csv`` and ``Decimal`` and none of the portal's code, so that the two can only agree by being right.

    python -m bench.check_revenue --merchant 7
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, Final

import psycopg

from bench.retail import retail_file, retail_rows

TOP: Final = 20
CENT: Final = Decimal("0.01")
NO_PRODUCTS: Final = {"POST", "DOT", "C2", "BANK CHARGES", "AMAZONFEE", "D", "M", "S", "B", "PADS", "CRUK"}

Table = dict[str, Decimal]


@dataclass(slots=True)
class Figures:
    """Sums by month, and by product and customer within each country."""

    months: Table = field(default_factory=lambda: defaultdict(Decimal))
    products: dict[str, Table] = field(default_factory=lambda: defaultdict(lambda: defaultdict(Decimal)))
    customers: dict[str, Table] = field(default_factory=lambda: defaultdict(lambda: defaultdict(Decimal)))

    def tops(self) -> tuple[dict[str, list[tuple[str, Decimal]]], dict[str, list[tuple[str, Decimal]]]]:
        """The largest of each country, equal sums by name."""
        return (
            {country: _top(table) for country, table in self.products.items()},
            {country: _top(table) for country, table in self.customers.items()},
        )


def from_csv(path: Path) -> Figures:
    """Every row counts in its own month; money is rounded line by line, as it was charged."""
    found = Figures()
    for row in retail_rows(path):
        amount = (int(row["Quantity"]) * Decimal(row["UnitPrice"])).quantize(CENT, ROUND_HALF_UP)
        code = row["StockCode"].strip().upper()
        found.months[row["InvoiceDate"][:7]] += amount
        if amount and code not in NO_PRODUCTS and not code.startswith("GIFT_"):
            found.products[row["Country"]][code] += amount
        if amount and row["CustomerID"]:
            found.customers[row["Country"]][row["CustomerID"].removesuffix(".0")] += amount
    return found


_MONEY: Final = """
    SELECT to_char(at AT TIME ZONE 'Europe/London', 'YYYY-MM') AS month, sum(amount) FROM (
        SELECT placed_at AS at, total AS amount FROM sales_order WHERE merchant_id = %(merchant)s
        UNION ALL
        SELECT at, -amount FROM order_refund WHERE merchant_id = %(merchant)s) money
    GROUP BY month
"""
_PRODUCTS: Final = """
    SELECT country, code, sum(amount) FROM (
        SELECT o.source_country AS country, upper(l.sku) AS code, l.line_total - coalesce(b.amount, 0) AS amount,
               l.line_total <> 0 AS has_money
        FROM order_line l
        JOIN sales_order o ON o.merchant_id = l.merchant_id AND o.id = l.order_id
        LEFT JOIN (SELECT order_id, line_n, sum(amount) AS amount FROM order_refund_line WHERE merchant_id = %(merchant)s
                   GROUP BY order_id, line_n) b ON b.order_id = l.order_id AND b.line_n = l.n
        WHERE l.merchant_id = %(merchant)s) lines
    WHERE has_money GROUP BY country, code
"""
_CUSTOMERS: Final = """
    SELECT country, number, sum(amount) FROM (
        SELECT o.source_country AS country, c.external_id AS number, o.total AS amount
        FROM sales_order o JOIN customer c ON c.merchant_id = o.merchant_id AND c.id = o.customer_id
        WHERE o.merchant_id = %(merchant)s
        UNION ALL
        SELECT o.source_country, c.external_id, -r.amount
        FROM order_refund r JOIN sales_order o ON o.merchant_id = r.merchant_id AND o.id = r.order_id
        JOIN customer c ON c.merchant_id = o.merchant_id AND c.id = o.customer_id
        WHERE r.merchant_id = %(merchant)s) money
    GROUP BY country, number
"""


def from_orders(connection: psycopg.Connection[Any], merchant_id: int) -> Figures:
    """The same from orders, lines and refunds."""
    found = Figures()
    values = {"merchant": merchant_id}
    for month, amount in connection.execute(_MONEY, values):
        found.months[month] += amount
    for country, code, amount in connection.execute(_PRODUCTS, values):
        found.products[country][code] += amount
    for country, number, amount in connection.execute(_CUSTOMERS, values):
        found.customers[country][number] += amount
    return found


def differences(csv_side: Figures, book_side: Figures) -> list[str]:
    """What the two do not agree on, in words; empty when they agree."""
    told = [
        f"{month}: CSV {csv_side.months.get(month)}, order book {book_side.months.get(month)}"
        for month in sorted({*csv_side.months, *book_side.months})
        if csv_side.months.get(month) != book_side.months.get(month)
    ]
    for name, ours, theirs in zip(("products", "customers"), csv_side.tops(), book_side.tops(), strict=True):
        told += [
            f"Top {name} of {country} differ: {ours.get(country, [])[:3]} … {theirs.get(country, [])[:3]} …"
            for country in sorted({*ours, *theirs})
            if ours.get(country) != theirs.get(country)
        ]
    return told


def _top(table: Table) -> list[tuple[str, Decimal]]:
    return sorted(
        ((name, amount.quantize(CENT)) for name, amount in table.items()),
        key=lambda item: (-item[1], item[0]),
    )[:TOP]


def main() -> int:
    """Compare and say so."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--merchant", type=int, required=True, help="whose orders hold the import")
    given = parser.parse_args()
    csv_side = from_csv(retail_file())
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"]) as connection:
        told = differences(csv_side, from_orders(connection, given.merchant))
    for month, amount in sorted(csv_side.months.items()):
        print(f"{month} {amount:>14,.2f}")
    print(f"countries: {len(csv_side.products)}, differences: {len(told)}")
    for line in told:
        print(line, file=sys.stderr)
    return 1 if told else 0


if __name__ == "__main__":
    raise SystemExit(main())
