"""An order as a change finds it: its head, lines, charges and payments, read once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from portal.core.database import db
from portal.core.money import minor_units
from portal.orders.book import lines_of, of_order
from portal.orders.models import OrderCharge, OrderPayment, OrderRefund

ZERO: Final = Decimal(0)

_charge: Final = OrderCharge.__table__
_payment: Final = OrderPayment.__table__
_refund: Final = OrderRefund.__table__


@dataclass(frozen=True, slots=True)
class LineNow:
    """A line and what earlier changes left of it. Amounts are as the order is priced: with tax inside when it is."""

    n: int
    sku: str
    title: str
    variant_id: int | None
    is_counted: bool
    location_id: int | None
    quantity: int
    cancelled: int
    fulfilled: int
    returned: int
    credited_units: int
    allocated: int
    unit_price: Decimal
    discount: Decimal
    tax_rate: Decimal
    charged: Decimal
    charged_tax: Decimal
    credited: Decimal
    credited_tax: Decimal

    @property
    def paid_units(self) -> int:
        """Units the buyer is charged for now."""
        return self.quantity - self.cancelled - self.credited_units

    @property
    def unsent(self) -> int:
        """Units that are still to leave."""
        return max(self.quantity - self.cancelled - self.fulfilled, 0)

    @property
    def sent_paid(self) -> int:
        """Units that left and are charged for."""
        return self.fulfilled - self.credited_units

    @property
    def amount(self) -> Decimal:
        return self.charged - self.credited

    @property
    def tax(self) -> Decimal:
        return self.charged_tax - self.credited_tax


@dataclass(frozen=True, slots=True)
class ChargeNow:
    """A charge and what earlier changes left of it; a discount's amount is positive and counts against the order."""

    n: int
    kind: str
    label: str
    charged: Decimal
    charged_tax: Decimal
    credited: Decimal
    credited_tax: Decimal
    tax_rate: Decimal = ZERO

    @property
    def amount(self) -> Decimal:
        return self.charged - self.credited

    @property
    def tax(self) -> Decimal:
        return self.charged_tax - self.credited_tax


@dataclass(frozen=True, slots=True)
class PaymentNow:
    """A payment and how much of it can still be given back; ``disputed`` is what its bank may take itself.

    ``is_by_gateway``: the gateway moves the money, and not a person or another system.
    """

    n: int
    method: str
    gateway: str
    is_by_gateway: bool
    refundable: Decimal
    disputed: Decimal


@dataclass(frozen=True, slots=True)
class OrderNow:
    """Everything a plan needs to know of an order."""

    order_id: int
    number: str
    version: int
    state: str
    payment_state: str
    fulfilment_state: str
    hold_reason: str | None
    customer_id: int | None
    currency: str
    tax_inclusive: bool
    base_rate: Decimal
    base_currency: str
    items: Decimal
    charges_total: Decimal
    discounts: Decimal
    tax: Decimal
    total: Decimal
    credited: Decimal
    credited_tax: Decimal
    captured: Decimal
    refunded: Decimal
    under_way: Decimal
    lines: tuple[LineNow, ...]
    charges: tuple[ChargeNow, ...]
    payments: tuple[PaymentNow, ...]

    @property
    def due(self) -> Decimal:
        """What the order costs now."""
        return self.total - self.credited

    @property
    def credit(self) -> Decimal:
        """What is owed back to the buyer; below zero the buyer still owes."""
        return self.captured - self.refunded - self.due

    @property
    def kept(self) -> Decimal:
        """What came in and neither went back nor is on its way back."""
        return self.captured - self.refunded - self.under_way

    @property
    def disputed(self) -> Decimal:
        """What buyers dispute at their banks: it may leave without us, so it is not given back a second time."""
        return sum((payment.disputed for payment in self.payments), ZERO)

    @property
    def refundable(self) -> Decimal:
        """The most that can be given back now, to payments or as store credit."""
        return max(self.kept - self.disputed, ZERO)

    @property
    def decimals(self) -> int:
        return minor_units(self.currency)

    def line(self, n: int) -> LineNow | None:
        return next((line for line in self.lines if line.n == n), None)

    def charge(self, n: int) -> ChargeNow | None:
        return next((charge for charge in self.charges if charge.n == n), None)


def read_order(head: sa.RowMapping) -> OrderNow:
    """The order behind a head, as this transaction sees it; lock the head first to act on it."""
    order_id = head["id"]
    return OrderNow(
        order_id=order_id, number=head["number"], version=head["version"], state=head["state"],
        payment_state=head["payment_state"], fulfilment_state=head["fulfilment_state"], hold_reason=head["hold_reason"],
        customer_id=head["customer_id"], currency=head["currency"], tax_inclusive=head["tax_inclusive"],
        base_rate=head["base_rate"], base_currency=head["base_currency"], items=head["items_total"],
        charges_total=head["charges_total"], discounts=head["discount_total"], tax=head["tax_total"], total=head["total"],
        credited=head["credited_total"], credited_tax=head["credited_tax_total"], captured=head["captured_total"],
        refunded=head["refunded_total"], under_way=_under_way(order_id),
        lines=tuple(_line_now(row) for row in sorted(lines_of(order_id), key=lambda row: row["n"])),
        charges=tuple(_charge_now(row) for row in _rows(_charge, order_id)),
        payments=tuple(_payment_now(row) for row in _rows(_payment, order_id)),
    )  # fmt: skip


def _rows(table: sa.Table, order_id: int) -> Sequence[sa.RowMapping]:
    return (
        db.session.execute(sa.select(table).where(of_order(table, order_id)).order_by(table.c.n))
        .mappings()
        .all()
    )


def _under_way(order_id: int) -> Decimal:
    asked = sa.select(sa.func.coalesce(sa.func.sum(_refund.c.amount), 0)).where(
        of_order(_refund, order_id), _refund.c.state.not_in(("done", "failed"))
    )
    return Decimal(db.session.execute(asked).scalar_one())


def _line_now(row: sa.RowMapping) -> LineNow:
    return LineNow(
        n=row["n"], sku=row["sku"], title=row["title"], variant_id=row["variant_id"], is_counted=row["is_counted"],
        location_id=row["location_id"], quantity=row["quantity"], cancelled=row["cancelled_quantity"],
        fulfilled=row["fulfilled_quantity"], returned=row["returned_quantity"], credited_units=row["credited_quantity"],
        allocated=row["allocated_quantity"], unit_price=row["unit_price"], discount=row["discount"], tax_rate=row["tax_rate"],
        charged=row["line_total"], charged_tax=row["tax_amount"], credited=row["credited_amount"],
        credited_tax=row["credited_tax"],
    )  # fmt: skip


def _charge_now(row: Any) -> ChargeNow:
    return ChargeNow(
        row["n"], row["kind"], row["label"], row["amount"], row["tax_amount"], row["credited_amount"], row["credited_tax"],
        row["tax_rate"],
    )  # fmt: skip


def _payment_now(row: Any) -> PaymentNow:
    spoken_for = row["refunded_amount"] + row["refund_pending"] + row["disputed_amount"]
    return PaymentNow(
        row["n"], row["method"], row["gateway"], row["account_id"] is not None,
        max(row["captured_amount"] - spoken_for, ZERO), row["disputed_amount"],
    )  # fmt: skip
