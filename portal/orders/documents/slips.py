"""Packing slips and return slips: made from the order as it stands, kept nowhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.errors import NotFoundError
from portal.orders.book import of_order
from portal.orders.documents.codes import bars, square
from portal.orders.documents.letterheads import (
    Hand,
    address_lines,
    footer_of,
    hand_of,
    seller_of,
    text_lines,
)
from portal.orders.documents.papers import Cell, Code, Column, Paper, Table
from portal.orders.documents.reading import Source, contact_of, read_source, rows_of
from portal.orders.documents.settings import document_settings, logo_bytes
from portal.orders.documents.typesetting import pdf_of
from portal.orders.documents.words import language_for
from portal.orders.models import (
    DocumentSettings,
    OrderFulfilment,
    OrderFulfilmentLine,
    OrderReturn,
    OrderReturnLine,
)

RETURNS_TO: Final = ("line1", "line2", "postcode", "city", "country_code")


def packing_slip(order_id: int, parcel_n: int) -> bytes:
    """What is in a parcel and where it goes, as PDF.

    Raises:
        NotFoundError: the order has no such parcel.
    """
    settings = document_settings()
    papers = [paper for paper, n in _packing(read_source(order_id), settings, only=parcel_n) if n == parcel_n]
    if not papers:
        raise NotFoundError("The order has no such parcel.")
    return pdf_of(papers, made_at=utc_now(), logos=logos_of(settings))


def packing_papers(order_id: int, settings: DocumentSettings) -> list[Paper]:
    """A slip for each parcel of the order; one for all that is left to send when nothing is packed yet."""
    return [paper for paper, _ in _packing(read_source(order_id), settings)]


def return_slip(order_id: int, return_n: int) -> bytes:
    """What is to come back and where to, as PDF.

    Raises:
        NotFoundError: the order has no such return.
    """
    source, settings = read_source(order_id), document_settings()
    found = next((row for row in rows_of(OrderReturn, order_id) if row["n"] == return_n), None)
    if found is None:
        raise NotFoundError("The order has no such return.")
    hand = _hand(source, settings)
    table = OrderReturnLine.__table__
    rows = db.session.execute(
        sa.select(table.c.line_n, table.c.quantity).where(of_order(table, order_id), table.c.return_n == return_n)
        .order_by(table.c.line_n)
    )  # fmt: skip
    units = {row.line_n: row.quantity for row in rows}
    home = {name: getattr(settings, name) for name in RETURNS_TO} | {"company": settings.company}
    words = hand.words
    paper = _slip(
        source, settings, hand, heading=f"{words('return_slip')} {source.head['number']}-R{return_n}",
        recipient=[f"{words('return_to')}:", *address_lines(home, hand, home=source.head["country_code"])],
        facts=[[words("return"), f"R{return_n}"]], units=units, lead=[words("return_lead")],
        codes=[square(f"{source.head['number']}/R{return_n}", caption=f"R{return_n}")],
        boxes=[words("reason")],
    )  # fmt: skip
    return pdf_of([paper], made_at=utc_now(), logos=logos_of(settings))


def logos_of(settings: DocumentSettings) -> dict[str, bytes]:
    """The merchant's logo by the name papers call it by."""
    picture = logo_bytes(settings.logo_key)
    return {settings.logo_key: picture} if settings.logo_key and picture else {}


def _packing(
    source: Source, settings: DocumentSettings, *, only: int | None = None
) -> list[tuple[Paper, int | None]]:
    hand, order_id = _hand(source, settings), source.order_id
    table = OrderFulfilmentLine.__table__
    parcels = [row for row in rows_of(OrderFulfilment, order_id) if row["state"] != "cancelled"]
    packed: dict[int, dict[int, int]] = {}
    for row in db.session.execute(sa.select(table).where(of_order(table, order_id)).order_by(table.c.line_n)):
        packed.setdefault(row.fulfilment_n, {})[row.line_n] = row.quantity
    chosen = [parcel for parcel in parcels if only in (None, parcel["n"])]
    if not chosen and only is None:
        left = {
            line["n"]: line["quantity"] - line["cancelled_quantity"] - line["fulfilled_quantity"]
            for line in source.lines
        }
        return [(_packing_paper(source, settings, hand, None, left), None)]
    return [
        (_packing_paper(source, settings, hand, parcel, packed.get(parcel["n"], {})), parcel["n"])
        for parcel in chosen
    ]


def _packing_paper(
    source: Source,
    settings: DocumentSettings,
    hand: Hand,
    parcel: Mapping[Any, Any] | None,
    units: Mapping[int, int],
) -> Paper:
    words = hand.words
    facts, codes = [], []
    if parcel is not None:
        facts = [[words("parcel"), str(parcel["n"])]]
        named = (("carrier", parcel["carrier"]), ("tracking", parcel["tracking_number"]))
        facts += [[words(key), value] for key, value in named if value]
        if parcel["method"] == "collect" and parcel["pickup_code"]:
            facts.append([words("pick_up_code"), parcel["pickup_code"]])
            codes.append(square(parcel["pickup_code"], caption=words("pick_up_code")))
    contact = contact_of(source.contacts, "shipping", "buyer", "billing") or {}
    buyer = contact_of(source.contacts, "buyer") or {}
    address = dict(contact) | {"name": contact.get("name") or buyer.get("name")}
    return _slip(
        source, settings, hand, heading=f"{words('packing_slip')} {source.head['number']}",
        recipient=address_lines(address, hand, home=settings.country_code), facts=facts, units=units,
        lead=[words("thanks")], codes=codes, boxes=[],
    )  # fmt: skip


def _slip(
    source: Source, settings: DocumentSettings, hand: Hand, *, heading: str, recipient: Sequence[str],
    facts: Sequence[Sequence[str | bool]], units: Mapping[int, int], lead: Sequence[str], codes: Sequence[Code], boxes: Sequence[str],
) -> Paper:  # fmt: skip
    words, head = hand.words, source.head
    rows: list[list[str | Cell]] = [
        [hand.number(units[line["n"]]), Cell(line["title"]), line["sku"]]
        for line in source.lines
        if units.get(line["n"], 0) > 0
    ]
    barcode = bars(head["number"])
    return Paper(
        heading=heading, seller=seller_of(settings, hand), language=words.language, direction=words.direction, paper=settings.paper,
        recipient=recipient,
        facts=[[words("order"), head["number"], True], [words("ordered_on"), hand.date(head["placed_at"].astimezone(ZoneInfo(source.zone)).date())], *facts],
        lead=lead, goods=Table([Column(words("quantity"), "end"), Column(words("item"), wide=True), Column("SKU")], rows),
        codes=[*([barcode] if barcode else []), *codes], boxes=boxes, notes=text_lines(settings.footer), footer=footer_of(settings, hand),
        page_words=words.raw("page"), logo=settings.logo_key,
    )  # fmt: skip


def _hand(source: Source, settings: DocumentSettings) -> Hand:
    contact = contact_of(source.contacts, "shipping", "buyer", "billing") or {}
    country = contact.get("country_code") or source.head["country_code"]
    language = language_for(locale=source.language, country=country, fallback=settings.language)
    return hand_of(language, country, source.zone, seller=settings.country_code)
