"""Which letters the bytes of a file stand for: found by trial, confirmed by the person on the mapping page."""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from portal.imports.reading.errors import UnreadableFileError

# What the mapping page offers, in the order of its list.
ENCODINGS: Final = {
    "utf-8": "Unicode (UTF-8)",
    "utf-16": "Unicode (UTF-16)",
    "utf-16-le": "Unicode (UTF-16, little end first)",
    "utf-16-be": "Unicode (UTF-16, big end first)",
    "cp1252": "Western European (Windows, Latin-1)",
    "cp1250": "Central European (Windows)",
    "cp1251": "Cyrillic (Windows)",
    "mac_roman": "Western European (old Mac)",
    "big5": "Chinese, traditional (Big5)",
    "gb18030": "Chinese, simplified (GB 18030)",
    "shift_jis": "Japanese (Shift JIS)",
    "latin-1": "Any byte (ISO 8859-1)",
}

SAMPLE_BYTES: Final = 1 << 18

_SPREADSHEET = (
    "This is a spreadsheet workbook. Open it and save the sheet as CSV (UTF-8), then upload that file."
)
_ARCHIVE = "This file is compressed. Unpack it and upload the CSV file inside."
_SIGNATURES: Final = (
    (b"PK\x03\x04", _ARCHIVE),
    (b"PK\x05\x06", _ARCHIVE),
    (b"\xd0\xcf\x11\xe0", _SPREADSHEET),
    (b"\x1f\x8b", _ARCHIVE),
    (b"\xfd7zXZ", _ARCHIVE),
    (b"BZh", _ARCHIVE),
    (b"7z\xbc\xaf", _ARCHIVE),
    (b"%PDF", "This is a PDF document. An import needs the data as CSV."),
    (b"\x89PNG", "This is a picture. An import needs the data as CSV."),
    (b"\xff\xd8\xff", "This is a picture. An import needs the data as CSV."),
)

_WORKBOOK_PARTS: Final = (b"mimetypeapplication/vnd.oasis", b"[Content_Types].xml", b"xl/", b"_rels/.rels")


@dataclass(frozen=True, slots=True)
class Guess:
    """An encoding and whether the bytes prove it; what is not proved is asked on the mapping page."""

    name: str
    is_certain: bool


def refuse_other_files(head: bytes) -> None:
    """Refuse what is plainly no text table.

    Raises:
        UnreadableFileError: a workbook, an archive, a web page, a document, or nothing at all.
    """
    if not head.strip(b"\xef\xbb\xbf\xff\xfe\0\t\r\n "):
        raise UnreadableFileError("The file is empty.")
    if head.startswith(b"PK\x03\x04") and any(name in head for name in _WORKBOOK_PARTS):
        raise UnreadableFileError(_SPREADSHEET)
    for signature, message in _SIGNATURES:
        if head.startswith(signature):
            raise UnreadableFileError(message)
    start = head[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<table")):
        raise UnreadableFileError(
            "This is a web page or XML, not a CSV file. Save the table as CSV and upload that."
        )


def guess_encoding(chunks: Iterable[bytes]) -> Guess:
    """Find the encoding by trial over the whole file, piece by piece, so that its size does not matter."""
    trial = _Utf8Trial()
    sample = bytearray()
    for chunk in chunks:
        if not sample:
            marked = _by_byte_order_mark(chunk) or _by_zero_bytes(chunk)
            if marked is not None:
                return marked
        if len(sample) < SAMPLE_BYTES:
            sample += chunk[: SAMPLE_BYTES - len(sample)]
        trial.feed(chunk)
        if trial.failed_at_high_bytes >= 400:
            break
    if trial.holds():
        return Guess("utf-8", True)
    return Guess(_best_legacy(bytes(sample) + trial.around_failure), False)


class _Utf8Trial:
    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("strict")
        self._fails = False
        self.around_failure = b""
        self.failed_at_high_bytes = 0

    def feed(self, chunk: bytes) -> None:
        if not self._fails:
            try:
                self._decoder.decode(chunk)
            except UnicodeDecodeError as error:
                self._fails = True
                self.around_failure = chunk[max(0, error.start - 200) : error.start + 20_000]
        if self._fails:
            self.failed_at_high_bytes += sum(byte > 0x7F for byte in chunk[:20_000])

    def holds(self) -> bool:
        if self._fails:
            return False
        try:
            self._decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
        return True


def _by_byte_order_mark(head: bytes) -> Guess | None:
    if head.startswith(codecs.BOM_UTF8):
        return Guess("utf-8", True)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Guess("utf-16", True)
    return None


def _by_zero_bytes(head: bytes) -> Guess | None:
    """UTF-16 without its mark: in a table of mostly ASCII every other byte is zero."""
    sample = head[:4000]
    if len(sample) < 4:
        return None
    even, odd = sample[0::2].count(0) / (len(sample) / 2), sample[1::2].count(0) / (len(sample) / 2)
    if odd > 0.4 and even < 0.05:
        return Guess("utf-16-le", False)
    if even > 0.4 and odd < 0.05:
        return Guess("utf-16-be", False)
    return None


def _best_legacy(sample: bytes) -> str:
    """The likeliest of the older encodings, judged by how ordinary the letters are that each would give."""
    scores = {
        name: _score(sample, name)
        for name in ("big5", "shift_jis", "gb18030", "cp1252", "mac_roman", "cp1251")
    }
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] > 0 else "latin-1"


def _score(sample: bytes, encoding: str) -> float:
    try:
        text = codecs.getincrementaldecoder(encoding)("strict").decode(sample)
    except UnicodeDecodeError:
        return 0.0
    foreign = [letter for letter in text if letter > "\x7f"]
    if not foreign:
        return 0.0
    judge = _JUDGES[encoding]
    return sum(judge(letter) for letter in foreign) / len(foreign)


def _ordinary_big5(letter: str) -> float:
    """Big5 orders its letters by frequency: A440 to C67E are the 5,401 everyday ones. Latin text read as Big5 misses them."""
    code = letter.encode("big5", "ignore")
    return 1.2 if len(code) == 2 and 0xA1 <= code[0] <= 0xC6 else -1.0


def _ordinary_gb(letter: str) -> float:
    code = letter.encode("gb18030", "ignore")
    return 1.1 if len(code) == 2 and 0xB0 <= code[0] <= 0xD7 and code[1] >= 0xA1 else -1.0


def _ordinary_japanese(letter: str) -> float:
    return 1.15 if "\u3040" <= letter <= "\u30ff" else (0.3 if "\u4e00" <= letter <= "\u9fff" else -1.0)


_WESTERN_LETTERS: Final = frozenset("àáâãäåæçèéêëìíîïñòóôõöøùúûüÿßœÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜŒŠšŽž")
_SIGNS: Final = frozenset("£€§°²³¿¡«»–—‘’“”…•®©™ªº·½¼¾\xa0´×")


def _ordinary_western(letter: str) -> float:
    return 1.0 if letter in _WESTERN_LETTERS else (0.8 if letter in _SIGNS else -1.0)


def _ordinary_mac(letter: str) -> float:
    return 0.9 if letter in _WESTERN_LETTERS else (0.5 if letter in _SIGNS else -1.0)


def _ordinary_cyrillic(letter: str) -> float:
    return 0.85 if unicodedata.category(letter) == "Ll" and "а" <= letter <= "ё" else -0.4


_JUDGES: Final = {
    "big5": _ordinary_big5,
    "gb18030": _ordinary_gb,
    "shift_jis": _ordinary_japanese,
    "cp1252": _ordinary_western,
    "mac_roman": _ordinary_mac,
    "cp1251": _ordinary_cyrillic,
}
