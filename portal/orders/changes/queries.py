"""Read changes: those of an order, those that wait for a second person, and what a plan would do to stock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from portal.accounts.models import User
from portal.core.database import current_merchant_id, db
from portal.core.listing import among
from portal.orders.book import of_order
from portal.orders.changes.plan import Plan
from portal.orders.models import (
    Order,
    OrderChange,
    OrderChangeDraft,
    OrderChangeLine,
    OrderCharge,
    OrderLine,
    OrderRef,
    OrderRefund,
)
from portal.orders.paging import Page, page_of
from portal.stock.queries import available_by_variant

CAP: Final = 1_000
PAGE: Final = 50
OWED_SHOWN: Final = 99
OWED_LOOKED_AT: Final = 200

_draft: Final = OrderChangeDraft.__table__
_change: Final = OrderChange.__table__
_change_line: Final = OrderChangeLine.__table__
_line: Final = OrderLine.__table__
_charge: Final = OrderCharge.__table__
_refund: Final = OrderRefund.__table__
_order: Final = Order.__table__
_ref: Final = OrderRef.__table__
# Where money is asked for that has not gone back: what of it, and in which state.
_ASKED: Final = ((_refund, _refund.c.amount, "pending"), (_draft, _draft.c.refund_amount, "waiting"))


@dataclass(frozen=True, slots=True)
class StockEffect:
    """What can be sold of a variant before and after a change."""

    sku: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What of an order is on its way back to the buyer, and what waits for a second person."""

    under_way: Decimal
    waiting: Decimal

    @property
    def total(self) -> Decimal:
        return self.under_way + self.waiting


@dataclass(frozen=True, slots=True)
class Owed:
    """Orders whose buyers are owed money that nobody asked for, as far as they were counted."""

    count: int
    has_more: bool


@dataclass(frozen=True, slots=True)
class ChangeRecord:
    """A confirmed change: the record, what it did to each line and charge with its name, and the refunds it asked for."""

    change: sa.RowMapping
    parts: Sequence[sa.RowMapping]
    refunds: Sequence[sa.RowMapping]


def changes_of(order_id: int, *, before: int | None = None) -> Page:
    """The confirmed changes of an order, newest first.

    Args:
        before: ``older`` of the page before.
    """
    return page_of(_change, order_id, before=before, most=PAGE)


def record_of(order_id: int, n: int) -> ChangeRecord | None:
    """What a confirmed change did; None when it was not confirmed."""
    change = db.session.execute(
        sa.select(_change).where(of_order(_change, order_id), _change.c.n == n)
    ).mappings().one_or_none()  # fmt: skip
    if change is None:
        return None
    named = [
        (_line, "line", (_line.c.title, _line.c.sku)),
        (_charge, "charge", (_charge.c.label.label("title"), sa.null().label("sku"))),
    ]
    parts: list[sa.RowMapping] = []
    for table, part, names in named:
        parts += db.session.execute(
            sa.select(_change_line, *names)
            .join(
                table,
                sa.and_(
                    table.c.merchant_id == _change_line.c.merchant_id, table.c.order_id == _change_line.c.order_id,
                    table.c.n == _change_line.c.part_n,
                ),
            )
            .where(
                of_order(_change_line, order_id), of_order(table, order_id), _change_line.c.change_n == n,
                _change_line.c.part == part,
            )
            .order_by(_change_line.c.part_n)
        ).mappings()  # fmt: skip
    refunds = db.session.execute(
        sa.select(_refund.c.n, _refund.c.state, _refund.c.amount, _refund.c.destination)
        .where(of_order(_refund, order_id), _refund.c.change_n == n)
        .order_by(_refund.c.n)
    ).mappings().all()  # fmt: skip
    return ChangeRecord(change, parts, refunds)


def waiting_of(order_id: int) -> Sequence[sa.RowMapping]:
    """Changes of an order that wait for a second person."""
    return db.session.execute(
        sa.select(_draft).where(of_order(_draft, order_id), _draft.c.state == "waiting").order_by(_draft.c.n)
    ).mappings().all()  # fmt: skip


def waiting_changes(*, after: tuple[int, int] | None = None) -> Sequence[sa.RowMapping]:
    """A page of refunds that wait for a second person, those of the oldest orders first, and one more.

    Args:
        after: order and number of the last row of the page before.
    """
    statement = (
        sa.select(
            _draft.c.order_id, _draft.c.n, _draft.c.kind, _draft.c.reason_code, _draft.c.refund_amount, _draft.c.actor_kind,
            _draft.c.actor_id, _draft.c.changed_at, _ref.c.number, _order.c.currency,
        )
        .join(_ref, sa.and_(_ref.c.merchant_id == _draft.c.merchant_id, _ref.c.order_id == _draft.c.order_id))
        .join(_order, sa.and_(_order.c.merchant_id == _draft.c.merchant_id, _order.c.id == _draft.c.order_id))
        .where(_draft.c.merchant_id == current_merchant_id(), _draft.c.state == "waiting")
    )  # fmt: skip
    if after is not None:
        statement = statement.where(
            sa.tuple_(_draft.c.order_id, _draft.c.n) > sa.tuple_(*map(sa.literal, after))
        )
    return db.session.execute(
        statement.order_by(_draft.c.order_id, _draft.c.n).limit(PAGE + 1)
    ).mappings().all()  # fmt: skip


def waiting_count() -> int:
    """How many refunds wait for a second person, counted up to a thousand."""
    rows = (
        sa.select(_draft.c.order_id)
        .where(_draft.c.merchant_id == current_merchant_id(), _draft.c.state == "waiting")
        .limit(CAP + 1)
    )
    return int(db.session.execute(sa.select(sa.func.count()).select_from(rows.subquery())).scalar_one())


def owed_count() -> Owed:
    """How many orders have money that is owed to the buyer and asked for by nobody yet, among the newest that owe any."""
    owing = (
        sa.select(_order.c.id, _order.c.credit_total)
        .where(_order.c.merchant_id == current_merchant_id(), _order.c.credit_total > 0)
        .order_by(_order.c.id.desc())
        .limit(OWED_LOOKED_AT)
        .subquery()
    )
    asked = [
        sa.select(sa.func.coalesce(sa.func.sum(amount), 0))
        .where(
            table.c.merchant_id == current_merchant_id(),
            table.c.order_id == owing.c.id,
            table.c.state == state,
        )
        .scalar_subquery()
        for table, amount, state in _ASKED
    ]
    row = db.session.execute(
        sa.select(
            sa.func.count().label("looked_at"),
            sa.func.count().filter(owing.c.credit_total > asked[0] + asked[1]).label("found"),
        )
    ).one()
    return Owed(min(row.found, OWED_SHOWN), row.found > OWED_SHOWN or row.looked_at == OWED_LOOKED_AT)


def asked_of(order_ids: Sequence[int]) -> dict[int, Asked]:
    """What was asked to be given back and has not arrived, of those orders that have any."""
    if not order_ids:
        return {}
    found: dict[int, Asked] = {}
    for table, amount, state in _ASKED:
        rows = db.session.execute(
            sa.select(table.c.order_id, sa.func.sum(amount).label("amount"))
            .where(
                table.c.merchant_id == current_merchant_id(),
                among(table.c.order_id, order_ids),
                table.c.state == state,
            )
            .group_by(table.c.order_id)
        )
        for row in rows:
            before = found.get(row.order_id, Asked(Decimal(0), Decimal(0)))
            name = "under_way" if state == "pending" else "waiting"
            found[row.order_id] = replace(before, **{name: row.amount})
    return found


def stock_effects(plan: Plan) -> list[StockEffect]:
    """What a plan does to what can be sold; bundles and back-orders are worked out when it is confirmed."""
    moved: Counter[tuple[int, str]] = Counter()
    for part in plan.lines:
        line = plan.now.line(part.n)
        if line is None or line.variant_id is None or not line.is_counted:
            continue
        back = part.back_units if part.fate == "sale" else 0
        freed = part.released_units if part.fate != "quarantine" else 0
        moved[line.variant_id, line.sku] += back + freed - part.added_units
    for added in plan.added:
        if added.wish.variant_id is not None and added.wish.is_stocked:
            moved[added.wish.variant_id, added.wish.sku] -= added.wish.quantity
    free = available_by_variant([variant_id for variant_id, _ in moved])
    return [
        StockEffect(sku, free.get(variant_id, 0), free.get(variant_id, 0) + units)
        for (variant_id, sku), units in sorted(moved.items(), key=lambda each: each[0][1])
        if units
    ]


def names_of(rows: Sequence[Any]) -> dict[int, str]:
    """The names of the users who made these rows."""
    ids = {row["actor_id"] for row in rows if row["actor_kind"] == "user" and row["actor_id"]}
    ids |= {row["approved_by"] for row in rows if row.get("approved_by")}
    if not ids:
        return {}
    return {
        row.id: row.name for row in db.session.execute(sa.select(User.id, User.name).where(User.id.in_(ids)))
    }
