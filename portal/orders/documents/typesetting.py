"""Papers to PDF, by typst. Values go in as data, so markup in them is inert; fonts are ours alone, never the machine's."""

from __future__ import annotations

import base64
import datetime as dt
import functools
import io
import json
import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final

import typst
from PIL import Image

from portal.orders.documents.glyphs import REPLACEMENT, font_files
from portal.orders.documents.merging import page_count
from portal.orders.documents.papers import Paper
from portal.paths import FONTS, TEMPLATES

LAYOUTS: Final = TEMPLATES / "documents"
AT_ONCE: Final = 40
# What is tried on one page first; most orders have fewer lines.
ONE_PAGE_ROWS: Final = 14
# typst keeps what it laid out for ten more documents; this many empty ones make it let go.
GENERATIONS: Final = 12
ATTEMPTS: Final = 3
PICTURE_DPI: Final = 110
ISOLATE, END_OF_ISOLATE = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"
_MISSING: Final = re.compile(r'the text `"(.*?)"` could not be displayed')
_ESCAPE: Final = re.compile(r"\\u\{([0-9a-f]+)\}")
_one_at_a_time: Final = threading.Lock()

Logos = Mapping[str, bytes]


def pdf_of(papers: Sequence[Paper], *, made_at: dt.datetime, logos: Logos | None = None) -> bytes:
    """One PDF/A-3b file of all the papers; the same papers, time and logos give the same bytes.

    A single paper is tagged for screen readers. Many are not: tags take a hundred times the memory.

    Args:
        papers: at least one, at most ``AT_ONCE``; all of one layout.
        made_at: what the file says about when it was made.
        logos: pictures by the name the papers call them by, PNG or JPEG.
    """
    options: dict[str, Any] = {
        "format": "pdf",
        "pdf_standards": "a-3b",
        "timestamp": int(made_at.timestamp()),
        "pdf_tags": len(papers) == 1,
    }
    if all(_rows(paper) <= ONE_PAGE_ROWS for paper in papers):
        tried = _compiled(papers, logos or {}, single=True, **options)
        assert isinstance(tried, bytes)
        # As many pages as papers: each has its one page, as its footer says.
        if page_count(tried) == len(papers):
            return tried
    made = _compiled(papers, logos or {}, **options)
    assert isinstance(made, bytes)
    return made


def pictures_of(
    papers: Sequence[Paper], *, logos: Logos | None = None, dpi: float = PICTURE_DPI
) -> list[bytes]:
    """The pages as PNG, to look at."""
    made = _compiled(papers, logos or {}, format="png", ppi=dpi)
    return [made] if isinstance(made, bytes) else made


def forget() -> None:
    """Give back what typst remembers of documents that will not be set again; call it between batches."""
    with _one_at_a_time:
        for _ in range(GENERATIONS):
            typst.compile(b"", font_paths=_fonts(), ignore_system_fonts=True)


def _rows(paper: Paper) -> int:
    return len(paper.goods.rows) if paper.goods else 0


def _compiled(
    papers: Sequence[Paper], logos: Logos, *, single: bool = False, **options: Any
) -> bytes | list[bytes]:
    if not 0 < len(papers) <= AT_ONCE:
        raise ValueError(f"Between 1 and {AT_ONCE} papers are set at once.")
    layout = papers[0].layout
    if any(paper.layout != layout for paper in papers):
        raise ValueError("Papers of one file have the same layout.")
    inputs = {
        "pictures": json.dumps({name: _as_svg(data) for name, data in logos.items()}),
        "documents": json.dumps([_entry(paper) for paper in papers], ensure_ascii=False),
        "single": "yes" if single else "no",
    }
    for _ in range(ATTEMPTS):
        try:
            return _run(layout, inputs, options)
        except typst.TypstError as error:
            missing = _unset_characters(error.diagnostic)
            if not missing:
                raise
            inputs["documents"] = _without(inputs["documents"], missing)
    return _run(layout, inputs, options)


def _run(layout: int, inputs: dict[str, str], options: Mapping[str, Any]) -> bytes | list[bytes]:
    with _one_at_a_time:
        made: bytes | list[bytes] = typst.compile(
            LAYOUTS / f"v{layout}" / "main.typ",
            root=LAYOUTS,
            font_paths=_fonts(),
            ignore_system_fonts=True,
            sys_inputs=inputs,
            **options,
        )
    return made


def _entry(paper: Paper) -> dict[str, Any]:
    entry = paper.as_dict()
    if paper.direction == "rtl":
        entry |= _with_own_direction(entry)
    return entry | {
        "page-words": entry.pop("page_words"),
        "title": entry["heading"],
        "author": entry["seller"]["name"],
    }


def _with_own_direction(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Values among words that run from right to left: numbers, codes and foreign addresses keep their own order."""
    seller = entry["seller"]
    found = {
        "seller": seller | {"lines": _isolated(seller["lines"]), "sender": _isolated(seller["sender"])},
        "facts": [[label, _isolated(value), *rest] for label, value, *rest in entry["facts"]],
        "totals": [each | {"value": _isolated(each["value"])} for each in entry["totals"]],
    }
    for name in ("goods", "taxes"):
        if entry[name] is not None:
            found[name] = entry[name] | {"rows": _isolated(entry[name]["rows"])}
    return found | {name: _isolated(entry[name]) for name in ("recipient", "lead", "notes", "footer")}


def _isolated(value: Any) -> Any:
    if isinstance(value, str):
        return f"{ISOLATE}{value}{END_OF_ISOLATE}" if value else value
    if isinstance(value, Mapping):
        return {name: _isolated(each) for name, each in value.items()}
    return [_isolated(each) for each in value]


def _unset_characters(diagnostic: str) -> set[str]:
    """Characters that fonts have and shaping could not place, as some marks on a base they were never meant for."""
    runs = (_ESCAPE.sub(lambda found: chr(int(found[1], 16)), run) for run in _MISSING.findall(diagnostic))
    return {character for run in runs for character in run} - {'"', "\\", REPLACEMENT}


def _without(documents: str, missing: set[str]) -> str:
    return documents.translate(
        {ord(character): REPLACEMENT for character in missing if not character.isascii()}
    )


def _as_svg(picture: bytes) -> str:
    """The picture wrapped, because data reaches typst as text only."""
    with Image.open(io.BytesIO(picture)) as opened:
        width, height, media = opened.width, opened.height, Image.MIME[opened.format or "PNG"]
    data = base64.b64encode(picture).decode()
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="{width}"'
        f' height="{height}"><image width="{width}" height="{height}" xlink:href="data:{media};base64,{data}"/></svg>'
    )


@functools.cache
def _fonts() -> typst.Fonts:
    font_files()
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[FONTS])
