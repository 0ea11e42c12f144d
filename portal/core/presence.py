"""Who looks at a thing right now. Kept in Redis for less than a minute; without Redis nobody is seen, and nothing else fails."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

import structlog
from redis import RedisError

from portal.core.database import current_merchant_id
from portal.core.jobs import doorbell

log = structlog.get_logger(__name__)

SECONDS: Final = 45


def look_at(kind: str, key: int, user_id: int) -> Sequence[int]:
    """Say that the user looks at the thing; gives the other users who do, the latest first."""
    bell = doorbell()
    name = f"{bell.queue_name('looks')}:{current_merchant_id()}:{kind}:{key}"
    now = time.time()
    try:
        with bell.redis.pipeline(transaction=False) as pipe:
            pipe.zadd(name, {str(user_id): now})
            pipe.zremrangebyscore(name, 0, now - SECONDS)
            pipe.expire(name, SECONDS)
            pipe.zrevrange(name, 0, 9)
            *_, found = pipe.execute()
    except RedisError as error:
        log.info("nobody can be seen", error=type(error).__name__)
        return []
    return [other for other in map(int, found) if other != user_id]


def look_away(kind: str, key: int, user_id: int) -> None:
    """The user is done with the thing."""
    bell = doorbell()
    try:
        bell.redis.zrem(f"{bell.queue_name('looks')}:{current_merchant_id()}:{kind}:{key}", str(user_id))
    except RedisError as error:
        log.info("nobody can be seen", error=type(error).__name__)
