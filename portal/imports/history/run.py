"""Check and apply an order history: stage, settle, then say what would happen, or make it so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa

from portal.core.database import db
from portal.core.jobs import JobRun
from portal.core.money import minor_units
from portal.imports.connection import execute
from portal.imports.formats import FORMATS
from portal.imports.history.apply import ensure_partitions, write_orders
from portal.imports.history.ledger import write_ledger
from portal.imports.history.parties import make_parties, settle_parties
from portal.imports.history.settle import settle
from portal.imports.history.staging import HistoryOptions, stage
from portal.imports.journal import has_entries, journaled_ids
from portal.imports.listed import Listed
from portal.imports.models import Import, RowOutcome
from portal.imports.reading.table import Table
from portal.imports.rejects import keep_rejects
from portal.imports.services import history_channel, history_channel_id, refuse_other_outcome

_COUNTS: Final = {
    "rows": "SELECT (SELECT count(*) FROM h_row) + (SELECT count(*) FROM h_reject)",
    "rejected": "SELECT count(*) FROM h_reject",
    "unchanged": """SELECT (SELECT count(*) FROM h_correction WHERE status = 'same') + (
        SELECT count(*) FROM h_row r LEFT JOIN h_match m ON m.row_no = r.row_no LEFT JOIN h_row s ON s.row_no = m.sale_row
        JOIN h_order o ON o.invoice = coalesce(s.invoice, r.invoice) AND o.status = 'same')""",
    "orders": "SELECT count(*) FROM h_order WHERE status <> 'same' AND total >= 0",
    "credit_orders": "SELECT count(*) FROM h_order WHERE status <> 'same' AND total < 0",
    "orders_unchanged": "SELECT count(*) FROM h_order WHERE status = 'same'",
    "lines": "SELECT count(*) FROM h_line WHERE charge IS NULL",
    "charges": "SELECT count(*) FROM h_line WHERE charge IS NOT NULL",
    "cancellations": "SELECT count(*) FROM h_refund",
    "corrections": "SELECT count(*) FROM h_correction WHERE status <> 'same'",
    "products": "SELECT count(*) FROM h_sku WHERE variant_id IS NULL",
    "customers": "SELECT count(*) FROM h_customer WHERE chunk IS NOT NULL",
    "guests": "SELECT count(*) FROM h_order WHERE status <> 'same' AND buyer = ''",
}
_SUMS: Final = """
    SELECT coalesce(sum(quantity * unit_price), 0) AS imported, coalesce(sum(round(quantity * unit_price, :minor)), 0) AS lines,
           (SELECT coalesce(sum(amount), 0) FROM h_reject) AS rejected
    FROM h_row
"""


def check_history(found: Import, table: Table, run: JobRun) -> None:
    """The dry run: everything is decided, in temporary tables, and nothing is written."""
    options = _prepare(found, table, run, history_channel_id() or 0)
    found.counts = _counts()
    _sums(found, options)
    Listed(found.id).add(RowOutcome.REJECTED, _rejected())
    _keep_rejects(found, table)


def apply_history(found: Import, table: Table, run: JobRun) -> None:
    """Write what the check announced; after a crash or a cancellation, what is missing of it.

    Raises:
        ConflictError: the shop changed since the check; nothing was written.
    """
    import_id, channel_id = found.id, history_channel().id
    options = _prepare(found, table, run, channel_id)
    if not has_entries(import_id):
        refuse_other_outcome(found, _counts())
    total = 2 * int(found.counts["imported"])
    run.progress(0, total, "Making room for the months")
    ensure_partitions(run)
    make_parties(import_id, options.currency, run.commit)
    done = write_orders(import_id, channel_id, options, run, by=run.by, done=0, total=total)
    write_ledger(
        import_id,
        options,
        run,
        done_variants=journaled_ids(import_id, "stock_history"),
        by=run.by,
        done=done,
        total=total,
    )
    run.progress(total, total, "Done")


def _prepare(found: Import, table: Table, run: JobRun, channel_id: int) -> HistoryOptions:
    """Stage and settle the file; the import itself may be stale afterwards, because staging commits."""
    options = HistoryOptions.from_dict(found.options)
    import_id, mapping = found.id, dict(found.mapping)

    def tick(rows: int) -> None:
        run.commit()
        run.progress(0, None, f"Reading row {rows:,}")

    stage(table, mapping, options, tick)
    run.commit(note="Deciding what each row is")
    settle(import_id, channel_id, options, run.commit)
    settle_parties()
    run.commit()
    return options


def _counts() -> dict[str, Any]:
    counts: dict[str, Any] = {key: int(execute(query).scalar_one()) for key, query in _COUNTS.items()}
    counts["imported"] = counts["rows"] - counts["rejected"] - counts["unchanged"]
    counts["charge_kinds"] = {
        kind: [count, str(amount)]
        for kind, count, amount in execute(
            "SELECT charge, count(*), sum(amount) FROM h_line WHERE charge IS NOT NULL GROUP BY charge ORDER BY charge"
        )
    }
    counts["refund_amount"] = str(execute("SELECT coalesce(sum(amount), 0) FROM h_refund").scalar_one())
    counts["reasons"] = [
        [field, reason, count]
        for field, reason, count in execute(
            """SELECT field, CASE WHEN reason LIKE 'belongs to an order whose row %' THEN 'belongs to an order of which a row was refused'
                             ELSE reason END AS said, count(*) AS times
           FROM h_reject GROUP BY 1, 2 ORDER BY times DESC, said LIMIT 50"""
        )
    ]
    return counts


def _sums(found: Import, options: HistoryOptions) -> None:
    from_rows = execute(_SUMS, minor=minor_units(options.currency)).one()
    found.sum_imported, found.sum_lines, found.sum_rejected = (
        from_rows.imported,
        from_rows.lines,
        from_rows.rejected,
    )
    found.sum_rows = from_rows.imported + from_rows.rejected


def _rejected() -> Iterator[dict[str, Any]]:
    for row_number, invoice, field, reason in execute(
        "SELECT row_no, invoice, field, reason FROM h_reject ORDER BY row_no LIMIT 1000"
    ):
        yield {
            "row_number": row_number,
            "field": field,
            "reason": reason,
            "subject": invoice[:120] if invoice else None,
        }


def _keep_rejects(found: Import, table: Table) -> None:
    if not execute("SELECT EXISTS (SELECT FROM h_reject)").scalar_one():
        found.rejects_key = None
        return
    labels = {field.key: field.label for field in FORMATS[found.format].fields}
    query = sa.text("SELECT row_no, field, reason FROM h_reject ORDER BY row_no")
    with db.session.execute(query, execution_options={"yield_per": 2_000}) as rows:
        told = (
            (number, f"{labels[field]} {reason}" if field else f"The row {reason}")
            for number, field, reason in rows
        )
        keep_rejects(found, table, told)
