"""One scan of a count: two statements and a commit, however many lines the count has.

The line keeps what the books said when its count began, so that units sold afterwards are not taken twice. Scans of one
variant add up, whoever scans; a scan that replaces begins the line anew.
"""

from __future__ import annotations

import functools
import uuid
from dataclasses import dataclass
from typing import Any, Final, Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY

from portal.catalog.models import Product, Variant
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError, NotFoundError
from portal.stock.models import StockCount, StockCountLine, StockCountScan, StockLevel
from portal.stock.scanning import (
    IS_BUNDLE,
    MOST_SCANNED,
    WITH_PRODUCT,
    Scanned,
    keys_of,
    one_of,
    require_goods,
)

Mode = Literal["add", "take", "set"]

_count: Final = StockCount.__table__
_line: Final = StockCountLine.__table__
_scan: Final = StockCountScan.__table__
_level: Final = StockLevel.__table__.c
_variant: Final = Variant.__table__.c
_product: Final = Product.__table__.c


class CountClosedError(ConflictError):
    """The count takes no scans any more."""

    def __init__(self) -> None:
        super().__init__("This count is closed. Nothing more can be counted in it unless it is opened again.")


@dataclass(frozen=True, slots=True)
class Counted:
    """A line after a scan. ``is_new`` says whether this scan counted now, ``has_moved`` whether the books changed under the count."""

    variant: Scanned
    counted: int
    is_new: bool
    has_moved: bool


def record_scan(count_id: int, code: str, units: int, mode: Mode, *, token: uuid.UUID, by: Actor) -> Counted:
    """Count *units* of what was scanned: added to the line, taken off it, or in its place. The same *token* counts once.

    Raises:
        NotFoundError: there is no such count.
        CountClosedError: it takes no scans any more.
        UnknownCodeError: no variant, or more than one, has the code.
        DomainError: the line would hold too many units, or fewer than none.
    """
    found, book = _look_up(count_id, code)
    if mode == "take":
        _require_counted(count_id, found, units, token)
        units = -units
    values: dict[str, Any] = {
        "own_merchant_id": current_merchant_id(),
        "own_token": token,
        "own_count_id": count_id,
        "own_variant_id": found.variant_id,
        "own_mode": "set" if mode == "set" else "add",
        "own_units": units,
        "own_book": book,
        "own_actor_id": by.id if by.kind == "user" else None,
    }
    row = db.session.connection().execute(_written(mode), values).one_or_none()
    if row is None:
        return _as_it_stands(count_id, found, token)
    if row.counted > MOST_SCANNED * 100:
        raise DomainError("That is more units than a line can hold. Check the number.", field="units")
    return Counted(found, row.counted, True, row.book != row.book_last)


def _look_up(count_id: int, code: str) -> tuple[Scanned, int]:
    """The variant, and what the books say of it at the place of the count; the count stays open until the commit."""
    sku, barcodes = keys_of(code)
    rows = (
        db.session.connection()
        .execute(
            _found(),
            {"merchant": current_merchant_id(), "count": count_id, "sku": sku, "barcodes": barcodes},
        )
        .all()
    )
    if not rows:
        raise NotFoundError()
    if rows[0].state != "open":
        raise CountClosedError
    matches = [row for row in rows if row.id is not None]
    found = require_goods(one_of(code, matches))
    return found, int(next(row for row in matches if row.id == found.variant_id).book)


def _require_counted(count_id: int, found: Scanned, units: int, token: uuid.UUID) -> None:
    """So many units can be taken off the line, which is held until the commit; a token that was counted before goes on."""
    own = (
        _line.c.merchant_id == current_merchant_id(),
        _line.c.count_id == count_id,
        _line.c.variant_id == found.variant_id,
    )
    counted = db.session.scalar(sa.select(_line.c.counted).where(*own).with_for_update()) or 0
    if counted >= units or db.session.scalar(
        sa.select(sa.true()).where(_scan.c.merchant_id == current_merchant_id(), _scan.c.token == token)
    ):
        return
    raise DomainError(
        f"{counted:,} of {found.sku} are counted so far; no more can be taken off.", field="units"
    )


@functools.cache
def _found() -> sa.Select[Any]:
    """The count with every variant of a code. Built once: building it took as long as running it."""
    merchant = sa.bindparam("merchant", type_=sa.Integer)
    of_code = (
        sa.select(
            _variant.id,
            _variant.sku,
            _variant.sku_key,
            _variant.title.label("variant"),
            _variant.is_stocked,
            IS_BUNDLE.label("is_bundle"),
            _product.title.label("product"),
        )
        .select_from(WITH_PRODUCT)
        .where(
            _variant.merchant_id == merchant,
            sa.or_(
                _variant.sku_key == sa.bindparam("sku", type_=sa.Text),
                _variant.barcode_key == sa.any_(sa.bindparam("barcodes", type_=ARRAY(sa.Text))),
            ),
        )
        # An SKU goes before a barcode, however many variants share that.
        .order_by((_variant.sku_key == sa.bindparam("sku", type_=sa.Text)).desc())
        .limit(3)
        .subquery("found")
    )
    book = (
        sa.select(sa.func.coalesce(sa.func.sum(_level.on_hand), 0))
        .where(
            _level.merchant_id == _count.c.merchant_id,
            _level.location_id == _count.c.location_id,
            _level.variant_id == of_code.c.id,
        )
        .scalar_subquery()
    )
    return (
        sa.select(_count.c.state, of_code, book.label("book"))
        .select_from(_count.outerjoin(of_code, sa.true()))
        .where(_count.c.merchant_id == merchant, _count.c.id == sa.bindparam("count", type_=sa.BigInteger))
        # Whoever closes the count waits for the scans that are under way.
        .with_for_update(read=True, of=_count)
    )


@functools.cache
def _written(mode: Mode) -> sa.Executable:
    """The scan and its line in one statement; nothing is returned when the token was counted before."""
    kept = ("merchant_id", "token", "count_id", "variant_id", "mode", "units", "book", "actor_id")
    written = (
        postgresql.insert(_scan)
        .values({name: sa.bindparam(f"own_{name}", type_=_scan.c[name].type) for name in kept})
        .on_conflict_do_nothing()
        .returning(_scan.c.merchant_id, _scan.c.count_id, _scan.c.variant_id, _scan.c.units, _scan.c.book)
        .cte("written")
    )
    now = sa.func.clock_timestamp()
    if mode == "take":
        # An insert that would hold fewer units than none is refused before the line that stands is looked at.
        return (
            sa.update(_line)
            .where(
                _line.c.merchant_id == written.c.merchant_id,
                _line.c.count_id == written.c.count_id,
                _line.c.variant_id == written.c.variant_id,
            )
            .values(
                counted=_line.c.counted + written.c.units,
                book_last=written.c.book,
                counted_at=now,
                scans=_line.c.scans + 1,
            )
            .returning(_line.c.counted, _line.c.book, _line.c.book_last)
        )
    made = postgresql.insert(_line).from_select(
        ["merchant_id", "count_id", "variant_id", "counted", "book", "book_last"],
        sa.select(
            written.c.merchant_id,
            written.c.count_id,
            written.c.variant_id,
            written.c.units,
            written.c.book,
            written.c.book.label("book_last"),
        ),
        include_defaults=False,
    )
    shared = {"book_last": made.excluded.book_last, "counted_at": now, "scans": _line.c.scans + 1}
    own: dict[str, Any] = (
        {"counted": _line.c.counted + made.excluded.counted}
        if mode == "add"
        else {
            "counted": made.excluded.counted,
            "book": made.excluded.book,
            "begun_at": now,
            "is_excluded": sa.false(),
        }
    )
    return made.on_conflict_do_update(
        index_elements=["merchant_id", "count_id", "variant_id"], set_=shared | own
    ).returning(_line.c.counted, _line.c.book, _line.c.book_last)


def _as_it_stands(count_id: int, found: Scanned, token: uuid.UUID) -> Counted:
    before = db.session.execute(
        sa.select(_scan.c.count_id, _scan.c.variant_id).where(
            _scan.c.merchant_id == current_merchant_id(), _scan.c.token == token
        )
    ).one()
    if (before.count_id, before.variant_id) != (count_id, found.variant_id):
        raise DomainError("This scan was sent before for something else. Load the page again, then scan.")
    row = db.session.execute(
        sa.select(_line.c.counted, _line.c.book, _line.c.book_last).where(
            _line.c.merchant_id == current_merchant_id(),
            _line.c.count_id == count_id,
            _line.c.variant_id == found.variant_id,
        )
    ).one()
    return Counted(found, row.counted, False, row.book != row.book_last)
