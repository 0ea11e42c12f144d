"""A list as a file: exactly the rows and columns on the screen, in their order, from one snapshot, in little memory.

The list's state may hold an e-mail somebody filtered by, so it travels as an encrypted file and not among the job's arguments.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any, Final

from portal.core import formats, storage
from portal.core.audit import Actor, record
from portal.core.clock import utc_now
from portal.core.database import snapshot
from portal.core.errors import DomainError, ForbiddenError
from portal.core.jobs import Job, JobRun, enqueue, job
from portal.core.listing.cells import plain_value
from portal.core.listing.columns import Column
from portal.core.listing.declaration import Listing
from portal.core.listing.page import complete
from portal.core.listing.registry import listing_named
from portal.core.listing.state import ListState, decode_state
from portal.core.listing.statements import Reading, reading_on
from portal.core.normalise import clean

KEPT_FOR: Final = dt.timedelta(hours=24)
BATCH: Final = 1000
LONGEST_REASON: Final = 300
# What a spreadsheet takes for a formula, in their plain and their full-width forms.
DANGEROUS: Final = frozenset("=+-@\t\r\n\0＝＋－＠﹢﹣﹫﹦−")
TYPED: Final = frozenset({"number", "money"})
REVEAL: Final = "customers.reveal"


@dataclass
class Written:
    """What went through the writer."""

    rows: int = 0
    digest: Any = field(default_factory=hashlib.sha256)


def start_export(
    listing: Listing,
    encoded: str,
    *,
    by: Actor,
    permissions: frozenset[str],
    reveal: bool = False,
    reason: str = "",
) -> Job:
    """Ask for the export of a list in a state. Flushes; the caller commits.

    Args:
        encoded: the state, as `encode_state` wrote it.
        permissions: of the person who asks.
        reveal: personal data in full; needs `customers.reveal` and a reason, and is written to the audit log.

    Raises:
        ForbiddenError: the person may not export this list, or not reveal.
        DomainError: the state is none, or the reason is missing.
    """
    if not {listing.permission, "lists.export"} <= permissions or not listing.exportable:
        raise ForbiddenError(f"Your role may not export {listing.noun[1]}.")
    state = decode_state(listing, encoded, permissions)
    if state is None or state.messages:
        raise DomainError("The list could not be read. Open it again and export once more.")
    reason = clean(reason).strip()[:LONGEST_REASON]
    if reveal and REVEAL not in permissions:
        raise ForbiddenError("Your role may not see personal data outside a case.")
    if reveal and not reason:
        raise DomainError(
            "Say why personal data is needed in full; the reason is kept in the audit log.", field="reason"
        )
    key = f"exports/{secrets.token_urlsafe(18).replace('-', '_')}"
    storage.put(f"{key}/state", encoded.encode(), expires_at=utc_now() + KEPT_FOR, by=by.id)
    region = formats.current_region()
    job_row = enqueue(
        "lists.export",
        {
            "list": listing.key,
            "key": key,
            "reveal": reveal,
            "locale": region.locale,
            "zone": region.zone,
            "permissions": sorted(
                permissions & {each.permission for each in listing.filters if each.permission}
            ),
        },
        by=by,
    )
    record(
        "list.export_requested",
        by=by,
        subject=("job", job_row.id),
        reason=reason or None,
        after={
            "list": listing.key,
            "columns": list(state.columns),
            "filters": sorted({term.field for term in state.terms}),
            "personal_data": "in full" if reveal else "masked",
        },
    )
    return job_row


@job("lists.export", title="Export of a list", permission="lists.export")
def export_list(run: JobRun) -> None:
    """Write the file anew from its beginning; a second run replaces the first, so any attempt may be the last."""
    args = run.args
    listing = listing_named(args["list"])
    with formats.in_region(formats.Region(args["locale"], args["zone"])):
        encoded = storage.read_bytes(f"{args['key']}/state").decode()
        state = decode_state(listing, encoded, args["permissions"])
        if state is None or state.messages:
            # A condition that is left out would export more than was on the screen.
            raise DomainError(
                "The list changed since the export was asked for. Open it again and export once more."
            )
        written = Written()
        pieces = _in_this_context(_pieces(listing, state, written, run, reveal=bool(args["reveal"])))
        until = utc_now() + KEPT_FOR
        filename = f"{listing.key}-{utc_now():%Y-%m-%d-%H%M}.csv"
        storage.put(
            f"{args['key']}/file",
            pieces,
            filename=filename,
            media_type="text/csv",
            expires_at=until,
            by=run.by.id,
        )
    _finish(run, listing, state, written, filename)


def csv_pieces(
    columns: Sequence[Column],
    batches: Iterator[list[dict[str, Any]]],
    written: Written,
    *,
    reveal: bool = False,
) -> Iterator[bytes]:
    """RFC 4180 in pieces of a thousand rows: CRLF, quotes doubled, UTF-8, one header line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([formula_safe(_heading(column)) for column in columns])
    yield _taken(text, written)
    for batch in batches:
        writer.writerows([_cell(column, values, reveal) for column in columns] for values in batch)
        written.rows += len(batch)
        yield _taken(text, written)


def _pieces(
    listing: Listing, state: ListState, written: Written, run: JobRun, *, reveal: bool
) -> Iterator[bytes]:
    columns = [listing.columns_by_key[key] for key in state.columns]
    shown = set(state.columns)
    with snapshot() as connection, reading_on(connection):
        statement = Reading(listing, state).everything().execution_options(yield_per=BATCH)
        with connection.execute(statement) as result:
            batches = (
                complete(listing, [dict(row) for row in batch], shown)
                for batch in result.mappings().partitions()
            )
            for piece in csv_pieces(columns, batches, written, reveal=reveal):
                run.progress(written.rows)
                yield piece


def _finish(run: JobRun, listing: Listing, state: ListState, written: Written, filename: str) -> None:
    digest = written.digest.hexdigest()
    manifest = {
        "list": listing.key,
        "file": filename,
        "rows": written.rows,
        "sha256": digest,
        "columns": list(state.columns),
        "personal_data": "in full" if run.args["reveal"] else "masked",
        "made_at": formats.iso(utc_now()),
    }
    storage.put(
        f"{run.args['key']}/manifest.json",
        json.dumps(manifest, indent=2).encode(),
        filename="manifest.json",
        media_type="application/json",
        expires_at=utc_now() + KEPT_FOR,
        by=run.by.id,
    )
    storage.delete(f"{run.args['key']}/state")
    run.attach_result(f"{run.args['key']}/file", filename, "text/csv")
    run.state.update(rows=written.rows, sha256=digest)
    run.progress(
        written.rows, written.rows, f"{formats.plural(written.rows, *listing.noun)}, SHA-256 {digest}"
    )
    record(
        "list.exported",
        by=run.by,
        subject=("job", run.id),
        after={
            "list": listing.key,
            "rows": written.rows,
            "sha256": digest,
            "personal_data": manifest["personal_data"],
        },
    )
    run.commit()


def _in_this_context(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces, made in the context of now: the store may ask for them from a thread that knows no merchant."""
    context, end = copy_context(), object()
    while True:
        piece = context.run(next, pieces, end)
        if piece is end:
            return
        assert isinstance(piece, bytes)
        yield piece


def _heading(column: Column) -> str:
    return f"{column.label} (UTC)" if column.kind == "time" and column.text is None else column.label


def _cell(column: Column, values: Mapping[str, Any], reveal: bool) -> str:
    text = plain_value(column, values, reveal=reveal)
    return text if column.kind in TYPED and column.text is None else formula_safe(text)


def formula_safe(text: str) -> str:
    """Text no spreadsheet takes for a formula: an apostrophe in front of what could begin one; NUL is dropped."""
    text = text.replace("\0", "")
    first = text.lstrip(" \u00a0\ufeff\u200b")[:1]
    return f"'{text}" if first in DANGEROUS and first else text


def _taken(text: io.StringIO, written: Written) -> bytes:
    piece = text.getvalue().encode("utf-8", "replace")
    text.seek(0)
    text.truncate()
    written.digest.update(piece)
    return piece
