"""Take an order history back: orders go, opposite movements come, what people changed since stays and is listed.

Works through the journal, an entry per transaction; an entry that is done says so, so a crash loses nothing. Orders go
first, because the stock history of a variant may only go when no order that stays still tells of it.
"""

from __future__ import annotations

from typing import Final

from portal.core.announcing import announce
from portal.core.audit import Actor
from portal.core.database import current_merchant_id
from portal.imports.connection import execute, execute_count
from portal.imports.history.apply import Work
from portal.imports.journal import OpenEntry, close_entry, open_entries
from portal.imports.kept import Kept, delete_each

# Taking a reference away asks every partitioned table of an order for rows that are left, planned anew each time
# unless told otherwise.
PLAN_ONCE: Final = "SET LOCAL plan_cache_mode = force_generic_plan"

_ORDER_TABLES: Final = (
    "order_return_line",
    "order_return",
    "order_refund_line",
    "order_refund",
    "order_payment",
    "order_contact",
    "order_charge",
    "order_line",
)

# Unchanged since: the version it was born with, and nothing added by a person or a later step.
_UNTOUCHED: Final = """
    SELECT o.id FROM sales_order o
    WHERE o.merchant_id = :merchant AND o.id = ANY(:ids) AND o.version = 1 AND o.import_id = :import_id
      AND NOT EXISTS (SELECT FROM order_event e WHERE e.merchant_id = :merchant AND e.order_id = o.id)
      AND NOT EXISTS (SELECT FROM order_note e WHERE e.merchant_id = :merchant AND e.order_id = o.id)
      AND NOT EXISTS (SELECT FROM order_tag e WHERE e.merchant_id = :merchant AND e.order_id = o.id)
      AND NOT EXISTS (SELECT FROM order_fulfilment e WHERE e.merchant_id = :merchant AND e.order_id = o.id)
    ORDER BY o.id FOR UPDATE OF o
"""

# The past is not rewritten: the opposite movements stand at the present, the last one first, so that the balance walks
# back over figures it has had and never falls below zero. Milliseconds keep the order within a variant.
_OPPOSITE: Final = """
    INSERT INTO stock_movement (merchant_id, id, variant_id, location_id, slot, kind, on_hand_delta, cause_kind, cause_id,
                                actor_kind, actor_id, note)
    SELECT :merchant, new_id(now() - m.place * interval '1 millisecond'), m.variant_id, m.location_id, m.slot, m.kind, -m.on_hand_delta,
           'import_undo', :import_id, CAST(:actor_kind AS text), CAST(:actor_id AS bigint), m.note
    FROM (SELECT s.*, row_number() OVER (PARTITION BY s.variant_id, s.location_id ORDER BY s.id) AS place
          FROM stock_movement s
          WHERE s.merchant_id = :merchant AND s.cause_kind = 'import' AND s.cause_id = :import_id AND s.variant_id = ANY(:ids)) m
    ORDER BY m.place DESC, m.variant_id
"""

_STAYING: Final = """
    SELECT v.id FROM variant v
    WHERE v.merchant_id = :merchant AND v.id = ANY(:ids) AND EXISTS (
        SELECT FROM order_line l JOIN sales_order o ON o.merchant_id = l.merchant_id AND o.id = l.order_id
        WHERE l.merchant_id = :merchant AND l.variant_id = v.id AND o.import_id = :import_id)
"""


def undo_history(import_id: int, work: Work, *, by: Actor, kept: Kept) -> None:
    """Take back everything the journal of an order history holds and nobody has changed since."""
    entries = open_entries(import_id)
    total = sum(len(entry.record_ids) for entry in entries)
    done = 0
    for entity, step in (
        ("order", _orders),
        ("guest", _guests),
        ("stock_history", _ledger),
        ("stock_level", _levels),
        ("variant", _variants),
        ("product", _products),
        ("customer", _customers),
    ):
        for entry in entries:
            if entry.entity == entity:
                execute(PLAN_ONCE)
                stays = step(import_id, entry, by, kept)
                close_entry(import_id, entry, stays)
                done += len(entry.record_ids)
                work.commit()
                work.progress(done, total, "Taking the import back")


def _orders(import_id: int, entry: OpenEntry, by: Actor, kept: Kept) -> list[int]:
    merchant = current_merchant_id()
    values = {"merchant": merchant, "import_id": import_id}
    ids = [row[0] for row in execute(_UNTOUCHED, **values, ids=entry.record_ids)]
    days = [
        row[0]
        for row in execute(
            """SELECT DISTINCT (r.at AT TIME ZONE shop.time_zone)::date::text FROM order_refund r JOIN merchant shop ON shop.id = r.merchant_id
           WHERE r.merchant_id = :merchant AND r.order_id = ANY(:ids) ORDER BY 1""",
            **values,
            ids=ids,
        )
    ]
    execute(
        """UPDATE customer c SET order_count = greatest(0, c.order_count - b.orders)
               FROM (SELECT customer_id, count(*) AS orders FROM sales_order
                     WHERE merchant_id = :merchant AND id = ANY(:ids) AND total >= 0 GROUP BY customer_id) b
               WHERE c.merchant_id = :merchant AND c.id = b.customer_id""",
        **values,
        ids=ids,
    )
    for table in _ORDER_TABLES:
        execute(
            f"DELETE FROM {table} WHERE merchant_id = :merchant AND order_id = ANY(:ids)", **values, ids=ids
        )
    execute("DELETE FROM sales_order WHERE merchant_id = :merchant AND id = ANY(:ids)", **values, ids=ids)
    execute("DELETE FROM order_ref WHERE merchant_id = :merchant AND order_id = ANY(:ids)", **values, ids=ids)
    stays = sorted(set(entry.record_ids) - set(ids))
    for number, state in execute(
        "SELECT number, state FROM order_ref WHERE merchant_id = :merchant AND order_id = ANY(:ids)",
        **values,
        ids=stays,
    ):
        kept.add(
            f"Order {number}", "is in the archive" if state == "archived" else "was changed after the import"
        )
    announce(
        "import.orders_taken_back",
        by=by,
        subject=("import", import_id),
        after={"orders": len(ids), "kept": len(stays)},
        event="orders.import_undone",
        key=f"import:{import_id}",
        payload={
            # Of the refunds, which are gone when a reader of this event looks for them.
            "import_id": import_id,
            "order_ids": ids,
            "days": days,
        },
    )
    return stays


def _guests(import_id: int, entry: OpenEntry, by: Actor, kept: Kept) -> list[int]:
    """The persons behind guest orders, who stand for nothing once their order is gone."""
    free = [
        row[0]
        for row in execute(
            """SELECT s.id FROM data_subject s WHERE s.merchant_id = :merchant AND s.id = ANY(:ids)
           AND NOT EXISTS (SELECT FROM order_ref r WHERE r.merchant_id = :merchant AND r.subject_id = s.id)""",
            merchant=current_merchant_id(),
            ids=entry.record_ids,
        )
    ]
    delete_each("data_subject", free)
    return []


def _ledger(import_id: int, entry: OpenEntry, by: Actor, kept: Kept) -> list[int]:
    values = {"merchant": current_merchant_id(), "import_id": import_id}
    stays = sorted(row[0] for row in execute(_STAYING, **values, ids=entry.record_ids))
    ids = sorted(set(entry.record_ids) - set(stays))
    moves = execute_count(_OPPOSITE, **values, ids=ids, actor_kind=by.kind, actor_id=by.id)
    announce(
        "import.stock_history_taken_back",
        by=by,
        subject=("import", import_id),
        after={"variants": len(ids), "movements": moves, "kept": len(stays)},
        event="stock.history_imported",
        key=f"import:{import_id}",
        payload={"import_id": import_id, "variant_ids": ids},
    )
    for (sku,) in execute(
        "SELECT sku FROM variant WHERE merchant_id = :merchant AND id = ANY(:ids)", **values, ids=stays
    ):
        kept.add(f"Stock history of {sku}", "an order that stays tells of it")
    entry.after = (
        {
            "corrections": [
                row[0]
                for row in execute(
                    """SELECT DISTINCT split_part(note, ': ', 1) FROM stock_movement
           WHERE merchant_id = :merchant AND cause_kind = 'import' AND cause_id = :import_id AND kind = 'adjusted'
             AND variant_id = ANY(:ids)""",
                    **values,
                    ids=stays,
                )
            ]
        }
        if stays
        else entry.after
    )
    return stays


def _levels(import_id: int, entry: OpenEntry, by: Actor, kept: Kept) -> list[int]:
    """Empty levels the import made, unless something else has moved there since."""
    execute(
        """DELETE FROM stock_level l
           WHERE l.merchant_id = :merchant AND l.variant_id = ANY(:ids) AND l.location_id = :location
             AND l.on_hand = 0 AND l.allocated = 0 AND l.reserved = 0 AND l.unavailable = 0 AND l.incoming = 0 AND l.counted_at IS NULL
             AND NOT EXISTS (SELECT FROM stock_movement m WHERE m.merchant_id = :merchant AND m.variant_id = l.variant_id
                             AND m.location_id = l.location_id AND NOT (m.cause_kind IN ('import', 'import_undo') AND m.cause_id = :import_id))""",
        merchant=current_merchant_id(),
        ids=entry.record_ids,
        location=(entry.after or {}).get("location_id"),
        import_id=import_id,
    )
    return []


def _variants(import_id: int, entry: OpenEntry, by: Actor, kept: Kept) -> list[int]:
    values = {"merchant": current_merchant_id(), "ids": entry.record_ids, "import_id": import_id}
    free = [
        row[0]
        for row in execute(
            """SELECT v.id FROM variant v JOIN product p ON p.merchant_id = v.merchant_id AND p.id = v.product_id
           WHERE v.merchant_id = :merchant AND v.id = ANY(:ids) AND v.version = 1 AND p.version = 1
             AND NOT EXISTS (SELECT FROM order_line l WHERE l.merchant_id = :merchant AND l.variant_id = v.id)
             AND NOT EXISTS (SELECT FROM stock_level l WHERE l.merchant_id = :merchant AND l.variant_id = v.id)
             AND NOT EXISTS (SELECT FROM price x WHERE x.merchant_id = :merchant AND x.variant_id = v.id AND x.version > 1)
             AND NOT EXISTS (SELECT FROM stock_movement m WHERE m.merchant_id = :merchant AND m.variant_id = v.id
                             AND NOT (m.cause_kind IN ('import', 'import_undo') AND m.cause_id = :import_id))
           ORDER BY v.id FOR UPDATE OF v""",
            **values,
        )
    ]
    stays = delete_each("variant", free)
    stays = sorted({*stays, *(set(entry.record_ids) - set(free))})
    for (sku,) in execute(
        "SELECT sku FROM variant WHERE merchant_id = :merchant AND id = ANY(:stays)", **values, stays=stays
    ):
        kept.add(f"Variant {sku}", "was changed, sold or counted after the import")
    return stays


def _products(import_id: int, entry: OpenEntry, by: Actor, kept: Kept) -> list[int]:
    values = {"merchant": current_merchant_id(), "ids": entry.record_ids}
    free = [
        row[0]
        for row in execute(
            """SELECT p.id FROM product p WHERE p.merchant_id = :merchant AND p.id = ANY(:ids) AND p.version = 1
             AND NOT EXISTS (SELECT FROM variant v WHERE v.merchant_id = :merchant AND v.product_id = p.id)
             AND NOT EXISTS (SELECT FROM media v WHERE v.merchant_id = :merchant AND v.product_id = p.id)
             AND NOT EXISTS (SELECT FROM product_category v WHERE v.merchant_id = :merchant AND v.product_id = p.id)
           ORDER BY p.id FOR UPDATE OF p""",
            **values,
        )
    ]
    stays = delete_each("product", free)
    return sorted({*stays, *(set(entry.record_ids) - set(free))})


def _customers(import_id: int, entry: OpenEntry, by: Actor, kept: Kept) -> list[int]:
    values = {"merchant": current_merchant_id(), "ids": entry.record_ids}
    free = [
        tuple(row)
        for row in execute(
            """SELECT c.id, c.subject_id FROM customer c WHERE c.merchant_id = :merchant AND c.id = ANY(:ids) AND c.version = 1
             AND NOT EXISTS (SELECT FROM sales_order o WHERE o.merchant_id = :merchant AND o.customer_id = c.id)
             AND NOT EXISTS (SELECT FROM customer_address a WHERE a.merchant_id = :merchant AND a.customer_id = c.id)
             AND NOT EXISTS (SELECT FROM consent a WHERE a.merchant_id = :merchant AND a.customer_id = c.id)
           ORDER BY c.id FOR UPDATE OF c""",
            **values,
        )
    ]
    undeleted = delete_each("customer", [customer for customer, _ in free])
    delete_each("data_subject", [subject for customer, subject in free if customer not in undeleted])
    stays = sorted({*undeleted, *(set(entry.record_ids) - {customer for customer, _ in free})})
    if stays:
        execute(
            """UPDATE customer c SET last_order_at = (
                       SELECT max(o.placed_at) FROM sales_order o WHERE o.merchant_id = :merchant AND o.customer_id = c.id)
                   WHERE c.merchant_id = :merchant AND c.id = ANY(:stays)""",
            **values,
            stays=stays,
        )
        kept.add(f"{len(stays):,} customers", "have orders or details that stay")
    return stays
