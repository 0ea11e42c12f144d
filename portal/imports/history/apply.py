"""Write the settled orders: a batch of orders with everything that belongs to them per transaction, in order of time.

A batch is whole or absent. After a crash the file is staged and settled again; orders this import wrote already are
recognised by its id, so the work goes on where it stood.
"""

from __future__ import annotations

import datetime as dt
from typing import Final, Protocol

from portal.core import audit, outbox
from portal.core.audit import Actor
from portal.core.database import current_merchant_id
from portal.core.money import minor_units
from portal.core.partitions import ensure_partition
from portal.imports.connection import execute
from portal.imports.history.staging import HistoryOptions
from portal.imports.journal import journal

EVENT_ORDERS: Final = 500


class Work(Protocol):
    """The running job, as far as an import needs it: a fenced commit, and a place to say how far it is."""

    def commit(self) -> None:
        """Commit the batch, unless another attempt has taken over."""

    def progress(self, done: int, total: int | None = None, note: str | None = None) -> None:
        """Say how far the work is and keep it ours."""


_GUESTS: Final = (
    "DROP TABLE IF EXISTS h_batch",
    """CREATE TEMP TABLE h_batch AS
       SELECT o.*, c.customer_id, coalesce(c.subject_id, new_id(now())) AS subject_id, c.customer_id IS NULL AS is_guest, l.code AS iso
       FROM h_order o LEFT JOIN h_customer c ON c.buyer = o.buyer LEFT JOIN h_country l ON l.name = o.country
       WHERE o.batch = :batch""",
    "INSERT INTO data_subject (merchant_id, id) SELECT :merchant, subject_id FROM h_batch WHERE is_guest",
)

_WRITES: Final = (
    """INSERT INTO order_ref (merchant_id, order_id, number, channel_id, external_id, subject_id, placed_at)
       SELECT :merchant, order_id, number, :channel, invoice, subject_id, at FROM h_batch""",
    """INSERT INTO sales_order (merchant_id, id, number, channel_id, customer_id, placed_at, state, payment_state, fulfilment_state,
              closed_at, country_code, source_country, currency, tax_inclusive, items_total, charges_total, discount_total, total,
              captured_total, refunded_total, credited_total, base_rate, base_currency, base_total, line_count, unit_count, import_id, version)
       SELECT :merchant, order_id, number, :channel, customer_id, at, :state,
              CASE WHEN NOT :closed THEN 'unpaid' WHEN total < 0 THEN 'refunded' WHEN refunded_total = 0 THEN 'paid'
                   WHEN refunded_total < total THEN 'part_refunded' ELSE 'refunded' END,
              CASE WHEN line_count = 0 THEN 'none' WHEN :closed THEN 'fulfilled' ELSE 'unfulfilled' END,
              CASE WHEN :closed THEN at END, iso, nullif(country, ''), :currency, :tax_inclusive, items_total, charges_total,
              discount_total, total, CASE WHEN :closed THEN greatest(total, 0) ELSE 0 END, refunded_total,
              CASE WHEN :closed AND total < 0 THEN total ELSE refunded_total END,
              CAST(:base_rate AS numeric), :base_currency,
              round(total * CAST(:base_rate AS numeric), :base_minor), line_count, unit_count, :import_id, 1
       FROM h_batch ORDER BY order_id""",
    """INSERT INTO order_line (merchant_id, order_id, n, variant_id, sku, title, quantity, unit_price, line_total, location_id,
              fulfilled_quantity, returned_quantity, credited_quantity, credited_amount)
       SELECT :merchant, l.order_id, l.n, s.variant_id, l.code, coalesce(nullif(l.description, ''), s.title), l.quantity,
              l.unit_price, l.amount, :location, CASE WHEN :closed THEN greatest(l.quantity, 0) ELSE 0 END, coalesce(b.quantity, 0),
              coalesce(b.quantity, 0), CASE WHEN :closed AND o.total < 0 THEN l.amount ELSE coalesce(b.amount, 0) END
       FROM h_line l
       JOIN h_sku s ON s.sku_key = l.sku_key
       JOIN h_batch o ON o.order_id = l.order_id
       LEFT JOIN (SELECT order_id, line_n, sum(quantity) AS quantity, sum(amount) AS amount FROM h_refund WHERE batch = :batch AND charge IS NULL
                  GROUP BY order_id, line_n) b ON b.order_id = l.order_id AND b.line_n = l.n
       WHERE l.batch = :batch AND l.charge IS NULL""",
    """INSERT INTO order_charge (merchant_id, order_id, n, kind, label, amount, credited_amount, source_code)
       SELECT :merchant, l.order_id, l.n, CASE WHEN charge = 'discount' AND amount >= 0 THEN 'adjustment' ELSE charge END,
              coalesce(nullif(description, ''), code), CASE WHEN charge = 'discount' AND amount < 0 THEN -amount ELSE amount END,
              CASE WHEN charge = 'discount' AND amount < 0 THEN -1 ELSE 1 END
                  * CASE WHEN :closed AND o.total < 0 THEN amount ELSE coalesce(b.credited, 0) END, code
       FROM h_line l
       JOIN h_batch o ON o.order_id = l.order_id
       LEFT JOIN (SELECT order_id, line_n, sum(amount) AS credited FROM h_refund WHERE batch = :batch AND charge IS NOT NULL
                  GROUP BY order_id, line_n) b ON b.order_id = l.order_id AND b.line_n = l.n
       WHERE l.batch = :batch AND charge IS NOT NULL""",
    """INSERT INTO order_contact (merchant_id, order_id, n, kind, country_code)
       SELECT :merchant, order_id, 1, 'buyer', iso FROM h_batch""",
    """INSERT INTO order_payment (merchant_id, order_id, n, state, method, gateway, amount, captured_amount, currency, at)
       SELECT :merchant, order_id, 1, 'captured', 'imported', 'manual', total, total, :currency, at
       FROM h_batch WHERE :closed AND total > 0""",
    """INSERT INTO order_refund (merchant_id, order_id, n, payment_n, amount, destination, external_id, actor_kind, actor_id, at)
       SELECT :merchant, order_id, n, CASE WHEN sum(amount) > 0 THEN 1 END, sum(amount), 'payment', min(credit), CAST(:actor_kind AS text), CAST(:actor_id AS bigint), min(at)
       FROM h_refund WHERE batch = :batch GROUP BY order_id, n""",
    """INSERT INTO order_refund_line (merchant_id, order_id, refund_n, line_n, quantity, amount)
       SELECT :merchant, order_id, n, line_n, sum(quantity), sum(amount)
       FROM h_refund WHERE batch = :batch AND charge IS NULL GROUP BY order_id, n, line_n""",
    """INSERT INTO order_return (merchant_id, order_id, n, state, external_id, requested_at, received_at, closed_at)
       SELECT :merchant, order_id, n, 'refunded', min(credit), min(at), min(at), min(at)
       FROM h_refund WHERE batch = :batch AND charge IS NULL GROUP BY order_id, n""",
    """INSERT INTO order_return_line (merchant_id, order_id, return_n, line_n, quantity, received_quantity, restocked_quantity)
       SELECT :merchant, order_id, n, line_n, sum(quantity), sum(quantity), sum(quantity)
       FROM h_refund WHERE batch = :batch AND charge IS NULL GROUP BY order_id, n, line_n""",
    """UPDATE customer c SET order_count = c.order_count + b.orders, last_order_at = greatest(c.last_order_at, b.last_at)
       FROM (SELECT customer_id, count(*) AS orders, max(at) AS last_at FROM h_batch WHERE customer_id IS NOT NULL AND total >= 0
             GROUP BY customer_id) b
       WHERE c.merchant_id = :merchant AND c.id = b.customer_id""",
)


def ensure_partitions(work: Work) -> None:
    """Make the partitions for every month the rows touch, each in a transaction of its own: they lock for a moment."""
    months = [
        row[0]
        for row in execute(
            """SELECT DISTINCT date_trunc('month', at) AS month FROM (SELECT at FROM h_order UNION ALL SELECT at FROM h_row) a
           ORDER BY month"""
        )
    ]
    for month in months:
        ensure_partition(max(month, dt.datetime(1990, 1, 1, tzinfo=dt.UTC)))
        work.commit()


def write_orders(
    import_id: int, channel_id: int, options: HistoryOptions, work: Work, *, by: Actor, done: int, total: int
) -> int:
    """Write every new order; gives the rows done so far.

    Args:
        done: rows finished before this call, of *total*, for the progress bar.
    """
    merchant = current_merchant_id()
    values = {
        "merchant": merchant,
        "channel": channel_id,
        "import_id": import_id,
        "currency": options.currency,
        "tax_inclusive": options.tax_inclusive,
        "state": options.state,
        "closed": options.state == "closed",
        "base_currency": options.base_currency,
        "base_rate": options.base_rate,
        "base_minor": minor_units(options.base_currency),
        "location": options.location_id,
        "actor_kind": by.kind,
        "actor_id": by.id,
    }
    batches = execute("SELECT coalesce(max(batch), -1) FROM h_order").scalar_one()
    for batch in range(batches + 1):
        for statement in (*_GUESTS, *_WRITES):
            execute(statement, **values, batch=batch)
        orders, rows, amount = execute(
            "SELECT count(*), coalesce(sum(row_count), 0), coalesce(sum(total), 0) FROM h_batch"
        ).one()
        if not orders:
            continue
        _tell(import_id, orders=orders, rows=rows, amount=str(amount), by=by)
        done += rows
        work.commit()
        work.progress(done, total, "Writing orders")
    return done


def _tell(import_id: int, *, orders: int, rows: int, amount: str, by: Actor) -> None:
    ids = [row[0] for row in execute("SELECT order_id FROM h_batch ORDER BY order_id")]
    guests = [row[0] for row in execute("SELECT subject_id FROM h_batch WHERE is_guest ORDER BY subject_id")]
    journal(import_id, "order", ids)
    journal(import_id, "guest", guests)
    audit.record(
        action="import.orders_written",
        by=by,
        subject=("import", import_id),
        after={"orders": orders, "rows": rows, "amount": amount},
    )
    for start in range(0, len(ids), EVENT_ORDERS):
        outbox.publish(
            kind="orders.imported",
            key=f"import:{import_id}",
            payload={"import_id": import_id, "order_ids": ids[start : start + EVENT_ORDERS]},
        )
