"""A text file as numbered rows under a heading. Streams: the file may be larger than memory."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from portal.imports.reading.encoding import ENCODINGS, guess_encoding, refuse_other_files
from portal.imports.reading.errors import UnreadableFileError

DELIMITERS: Final = {",": "Comma", ";": "Semicolon", "\t": "Tab", "|": "Vertical bar"}
LONGEST_CELL: Final = 200_000
LONGEST_ROW_IN_LINES: Final = 2_000
MOST_COLUMNS: Final = 500
HEADING_SEARCH: Final = 30

csv.field_size_limit(LONGEST_CELL)

Opener = Callable[[], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How to read one file: all of it guessed, all of it the person's to correct."""

    encoding: str
    delimiter: str
    header_row: int = 1
    is_certain: bool = True


@dataclass(slots=True)
class Table:
    """Rows of one file, read anew each time, numbered as a spreadsheet numbers them (the first row is 1).

    Args:
        open_file: gives the file's bytes in pieces, from the start, each time it is called.
        restore: applied to every cell below the heading, for files of ours that protect some of them.
    """

    open_file: Opener
    dialect: Dialect
    headings: list[str] = field(default_factory=list)
    restore: Callable[[str], str] | None = None

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """The rows below the heading, blank ones left out.

        Raises:
            UnreadableFileError: the bytes are not in the chosen encoding, a quote is never closed, a cell has no end.
        """
        for number, cells in self._numbered():
            if number > self.dialect.header_row and any(map(str.strip, cells)):
                yield number, cells if self.restore is None else [self.restore(cell) for cell in cells]

    def head(self, count: int) -> list[tuple[int, list[str]]]:
        """The first *count* rows below the heading."""
        found = []
        for row in self.rows():
            found.append(row)
            if len(found) >= count:
                break
        return found

    def read_headings(self) -> list[str]:
        """The heading as unique, non-empty names; kept in ``headings``."""
        for number, cells in self._numbered():
            if number == self.dialect.header_row:
                self.headings = unique_names(cells)
                return self.headings
        raise UnreadableFileError(
            f"The file has no row {self.dialect.header_row}, so it has no heading there."
        )

    def _numbered(self) -> Iterator[tuple[int, list[str]]]:
        reader = csv.reader(_lines(self.open_file(), self.dialect.encoding), delimiter=self.dialect.delimiter)
        number, line = 0, 0
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                raise UnreadableFileError(
                    f"The row that begins in line {line + 1} cannot be read: a cell is longer than {LONGEST_CELL:,} letters. "
                    "A quotation mark may be missing its partner."
                ) from None
            number += 1
            if reader.line_num - line > LONGEST_ROW_IN_LINES:
                raise UnreadableFileError(
                    f"The row that begins in line {line + 1} is {reader.line_num - line:,} lines long. "
                    "A quotation mark in it has no partner."
                )
            line = reader.line_num
            yield number, cells


def recognise(
    open_file: Opener,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    header_row: int | None = None,
    looks_like_heading: Callable[[list[str]], float] | None = None,
) -> Table:
    """Find how *open_file* is to be read; what the caller names is taken as it is.

    Raises:
        UnreadableFileError: it is no text table, or holds no rows.
    """
    head = _first_bytes(open_file, 4096)
    refuse_other_files(head)
    guess = guess_encoding(open_file()) if encoding is None else None
    if encoding is not None and encoding not in ENCODINGS:
        raise UnreadableFileError("Choose one of the encodings on the list.")
    name = encoding or (guess.name if guess else "utf-8")
    lines = _first_lines(open_file, name, 200)
    mark = delimiter or guess_delimiter(lines)
    if mark not in DELIMITERS:
        raise UnreadableFileError("Choose one of the delimiters on the list.")
    dialect = Dialect(
        name,
        mark,
        header_row or _find_heading(lines, mark, looks_like_heading),
        guess.is_certain if guess else True,
    )
    table = Table(open_file, dialect)
    table.read_headings()
    if len(table.headings) > MOST_COLUMNS:
        raise UnreadableFileError(
            f"The heading has {len(table.headings):,} columns; {MOST_COLUMNS} is the most an import takes."
        )
    return table


def guess_delimiter(lines: list[str]) -> str:
    """The mark that cuts the sample into the most even rows."""
    return max(DELIMITERS, key=lambda mark: _evenness(lines, mark))


def unique_names(cells: list[str]) -> list[str]:
    """Heading cells trimmed, empty ones called by their place, repeated ones numbered."""
    seen: Counter[str] = Counter()
    names = []
    for place, cell in enumerate(cells, start=1):
        name = " ".join(cell.replace("\0", "").split())[:120] or f"Column {place}"
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return names


def _evenness(lines: list[str], mark: str) -> float:
    try:
        widths = [len(row) for row in csv.reader(lines, delimiter=mark) if any(row)]
    except csv.Error:
        return 0.0
    if not widths:
        return 0.0
    width, count = Counter(widths).most_common(1)[0]
    return 0.0 if width < 2 else count / len(widths) + min(width, 20) / 100


def _find_heading(
    lines: list[str], mark: str, looks_like_heading: Callable[[list[str]], float] | None
) -> int:
    """The row that reads most like a heading among the first; the first row with text when none stands out."""
    best, best_score, first = 0, 0.0, 0
    try:
        for number, cells in enumerate(csv.reader(lines[:HEADING_SEARCH], delimiter=mark), start=1):
            if not any(map(str.strip, cells)):
                continue
            first = first or number
            score = looks_like_heading(cells) if looks_like_heading else 0.0
            if score > best_score:
                best, best_score = number, score
    except csv.Error:
        pass
    return best or first or 1


def _lines(chunks: Iterable[bytes], encoding: str) -> Iterator[str]:
    """Text lines with their ends kept, whatever they are: LF, CRLF or the lone CR of old Macs."""
    text = io.TextIOWrapper(
        io.BufferedReader(_Chunks(chunks), 1 << 18), encoding=_codec(encoding), newline=""
    )
    number = 0
    try:
        for number, line in enumerate(text, start=1):
            yield line.lstrip("\ufeff") if number == 1 else line
    except UnicodeError:
        raise UnreadableFileError(
            f"After line {number} there are bytes that are not {ENCODINGS[encoding]}. Choose another encoding."
        ) from None


def _codec(encoding: str) -> str:
    return "utf-8-sig" if encoding == "utf-8" else encoding


def _first_bytes(open_file: Opener, count: int) -> bytes:
    found = bytearray()
    for chunk in open_file():
        found += chunk
        if len(found) >= count:
            break
    return bytes(found[:count])


def _first_lines(open_file: Opener, encoding: str, count: int) -> list[str]:
    lines: list[str] = []
    for line in _lines(open_file(), encoding):
        lines.append(line[:LONGEST_CELL])
        if len(lines) >= count:
            break
    if not any(line.strip() for line in lines):
        raise UnreadableFileError("The file holds no text.")
    return lines


class _Chunks(io.RawIOBase):
    """Pieces of bytes as a raw stream, so that the standard library buffers and decodes them."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            try:
                self._rest = bytes(next(self._chunks))
            except StopIteration:
                return 0
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def bytes_opener(content: bytes) -> Opener:
    """An opener over bytes in memory."""
    return lambda: (content[start : start + (1 << 18)] for start in range(0, len(content), 1 << 18))
