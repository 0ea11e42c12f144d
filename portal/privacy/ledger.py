"""The record of erasures outside the database. A restore brings a person back; the ledger takes them out again.

An entry is one object that is written once: a keyed digest of merchant and subject, the version of the map and the
time. It names nobody. `privacy_ledger_replay` says in the database which entries it has applied, so a restored
database lacks some, and the portal is not ready until they are replayed.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import obstore
import sqlalchemy as sa
from obstore.exceptions import AlreadyExistsError
from obstore.store import LocalStore, ObjectStore, from_url
from sqlalchemy.dialects.postgresql import insert

from portal.config import settings
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.privacy.keys import derived_key
from portal.privacy.models import LedgerReplay

PREFIX: Final = "erasures"


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One erased person at one merchant, by digest."""

    merchant_id: int
    digest: str
    map_version: str
    erased_at: dt.datetime

    @property
    def name(self) -> str:
        return f"{PREFIX}/{self.merchant_id}/{self.digest}.json"


class LedgerError(RuntimeError):
    """The ledger cannot be read or an entry was changed: the portal must not serve until a person has looked."""


def init_ledger() -> bool:
    """Make the folder of the ledger; answers whether it was missing. A bucket is made by its operator."""
    parts = urlsplit(settings().ledger_url)
    if parts.scheme != "file" or Path(unquote(parts.path)).is_dir():
        return False
    Path(unquote(parts.path)).mkdir(parents=True)
    return True


def subject_digest(merchant_id: int, subject_id: int) -> str:
    """The digest an entry carries; the same for the same subject, and without the key it leads to nobody."""
    said = f"{merchant_id}:{subject_id}".encode()
    return hmac.new(derived_key("erasure-ledger"), said, hashlib.sha256).hexdigest()


def write_entry(merchant_id: int, subject_id: int, *, map_version: str) -> LedgerEntry:
    """Add an erasure to the ledger; a second time finds the first entry and leaves it as it is."""
    entry = LedgerEntry(merchant_id, subject_digest(merchant_id, subject_id), map_version, utc_now())
    try:
        obstore.put(_store(), entry.name, _sealed(entry), mode="create")
    except AlreadyExistsError:
        return read_entry(entry.name)
    return entry


def read_entry(name: str) -> LedgerEntry:
    """One entry.

    Raises:
        LedgerError: it was changed or is not ours.
    """
    raw = bytes(obstore.get(_store(), name).bytes())
    try:
        said: dict[str, Any] = json.loads(raw)
        entry = LedgerEntry(
            said["merchant"], said["digest"], said["map"], dt.datetime.fromisoformat(said["at"])
        )
    except (ValueError, KeyError, TypeError) as error:
        raise LedgerError(f"The ledger entry {name} cannot be read.") from error
    if entry.name != name or not hmac.compare_digest(_sealed(entry), raw):
        raise LedgerError(f"The ledger entry {name} was changed.")
    return entry


def entry_names(merchant_id: int | None = None) -> Iterator[str]:
    """The names of all entries, or of those of one merchant."""
    prefix = PREFIX if merchant_id is None else f"{PREFIX}/{merchant_id}"
    for batch in obstore.list(_store(), prefix=prefix, chunk_size=1_000):
        for found in batch:
            yield found["path"]


def mark_applied(entry: LedgerEntry, *, rows_changed: int) -> None:
    """Note in the database, in the erasing transaction, that it has applied an entry."""
    row = {"merchant_id": current_merchant_id(), "entry": entry.name, "rows_changed": rows_changed}
    db.session.execute(insert(LedgerReplay).values(row).on_conflict_do_nothing())


def outstanding_names() -> list[str]:
    """Entries of the merchant in scope that this database has not applied."""
    merchant_id = current_merchant_id()
    applied = set(
        db.session.scalars(sa.select(LedgerReplay.entry).where(LedgerReplay.merchant_id == merchant_id))
    )
    return [name for name in entry_names(merchant_id) if name not in applied]


def merchants_in_ledger() -> list[int]:
    """The merchants the ledger has entries of.

    Raises:
        LedgerError: the ledger holds something that is no entry.
    """
    found = obstore.list_with_delimiter(_store(), prefix=PREFIX)
    try:
        return sorted(int(prefix.rsplit("/", 1)[-1]) for prefix in found["common_prefixes"])
    except ValueError as error:
        raise LedgerError("The ledger holds a folder that is no merchant.") from error


def _sealed(entry: LedgerEntry) -> bytes:
    said = {
        "merchant": entry.merchant_id,
        "digest": entry.digest,
        "map": entry.map_version,
        "at": entry.erased_at.isoformat(),
    }
    plain = json.dumps(said, sort_keys=True).encode()
    said["mac"] = hmac.new(derived_key("erasure-ledger-entry"), plain, hashlib.sha256).hexdigest()
    return json.dumps(said, sort_keys=True).encode()


def _store() -> ObjectStore:
    url = settings().ledger_url
    parts = urlsplit(url)
    if parts.scheme == "file":
        folder = Path(unquote(parts.path))
        # Never made here: a missing folder after a restore is a missing ledger, and an empty one would look complete.
        if not folder.is_dir():
            raise LedgerError(
                f"There is no erasure ledger at {url}. Make the folder once with `flask privacy init-ledger`."
            )
        return LocalStore(folder)
    return from_url(url)
