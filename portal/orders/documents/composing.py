"""An invoice or a credit note, put into words and figures from an order and what of it is billed.

The buyer is kept apart from the rest, because one is sealed and the other is not: see ``Composed``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final
from zoneinfo import ZoneInfo

from portal.core.money import round_to_minor
from portal.orders.documents.billing import Position, packed, sums_by_rate
from portal.orders.documents.letterheads import Hand, address_lines, footer_of, hand_of, seller_of, text_lines
from portal.orders.documents.papers import LAYOUT, Cell, Column, Paper, Table, Total
from portal.orders.documents.reading import Issued, Source, contact_of
from portal.orders.documents.words import language_for
from portal.orders.models import DocumentSettings
from portal.orders.rounding import rounded

ZERO: Final = Decimal(0)
UNTAXED: Final = ("reverse_charge", "export", "exempt")


@dataclass(frozen=True, slots=True)
class Composed:
    """A document without its number, which is taken last.

    Attributes:
        content: goods, amounts, the seller and the paper: what stays in the open.
        party: the buyer as printed: what is sealed. None when the order names nobody.
    """

    content: dict[str, Any]
    party: dict[str, Any] | None
    net: Decimal
    tax: Decimal


def compose(
    source: Source, positions: Sequence[Position], settings: DocumentSettings, *,
    kind: str, issued_on: dt.date, corrects: Issued | None = None,
) -> Composed:  # fmt: skip
    """Put a document together.

    Args:
        positions: what it bills, with signs; a credit note prints them turned round.
        corrects: the invoice a credit note belongs to.
    """
    head, currency = source.head, source.head["currency"]
    bill_to = buyer_of(source)
    country = bill_to.get("country_code") or head["country_code"]
    language = language_for(locale=source.language, country=country, fallback=settings.language)
    hand = hand_of(language, country, source.zone, seller=settings.country_code)
    sign = -1 if kind == "credit_note" else 1
    net = sum((position.net for position in positions), ZERO)
    tax = sum((position.tax for position in positions), ZERO)
    # What has not left yet has no date of supply, and an invoice must not invent one.
    supplied_on = source.shipped_at.astimezone(ZoneInfo(source.zone)).date() if source.shipped_at else None
    paper = Paper(
        heading=hand.words(kind), seller=seller_of(settings, hand), language=language, direction=hand.words.direction,
        paper=settings.paper, facts=_facts(source, hand, kind, issued_on, supplied_on), logo=settings.logo_key,
        lead=_lead(hand, corrects), goods=_goods(positions, source, hand, sign),
        totals=_totals(positions, source, hand, sign, kind), taxes=_taxes(positions, currency, hand, sign),
        notes=_notes(source, settings, hand, kind, net + tax, tax * sign, issued_on), footer=footer_of(settings, hand),
        page_words=hand.words.raw("page"),
    )  # fmt: skip
    content = {
        "layout": LAYOUT, "kind": kind, "language": language, "currency": currency, "tax_inclusive": head["tax_inclusive"],
        "tax_treatment": head["tax_treatment"], "order_number": head["number"], "supplied_on": supplied_on.isoformat() if supplied_on else None,
        "seller": {name: getattr(settings, name) for name in ("company", "country_code", "vat_id", "tax_number", "registration")},
        "number_label": hand.words(f"{kind}_number"), "erased": hand.words("erased"), "positions": packed(positions), "paper": paper.as_dict(),
    }  # fmt: skip
    return Composed(content, _party(bill_to, hand, settings.country_code), net, tax)


def buyer_of(source: Source) -> dict[str, Any]:
    """Who the bill goes to: the billing contact, else the buyer at the address the goods go to."""
    billing = contact_of(source.contacts, "billing")
    if billing is not None and billing["line1"]:
        return dict(billing)
    buyer, shipping = contact_of(source.contacts, "buyer"), contact_of(source.contacts, "shipping")
    place = next((each for each in (buyer, shipping) if each is not None and each["line1"]), None)
    merged = dict(place or buyer or shipping or billing or {})
    for other in (billing, buyer, shipping):
        for name in ("name", "company", "vat_id", "country_code"):
            merged[name] = merged.get(name) or (other[name] if other is not None else None)
    return merged


def _party(bill_to: dict[str, Any], hand: Hand, home: str | None) -> dict[str, Any] | None:
    lines = address_lines(bill_to, hand, home=home)
    if not any(bill_to.get(name) for name in ("name", "company", "line1", "vat_id")):
        return None
    facts = [[hand.words("buyer_vat_id"), bill_to["vat_id"]]] if bill_to.get("vat_id") else []
    named = {name: bill_to.get(name) for name in ("name", "company", "vat_id", "country_code")}
    return {"recipient": lines, "facts": facts, **named}


def _facts(
    source: Source, hand: Hand, kind: str, issued_on: dt.date, supplied_on: dt.date | None
) -> list[list[str | bool]]:
    words, head = hand.words, source.head
    dated = words("issued_on" if kind == "invoice" else "dated")
    facts: list[list[str | bool]] = [[dated, hand.date(issued_on)]]
    if kind == "invoice" and supplied_on is not None:
        facts.append([words("supplied_on"), hand.date(supplied_on)])
    ordered_on = head["placed_at"].astimezone(ZoneInfo(source.zone)).date()
    return [*facts, [words("order"), head["number"]], [words("ordered_on"), hand.date(ordered_on)]]


def _lead(hand: Hand, corrects: Issued | None) -> list[str]:
    if corrects is None:
        return []
    return [hand.words("refers_to", number=corrects.number, date=hand.date(corrects.issued_on))]


def _goods(positions: Sequence[Position], source: Source, hand: Hand, sign: int) -> Table:
    words, currency, inclusive = hand.words, source.head["currency"], source.head["tax_inclusive"]
    columns = [
        Column(words("position")), Column(words("item"), wide=True), Column(words("quantity"), "end"),
        Column(words("unit_price"), "end"), Column(words("tax"), "end"), Column(words("amount"), "end"),
    ]  # fmt: skip
    rows: list[list[str | Cell]] = []
    for place, each in enumerate((each for each in positions if each.part == "line"), 1):
        amount, units = sign * each.amount(tax_inclusive=inclusive), sign * each.units
        under = [each.sku] if each.sku != each.title else []
        discount = amount - round_to_minor(each.unit_price * units, currency)
        if units and discount:
            under.append(f"{words('discount')} {hand.money(discount, currency)}")
        rows.append([
            str(place), Cell(each.title, under), hand.number(units) if units else "", _unit_price(each, hand, currency, inclusive) if units else "",
            " + ".join(hand.rate(tax.rate) for tax in each.taxes), hand.money(amount, currency),
        ])  # fmt: skip
    return Table(columns, rows)


def _unit_price(position: Position, hand: Hand, currency: str, inclusive: bool) -> str | Cell:
    """What one costs; the law wants it without tax too."""
    shown = hand.price(position.unit_price, currency)
    rates = {each.rate for each in position.taxes}
    if not inclusive or len(rates) != 1 or rates == {ZERO}:
        return shown
    net = rounded(Fraction(position.unit_price) / (1 + Fraction(*rates)), currency)
    return Cell(shown, [f"{hand.words('net')} {hand.money(net, currency)}"])


def _totals(positions: Sequence[Position], source: Source, hand: Hand, sign: int, kind: str) -> list[Total]:
    words, currency, inclusive = hand.words, source.head["currency"], source.head["tax_inclusive"]

    def line(label: str, amount: Decimal, *, strong: bool = False) -> Total:
        return Total(label, hand.money(sign * amount, currency), strong)

    charges = [each for each in positions if each.part == "charge"]
    goods = sum((each.amount(tax_inclusive=inclusive) for each in positions if each.part == "line"), ZERO)
    totals = [line(words("subtotal"), goods)] if charges else []
    totals += [line(_label(each, hand), each.amount(tax_inclusive=inclusive)) for each in charges]
    net, tax = sum((each.net for each in positions), ZERO), sum((each.tax for each in positions), ZERO)
    if not inclusive:
        totals.append(line(words("net_total"), net))
        totals += [
            line(f"{words('tax')} {hand.rate(each.rate)}", each.tax)
            for each in sums_by_rate(positions)
            if each.tax
        ]
    totals.append(line(words("credited" if kind == "credit_note" else "total"), net + tax, strong=True))
    if inclusive and tax:
        totals.append(line(words("tax_included"), tax))
    return totals


def _label(charge: Position, hand: Hand) -> str:
    """What the charge is called in the reader's language; a discount keeps its voucher's name."""
    word = hand.words(charge.kind)
    if charge.kind in ("shipping", "gift", "donation"):
        return word
    if charge.kind == "discount" and charge.title.casefold() not in ("discount", word.casefold(), ""):
        return f"{word} {charge.title}"
    return charge.title if charge.kind != "discount" and charge.title else word


def _taxes(positions: Sequence[Position], currency: str, hand: Hand, sign: int) -> Table | None:
    sums = sums_by_rate(positions)
    if not sums:
        return None
    columns = [Column(hand.words(key), "end") for key in ("tax_rate", "net", "tax", "gross")]
    rows: list[Sequence[str | Cell]] = [
        [hand.rate(each.rate), *(hand.money(sign * amount, currency) for amount in (each.net, each.tax, each.net + each.tax))]
        for each in sums
    ]  # fmt: skip
    return Table(columns, rows)


def _notes(
    source: Source,
    settings: DocumentSettings,
    hand: Hand,
    kind: str,
    billed: Decimal,
    tax: Decimal,
    issued_on: dt.date,
) -> list[str]:
    words, head, notes = hand.words, source.head, []
    if head["tax_treatment"] in UNTAXED:
        notes.append(words(head["tax_treatment"]))
    if head["base_currency"] != head["currency"] and tax:
        base, rate = head["base_currency"], head["base_rate"]
        amount = hand.money(round_to_minor(tax * rate, base), base)
        notes.append(
            words("in_base_currency", currency=base, amount=amount, rate=hand.number(rate.normalize()), foreign=head["currency"])
        )  # fmt: skip
    if kind == "invoice":
        notes += _payment_notes(source, settings, hand, issued_on, billed)
    # Some currencies end with a dot of their own.
    return [*(note.replace("..", ".") for note in notes), *text_lines(settings.footer)]


def _payment_notes(
    source: Source, settings: DocumentSettings, hand: Hand, issued_on: dt.date, billed: Decimal
) -> list[str]:
    """What is still to be paid of this invoice, and what is paid; an order may have several."""
    head, currency = source.head, source.head["currency"]
    owed = head["total"] - head["credited_total"] - (head["captured_total"] - head["refunded_total"])
    due = min(max(owed, ZERO), billed)
    notes = [hand.words("paid", amount=hand.money(billed - due, currency))] if billed > due else []
    if due > 0:
        until = issued_on + dt.timedelta(days=settings.payment_days)
        notes.append(
            hand.words(
                "to_pay", amount=hand.money(due, currency), date=hand.date(until), number=head["number"]
            )
        )
    return notes
