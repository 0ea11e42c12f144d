"""Files as they come: encodings, delimiters, line ends, headings, and what is no table at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.imports.formats import FORMATS, guess_mapping, heading_likeness, recognise_format
from portal.imports.reading.errors import CellError, UnreadableFileError
from portal.imports.reading.table import bytes_opener, recognise
from portal.imports.reading.values import (
    check_text,
    date_parser,
    guess_date_order,
    guess_decimal_mark,
    parse_decimal,
    parse_quantity,
)
from portal.imports.rejects import original_cell, rejects_csv, safe_cell
from tests.imports.conftest import DATA

HORROR = DATA / "horror"


def table_of(content: bytes, **options: object):  # type: ignore[no-untyped-def]
    return recognise(bytes_opener(content), looks_like_heading=heading_likeness, **options)  # type: ignore[arg-type]


# The expectation of location_coordinates.csv names another telephone number than the file.
SPECTRUM = [
    path for path in sorted((DATA / "csv-spectrum").glob("*.csv")) if path.stem != "location_coordinates"
]


@pytest.mark.parametrize("path", SPECTRUM, ids=lambda path: path.stem)
def test_it_parses_what_the_spectrum_expects(path: Path) -> None:
    expected = json.loads((DATA / "csv-spectrum" / "json" / f"{path.stem}.json").read_text(encoding="utf-8"))
    table = table_of(path.read_bytes())
    found = [dict(zip(table.headings, cells, strict=False)) for _, cells in table.rows()]
    assert found == expected


@pytest.mark.parametrize(
    ("name", "encoding", "delimiter", "columns", "rows"),
    [
        ("characters.csv", "big5", ",", 18, None),
        ("utf-16le_encoded.csv", "utf-16", ",", 19, None),
        ("sparse_with_column_errors.csv", "cp1252", ",", 4, None),
        ("spanish_chars.csv", "cp1252", ",", 8, 115),
        ("mixedGLB.csv", "utf-8", ",", 19, 135),
        ("utf8bom.csv", "utf-8", ",", 2, 0),
        ("simple.psv", "utf-8", "|", 6, 28),
        ("simple.ssv", "utf-8", ";", 3, 6),
        ("example.tsv", "utf-8", "\t", 17, 140),
        ("small.csv", "utf-8", ",", 1, 0),
    ],
)
def test_it_recognises_how_a_messy_file_is_to_be_read(
    name: str, encoding: str, delimiter: str, columns: int, rows: int | None
) -> None:
    table = table_of((HORROR / name).read_bytes())
    assert (table.dialect.encoding, table.dialect.delimiter, len(table.headings)) == (
        encoding,
        delimiter,
        columns,
    )
    found = list(table.rows())
    assert rows is None or len(found) == rows


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("libreoffice.xlsx", "spreadsheet"),
        ("encrypted_no_password.xls", "spreadsheet"),
        ("simple.ods", "spreadsheet"),
        ("simple.zip", "compressed"),
        ("badcolspan.html", "web page"),
        ("simple.unknown", "empty"),
    ],
)
def test_it_refuses_what_is_no_table_and_says_what_to_do(name: str, words: str) -> None:
    with pytest.raises(UnreadableFileError, match=words):
        table_of((HORROR / name).read_bytes())


@pytest.mark.parametrize("path", sorted(HORROR.iterdir()), ids=lambda path: path.name)
def test_no_file_makes_it_crash(path: Path) -> None:
    try:
        table = table_of(path.read_bytes())
        rows = list(table.rows())
    except UnreadableFileError as error:
        assert error.message
    else:
        assert table.headings
        assert all(len(row) == 2 for row in rows)


@settings(max_examples=150)
@given(st.binary(max_size=3000))
def test_no_bytes_make_it_crash(content: bytes) -> None:
    try:
        table = table_of(content)
        list(table.rows())
        guess_mapping(table.headings, FORMATS[recognise_format(table.headings)])
    except UnreadableFileError as error:
        assert error.message


def test_a_chosen_encoding_that_does_not_fit_is_refused_naming_the_line() -> None:
    table = table_of("a,b\nx,ö\n".encode("latin-1"))
    assert (table.dialect.encoding, table.dialect.is_certain) == ("cp1252", False)
    with pytest.raises(UnreadableFileError, match="Choose another encoding"):
        list(table_of("a,b\nx,ö\n".encode("latin-1"), encoding="utf-8").rows())


def test_a_quote_without_partner_is_named_and_swallows_no_rows_in_silence() -> None:
    with pytest.raises(UnreadableFileError, match="line 2"):
        list(table_of(b'a,b\n"x,y\n' + b"1,2\n" * 5000).rows())


def test_rows_are_numbered_as_a_spreadsheet_numbers_them() -> None:
    table = table_of(b'a,b\n"two\nlines",1\n\n3,4\n')
    assert [number for number, _ in table.rows()] == [2, 4]


def test_headings_become_unique_and_never_empty() -> None:
    assert table_of(b"a,,a\n1,2,3\n").headings == ["a", "Column 2", "a (2)"]


def test_a_heading_below_other_text_is_found() -> None:
    table = table_of(
        b"Report of the shop\n\nInvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice\n1,A,1,2010-01-01,1\n"
    )
    assert (table.dialect.header_row, recognise_format(table.headings)) == (3, "online_retail")


@pytest.mark.parametrize(
    ("headings", "key"),
    [
        (
            [
                "InvoiceNo",
                "StockCode",
                "Description",
                "Quantity",
                "InvoiceDate",
                "UnitPrice",
                "CustomerID",
                "Country",
            ],
            "online_retail",
        ),
        (["Handle", "Title", "Option1 Name", "Variant Price"], "shopify_products"),
        (["ID", "Type", "SKU", "Name", "Visibility in catalog", "Regular price"], "woocommerce_products"),
        (["sku", "name", "price"], "products"),
        (["order id", "sku", "qty", "date", "price"], "online_retail"),
    ],
)
def test_it_recognises_the_format(headings: list[str], key: str) -> None:
    assert recognise_format(headings) == key
    assert FORMATS[key].missing(guess_mapping(headings, FORMATS[key])) == []


def test_columns_are_guessed_through_misspellings_and_never_twice() -> None:
    mapping = guess_mapping(
        ["Invoice Numbr", "stock-code", "Quantty", "invoice date", "Unit Pirce"], FORMATS["online_retail"]
    )
    assert mapping == {"code": 1, "quantity": 2, "at": 3, "unit_price": 4, "order_number": 0} or len(
        set(mapping.values())
    ) == len(mapping)


@pytest.mark.parametrize(
    ("cell", "mark", "value"),
    [
        ("2.55", ".", "2.55"),
        ("1,234.5", ".", "1234.5"),
        ("1.234,50", ",", "1234.50"),
        ("£3.39", ".", "3.39"),
        ("(5)", ".", "-5"),
        ("3,5", ",", "3.5"),
    ],
)
def test_it_reads_money(cell: str, mark: str, value: str) -> None:
    assert str(parse_decimal(cell, mark)) == value


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "one",
        "1e400",
        "NaN",
        "Infinity",
        "1,2,3",
        "１２",
        "0x10",
        "1_000",
        "99999999999999999",
        "0.1234567",
        "--1",
        "\0",
    ],
)
def test_it_refuses_what_is_no_amount(cell: str) -> None:
    with pytest.raises(CellError):
        parse_decimal(cell)


def test_quantities_are_whole() -> None:
    assert parse_quantity("6.0") == 6
    with pytest.raises(CellError, match="whole"):
        parse_quantity("1.5")


def test_dates_are_read_in_their_order_and_zone() -> None:
    assert date_parser("dmy", "Europe/London")("01/06/2011 08:26").isoformat() == "2011-06-01T07:26:00+00:00"
    assert date_parser("mdy", "UTC")("06/01/11 1:05 PM").isoformat() == "2011-06-01T13:05:00+00:00"
    assert date_parser("ymd", "UTC")("2011-06-01T08:26:00+02:00").isoformat() == "2011-06-01T06:26:00+00:00"


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("1989-12-31", "1990"),
        ("2199-01-01", "tomorrow"),
        ("2011-02-30", "calendar"),
        ("soon", "not a date"),
        ("0000-00-00", "calendar"),
        ("9999-99-99", "calendar"),
        ("2011-01-01 25:00", "calendar"),
        ("٢٠١١-٠١-٠١", "not a date"),
    ],
)
def test_dates_out_of_reach_are_refused_with_the_rule(cell: str, words: str) -> None:
    with pytest.raises(CellError, match=words):
        date_parser("ymd", "UTC")(cell)


def test_orders_of_dates_and_marks_are_guessed() -> None:
    assert guess_date_order(["2011-01-31", "2011-02-01"]) == "ymd"
    assert guess_date_order(["31/01/2011", "01/02/2011"]) == "dmy"
    assert guess_date_order(["01/31/2011", "01/02/2011"]) == "mdy"
    assert (guess_decimal_mark(["2,55", "3,00"]), guess_decimal_mark(["2.55"])) == (",", ".")


@settings(max_examples=300)
@given(st.text(max_size=60))
def test_no_cell_makes_a_parser_crash(cell: str) -> None:
    for parse in (
        parse_decimal,
        parse_quantity,
        check_text,
        date_parser("ymd", "UTC"),
        date_parser("dmy", "Asia/Tokyo"),
    ):
        try:
            parse(cell)
        except CellError as error:
            assert cell == "" or len(cell) < 4 or cell not in error.reason


@given(st.text(max_size=20))
def test_a_protected_cell_comes_back_as_it_was(cell: str) -> None:
    protected = safe_cell(cell)
    assert not protected.startswith(("=", "@", "\t", "\r"))
    if protected != cell:
        assert original_cell(protected) == cell


def test_rejects_keep_their_row_and_say_why() -> None:
    table = table_of(b"sku,title\nA,=1+1\nB,Two\nC,Three\n")
    text = b"".join(rejects_csv(table, [(2, "The row is odd"), (4, "The row is even")])).decode("utf-8-sig")
    assert text.splitlines() == [
        "sku,title,Row in the file,Reason",
        "A,'=1+1,2,The row is odd",
        "C,Three,4,The row is even",
    ]
