"""Changes of an invoiced order are credited by themselves, to the cent."""

from __future__ import annotations

from decimal import Decimal

import sqlalchemy as sa

from portal.core.database import db
from portal.core.jobs import run_due_jobs
from portal.core.outbox import run_consumers
from portal.orders.book import lock_order
from portal.orders.changes.order_now import read_order
from portal.orders.changes.proposal import LineWish, NewLineWish, Proposal
from portal.orders.changes.reasons import REASONS
from portal.orders.changes.services import change_at_once, whole_cancellation
from portal.orders.documents.services import issue_invoice
from portal.orders.models import InvoiceRef, Order
from tests.orders.documents.shops import invoicing_shop
from tests.support.people import SYSTEM
from tests.support.shop import Shop
from tests.support.waiting import settle


def test_what_a_change_takes_off_is_credited(scope: int, shop: Shop) -> None:
    placed = shop.order(("MUG", 3, "4.50"), ("CUP", 2, "1.25"), shipping="3.00", paid="19.00")
    issue_invoice(placed.order_id, by=SYSTEM)
    db.session.commit()
    _change(placed.order_id, Proposal("edit", lines=(LineWish(1, quantity=2),)))
    assert [(ref.kind, ref.total, ref.change_n) for ref in _refs()] == [
        ("invoice", Decimal(19), None), ("credit_note", Decimal("-4.50"), 1)
    ]  # fmt: skip
    _change(placed.order_id, whole_cancellation(read_order(lock_order(placed.order_id))))
    assert sum(ref.total for ref in _refs()) == _due(placed.order_id) == 0


def test_what_a_change_adds_is_invoiced_when_it_is_due(scope: int) -> None:
    shop = invoicing_shop(issued_when="paid")
    placed = shop.order(("MUG", 3, "4.50"), paid="13.50")
    _work()
    wish = NewLineWish("CUP", "Cup", 1, Decimal("0.00"), variant_id=shop.variants["CUP"])
    _change(placed.order_id, Proposal("exchange", lines=(LineWish(1, quantity=2),), added=(wish,)))
    assert [(ref.kind, ref.total) for ref in _refs()] == [
        ("invoice", Decimal("13.50")), ("credit_note", Decimal("-4.50")), ("invoice", Decimal(0))
    ]  # fmt: skip
    assert sum(ref.total for ref in _refs()) == _due(placed.order_id)


def _change(order_id: int, proposal: Proposal) -> None:
    change_at_once(order_id, proposal, reason_code=next(iter(REASONS[proposal.kind])), by=SYSTEM)
    db.session.commit()
    _work()


def _work() -> None:
    settle()
    run_consumers("documents")
    run_due_jobs()
    db.session.expire_all()


def _refs() -> list[InvoiceRef]:
    return list(db.session.scalars(sa.select(InvoiceRef).order_by(InvoiceRef.id)))


def _due(order_id: int) -> Decimal:
    order = db.session.scalars(sa.select(Order).where(Order.id == order_id)).one()
    return order.total - order.credited_total
