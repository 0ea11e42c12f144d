"""Decide, in SQL over the staged rows, what each row becomes. Writes temporary tables only.

``h_order`` holds the orders with their status, ``h_line`` the rows that make lines and charges, ``h_refund`` the credits
that found their sale, ``h_correction`` the stock corrections, ``h_sku`` and ``h_customer`` the codes and customers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from portal.core.database import current_merchant_id
from portal.core.money import minor_units
from portal.imports.connection import execute
from portal.imports.history.matching import match_cancellations
from portal.imports.history.staging import HistoryOptions

BATCH_ROWS: Final = 6_000

_INVOICES: Final = (
    "DROP TABLE IF EXISTS h_invoice, h_order, h_line, h_refund, h_correction",
    "ANALYZE h_row",
    """CREATE TEMP TABLE h_invoice AS
       SELECT g.*, f.at, f.country FROM (
           SELECT invoice, min(row_no) AS first_row, count(*)::integer AS row_count, min(buyer) AS buyer,
                  bool_and(unit_price = 0) AND max(buyer) = '' AS is_correction,
                  min(buyer) <> max(buyer) AS is_mixed, sum(round(quantity * unit_price, :minor)) AS total
           FROM h_row GROUP BY invoice
       ) g JOIN h_row f ON f.row_no = g.first_row""",
    """INSERT INTO h_reject (row_no, invoice, reason, amount)
       SELECT r.row_no, r.invoice, 'belongs to an order whose row ' || bad.row_no || ' was refused', r.quantity * r.unit_price
       FROM h_row r
       JOIN h_invoice i ON i.invoice = r.invoice AND NOT i.is_correction
       JOIN (SELECT invoice, min(row_no) AS row_no FROM h_reject WHERE invoice IS NOT NULL GROUP BY invoice) bad
         ON bad.invoice = r.invoice""",
    """INSERT INTO h_reject (row_no, invoice, reason, amount)
       SELECT r.row_no, r.invoice, 'belongs to an order that names more than one customer', r.quantity * r.unit_price
       FROM h_row r JOIN h_invoice i ON i.invoice = r.invoice AND i.is_mixed
       WHERE NOT EXISTS (SELECT FROM h_reject x WHERE x.row_no = r.row_no)""",
    """INSERT INTO h_reject (row_no, invoice, reason, amount)
       SELECT r.row_no, r.invoice, 'has no price, no customer and a code that is no stock, so it is neither a sale nor a correction', 0
       FROM h_row r JOIN h_invoice i ON i.invoice = r.invoice AND i.is_correction
       WHERE r.charge IS NOT NULL AND NOT EXISTS (SELECT FROM h_reject x WHERE x.row_no = r.row_no)""",
)

_DROP_REJECTED: Final = "DELETE FROM h_row r USING h_reject x WHERE x.row_no = r.row_no"

_ORDERS: Final = (
    "DELETE FROM h_invoice i WHERE NOT EXISTS (SELECT FROM h_row r WHERE r.invoice = i.invoice)",
    """CREATE TEMP TABLE h_order AS
       SELECT g.*, coalesce(back.amount, 0) AS refunded_total, CAST(NULL AS text) AS status, CAST(NULL AS bigint) AS order_id,
              CAST(NULL AS integer) AS batch
       FROM (
           SELECT i.invoice, :prefix || i.invoice AS number, i.first_row, i.at, i.buyer, i.country,
                  coalesce(sum(a.amount) FILTER (WHERE r.charge IS NULL), 0) AS items_total,
                  coalesce(sum(a.amount) FILTER (WHERE r.charge IS NOT NULL AND NOT (r.charge = 'discount' AND a.amount < 0)), 0)
                      AS charges_total,
                  coalesce(-sum(a.amount) FILTER (WHERE r.charge = 'discount' AND a.amount < 0), 0) AS discount_total,
                  coalesce(sum(a.amount), 0) AS total,
                  (count(*) FILTER (WHERE r.charge IS NULL))::integer AS line_count,
                  (coalesce(sum(r.quantity) FILTER (WHERE r.charge IS NULL), 0))::integer AS unit_count,
                  count(*)::integer AS row_count
           FROM h_invoice i
           JOIN h_row r ON r.invoice = i.invoice
           CROSS JOIN LATERAL (SELECT round(r.quantity * r.unit_price, :minor) AS amount) a
           LEFT JOIN h_match m ON m.row_no = r.row_no
           WHERE NOT i.is_correction AND m.row_no IS NULL
           GROUP BY i.invoice, i.first_row, i.at, i.buyer, i.country
       ) g
       LEFT JOIN (
           SELECT s.invoice, sum(m.amount) AS amount FROM h_match m JOIN h_row s ON s.row_no = m.sale_row GROUP BY s.invoice
       ) back ON back.invoice = g.invoice""",
    "CREATE UNIQUE INDEX ON h_order (invoice)",
    "ANALYZE h_order",
    """UPDATE h_order o SET order_id = ref.order_id,
              status = CASE
                  WHEN so.import_id = :import_id THEN 'mine'
                  WHEN so.id IS NULL OR (so.total = o.total AND so.line_count = o.line_count
                                            AND so.refunded_total >= o.refunded_total) THEN 'same'
                  ELSE 'differs' END
       FROM order_ref ref
       LEFT JOIN sales_order so ON so.merchant_id = :merchant AND so.id = ref.order_id
       WHERE ref.merchant_id = :merchant AND ref.channel_id = :channel AND ref.external_id = o.invoice""",
    """UPDATE h_order o SET status = 'taken' FROM order_ref ref
       WHERE o.status IS NULL AND ref.merchant_id = :merchant AND ref.number = o.number""",
    "UPDATE h_order SET status = 'new', order_id = new_id(at) WHERE status IS NULL",
    """UPDATE h_order o SET batch = b.batch FROM (
           SELECT invoice, (sum(row_count) OVER (ORDER BY at, first_row) / :batch_rows)::integer AS batch
           FROM h_order WHERE status = 'new') b
       WHERE b.invoice = o.invoice""",
    """INSERT INTO h_reject (row_no, invoice, reason, amount)
       SELECT r.row_no, r.invoice,
              CASE WHEN o.status = 'taken' THEN 'carries a number that another order already has; give the import a prefix'
                   ELSE 'belongs to an order that stands already with other content; an import never rewrites an order' END,
              r.quantity * r.unit_price
       FROM h_row r
       LEFT JOIN h_match m ON m.row_no = r.row_no
       LEFT JOIN h_row s ON s.row_no = m.sale_row
       JOIN h_order o ON o.invoice = coalesce(s.invoice, r.invoice) AND o.status IN ('differs', 'taken')""",
    "DELETE FROM h_order WHERE status IN ('differs', 'taken')",
    "DELETE FROM h_match m USING h_reject x WHERE x.row_no = m.row_no",
)

_LINES: Final = (
    """CREATE TEMP TABLE h_line AS
       SELECT o.batch, o.order_id, r.row_no, r.invoice, r.sku_key, r.code, r.charge, r.description, r.quantity, r.at, r.unit_price,
              round(r.quantity * r.unit_price, :minor) AS amount,
              (row_number() OVER (PARTITION BY r.invoice, r.charge IS NULL ORDER BY r.row_no))::integer AS n
       FROM h_order o
       JOIN h_row r ON r.invoice = o.invoice
       LEFT JOIN h_match m ON m.row_no = r.row_no
       WHERE o.status IN ('new', 'mine') AND m.row_no IS NULL
       ORDER BY o.batch, o.at, r.row_no""",
    "CREATE INDEX ON h_line (batch)",
    "CREATE INDEX ON h_line (row_no)",
    "ANALYZE h_line",
    """CREATE TEMP TABLE h_refund AS
       SELECT l.batch, l.order_id, c.row_no, c.invoice AS credit, c.at, c.sku_key, -c.quantity AS quantity, m.amount, c.charge,
              l.n AS line_n,
              (dense_rank() OVER (PARTITION BY l.order_id ORDER BY ci.at, ci.first_row))::integer AS n
       FROM h_match m
       JOIN h_line l ON l.row_no = m.sale_row
       JOIN h_row c ON c.row_no = m.row_no
       JOIN h_invoice ci ON ci.invoice = c.invoice""",
    "CREATE INDEX ON h_refund (batch)",
    """CREATE TEMP TABLE h_correction AS
       SELECT r.row_no, r.invoice, r.sku_key, r.code, r.description, r.quantity, r.at,
              CASE WHEN known.number IS NULL THEN 'new' WHEN known.is_mine THEN 'mine' ELSE 'same' END AS status
       FROM h_row r
       JOIN h_invoice i ON i.invoice = r.invoice AND i.is_correction
       LEFT JOIN (
           SELECT number, bool_or(c.import_id = :import_id) AS is_mine
           FROM import_change c CROSS JOIN LATERAL jsonb_array_elements_text(c.after -> 'corrections') AS number
           WHERE c.merchant_id = :merchant AND c.entity = 'stock_history' AND NOT c.is_undone
           GROUP BY number
       ) known ON known.number = r.invoice""",
    "ANALYZE h_refund",
    "ANALYZE h_correction",
)


def settle(import_id: int, channel_id: int, options: HistoryOptions, commit: Callable[[], None]) -> None:
    """Fill the tables above from ``h_row`` and ``h_reject``; refused rows leave ``h_row``.

    Args:
        commit: ends the transaction after every step: temporary tables outlive it, and nobody waits for us.
    """
    values = {
        "merchant": current_merchant_id(),
        "import_id": import_id,
        "channel": channel_id,
        "minor": minor_units(options.currency),
        "prefix": options.number_prefix,
        "batch_rows": BATCH_ROWS,
    }
    _run(_INVOICES, values, commit)
    execute(_DROP_REJECTED)
    commit()
    if options.state == "open":
        # An open order has no money to give back yet: its credits stand alone.
        execute("DROP TABLE IF EXISTS h_match")
        execute(
            "CREATE TEMP TABLE h_match (row_no integer PRIMARY KEY, sale_row integer NOT NULL, amount numeric NOT NULL)"
        )
    else:
        match_cancellations(minor_units(options.currency))
    commit()
    _run(_ORDERS, values, commit)
    execute(_DROP_REJECTED)
    commit()
    _run(_LINES, values, commit)


def _run(statements: tuple[str, ...], values: dict[str, object], commit: Callable[[], None]) -> None:
    for statement in statements:
        execute(statement, **values)
        commit()
