"""Passwords and one-time tokens: how they are kept, and that guessing learns nothing from the time an answer takes."""

from __future__ import annotations

import functools
import hashlib
import secrets
import time
from typing import Final, Self

import argon2
from flask import current_app

from portal.config import settings

SHORTEST: Final = 12
LONGEST: Final = 256
ANSWER_SECONDS: Final = 0.35
TEST_ANSWER_SECONDS: Final = 0.04


def hash_password(password: str) -> str:
    """The argon2id hash to keep."""
    return _hasher(settings().environment == "test").hash(password)


def is_password(password: str, kept: str | None) -> bool:
    """Whether *password* is the one behind *kept*. Takes as long when there is none."""
    hasher = _hasher(settings().environment == "test")
    try:
        return (
            hasher.verify(kept or _nobodys_hash(settings().environment == "test"), password)
            and kept is not None
        )
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False


def wants_rehash(kept: str) -> bool:
    """Whether *kept* was made at a lower cost than today's."""
    return _hasher(settings().environment == "test").check_needs_rehash(kept)


def weakness(password: str, *, email: str = "", name: str = "") -> str | None:
    """Why this password is too easy to guess, or None. Length counts; rules about digits and signs do not."""
    if len(password) < SHORTEST:
        return f"Use at least {SHORTEST} characters. A few words in a row are easy to remember and hard to guess."
    if len(password) > LONGEST:
        return f"Use at most {LONGEST} characters."
    folded = password.casefold()
    own_words = [part for part in (email.partition("@")[0], *name.split()) if len(part) >= 4]
    rest = functools.reduce(lambda text, word: text.replace(word.casefold(), ""), own_words, folded)
    if len(set(folded)) < 5 or len(rest) < SHORTEST // 2:
        return "This is easy to guess: it repeats itself or is mostly your own name."
    if any(common in folded for common in COMMON) and len(password) < SHORTEST + 4:
        return "This begins like the passwords that are tried first. Choose other words."
    return None


COMMON: Final = (
    "password",
    "123456",
    "qwerty",
    "letmein",
    "welcome",
    "iloveyou",
    "abcdef",
    "passwort",
    "admin123",
)


def new_token() -> str:
    """A random token for a link or a cookie: 256 bits."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """What is kept of a token. It is random, so a plain hash cannot be guessed backwards."""
    return hashlib.sha256(token.encode()).digest()


class EvenAnswer:
    """Leaves no sooner than a fixed time after it was entered, so that known and unknown accounts answer alike."""

    def __enter__(self) -> Self:
        quick = current_app.config["SETTINGS"].environment == "test"
        self._until = time.monotonic() + (TEST_ANSWER_SECONDS if quick else ANSWER_SECONDS)
        return self

    def __exit__(self, *failure: object) -> None:
        time.sleep(max(0.0, self._until - time.monotonic()))


@functools.cache
def _hasher(is_test: bool) -> argon2.PasswordHasher:
    if is_test:
        return argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    # OWASP's figures; the library's own cost took 0.4 s of a small server.
    return argon2.PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


@functools.cache
def _nobodys_hash(is_test: bool) -> str:
    return _hasher(is_test).hash(secrets.token_urlsafe(16))
