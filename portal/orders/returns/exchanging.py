"""The new goods of an exchange: kept with the return, promised and charged at its approval, let go when it is rejected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from portal.core.audit import Actor
from portal.core.database import db
from portal.core.errors import DomainError
from portal.orders.book import lock_order, of_order
from portal.orders.changes.order_now import OrderNow, read_order
from portal.orders.changes.plan import Plan, plan_change
from portal.orders.changes.proposal import LineWish, NewLineWish, Proposal
from portal.orders.changes.services import change_at_once
from portal.orders.models import OrderChangeLine

_change_line: Final = OrderChangeLine.__table__


@dataclass(frozen=True, slots=True)
class Outlook:
    """What approving an exchange comes to now, and what the buyer has paid more or less when the old goods are settled."""

    approval: Plan
    in_the_end: Decimal


def packed_wishes(wishes: Iterable[NewLineWish]) -> list[dict[str, Any]]:
    """The new goods as JSON; amounts are texts."""
    return [
        asdict(each) | {"unit_price": str(each.unit_price), "tax_rate": str(each.tax_rate)} for each in wishes
    ]


def new_goods(found: sa.RowMapping) -> Proposal:
    """The change that promises and charges the new goods of a return."""
    return Proposal("exchange", added=tuple(_wish(each) for each in found["wanted"]))


def outlook(now: OrderNow, found: sa.RowMapping, rows: Sequence[sa.RowMapping]) -> Outlook | None:
    """What approving comes to; None when it cannot be worked out any more."""
    goods = new_goods(found)
    old = tuple(LineWish(row["line_n"], take_back=row["quantity"], fate="none") for row in rows)
    try:
        approval = plan_change(now, goods)
        both = plan_change(now, Proposal("exchange", lines=old, added=goods.added))
    except DomainError:
        return None
    return Outlook(approval, both.after.due - both.before.due)


def let_new_goods_go(order_id: int, change_n: int, *, by: Actor) -> None:
    """Cancel the goods that a change added, as far as they have not left."""
    added = db.session.scalars(
        sa.select(_change_line.c.part_n).where(
            of_order(_change_line, order_id), _change_line.c.change_n == change_n, _change_line.c.part == "line"
        )
    ).all()  # fmt: skip
    now = read_order(lock_order(order_id))
    lines = tuple(
        LineWish(line.n, cancel=line.unsent) for line in now.lines if line.n in added and line.unsent
    )
    if lines:
        change_at_once(order_id, Proposal("cancel", lines=lines), reason_code="other", by=by)


def _wish(kept: Mapping[str, Any]) -> NewLineWish:
    return NewLineWish(**(dict(kept) | {name: Decimal(kept[name]) for name in ("unit_price", "tax_rate")}))
