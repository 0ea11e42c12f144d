"""Handing a letter to an SMTP server.

A merchant types the server's name, so the address it resolves to is checked and then used: no second look-up can turn
the connection into the internal network.
"""

from __future__ import annotations

import ipaddress
import smtplib
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import formatdate
from typing import Any, Final, Literal
from urllib.parse import parse_qs, unquote, urlsplit

from portal.core.errors import DomainError
from portal.core.mail.rendering import Letter, one_line

SECONDS: Final = 10.0
MAIL_PORTS: Final = frozenset({25, 465, 587, 2525})


@dataclass(frozen=True, slots=True)
class Server:
    """How to reach an SMTP server, and who the mail is from."""

    host: str
    port: int
    security: Literal["tls", "starttls", "none"]
    sender: str
    username: str = ""
    password: str = field(default="", repr=False)
    sender_name: str = ""
    is_public_only: bool = True


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a letter."""

    filename: str
    media_type: str
    data: bytes = field(repr=False)


class MailError(DomainError):
    """The letter was not taken; ``is_temporary`` says whether trying again may help. The text names no address."""

    def __init__(self, message: str, *, is_temporary: bool) -> None:
        super().__init__(message)
        self.is_temporary = is_temporary


def server_of_url(url: str, sender: str) -> Server:
    """The server of ``smtp://user:password@host:port?tls=1`` or ``smtps://…``; the operator's, so any address is fine."""
    parts = urlsplit(url)
    has_starttls = parse_qs(parts.query).get("tls", ["0"])[0] in {"1", "on", "true"}
    security: Literal["tls", "starttls", "none"] = (
        "tls" if parts.scheme == "smtps" else "starttls" if has_starttls else "none"
    )
    return Server(
        host=parts.hostname or "",
        port=parts.port or (465 if security == "tls" else 25),
        security=security,
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        sender=sender,
        is_public_only=False,
    )


def deliver(server: Server, letter: Letter, message_id: str, attachments: Sequence[Attachment] = ()) -> None:
    """Send one letter with what goes with it.

    Raises:
        MailError: the server was not reached or refused.
    """
    message = compose(server, letter, message_id, attachments)
    try:
        with _signed_in(server) as connection:
            connection.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        code = next(iter(error.recipients.values()))[0] if error.recipients else 550
        raise _refused(code, "The mail server refused the recipient") from error
    except smtplib.SMTPResponseException as error:
        raise _refused(error.smtp_code, "The mail server refused the message") from error
    except (smtplib.SMTPException, OSError) as error:
        raise _unreachable(error) from error


def try_out(server: Server) -> None:
    """Connect and sign in without sending anything.

    Raises:
        MailError: it did not work; the text says at which step.
    """
    try:
        with _signed_in(server) as connection:
            connection.noop()
    except smtplib.SMTPAuthenticationError as error:
        raise MailError(
            "The mail server was reached and refused the user name or password.", is_temporary=False
        ) from error
    except smtplib.SMTPResponseException as error:
        raise _refused(error.smtp_code, "The mail server refused the connection") from error
    except (smtplib.SMTPException, OSError) as error:
        raise _unreachable(error) from error


def compose(
    server: Server, letter: Letter, message_id: str, attachments: Sequence[Attachment] = ()
) -> EmailMessage:
    """The letter as MIME. Header values are one line each, and the policy refuses anything else."""
    message = EmailMessage(policy=SMTP_POLICY)
    message["From"] = Address(one_line(server.sender_name), addr_spec=one_line(server.sender))
    try:
        message["To"] = Address(addr_spec=letter.to)
    except (ValueError, IndexError) as error:
        raise MailError("This is not an address mail can be sent to.", is_temporary=False) from error
    message["Subject"] = one_line(letter.subject)
    message["Date"] = formatdate(localtime=False)
    message["Message-ID"] = message_id
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    if letter.html:
        message.add_alternative(letter.html, subtype="html")
    for each in attachments:
        main, _, sub = each.media_type.partition("/")
        message.add_attachment(each.data, maintype=main, subtype=sub, filename=one_line(each.filename))
    return message


def _signed_in(server: Server) -> smtplib.SMTP:
    address = _checked_address(server)
    context = ssl.create_default_context()
    connection: smtplib.SMTP
    if server.security == "tls":
        connection = _PinnedTLS(address, server, context)
    else:
        connection = _Pinned(address, server)
    try:
        if server.security == "starttls":
            connection.starttls(context=context)
        if server.username:
            connection.login(server.username, server.password)
    except BaseException:
        connection.close()
        raise
    return connection


def _checked_address(server: Server) -> str:
    if server.is_public_only and server.port not in MAIL_PORTS:
        raise MailError(
            f"Mail servers listen on port {', '.join(map(str, sorted(MAIL_PORTS)))}.", is_temporary=False
        )
    try:
        found = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise MailError("The name of the mail server was not found.", is_temporary=True) from error
    address = str(found[0][4][0])
    if server.is_public_only and not all(_is_public(str(each[4][0])) for each in found):
        raise MailError(
            "This name leads into a private network. Give the public name of the mail server.",
            is_temporary=False,
        )
    return address


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = ip.ipv4_mapped or ip.sixtofour if isinstance(ip, ipaddress.IPv6Address) else None
    return ip.is_global and not ip.is_multicast and (mapped is None or mapped.is_global)


def _refused(code: int, what: str) -> MailError:
    return MailError(f"{what} (code {code}).", is_temporary=400 <= code < 500)


def _unreachable(error: Exception) -> MailError:
    if isinstance(error, ssl.SSLError):
        return MailError(
            "The mail server was reached, but its certificate or encryption is not in order.",
            is_temporary=True,
        )
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return MailError(
            "The mail server does not offer what the settings ask for (encryption or sign-in).",
            is_temporary=False,
        )
    return MailError("The mail server could not be reached.", is_temporary=True)


class _Pinned(smtplib.SMTP):
    def __init__(self, address: str, server: Server) -> None:
        self._address = address
        super().__init__(server.host, server.port, timeout=SECONDS)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return socket.create_connection((self._address, port), timeout)


class _PinnedTLS(smtplib.SMTP_SSL):
    def __init__(self, address: str, server: Server, context: ssl.SSLContext) -> None:
        self._address = address
        super().__init__(server.host, server.port, timeout=SECONDS, context=context)

    def _get_socket(self, host: str, port: int, timeout: float) -> Any:
        plain = socket.create_connection((self._address, port), timeout)
        return self.context.wrap_socket(plain, server_hostname=host)
