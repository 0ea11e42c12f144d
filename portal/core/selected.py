"""The rows a job works on: chosen one by one, or all that matched a list; frozen before the first of them is touched."""

from __future__ import annotations

import datetime as dt
import secrets
from array import array
from collections.abc import Sequence
from typing import Any, Final

from portal.core import storage
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.jobs import JobRun
from portal.core.listing import Listing, Selection, frozen_keys

KEPT_FOR: Final = dt.timedelta(days=7)
FROZEN: Final = "frozen"


def arguments_of(selection: Selection, *, by: Actor) -> dict[str, Any]:
    """What a job is given of a selection. A list may be filtered by somebody's e-mail, so its state travels as a file."""
    if selection.state is None:
        return {"keys": list(selection.keys)}
    key = f"selections/{secrets.token_urlsafe(18).replace('-', '_')}"
    storage.put(key, selection.state.encode(), expires_at=utc_now() + KEPT_FOR, by=by.id)
    return {"selection": key}


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
    for key in _chosen(run, listing):
        keys.append(key)
    name = f"selections/job-{run.id}"
    storage.put(name, keys.tobytes(), expires_at=utc_now() + KEPT_FOR)
    run.checkpoint({**run.state, FROZEN: name})
    run.progress(run.done, len(keys))
    run.commit()
    return keys


def let_go(run: JobRun) -> None:
    """The job is through, its files are not needed any more; the caller commits."""
    for name in (run.state.get(FROZEN), run.args.get("selection")):
        if name:
            storage.delete(name)


def _chosen(run: JobRun, listing: Listing) -> Sequence[int]:
    failed = run.failed_keys()
    if failed is not None:
        return [int(key) for key in failed]
    if run.args.get("selection"):
        state = storage.read_bytes(run.args["selection"]).decode()
        return [key for batch in frozen_keys(listing, state) for key in batch]
    return list(run.args["keys"])
