"""The rows a job works on: chosen one by one, or all that matched a list; set aside before anybody is asked, frozen for the job."""

from __future__ import annotations

import datetime as dt
import json
import re
import secrets
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from portal.core import storage
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.core.formats import capped
from portal.core.jobs import JobRun
from portal.core.listing import CAP, Listing, Selection, among, first_keys, frozen_keys, sentence_of

KEPT_FOR: Final = dt.timedelta(days=7)
FROZEN: Final = "frozen"
WORD: Final = re.compile(r"[A-Za-z0-9_]{24}")


@dataclass(frozen=True, slots=True)
class Chosen:
    """Rows set aside, so that a job works on the very rows that a person was shown.

    Args:
        word: names them in a form and among the arguments of a job.
        keys: of the rows; none when more match than are counted.
        state: of the list that all of them match; None when they were chosen one by one.
    """

    listing: Listing
    word: str
    keys: tuple[int, ...] | None
    state: str | None

    @property
    def total(self) -> int | None:
        return None if self.keys is None else len(self.keys)

    @property
    def words(self) -> str:
        """As a button says it: "1 order", "127 orders", "more than 10,000 orders"."""
        if self.keys is None:
            return f"more than {capped(CAP)} {self.listing.noun[1]}"
        return f"{capped(len(self.keys))} {self.listing.noun[len(self.keys) != 1]}"

    @property
    def sentence(self) -> str | None:
        """What they had to match, in words; empty for the whole list."""
        return None if self.state is None else sentence_of(self.listing, self.state)


def set_aside(listing: Listing, selection: Selection, *, by: Actor) -> Chosen:
    """Count what was chosen and keep it, for this person, for a week. Flushes; the caller commits.

    The rows stand in a file: a list may be filtered by somebody's e-mail, and a job's arguments hold no thousands of keys.
    More rows than are counted are not kept one by one; the job finds them when it begins.

    Raises:
        DomainError: nothing matches any more, or looking would take too long.
    """
    keys: tuple[int, ...] | None = selection.keys
    if selection.state is not None:
        found = first_keys(listing, selection.state, CAP + 1)
        keys = None if len(found) > CAP else tuple(found)
    if keys == ():
        raise DomainError(f"No {listing.noun[0]} matches the list any more. Open it again.")
    word = secrets.token_urlsafe(18).replace("-", "_")
    kept = json.dumps({"keys": keys, "state": selection.state}).encode()
    storage.put(_file(word), kept, expires_at=utc_now() + KEPT_FOR, by=by.id)
    return Chosen(listing, word, keys, selection.state)


def chosen_by(listing: Listing, word: str, *, by: Actor) -> Chosen:
    """What this person set aside.

    Raises:
        DomainError: there is no such thing: it was somebody else's, its job has ended, or a week has passed.
    """
    own = sa.select(storage.StoredFile.id).where(
        storage.StoredFile.key == _file(word), storage.StoredFile.created_by == by.id
    )
    if not WORD.fullmatch(word) or db.session.scalars(own).one_or_none() is None:
        raise DomainError("This was done already, or lay for a week. Open the list and choose again.")
    return _read(listing, word)


def arguments_of(chosen: Chosen) -> dict[str, Any]:
    """What a job is given of it."""
    return {"chosen": chosen.word}


def frozen(run: JobRun, listing: Listing) -> Sequence[int]:
    """The keys, the same ones however often the job is interrupted; rows that begin to match later are not touched.

    They stand in a file: in the checkpoint all of them would be written anew with every batch.

    Raises:
        DomainError: the list cannot be read any more.
        NotFoundError: the job lay for a week.
    """
    keys = array("q")
    name = run.state.get(FROZEN)
    if name:
        keys.frombytes(storage.read_bytes(name))
        return keys
    for key in _keys(run, listing):
        keys.append(key)
    name = f"selections/job-{run.id}"
    storage.put(name, keys.tobytes(), expires_at=utc_now() + KEPT_FOR)
    run.checkpoint({**run.state, FROZEN: name})
    run.progress(run.done, len(keys))
    run.commit()
    return keys


def let_go(run: JobRun) -> None:
    """The job is through, its files are not needed any more; the caller commits."""
    for name in (run.state.get(FROZEN), _file(str(run.args["chosen"]))):
        if name:
            storage.delete(name)


def _keys(run: JobRun, listing: Listing) -> Sequence[int]:
    failed = run.failed_keys()
    if failed is not None:
        return [int(key) for key in failed]
    chosen = _read(listing, str(run.args["chosen"]))
    if chosen.keys is not None:
        return chosen.keys
    return [key for batch in frozen_keys(listing, chosen.state or "") for key in batch]


def _read(listing: Listing, word: str) -> Chosen:
    kept = json.loads(storage.read_bytes(_file(word)))
    return Chosen(listing, word, None if kept["keys"] is None else tuple(kept["keys"]), kept["state"])


def _file(word: str) -> str:
    return f"selections/{word}"


def states_of(
    table: sa.Table, words: Sequence[tuple[str, str]], keys: Sequence[int] | None
) -> list[tuple[str, int]]:
    """How many of some rows are in each state, in *words*; nothing when they are too many to count."""
    if not keys:
        return []
    rows = db.session.execute(
        sa.select(table.c.state, sa.func.count())
        .where(table.c.merchant_id == current_merchant_id(), among(table.c.id, keys))
        .group_by(table.c.state)
    )
    counted: dict[str, int] = dict(rows.all())
    return [(label, counted[state]) for state, label in words if state in counted]
