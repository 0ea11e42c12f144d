"""Invoices and credit notes: what they bill, that they are issued once, and that they never change."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import ProgrammingError

from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.errors import ConflictError
from portal.orders.documents import services
from portal.orders.documents.numbering import next_number
from portal.orders.documents.papers import Cell, Paper
from portal.orders.documents.reading import issued_of
from portal.orders.documents.rendering import document_of, document_pdf, paper_of_document
from portal.orders.documents.settings import document_settings
from portal.orders.models import DocumentCounter, InvoiceRef, Order, OrderDocument, OrderLine
from portal.orders.placement import NewContact, NewLine, NewOrder, place_order
from portal.orders.services import ship_lines
from tests.orders.documents.shops import invoicing_shop
from tests.support.people import SYSTEM
from tests.support.shop import Shop, open_shop

BUYER = NewContact(
    "billing", name="Erika Mustermann", company="Muster KG", line1="Beispielweg 5", city="München", postcode="80331",
    country_code="DE", vat_id="DE811569869", email="erika@example.com",
)  # fmt: skip


@pytest.fixture
def year() -> int:
    return utc_now().year


def test_the_first_invoice_bills_what_the_order_costs(shop: Shop, year: int) -> None:
    placed = shop.order(("MUG", 2, "4.50"), shipping="3.00", contacts=(BUYER,))
    number = services.issue_invoice(placed.order_id, by=SYSTEM)
    db.session.commit()
    assert number == f"INV-{year}-00001"
    ref = _refs()[0]
    assert (ref.kind, ref.total, ref.sequence, ref.series) == ("invoice", Decimal(12), 1, f"INV-{year}-")


def test_asking_again_gives_the_same_number(shop: Shop) -> None:
    placed = shop.order(("MUG", 2, "4.50"))
    first = services.issue_invoice(placed.order_id, by=SYSTEM)
    db.session.commit()
    assert services.issue_invoice(placed.order_id, by=SYSTEM) == first
    db.session.commit()
    assert len(_refs()) == 1


def test_a_rolled_back_invoice_leaves_no_gap(shop: Shop, year: int) -> None:
    orders = [shop.order(("MUG", 1, "1.00")).order_id for _ in range(3)]
    services.issue_invoice(orders[0], by=SYSTEM)
    db.session.commit()
    services.issue_invoice(orders[1], by=SYSTEM)
    db.session.rollback()
    assert services.issue_invoice(orders[2], by=SYSTEM) == f"INV-{year}-00002"


def test_what_is_missing_of_the_seller_is_named_before_the_first_invoice(scope: int) -> None:
    placed = open_shop().order(("MUG", 1, "1.00"))
    with pytest.raises(services.SellerIncompleteError, match="Street and number.*Town"):
        services.issue_invoice(placed.order_id, by=SYSTEM)


@pytest.mark.parametrize(
    ("country", "given", "missing"),
    [
        ("DE", {"vat_id": "", "tax_number": "22/815/08154"}, None),
        ("DE", {"vat_id": ""}, "VAT ID or Tax number"),
        ("FR", {"vat_id": "FR61954506077", "registration": ""}, "Company register"),
        ("SE", {"vat_id": ""}, "VAT ID"),
        ("US", {"vat_id": ""}, None),
    ],
)
def test_each_country_asks_for_its_own(
    scope: int, country: str, given: dict[str, str], missing: str | None
) -> None:
    placed = invoicing_shop(country_code=country, **given).order(("MUG", 1, "1.00"))
    if missing is None:
        assert services.issue_invoice(placed.order_id, by=SYSTEM)
    else:
        with pytest.raises(services.SellerIncompleteError, match=missing):
            services.issue_invoice(placed.order_id, by=SYSTEM)


def test_numbers_follow_the_settings(scope: int) -> None:
    shop = invoicing_shop(invoice_prefix="R", numbers_by_year=False, digits=3, first_number=998)
    numbers = []
    for _ in range(4):
        numbers.append(services.issue_invoice(shop.order(("MUG", 1, "1.00")).order_id, by=SYSTEM))
        db.session.commit()
    assert numbers == ["R998", "R999", "R1000", "R1001"]


@pytest.mark.parametrize(
    ("earlier", "begins"),
    [
        # Another prefix, numbers through all years, and a prefix that goes on with letters tell nothing of this one.
        (["S_{last}-", "R-{last}-", "R_", "R_X{last}-", "R_{next}-"], 1500),
        (["R_{last}-"], 1),
        (["R_{long_ago}-"], 1),
    ],
)
def test_the_first_number_is_for_the_first_year_alone(
    scope: int, earlier: list[str], begins: int, year: int
) -> None:
    shop = invoicing_shop(invoice_prefix="R_", first_number=1500)
    years = {"last": year - 1, "next": year + 1, "long_ago": year - 3}
    db.session.add_all([DocumentCounter(series=each.format(**years), last_value=1712) for each in earlier])
    db.session.commit()
    assert next_number(document_settings(), "invoice", dt.date(year, 1, 1)) == f"R_{year}-{begins:05d}"
    for n in range(begins, begins + 2):
        number = services.issue_invoice(shop.order(("MUG", 1, "1.00")).order_id, by=SYSTEM)
        assert number == f"R_{year}-{n:05d}"
        db.session.commit()
    assert next_number(document_settings(), "invoice", dt.date(year, 1, 1)) == f"R_{year}-{begins + 2:05d}"


def test_a_change_is_credited_once_and_an_addition_invoiced_alone(shop: Shop, year: int) -> None:
    placed = shop.order(("MUG", 4, "5.00"), ("CUP", 1, "2.00"))
    services.issue_invoice(placed.order_id, by=SYSTEM)
    _credit(placed.order_id, 1, units=1, amount="5.00")
    note = services.issue_credit_note(placed.order_id, 1, by=SYSTEM)
    assert note == f"CN-{year}-00001"
    assert services.issue_credit_note(placed.order_id, 1, by=SYSTEM) == note
    assert services.issue_credit_note(placed.order_id, 2, by=SYSTEM) is None
    _grow(placed.order_id, 2, units=2, amount="4.00")
    assert services.issue_invoice(placed.order_id, by=SYSTEM) == f"INV-{year}-00002"
    db.session.commit()
    first, credit, second = issued_of(placed.order_id)
    assert [sum(each.gross for each in document.positions) for document in (first, credit, second)] == [
        22,
        -5,
        4,
    ]
    assert credit.refers_to_id == first.id
    assert [(each.sku, each.units) for each in credit.positions] == [("MUG", -1)]


def test_an_order_changed_before_its_invoice_is_invoiced_as_it_stands(shop: Shop) -> None:
    placed = shop.order(("MUG", 4, "5.00"))
    _credit(placed.order_id, 1, units=1, amount="5.00")
    assert services.issue_credit_note(placed.order_id, 1, by=SYSTEM) is None
    services.issue_invoice(placed.order_id, by=SYSTEM)
    (document,) = issued_of(placed.order_id)
    assert [(each.units, each.gross) for each in document.positions] == [(3, Decimal(15))]


def test_a_wrong_invoice_is_taken_back_whole_and_issued_anew(shop: Shop, year: int) -> None:
    placed = shop.order(("MUG", 2, "4.50"), shipping="3.00")
    services.issue_invoice(placed.order_id, by=SYSTEM)
    services.reverse_invoices(placed.order_id, by=SYSTEM)
    with pytest.raises(ConflictError):
        services.reverse_invoices(placed.order_id, by=SYSTEM)
    assert services.issue_invoice(placed.order_id, by=SYSTEM) == f"INV-{year}-00002"
    db.session.commit()
    assert [ref.total for ref in _refs()] == [12, -12, 12]


def test_a_free_order_can_be_invoiced_and_an_empty_one_cannot(shop: Shop) -> None:
    free = shop.order(("MUG", 1, "0.00"))
    assert services.issue_invoice(free.order_id, by=SYSTEM)
    gone = shop.order(("MUG", 1, "5.00"))
    _credit(gone.order_id, 1, units=1, amount="5.00")
    with pytest.raises(services.NothingToInvoiceError):
        services.issue_invoice(gone.order_id, by=SYSTEM)


def test_a_document_shows_the_same_bytes_for_ever(scope: int, shop: Shop) -> None:
    placed = shop.order(("MUG", 2, "4.50"), contacts=(BUYER,))
    services.issue_invoice(placed.order_id, by=SYSTEM)
    db.session.commit()
    before = document_pdf(document_of(_refs()[0].id))
    document_settings().company = "Someone Else Ltd"
    db.session.execute(
        sa.update(OrderLine).where(OrderLine.order_id == placed.order_id, OrderLine.merchant_id == scope)
        .values(title="Renamed")
    )  # fmt: skip
    db.session.commit()
    assert document_pdf(document_of(_refs()[0].id)) == before


@pytest.mark.parametrize("statement", ["UPDATE {} SET merchant_id = merchant_id", "DELETE FROM {}"])
@pytest.mark.parametrize("model", [InvoiceRef, OrderDocument])
def test_no_privilege_changes_what_was_issued(scope: int, model: type, statement: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        db.session.execute(
            sa.text(statement.format(model.__tablename__) + f" WHERE merchant_id = {scope}")  # type: ignore[attr-defined]
        )
    db.session.rollback()


def test_the_buyer_stands_on_the_paper_and_nowhere_in_the_open(shop: Shop, year: int) -> None:
    placed = shop.order(("MUG", 2, "4.50"), contacts=(BUYER,))
    services.issue_invoice(placed.order_id, by=SYSTEM)
    db.session.commit()
    document = document_of(_refs()[0].id)
    paper = paper_of_document(document)
    assert paper.recipient == ["Muster KG", "Erika Mustermann", "Beispielweg 5", "80331 München"]
    assert ["Ihre USt-IdNr.", "DE811569869"] in [list(fact) for fact in paper.facts]
    open_text = str(document.content)
    assert not [
        word for word in ("Erika", "Muster KG", "Beispielweg", "80331", "811569869") if word in open_text
    ]
    assert document.sealed.ends_on == dt.date(year + 8, 12, 31)


def _refs() -> list[InvoiceRef]:
    return list(db.session.scalars(sa.select(InvoiceRef).order_by(InvoiceRef.id)))


def _credit(order_id: int, line_n: int, *, units: int, amount: str) -> None:
    """What a confirmed change leaves behind: units cancelled, their money credited beside the total."""
    line = db.session.scalars(
        sa.select(OrderLine).where(OrderLine.order_id == order_id, OrderLine.n == line_n)
    ).one()
    line.cancelled_quantity += units
    line.allocated_quantity = max(line.allocated_quantity - units, 0)
    line.credited_amount += Decimal(amount)
    db.session.scalars(sa.select(Order).where(Order.id == order_id)).one().credited_total += Decimal(amount)
    db.session.flush()


def _grow(order_id: int, line_n: int, *, units: int, amount: str) -> None:
    line = db.session.scalars(
        sa.select(OrderLine).where(OrderLine.order_id == order_id, OrderLine.n == line_n)
    ).one()
    line.quantity += units
    line.line_total += Decimal(amount)
    order = db.session.scalars(sa.select(Order).where(Order.id == order_id)).one()
    order.items_total += Decimal(amount)
    order.total += Decimal(amount)
    db.session.flush()


def test_an_invoice_says_what_one_costs_without_tax(shop: Shop) -> None:
    """Directive 2006/112/EC article 226 (8), also where the shop prices with tax inside."""
    line = NewLine(
        "MUG",
        "Mug",
        2,
        Decimal("11.90"),
        tax_rate=Decimal("0.19"),
        tax_amount=Decimal("3.80"),
        is_stocked=False,
    )
    new = NewOrder(shop.channel_id, "EUR", [line], contacts=(BUYER,))
    paper = _paper_of(place_order(new, by=SYSTEM).order_id)
    assert paper.goods is not None
    price = paper.goods.rows[0][3]
    assert isinstance(price, Cell) and [_plain(text) for text in (price.main, *price.under)] == [
        "11,90 €",
        "Netto 10,00 €",
    ]


def test_no_date_of_supply_is_invented_before_anything_left(shop: Shop) -> None:
    placed = shop.order(("MUG", 1, "4.50"), contacts=(BUYER,))
    supplied = "Leistungsdatum"
    assert supplied not in {label for label, *_ in _paper_of(placed.order_id).facts}
    sent = shop.order(("MUG", 1, "4.50"), contacts=(BUYER,))
    ship_lines(sent.order_id, {1: 1}, carrier=None, tracking_number=None, by=SYSTEM)
    assert supplied in {label for label, *_ in _paper_of(sent.order_id).facts}


def test_reverse_charge_asks_for_the_whole_buyer(shop: Shop) -> None:
    """Directive 2006/112/EC article 226 (4) and (5)."""
    nameless = NewContact("billing", company="Rossi SRL", country_code="IT", vat_id="IT00743110157")
    line = NewLine("MUG", "Mug", 1, Decimal("10"), is_stocked=False)
    new = NewOrder(shop.channel_id, "EUR", [line], contacts=(nameless,), tax_treatment="reverse_charge")
    placed = place_order(new, by=SYSTEM)
    with pytest.raises(services.BuyerIncompleteError) as refused:
        services.issue_invoice(placed.order_id, by=SYSTEM)
    assert refused.value.message.endswith("street, town.")


def test_each_invoice_of_an_order_asks_for_its_own_money(shop: Shop) -> None:
    placed = shop.order(("MUG", 2, "4.50"), paid="4.50", contacts=(BUYER,))
    notes = [_plain(note) for note in _paper_of(placed.order_id).notes]
    assert notes[0] == "Bezahlt: 4,50 £." and notes[1].startswith("Bitte zahlen Sie 4,50 £ bis zum")


def _paper_of(order_id: int) -> Paper:
    services.issue_invoice(order_id, by=SYSTEM)
    db.session.commit()
    newest = db.session.scalars(
        sa.select(InvoiceRef.id)
        .where(InvoiceRef.order_id == order_id)
        .order_by(InvoiceRef.id.desc())
        .limit(1)
    ).one()
    return paper_of_document(document_of(newest))


def _plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")
