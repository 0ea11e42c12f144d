"""A real order history, moved to end yesterday, brought in by the portal's own import."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
from pathlib import Path
from typing import Any, Final

from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.jobs import run_due_jobs
from portal.imports import services
from portal.imports.models import Import

SLICE: Final = Path(__file__).resolve().parent / "data" / "online_retail_slice.csv.gz"

BROKEN: Final = """\
InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
W-1001,85123A,WHITE HANGING HEART T-LIGHT HOLDER,6,{day} 09:12:00,2.95,15643.0,United Kingdom
W-1002,22423,REGENCY CAKESTAND 3 TIER,2,{day} 09:40:00,12.75,15643.0,United Kingdom
W-1003,47566,PARTY BUNTING,10,31/02/2026 10:05,4.95,16029.0,United Kingdom
W-1004,84879,ASSORTED COLOUR BIRD ORNAMENT,8,{day} 10:31:00,1.69,15643.0,United Kingdom
W-1005,22720,SET OF 3 CAKE TINS PANTRY DESIGN,three,{day} 10:44:00,4.95,15643.0,United Kingdom
W-1006,20725,LUNCH BAG RED RETROSPOT,10,{day} 11:02:00,1.65,16029.0,United Kingdom
W-1007,22086,PAPER CHAIN KIT 50'S CHRISTMAS,6,1969-07-20 20:17:00,2.95,16029.0,United Kingdom
W-1008,23298,SPOTTY BUNTING,4,{day} 11:30:00,about five,15643.0,United Kingdom
W-1009,22457,NATURAL SLATE HEART CHALKBOARD,6,{day} 12:00:00,2.95,16029.0,United Kingdom
W-1010,,UNKNOWN ARTICLE,1,{day} 12:10:00,1.00,16029.0,United Kingdom
"""


def moved_slice(yesterday: dt.date) -> tuple[bytes, int]:
    """The slice with every date moved on by the same whole weeks, cut after *yesterday*; gives the file and the weeks.

    Whole weeks keep every weekday what it was: a shop's Monday is no Saturday.
    """
    with gzip.open(SLICE, "rt", encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    at = head.index("InvoiceDate")
    last = max(dt.datetime.fromisoformat(row[at]).date() for row in rows)
    weeks = -(-(yesterday - last).days // 7)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(head)
    for row in rows:
        moved = dt.datetime.fromisoformat(row[at]) + dt.timedelta(weeks=weeks)
        if moved.date() <= yesterday:
            row[at] = moved.isoformat(sep=" ")
            writer.writerow(row)
    return text.getvalue().encode(), weeks


def bring_in(content: bytes, filename: str, *, by: Actor, **options: Any) -> Import:
    """A file through upload, mapping, dry run and application, as a person would, with the jobs done here and now."""
    found = services.receive_file(filename, io.BytesIO(content), by=by)
    services.set_mapping(found, found.mapping, options, by=by)
    for start, wanted in ((services.start_check, "checked"), (services.start_apply, "applied")):
        start(found, by=by)
        import_id = found.id
        db.session.commit()
        run_due_jobs()
        found = db.session.get_one(Import, (current_merchant_id(), import_id))
        if found.state != wanted:
            raise RuntimeError(f"The import of {filename} is {found.state}, not {wanted}: {found.problem}")
    return found


def half_rejected(yesterday: dt.date) -> bytes:
    """A file that somebody typed together: half of its rows cannot be taken."""
    return BROKEN.format(day=yesterday.isoformat()).encode()
