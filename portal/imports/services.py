"""What a person does with an import: bring a file, say what its columns are, check, apply, take back, try rejects again."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final

import sqlalchemy as sa

from portal.accounts.models import Merchant
from portal.core import audit, storage
from portal.core.audit import Actor
from portal.core.card_numbers import refuse_card_numbers_in_file
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError
from portal.core.jobs import Job, enqueue
from portal.imports.formats import FORMATS, guess_mapping, heading_likeness, recognise_format
from portal.imports.history.rules import CHARGE_CODES
from portal.imports.journal import has_entries
from portal.imports.models import Import, ImportKind, ImportState
from portal.imports.reading.table import Opener, Table, recognise
from portal.imports.reading.values import guess_date_order, guess_decimal_mark
from portal.imports.rejects import KEPT_DAYS, original_cell
from portal.orders.models import SalesChannel
from portal.stock.models import Location

PIECE: Final = 1 << 18
SAMPLE_ROWS: Final = 200
CHANNEL_CODE: Final = "imported-history"


# What may be asked of an import in which state, as long as it has written nothing, and once it has written something.
UNWRITTEN: Final = {
    ImportState.UPLOADED: {"map"},
    ImportState.MAPPED: {"map", "check"},
    ImportState.CHECKED: {"map", "check", "apply"},
    ImportState.CANCELLED: {"map", "check"},
    ImportState.FAILED: {"map", "check"},
    ImportState.APPLIED: {"undo"},
}
WRITTEN: Final = {
    ImportState.CANCELLED: {"apply", "undo"},
    ImportState.FAILED: {"apply", "undo"},
    ImportState.APPLIED: {"undo"},
    ImportState.UNDONE: {"undo"},
}


def receive_file(filename: str, file: BinaryIO, *, by: Actor, retry_of: Import | None = None) -> Import:
    """Keep an uploaded file, encrypted, and guess how it is to be read.

    Raises:
        UnreadableFileError: it is no text table; nothing was kept.
        DomainError: its name holds a card number; those in its rows are refused with the row.
    """
    refuse_card_numbers_in_file(filename, "")
    opener, digest, size = _opener(file)
    table = recognise(opener, looks_like_heading=heading_likeness)
    shape = FORMATS[retry_of.format if retry_of else recognise_format(table.headings)]
    found = Import(
        kind=shape.kind,
        format=shape.key,
        state=ImportState.UPLOADED,
        filename=_plain_name(filename),
        file_bytes=size,
        sha256=digest,
        encoding=table.dialect.encoding,
        delimiter=table.dialect.delimiter,
        header_row=table.dialect.header_row,
        mapping=guess_mapping(table.headings, shape),
        retry_of_id=retry_of.id if retry_of else None,
        created_by_id=by.id if by.kind == "user" else None,
    )
    found.options = dict(retry_of.options) if retry_of else default_options(table, shape.kind, found.mapping)
    found.options["is_certain"] = table.dialect.is_certain
    db.session.add(found)
    db.session.flush()
    found.file_key = f"imports/{found.id}/source"
    storage.put(
        found.file_key,
        opener(),
        filename=found.filename,
        media_type="text/csv",
        by=found.created_by_id,
        expires_at=utc_now() + dt.timedelta(days=KEPT_DAYS),
    )
    audit.record(
        "import.uploaded",
        by=by,
        subject=("import", found.id),
        after={"format": shape.key, "bytes": size, "sha256": digest},
    )
    return found


def default_options(table: Table, kind: str, mapping: dict[str, int]) -> dict[str, Any]:
    """The choices of the mapping page as the file and the merchant suggest them."""
    merchant = db.session.scalars(sa.select(Merchant).where(Merchant.id == current_merchant_id())).one()
    sample = [cells for _, cells in table.head(SAMPLE_ROWS)]
    location = first_location()
    options: dict[str, Any] = {
        "currency": merchant.currency,
        "decimal_mark": guess_decimal_mark(_column(sample, mapping, "unit_price", "price")),
        "location_id": location.id if location else None,
    }
    if kind == ImportKind.PRODUCTS:
        return options | {"takes_stock": False}
    return options | {
        "base_currency": merchant.currency,
        "base_rate": "1",
        "time_zone": merchant.time_zone,
        "date_order": guess_date_order(_column(sample, mapping, "at")),
        "state": "closed",
        "number_prefix": "",
        "tax_inclusive": merchant.prices_include_tax,
        "charge_codes": dict(CHARGE_CODES),
    }


def set_reading(
    found: Import, *, format_key: str, encoding: str, delimiter: str, header_row: int, by: Actor
) -> None:
    """Read the file another way and guess its columns anew.

    Raises:
        UnreadableFileError: the file cannot be read so.
    """
    _require(found, "map")
    table = recognise(source_of(found), encoding=encoding, delimiter=delimiter, header_row=header_row)
    shape = FORMATS[format_key]
    mapping = guess_mapping(table.headings, shape)
    if shape.kind != found.kind:
        found.options = default_options(table, shape.kind, mapping)
    found.kind, found.format, found.mapping = shape.kind, shape.key, mapping
    found.encoding, found.delimiter, found.header_row = encoding, delimiter, header_row
    found.options = {**found.options, "is_certain": True}
    found.state, found.counts = ImportState.UPLOADED, {}
    db.session.flush()


def set_mapping(found: Import, mapping: dict[str, int], options: dict[str, Any], *, by: Actor) -> None:
    """Keep which column holds what, and how the cells are to be understood.

    Raises:
        DomainError: a required field has no column.
    """
    _require(found, "map")
    missing = FORMATS[found.format].missing(mapping)
    if missing:
        raise DomainError(
            f"Choose the column that holds: {', '.join(field.label for field in missing)}.",
            field=missing[0].key,
        )
    options = {**found.options, **options}
    if options.get("location_id") is None:
        raise DomainError("Add a location first: imported stock has to lie somewhere.", field="location_id")
    before = {"mapping": found.mapping}
    found.mapping, found.options = mapping, options
    found.state, found.counts = ImportState.MAPPED, {}
    audit.record(
        "import.mapped", by=by, subject=("import", found.id), before=before, after={"mapping": mapping}
    )
    db.session.flush()


def start_check(found: Import, *, by: Actor) -> Job:
    """Ask for a dry run: it writes nothing but counts, reasons and differences."""
    _require(found, "check")
    return _start(found, "imports.check", ImportState.CHECKING, by)


def start_apply(found: Import, *, by: Actor) -> Job:
    """Ask for the rows to be written; after a crash or a cancellation, for the rest of them."""
    _require(found, "apply")
    return _start(found, "imports.apply", ImportState.APPLYING, by)


def start_undo(found: Import, *, by: Actor) -> Job:
    """Ask for everything the import wrote to be taken back."""
    _require(found, "undo")
    return _start(found, "imports.undo", ImportState.UNDOING, by)


def current_state(found: Import, job: Job | None) -> str:
    """Where the import stands, also when its job ended without having its word."""
    if not found.is_at_work() or job is None or job.is_active:
        return found.state
    if job.state == "failed":
        return ImportState.FAILED
    return {
        ImportState.CHECKING: ImportState.MAPPED,
        ImportState.APPLYING: ImportState.CANCELLED,
        ImportState.UNDOING: ImportState.APPLIED,
    }[ImportState(found.state)]


def steps(found: Import, job: Job | None) -> frozenset[str]:
    """What may be asked of the import now: to map, check, apply or undo it."""
    allowed = WRITTEN if has_entries(found.id) else UNWRITTEN
    return frozenset(allowed.get(ImportState(current_state(found, job)), ()))


def job_of(found: Import) -> Job | None:
    """The job at work for the import, or last at work."""
    return db.session.get(Job, (current_merchant_id(), found.job_id)) if found.job_id else None


def table_of(found: Import) -> Table:
    """The file as a table, read the way the import says."""
    restore = original_cell if found.retry_of_id else None
    table = recognise(
        source_of(found), encoding=found.encoding, delimiter=found.delimiter, header_row=found.header_row
    )
    table.restore = restore
    return table


def source_of(found: Import) -> Opener:
    """The bytes of the file, decrypted piece by piece."""
    key = found.file_key
    if key is None:
        raise DomainError("The file of this import is not kept any more.")
    return lambda: storage.open_stream(key)


def history_channel() -> SalesChannel:
    """The channel of imported orders, made when it is first needed."""
    channel = db.session.scalars(
        sa.select(SalesChannel).where(
            SalesChannel.merchant_id == current_merchant_id(), SalesChannel.code == CHANNEL_CODE
        )
    ).one_or_none()
    if channel is None:
        channel = SalesChannel(code=CHANNEL_CODE, name="Imported history", kind="import")
        db.session.add(channel)
        db.session.flush()
    return channel


def history_channel_id() -> int | None:
    """The id of that channel, or None while nothing was imported."""
    return db.session.scalar(
        sa.select(SalesChannel.id).where(
            SalesChannel.merchant_id == current_merchant_id(), SalesChannel.code == CHANNEL_CODE
        )
    )


def refuse_other_outcome(found: Import, counts: dict[str, Any]) -> None:
    """Stop when writing would not do what the check announced.

    Raises:
        ConflictError: the shop changed since the check.
    """
    changed = [
        key for key, count in counts.items() if isinstance(count, int) and found.counts.get(key, 0) != count
    ]
    if changed:
        raise ConflictError(
            "The shop changed since the check, and this import would do something else now. Check it again."
        )


def first_location() -> Location | None:
    """Where stock lies unless someone chooses otherwise."""
    return db.session.scalars(
        sa.select(Location)
        .where(Location.merchant_id == current_merchant_id(), Location.is_active)
        .order_by(Location.position, Location.id)
        .limit(1)
    ).first()


def _start(found: Import, kind: str, state: ImportState, by: Actor) -> Job:
    other = db.session.scalar(
        sa.select(sa.func.count())
        .select_from(Job)
        .where(
            Job.merchant_id == current_merchant_id(),
            Job.unique_key == "import",
            Job.state.in_(("queued", "running")),
        )
    )
    if other:
        raise ConflictError("Another import is at work. Wait for it to end, then start this one.")
    found.state, found.problem = state, None
    # One import at a time per merchant: two could claim the same order or the same code.
    job = enqueue(kind, {"import_id": found.id}, by=by, unique_key="import")
    found.job_id = job.id
    audit.record(
        f"{kind.replace('imports.', 'import.')}_started",
        by=by,
        subject=("import", found.id),
        after={"at": utc_now().isoformat()},
    )
    db.session.flush()
    return job


def _require(found: Import, step: str) -> None:
    job = job_of(found)
    if step not in steps(found, job):
        raise ConflictError(f"This import is {current_state(found, job)}; it cannot be {_PAST[step]} now.")


_PAST: Final = {"map": "mapped", "check": "checked", "apply": "applied", "undo": "undone"}


def _opener(file: BinaryIO) -> tuple[Opener, str, int]:
    def pieces() -> Iterator[bytes]:
        file.seek(0)
        while piece := file.read(PIECE):
            yield piece

    digest = hashlib.sha256()
    size = 0
    for piece in pieces():
        digest.update(piece)
        size += len(piece)
    opener: Callable[[], Iterator[bytes]] = pieces
    return opener, digest.hexdigest(), size


def _plain_name(filename: str) -> str:
    name = "".join(
        letter for letter in filename.replace("\\", "/").rpartition("/")[2] if letter.isprintable()
    )
    return name[-200:] or "file.csv"


def _column(sample: list[list[str]], mapping: dict[str, int], *keys: str) -> list[str]:
    place = next((mapping[key] for key in keys if key in mapping), None)
    return [] if place is None else [cells[place] for cells in sample if place < len(cells)]
