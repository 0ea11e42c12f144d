"""Composing an order: whom it is for, what is in it, what it costs, keeping its units, placing it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from portal.catalog.models import Variant, VariantComponent
from portal.core import audit, normalise
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError, ForbiddenError, NotFoundError
from portal.core.money import minor_units, round_to_minor
from portal.core.subjects import DataSubject
from portal.customers.models import Customer, CustomerAddress
from portal.customers.services import create_customer
from portal.orders.delivery import checked_delivery
from portal.orders.drafts.finding import SoldVariant, sold_variant
from portal.orders.models import ComposedOrder, ComposedOrderLine, SalesChannel
from portal.orders.new_order import NewCharge, NewContact, NewDiscount, NewLine, NewOrder, PlacedOrder
from portal.orders.placement import place_order
from portal.orders.pricing import Priced, price
from portal.orders.sales_channels.services import phone_channel
from portal.stock.reservations import release, reserve
from portal.stock.routing.planning import Case, Want

PERSON: Final = ("name", "company", "vat_id", "email", "phone")
ADDRESS: Final = ("line1", "line2", "city", "region", "postcode", "country_code")
DETAILS: Final = (*PERSON, *ADDRESS, "shipping_label", "voucher_code", "discount_reason")
MOST_LINES: Final = 200
MOST_UNITS: Final = 1_000_000
KEEP_MINUTES: Final = 60


def create_draft(*, currency: str, tax_inclusive: bool, country: str, by: Actor) -> ComposedOrder:
    """Begin an empty draft, on the merchant's phone channel."""
    draft = ComposedOrder(
        channel_id=phone_channel(by=by).id,
        currency=currency,
        tax_inclusive=tax_inclusive,
        country_code=country,
        created_by=by.id,
    )
    db.session.add(draft)
    db.session.flush()
    audit.record(action="draft.created", by=by, subject=("draft", draft.id), after={"currency": currency})
    return draft


def open_draft(draft_id: int, *, version: int | None = None) -> ComposedOrder:
    """The draft, locked for a change.

    Raises:
        NotFoundError: there is none.
        ConflictError: it was placed or discarded, or someone changed it since *version*.
    """
    found = db.session.scalars(
        sa.select(ComposedOrder).where(ComposedOrder.id == draft_id).with_for_update()
    ).one_or_none()
    if found is None:
        raise NotFoundError("There is no such draft.")
    if found.state != "draft":
        raise ConflictError(f"This draft was {found.state} meanwhile.")
    if version is not None and version != found.version:
        raise ConflictError(
            "Someone else changed this draft meanwhile. It stands below as it is now; what you typed was not saved."
        )
    return found


def lines_of(draft: ComposedOrder) -> Sequence[ComposedOrderLine]:
    """The lines, in the order they were added."""
    return db.session.scalars(
        sa.select(ComposedOrderLine)
        .where(ComposedOrderLine.draft_id == draft.id)
        .order_by(ComposedOrderLine.id)
    ).all()


def change_details(draft: ComposedOrder, values: Mapping[str, Any]) -> None:
    """Write whom it is for, where to, how it is sent and what is taken off.

    Raises:
        DomainError: an amount, the country or the e-mail address does not make sense; ``field`` names it.
    """
    texts = {name: _one_line(values.get(name)) for name in DETAILS}
    country = (texts["country_code"] or "").upper() or None
    if country is not None and not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise DomainError("Choose a country.", field="country_code")
    texts["country_code"] = country
    if (email := texts["email"]) and email != draft.email and not normalise.is_email(email):
        raise DomainError("This is not an e-mail address.", field="email")
    texts["shipping_label"] = texts["shipping_label"] or "Delivery"
    amounts = {
        "shipping_amount": _amount(values.get("shipping_amount"), draft.currency, "shipping_amount")
        or Decimal(0),
        "discount_amount": _amount(values.get("discount_amount"), draft.currency, "discount_amount"),
        "discount_percent": _percent(values.get("discount_percent")),
    }
    if amounts["discount_amount"] and amounts["discount_percent"]:
        raise DomainError("Take off a percentage or an amount, not both.", field="discount_amount")
    if any(texts[name] for name in (*PERSON, *ADDRESS[:-1])) and draft.subject_id is None:
        subject = DataSubject()
        db.session.add(subject)
        db.session.flush()
        draft.subject_id = subject.id
    for name, value in {**texts, **amounts}.items():
        if getattr(draft, name) != value:
            setattr(draft, name, value)


def choose_channel(draft: ComposedOrder, channel_id: int) -> None:
    """Say which sales channel the order is one of.

    Raises:
        DomainError: it is not in use.
    """
    if channel_id == draft.channel_id:
        return
    known = db.session.scalars(
        sa.select(SalesChannel.id).where(SalesChannel.id == channel_id, SalesChannel.is_active)
    ).one_or_none()
    if known is None:
        raise DomainError("Choose a sales channel that is in use.", field="channel_id")
    draft.channel_id = channel_id


def choose_delivery(draft: ComposedOrder, delivery: str, location_id: int | None) -> None:
    """Say how the goods get to the buyer.

    Raises:
        DomainError: it is no way, or the location is not in use.
    """
    if (delivery, location_id) == (draft.delivery, draft.delivery_location_id):
        return
    draft.delivery, draft.delivery_location_id = checked_delivery(delivery, location_id)


def choose_customer(draft: ComposedOrder, customer_id: int | None) -> None:
    """Make it an order of a known customer, and take over their default address; None lets them go.

    Raises:
        DomainError: there is no such customer.
    """
    if customer_id is None:
        draft.customer_id = draft.subject_id = None
        for name in (*PERSON, *ADDRESS[:-1]):
            setattr(draft, name, None)
        return
    customer = db.session.scalars(
        sa.select(Customer).where(Customer.id == customer_id, Customer.state == "active")
    ).one_or_none()
    if customer is None:
        raise DomainError("There is no such customer.", field="customer_id")
    address = db.session.scalars(
        sa.select(CustomerAddress)
        .where(CustomerAddress.customer_id == customer_id)
        .order_by(CustomerAddress.is_default.desc(), CustomerAddress.id.desc())
        .limit(1)
    ).one_or_none()
    draft.customer_id, draft.subject_id = customer.id, customer.subject_id
    draft.name, draft.company = customer.name, customer.company
    draft.email, draft.phone = customer.email, customer.phone
    for name in ADDRESS:
        draft_value = getattr(address, name) if address is not None else None
        if draft_value or name != "country_code":
            setattr(draft, name, draft_value)


def add_variant(draft: ComposedOrder, variant_id: int, units: int = 1) -> None:
    """Add units of a variant at the catalogue's price; more of one that is there already.

    Raises:
        DomainError: it is not sold, has no price in the draft's currency, or the draft is full.
    """
    lines = lines_of(draft)
    known = next((line for line in lines if line.variant_id == variant_id), None)
    if known is not None:
        known.quantity = min(known.quantity + units, MOST_UNITS)
        db.session.flush()
        return
    if len(lines) >= MOST_LINES:
        raise DomainError(f"A draft holds at most {MOST_LINES} lines.", field="find")
    sold: SoldVariant | None = sold_variant(variant_id, draft.currency)
    if sold is None:
        raise DomainError("This variant is not sold.", field="find")
    if sold.amount is None:
        raise DomainError(f"{sold.sku} has no price in {draft.currency}. Give it one first.", field="find")
    db.session.add(
        ComposedOrderLine(
            draft_id=draft.id,
            variant_id=variant_id,
            sku=sold.sku,
            title=sold.title,
            tax_class=sold.tax_class,
            is_stocked=sold.is_stocked,
            quantity=units,
            list_price=sold.amount,
            unit_price=sold.amount,
        )
    )
    db.session.flush()


def change_line(
    line: ComposedOrderLine,
    *,
    quantity: str,
    unit_price: str | None,
    reason: str | None,
    currency: str,
    may_price: bool,
    by: Actor,
) -> None:
    """Change the units of a line, or ask another price for a reason, which the audit log keeps.

    Raises:
        DomainError: the quantity or price does not make sense, or the reason is missing.
        ForbiddenError: the person may not change prices.
    """
    units = quantity.strip()
    if not (units.isascii() and units.isdecimal()) or not 1 <= int(units[:9]) <= MOST_UNITS:
        raise DomainError("Enter units from 1 up.", field=f"quantity-{line.id}")
    line.quantity = int(units[:9])
    if unit_price is not None:
        _reprice(line, unit_price, _one_line(reason), currency, may_price, by)
    db.session.flush()


def remove_line(draft: ComposedOrder, line_id: int) -> None:
    """Take a line out; harmless when it is gone."""
    line = db.session.scalars(
        sa.select(ComposedOrderLine).where(
            ComposedOrderLine.draft_id == draft.id, ComposedOrderLine.id == line_id
        )
    ).one_or_none()
    if line is not None:
        db.session.delete(line)
        db.session.flush()


def quote(draft: ComposedOrder, lines: Sequence[ComposedOrderLine]) -> Priced:
    """What the order would cost now.

    Raises:
        DomainError: it has no line, or the rules cannot add it up; the message says why.
    """
    if not lines:
        raise DomainError("Add what is ordered to see what it costs.", field="find")
    return price(_order(draft, lines))


def keep_units(draft: ComposedOrder, *, by: Actor, minutes: int = KEEP_MINUTES) -> dt.datetime:
    """Keep the draft's units for a while; gives until when.

    Raises:
        DomainError: it has no counted line.
        NotEnoughUnitsError: too few are there.
    """
    counted = [line for line in lines_of(draft) if line.is_stocked]
    parts = _parts([line.variant_id for line in counted])
    wants = [
        Want(n, line.sku, line.quantity, parts.get(line.variant_id, {line.variant_id: 1}))
        for n, line in enumerate(counted, 1)
    ]
    channel = db.session.scalars(sa.select(SalesChannel).where(SalesChannel.id == draft.channel_id)).one()
    if not wants:
        raise DomainError("Nothing in this draft is counted, so there is nothing to keep.", field="find")
    held = reserve(
        reservation_key(draft),
        wants,
        holder="draft",
        holder_id=draft.id,
        case=Case(draft.country_code, draft.channel_id, only_at=draft.delivery_location_id),
        minutes=minutes,
        buffer=channel.safety_buffer,
        by=by,
    )
    draft.reserved_until = held.expires_at
    return held.expires_at


def let_units_go(draft: ComposedOrder, *, by: Actor) -> None:
    """Put the units that were kept back on sale."""
    release(reservation_key(draft), by=by)
    draft.reserved_until = None


def place_draft(draft: ComposedOrder, *, by: Actor) -> PlacedOrder:
    """Make it an order: numbered, promised, audited. The typed buyer becomes a customer.

    Raises:
        DomainError: nobody or nothing is in it, or the rules refuse it.
    """
    lines = lines_of(draft)
    if not lines:
        raise DomainError("Add what is ordered first.", field="find")
    if not any((draft.name, draft.company, draft.email, draft.phone)):
        raise DomainError("Say whom the order is for.", field="name")
    if draft.customer_id is None:
        draft.customer_id = _customer_for(draft, by)
    placed = place_order(_order(draft, lines), by=by)
    draft.state, draft.order_id, draft.reserved_until = "placed", placed.order_id, None
    # The order has its own copy of the person now.
    _forget_person(draft)
    audit.record(
        action="draft.placed", by=by, subject=("draft", draft.id), after={"order_id": placed.order_id}
    )
    return placed


def discard_draft(draft: ComposedOrder, *, by: Actor) -> None:
    """Throw the draft away, with what was typed of the person; its units go back on sale."""
    let_units_go(draft, by=by)
    draft.state = "discarded"
    _forget_person(draft)
    audit.record(action="draft.discarded", by=by, subject=("draft", draft.id))


def reservation_key(draft: ComposedOrder) -> str:
    """Under which key the draft's units are kept."""
    return f"draft:{draft.id}"


def _order(draft: ComposedOrder, lines: Sequence[ComposedOrderLine]) -> NewOrder:
    person = {name: getattr(draft, name) for name in PERSON}
    address = {name: getattr(draft, name) for name in ADDRESS}
    discounts = []
    if draft.discount_amount or draft.discount_percent:
        discounts.append(
            NewDiscount(
                "staff",
                "Discount",
                percent=draft.discount_percent,
                amount=draft.discount_amount,
                reason=draft.discount_reason,
            )
        )
    shipping = (
        [NewCharge("shipping", draft.shipping_label, draft.shipping_amount)] if draft.shipping_amount else []
    )
    return NewOrder(
        channel_id=draft.channel_id,
        currency=draft.currency,
        tax_inclusive=draft.tax_inclusive,
        customer_id=draft.customer_id,
        contacts=[NewContact("buyer", **person, **address), NewContact("shipping", **person, **address)],
        lines=[
            NewLine(
                line.sku,
                line.title,
                line.quantity,
                line.unit_price,
                variant_id=line.variant_id,
                is_stocked=line.is_stocked,
                tax_class=line.tax_class,
                list_price=line.list_price if line.list_price != line.unit_price else None,
                price_reason=line.reason,
            )
            for line in lines
        ],
        charges=shipping,
        discounts=discounts,
        voucher_code=draft.voucher_code,
        reservation_key=reservation_key(draft) if draft.reserved_until else None,
        phone_region=draft.country_code,
        delivery=draft.delivery,
        delivery_location_id=draft.delivery_location_id,
        by_rules=True,
    )


def _parts(variant_ids: Sequence[int]) -> dict[int, dict[int, int]]:
    """Of bundles, their counted components and how many of each."""
    rows = db.session.execute(
        sa.select(VariantComponent.bundle_id, VariantComponent.component_id, VariantComponent.quantity)
        .join(
            Variant,
            sa.and_(
                Variant.merchant_id == VariantComponent.merchant_id,
                Variant.id == VariantComponent.component_id,
            ),
        )
        .where(
            VariantComponent.merchant_id == current_merchant_id(),
            Variant.merchant_id == current_merchant_id(),
            VariantComponent.bundle_id.in_(variant_ids),
            Variant.is_stocked,
        )
    )
    found: dict[int, dict[int, int]] = {}
    for bundle_id, component_id, quantity in rows:
        found.setdefault(bundle_id, {})[component_id] = quantity
    return found


def _customer_for(draft: ComposedOrder, by: Actor) -> int:
    key = normalise.email_key(draft.email)
    if key:
        known = db.session.scalars(
            sa.select(Customer.id)
            .where(Customer.email_key == key, Customer.state == "active")
            .order_by(Customer.id)
            .limit(1)
        ).one_or_none()
        if known is not None:
            return known
    values = {name: getattr(draft, name) for name in ("name", "company", "email", "phone", "country_code")}
    return create_customer(values, by=by, source="phone").id


def _forget_person(draft: ComposedOrder) -> None:
    for name in (*PERSON, *ADDRESS[:-1], "discount_reason"):
        setattr(draft, name, None)
    db.session.execute(
        sa.update(ComposedOrderLine)
        .where(
            ComposedOrderLine.draft_id == draft.id,
            ComposedOrderLine.unit_price == ComposedOrderLine.list_price,
        )
        .values(reason=None)
    )
    db.session.flush()


def _reprice(
    line: ComposedOrderLine, text: str, reason: str | None, currency: str, may_price: bool, by: Actor
) -> None:
    field = f"price-{line.id}"
    asked = _amount(text, currency, field)
    if asked is None:
        raise DomainError("Enter the price of one unit.", field=field)
    is_own = asked == round_to_minor(line.list_price, currency)
    wanted = line.list_price if is_own else asked
    if wanted == line.unit_price and (is_own or reason == line.reason):
        return
    if not may_price:
        raise ForbiddenError("Your role does not let you change prices.", field=field)
    if not is_own and not reason:
        raise DomainError("Say why the price is another one.", field=f"reason-{line.id}")
    audit.record(
        action="draft.price_changed",
        by=by,
        subject=("draft", line.draft_id),
        before={"sku": line.sku, "unit_price": line.unit_price},
        after={"sku": line.sku, "unit_price": wanted},
        reason=reason,
    )
    line.unit_price, line.reason = wanted, None if is_own else reason


def _amount(text: Any, currency: str, field: str) -> Decimal | None:
    cleaned = str(text if text is not None else "").strip().replace(",", ".")
    if not cleaned:
        return None
    try:
        amount = Decimal(cleaned)
    except ArithmeticError:
        amount = Decimal("NaN")
    places = minor_units(currency)
    if not amount.is_finite() or not 0 <= amount < 10**11:
        raise DomainError("Enter an amount, such as 4.50.", field=field)
    if amount != round(amount, places):
        raise DomainError(f"{currency} is charged with {places or 'no'} decimals.", field=field)
    return amount


def _percent(text: Any) -> Decimal | None:
    cleaned = str(text if text is not None else "").strip().removesuffix("%").strip().replace(",", ".")
    if not cleaned:
        return None
    try:
        percent = Decimal(cleaned)
    except ArithmeticError:
        percent = Decimal("NaN")
    if not percent.is_finite() or not 0 < percent <= 100 or percent != round(percent, 4):
        raise DomainError("Enter a percentage above 0 and up to 100.", field="discount_percent")
    return percent


def _one_line(text: Any) -> str | None:
    return " ".join(str(text or "").replace("\0", "").split())[:200] or None
