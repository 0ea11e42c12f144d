"""From what a program sent to a new order: variants by SKU, prices of the catalogue, people and payment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from portal.accounts.api_keys import Caller
from portal.core import normalise
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError, ForbiddenError
from portal.core.ids import parse_public_id
from portal.core.money import UnknownCurrencyError, minor_units
from portal.orders.api.reservations import basket_key
from portal.orders.new_order import NewCharge, NewContact, NewLine, NewOrder, NewPayment
from portal.orders.pricing import price

_CONTACTS: Final = (("buyer", "buyer"), ("shipping", "shipping_address"), ("billing", "billing_address"))


def order_from(sent: Mapping[str, Any], caller: Caller) -> NewOrder:
    """The order that *sent* asks for, added up by the merchant's rules.

    Raises:
        ForbiddenError: the key speaks for no channel, or for one that is not in use.
        DomainError: a SKU or the customer is unknown, a price is missing or does not fit, the voucher cannot be used.
    """
    if caller.channel_id is None:
        raise ForbiddenError("This key speaks for no sales channel, so it places no orders.")
    currency = sent["currency"]
    try:
        minor_units(currency)
    except UnknownCurrencyError as error:
        raise DomainError(str(error), field="currency") from None
    customer_id = _customer_id(sent["customer_id"])
    known = _known(sent, caller.channel_id, customer_id, currency)
    variants = {variant["sku_key"]: variant for variant in known.variants or ()}
    inclusive = sent["prices_include_tax"]
    delivery, location_id = _delivery(sent["delivery"], known)
    payment = sent["payment"]
    shipping = sent["shipping"]
    priced = price(
        NewOrder(
            channel_id=caller.channel_id,
            currency=currency,
            external_id=sent["external_id"],
            tax_inclusive=caller.prices_include_tax if inclusive is None else inclusive,
            customer_id=customer_id,
            contacts=[NewContact(kind, **sent[name]) for kind, name in _CONTACTS if sent[name]],
            lines=[_line(n, line, variants, currency) for n, line in enumerate(sent["lines"], 1)],
            charges=[NewCharge("shipping", shipping["label"], shipping["amount"])] if shipping else (),
            voucher_code=sent["voucher_code"],
            reservation_key=basket_key(caller.channel_id, sent["reservation_key"])
            if sent["reservation_key"]
            else None,
            tags=sent["tags"],
            delivery=delivery,
            delivery_location_id=location_id,
            phone_region=caller.country,
            payment_method=payment["method"] if payment and payment["state"] == "intent" else None,
        )
    )
    if not payment or payment["state"] == "intent" or priced.totals.total == 0:
        return priced.order
    return _paid(priced.order, payment, priced.totals.total)


def _customer_id(text: str | None) -> int | None:
    if text is None:
        return None
    found = parse_public_id("cus", text)
    if found is None:
        raise DomainError("There is no such customer.", field="customer_id")
    return found


def _delivery(sent: Mapping[str, Any] | None, known: sa.Row[Any]) -> tuple[str, int | None]:
    if sent is None or sent["method"] == "ship":
        if sent is not None and sent["location"] is not None:
            raise DomainError("What is sent has no location. Routing chooses it.", field="delivery")
        return "ship", None
    if sent["location"] is None:
        raise DomainError("Say at which location the buyer gets it.", field="delivery")
    if known.location_id is None:
        raise DomainError(f"There is no location in use with the code {sent['location']}.", field="delivery")
    return sent["method"], known.location_id


def _paid(order: NewOrder, payment: Mapping[str, Any], total: Decimal) -> NewOrder:
    captured = total if payment["state"] == "captured" else Decimal(0)
    return replace(
        order,
        payments=(
            NewPayment(
                payment["method"], total, captured, gateway="channel", gateway_reference=payment["reference"]
            ),
        ),
    )


def _line(n: int, line: Mapping[str, Any], known: Mapping[str, Any], currency: str) -> NewLine:
    variant = known.get(normalise.code_key(line["sku"]) or "")
    if variant is None:
        raise DomainError(f"Line {n}: there is no variant with the SKU {line['sku']}.", field="lines")
    asked = line.get("unit_price")
    if asked is None and variant["amount"] is None:
        raise DomainError(f"Line {n}: {line['sku']} has no price in {currency}. Send one.", field="lines")
    unit_price = Decimal(variant["amount"]) if asked is None else asked
    if unit_price != round(unit_price, 6):
        raise DomainError(f"Line {n}: a unit price has at most six decimals.", field="lines")
    return NewLine(
        sku=variant["sku"],
        title=line["title"] or variant["title"],
        quantity=line["quantity"],
        unit_price=unit_price,
        variant_id=variant["id"],
        discount=line["discount"] or Decimal(0),
        is_stocked=variant["is_stocked"],
        tax_class=variant["tax_class"],
    )


def _known(sent: Mapping[str, Any], channel_id: int, customer_id: int | None, currency: str) -> sa.Row[Any]:
    keys = sorted({key for line in sent["lines"] if (key := normalise.code_key(line["sku"]))})
    row = db.session.execute(
        _KNOWN,
        {
            "merchant": current_merchant_id(),
            "keys": keys,
            "currency": currency,
            "channel": channel_id,
            "customer": customer_id,
            "place": (sent["delivery"] or {}).get("location"),
        },
    ).one()
    if not row.is_in_use:
        raise ForbiddenError("The sales channel of this key is not in use.")
    if customer_id is not None and not row.is_customer:
        raise DomainError("There is no such customer.", field="customer_id")
    return row


_KNOWN: Final = sa.text("""
    SELECT coalesce((SELECT s.is_active FROM sales_channel AS s WHERE s.merchant_id = :merchant AND s.id = :channel), false)
               AS is_in_use,
           EXISTS (SELECT FROM customer AS c WHERE c.merchant_id = :merchant AND c.id = CAST(:customer AS bigint)
                   AND c.state = 'active') AS is_customer,
           (SELECT p.id FROM location AS p WHERE p.merchant_id = :merchant AND p.is_active
                   AND p.code = CAST(:place AS text)) AS location_id,
           (SELECT jsonb_agg(jsonb_build_object('id', v.id, 'sku', v.sku, 'sku_key', v.sku_key, 'is_stocked', v.is_stocked,
                       'title', concat_ws(' – ', p.title, nullif(v.title, '')), 'tax_class', p.tax_class,
                       'amount', (SELECT r.amount::text FROM price AS r WHERE r.merchant_id = :merchant
                                  AND r.variant_id = v.id AND r.currency = :currency)))
            FROM variant AS v JOIN product AS p ON p.merchant_id = v.merchant_id AND p.id = v.product_id
            WHERE v.merchant_id = :merchant AND v.sku_key = ANY(:keys) AND v.is_active) AS variants""")
