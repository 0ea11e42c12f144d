"""What every payment gateway speaks: payments, what was taken and given back of them, disputes, payouts, notices.

Amounts are in the units of the currency as people write them (12.50), never in cents. Whatever changes money takes a
key: asked twice with the same key, a gateway does it once. No card number passes through here in either direction.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, Protocol

FailureKind = Literal[
    "declined", "refused", "credentials", "throttled", "unreachable", "down", "gone", "unknown"
]
RemoteState = Literal["pending", "authorised", "captured", "failed", "voided"]
EntryState = Literal["pending", "done", "failed"]
NoticeSubject = Literal["payment", "dispute", "payout", "other"]


class GatewayError(Exception):
    """A call to a gateway failed. The message is plain words for the screen and never quotes the gateway.

    Args:
        kind: "unknown" means that it may have been done; every other kind that it was not.
        code: why, as a word of ours ("declined", "insufficient_funds", "expired_card" …).
        retry_after: seconds the gateway asked us to wait.
    """

    def __init__(
        self, kind: FailureKind, message: str, *, code: str | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.code = code or kind
        self.retry_after = retry_after

    @property
    def is_final(self) -> bool:
        """Whether asking the same again would bring the same answer."""
        return self.kind in ("declined", "refused", "gone")


class SignatureError(Exception):
    """A notice was not signed by the gateway, or long ago."""


@dataclass(frozen=True, slots=True)
class RemoteEntry:
    """Money taken or given back within a payment. ``key`` is the key it was asked with, where the gateway tells."""

    reference: str
    amount: Decimal
    state: EntryState
    key: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class RemotePayment:
    """A payment as the gateway knows it now. ``captured`` is the sum that was taken, ever."""

    reference: str
    state: RemoteState
    amount: Decimal
    currency: str
    captured: Decimal = Decimal(0)
    captures: tuple[RemoteEntry, ...] = ()
    refunds: tuple[RemoteEntry, ...] = ()
    method: str = "card"
    card_brand: str | None = None
    card_last_four: str | None = None
    authorised_until: dt.datetime | None = None
    code: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Authorisation:
    """Ask for money to be set aside, with the token of a way to pay that the gateway keeps."""

    amount: Decimal
    currency: str
    token: str = field(repr=False)
    order_number: str
    is_captured_at_once: bool = False


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """Ask for a page of the gateway on which a buyer pays. The same key comes with the same ``asked_at``."""

    amount: Decimal
    currency: str
    order_number: str
    expires_at: dt.datetime
    return_url: str
    asked_at: dt.datetime
    is_captured_at_once: bool = True


@dataclass(frozen=True, slots=True)
class RemoteCheckout:
    """A page of the gateway. ``payment`` is there once the buyer has tried to pay."""

    reference: str
    url: str | None
    is_open: bool
    payment_reference: str | None = None


@dataclass(frozen=True, slots=True)
class RemoteDispute:
    """A chargeback as the gateway knows it now."""

    reference: str
    payment_reference: str
    state: Literal["needs_response", "under_review", "won", "lost"]
    reason: str
    amount: Decimal
    fee: Decimal
    currency: str
    opened_at: dt.datetime
    due_at: dt.datetime | None = None
    closed_at: dt.datetime | None = None
    told_at: dt.datetime | None = None
    evidence_key: str | None = None


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """A file for the bank."""

    kind: str
    name: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class RemotePayoutLine:
    """One movement inside a payout; ``gross`` is signed, ``net = gross - fee``."""

    reference: str
    kind: Literal["payment", "refund", "dispute", "fee", "adjustment"]
    gross: Decimal
    fee: Decimal
    net: Decimal
    source_reference: str | None = None
    payment_reference: str | None = None
    happened_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class RemotePayout:
    """Money sent to the merchant's bank."""

    reference: str
    state: Literal["in_transit", "paid", "failed"]
    amount: Decimal
    currency: str
    paid_on: dt.date
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Notice:
    """What a webhook says happened, and to which object; the object itself is asked for, not believed."""

    event_id: str
    kind: str
    subject: NoticeSubject
    object_reference: str | None
    happened_at: dt.datetime | None


class Gateway(Protocol):
    """One kind of gateway. Every method raises GatewayError and nothing else for what goes wrong outside."""

    def test(self) -> str:
        """Prove that the keys work; returns what to tell the person."""

    def authorise(self, request: Authorisation, *, key: str) -> RemotePayment:
        """Set money aside, or take it at once."""

    def capture(self, reference: str, amount: Decimal, currency: str, *, key: str) -> RemotePayment:
        """Take some of what was set aside."""

    def void(self, reference: str, *, key: str) -> RemotePayment:
        """Let go of what was set aside and not taken."""

    def refund(self, reference: str, amount: Decimal, currency: str, *, key: str) -> RemotePayment:
        """Give some of what was taken back."""

    def payment(self, reference: str) -> RemotePayment | None:
        """How a payment stands now; None when the gateway has none of that name."""

    def payment_by_key(self, key: str, *, since: dt.datetime) -> RemotePayment | None:
        """The payment that was made with a key after an instant; None when that request never arrived."""

    def checkout(self, request: CheckoutRequest, *, key: str) -> RemoteCheckout:
        """A page on which to pay. The same key gives the same page."""

    def checkout_state(self, reference: str) -> RemoteCheckout | None:
        """How a page stands now."""

    def close_checkout(self, reference: str) -> RemoteCheckout | None:
        """Let nobody pay on a page any more."""

    def dispute(self, reference: str) -> RemoteDispute | None:
        """How a dispute stands now."""

    def submit_evidence(
        self, reference: str, texts: Mapping[str, str], files: Sequence[EvidenceFile], *, key: str
    ) -> RemoteDispute:
        """Answer the bank. It can be done once."""

    def payouts(self, since: dt.datetime | None) -> Sequence[RemotePayout]:
        """Payouts made at or after an instant, the oldest first."""

    def payout(self, reference: str) -> RemotePayout | None:
        """One payout as it stands now."""

    def payout_lines(self, reference: str) -> Iterable[RemotePayoutLine]:
        """What a payout is made of; read as it is walked, for there may be many."""

    def read_notice(self, body: bytes, headers: Mapping[str, str], secret: str) -> Notice:
        """Check the signature of a webhook and say what it is about.

        Raises:
            SignatureError: it is not the gateway's.
        """
