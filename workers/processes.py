"""One worker process and one scheduler process, and how each of them stops.

A worker listens on one queue only: with two, RQ pops a bell in a way that loses it when the worker dies. On SIGTERM it
takes no new bell and tells the running job to stop at its next step; the job goes back to the queue with its
checkpoint. A job that does not hear it in time is killed, and its lease sees to the rest.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from types import FrameType
from typing import Final

import structlog
from redis import Redis
from rq import Worker
from rq.serializers import JSONSerializer
from rq.worker import WorkerStatus

from portal.config import Settings
from portal.core.database import db
from portal.core.jobs import doorbell, stop_requested
from portal.core.scheduler import run_due
from workers.bells import worker_app
from workers.schedule import TIMETABLE

log = structlog.get_logger(__name__)

STOP_SECONDS: Final = 25.0
TICK_SECONDS: Final = 1.0
STOP_SIGNAL: Final = signal.SIGUSR1


class PortalWorker(Worker):
    """RQ's worker with an orderly stop of the running job."""

    def setup_work_horse_signals(self) -> None:
        """The child that runs the job: the parent's stop signal ends it at its next step."""
        super().setup_work_horse_signals()  # type: ignore[no-untyped-call]
        signal.signal(STOP_SIGNAL, lambda number, frame: stop_requested.set())

    def handle_warm_shutdown_request(self) -> None:
        """Tell the running job to stop, and kill it if it does not."""
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]
        if self.get_state() != WorkerStatus.BUSY or not self.horse_pid:
            return
        horse = self.horse_pid
        try:
            os.kill(horse, STOP_SIGNAL)
        except ProcessLookupError:
            return
        timer = threading.Timer(STOP_SECONDS, self._kill_if_still, args=(horse,))
        timer.daemon = True
        timer.start()

    def _kill_if_still(self, horse: int) -> None:
        if self.horse_pid == horse:
            log.warning("the running job did not stop in time", pid=horse)
            self.kill_horse(signal.SIGKILL)


def run_worker(queue: str, *, burst: bool = False) -> None:
    """Listen on one queue until told to stop; with *burst*, until it is empty."""
    app = worker_app()
    settings: Settings = app.config["SETTINGS"]
    with app.app_context():
        name = doorbell().queue_name(queue)
    # A connection of its own: waiting for a bell must not time out after a second.
    connection = Redis.from_url(settings.redis_url, socket_connect_timeout=5, socket_keepalive=True)
    worker = PortalWorker(
        [name],
        connection=connection,
        serializer=JSONSerializer,
        worker_ttl=60,
        maintenance_interval=30,
        job_monitoring_interval=5,
        log_job_description=False,
    )
    worker.work(burst=burst, logging_level=logging.getLevelName(logging.WARNING))


def run_scheduler() -> None:
    """Run what is due, every second, until told to stop."""
    stop = threading.Event()

    def stop_soon(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, stop_soon)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    app = worker_app()
    while not stop.is_set():
        began = time.monotonic()
        try:
            with app.app_context():
                run_due(TIMETABLE)
                db.session.remove()
        except Exception:
            # The database is away: the timetable goes on when it is back.
            log.exception("the scheduler could not run")
        stop.wait(max(0.1, TICK_SECONDS - (time.monotonic() - began)))
