"""Checksums of a merchant's business rows by their natural keys, without ids and times of writing."""

from __future__ import annotations

from typing import Any, Final

import psycopg

# Each query gives the rows of one kind as text; the text is hashed in order.
ROWS: Final = {
    "products": "SELECT concat_ws('|', slug, title, state, source, external_id, tags, description) FROM product WHERE merchant_id = %(m)s",
    "variants": """SELECT concat_ws('|', v.sku, v.sku_key, p.slug, v.title, v.is_active, x.currency, x.amount)
                   FROM variant v JOIN product p ON p.merchant_id = v.merchant_id AND p.id = v.product_id
                   LEFT JOIN price x ON x.merchant_id = v.merchant_id AND x.variant_id = v.id WHERE v.merchant_id = %(m)s""",
    "customers": """SELECT concat_ws('|', external_id, country_code, order_count, last_order_at, state)
                    FROM customer WHERE merchant_id = %(m)s""",
    "orders": """SELECT concat_ws('|', o.number, r.external_id, c.external_id, o.placed_at, o.state, o.payment_state, o.fulfilment_state,
                        o.country_code, o.source_country, o.currency, o.items_total, o.charges_total, o.discount_total, o.total,
                        o.captured_total, o.refunded_total, o.base_total, o.line_count, o.unit_count)
                 FROM sales_order o JOIN order_ref r ON r.merchant_id = o.merchant_id AND r.order_id = o.id
                 LEFT JOIN customer c ON c.merchant_id = o.merchant_id AND c.id = o.customer_id WHERE o.merchant_id = %(m)s""",
    "lines": """SELECT concat_ws('|', o.number, l.n, v.sku, l.sku, l.title, l.quantity, l.unit_price, l.line_total,
                       l.fulfilled_quantity, l.returned_quantity)
                FROM order_line l JOIN sales_order o ON o.merchant_id = l.merchant_id AND o.id = l.order_id
                LEFT JOIN variant v ON v.merchant_id = l.merchant_id AND v.id = l.variant_id WHERE l.merchant_id = %(m)s""",
    "charges": """SELECT concat_ws('|', o.number, l.n, l.kind, l.label, l.amount, l.source_code)
                  FROM order_charge l JOIN sales_order o ON o.merchant_id = l.merchant_id AND o.id = l.order_id WHERE l.merchant_id = %(m)s""",
    "contacts": """SELECT concat_ws('|', o.number, l.n, l.kind, l.country_code)
                   FROM order_contact l JOIN sales_order o ON o.merchant_id = l.merchant_id AND o.id = l.order_id WHERE l.merchant_id = %(m)s""",
    "payments": """SELECT concat_ws('|', o.number, l.n, l.state, l.amount, l.captured_amount, l.at)
                   FROM order_payment l JOIN sales_order o ON o.merchant_id = l.merchant_id AND o.id = l.order_id WHERE l.merchant_id = %(m)s""",
    "refunds": """SELECT concat_ws('|', o.number, l.n, l.external_id, l.amount, l.at)
                  FROM order_refund l JOIN sales_order o ON o.merchant_id = l.merchant_id AND o.id = l.order_id WHERE l.merchant_id = %(m)s""",
    "refund lines": """SELECT concat_ws('|', o.number, l.refund_n, l.line_n, l.quantity, l.amount)
                       FROM order_refund_line l JOIN sales_order o ON o.merchant_id = l.merchant_id AND o.id = l.order_id
                       WHERE l.merchant_id = %(m)s""",
    "returns": """SELECT concat_ws('|', o.number, t.n, t.external_id, t.state, l.line_n, l.quantity, l.restocked_quantity)
                  FROM order_return t JOIN sales_order o ON o.merchant_id = t.merchant_id AND o.id = t.order_id
                  LEFT JOIN order_return_line l ON l.merchant_id = t.merchant_id AND l.order_id = t.order_id AND l.return_n = t.n
                  WHERE t.merchant_id = %(m)s""",
    "levels": """SELECT concat_ws('|', v.sku, l.slot, l.on_hand, l.allocated, l.reserved, l.unavailable, l.incoming)
                 FROM stock_level l JOIN variant v ON v.merchant_id = l.merchant_id AND v.id = l.variant_id WHERE l.merchant_id = %(m)s""",
}
GROWING: Final = ("stock_movement", "audit_entry", "outbox_event")


def checksums(connection: psycopg.Connection[Any], merchant_id: int) -> dict[str, tuple[int, str]]:
    """Kind of row to how many there are and what they hash to."""
    found = {}
    for kind, query in ROWS.items():
        text = f"SELECT count(*), coalesce(md5(string_agg(t, E'\\n' ORDER BY t COLLATE \"C\")), '') FROM ({query}) rows(t)"
        count, digest = connection.execute(text, {"m": merchant_id}).fetchone() or (0, "")
        found[kind] = (int(count), str(digest))
    connection.rollback()
    return found


def growing(connection: psycopg.Connection[Any], merchant_id: int) -> dict[str, tuple[int, str]]:
    """Append-only tables: how many rows, and the hash of those that stand, by id."""
    found = {}
    for table in GROWING:
        row = connection.execute(
            f"SELECT count(*), coalesce(max(id), 0) FROM {table} WHERE merchant_id = %s", (merchant_id,)
        ).fetchone()
        found[table] = (int(row[0]), str(row[1])) if row else (0, "")
    connection.rollback()
    return found
