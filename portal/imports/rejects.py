"""The file of refused rows: as they were but for card numbers, with the row number and the reason behind, ready to be corrected and sent again."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import tempfile
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from portal.core import storage
from portal.core.card_numbers import without_card_numbers
from portal.core.clock import utc_now
from portal.imports.formats import is_free_text
from portal.imports.models import Import
from portal.imports.reading.table import Table

ROW_HEADING: Final = "Row in the file"
REASON_HEADING: Final = "Reason"
PIECE: Final = 1 << 16
GATHERED: Final = 8 << 20
KEPT_DAYS: Final = 30
_NUMBER: Final = re.compile(r"[+-]?[\d.,]+")
_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def rejects_csv(
    table: Table, rejected: Iterable[tuple[int, str]], codes: Collection[int] = ()
) -> Iterator[bytes]:
    """The refused rows of *table* as CSV, in pieces, with the last four digits alone of card numbers.

    Args:
        rejected: row number and reason, in the order of the file.
        codes: the columns whose numbers are no card numbers by their nature.
    """
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    buffer.write("\ufeff")
    writer.writerow([*table.headings, ROW_HEADING, REASON_HEADING])
    wanted = iter(rejected)
    number, reason = next(wanted, (0, ""))
    for row_number, cells in table.rows():
        if row_number != number:
            continue
        width = len(table.headings)
        writer.writerow(
            [
                *(
                    safe_cell(cell if place in codes else without_card_numbers(cell))
                    for place, cell in enumerate((cells + [""] * width)[: max(width, len(cells))])
                ),
                row_number,
                reason,
            ]
        )
        if buffer.tell() > PIECE:
            yield buffer.getvalue().encode("utf-8", "replace")
            buffer.seek(0)
            buffer.truncate()
        following = next(wanted, None)
        if following is None:
            break
        number, reason = following
    yield buffer.getvalue().encode("utf-8", "replace")


def keep_rejects(found: Import, table: Table, rejected: Iterable[tuple[int, str]]) -> None:
    """Keep the refused rows of an import in storage, encrypted.

    They are gathered first, because the object store cannot be read and written at once; what does not fit into memory
    goes to a file without a name.
    """
    with tempfile.SpooledTemporaryFile(max_size=GATHERED) as gathered:
        codes = {column for key, column in found.mapping.items() if not is_free_text(key)}
        for piece in rejects_csv(table, rejected, codes):
            gathered.write(piece)
        gathered.seek(0)
        found.rejects_key = f"imports/{found.id}/rejects"
        storage.put(
            found.rejects_key,
            iter(lambda: gathered.read(PIECE), b""),
            filename=f"rejects-{found.id}.csv",
            media_type="text/csv",
            by=found.created_by_id,
            expires_at=utc_now() + dt.timedelta(days=KEPT_DAYS),
        )


def safe_cell(cell: str) -> str:
    """A cell no spreadsheet takes for a formula; numbers stay numbers."""
    return f"'{cell}" if cell.startswith(_STARTS) and not _NUMBER.fullmatch(cell) else cell


def original_cell(cell: str) -> str:
    """What ``safe_cell`` was given; read back when the corrected rows come home."""
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(_STARTS) else cell
