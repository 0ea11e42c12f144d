"""Who listens: consumers register at import, by name and kinds of event."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Event:
    """An event as a consumer sees it."""

    id: int
    kind: str
    key: str
    payload: Mapping[str, Any]


Handler = Callable[[Sequence[Event]], None]


@dataclass(frozen=True, slots=True)
class Consumer:
    """A reader of events with a cursor of its own. Its name is its memory: never rename it."""

    name: str
    kinds: frozenset[str]
    handle: Handler
    batch: int


_consumers: Final[dict[str, Consumer]] = {}


def consumer(name: str, *, kinds: Sequence[str], batch: int = 200) -> Callable[[Handler], Handler]:
    """Register a handler: ``@consumer("channels", kinds=["stock.changed"])``.

    The handler gets a batch of events of its kinds, in commit order, inside one transaction of the merchant. It must
    not commit. What must leave the database (a request, a mail) it enqueues as a job in that same transaction.
    """

    def register(handle: Handler) -> Handler:
        present = _consumers.get(name)
        if present is not None and (present.handle.__module__, present.handle.__qualname__) != (
            handle.__module__,
            handle.__qualname__,
        ):
            raise ValueError(f"Two consumers are called {name}.")
        _consumers[name] = Consumer(name, frozenset(kinds), handle, batch)
        return handle

    return register


def consumers() -> Mapping[str, Consumer]:
    """The registered consumers by name."""
    return _consumers
