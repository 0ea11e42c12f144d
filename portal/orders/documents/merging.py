"""Join PDF files that our own typesetter made into one, page after page, without holding them all.

The typesetter writes plain objects with a classic cross-reference table, which is all this reads: it is no library for
PDF of any origin. Objects are copied with new numbers; the first file gives the catalogue, so the result is still PDF/A.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

HEAD: Final = b"%PDF-1.7\n%\x80\x80\x80\x80\n\n"
# A literal string, a hexadecimal one, or a reference. Only the last is changed.
_TOKEN: Final = re.compile(rb"\(|<(?!<)[0-9A-Fa-f\s]*>|\b(\d+) 0 R\b")
_STREAM: Final = re.compile(rb">>\s*stream\r?\n")
_ROOT: Final = re.compile(rb"/Root (\d+) 0 R")
_ID: Final = re.compile(rb"/ID\s*\[.*?\]", re.S)
_PAGES: Final = re.compile(rb"/Pages (\d+) 0 R")
_COUNT: Final = re.compile(rb"/Count (\d+)")
# What of the first catalogue speaks of its own pages only.
_OF_ONE_FILE: Final = re.compile(rb"/(?:Outlines|StructTreeRoot|PageLabels|Names|Dests) \d+ 0 R")


class NotOurPdfError(ValueError):
    """The file was not written by the typesetter."""


def joined(files: Iterable[bytes]) -> Iterator[bytes]:
    """The one file, in pieces; *files* are taken one at a time.

    Raises:
        NotOurPdfError: a file is of another make, or there is none.
    """
    writer = _Writer()
    yield HEAD
    for data in files:
        yield from writer.add(data)
    yield writer.end()


def page_count(data: bytes) -> int:
    """How many pages a file of ours has."""
    objects, trailer = _objects(data)
    return int(_found(_COUNT, objects[_pages_of(objects, trailer)])[1])


class _Writer:
    def __init__(self) -> None:
        # Object 1 is the tree of all pages; its kids are the trees of the files.
        self._offsets: dict[int, int] = {}
        self._next = 2
        self._at = len(HEAD)
        self._trees: list[tuple[int, int]] = []
        self._root: int | None = None
        self._id = b""

    def add(self, data: bytes) -> Iterator[bytes]:
        objects, trailer = _objects(data)
        root, pages = int(_found(_ROOT, trailer)[1]), _pages_of(objects, trailer)
        numbers = {old: self._next + place for place, old in enumerate(objects)}
        self._next += len(objects)
        self._trees.append((numbers[pages], int(_found(_COUNT, objects[pages])[1])))
        is_first, self._id = self._root is None, self._id or b"".join(_ID.findall(trailer)[:1])
        for old, body in objects.items():
            if old == root and not is_first:
                continue
            if old == root:
                self._root = numbers[old]
                body = _PAGES.sub(b"/Pages 1 0 X", _OF_ONE_FILE.sub(b"", body))
            elif old == pages:
                body = body.replace(b"/Type/Pages", b"/Type/Pages/Parent 1 0 X", 1)
            yield self._written(numbers[old], _renumbered(body, numbers).replace(b"1 0 X", b"1 0 R"))

    def end(self) -> bytes:
        if self._root is None:
            raise NotOurPdfError("There is no file to join.")
        kids = b" ".join(b"%d 0 R" % number for number, _ in self._trees)
        total = sum(count for _, count in self._trees)
        tree = self._written(1, b"<</Type/Pages/Count %d/Kids[%s]>>" % (total, kids))
        table = [b"%010d 65535 f\r\n" % 0]
        table += [
            b"%010d 00000 n\r\n" % self._offsets[number]
            if number in self._offsets
            else b"%010d 65535 f\r\n" % 0
            for number in range(1, self._next)
        ]
        trailer = b"trailer\n<</Size %d/Root %d 0 R%s>>\nstartxref\n%d\n%%%%EOF" % (
            self._next, self._root, self._id, self._at,
        )  # fmt: skip
        return b"%sxref\n0 %d\n%s%s" % (tree, self._next, b"".join(table), trailer)

    def _written(self, number: int, body: bytes) -> bytes:
        written = b"%d 0 obj\n%s\nendobj\n\n" % (number, body)
        self._offsets[number] = self._at
        self._at += len(written)
        return written


def _objects(data: bytes) -> tuple[dict[int, bytes], bytes]:
    """The bodies of all objects by number, and the trailer."""
    start = data.rfind(b"startxref")
    if not data.startswith(b"%PDF-") or start < 0:
        raise NotOurPdfError("This is no PDF file.")
    table = int(data[start:].split()[1])
    if data[table : table + 4] != b"xref":
        raise NotOurPdfError("The file has no plain cross-reference table.")
    lines = data[table:start].split(b"trailer", 1)
    rows = lines[0].split(b"\n")[1:]
    first, count = map(int, rows[0].split())
    entries = [row.split() for row in rows[1 : count + 1]]
    offsets = sorted(
        (int(entry[0]), first + place) for place, entry in enumerate(entries) if entry[2][:1] == b"n"
    )
    ends = [offset for offset, _ in offsets[1:]] + [table]
    bodies = {number: _body(data[offset:end]) for (offset, number), end in zip(offsets, ends, strict=True)}
    return dict(sorted(bodies.items())), lines[1]


def _body(written: bytes) -> bytes:
    head = written.find(b" obj")
    end = written.rfind(b"endobj")
    if head < 0 or end < 0:
        raise NotOurPdfError("An object of the file is cut off.")
    return written[head + 4 : end].strip(b"\r\n")


def _pages_of(objects: dict[int, bytes], trailer: bytes) -> int:
    return int(_found(_PAGES, objects[int(_found(_ROOT, trailer)[1])])[1])


def _renumbered(body: bytes, numbers: dict[int, int]) -> bytes:
    """The object with its references changed; the content of a stream and of strings is left alone."""
    stream = _STREAM.search(body)
    head, rest = (body[: stream.start()], body[stream.start() :]) if stream else (body, b"")
    parts, at = [], 0
    while found := _TOKEN.search(head, at):
        parts.append(head[at : found.start()])
        if found[1]:
            parts.append(b"%d 0 R" % numbers[int(found[1])])
            at = found.end()
        elif found[0] == b"(":
            at = _end_of_string(head, found.start())
            parts.append(head[found.start() : at])
        else:
            parts.append(found[0])
            at = found.end()
    return b"".join((*parts, head[at:], rest))


def _end_of_string(text: bytes, start: int) -> int:
    depth, at = 0, start
    while at < len(text):
        character = text[at : at + 1]
        if character == b"\\":
            at += 1
        elif character == b"(":
            depth += 1
        elif character == b")":
            depth -= 1
            if not depth:
                return at + 1
        at += 1
    raise NotOurPdfError("A string of the file is cut off.")


def _found(pattern: re.Pattern[bytes], text: bytes) -> re.Match[bytes]:
    match = pattern.search(text)
    if match is None:
        raise NotOurPdfError(f"The file lacks {pattern.pattern.decode()}.")
    return match
