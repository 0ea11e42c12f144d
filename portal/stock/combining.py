"""Requests that wait for the same thing in one process, done together by one of them."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, TypeVar

MOST_AT_ONCE: Final = 128
PATIENCE_SECONDS: Final = 30.0
# Who was just answered asks again at once, in a rush; the next leader waits this long for as many as last time.
LINGER_SECONDS: Final = 0.002
LULL_SECONDS: Final = 0.1


class Keyed(Protocol):
    """A request that must not stand twice in one batch."""

    @property
    def key(self) -> str: ...


Ask = TypeVar("Ask", bound=Keyed)
Answer = TypeVar("Answer")


@dataclass(slots=True, eq=False)
class _Waiting(Generic[Ask, Answer]):
    ask: Ask
    ready: threading.Event = field(default_factory=threading.Event)
    answer: Answer | None = None
    error: BaseException | None = None
    leads: bool = False


class Combiner(Generic[Ask, Answer]):
    """Lets one of the waiting threads do the work of all; the next batch is led by one of those who wait for it."""

    def __init__(
        self,
        work: Callable[[Sequence[Ask]], Sequence[Answer]],
        afterwards: Callable[[Sequence[Answer]], None] = lambda answers: None,
    ) -> None:
        """*work* answers a batch; *afterwards* is what nobody needs to wait for."""
        self._work = work
        self._afterwards = afterwards
        self._lock = threading.Lock()
        self._gathered = threading.Condition(self._lock)
        self._widths: deque[int] = deque((1, 1), maxlen=2)
        self._queue: deque[_Waiting[Ask, Answer]] = deque()
        self._busy = False
        self.used_at = time.monotonic()

    def submit(self, ask: Ask) -> Answer:
        """The answer to one request, together with whoever waits beside it.

        Raises:
            TimeoutError: no answer came in half a minute; whether the units were kept is asked by the key.
        """
        own: _Waiting[Ask, Answer] = _Waiting(ask)
        with self._lock:
            now = time.monotonic()
            if now - self.used_at > LULL_SECONDS:
                self._widths.extend((1, 1))
            self.used_at = now
            self._queue.append(own)
            own.leads = not self._busy
            self._busy = True
            if len(self._queue) >= max(self._widths):
                self._gathered.notify()
        if not own.leads and not own.ready.wait(PATIENCE_SECONDS) and not self._must_lead(own):
            raise TimeoutError("The reservation was not answered in time.")
        if own.leads and own.answer is None and own.error is None:
            self._lead(own)
        if own.error is not None:
            raise own.error
        assert own.answer is not None
        return own.answer

    def _must_lead(self, own: _Waiting[Ask, Answer]) -> bool:
        """Give up waiting, unless the lead was handed over at this very moment."""
        with self._lock:
            if not own.leads and own in self._queue:
                self._queue.remove(own)
            return own.leads

    def _lead(self, own: _Waiting[Ask, Answer]) -> None:
        batch = self._next_batch(own)
        answers: Sequence[Answer] = ()
        try:
            answers = self._work([each.ask for each in batch])
            for each, answer in zip(batch, answers, strict=True):
                each.answer = answer
        except BaseException as error:
            for each in batch:
                each.error = error
        finally:
            for each in batch:
                if each is not own:
                    each.ready.set()
            self._hand_over()
        if answers:
            self._afterwards(answers)

    def _next_batch(self, own: _Waiting[Ask, Answer]) -> list[_Waiting[Ask, Answer]]:
        """The leader's own request and those behind it, each key once."""
        batch, keys, later = [own], {own.ask.key}, []
        with self._lock:
            self._gathered.wait_for(lambda: len(self._queue) >= max(self._widths), LINGER_SECONDS)
            self._queue.remove(own)
            while self._queue and len(batch) < MOST_AT_ONCE:
                each = self._queue.popleft()
                if each.ask.key in keys:
                    later.append(each)
                else:
                    keys.add(each.ask.key)
                    batch.append(each)
            self._queue.extendleft(reversed(later))
            self._widths.append(len(batch))
        return batch

    def _hand_over(self) -> None:
        with self._lock:
            if not self._queue:
                self._busy = False
                return
            heir = self._queue[0]
            heir.leads = True
        heir.ready.set()
