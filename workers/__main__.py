"""``python -m workers``: the worker processes and the scheduler of one machine.

``--burst`` does what waits and ends, for tests and for catching up by hand.
"""

from __future__ import annotations

import argparse
import multiprocessing
import signal
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Final

import sqlalchemy as sa
from redis import Redis, RedisError

from portal.accounts.models import Merchant
from portal.core.database import db, merchant_scope
from portal.core.jobs import run_due_jobs
from portal.core.outbox import run_consumers
from workers.bells import worker_app
from workers.processes import run_scheduler, run_worker
from workers.schedule import TIMETABLE

STOP_SECONDS: Final = 30.0
RESTART_SECONDS: Final = 1.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Start everything, start again what dies, stop it all on SIGTERM or Ctrl-C."""
    told = _arguments(arguments)
    app = worker_app()
    if told.burst:
        return _burst()
    refusal = _redis_refusal(app.config["SETTINGS"].redis_url)
    if refusal:
        print(refusal, file=sys.stderr)
        return 1
    _supervise(
        [lambda: run_worker("quick")] * told.quick
        + [lambda: run_worker("long")] * told.long
        + ([] if told.no_scheduler else [run_scheduler])
    )
    return 0


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m workers", description=__doc__)
    parser.add_argument(
        "--quick", type=int, default=1, help="processes for short work: events, mail (default 1)"
    )
    parser.add_argument(
        "--long", type=int, default=1, help="processes for long work: imports, exports (default 1)"
    )
    parser.add_argument("--no-scheduler", action="store_true", help="leave the timetable to another machine")
    parser.add_argument("--burst", action="store_true", help="do what is due, then end")
    return parser.parse_args(arguments)


def _redis_refusal(url: str) -> str | None:
    """Why this Redis will not do, if it will not. One that evicts keys drops bells without a word."""
    try:
        policy = Redis.from_url(url, socket_connect_timeout=5).config_get("maxmemory-policy")
    except RedisError:
        # Not there yet, or a service that hides its settings: bells are rung again, so the workers may start.
        return None
    found = policy.get("maxmemory-policy") if isinstance(policy, dict) else None
    if found in (None, "noeviction"):
        return None
    return f"Redis evicts keys (maxmemory-policy {found}). Set maxmemory-policy noeviction and start again."


def _supervise(work: Sequence[Callable[[], None]]) -> None:
    context = multiprocessing.get_context("fork")
    stopping = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    running: dict[BaseProcess, Callable[[], None]] = {}
    # The children set handlers of their own, and inherit the default ones until then.
    for each in work:
        running |= _started(context, each)
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    while not stopping:
        time.sleep(0.2)
        for process in [process for process in running if not process.is_alive()]:
            time.sleep(RESTART_SECONDS)
            # A child must not inherit this process' idea of stopping.
            running |= _started(context, running.pop(process))
    _stop(list(running))


def _started(
    context: multiprocessing.context.ForkContext, work: Callable[[], None]
) -> dict[BaseProcess, Callable[[], None]]:
    process = context.Process(target=_child, args=(work,))
    process.start()
    return {process: work}


def _child(work: Callable[[], None]) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    work()


def _stop(processes: list[BaseProcess]) -> None:
    until = time.monotonic() + STOP_SECONDS
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(max(0.0, until - time.monotonic()))
        if process.is_alive():
            process.kill()
            process.join()


def _burst() -> int:
    """Timetable once, then jobs and events until nothing is left."""
    with worker_app().app_context():
        for entry in TIMETABLE:
            entry.run()
            db.session.rollback()
        merchants = list(db.session.scalars(sa.select(Merchant.id)))
        db.session.rollback()
        while True:
            done = run_due_jobs()
            for merchant_id in merchants:
                with merchant_scope(merchant_id):
                    done += sum(run_consumers().handled.values())
            if not done:
                return 0


if __name__ == "__main__":
    raise SystemExit(main())
