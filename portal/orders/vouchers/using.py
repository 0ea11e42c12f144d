"""Using a voucher up, decided in the database: however many orders come at once, none goes beyond the limit."""

from __future__ import annotations

from decimal import Decimal

import sqlalchemy as sa

from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.orders.models import Voucher, VoucherUse
from portal.orders.vouchers.checking import VoucherError

_voucher = Voucher.__table__
_use = VoucherUse.__table__


def use_voucher(voucher_id: int, order_id: int, *, amount: Decimal, currency: str) -> None:
    """Count one use of the voucher for this order, within the transaction that places it.

    Raises:
        VoucherError: others have used it up since it was looked at.
    """
    merchant_id = current_merchant_id()
    counted = db.session.execute(
        sa.update(_voucher)
        .where(
            _voucher.c.merchant_id == merchant_id,
            _voucher.c.id == voucher_id,
            _voucher.c.is_active,
            sa.or_(_voucher.c.usage_limit.is_(None), _voucher.c.used_count < _voucher.c.usage_limit),
        )
        .values(used_count=_voucher.c.used_count + 1)
        .returning(_voucher.c.id)
    ).one_or_none()
    if counted is None:
        raise VoucherError("This voucher has been used as often as it may be.")
    db.session.execute(
        sa.insert(_use).values(
            merchant_id=merchant_id,
            voucher_id=voucher_id,
            order_id=order_id,
            amount=amount,
            currency=currency,
        )
    )


def give_vouchers_back(order_id: int) -> None:
    """The order was cancelled: its vouchers may be used once more. Safe to repeat."""
    merchant_id = current_merchant_id()
    returned = (
        sa.update(_use)
        .where(_use.c.merchant_id == merchant_id, _use.c.order_id == order_id, _use.c.returned_at.is_(None))
        .values(returned_at=utc_now())
        .returning(_use.c.voucher_id)
    )
    for voucher_id in sorted(db.session.execute(returned).scalars()):
        db.session.execute(
            sa.update(_voucher)
            .where(_voucher.c.merchant_id == merchant_id, _voucher.c.id == voucher_id)
            .values(used_count=_voucher.c.used_count - 1)
        )
