"""What someone wants to change, in numbers only: it is kept as it is until it is confirmed or dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Final, Literal

Fate = Literal["sale", "quarantine", "write_off", "none"]
Destination = Literal["payment", "store_credit", "outside"]

FATES: Final = ("sale", "quarantine", "write_off", "none")


@dataclass(frozen=True, slots=True)
class LineWish:
    """A change of one line.

    Args:
        n: the line's number.
        quantity: units the buyer shall be charged for, when they change by an edit.
        unit_price: price of one unit, when it changes.
        discount: off the whole line, when it changes.
        cancel: units that have not left and shall not.
        take_back: units that left and shall not be charged any more.
        fate: what becomes of the units taken back, or of cancelled ones that were promised: back on sale, kept apart,
            written off, or nothing (none come back).
        credit: money off the line besides, as the buyer pays it.
        location_id: where units that come back are put; the shelf they left from when None.
    """

    n: int
    quantity: int | None = None
    unit_price: Decimal | None = None
    discount: Decimal | None = None
    cancel: int = 0
    take_back: int = 0
    fate: Fate = "sale"
    credit: Decimal = Decimal(0)
    location_id: int | None = None


@dataclass(frozen=True, slots=True)
class NewLineWish:
    """Units of something to add to the order."""

    sku: str
    title: str
    quantity: int
    unit_price: Decimal
    variant_id: int | None = None
    tax_rate: Decimal = Decimal(0)
    is_stocked: bool = True


@dataclass(frozen=True, slots=True)
class ChargeWish:
    """A charge that shall come to *amount*; without a number it is a new one of that kind."""

    amount: Decimal
    n: int | None = None
    kind: str = "shipping"
    label: str = "Delivery"


@dataclass(frozen=True, slots=True)
class RefundWish:
    """Money to give back.

    Args:
        amount: how much; None means all that is owed to the buyer after the change.
        destination: the payments it came by, the customer's store credit, or outside: somebody else gave it back.
        payment_n: the payment to use first.
        lowers_price: what goes beyond the money owed is taken off the order; otherwise the buyer owes it again.
    """

    amount: Decimal | None = None
    destination: Destination = "payment"
    payment_n: int | None = None
    lowers_price: bool = True


@dataclass(frozen=True, slots=True)
class Proposal:
    """A whole change: lines, new lines, charges, money off the whole order, money back.

    Args:
        return_n: the return that it settles.
        is_cancelled_whole: charges go with the last unit.
        is_reopened: everything that was cancelled stands again, but for money that went back meanwhile.
    """

    kind: str
    lines: tuple[LineWish, ...] = ()
    added: tuple[NewLineWish, ...] = ()
    charges: tuple[ChargeWish, ...] = ()
    off: Decimal = Decimal(0)
    refund: RefundWish | None = None
    return_n: int | None = None
    is_cancelled_whole: bool = False
    is_reopened: bool = False


def packed(proposal: Proposal) -> dict[str, Any]:
    """The proposal as JSON; amounts are texts, so that no digit is lost."""
    return _plain(asdict(proposal))  # type: ignore[no-any-return]


def unpacked(kept: Mapping[str, Any]) -> Proposal:
    """The proposal that ``packed`` wrote."""
    refund = kept.get("refund")
    return Proposal(
        kind=kept["kind"],
        lines=tuple(LineWish(**_amounts(each, "unit_price", "discount", "credit")) for each in kept["lines"]),
        added=tuple(NewLineWish(**_amounts(each, "unit_price", "tax_rate")) for each in kept["added"]),
        charges=tuple(ChargeWish(**_amounts(each, "amount")) for each in kept["charges"]),
        off=Decimal(kept["off"]),
        refund=RefundWish(**_amounts(refund, "amount")) if refund else None,
        return_n=kept.get("return_n"),
        is_cancelled_whole=bool(kept.get("is_cancelled_whole")),
        is_reopened=bool(kept.get("is_reopened")),
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, Decimal) else value


def _amounts(kept: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return dict(kept) | {name: Decimal(kept[name]) if kept.get(name) is not None else None for name in names}
