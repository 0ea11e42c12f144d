"""Invoices of the first shop: issued, credited after a goodwill, taken back and issued anew; with a logo on them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import sqlalchemy as sa
from PIL import Image, ImageDraw

from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.orders.changes.proposal import Proposal
from portal.orders.changes.services import change_at_once
from portal.orders.documents.services import issue_credit_note, issue_invoice, reverse_invoices
from portal.orders.documents.settings import document_settings, save_logo, save_settings, settings_values
from portal.orders.models import Order

COUNT: Final = 60
GOODWILL: Final = Decimal("2.00")
SELLER: Final = {
    "company": "Lantern & Thistle Ltd", "line1": "7 Weaver’s Yard", "city": "Bristol", "postcode": "BS1 4RW", "country_code": "GB",
    "vat_id": "GB980780684", "registration": "Registered in England and Wales 08154711", "email": "hello@lantern.example.com",
    "phone": "0117 496 0123", "website": "lantern.example.com", "bank": "Harbour Bank", "iban": "GB82WEST12345698765432",
    "bic": "WESTGB22", "footer": "Thank you for shopping with a small company.", "issued_when": "shipped",
}  # fmt: skip
THISTLE, INK = (106, 76, 147, 255), (27, 36, 48, 255)


def write(desk: dict[str, Actor]) -> None:
    """Set documents up and issue those of the newest orders that left; each step commits."""
    settings = document_settings()
    now = settings_values(settings)
    save_settings(now | SELLER, base=now, version=0, by=desk["owner"])
    save_logo(_logo(), by=desk["owner"])
    db.session.commit()
    sent = _sent_orders()
    for order_id in sent:
        issue_invoice(order_id, by=desk["support"])
        db.session.commit()
    for order_id in sent[-3:-1]:
        _be_generous(order_id, by=desk["support"])
    if sent:
        reverse_invoices(sent[-1], by=desk["owner"])
        db.session.commit()
        issue_invoice(sent[-1], by=desk["owner"])
        db.session.commit()


def _sent_orders() -> Sequence[int]:
    """The newest orders that were paid and left, oldest first."""
    order = Order.__table__.c
    found = db.session.execute(
        sa.select(order.id).where(
            order.merchant_id == current_merchant_id(), order.payment_state == "paid", order.fulfilment_state == "fulfilled",
            order.import_id.is_(None), order.total > GOODWILL,
        ).order_by(order.id.desc()).limit(COUNT)
    )  # fmt: skip
    return sorted(found.scalars())


def _be_generous(order_id: int, by: Actor) -> None:
    """Something off because a parcel came late: the change takes it off, the credit note says so."""
    outcome = change_at_once(order_id, Proposal("goodwill", off=GOODWILL), reason_code="late", by=by)
    issue_credit_note(order_id, outcome.n, by=by)
    db.session.commit()


def _logo() -> bytes:
    """A lantern, drawn."""
    picture = Image.new("RGBA", (640, 640), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    draw.arc((230, 30, 410, 210), 180, 360, fill=INK, width=26)
    draw.polygon([(200, 120), (440, 120), (500, 220), (140, 220)], fill=INK)
    draw.rounded_rectangle((160, 220, 480, 540), 40, outline=INK, width=26)
    draw.ellipse((240, 300, 400, 470), fill=THISTLE)
    draw.rectangle((130, 540, 510, 600), fill=INK)
    data = io.BytesIO()
    picture.save(data, "PNG")
    return data.getvalue()
