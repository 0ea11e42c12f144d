"""When bells are rung: after the commit, and in a web server by a thread beside the requests.

A request that has committed is done; it need not wait for Redis, least of all for one that hangs. Requests that commit at
the same time ring once. What a process had no time to ring when it ended, the sweeper finds within seconds.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from contextlib import suppress
from typing import Final, TypeAlias

import sqlalchemy as sa
import structlog
from flask import Flask, current_app, has_app_context
from sqlalchemy.orm import Session, SessionTransaction

from portal.core.jobs.doorbell import Doorbell, doorbell

log = structlog.get_logger(__name__)

# What to ring for, by (queue, merchant, job), and whether it comes first; events have neither queue nor job.
Bells: TypeAlias = dict[tuple[str, int, int], bool]

LINGER_SECONDS: Final = 0.05

_BELLS: Final = "portal_bells"
_RINGER: Final = "portal_ringer"


class Ringer:
    """A thread that rings for whoever asks, in their order, each bell once for all that ask meanwhile."""

    def __init__(self, bell: Doorbell) -> None:
        self._bell = bell
        self._asked: queue.SimpleQueue[Bells] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._process: int | None = None

    def ring(self, bells: Bells) -> None:
        """Have them rung soon."""
        self._asked.put(bells)
        if self._process != os.getpid():
            self._start()

    def _start(self) -> None:
        with self._lock:
            if self._process != os.getpid():
                self._process = os.getpid()
                threading.Thread(target=self._run, name="ringer", daemon=True).start()

    def _run(self) -> None:
        while True:
            bells = dict(self._asked.get())
            # Each time this thread wakes, a request pays for it; so it wakes seldom.
            time.sleep(LINGER_SECONDS)
            with suppress(queue.Empty):
                while True:
                    bells |= self._asked.get_nowait()
            try:
                _ring_all(self._bell, bells)
            except Exception:
                # Nobody would start the thread again; the sweeper rings for what is left.
                log.exception("the ringer failed")


def ring_beside_requests(app: Flask) -> None:
    """Let a thread ring for what the app's requests commit."""
    with app.app_context():
        app.extensions[_RINGER] = Ringer(doorbell())


def ring(bells: Bells) -> None:
    """Ring for what is committed already."""
    ringer: Ringer | None = current_app.extensions.get(_RINGER)
    if ringer is None:
        _ring_all(doorbell(), bells)
    else:
        ringer.ring(bells)


def ring_after_commit(
    session: Session, queue: str, merchant_id: int, job_id: int, *, first: bool = False
) -> None:
    """Ring for a job once the session's transaction is committed; never if it is rolled back."""
    _bells(session)[(queue, merchant_id, job_id)] = first


def ring_for_events(session: Session, merchant_id: int) -> None:
    """Ring for the merchant's events once the session's transaction is committed."""
    _bells(session).update(events_of(merchant_id))


def events_of(merchant_id: int) -> Bells:
    """The bell for a merchant's events."""
    return {("", merchant_id, 0): False}


def _ring_all(bell: Doorbell, bells: Bells) -> None:
    for (of_queue, merchant_id, job_id), first in bells.items():
        if of_queue:
            bell.ring(of_queue, merchant_id, job_id, first=first)
        else:
            bell.ring_for_events(merchant_id)


def _bells(session: Session) -> Bells:
    # A dict keeps the order and drops repetitions.
    bells: Bells = session.info.setdefault(_BELLS, {})
    return bells


@sa.event.listens_for(Session, "after_commit")
def _ring_bells(session: Session) -> None:
    # A released savepoint is no commit yet.
    if session.in_nested_transaction() or not session.info.get(_BELLS):
        return
    bells: Bells = session.info.pop(_BELLS)
    if has_app_context():
        ring(bells)


@sa.event.listens_for(Session, "after_soft_rollback")
def _forget_bells(session: Session, previous: SessionTransaction) -> None:
    if previous.parent is None:
        session.info.pop(_BELLS, None)
