"""What every connector speaks: a shop's articles, its orders, and the ways a call can end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, Protocol

FailureKind = Literal[
    "address", "credentials", "throttled", "unreachable", "down", "gone", "refused", "server", "unknown"
]
OrderStatus = Literal["draft", "unpaid", "waiting", "paid", "done", "cancelled", "refunded", "failed"]


class ChannelError(Exception):
    """A call to a shop failed. The message is plain words for the sync page and never quotes the shop.

    Args:
        kind: "unknown" means the call may have been carried out; every other kind that it was not.
        retry_after: seconds the shop asked us to wait.
    """

    def __init__(
        self, kind: FailureKind, message: str, *, status: int | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.status = status
        self.retry_after = retry_after

    @property
    def is_about_the_account(self) -> bool:
        """Whether every other call would fail the same way, so that no single item is to blame."""
        return self.kind in ("address", "credentials", "throttled", "unreachable", "down")


class MappingError(ValueError):
    """A document of the shop cannot be understood. The message names the field, never its content."""


@dataclass(frozen=True, slots=True, order=True)
class RemoteKey:
    """Where a thing stands in the shop: a product, or a variation of it."""

    product_id: int
    variation_id: int = 0


@dataclass(frozen=True, slots=True)
class RemoteItem:
    """One thing on sale in the shop, as the shop shows it now. None: the shop does not count or price it."""

    key: RemoteKey
    sku: str
    name: str
    stock: int | None
    price: Decimal | None


@dataclass(frozen=True, slots=True)
class Update:
    """What one thing should show. None leaves the field alone."""

    key: RemoteKey
    stock: int | None
    price: Decimal | None


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """How one update ended; `error` is None when the shop took it."""

    key: RemoteKey
    error: ChannelError | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """A person as the shop wrote them down."""

    name: str = ""
    company: str = ""
    email: str = ""
    phone: str = ""
    line1: str = ""
    line2: str = ""
    city: str = ""
    region: str = ""
    postcode: str = ""
    country_code: str = ""

    def __bool__(self) -> bool:
        return any((self.name, self.company, self.email, self.line1, self.city, self.postcode))


@dataclass(frozen=True, slots=True)
class InboundLine:
    """A line as ordered. Amounts are with tax when the order's prices are, else without."""

    key: RemoteKey
    sku: str
    title: str
    quantity: int
    unit_price: Decimal
    discount: Decimal
    tax_amount: Decimal
    total: Decimal


@dataclass(frozen=True, slots=True)
class InboundCharge:
    """Shipping, a fee, or a difference of the shop's own rounding."""

    kind: str
    label: str
    amount: Decimal
    tax_amount: Decimal


@dataclass(frozen=True, slots=True)
class Pickup:
    """The buyer collects it. ``place`` is what the shop calls the place, where it says so; ``label`` names the way."""

    label: str
    place: str = ""
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class InboundRefund:
    """Money the shop gave back."""

    external_id: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class InboundOrder:
    """An order of a shop, in our words. `modified_at` is its version, in the time of the shop."""

    external_id: str
    number: str
    raw_status: str
    status: OrderStatus
    placed_at: dt.datetime
    modified_at: dt.datetime
    currency: str
    tax_inclusive: bool
    buyer: Contact
    shipping: Contact
    lines: tuple[InboundLine, ...]
    charges: tuple[InboundCharge, ...]
    tax_total: Decimal
    total: Decimal
    is_paid: bool
    paid_at: dt.datetime | None
    payment_method: str
    payment_reference: str
    customer_note: str
    refunds: tuple[InboundRefund, ...]
    pickup: Pickup | None
    rounding: Decimal
    digest: str
    document: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class OrderStub:
    """Enough of an order to see whether we know it as it is."""

    external_id: str
    modified_at: dt.datetime


class Connector(Protocol):
    """One kind of shop. Every method raises ChannelError and nothing else for what goes wrong outside."""

    @property
    def batch_size(self) -> int:
        """How many articles one `send` takes."""

    def test(self) -> str:
        """Prove that the keys may read and write; returns what to tell the person."""

    def items(self) -> Iterator[RemoteItem]:
        """Everything on sale."""

    def read(self, keys: Sequence[RemoteKey]) -> dict[RemoteKey, RemoteItem]:
        """What some things show now; one that is gone is absent."""

    def send(self, updates: Sequence[Update]) -> list[UpdateResult]:
        """Set stock and price of up to `batch_size` things; one bad item does not stop the others."""

    def order_pages(self, since: dt.datetime | None) -> Iterator[list[dict[str, Any]]]:
        """Orders changed at or after an instant, oldest change first, page by page."""

    def order(self, external_id: str) -> dict[str, Any] | None:
        """One order as it is now, or None when the shop has it no more."""

    def order_stubs(self, since: dt.datetime) -> Iterable[OrderStub]:
        """Every order changed since, without the persons."""

    def parse_order(self, document: dict[str, Any]) -> InboundOrder:
        """Understand a document.

        Raises:
            MappingError: it cannot be.
        """

    def identify(self, document: dict[str, Any]) -> OrderStub:
        """The id and version of a document that may be broken otherwise.

        Raises:
            MappingError: it has none.
        """
