"""Write a plan: lines, charges, the head, the append-only record of it. Called with the order locked."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.money import round_to_minor
from portal.orders.book import change_order, insert_row, of_order
from portal.orders.changes.parts import Part
from portal.orders.changes.plan import AddedLine, Plan
from portal.orders.changes.states import states_after
from portal.orders.models import OrderChange, OrderChangeLine, OrderCharge, OrderLine
from portal.orders.payments.balance import has_money_aside

_line: Final = OrderLine.__table__
_charge: Final = OrderCharge.__table__
_change: Final = OrderChange.__table__
_change_line: Final = OrderChangeLine.__table__


def write_lines(plan: Plan) -> None:
    """Set the lines and charges as the plan leaves them."""
    order_id = plan.now.order_id
    for part in plan.lines:
        db.session.execute(
            sa.update(_line).where(of_order(_line, order_id), _line.c.n == part.n).values(_line_values(part))
        )
    for part in plan.charges:
        charge = plan.now.charge(part.n)
        sign = -1 if charge is not None and charge.kind == "discount" else 1
        db.session.execute(
            sa.update(_charge).where(of_order(_charge, order_id), _charge.c.n == part.n).values(
                amount=_charge.c.amount + sign * part.charged, tax_amount=_charge.c.tax_amount + part.charged_tax,
                credited_amount=_charge.c.credited_amount + sign * part.credited,
                credited_tax=_charge.c.credited_tax + part.credited_tax,
            )
        )  # fmt: skip
    for added in plan.added:
        insert_row(_line, order_id, **_new_line(added))
    for new in plan.new_charges:
        insert_row(
            _charge,
            order_id,
            n=new.n,
            kind=new.kind,
            label=new.label,
            amount=new.amount,
            tax_amount=new.tax,
            tax_rate=new.tax_rate,
            tax_by_rate=new.tax_by_rate or sa.null(),
        )


def write_head(plan: Plan) -> None:
    """Set the head's money and states."""
    now = plan.now
    items = sum((part.charged for part in plan.lines), sum((each.amount for each in plan.added), Decimal(0)))
    charges = sum(
        (part.charged for part in plan.charges), sum((each.amount for each in plan.new_charges), Decimal(0))
    )
    units = sum((each.wish.quantity for each in plan.added), sum(part.added_units for part in plan.lines))
    change_order(
        now.order_id,
        items_total=now.items + items,
        charges_total=now.charges_total + charges,
        tax_total=now.tax + plan.charged_tax,
        total=now.total + plan.charged,
        credited_total=now.credited + plan.credited,
        credited_tax_total=now.credited_tax + plan.credited_tax,
        base_total=round_to_minor((now.total + plan.charged) * now.base_rate, now.base_currency),
        line_count=len(now.lines) + len(plan.added),
        unit_count=sum(line.quantity for line in now.lines) + units,
        **states_after(plan, is_authorised=has_money_aside(now.order_id)),
    )


def write_record(plan: Plan, n: int, reason_code: str, *, by: Actor, approved_by: int | None) -> None:
    """Keep the change for ever: who, why, and what it did to every line."""
    order_id = plan.now.order_id
    insert_row(
        _change, order_id, n=n, kind=plan.proposal.kind, reason_code=reason_code, return_n=plan.proposal.return_n,
        charged_delta=plan.charged, charged_tax_delta=plan.charged_tax, credited_delta=plan.credited,
        credited_tax_delta=plan.credited_tax, refund_amount=plan.refund.amount if plan.refund else 0,
        destination=plan.refund.destination if plan.refund else None, due_after=plan.after.due,
        credit_after=plan.after.credit, actor_kind=by.kind, actor_id=by.id, approved_by=approved_by, at=utc_now(),
    )  # fmt: skip
    rows = [_touched(part) for part in plan.touched] + [
        {"part": "line", "part_n": each.n, "added_units": each.wish.quantity, "unit_price": each.wish.unit_price,
         "charged_delta": each.amount, "charged_tax_delta": each.tax}
        for each in plan.added
    ] + [
        {"part": "charge", "part_n": each.n, "charged_delta": each.amount, "charged_tax_delta": each.tax}
        for each in plan.new_charges
    ]  # fmt: skip
    for row in rows:
        insert_row(_change_line, order_id, change_n=n, **row)


def _line_values(part: Part) -> dict[str, Any]:
    values: dict[str, Any] = {
        "quantity": _line.c.quantity + part.added_units,
        "cancelled_quantity": _line.c.cancelled_quantity + part.cancelled_units,
        "credited_quantity": _line.c.credited_quantity + part.credited_units,
        "returned_quantity": _line.c.returned_quantity + part.back_units,
        "line_total": _line.c.line_total + part.charged,
        "tax_amount": _line.c.tax_amount + part.charged_tax,
        "credited_amount": _line.c.credited_amount + part.credited,
        "credited_tax": _line.c.credited_tax + part.credited_tax,
    }
    if part.unit_price is not None:
        values["unit_price"] = part.unit_price
    if part.discount is not None:
        values["discount"] = part.discount
    return values


def _new_line(added: AddedLine) -> dict[str, Any]:
    wish = added.wish
    return {
        "n": added.n, "variant_id": wish.variant_id, "sku": wish.sku, "title": wish.title, "quantity": wish.quantity,
        "unit_price": wish.unit_price, "tax_rate": wish.tax_rate, "tax_amount": added.tax, "line_total": added.amount,
    }  # fmt: skip


def _touched(part: Part) -> dict[str, Any]:
    return {
        "part": part.kind, "part_n": part.n, "added_units": part.added_units, "cancelled_units": part.cancelled_units,
        "credited_units": part.credited_units, "back_units": part.back_units,
        "fate": part.fate if part.back_units or part.cancelled_units else None, "unit_price": part.unit_price,
        "charged_delta": part.charged, "charged_tax_delta": part.charged_tax, "credited_delta": part.credited,
        "credited_tax_delta": part.credited_tax,
    }  # fmt: skip
