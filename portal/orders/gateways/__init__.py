"""One folder for each kind of payment gateway, and how to get from an account to its gateway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from portal.config import Settings
from portal.core.errors import DomainError
from portal.orders.gateways.base import Gateway
from portal.orders.gateways.house import HouseGateway
from portal.orders.gateways.stripe import StripeGateway

ANSWER_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Kind:
    """What a person needs to know to connect a gateway of this kind.

    ``has_own_address`` says that the account names the address; the address of every other kind is the gateway's own.
    """

    key: str
    label: str
    key_label: str
    secret_label: str
    help: str
    test_prefix: str
    live_prefix: str
    has_own_address: bool = False


KINDS: Final[Mapping[str, Kind]] = {
    "stripe": Kind(
        "stripe",
        "Stripe",
        "Secret key",
        "Signing secret of the webhook",
        "In Stripe: Developers, API keys. Use a restricted key that may write payments, refunds, checkout and disputes.",
        "sk_test_ rk_test_",
        "sk_live_ rk_live_",
    ),
    "house": Kind(
        "house",
        "Practice gateway",
        "Secret key",
        "Signing secret of the webhook",
        "A gateway of our own that moves no money: for trying things out. It is not offered in production.",
        "hk_test_",
        "hk_live_",
        has_own_address=True,
    ),
}


def kinds_for(settings: Settings) -> Mapping[str, Kind]:
    """The kinds an installation offers: the practice gateway is for demo and test only."""
    if settings.environment == "production":
        return {key: kind for key, kind in KINDS.items() if not kind.has_own_address}
    return KINDS


def check_address(url: str, settings: Settings) -> str:
    """The address of a gateway that is not the gateway's own, as it is kept.

    Raises:
        DomainError: the operator did not list it in PRIVATE_HOSTS.
    """
    cleaned = url.strip().rstrip("/")
    parts = urlsplit(cleaned)
    allowed = settings.private_hosts if settings.environment in ("test", "demo") else frozenset()
    if (
        parts.scheme not in ("http", "https")
        or parts.netloc.lower() not in allowed
        or parts.path
        or parts.query
    ):
        raise DomainError(
            "Only an address that the operator listed in PRIVATE_HOSTS can be called.", field="base_url"
        )
    return cleaned


def gateway(kind: str, base_url: str | None, secret_key: str, *, seconds: float | None = None) -> Gateway:
    """The gateway behind one account.

    Raises:
        KeyError: this release does not know the kind.
    """
    patience = ANSWER_SECONDS if seconds is None else seconds
    match kind:
        case "stripe":
            return StripeGateway(secret_key, base_url=base_url, seconds=patience)
        case "house":
            return HouseGateway(base_url or "", secret_key, seconds=patience)
    raise KeyError(kind)
