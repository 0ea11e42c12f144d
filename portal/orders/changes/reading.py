"""What people type to change an order, read into a proposal. Amounts and units that make no sense are refused by field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Final, TypeVar, get_args

from portal.core.errors import DomainError
from portal.orders.changes.order_now import LineNow, OrderNow
from portal.orders.changes.pricing import wish_for
from portal.orders.changes.proposal import (
    FATES,
    ChargeWish,
    Destination,
    Fate,
    LineWish,
    NewLineWish,
    Proposal,
    RefundWish,
)

MOST_ADDED: Final = 20
WHOLE: Final = re.compile(r"[0-9]{1,7}")

Typed = Mapping[str, str]
Value = TypeVar("Value")


def read_proposal(kind: str, now: OrderNow, typed: Typed) -> Proposal:
    """The proposal behind the form of this kind of change.

    Raises:
        DomainError: a field cannot be read; it names the field.
    """
    readers = {
        "edit": _edit,
        "cancel": _cancel,
        "refund": _refund,
        "claim": _claim,
        "goodwill": _goodwill,
    }
    return readers[kind](now, typed)


def _edit(now: OrderNow, typed: Typed) -> Proposal:
    lines = []
    for line in now.lines:
        wish = LineWish(
            line.n,
            quantity=_changed(units_of(typed, f"line-{line.n}"), line.paid_units),
            unit_price=_changed(amount_of(typed, f"price-{line.n}"), line.unit_price),
            discount=_changed(amount_of(typed, f"discount-{line.n}"), line.discount),
        )
        if (wish.quantity, wish.unit_price, wish.discount) != (None, None, None):
            lines.append(wish)
    charges = []
    for charge in now.charges:
        amount = _changed(amount_of(typed, f"charge-{charge.n}"), charge.amount)
        if amount is not None:
            charges.append(ChargeWish(amount, n=charge.n))
    delivery = amount_of(typed, "delivery")
    if delivery:
        charges.append(ChargeWish(delivery))
    return Proposal(
        "edit", tuple(lines), added_lines(now, typed), tuple(charges), off=amount_of(typed, "off") or Decimal(0),
        refund=_money_back(typed),
    )  # fmt: skip


def _cancel(now: OrderNow, typed: Typed) -> Proposal:
    fate: Fate = "sale" if typed.get("restock") else "quarantine"
    lines = [
        LineWish(line.n, cancel=units, fate=fate)
        for line in now.lines
        if (units := units_of(typed, f"line-{line.n}"))
    ]
    cancelled = {wish.n: wish.cancel for wish in lines}
    whole = all(cancelled.get(line.n, 0) == line.paid_units for line in now.lines if line.quantity > 0)
    return Proposal(
        "cancel",
        tuple(lines),
        refund=_money_back(typed),
        is_cancelled_whole=whole and bool(typed.get("charges")),
    )


def _refund(now: OrderNow, typed: Typed) -> Proposal:
    lines = []
    for line in now.lines:
        fate = _fate(typed.get(f"fate-{line.n}") or "none")
        wish = LineWish(
            line.n, take_back=units_of(typed, f"line-{line.n}") or 0, fate=fate,
            credit=amount_of(typed, f"credit-{line.n}") or Decimal(0),
        )  # fmt: skip
        if wish.take_back or wish.credit:
            lines.append(wish)
    charges = []
    for charge in now.charges:
        credit = amount_of(typed, f"charge-{charge.n}")
        if credit:
            if credit > charge.amount:
                raise DomainError("That is more than the charge came to.", field=f"charge-{charge.n}")
            charges.append(ChargeWish(charge.amount - credit, n=charge.n))
    return Proposal("refund", tuple(lines), (), tuple(charges), refund=_money_back(typed))


def _claim(now: OrderNow, typed: Typed) -> Proposal:
    chosen = [(line, units) for line in now.lines if (units := units_of(typed, f"line-{line.n}"))]
    if typed.get("outcome") == "again":
        return Proposal("claim", added=tuple(_again(line, units) for line, units in chosen))
    lines = tuple(LineWish(line.n, take_back=units, fate="none") for line, units in chosen)
    return Proposal("claim", lines, refund=_money_back(typed))


def _goodwill(now: OrderNow, typed: Typed) -> Proposal:
    off = amount_of(typed, "off")
    if off is None:
        raise DomainError("Enter how much to take off.", field="off")
    return Proposal("goodwill", off=off, refund=_money_back(typed))


def added_lines(now: OrderNow, typed: Typed) -> tuple[NewLineWish, ...]:
    """The goods that shall be added, from the fields ``sku-1``, ``units-1`` and ``new-price-1`` and on."""
    wishes = []
    for row in range(1, MOST_ADDED + 1):
        sku = (typed.get(f"sku-{row}") or "").strip()
        if sku:
            units = units_of(typed, f"units-{row}")
            price = amount_of(typed, f"new-price-{row}")
            wishes.append(wish_for(now, sku, 1 if units is None else units, price, field=f"sku-{row}"))
    return tuple(wishes)


def units_of(typed: Typed, field: str) -> int | None:
    """Whole units, None when nothing was typed.

    Raises:
        DomainError: it is no whole number.
    """
    text = (typed.get(field) or "").strip()
    if not text:
        return None
    if not WHOLE.fullmatch(text):
        raise DomainError("Enter whole units, for example 2.", field=field)
    return int(text)


def amount_of(typed: Typed, field: str) -> Decimal | None:
    """An amount, None when nothing was typed.

    Raises:
        DomainError: it is no amount of zero or more.
    """
    text = (typed.get(field) or "").strip().replace(",", ".")
    if not text:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0 or amount > Decimal("99999999999"):
        raise DomainError("Enter an amount, for example 4.50.", field=field)
    return amount


def _money_back(typed: Typed) -> RefundWish | None:
    if not typed.get("give_back"):
        return None
    destination = typed.get("destination") or "payment"
    if destination not in get_args(Destination) or destination == "outside":
        raise DomainError("Choose where the money goes.", field="destination")
    return RefundWish(
        amount_of(typed, "refund_amount"),
        destination,  # type: ignore[arg-type]
        units_of(typed, "payment_n"),
        lowers_price=not typed.get("keeps_price"),
    )


def _again(line: LineNow, units: int) -> NewLineWish:
    return NewLineWish(line.sku, line.title, units, Decimal(0), line.variant_id, is_stocked=line.is_counted)


def _fate(text: str) -> Fate:
    if text not in FATES:
        raise DomainError("Choose what becomes of the units.", field="lines")
    return text  # type: ignore[return-value]


def _changed(typed: Value | None, now: Value) -> Value | None:
    return None if typed == now else typed
