"""Change an order: begin, preview, confirm in one transaction, or drop. One way for every kind of change.

    n = begin(order_id, Proposal("cancel", lines=(LineWish(1, cancel=2),)), reason_code="asked", by=actor)
    shown = preview(order_id, n)
    confirm(order_id, n, version=shown.plan.now.version, by=actor)

Confirming holds the order, works the change out anew on what stands now, and writes all of it: lines, head, stock, refunds,
the record, the credit note. A second confirmation of the same change finds it done and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

import sqlalchemy as sa

from portal.accounts.models import User
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError, ForbiddenError, NotFoundError
from portal.orders.book import insert_row, lock_order, next_n, of_order, tell
from portal.orders.changes import limits
from portal.orders.changes.closing import close_return
from portal.orders.changes.giving_back import give_back_money, let_go_of_money
from portal.orders.changes.order_now import OrderNow, read_order
from portal.orders.changes.plan import Plan, plan_change
from portal.orders.changes.proposal import LineWish, Proposal, packed, unpacked
from portal.orders.changes.reasons import REASONS, reason_words
from portal.orders.changes.stock import move_stock
from portal.orders.changes.writing import write_head, write_lines, write_record
from portal.orders.documents.services import issue_credit_note
from portal.orders.models import Order, OrderChange, OrderChangeDraft

LONGEST_NOTE: Final = 2_000

_draft: Final = OrderChangeDraft.__table__
_change: Final = OrderChange.__table__
_order: Final = Order.__table__


@dataclass(frozen=True, slots=True)
class Preview:
    """A change as it would turn out now; without a plan when it cannot be done any more, and *problem* says why."""

    draft: sa.RowMapping
    now: OrderNow
    plan: Plan | None
    problem: DomainError | None = None

    @property
    def n(self) -> int:
        return int(self.draft["n"])


@dataclass(frozen=True, slots=True)
class Outcome:
    """What confirming came to. ``already``: this change had been confirmed before, nothing happened now."""

    n: int
    state: Literal["confirmed", "waiting", "already"]


def begin(order_id: int, proposal: Proposal, *, reason_code: str, note: str | None = None, by: Actor) -> int:
    """Propose a change; gives its number within the order. Nothing of the order changes yet.

    Raises:
        DomainError: it would change nothing, or asks for more than there is; a reason is missing.
        ConflictError: what it counts on is gone.
    """
    if reason_code not in REASONS.get(proposal.kind, {}):
        raise DomainError("Choose a reason.", field="reason_code")
    plan = plan_change(read_order(lock_order(order_id)), proposal)
    if plan.is_empty:
        raise DomainError("This would change nothing. Enter what shall be different.")
    _drop_older(order_id, by)
    n = next_n(_draft, order_id)
    insert_row(
        _draft, order_id, n=n, kind=proposal.kind, proposal=packed(proposal), reason_code=reason_code,
        note=(note or "").replace("\0", "").strip()[:LONGEST_NOTE] or None, seen_version=plan.now.version,
        refund_amount=plan.refund.amount if plan.refund else Decimal(0), actor_kind=by.kind, actor_id=by.id, at=utc_now(),
        changed_at=utc_now(),
    )  # fmt: skip
    return n


def preview(order_id: int, n: int) -> Preview:
    """The change worked out on the order as it stands now.

    Raises:
        NotFoundError: there is no such change.
    """
    draft = _draft_of(order_id, n)
    now = _read(order_id)
    try:
        return Preview(draft, now, plan_change(now, unpacked(draft["proposal"])))
    except DomainError as error:
        return Preview(draft, now, None, error)


def confirm(order_id: int, n: int, *, version: int, by: Actor) -> Outcome:
    """Do what was previewed. One transaction, the caller's: all of it or nothing.

    A refund that a second person must agree to is not done; it waits for them, and the order stays as it is.

    Args:
        version: the version of the order that the person saw in the preview.

    Raises:
        NotFoundError: there is no such change.
        ConflictError: the order changed since the preview, the change was dropped, or there is too little stock.
    """
    head = lock_order(order_id)
    draft = _draft_of(order_id, n)
    if draft["state"] == "confirmed":
        return Outcome(n, "already")
    if draft["state"] == "waiting":
        return Outcome(n, "waiting")
    plan = _checked(head, draft, version)
    given = plan.given_in_base
    if given and (limits.needs_second_person(given, by) or not _is_within_limits(plan, given, by)):
        # Whoever confirms asks for it: nobody can push somebody else's forgotten draft and then agree to it alone.
        _set_state(
            order_id, n, "waiting", refund_amount=plan.refund.amount if plan.refund else 0, actor_kind=by.kind, actor_id=by.id
        )  # fmt: skip
        tell(
            order_id,
            "refund_waits",
            by,
            amount=str(plan.refund.amount if plan.refund else 0),
            currency=plan.now.currency,
        )
        return Outcome(n, "waiting")
    _write(plan, draft, by=by, approved_by=None)
    return Outcome(n, "confirmed")


def approve(order_id: int, n: int, *, version: int, by: Actor) -> Outcome:
    """Agree to a change that waits for a second person, and do it.

    Raises:
        ForbiddenError: the person asked for it themselves, or may not give back so much.
        ConflictError: the order changed since the preview, or it does not wait any more.
    """
    head = lock_order(order_id)
    draft = _draft_of(order_id, n)
    if draft["state"] == "confirmed":
        return Outcome(n, "already")
    if draft["state"] != "waiting":
        raise ConflictError("This refund does not wait for anyone any more.")
    if by.id is None or (draft["actor_kind"] == "user" and draft["actor_id"] == by.id):
        raise ForbiddenError("You asked for this refund, so somebody else must agree to it.")
    plan = _checked(head, draft, version)
    limits.spend_limit(plan.given_in_base, plan.now.base_currency, by)
    tell(
        order_id,
        "refund_agreed",
        by,
        amount=str(plan.refund.amount if plan.refund else 0),
        currency=plan.now.currency,
    )
    _write(plan, draft, by=_asker(draft), approved_by=by.id)
    return Outcome(n, "confirmed")


def refuse(order_id: int, n: int, *, by: Actor) -> None:
    """Say no to a change that waits for a second person.

    Raises:
        ConflictError: it does not wait any more.
    """
    lock_order(order_id)
    draft = _draft_of(order_id, n)
    if draft["state"] != "waiting":
        raise ConflictError("This refund does not wait for anyone any more.")
    is_own = draft["actor_kind"] == "user" and draft["actor_id"] == by.id
    _set_state(order_id, n, "dropped" if is_own else "refused", decided_by=None if is_own else by.id)
    tell(order_id, "refund_refused", by, amount=str(draft["refund_amount"]))


def drop(order_id: int, n: int, *, by: Actor) -> None:
    """Forget a change that was begun; one that is confirmed or dropped already stays as it is."""
    lock_order(order_id)
    db.session.execute(
        sa.update(_draft)
        .where(of_order(_draft, order_id), _draft.c.n == n, _draft.c.state == "open")
        .values(state="dropped", changed_at=utc_now())
    )


def change_at_once(
    order_id: int, proposal: Proposal, *, reason_code: str, note: str | None = None, by: Actor
) -> Outcome:
    """Begin and confirm in one step, for acts that need no preview and for programs.

    Raises:
        DomainError: as ``begin`` and ``confirm``.
    """
    n = begin(order_id, proposal, reason_code=reason_code, note=note, by=by)
    return confirm(order_id, n, version=lock_order(order_id)["version"], by=by)


def whole_cancellation(now: OrderNow) -> Proposal:
    """Everything that has not left is cancelled; delivery and fees too when nothing has."""
    wishes = tuple(
        LineWish(line.n, cancel=line.unsent) for line in now.lines if line.quantity > 0 and line.unsent
    )
    nothing_sent = not any(line.fulfilled for line in now.lines)
    return Proposal("cancel", lines=wishes, is_cancelled_whole=nothing_sent)


def _checked(head: sa.RowMapping, draft: sa.RowMapping, version: int) -> Plan:
    if draft["state"] not in {"open", "waiting"}:
        raise ConflictError("This change was dropped. Begin it again if it is still wanted.")
    if head["version"] != version:
        raise ConflictError(
            "The order changed after this preview, so nothing was done. Below is what the change would come to now."
        )
    plan = plan_change(read_order(head), unpacked(draft["proposal"]))
    if plan.is_empty:
        raise ConflictError("This change would do nothing any more; someone may have done it already.")
    return plan


def _write(plan: Plan, draft: sa.RowMapping, *, by: Actor, approved_by: int | None) -> None:
    order_id, n, kind = plan.now.order_id, draft["n"], plan.proposal.kind
    write_lines(plan)
    write_head(plan)
    move_stock(plan, by=by)
    write_record(plan, n, draft["reason_code"], by=by, approved_by=approved_by)
    _set_state(order_id, n, "confirmed", decided_by=approved_by)
    close_return(plan, n, by=by)
    _tell(plan, draft, by)
    give_back_money(plan, n, reason=reason_words(kind, draft["reason_code"]), by=by)
    let_go_of_money(plan, n, by=by)
    if plan.credited > 0:
        # The last statement that locks anything many wait for: credit notes are numbered without a gap.
        issue_credit_note(order_id, n, by=by)


def _tell(plan: Plan, draft: sa.RowMapping, by: Actor) -> None:
    was, now = plan.now.state, lock_order(plan.now.order_id)["state"]
    what = "cancelled" if now == "cancelled" and was != "cancelled" else "changed"
    data = {"change": plan.proposal.kind, "n": str(draft["n"]), "reason": draft["reason_code"]}
    if plan.charged != plan.credited:
        data |= {"amount": str(plan.charged - plan.credited), "currency": plan.now.currency}
    tell(plan.now.order_id, what, by, **data)


def _is_within_limits(plan: Plan, given: Decimal, by: Actor) -> bool:
    try:
        limits.spend_limit(given, plan.now.base_currency, by)
    except limits.OverLimitError:
        return False
    return True


def _asker(draft: sa.RowMapping) -> Actor:
    user = db.session.get(User, draft["actor_id"]) if draft["actor_kind"] == "user" else None
    return Actor(draft["actor_kind"], draft["actor_id"], user.name if user else "A former user")


def _draft_of(order_id: int, n: int) -> sa.RowMapping:
    found = db.session.execute(
        sa.select(_draft).where(of_order(_draft, order_id), _draft.c.n == n)
    ).mappings().one_or_none()  # fmt: skip
    if found is None:
        raise NotFoundError("There is no such change of this order.")
    return found


def _read(order_id: int) -> OrderNow:
    head = db.session.execute(
        sa.select(_order).where(_order.c.merchant_id == current_merchant_id(), _order.c.id == order_id)
    ).mappings().one_or_none()  # fmt: skip
    if head is None:
        raise NotFoundError("This order is in the archive.")
    return read_order(head)


def _drop_older(order_id: int, by: Actor) -> None:
    db.session.execute(
        sa.update(_draft)
        .where(
            of_order(_draft, order_id),
            _draft.c.state == "open",
            _draft.c.actor_kind == by.kind,
            _draft.c.actor_id.is_not_distinct_from(by.id),
        )
        .values(state="dropped", changed_at=utc_now())
    )


def _set_state(order_id: int, n: int, state: str, **values: object) -> None:
    db.session.execute(
        sa.update(_draft)
        .where(of_order(_draft, order_id), _draft.c.n == n)
        .values(state=state, changed_at=utc_now(), **values)
    )
