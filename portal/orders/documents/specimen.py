"""An invoice of nobody, to see how the settings print."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from portal.core.clock import utc_now
from portal.orders.documents.letterheads import footer_of, hand_of, seller_of, text_lines
from portal.orders.documents.numbering import next_number
from portal.orders.documents.papers import Cell, Column, Paper, Table, Total
from portal.orders.documents.settings import merchant_in_scope
from portal.orders.documents.slips import logos_of
from portal.orders.documents.typesetting import pdf_of
from portal.orders.models import DocumentSettings


def specimen_paper(settings: DocumentSettings) -> Paper:
    """The paper, in the merchant's own language."""
    merchant = merchant_in_scope()
    hand = hand_of(settings.language, settings.country_code, merchant.time_zone, seller=settings.country_code)
    words, currency, today = hand.words, merchant.currency, utc_now().date()
    number = next_number(settings, "invoice", today)
    net, tax = Decimal("100.00"), Decimal("20.00")
    columns = [
        Column(words("position")), Column(words("item"), wide=True), Column(words("quantity"), "end"),
        Column(words("unit_price"), "end"), Column(words("tax"), "end"), Column(words("amount"), "end"),
    ]  # fmt: skip
    row: list[str | Cell] = [
        "1", Cell(words("item"), ["ABC-123"]), "2", hand.money(net / 2, currency), hand.rate(Decimal("0.2")),
        hand.money(net, currency),
    ]  # fmt: skip
    rates = [Column(words(key), "end") for key in ("tax_rate", "net", "tax", "gross")]
    sums: list[str | Cell] = [
        hand.rate(Decimal("0.2")), hand.money(net, currency), hand.money(tax, currency), hand.money(net + tax, currency),
    ]  # fmt: skip
    paper = Paper(
        heading=f"{words('invoice')} {number}", seller=seller_of(settings, hand), language=words.language, direction=words.direction,
        paper=settings.paper, facts=[[words("invoice_number"), number, True], [words("issued_on"), hand.date(today)]],
        goods=Table(columns, [row]), taxes=Table(rates, [sums]),
        totals=[
            Total(words("net_total"), hand.money(net, currency)),
            Total(f"{words('tax')} {hand.rate(Decimal('0.2'))}", hand.money(tax, currency)),
            Total(words("total"), hand.money(net + tax, currency), True),
        ],
        notes=text_lines(settings.footer), footer=footer_of(settings, hand), page_words=words.raw("page"), logo=settings.logo_key,
    )  # fmt: skip
    return replace(paper, recipient=["Ada Lovelace", "12 High Street", "London"])


def specimen_pdf(settings: DocumentSettings) -> bytes:
    """The specimen as PDF."""
    return pdf_of([specimen_paper(settings)], made_at=utc_now(), logos=logos_of(settings))
