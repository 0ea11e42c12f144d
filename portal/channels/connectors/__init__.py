"""One folder for each kind of shop we can speak to, and how to get from an account to its connector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from portal.channels.connectors.base import Connector
from portal.channels.connectors.woocommerce.client import WooCommerce
from portal.channels.outbound import Outbound


@dataclass(frozen=True, slots=True)
class Kind:
    """What a person needs to know to connect a shop of this kind."""

    key: str
    label: str
    key_label: str
    secret_label: str
    help: str


KINDS: Final[Mapping[str, Kind]] = {
    "woocommerce": Kind(
        "woocommerce",
        "WooCommerce",
        "Consumer key",
        "Consumer secret",
        "In the shop: WooCommerce, Settings, Advanced, REST API, Add key. Choose Read/Write.",
    ),
}


def connector(kind: str, base_url: str, key: str, secret: str, outbound: Outbound) -> Connector:
    """The connector of one shop.

    Raises:
        KeyError: this release does not know the kind.
    """
    match kind:
        case "woocommerce":
            return WooCommerce(base_url, key, secret, outbound)
    raise KeyError(kind)
