"""Where the order history lies that the import benches read: UCI Online Retail, 370,931 lines (CC BY 4.0)."""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

NAME: Final = "data/online-retail/online_retail.csv.gz"
ROOT: Final = Path(__file__).resolve().parent.parent


def retail_file() -> Path:
    """The file named by RETAIL_FILE, or the one beside or above the checkout.

    Raises:
        SystemExit: there is none; says where one may be put.
    """
    places = (
        [Path(os.environ["RETAIL_FILE"])]
        if os.environ.get("RETAIL_FILE")
        else [ROOT / NAME, ROOT.parent / NAME, ROOT.parent / "shared" / NAME]
    )
    for place in places:
        if place.is_file():
            return place
    raise SystemExit(f"There is no {NAME}. Put it beside the checkout, or name it in RETAIL_FILE.")


def retail_bytes(path: Path) -> bytes:
    """The CSV itself."""
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def retail_rows(path: Path) -> Iterator[dict[str, str]]:
    """Its rows as dictionaries, read with the standard library alone."""
    with (
        gzip.open(path, "rt", encoding="utf-8", newline="")
        if path.suffix == ".gz"
        else path.open(encoding="utf-8", newline="")
    ) as text:
        yield from csv.DictReader(text)
