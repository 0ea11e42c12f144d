"""The goods that a change adds: found by SKU, at the catalogue's price, taxed as the order is."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import sqlalchemy as sa

from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.orders.book import of_order
from portal.orders.changes.order_now import OrderNow
from portal.orders.changes.proposal import NewLineWish
from portal.orders.drafts.finding import SoldVariant, find_variants
from portal.orders.models import Order, OrderContact
from portal.orders.tax.deciding import Sale, decide, rate_of
from portal.orders.tax.facts import facts_for

BY_CHANNEL = "channel"


def wish_for(
    now: OrderNow, sku: str, units: int, price: Decimal | None, *, field: str, is_free: bool = False
) -> NewLineWish:
    """Units of a SKU to add to the order; the catalogue's price unless one is named.

    Raises:
        DomainError: no variant has this SKU, or it has no price in the order's currency and none is named.
    """
    found = next((each for each in find_variants(sku, now.currency) if each.is_exact), None)
    if found is None:
        raise DomainError(f"No variant has the SKU or barcode “{sku.strip()[:60]}”.", field=field)
    amount = Decimal(0) if is_free else found.amount if price is None else price
    if amount is None:
        raise DomainError(f"{found.sku} has no price in {now.currency}. Enter one.", field=field)
    return NewLineWish(
        found.sku, found.title, units, amount, found.id, tax_rate=Decimal(0) if is_free else _tax_rate(now, found),
        is_stocked=found.is_stocked,
    )  # fmt: skip


def _tax_rate(now: OrderNow, variant: SoldVariant) -> Decimal:
    """By the merchant's rules; an order that a channel taxed goes on at the rate most of its lines have."""
    head = Order.__table__
    row = db.session.execute(
        sa.select(head.c.tax_treatment, head.c.country_code).where(
            head.c.merchant_id == current_merchant_id(), head.c.id == now.order_id
        )
    ).one()
    if row.tax_treatment == BY_CHANNEL:
        rates = Counter(line.tax_rate for line in now.lines if line.quantity > 0)
        return rates.most_common(1)[0][0] if rates else Decimal(0)
    contact = _shipping_contact(now.order_id)
    facts = facts_for([row.country_code], now.currency, utc_now().date())
    sale = Sale(
        facts.home, row.country_code or facts.home, ((contact["region"] if contact else None) or "").upper(),
        contact["vat_id"] if contact else None,
    )  # fmt: skip
    return rate_of(decide(sale, facts.rules, facts.rates), variant.tax_class, facts.rates)


def _shipping_contact(order_id: int) -> sa.RowMapping | None:
    table = OrderContact.__table__
    return (
        db.session.execute(
            sa.select(table.c.region, table.c.vat_id)
            .where(of_order(table, order_id))
            .order_by(table.c.kind != "shipping", table.c.n)
            .limit(1)
        )
        .mappings()
        .one_or_none()
    )
