"""Opening stock from a product file: the balance of a variant that nothing but imported history has moved yet."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from portal.catalog.models import Variant
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.normalise import code_key
from portal.imports.connection import execute
from portal.imports.journal import OpenEntry, journal
from portal.imports.kept import Kept
from portal.imports.products.apply import ProductOptions
from portal.imports.products.drafts import ProductDraft
from portal.stock.services import InsufficientStockError, Move, apply_moves

_MOVED: Final = """
    SELECT v.id FROM variant v
    WHERE v.merchant_id = :merchant AND v.id = ANY(:ids) AND (
        EXISTS (SELECT FROM stock_level l WHERE l.merchant_id = :merchant AND l.variant_id = v.id AND l.location_id = :location
                AND (l.on_hand <> 0 OR l.allocated <> 0 OR l.reserved <> 0 OR l.unavailable <> 0 OR l.counted_at IS NOT NULL))
        OR EXISTS (SELECT FROM stock_movement m WHERE m.merchant_id = :merchant AND m.variant_id = v.id AND m.location_id = :location
                   AND m.cause_kind NOT IN ('import', 'import_undo')))
"""


def openings(drafts: list[ProductDraft], options: ProductOptions) -> dict[int, int]:
    """Variant to units, for the stocked variants of *drafts* whose balance may still begin at *options*' location."""
    if not options.takes_stock:
        return {}
    wanted = {
        code_key(variant.sku): variant.stock
        for draft in drafts
        for variant in draft.variants
        if variant.stock and variant.is_stocked
    }
    if not wanted:
        return {}
    merchant_id = current_merchant_id()
    found = db.session.execute(
        sa.select(Variant.id, Variant.sku_key).where(
            Variant.merchant_id == merchant_id, Variant.sku_key.in_(list(wanted)), Variant.is_stocked
        )
    ).all()
    moved = {
        row[0]
        for row in execute(
            _MOVED, merchant=merchant_id, ids=[row.id for row in found], location=options.location_id
        )
    }
    return {row.id: int(wanted[row.sku_key] or 0) for row in found if row.id not in moved}


def open_stock(import_id: int, drafts: list[ProductDraft], options: ProductOptions, *, by: Actor) -> int:
    """Write the opening movements of *drafts*; gives how many variants got one."""
    units = openings(drafts, options)
    if units:
        apply_moves(
            [
                Move(
                    variant,
                    options.location_id,
                    "opening",
                    on_hand=quantity,
                    cause_kind="import",
                    cause_id=import_id,
                    note="Opening balance from a product file",
                )
                for variant, quantity in units.items()
            ],
            by=by,
        )
        journal(
            import_id,
            "opening_stock",
            sorted(units),
            after={
                "units": {str(variant): quantity for variant, quantity in units.items()},
                "location_id": options.location_id,
            },
        )
    return len(units)


def close_stock(import_id: int, entry: OpenEntry, kept: Kept, *, by: Actor) -> list[int]:
    """Take opening balances back by opposite movements; gives the variants whose units are promised or gone."""
    after = entry.after or {}
    stays: list[int] = []
    for variant in entry.record_ids:
        quantity = int(after["units"][str(variant)])
        savepoint = db.session.begin_nested()
        try:
            apply_moves(
                [
                    Move(
                        variant,
                        int(after["location_id"]),
                        "opening",
                        on_hand=-quantity,
                        cause_kind="import_undo",
                        cause_id=import_id,
                        note="Opening balance taken back",
                    )
                ],
                by=by,
            )
        except InsufficientStockError:
            savepoint.rollback()
            stays.append(variant)
            sku = db.session.scalar(
                sa.select(Variant.sku).where(
                    Variant.merchant_id == current_merchant_id(), Variant.id == variant
                )
            )
            kept.add(f"Stock of {sku}", "has been sold or promised since")
        else:
            savepoint.commit()
    return stays
