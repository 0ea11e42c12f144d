"""Settings: read once from the environment, typed, and a bad value stops the start."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar
from urllib.parse import urlsplit

from flask import current_app

Environment = Literal["production", "demo", "test"]
Value = TypeVar("Value")

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost", ""})


class SettingsError(ValueError):
    """A setting is missing or unusable; the message names it and says what it takes."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the portal is told from outside.

    ``database_url`` signs in as ``portal_app``, ``owner_database_url`` as ``portal_owner`` (migrations only; not
    set on web hosts), ``upkeep_database_url`` as ``portal_upkeep``. Secrets never appear in ``repr``.
    ``verify_stock_minutes`` 0 leaves verifying the stock to people.
    ``private_hosts`` are the "host:port" a channel may call although they are private; never in production.
    """

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    keyring_database_url: str = field(repr=False)
    secret_key: str = field(repr=False)
    master_key: bytes = field(repr=False)
    storage_url: str
    ledger_url: str
    owner_database_url: str | None = field(default=None, repr=False)
    upkeep_database_url: str | None = field(default=None, repr=False)
    smtp_url: str = field(default="mailbox:", repr=False)
    mail_from: str = "portal@example.com"
    public_url: str = "http://127.0.0.1:8000"
    environment: Environment = "production"
    htmx_cdn: bool = True
    rq_prefix: str = "portal"
    trusted_proxies: int = 0
    pool_size: int = 10
    private_hosts: frozenset[str] = frozenset()
    verify_stock_minutes: int = 60

    @property
    def is_https(self) -> bool:
        """Whether browsers reach the portal over TLS; decides cookie prefixes and HSTS."""
        return self.public_url.startswith("https://")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Read the settings of *environ*.

        Raises:
            SettingsError: a required name is absent or a value is not of its kind.
        """
        read = _Reader(environ)
        settings = cls(
            database_url=read.required("DATABASE_URL", _database_url),
            owner_database_url=read.optional("OWNER_DATABASE_URL", _database_url, None),
            upkeep_database_url=read.optional("UPKEEP_DATABASE_URL", _database_url, None),
            keyring_database_url=read.required("KEYRING_DATABASE_URL", _database_url),
            redis_url=read.required("REDIS_URL", _redis_url),
            secret_key=read.required("SECRET_KEY", _secret),
            master_key=read.required("MASTER_KEY", _master_key),
            storage_url=read.required("STORAGE_URL", _object_store_url),
            ledger_url=read.required("LEDGER_URL", _object_store_url),
            smtp_url=read.optional("SMTP_URL", _smtp_url, "mailbox:"),
            mail_from=read.optional("MAIL_FROM", _address, "portal@example.com"),
            public_url=read.optional("PUBLIC_URL", _public_url, "http://127.0.0.1:8000"),
            environment=read.optional("PORTAL_ENVIRONMENT", _environment, "production"),
            htmx_cdn=read.optional("HTMX_CDN", _switch, True),
            rq_prefix=read.optional("RQ_PREFIX", str, "portal"),
            trusted_proxies=read.optional("TRUSTED_PROXIES", _count, 0),
            pool_size=read.optional("POOL_SIZE", _count, 10),
            private_hosts=read.optional("PRIVATE_HOSTS", _hosts, frozenset()),
            verify_stock_minutes=read.optional("VERIFY_STOCK_MINUTES", _minutes, 60),
        )
        if settings.private_hosts and settings.environment == "production":
            raise SettingsError(
                "PRIVATE_HOSTS lets channels call private addresses; it is for demo and test only."
            )
        if settings.ledger_url.rstrip("/") == settings.storage_url.rstrip("/"):
            raise SettingsError(
                "LEDGER_URL must not be the place STORAGE_URL names: the ledger outlives a restore."
            )
        if settings.environment == "production" and settings.smtp_url == "mailbox:":
            raise SettingsError(
                "SMTP_URL=mailbox: keeps mail on this machine; production needs smtp:// or smtps://."
            )
        return settings


def settings() -> Settings:
    """The settings of the running application."""
    found = current_app.config["SETTINGS"]
    assert isinstance(found, Settings)
    return found


class _Reader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def required(self, name: str, parse: Callable[[str], Value]) -> Value:
        if not self._environ.get(name):
            raise SettingsError(f"{name} is not set. See docs/operator/settings.md for what it takes.")
        return self._parsed(name, parse)

    def optional(self, name: str, parse: Callable[[str], Value], default: Value) -> Value:
        return self._parsed(name, parse) if self._environ.get(name) else default

    def _parsed(self, name: str, parse: Callable[[str], Value]) -> Value:
        try:
            return parse(self._environ[name])
        except ValueError as error:
            raise SettingsError(f"{name}: {error}") from error


def _database_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"postgresql", "postgresql+psycopg"}:
        raise ValueError("must begin with postgresql://")
    if not parts.path.strip("/"):
        raise ValueError("must name a database after the host, as in postgresql://user@host/portal")
    on_this_machine = (
        (parts.hostname or "") in LOOPBACK or "host=/" in parts.query or "host=%2F" in parts.query
    )
    if not on_this_machine and not any(
        f"sslmode={mode}" in parts.query for mode in ("require", "verify-ca", "verify-full")
    ):
        raise ValueError("leaves this machine, so it must carry sslmode=verify-full (or verify-ca, require)")
    return text.replace("postgresql://", "postgresql+psycopg://", 1)


def _redis_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"redis", "rediss", "unix"}:
        raise ValueError("must begin with redis://, rediss:// or unix://")
    if parts.scheme == "redis" and (parts.hostname or "") not in LOOPBACK:
        raise ValueError("leaves this machine, so it must begin with rediss://")
    return text


def _secret(text: str) -> str:
    if len(text) < 32:
        raise ValueError("must be at least 32 characters long")
    return text


def _master_key(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("must be base64") from error
    if len(key) != 32:
        raise ValueError(f"must be 32 bytes in base64, this is {len(key)}")
    return key


def _object_store_url(text: str) -> str:
    if urlsplit(text).scheme not in {"file", "s3"}:
        raise ValueError("must begin with file:/// or s3://")
    return text


def _smtp_url(text: str) -> str:
    if text != "mailbox:" and urlsplit(text).scheme not in {"smtp", "smtps"}:
        raise ValueError("must begin with smtp:// or smtps://, or be mailbox:")
    return text


def _address(text: str) -> str:
    if "@" not in text or any(c in text for c in "\r\n"):
        raise ValueError("must be an e-mail address")
    return text


def _public_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be a full address such as https://portal.example.com")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise ValueError("must be https:// for a host that is not this machine")
    return text.rstrip("/")


def _environment(text: str) -> Environment:
    match text:
        case "production" | "demo" | "test":
            return text
    raise ValueError("must be production, demo or test")


def _switch(text: str) -> bool:
    match text.lower():
        case "on" | "true" | "1" | "yes":
            return True
        case "off" | "false" | "0" | "no":
            return False
    raise ValueError("must be on or off")


def _hosts(text: str) -> frozenset[str]:
    hosts = frozenset(part.strip().lower() for part in text.split(",") if part.strip())
    if any(":" not in host for host in hosts):
        raise ValueError("must be a list of host:port entries with commas between them")
    return hosts


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError("must not be negative")
    return number


def _minutes(text: str) -> int:
    number = _count(text)
    if number and not 5 <= number <= 7 * 24 * 60:
        raise ValueError("must be 0 (never by itself), or from 5 minutes to a week (10080)")
    return number
