"""Signatures of notices: a time and an HMAC over it and the body, as in ``t=1700000000,v1=ab12…``."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from portal.core.clock import utc_now
from portal.orders.gateways.base import SignatureError

# A notice is delivered again for days, each time signed anew; an old signature is one that somebody kept.
TOLERANCE_SECONDS: Final = 300


def sign(body: bytes, secret: str, at: int) -> str:
    """The header for a body."""
    return f"t={at},v1={_digest(body, secret, at)}"


def check(body: bytes, header: str, secret: str) -> None:
    """Refuse what was not signed with the secret, or not just now.

    Raises:
        SignatureError: it was not.
    """
    parts = [part.partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name.strip() == "t"]
    given = [value for name, _, value in parts if name.strip() == "v1"]
    if not secret or len(times) != 1 or not times[0].isdigit() or len(times[0]) > 12 or not given:
        raise SignatureError("The notice carries no signature.")
    expected = _digest(body, secret, int(times[0]))
    if not any(hmac.compare_digest(expected.encode(), each.encode()) for each in given):
        raise SignatureError("The signature is not the gateway's.")
    if abs(utc_now().timestamp() - int(times[0])) > TOLERANCE_SECONDS:
        raise SignatureError("The signature is old.")


def _digest(body: bytes, secret: str, at: int) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
