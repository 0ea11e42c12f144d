"""The first shop's warehouse at work: transfers, suppliers, purchase orders, counts and thresholds in every state they have."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import db
from portal.stock.counting import services as counting
from portal.stock.counting.applying import apply_lines, waiting_lines
from portal.stock.counting.scans import record_scan
from portal.stock.models import PurchaseOrder, StockCount, StockReason, StockTransfer
from portal.stock.purchasing import letters
from portal.stock.purchasing import services as purchasing
from portal.stock.purchasing.scans import scan_onto
from portal.stock.purchasing.suppliers import add_supplier, save_item
from portal.stock.queries import figures
from portal.stock.receiving import Arrival
from portal.stock.replenishment import services as replenishment
from portal.stock.shelves import available_at
from portal.stock.transfers import services as transfers

# Fictional businesses; mail goes to example.com, phone numbers are those kept for drama.
SUPPLIERS: Final = (
    (
        "Fenwick Glass & Lamps",
        "Harriet Fenwick",
        "orders@fenwick.example.com",
        "020 7946 0301",
        "GBP",
        "en",
        9,
    ),
    (
        "Orchard Paper Mill",
        "Owen Pritchard",
        "sales@orchardpaper.example.com",
        "020 7946 0302",
        "GBP",
        "en",
        5,
    ),
    ("Kontor Holzwaren", "Anke Brandt", "bestellung@kontor.example.com", "020 7946 0303", "EUR", "de", 16),
)


def set_to_work(
    places: tuple[int, int, int],
    goods: Sequence[sa.Row[Any]],
    *,
    by: Actor,
    owner: Actor,
    pick: random.Random,
) -> None:
    """Everything, by the services that people use; each step commits."""
    leeds, bristol, store = places
    found = db.session.execute(sa.select(StockReason.code, StockReason.id))
    reasons = {row.code: row.id for row in found}
    suppliers = _suppliers(goods, by, pick)
    _transfers((leeds, bristol, store), goods, reasons["damaged"], by)
    _purchases(leeds, suppliers, goods, reasons["damaged"], by, owner)
    _counts(places, goods, reasons, by, owner)
    _thresholds(leeds, goods, by)


def _suppliers(goods: Sequence[sa.Row[Any]], by: Actor, pick: random.Random) -> list[int]:
    made = []
    for number, (name, contact, email, phone, currency, locale, days) in enumerate(SUPPLIERS):
        supplier = add_supplier(
            {
                "name": name,
                "contact_name": contact,
                "email": email,
                "phone": phone,
                "currency": currency,
                "locale": locale,
                "lead_days": str(days),
                "country_code": "DE" if locale == "de" else "GB",
            },
            by=by,
        )
        for row in goods[number::3][:24]:
            cost = (Decimal(row.amount) * Decimal("0.45")).quantize(Decimal("0.01"))
            save_item(
                supplier,
                {
                    "code": row.sku,
                    "supplier_sku": f"{name[:2].upper()}-{row.id % 10_000:04d}",
                    "unit_cost": str(cost),
                    "pack_size": str(pick.choice((1, 6, 12))),
                    "minimum_quantity": str(pick.choice((6, 12, 24))),
                    "is_preferred": "1",
                },
                by=by,
            )
        db.session.commit()
        made.append(supplier.id)
    return made


def _transfers(places: tuple[int, int, int], goods: Sequence[sa.Row[Any]], damaged: int, by: Actor) -> None:
    """A draft, one on its way, one half received, one received with differences, one called off."""
    leeds, bristol, store = places
    for number, state in enumerate(("cancelled", "received", "partly_received", "in_transit", "draft")):
        target = store if number % 2 else bristol
        transfer = transfers.create_transfer(
            {
                "from_location_id": str(leeds),
                "to_location_id": str(target),
                "expected_on": (utc_now().date() + dt.timedelta(days=2)).isoformat(),
                "note": "Blue crates, back door." if state == "in_transit" else "",
            },
            by=by,
        )
        for row in goods[number * 4 : number * 4 + 4]:
            units = min(12, available_at([(row.id, leeds)]).get((row.id, leeds), 0))
            if units:
                transfers.set_line(transfer, row.id, units, version=transfer.version, by=by)
        if state == "cancelled":
            transfers.cancel(transfer, by=by)
        elif state != "draft" and transfers.lines_of(transfer.id):
            transfers.send(transfer, version=transfer.version, by=by)
            _receive_transfer(transfer, state, damaged, by)
        db.session.commit()


def _receive_transfer(transfer: StockTransfer, state: str, damaged: int, by: Actor) -> None:
    lines = transfers.lines_of(transfer.id)
    if state == "partly_received":
        half = [Arrival(line.variant_id, good=line.quantity // 2) for line in lines]
        transfers.receive(transfer, half, token=uuid.uuid4(), by=by)
    elif state == "received":
        first, *rest = lines
        arrivals = [Arrival(line.variant_id, good=line.quantity) for line in rest]
        arrivals.append(
            Arrival(first.variant_id, good=first.quantity - 2, damaged=1, missing=1, reason_id=damaged)
        )
        transfers.receive(transfer, arrivals, token=uuid.uuid4(), by=by)


def _purchases(
    place: int, suppliers: Sequence[int], goods: Sequence[sa.Row[Any]], damaged: int, by: Actor, owner: Actor
) -> None:
    """A purchase order in every state it has."""
    for number, state in enumerate(
        ("cancelled", "received", "closed", "partly_received", "ordered", "draft")
    ):
        purchase = purchasing.create_purchase(
            {
                "supplier_id": str(suppliers[number % 3]),
                "location_id": str(place),
                "reference": f"A-{4711 + number}",
            },
            by=owner,
        )
        for row in goods[number % 3 :: 3][:5]:
            scan_onto(purchase, row.sku, 12, token=uuid.uuid4(), by=owner)
        if state != "draft":
            purchasing.order(purchase, version=purchase.version, by=owner)
            _receive_purchase(purchase, state, damaged, by)
        if state == "ordered":
            letters.send_by_mail(purchase, by=owner)
        db.session.commit()


def _receive_purchase(purchase: PurchaseOrder, state: str, damaged: int, by: Actor) -> None:
    lines = purchasing.lines_of(purchase.id)
    values: dict[str, Any] = {"token": uuid.uuid4(), "accept_over": True, "by": by}
    if state == "cancelled":
        purchasing.cancel(purchase, version=purchase.version, by=by)
    elif state == "received":
        arrivals = [Arrival(line.variant_id, good=line.quantity) for line in lines[1:]]
        over = Arrival(lines[0].variant_id, good=lines[0].quantity + 3)
        purchasing.receive(purchase, [*arrivals, over], **values)
    elif state in ("partly_received", "closed"):
        some = [Arrival(line.variant_id, good=line.quantity) for line in lines[:2]]
        broken = Arrival(lines[2].variant_id, good=4, damaged=1, reason_id=damaged)
        purchasing.receive(purchase, [*some, broken], **values)
        if state == "closed":
            purchasing.close(purchase, version=purchase.version, by=by)


def _counts(
    places: tuple[int, int, int],
    goods: Sequence[sa.Row[Any]],
    reasons: dict[str, int],
    by: Actor,
    owner: Actor,
) -> None:
    """A count that was dropped, one that is applied, one to review and one under way."""
    leeds, _, store = places
    for name, place, rows, state in (
        ("Shelf 1, wrong room", store, goods[:2], "cancelled"),
        ("Harbour Street, counter", store, goods[20:44], "applied"),
        ("Leeds, aisle 3", leeds, goods[60:90], "review"),
        ("Leeds, aisle 7", leeds, goods[90:104], "open"),
    ):
        count = counting.begin_count({"name": name, "location_id": str(place)}, by=by)
        for number, row in enumerate(rows):
            book = figures(row.id, place).on_hand
            found = max(0, book + (0, 0, -1, 0, 2, 0, 0, -3)[number % 8])
            record_scan(count.id, row.sku, found, "set", token=uuid.uuid4(), by=by)
        db.session.flush()
        if state == "cancelled":
            counting.cancel_count(count, by=by)
        elif state != "open":
            counting.close_count(count, by=by)
        if state == "applied":
            _apply(count, reasons["found"], owner)
        db.session.commit()


def _apply(count: StockCount, reason: int, by: Actor) -> None:
    """What the job does, at once: no worker runs while the demo is loaded."""
    count.state, count.reason_id, count.approved_by_id = "applying", reason, by.id
    db.session.flush()
    apply_lines(count, waiting_lines(count, 0, 1_000), by=by)
    count.summary = counting.sums_of(count)
    count.state, count.applied_at = "applied", utc_now()
    db.session.flush()


def _thresholds(place: int, goods: Sequence[sa.Row[Any]], by: Actor) -> None:
    """Thresholds of the best sellers; those that are nearly out are proposed to be ordered."""
    for row in goods[:72]:
        replenishment.add_rule(
            {"code": row.sku, "location_id": str(place), "minimum": "15", "maximum": "60"}, by=by
        )
    db.session.commit()
