"""The goods that a change adds: found by SKU, at the catalogue's price, taxed as the order is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final, cast

import sqlalchemy as sa

from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.orders.book import of_order
from portal.orders.changes.order_now import OrderNow
from portal.orders.changes.proposal import NewLineWish
from portal.orders.drafts.finding import SoldVariant, find_variants
from portal.orders.models import Order, OrderContact
from portal.orders.rounding import to_digits
from portal.orders.tax.deciding import decide, included_rate, rate_of
from portal.orders.tax.facts import facts_for
from portal.orders.tax.sales import Party, destination_of, sale_of
from portal.orders.totals import UNIT_PRICE_DIGITS

ZERO: Final = Decimal(0)
BY_CHANNEL: Final = "channel"
MOST_NEAR: Final = 5


def wish_for(
    now: OrderNow, sku: str, units: int, price: Decimal | None, *, field: str, is_free: bool = False
) -> NewLineWish:
    """Units of a SKU to add to the order; the catalogue's price unless one is named.

    Raises:
        DomainError: no variant has this SKU, or it has no price in the order's currency and none is named.
    """
    matches = find_variants(sku, now.currency)
    found = next((each for each in matches if each.is_exact), None)
    if found is None:
        near = "; ".join(f"{each.sku} ({each.title[:60]})" for each in matches[:MOST_NEAR])
        raise DomainError(
            f"No variant has the SKU or barcode “{sku.strip()[:60]}”.{f' These begin so: {near}.' if near else ''}",
            field=field,
        )
    amount = ZERO if is_free else found.amount if price is None else price
    if amount is None:
        raise DomainError(f"{found.sku} has no price in {now.currency}. Enter one.", field=field)
    rate, included = (ZERO, None) if is_free else _rates(now, found)
    if price is None and included is not None and now.tax_inclusive:
        # The catalogue's price has a tax inside that this buyer does not owe.
        amount = to_digits(Fraction(amount) / (1 + Fraction(included)), UNIT_PRICE_DIGITS)
    return NewLineWish(
        found.sku, found.title, units, amount, found.id, tax_rate=rate, is_stocked=found.is_stocked
    )


def _rates(now: OrderNow, variant: SoldVariant) -> tuple[Decimal, Decimal | None]:
    """What the variant is taxed at, and the rate inside its price that is to be taken out.

    By the merchant's rules; an order that a channel taxed goes on at the rate most of its lines have.
    """
    head = Order.__table__
    row = db.session.execute(
        sa.select(head.c.tax_treatment, head.c.channel_id).where(
            head.c.merchant_id == current_merchant_id(), head.c.id == now.order_id
        )
    ).one()
    if row.tax_treatment == BY_CHANNEL:
        rates = Counter(line.tax_rate for line in now.lines if line.quantity > 0)
        return rates.most_common(1)[0][0] if rates else ZERO, None
    parties, at = _parties(now.order_id), utc_now()
    place = destination_of(parties)
    facts = facts_for([place.country_code if place else None], now.currency, at, row.channel_id)
    sale = sale_of(parties, facts)
    decision = decide(sale, facts.rules, facts.rates)
    return (
        rate_of(decision, variant.tax_class, facts.rates),
        included_rate(decision, variant.tax_class, sale, facts.rules, facts.rates),
    )


def _parties(order_id: int) -> Sequence[Party]:
    table = OrderContact.__table__
    found = db.session.execute(
        sa.select(table.c.kind, table.c.region, table.c.country_code, table.c.vat_id)
        .where(of_order(table, order_id))
        .order_by(table.c.n)
    )
    return [cast(Party, contact) for contact in found]
