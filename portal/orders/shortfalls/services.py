"""Open and close the cases of missing units. One line has at most one open case; its units follow what is missing.

This module promises nothing and moves no stock, so that allocation, counts and channels may call it; the ways out stand
in ``ways``.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError, NotFoundError
from portal.core.money import round_to_minor
from portal.orders.book import lines_of, lock_order, of_order, tell
from portal.orders.models import Order, OrderLine, OrderShortfall

CAUSES: Final = {
    "allocation": "Not enough stock when it was promised",
    "count": "A count found fewer units",
    "adjustment": "Stock was corrected downwards",
    "pick": "Not found while picking",
    "channel": "Sold by a channel without stock",
    "damage": "Found damaged",
}

_case: Final = OrderShortfall.__table__
_line: Final = OrderLine.__table__
_order: Final = Order.__table__


def open_shortfall(order_id: int, line_n: int, units: int, *, cause: str, by: Actor) -> int:
    """Say that *units* of a line are missing; gives the case's number. A line that misses units already gets no second case.

    Args:
        units: units of the line (of a bundle: whole bundles) that cannot be sent as things stand.
        cause: one of ``CAUSES``.

    Raises:
        DomainError: the units are not above zero.
        NotFoundError: the order has no such line.
    """
    if units < 1:
        raise DomainError("A shortfall has at least one unit.", field="units")
    lock_order(order_id)
    line = line_of(order_id, line_n)
    known = db.session.execute(
        sa.select(_case.c.n, _case.c.units).where(
            of_order(_case, order_id), _case.c.line_n == line_n, _case.c.state == "open"
        )
    ).one_or_none()
    missing = _missing(line)
    if known is not None:
        total = max(units, min(known.units + units, missing))
        _set_units(order_id, known.n, line, total)
        return int(known.n)
    currency = db.session.execute(
        sa.select(_order.c.currency).where(
            _order.c.merchant_id == current_merchant_id(), _order.c.id == order_id
        )
    ).scalar_one()
    made = db.session.execute(
        postgresql.insert(_case)
        .values(
            merchant_id=current_merchant_id(), order_id=order_id, line_n=line_n, variant_id=line["variant_id"], sku=line["sku"],
            units=units, value=_value(line, units, currency), currency=currency, cause=cause if cause in CAUSES else "allocation",
            opened_at=utc_now(),
        )
        .returning(_case.c.n)
    ).scalar_one()  # fmt: skip
    tell(order_id, "short", by, sku=line["sku"], units=str(units), cause=cause)
    return int(made)


def reconcile(order_id: int, *, by: Actor) -> None:
    """Bring the cases of an order in step with its lines: open what is missing and unsaid, close what is covered.

    Run after anything that promises, cancels or sends units; running it twice changes nothing.
    """
    head = lock_order(order_id)
    lines = {line["n"]: line for line in lines_of(order_id)}
    standing = {
        row["line_n"]: row
        for row in db.session.execute(
            sa.select(_case).where(of_order(_case, order_id), _case.c.state == "open")
        ).mappings()
    }
    is_live = head["state"] in ("open", "on_hold")
    for n, line in lines.items():
        missing = _missing(line) if is_live and line["is_counted"] else 0
        case = standing.get(n)
        if case is None:
            if missing > 0 and line["promise_state"] == "short":
                open_shortfall(order_id, n, missing, cause="allocation", by=by)
        elif missing <= 0 or line["promise_state"] in ("backordered", "preordered"):
            way = "back_order" if missing > 0 else "promised" if line["allocated_quantity"] else "by_itself"
            close_case(order_id, case["n"], way, by=by)
        elif missing < case["units"]:
            _set_units(order_id, case["n"], line, missing)


def close_case(order_id: int, n: int, way_out: str, *, by: Actor) -> None:
    """A case is over: *way_out* says how.

    Raises:
        ConflictError: it is closed already.
    """
    closed = db.session.execute(
        sa.update(_case)
        .where(of_order(_case, order_id), _case.c.n == n, _case.c.state == "open")
        .values(
            state="withdrawn" if way_out == "by_itself" else "solved", way_out=way_out, closed_at=utc_now(),
            closed_by_kind=by.kind, closed_by_id=by.id,
        )
        .returning(_case.c.sku, _case.c.units)
    ).one_or_none()  # fmt: skip
    if closed is None:
        raise ConflictError("This shortfall is settled already. See how the order stands now.")
    tell(order_id, "short_settled", by, sku=closed.sku, units=str(closed.units), way_out=way_out)


def case_of(order_id: int, n: int) -> sa.RowMapping:
    """One case of the order.

    Raises:
        NotFoundError: there is none.
    """
    found = (
        db.session.execute(sa.select(_case).where(of_order(_case, order_id), _case.c.n == n))
        .mappings()
        .one_or_none()
    )
    if found is None:
        raise NotFoundError("There is no such shortfall.")
    return found


def line_of(order_id: int, n: int) -> sa.RowMapping:
    """One line of the order.

    Raises:
        NotFoundError: there is none.
    """
    found = (
        db.session.execute(sa.select(_line).where(of_order(_line, order_id), _line.c.n == n))
        .mappings()
        .one_or_none()
    )
    if found is None:
        raise NotFoundError("The order has no such line.")
    return found


def _missing(line: Mapping[str, Any] | sa.RowMapping) -> int:
    return int(
        line["quantity"]
        - line["cancelled_quantity"]
        - line["fulfilled_quantity"]
        - line["allocated_quantity"]
    )


def _set_units(order_id: int, n: int, line: sa.RowMapping, units: int) -> None:
    db.session.execute(
        sa.update(_case)
        .where(of_order(_case, order_id), _case.c.n == n)
        .values(units=units, value=sa.func.round(_share(line, units), 4))
    )


def _value(line: sa.RowMapping, units: int, currency: str) -> Decimal:
    return round_to_minor(_share(line, units), currency)


def _share(line: sa.RowMapping, units: int) -> Decimal:
    return Decimal(line["line_total"] * units / max(line["quantity"], 1))
