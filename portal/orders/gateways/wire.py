"""One HTTP call to a gateway, and the three ways it ends: answered, never sent, nobody knows."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from portal.orders.gateways.base import GatewayError

CONNECT_SECONDS: Final = 5.0
BODY_LIMIT: Final = 8 * 1024 * 1024
UNREACHABLE: Final = "The gateway cannot be reached just now. Nothing was sent."
UNKNOWN: Final = "The gateway did not answer in time. It is being asked what became of it."


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers in lower case, and the document; None when there was none that could be read."""

    status: int
    headers: Mapping[str, str]
    document: Any


def call(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    document: Mapping[str, Any] | None = None,
    seconds: float,
) -> Answer:
    """Send a JSON document and read one.

    Raises:
        GatewayError: "unreachable" when nothing left us, "unknown" when it did and no whole answer came.
    """
    parts = urlsplit(url)
    connection = _connection(parts.scheme, parts.netloc, min(CONNECT_SECONDS, seconds))
    body = None if document is None else json.dumps(document).encode()
    try:
        try:
            connection.connect()
        except (OSError, http.client.HTTPException) as error:
            raise GatewayError("unreachable", UNREACHABLE) from error
        try:
            assert isinstance(connection.sock, socket.socket)
            connection.sock.settimeout(seconds)
            path = f"{parts.path}?{parts.query}" if parts.query else parts.path
            connection.request(method, path, body, {"Content-Type": "application/json", **headers})
            response = connection.getresponse()
            content = response.read(BODY_LIMIT + 1)
        except (OSError, http.client.HTTPException) as error:
            raise GatewayError("unknown", UNKNOWN) from error
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, found, _parsed(content))
    finally:
        connection.close()


def _connection(scheme: str, netloc: str, seconds: float) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(netloc, timeout=seconds, context=ssl.create_default_context())
    return http.client.HTTPConnection(netloc, timeout=seconds)


def _parsed(content: bytes) -> Any:
    if len(content) > BODY_LIMIT:
        return None
    try:
        return json.loads(content)
    except ValueError:
        return None
