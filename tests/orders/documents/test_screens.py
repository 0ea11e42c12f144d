"""The screens of documents: panel, list, settings, PDF, printing, mail."""

from __future__ import annotations

import html
import io
import json
import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask
from PIL import Image

from portal.core import storage
from portal.core.database import db, merchant_scope
from portal.core.jobs import Job, run_due_jobs
from portal.core.mail import Message
from portal.core.outbox import run_consumers
from portal.core.reveal import PersonalDataView
from portal.orders import services as acts
from portal.orders.documents import services
from portal.orders.documents.merging import page_count
from portal.orders.models import DocumentSettings, InvoiceRef
from tests.orders.documents.shops import invoicing_shop
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person
from tests.support.shop import Shop
from tests.support.waiting import settle

Login = Callable[[Person], HouseClient]
Member = Callable[..., Person]


def test_an_invoice_is_issued_once_however_often_it_is_clicked(
    scope: int, shop: Shop, login: Login, member: Member
) -> None:
    placed, browser = shop.order(("MUG", 2, "4.50")), login(member("support"))
    assert "Issue invoice" in browser.get(f"/orders/{placed.number}/documents").text
    for _ in range(2):
        answer = browser.post(f"/orders/{placed.number}/invoices")
        assert answer.status_code == 303
    assert len(_refs()) == 1
    panel = browser.get(f"/orders/{placed.number}/documents").text
    assert _refs()[0].number in panel and "Issue invoice" not in panel


def test_what_the_seller_lacks_stands_on_the_order_and_in_the_list(
    scope: int, login: Login, member: Member
) -> None:
    shop = invoicing_shop(city="")
    placed, browser = shop.order(("MUG", 1, "4.50")), login(member())
    assert "Town" in browser.get(f"/orders/{placed.number}/documents").text
    assert "Town" in browser.get("/documents").text
    refused = browser.post(f"/orders/{placed.number}/invoices")
    assert refused.status_code == 422 and "Town" in refused.text


def test_a_document_opens_as_pdf_and_the_look_is_logged(
    scope: int, shop: Shop, login: Login, member: Member
) -> None:
    placed = shop.order(("MUG", 2, "4.50"))
    number = services.issue_invoice(placed.order_id, by=SYSTEM)
    db.session.commit()
    person = member("support")
    answer = login(person).get(f"/documents/{_refs()[0].id}")
    assert answer.data.startswith(b"%PDF-") and answer.mimetype == "application/pdf"
    assert answer.headers["Content-Disposition"] == f"inline; filename={number}.pdf"
    assert "no-store" in answer.headers["Cache-Control"]
    seen = db.session.scalars(sa.select(PersonalDataView)).one()
    assert (seen.actor_id, seen.case_kind, seen.case_id) == (person.user_id, "order", placed.order_id)
    assert login(member("analyst")).get(f"/documents/{_refs()[0].id}").status_code == 403


def test_the_list_shows_documents_and_finds_them_by_either_number(
    scope: int, shop: Shop, login: Login, member: Member
) -> None:
    orders = [shop.order(("MUG", units, "4.50")) for units in (1, 2)]
    numbers = []
    for placed in orders:
        numbers.append(services.issue_invoice(placed.order_id, by=SYSTEM))
        db.session.commit()
    browser = login(member("analyst"))
    for query in (numbers[0], orders[0].number):
        page = browser.get(f"/documents?q={query}").text
        assert numbers[0] in page and numbers[1] not in page


def test_a_document_goes_out_by_mail_with_its_file(
    scope: int, shop: Shop, login: Login, member: Member
) -> None:
    placed, other = shop.order(("MUG", 2, "4.50")), shop.order(("MUG", 1, "1.00"))
    number = services.issue_invoice(placed.order_id, by=SYSTEM)
    db.session.commit()
    browser, document = login(member("support")), _refs()[0].id
    assert browser.post(f"/orders/{other.number}/documents/{document}/mail").status_code == 404
    assert browser.post(f"/orders/{placed.number}/documents/{document}/mail").status_code == 303
    message = db.session.scalars(sa.select(Message).where(Message.template == "document")).one()
    (key,) = message.attachments
    stored = db.session.scalars(sa.select(storage.StoredFile).where(storage.StoredFile.key == key)).one()
    assert stored.filename == f"{number}.pdf" and stored.data_subject_id == message.subject_id
    assert storage.read_bytes(key).startswith(b"%PDF-")


def test_taking_an_invoice_back_needs_the_right_to_refund(
    scope: int, shop: Shop, login: Login, member: Member
) -> None:
    placed = shop.order(("MUG", 2, "4.50"))
    services.issue_invoice(placed.order_id, by=SYSTEM)
    db.session.commit()
    assert login(member("warehouse")).post(f"/orders/{placed.number}/invoices/reversal").status_code == 403
    assert login(member("support")).post(f"/orders/{placed.number}/invoices/reversal").status_code == 303
    assert [ref.total for ref in _refs()] == [9, -9]


def test_the_settings_are_saved_and_two_people_lose_nothing(scope: int, login: Login, member: Member) -> None:
    browser = login(member())
    page = browser.get("/settings/documents").text
    form = _form_of(page) | {
        "company": "Nordlicht GmbH",
        "line1": "Hafenstraße 12",
        "city": "Hamburg",
        "country_code": "DE",
    }
    assert browser.post("/settings/documents", data=form).status_code == 303
    stale = _form_of(page) | {"bank": "Hanseatische Bank"}
    assert browser.post("/settings/documents", data=stale).status_code == 303
    saved = db.session.scalars(sa.select(DocumentSettings)).one()
    assert (saved.company, saved.bank, saved.city) == ("Nordlicht GmbH", "Hanseatische Bank", "Hamburg")
    clash = browser.post("/settings/documents", data=_form_of(page) | {"city": "Bremen"})
    assert clash.status_code == 409 and "Hamburg" in clash.text and "Bremen" in clash.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"invoice_prefix": "a<b"},
        {"digits": "0"},
        {"first_number": "0"},
        {"payment_days": "9999"},
        {"company": ""},
        {"vat_id": "DE136695975"},
        {"iban": "DE89370400440532013001"},
        # Invoice R + 11 and credit note R1 + 1 would both be R11.
        {"invoice_prefix": "R", "credit_note_prefix": "R1", "numbers_by_year": ""},
    ],
)
def test_settings_no_document_can_have_are_refused(
    scope: int, login: Login, member: Member, wrong: dict[str, str]
) -> None:
    browser = login(member())
    form = _form_of(browser.get("/settings/documents").text)
    assert browser.post("/settings/documents", data=form | wrong).status_code == 422
    assert db.session.scalars(sa.select(DocumentSettings)).first() is None


def test_a_logo_is_kept_as_pixels_only_and_printed(
    scope: int, shop: Shop, login: Login, member: Member
) -> None:
    browser, picture = login(member()), io.BytesIO()
    Image.new("RGBA", (1200, 300), (200, 30, 60, 255)).save(picture, "PNG")
    sent = {"logo": (io.BytesIO(picture.getvalue()), "logo.png")}
    assert browser.post("/settings/documents/logo", data=sent).status_code == 303
    assert browser.get("/settings/documents/logo").data.startswith(b"\x89PNG")
    with_logo = browser.get("/settings/documents/specimen").data
    refused = browser.post("/settings/documents/logo", data={"logo": (io.BytesIO(b"<svg/>"), "logo.svg")})
    assert refused.status_code == 422
    assert browser.post("/settings/documents/logo/remove").status_code == 303
    assert len(with_logo) > len(browser.get("/settings/documents/specimen").data)


def test_many_documents_are_one_file(
    app: Flask, scope: int, shop: Shop, login: Login, member: Member
) -> None:
    placed = [shop.order(("MUG", 1, "4.50"), ("CUP", 2, "2.00")) for _ in range(30)]
    browser = login(member("support"))
    chosen = {"key": [str(each.order_id) for each in placed]}
    asked = browser.post("/documents/print", data=chosen).text
    assert "30 orders" in asked
    word = re.findall(r'name="chosen" value="(\w+)"', asked)[0]
    started = browser.post("/documents/print/start", data={"chosen": word, "what": "issue_invoices"})
    assert started.status_code == 303
    with app.app_context(), merchant_scope(scope):
        run_due_jobs()
    db.session.expire_all()
    job = db.session.scalars(sa.select(Job).where(Job.kind == "documents.print")).one()
    assert (job.state, job.ok_items, job.failed_items) == ("done", 30, 0)
    stored = db.session.get(storage.StoredFile, (scope, job.result_file_id))
    assert stored is not None and stored.expires_at is not None
    assert page_count(storage.read_bytes(stored.key)) == 30
    assert [ref.sequence for ref in _refs()] == list(range(1, 31))
    parts = sa.select(storage.StoredFile.key).where(storage.StoredFile.key.like("documents/prints/%"))
    assert db.session.scalars(parts).all() == [stored.key]


@pytest.mark.parametrize("moment", ["paid", "shipped"])
def test_invoices_are_issued_by_themselves_at_the_chosen_moment(app: Flask, scope: int, moment: str) -> None:
    shop = invoicing_shop(issued_when=moment, is_mailed=True)
    placed, unpaid = shop.order(("MUG", 2, "4.50"), paid="9.00"), shop.order(("MUG", 1, "1.00"))
    if moment == "shipped":
        acts.ship_lines(placed.order_id, {1: 2}, carrier=None, tracking_number=None, by=SYSTEM)
        db.session.commit()
    settle()
    run_consumers("documents")
    run_due_jobs()
    assert [ref.order_id for ref in _refs()] == [placed.order_id]
    assert db.session.scalars(sa.select(Message.state).where(Message.template == "document")).all() == [
        "sent"
    ]
    assert unpaid.order_id


def _refs() -> list[InvoiceRef]:
    db.session.expire_all()
    return list(db.session.scalars(sa.select(InvoiceRef).order_by(InvoiceRef.id)))


def _form_of(page: str) -> dict[str, str]:
    """What the form on the page would send as it stands."""
    hidden = {
        name: html.unescape(re.search(rf'<input[^>]*name="{name}"[^>]*value="([^"]*)"', page)[1])  # type: ignore[index]
        for name in ("version", "base")
    }
    shown = json.loads(hidden["base"])
    return {
        name: "y" if value is True else str(value) for name, value in shown.items() if value is not False
    } | hidden
