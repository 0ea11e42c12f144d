"""Events, told once the change is committed and never lost.

``publish`` writes an event with the change. A consumer is registered once at start and gets the merchant's events in
commit order; what it does and how far it has come are committed together, so each event takes effect exactly once.
"""

from __future__ import annotations

from portal.core.outbox.consuming import ConsumerRun, run_consumers
from portal.core.outbox.models import OutboxCursor, OutboxEvent
from portal.core.outbox.publishing import publish, publish_many
from portal.core.outbox.registry import Consumer, Event, consumer, consumers

__all__ = [
    "Consumer",
    "ConsumerRun",
    "Event",
    "OutboxCursor",
    "OutboxEvent",
    "consumer",
    "consumers",
    "publish",
    "publish_many",
    "run_consumers",
]
