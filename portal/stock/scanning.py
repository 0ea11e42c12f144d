"""What a scanner read, or a person typed in its place: the variant with that SKU or barcode."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from portal.catalog import typed
from portal.catalog.models import Product, Variant, VariantComponent
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.core.normalise import code_key, tracking_key

LONGEST_CODE: Final = 100
MOST_SCANNED: Final = 100_000

_variant: Final = Variant.__table__.c
_product: Final = Product.__table__.c
_part: Final = VariantComponent.__table__.c
IS_BUNDLE: Final = (
    sa.select(sa.true())
    .where(_part.merchant_id == _variant.merchant_id, _part.bundle_id == _variant.id)
    .correlate(Variant.__table__)
    .exists()
)
WITH_PRODUCT: Final = Variant.__table__.join(
    Product.__table__,
    sa.and_(_product.merchant_id == _variant.merchant_id, _product.id == _variant.product_id),
)


class UnknownCodeError(DomainError):
    """No variant, or more than one, has the code."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """A variant that was scanned."""

    variant_id: int
    sku: str
    product: str
    variant: str
    is_stocked: bool = True
    is_bundle: bool = False

    @property
    def title(self) -> str:
        """Product and options in one line."""
        return f"{self.product}, {self.variant}" if self.variant else self.product


def scanned_variant(code: str) -> Scanned:
    """The counted variant with that SKU or barcode.

    Raises:
        UnknownCodeError: there is none, several share the barcode, or it is not counted.
    """
    rows = db.session.execute(
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
        .where(_variant.merchant_id == current_merchant_id(), has_code(code))
        # An SKU goes before a barcode, however many variants share that.
        .order_by((_variant.sku_key == (code_key(code) or "")).desc())
        .limit(3)
    ).all()
    return one_of(code, rows)


def scanned_goods(code: str) -> Scanned:
    """The same for work at the shelves, where no bundle lies.

    Raises:
        UnknownCodeError: as ``scanned_variant``, or it is a bundle.
    """
    return require_goods(scanned_variant(code))


def require_goods(found: Scanned) -> Scanned:
    """Refuse a bundle: units of it would lie where nobody sells them.

    Raises:
        UnknownCodeError: it is one.
    """
    if found.is_bundle:
        raise UnknownCodeError(f"{found.sku} is a bundle. Take the components it is made of.", field="code")
    return found


def has_code(code: str) -> sa.ColumnElement[bool]:
    """The condition on a variant."""
    sku, barcodes = keys_of(code)
    return sa.or_(sa.false(), _variant.sku_key == sku, _variant.barcode_key.in_(barcodes))


def keys_of(code: str) -> tuple[str, list[str]]:
    """The SKU and the barcodes a code may stand for; a barcode of twelve digits is one of thirteen with a zero in front."""
    barcode = tracking_key(code)
    twins = {barcode} if barcode else set()
    if barcode and barcode.isdigit():
        twins |= {f"0{barcode}"} if len(barcode) == 12 else set()
        twins |= {barcode[1:]} if len(barcode) == 13 and barcode[0] == "0" else set()
    return code_key(code) or "", sorted(twins)


def one_of(code: str, rows: Any) -> Scanned:
    """The one variant among what ``has_code`` found; an SKU goes before a barcode.

    Raises:
        UnknownCodeError: there is none, several share the barcode, or it is not counted.
    """
    shown = " ".join(code.split())[:40]
    exact = [row for row in rows if row.sku_key == code_key(code)] or list(rows)
    if not exact:
        raise UnknownCodeError(f"No variant has the SKU or barcode {shown}.", field="code")
    if len(exact) > 1:
        skus = ", ".join(row.sku for row in exact)
        raise UnknownCodeError(
            f"Several variants carry the barcode {shown}: {skus}. Type the SKU.", field="code"
        )
    row = exact[0]
    if not row.is_stocked:
        raise UnknownCodeError(f"{row.sku} is a variant that is not counted.", field="code")
    return Scanned(row.id, row.sku, row.product, row.variant, is_bundle=row.is_bundle)


def typed_code(value: Any) -> str:
    """What stands in a scan field.

    Raises:
        DomainError: it is empty or too long.
    """
    code = typed.short_text(value, "code", "The code", most=LONGEST_CODE)
    if not code:
        raise DomainError("Scan a barcode, or type an SKU.", field="code")
    return code


def typed_units(value: Any, *, least: int = 1, default: int | None = 1) -> int:
    """How many units a scan stands for.

    Raises:
        DomainError: it is no whole number, or out of range.
    """
    units = typed.whole(typed.text_of(value), "units", "The number of units", least=least, most=MOST_SCANNED)
    if units is None:
        units = default
    if units is None:
        raise DomainError("Enter how many units.", field="units")
    return units


def typed_token(value: Any) -> uuid.UUID:
    """The token of a form, by which the same form counts once.

    Raises:
        DomainError: it was lost on the way.
    """
    try:
        return uuid.UUID(str(value or ""))
    except ValueError as error:
        raise DomainError("The form arrived damaged. Reload the page; nothing was changed.") from error
