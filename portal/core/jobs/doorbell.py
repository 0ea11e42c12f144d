"""Redis is the doorbell: it tells a worker that a job waits, after the commit and with ids only.

A bell that is not heard is rung again by the sweeper, so nothing here may fail a request and nothing is kept: losing
all of Redis costs seconds.
"""

from __future__ import annotations

import secrets
import time
from typing import Final, Literal, TypeAlias

import structlog
from flask import Flask, current_app
from redis import Redis, RedisError
from rq import Queue
from rq.serializers import JSONSerializer

log = structlog.get_logger(__name__)

QueueName: TypeAlias = Literal["quick", "long"]
QUEUES: Final[tuple[QueueName, ...]] = ("quick", "long")
RUN_JOB: Final = "workers.bells.run_job"
RUN_CONSUMERS: Final = "workers.bells.run_consumers"
FAILURE_SECONDS: Final = 600
LONGEST_RUN_SECONDS: Final = 24 * 3600
PAUSE_SECONDS: Final = 5.0
EVENTS_SECONDS: Final = 60
LOOKED_AT: Final = 10_000


class Doorbell:
    """Rings for jobs and events. After a failure it stays silent for some seconds, so that requests stay fast."""

    def __init__(self, redis_url: str, prefix: str) -> None:
        self._prefix = prefix
        self._silent_until = 0.0
        self.redis: Redis = Redis.from_url(redis_url, socket_connect_timeout=0.5, socket_timeout=1.0)

    def queue_name(self, queue: str) -> str:
        """The name of the queue in Redis; installations that share a Redis differ by prefix."""
        return f"{self._prefix}-{queue}"

    def ring(self, queue: str, merchant_id: int, job_id: int, *, first: bool = False) -> bool:
        """Ring for one job, before all that wait where it comes *first*; returns whether the bell was taken."""
        return self._enqueue(
            queue, RUN_JOB, merchant_id, job_id, name=job_bell(merchant_id, job_id), first=first
        )

    def ring_for_events(self, merchant_id: int, *, anew: bool = False) -> bool:
        """Ring for a merchant's events, once until a worker answers; *anew* where that bell is known to be lost."""
        try:
            key = self.events_key(merchant_id)
            if self._is_silent() or not self.redis.set(key, 1, nx=not anew, ex=EVENTS_SECONDS):
                return False
        except RedisError as error:
            return self._fall_silent(error)
        return self._enqueue("quick", RUN_CONSUMERS, merchant_id, name=events_bell(merchant_id))

    def answer_events(self, merchant_id: int) -> None:
        """The worker is about to read: a bell from now on is a new one."""
        try:
            self.redis.delete(self.events_key(merchant_id))
        except RedisError as error:
            self._fall_silent(error)

    def events_key(self, merchant_id: int) -> str:
        """The key that says a bell for these events is on its way."""
        return f"{self._prefix}:events:{merchant_id}"

    def waiting(self) -> frozenset[str] | None:
        """Names of the bells nobody has heard yet; None when Redis does not answer, or more wait than are looked at."""
        try:
            names = [
                name.decode() if isinstance(name, bytes) else name
                for queue in QUEUES
                for name in self.redis.lrange(f"rq:queue:{self.queue_name(queue)}", 0, LOOKED_AT)
            ]
        except RedisError:
            return None
        return None if len(names) > LOOKED_AT else frozenset(name.rpartition("-")[0] for name in names)

    def _enqueue(self, queue: str, function: str, *args: int, name: str, first: bool = False) -> bool:
        if self._is_silent():
            return False
        try:
            Queue(self.queue_name(queue), connection=self.redis, serializer=JSONSerializer).enqueue(
                function,
                args=args,
                # A name of its own each time: RQ drops what waits under the name of a run that has just ended.
                job_id=f"{name}-{secrets.token_hex(4)}",
                at_front=first,
                description=function,
                result_ttl=0,
                failure_ttl=FAILURE_SECONDS,
                job_timeout=LONGEST_RUN_SECONDS,
            )
        except RedisError as error:
            return self._fall_silent(error)
        return True

    def _is_silent(self) -> bool:
        return time.monotonic() < self._silent_until

    def _fall_silent(self, error: RedisError) -> bool:
        self._silent_until = time.monotonic() + PAUSE_SECONDS
        log.warning("the doorbell is out of order", error=type(error).__name__)
        return False


def init_doorbell(app: Flask, redis_url: str, prefix: str) -> None:
    """Give the app its doorbell."""
    app.extensions["portal_doorbell"] = Doorbell(redis_url, prefix)


def doorbell() -> Doorbell:
    """The doorbell of the running app."""
    found = current_app.extensions["portal_doorbell"]
    assert isinstance(found, Doorbell)
    return found


def job_bell(merchant_id: int, job_id: int) -> str:
    """What the bell of a job is called while it waits."""
    return f"job-{merchant_id}-{job_id}"


def events_bell(merchant_id: int) -> str:
    """What the bell of a merchant's events is called while it waits."""
    return f"events-{merchant_id}"
