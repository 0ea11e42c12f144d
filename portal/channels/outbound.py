"""Calls to addresses that a merchant typed: only to public hosts, to the address that was checked, and bounded.

The name is resolved once, every address it resolves to must be public, and the connection goes to that very address;
so a name that changes its mind between the check and the call reaches nothing. Redirects are answers, never followed.
"""

from __future__ import annotations

import concurrent.futures
import http.client
import ipaddress
import select
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, urlsplit

from portal.config import Settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

CONNECT_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 60.0
RESOLVE_SECONDS: Final = 4.0
BEAT_SECONDS: Final = 5.0
BODY_LIMIT: Final = 8 * 1024 * 1024
PUBLIC_PORTS: Final = frozenset({80, 443, 8080, 8443})
NAT64: Final = ipaddress.ip_network("64:ff9b::/96")

_resolvers = concurrent.futures.ThreadPoolExecutor(max_workers=4, thread_name_prefix="resolve")


class OutboundError(Exception):
    """A call did not bring an answer. The message is for the person at the screen."""


class AddressRefusedError(OutboundError):
    """We do not call this address, whoever asks."""


class UnreachableError(OutboundError):
    """Nothing was sent, or nothing that could have had an effect."""


class NoAnswerError(OutboundError):
    """The request left us whole and no whole answer came: it may have been carried out or not."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers in lower case, and the body up to the limit."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Outbound:
    """Makes the calls.

    Args:
        private_hosts: "host:port" entries that may be private and plain http.
        beat: called before each call and every few seconds of waiting; a job keeps its lease with it.
    """

    private_hosts: frozenset[str] = frozenset()
    connect_seconds: float = CONNECT_SECONDS
    answer_seconds: float = ANSWER_SECONDS
    body_limit: int = BODY_LIMIT
    beat: Callable[[], None] | None = None
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context, repr=False)

    @classmethod
    def from_settings(
        cls,
        settings: Settings,
        *,
        beat: Callable[[], None] | None = None,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> Outbound:
        """Production calls public hosts only, whatever the settings say."""
        allowed = settings.private_hosts if settings.environment in ("test", "demo") else frozenset()
        return cls(private_hosts=allowed, beat=beat, answer_seconds=answer_seconds)

    def check(self, url: str) -> SplitResult:
        """Refuse an address by its looks, before any name is asked for.

        Raises:
            AddressRefusedError: with what to type instead.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise AddressRefusedError(
                "This is not a web address. Write it like https://shop.example.com."
            ) from error
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise AddressRefusedError(
                "Write the address with https:// in front, like https://shop.example.com."
            )
        if parts.username or parts.password or any(c in url for c in "\\ \t\r\n"):
            raise AddressRefusedError("Leave user names, passwords and spaces out of the address.")
        if self._is_listed(parts):
            return parts
        if parts.scheme == "http":
            raise AddressRefusedError(
                "The keys would travel unprotected. Use the https:// address of the shop."
            )
        if port is not None and port not in PUBLIC_PORTS:
            raise AddressRefusedError(f"We do not call port {port}. Shops answer on 443 or 8443.")
        return parts

    def call(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """One request, one answer.

        Raises:
            AddressRefusedError: the address is not one we call.
            UnreachableError: no connection, or it broke before the request was out.
            NoAnswerError: the request was out and the answer did not come whole and in time.
        """
        parts = self.check(url)
        self._beat()
        address = self._pinned(parts)
        deadline = time.monotonic() + self.answer_seconds
        connection = self._connect(parts, address)
        try:
            self._send(connection, method, parts, headers or {}, body)
            return self._read(connection, deadline)
        finally:
            connection.close()

    def _is_listed(self, parts: SplitResult) -> bool:
        return f"{parts.hostname}:{_port(parts)}" in self.private_hosts

    def _pinned(self, parts: SplitResult) -> Address:
        addresses = resolve(str(parts.hostname), _port(parts))
        if not self._is_listed(parts) and not all(is_public(address) for address in addresses):
            raise AddressRefusedError("This address leads into a private network. We only call public shops.")
        return addresses[0]

    def _connect(self, parts: SplitResult, address: Address) -> http.client.HTTPConnection:
        host = str(parts.hostname)
        connection = http.client.HTTPConnection(host, _port(parts), timeout=self.connect_seconds)
        try:
            sock = socket.create_connection((str(address), _port(parts)), timeout=self.connect_seconds)
            if parts.scheme == "https":
                sock = self.tls.wrap_socket(sock, server_hostname=host)
        except ssl.SSLCertVerificationError as error:
            raise UnreachableError(
                "The shop's certificate is not valid, so we did not send the keys."
            ) from error
        except OSError as error:
            raise UnreachableError("The shop cannot be reached at this address.") from error
        connection.sock = sock
        return connection

    def _send(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        parts: SplitResult,
        headers: Mapping[str, str],
        body: bytes | None,
    ) -> None:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        host = parts.netloc
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in {
                "Host": host,
                "User-Agent": "portal",
                "Connection": "close",
                **headers,
            }.items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
        except (OSError, http.client.HTTPException) as error:
            # Part of it may have arrived, and a server may act on headers alone.
            raise NoAnswerError("The connection broke while we were sending.") from error

    def _read(self, connection: http.client.HTTPConnection, deadline: float) -> Answer:
        try:
            self._wait_for_first_byte(connection, deadline)
            self._limit_wait(connection, deadline)
            response = connection.getresponse()
            body = bytearray()
            while True:
                self._limit_wait(connection, deadline)
                chunk = response.read1(65536)
                if not chunk:
                    break
                body += chunk
                if len(body) > self.body_limit:
                    raise NoAnswerError("The answer of the shop is larger than we accept.")
            if response.length:
                raise NoAnswerError("The answer of the shop broke off.")
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, bytes(body))
        except TimeoutError as error:
            raise NoAnswerError("The shop did not answer in time.") from error
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswerError("The connection broke before the answer was complete.") from error

    def _wait_for_first_byte(self, connection: http.client.HTTPConnection, deadline: float) -> None:
        """A large batch takes a shop its time; the wait is cut into pieces so that the beat goes on."""
        while (left := deadline - time.monotonic()) > 0:
            if select.select([connection.sock], [], [], min(left, BEAT_SECONDS))[0]:
                return
            self._beat()
        raise TimeoutError

    def _beat(self) -> None:
        if self.beat is not None:
            self.beat()

    @staticmethod
    def _limit_wait(connection: http.client.HTTPConnection, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if connection.sock is not None:
            connection.sock.settimeout(left)


def resolve(host: str, port: int) -> list[Address]:
    """Every address a name has now. A name that cannot be resolved is refused, not tried.

    Raises:
        UnreachableError: it has none.
    """
    try:
        future = _resolvers.submit(socket.getaddrinfo, host, port, 0, socket.SOCK_STREAM)
        found = future.result(timeout=RESOLVE_SECONDS)
        addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    except (OSError, UnicodeError, ValueError, concurrent.futures.TimeoutError) as error:
        raise UnreachableError("The name of the shop cannot be found. Check the address.") from error
    if not addresses:
        raise UnreachableError("The name of the shop cannot be found. Check the address.")
    return addresses


def is_public(address: Address) -> bool:
    """Whether an address is one of the open internet, also behind the disguises IPv6 offers for an IPv4 address."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.teredo is not None or address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)
