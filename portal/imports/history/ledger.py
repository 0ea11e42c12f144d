"""The stock movements of imported history, which leave the stock of today as it is.

Per variant: an ``opening`` before the first row, as large as needed for the balance never to fall below zero; then
sales, returns and corrections at their own times; then a ``history_end`` that brings the sum to zero. The movements of
a variant are written in one transaction, so no commit ever shows a ledger that differs from its level.
"""

from __future__ import annotations

from typing import Final

from portal.core.announcing import announce
from portal.core.audit import Actor
from portal.core.database import current_merchant_id
from portal.imports.connection import execute, execute_count
from portal.imports.history.apply import Work
from portal.imports.history.staging import HistoryOptions
from portal.imports.journal import journal

BATCH_MOVES: Final = 15_000
OPENING_NOTE: Final = "Computed, so that the imported history never falls below zero"
END_NOTE: Final = "End of the imported history; the stock of today comes from counts"

_MOVES: Final = (
    "DROP TABLE IF EXISTS h_move, h_balance",
    """CREATE TEMP TABLE h_move AS
       SELECT s.variant_id, m.at, m.row_no, m.kind, m.delta, m.note,
              sum(m.delta) OVER (PARTITION BY s.variant_id ORDER BY m.at, m.row_no) AS balance,
              row_number() OVER (PARTITION BY s.variant_id, m.at ORDER BY m.row_no) AS tick
       FROM (
           SELECT sku_key, at, row_no, CASE WHEN quantity > 0 THEN 'sold' ELSE 'returned' END AS kind, -quantity AS delta, invoice AS note
           FROM h_line WHERE charge IS NULL AND :closed
           UNION ALL
           SELECT sku_key, at, row_no, 'returned', quantity, credit FROM h_refund WHERE charge IS NULL
           UNION ALL
           SELECT sku_key, at, row_no, 'adjusted', quantity,
                  invoice || CASE WHEN description <> '' THEN ': ' || description ELSE '' END
           FROM h_correction WHERE status IN ('new', 'mine')
       ) m
       JOIN h_sku s ON s.sku_key = m.sku_key""",
    "DELETE FROM h_move WHERE variant_id = ANY(:done)",
    """CREATE TEMP TABLE h_balance AS
       SELECT variant_id, greatest(0, -min(balance))::integer AS opening, sum(delta)::integer AS total, min(at) AS first_at, max(at) AS last_at,
              max(tick) AS ticks, (sum(count(*)) OVER (ORDER BY variant_id) / :batch_moves)::integer AS batch
       FROM h_move GROUP BY variant_id""",
    "CREATE INDEX ON h_move (variant_id)",
    "ANALYZE h_move",
    "ANALYZE h_balance",
)

# An id carries its time to the millisecond; rows of one variant at one stated minute follow each other by a millisecond.
_WRITE: Final = """
    INSERT INTO stock_movement (merchant_id, id, variant_id, location_id, kind, on_hand_delta, cause_kind, cause_id,
                                actor_kind, actor_id, note)
    SELECT :merchant, new_id(at), variant_id, :location, kind, delta, 'import', :import_id, CAST(:actor_kind AS text), CAST(:actor_id AS bigint), note
    FROM (
        SELECT b.variant_id, greatest(b.first_at - interval '1 second', timestamptz '1990-01-01 00:00+00') AS at, 'opening' AS kind,
               b.opening AS delta, CAST(:opening_note AS text) AS note
        FROM h_balance b WHERE b.batch = :batch AND b.opening <> 0
        UNION ALL
        SELECT m.variant_id, m.at + m.tick * interval '1 millisecond', m.kind, m.delta, m.note
        FROM h_move m JOIN h_balance b ON b.variant_id = m.variant_id WHERE b.batch = :batch
        UNION ALL
        SELECT b.variant_id, b.last_at + (b.ticks + 1) * interval '1 millisecond', 'history_end', -(b.opening + b.total),
               CAST(:end_note AS text)
        FROM h_balance b WHERE b.batch = :batch AND b.opening + b.total <> 0
    ) moves ORDER BY at, variant_id
"""
_LEVELS: Final = """
    WITH made AS (
        INSERT INTO stock_level (merchant_id, variant_id, location_id, slot)
        SELECT :merchant, variant_id, :location, 0 FROM h_balance WHERE batch = :batch ORDER BY variant_id
        ON CONFLICT DO NOTHING RETURNING variant_id)
    SELECT variant_id FROM made ORDER BY variant_id
"""


def write_ledger(
    import_id: int,
    options: HistoryOptions,
    work: Work,
    *,
    done_variants: list[int],
    by: Actor,
    done: int,
    total: int,
) -> int:
    """Write the movements of every variant that has none of this import yet; gives the movements written.

    Args:
        done_variants: variants whose history an earlier attempt finished.
    """
    merchant = current_merchant_id()
    bound = {"closed": options.state == "closed", "done": done_variants, "batch_moves": BATCH_MOVES}
    for statement in _MOVES:
        execute(statement, **bound)
    work.commit()
    written = 0
    for batch in range(execute("SELECT coalesce(max(batch), -1) FROM h_balance").scalar_one() + 1):
        place = {"merchant": merchant, "location": options.location_id, "batch": batch}
        made = [row[0] for row in execute(_LEVELS, **place)]
        moves = execute_count(
            _WRITE,
            **place,
            import_id=import_id,
            actor_kind=by.kind,
            actor_id=by.id,
            opening_note=OPENING_NOTE,
            end_note=END_NOTE,
        )
        variants = [
            row[0]
            for row in execute(
                "SELECT variant_id FROM h_balance WHERE batch = :batch ORDER BY variant_id", batch=batch
            )
        ]
        if not variants:
            continue
        corrections = [
            row[0]
            for row in execute(
                """SELECT DISTINCT c.invoice FROM h_correction c JOIN h_sku s ON s.sku_key = c.sku_key
               JOIN h_balance b ON b.variant_id = s.variant_id AND b.batch = :batch WHERE c.status IN ('new', 'mine') ORDER BY 1""",
                batch=batch,
            )
        ]
        if made:
            journal(import_id, "stock_level", made, after={"location_id": options.location_id})
        journal(import_id, "stock_history", variants, after={"corrections": corrections})
        announce(
            "import.stock_history_written",
            by=by,
            subject=("import", import_id),
            after={"variants": len(variants), "movements": moves},
            event="stock.history_imported",
            key=f"import:{import_id}",
            payload={"import_id": import_id, "variant_ids": variants},
        )
        written += moves
        work.commit()
        work.progress(min(done + written, total), total, "Writing the stock history")
    return written
