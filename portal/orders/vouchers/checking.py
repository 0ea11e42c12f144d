"""Whether a voucher may be used on an order, and what it takes off. The last word on its limit has ``using``."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import sqlalchemy as sa

from portal.core import normalise
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.orders.models import Voucher
from portal.orders.new_order import NewDiscount

FIELD = "voucher_code"
_voucher = Voucher.__table__


class VoucherError(DomainError):
    """A voucher cannot be used, and why."""

    def __init__(self, message: str) -> None:
        super().__init__(message, field=FIELD)


def voucher_for(code: str, goods: Decimal, currency: str, at: dt.datetime) -> NewDiscount:
    """The discount that *code* gives on goods of this worth at that time.

    Raises:
        VoucherError: there is no such voucher, it is not in use, not yet or no more valid, used up, of another currency,
            or asks for more goods.
    """
    row = (
        db.session.execute(
            sa.select(_voucher).where(
                _voucher.c.merchant_id == current_merchant_id(),
                _voucher.c.code_key == normalise.code_key(code),
            )
        )
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise VoucherError("There is no voucher with this code.")
    if not row["is_active"]:
        raise VoucherError("This voucher is not in use.")
    if row["starts_at"] is not None and at < row["starts_at"]:
        raise VoucherError("This voucher cannot be used yet.")
    if row["ends_at"] is not None and at >= row["ends_at"]:
        raise VoucherError("This voucher has ended.")
    if row["usage_limit"] is not None and row["used_count"] >= row["usage_limit"]:
        raise VoucherError("This voucher has been used as often as it may be.")
    if row["currency"] is not None and row["currency"] != currency:
        raise VoucherError(f"This voucher is for orders in {row['currency']}.")
    if row["minimum"] is not None and goods < row["minimum"]:
        raise VoucherError(f"This voucher asks for goods of at least {row['minimum']:f} {currency}.")
    is_shipping = row["kind"] == "free_shipping"
    return NewDiscount(
        "voucher",
        row["code"],
        percent=Decimal(100) if is_shipping else row["percent"],
        amount=row["amount"],
        on="shipping" if is_shipping else "goods",
        voucher_id=row["id"],
    )
