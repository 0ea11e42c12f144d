"""PDF of any text: every script has its shapes, markup is inert, the same input gives the same bytes."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import pytest

from portal.orders.documents import glyphs
from portal.orders.documents.codes import bars, square
from portal.orders.documents.merging import NotOurPdfError, joined, page_count
from portal.orders.documents.papers import Cell, Column, Paper, Seller, Table, Total, paper_of
from portal.orders.documents.typesetting import AT_ONCE, pdf_of, pictures_of
from portal.orders.documents.words import LANGUAGES, Words, checked_words, language_for, locale_for

NAUGHTY_FILE = Path(__file__).parents[4] / "shared" / "data" / "naughty-strings" / "blns.json"
AT = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
SCRIPTS = {
    "Latin": "Ærøskøbing Łódź Việt", "Greek": "Ελληνικά", "Cyrillic": "Привіт Жук", "Arabic": "محمد علي", "Hebrew": "שָׁלוֹם", "Thai": "สวัสดีครับ",
    "Devanagari": "नमस्ते क्षत्रिय", "Bengali": "বাংলা", "Tamil": "தமிழ்", "Telugu": "తెలుగు", "Gujarati": "ગુજરાતી", "Gurmukhi": "ਪੰਜਾਬੀ",
    "Kannada": "ಕನ್ನಡ", "Malayalam": "മലയാളം", "Oriya": "ଓଡ଼ିଆ", "Sinhala": "සිංහල", "Khmer": "ភាសាខ្មែរ", "Lao": "ພາສາລາວ", "Myanmar": "မြန်မာ",
    "Georgian": "ქართული", "Armenian": "Հայերեն", "Ethiopic": "አማርኛ", "Han": "漢字汉字", "Kana": "ひらがなカタカナ", "Hangul": "한국어", "Tibetan": "བོད་ཡིག",
    "Cherokee": "ᏣᎳᎩ", "Emoji": "🎁👍🏽", "Symbols": "€₴₪₹☃✓",
}  # fmt: skip


def paper(text: str = "Ada", **values: object) -> Paper:
    goods = Table([Column("Item", wide=True), Column("Amount", "end")], [[Cell(text, [text]), "9.00"]])
    made = Paper(
        heading=f"Invoice {text}", seller=Seller(text, [text], text), recipient=[text], facts=[["No.", text, True]], lead=[text], goods=goods,
        totals=[Total(text, "9.00", True)], notes=[text], footer=[[text]], boxes=[text],
    )  # fmt: skip
    return replace(made, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_has_its_shapes(script: str) -> None:
    assert glyphs.REPLACEMENT not in glyphs.printable(SCRIPTS[script])
    assert page_count(pdf_of([paper(SCRIPTS[script])], made_at=AT)) == 1


def test_naughty_strings_never_break_a_document() -> None:
    if not NAUGHTY_FILE.exists():
        pytest.skip("the naughty strings are not here")
    strings = [text for text in json.loads(NAUGHTY_FILE.read_text()) if text.strip()]
    for start in range(0, len(strings), AT_ONCE):
        papers = [paper(text) for text in strings[start : start + AT_ONCE]]
        assert page_count(pdf_of(papers, made_at=AT)) >= len(papers)


@pytest.mark.parametrize(
    "text",
    ["", "\x00\x07", "\ud800", "\ue000\ufffe", "a\u0301\u0301\u0301", "x" * 3_000, "ا" * 500, "א\u202eabc"],
)
def test_odd_text_never_breaks_a_document(text: str) -> None:
    assert page_count(pdf_of([paper(text)], made_at=AT)) >= 1


def test_markup_in_values_is_text() -> None:
    evil = '#panic("x") $x$ *bold* `raw` #import "/etc/passwd" "); #sys.inputs \\ </svg>'
    assert page_count(pdf_of([paper(evil)], made_at=AT)) == 1
    assert glyphs.printable(evil) == evil


def test_the_same_paper_gives_the_same_bytes() -> None:
    first = pdf_of([paper("Ada")], made_at=AT)
    assert pdf_of([paper_of(json.loads(json.dumps(paper("Ada").as_dict())))], made_at=AT) == first
    assert b"pdfaid:part" in first and b"GTS_PDFA1" in first
    assert pdf_of([paper("Ada")], made_at=AT + dt.timedelta(days=1)) != first


def test_long_documents_run_over_pages() -> None:
    rows = [[Cell(f"Item {n}", ["SKU"]), "9.00"] for n in range(100)]
    long = paper(goods=Table([Column("Item", wide=True), Column("Amount", "end")], rows))
    assert page_count(pdf_of([long], made_at=AT)) > 2


def test_few_rows_with_long_texts_still_count_their_pages() -> None:
    long = paper(notes=["word " * 4_000])
    assert page_count(pdf_of([long, paper()], made_at=AT)) == page_count(pdf_of([long], made_at=AT)) + 1 > 3


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_word_and_sets(language: str) -> None:
    words = Words(language)
    assert checked_words() == []
    page = paper(
        heading=words("invoice"), language=language, direction=words.direction, page_words=words.raw("page")
    )
    assert len(pictures_of([page], dpi=40)) == 1
    assert words.direction == ("rtl" if language in ("ar", "he") else "ltr")


def test_the_language_is_the_buyers_else_their_countrys_else_the_merchants() -> None:
    assert language_for(locale="fr-CA", country="DE", fallback="en") == "fr"
    assert language_for(locale="sv", country="AT", fallback="en") == "de"
    assert language_for(locale=None, country="JP", fallback="nl") == "ja"
    assert language_for(locale=None, country="SE", fallback="nl") == "nl"
    assert locale_for("de", "CH") == "de_CH" and locale_for("pl", "BR") == "pl"


def test_joined_files_are_one_whole_file() -> None:
    files = [pdf_of([paper(f"{n} (7 0 R) \\ 中") for n in range(k)], made_at=AT) for k in (1, 3, 2)]
    whole = b"".join(joined(iter(files)))
    assert page_count(whole) == 6
    assert page_count(b"".join(joined([whole, files[0]]))) == 7
    for broken in (b"", b"%PDF-1.7 nonsense", whole[: len(whole) // 2]):
        with pytest.raises(NotOurPdfError):
            list(joined([broken]))
    with pytest.raises(NotOurPdfError):
        list(joined([]))


def test_codes_say_what_fits_them() -> None:
    assert bars("1001") is not None
    assert bars("") is None and bars("№5") is None and bars("x" * 60) is None
    assert square("10042/R1").square
