"""How long the buyers on documents stay readable, and how the access copy of a person opens them."""

from __future__ import annotations

import json

import sqlalchemy as sa

from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.orders.documents.sealing import Sealed, open_party
from portal.orders.models import OrderRef
from portal.privacy.sealed import register_sealed


def register() -> None:
    """Let the access copy of a person open what their invoices say about them."""
    register_sealed("order_document", "sealed", _opened)


def _opened(row: sa.RowMapping) -> bytes:
    ref = OrderRef.__table__.c
    subject_id = db.session.execute(
        sa.select(ref.subject_id).where(
            ref.merchant_id == current_merchant_id(), ref.order_id == row["order_id"]
        )
    ).scalar_one_or_none()
    party = open_party(
        Sealed(row["sealed"], row["law"], row["ends_on"]),
        row["n"],
        subject_id,
        reason="access request of the person",
    )
    if party is None:
        raise DomainError("This record cannot be opened any more.")
    return json.dumps(party, ensure_ascii=False).encode()
