"""Erasing a person leaves what the law keeps of their invoices, sealed, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.core import keyring
from portal.core.audit import AuditEntry
from portal.core.clock import utc_now
from portal.core.database import db, merchant_scope
from portal.core.jobs import run_due_jobs
from portal.core.mail import Message, read_letter
from portal.core.subjects import DataSubject
from portal.orders.documents import services
from portal.orders.documents.rendering import document_of, document_pdf, paper_of_document
from portal.orders.documents.sending import send_document
from portal.orders.models import InvoiceRef, OrderRef
from portal.orders.placement import NewContact
from portal.privacy.access_export import collect
from portal.privacy.ledger import init_ledger
from portal.privacy.map import personal_data_map
from tests.privacy.requests import approved_request
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person
from tests.support.shop import Shop

BUYER = NewContact(
    "billing", name="Zyxwina Needle", line1="Needlegasse 9", city="Needleburg", postcode="80331", country_code="DE",
    email="zyxwina@example.com",
)  # fmt: skip


@pytest.fixture
def invoiced(scope: int, shop: Shop) -> tuple[int, int]:
    """An invoice that was sent to its buyer; gives its id and the buyer's."""
    placed = shop.order(("MUG", 2, "4.50"), contacts=(BUYER,))
    services.issue_invoice(placed.order_id, by=SYSTEM)
    db.session.commit()
    ref = db.session.scalars(sa.select(InvoiceRef)).one()
    send_document(ref.id, by=SYSTEM)
    db.session.commit()
    subject_id = db.session.scalars(
        sa.select(OrderRef.subject_id).where(OrderRef.order_id == placed.order_id)
    ).one()
    assert subject_id is not None
    return ref.id, subject_id


@pytest.fixture
def erased(
    app: Flask, scope: int, invoiced: tuple[int, int], member: Callable[..., Person]
) -> tuple[int, int]:
    """The same after the person was erased."""
    init_ledger()
    shop_order = db.session.scalars(sa.select(OrderRef.order_id)).one()
    db.session.execute(
        sa.text("UPDATE sales_order SET state = 'closed' WHERE merchant_id = :m AND id = :id"),
        {"m": scope, "id": shop_order},
    )
    db.session.commit()
    officers = member("compliance").actor, member("compliance").actor
    approved_request(invoiced[1], by=officers[0], approver=officers[1])
    db.session.commit()
    with app.app_context(), merchant_scope(scope):
        run_due_jobs()
    db.session.expire_all()
    assert db.session.get_one(DataSubject, (scope, invoiced[1])).erased_at is not None
    return invoiced


def test_the_copy_a_person_may_ask_for_holds_their_invoice(invoiced: tuple[int, int]) -> None:
    (table,) = [each for each in collect([invoiced[1]]) if each.name == "order_document"]
    assert table.unreadable == 0
    assert "Needlegasse 9" in str(table.rows[0]["sealed"])


def test_after_the_erasure_the_document_names_nobody(erased: tuple[int, int]) -> None:
    document = document_of(erased[0])
    assert document.is_erased
    paper = paper_of_document(document)
    assert paper.recipient == ["Auf Wunsch der Person gelöscht"]
    assert "Needle" not in str(paper)
    assert document_pdf(document).startswith(b"%PDF-")
    (message,) = db.session.scalars(sa.select(Message).where(Message.template == "document"))
    assert read_letter(message) is None


def test_who_may_approve_erasures_opens_it_with_a_reason(
    scope: int, erased: tuple[int, int], login: Callable[[Person], HouseClient], member: Callable[..., Person]
) -> None:
    address = f"/documents/{erased[0]}/retained"
    assert login(member("support")).post(address, data={"reason": "Tax audit of 2026"}).status_code == 403
    officer = login(member("compliance"))
    number = document_of(erased[0]).order_number
    assert address in officer.get(f"/orders/{number}/documents").text
    assert "Needle" not in officer.get(address).text
    assert officer.post(address, data={"reason": "x"}).status_code == 422
    opened = officer.post(address, data={"reason": "Tax audit of 2026"})
    assert opened.mimetype == "application/pdf"
    actions = db.session.scalars(
        sa.select(AuditEntry.action).where(AuditEntry.action == "retained_document.opened")
    )
    assert len(actions.all()) == 1


def test_on_its_day_the_kept_part_is_gone_for_all(
    erased: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    document = document_of(erased[0])
    assert document.sealed.ends_on is not None
    later = utc_now().replace(year=document.sealed.ends_on.year + 1, month=1, day=2)
    monkeypatch.setattr(keyring, "utc_now", lambda: later)
    keyring.destroy_due_retention_keys()
    assert paper_of_document(document).recipient == ["Auf Wunsch der Person gelöscht"]
    from portal.orders.documents.sealing import open_party

    assert open_party(document.sealed, document.id, document.subject_id, reason="after its day") is None


def test_the_map_says_that_the_document_is_restricted() -> None:
    table = personal_data_map().tables["order_document"]
    assert table.restricted and not table.emptied and not table.shredded
