"""The key database: one wrapped key per person per merchant, held for seconds in memory and no longer.

It is the one database besides the portal's own. It must be reachable to read or write personal payloads, and its
absence must be quick to notice: everything here gives up within seconds.
"""

from __future__ import annotations

import atexit
import datetime as dt
import os
import threading
import time
from collections.abc import Iterable
from typing import Any, Final
from weakref import WeakMethod

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from portal.core.ciphers import MasterKey, new_key
from portal.core.errors import DomainError

CACHE_SECONDS: Final = 5.0
CACHE_SIZE: Final = 1_000
CONNECT_SECONDS: Final = 2
STATEMENT_MILLISECONDS: Final = 3_000


class KeyringUnavailableError(DomainError):
    """The key database does not answer, so nothing personal can be sealed or opened."""

    status = 503

    def __init__(self) -> None:
        super().__init__(
            "The key store cannot be reached, so personal data can be neither saved nor shown. Try again in a minute."
        )


class KeyDestroyedError(DomainError):
    """The person was erased, or the time the law sets has run out: what the key sealed is gone."""

    status = 410

    def __init__(self) -> None:
        super().__init__("This person's data was erased and cannot be read or added to.")


class KeyStore:
    """Fetches, makes and destroys keys.

    A key stays in memory for at most five seconds, so a destroyed one is dead everywhere within that time; the process
    that destroys it forgets it at once.
    """

    def __init__(self, url: str, master: MasterKey) -> None:
        self._master = master
        self._engine = sa.create_engine(
            url,
            pool_size=2,
            max_overflow=8,
            pool_timeout=CONNECT_SECONDS,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={
                "prepare_threshold": None,
                "connect_timeout": CONNECT_SECONDS,
                "application_name": "portal keyring",
                "options": f"-c statement_timeout={STATEMENT_MILLISECONDS}",
            },
        )
        self._cache: dict[tuple[object, ...], tuple[bytes, float]] = {}
        self._lock = threading.Lock()
        atexit.register(self._engine.dispose)
        # A forked worker must not talk over its parent's connections.
        forget = WeakMethod(self._after_fork)
        os.register_at_fork(after_in_child=lambda: (method := forget()) and method())

    def person_key(self, merchant_id: int, subject_id: int) -> bytes:
        """The person's key, made on first use.

        Raises:
            KeyDestroyedError: the person was erased.
            KeyringUnavailableError: the key database does not answer.
        """
        place = ("person", merchant_id, subject_id)
        return self._cached(place) or self._fetch(place, "person_key", _where(merchant_id, subject_id))

    def retention_key(self, merchant_id: int, subject_id: int, basis: str, until: dt.date) -> bytes:
        """The key for what the law keeps of a person under *basis* until *until*, made on first use."""
        place = ("retention", merchant_id, subject_id, basis, until)
        where = _where(merchant_id, subject_id) | {"basis": basis, "until": until}
        return self._cached(place) or self._fetch(place, "retention_key", where)

    def load_person_keys(self, merchant_id: int, subject_ids: Iterable[int]) -> None:
        """Fetch the keys of many people in one query; those that are gone stay so."""
        wanted = [each for each in set(subject_ids) if self._cached(("person", merchant_id, each)) is None]
        if not wanted:
            return
        query = sa.text(
            "SELECT subject_id, wrapped_key FROM person_key"
            " WHERE merchant_id = :merchant AND subject_id = ANY(:subjects) AND wrapped_key IS NOT NULL"
        )
        for row in self._run(query, {"merchant": merchant_id, "subjects": wanted}):
            place = ("person", merchant_id, int(row.subject_id))
            self._remember(place, self._unwrap(place, bytes(row.wrapped_key)))

    def destroy_person_key(self, merchant_id: int, subject_id: int) -> bool:
        """Destroy the key for ever, whether or not it was made yet; returns whether this call did it."""
        query = sa.text(
            "INSERT INTO person_key AS k (merchant_id, subject_id, wrapped_key, destroyed_at)"
            " VALUES (:merchant_id, :subject_id, NULL, now()) ON CONFLICT (merchant_id, subject_id) DO UPDATE"
            " SET wrapped_key = NULL, destroyed_at = now() WHERE k.wrapped_key IS NOT NULL RETURNING subject_id"
        )
        destroyed = bool(self._run(query, _where(merchant_id, subject_id)))
        self._forget(("person", merchant_id, subject_id))
        return destroyed

    def destroy_retention_keys(self, today: dt.date) -> int:
        """Destroy the retention keys whose last day has passed; returns how many."""
        query = sa.text(
            "UPDATE retention_key SET wrapped_key = NULL, destroyed_at = now()"
            " WHERE until < :today AND wrapped_key IS NOT NULL RETURNING subject_id"
        )
        destroyed = len(self._run(query, {"today": today}))
        with self._lock:
            self._cache.clear()
        return destroyed

    def answers(self) -> bool:
        """Whether the key database can be reached now."""
        try:
            self._run(sa.text("SELECT 1"), {})
        except KeyringUnavailableError:
            return False
        return True

    def _fetch(self, place: tuple[object, ...], table: str, where: dict[str, object]) -> bytes:
        condition = " AND ".join(f"{column} = :{column}" for column in where)
        select = sa.text(f"SELECT wrapped_key FROM {table} WHERE {condition}")
        rows = self._run(select, where)
        if not rows:
            columns, values = ", ".join(where), ", ".join(f":{column}" for column in where)
            insert = sa.text(
                f"INSERT INTO {table} ({columns}, wrapped_key) VALUES ({values}, :wrapped) ON CONFLICT DO NOTHING"
                " RETURNING wrapped_key"
            )
            wrapped = self._master.seal("key wrapping", new_key(), _context(place))
            # Somebody else may have made or destroyed it in between; theirs stands.
            rows = self._run(insert, where | {"wrapped": wrapped}) or self._run(select, where)
        if rows[0][0] is None:
            raise KeyDestroyedError
        key = self._unwrap(place, bytes(rows[0][0]))
        self._remember(place, key)
        return key

    def _unwrap(self, place: tuple[object, ...], wrapped: bytes) -> bytes:
        return self._master.unseal("key wrapping", wrapped, _context(place))

    def _run(self, statement: sa.TextClause, values: dict[str, object]) -> list[sa.Row[Any]]:
        try:
            with self._engine.begin() as connection:
                result = connection.execute(statement, values)
                return list(result.all()) if result.returns_rows else []
        except (DBAPIError, SQLAlchemyError) as error:
            raise KeyringUnavailableError from error

    def _cached(self, place: tuple[object, ...]) -> bytes | None:
        with self._lock:
            found = self._cache.get(place)
        return found[0] if found and found[1] > time.monotonic() else None

    def _remember(self, place: tuple[object, ...], key: bytes) -> None:
        with self._lock:
            self._cache.pop(place, None)
            while len(self._cache) >= CACHE_SIZE:
                del self._cache[next(iter(self._cache))]
            self._cache[place] = (key, time.monotonic() + CACHE_SECONDS)

    def _forget(self, place: tuple[object, ...]) -> None:
        with self._lock:
            self._cache.pop(place, None)

    def _after_fork(self) -> None:
        self._lock = threading.Lock()
        self._engine.dispose(close=False)


def _where(merchant_id: int, subject_id: int) -> dict[str, object]:
    return {"merchant_id": merchant_id, "subject_id": subject_id}


def _context(place: tuple[object, ...]) -> str:
    return "|".join(str(part) for part in place)
