"""The demo's documents: numbered without a gap, one credited, one taken back and issued anew."""

from __future__ import annotations

from collections import defaultdict

import sqlalchemy as sa
from flask import Flask

from deploy.demo import documents
from portal.core.database import db, merchant_scope
from portal.orders import services as acts
from portal.orders.documents.sellers import missing_of
from portal.orders.documents.settings import document_settings
from portal.orders.models import InvoiceRef
from tests.support.people import SYSTEM
from tests.support.shop import open_shop


def test_every_kind_of_document_is_there(app: Flask, merchant: int) -> None:
    with app.app_context(), merchant_scope(merchant):
        shop = open_shop({"MUG": 100})
        for _ in range(6):
            placed = shop.order(("MUG", 2, "4.50"), paid="9.00")
            acts.ship_lines(placed.order_id, {1: 2}, carrier=None, tracking_number=None, by=SYSTEM)
            db.session.commit()
        documents.write(defaultdict(lambda: SYSTEM))
        assert missing_of(document_settings()) == []
        refs = db.session.scalars(
            sa.select(InvoiceRef).order_by(InvoiceRef.series, InvoiceRef.sequence)
        ).all()
        assert [(ref.kind, ref.sequence) for ref in refs] == [
            *(("credit_note", n) for n in (1, 2, 3)), *(("invoice", n) for n in range(1, 8))
        ]  # fmt: skip
