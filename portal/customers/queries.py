"""Read customers."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on

from portal.core.database import current_merchant_id, db
from portal.customers.models import Consent, Customer


def newest_consents(customer_id: int) -> Sequence[Consent]:
    """The consent that counts, per channel."""
    return db.session.scalars(
        sa.select(Consent)
        .where(Consent.customer_id == customer_id)
        .ext(distinct_on(Consent.channel))
        .order_by(Consent.channel, Consent.id.desc())
    ).all()


def possible_duplicates(customer: Customer, most: int = 5) -> Sequence[sa.Row[tuple[int]]]:
    """Other customers with the same e-mail address or phone number."""
    table = Customer.__table__.c
    same = [
        column == value
        for column, value in ((table.email_key, customer.email_key), (table.phone_key, customer.phone_key))
        if value
    ]
    if not same:
        return []
    return db.session.execute(
        sa.select(table.id)
        .where(
            table.merchant_id == current_merchant_id(),
            sa.or_(*same),
            table.id != customer.id,
            table.state == "active",
        )
        .order_by(table.id.desc())
        .limit(most)
    ).all()
