"""Requests done together: each answered once, an error told to all of a batch, nobody left waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from portal.stock import combining
from portal.stock.combining import Combiner
from tests.support.waiting import until


@dataclass(frozen=True)
class Ask:
    key: str


def _ask_together(combiner: Combiner[Ask, str], keys: Sequence[str]) -> list[str | BaseException]:
    found: list[str | BaseException] = []

    def ask(key: str) -> None:
        try:
            found.append(combiner.submit(Ask(key)))
        except Exception as error:
            found.append(error)

    threads = [threading.Thread(target=ask, args=(key,)) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    return found


def test_everyone_gets_the_own_answer_and_few_batches_are_done() -> None:
    batches: list[int] = []

    def work(asks: Sequence[Ask]) -> list[str]:
        batches.append(len(asks))
        # Whoever is not in this batch comes while it is being done.
        until(lambda: len(combiner._queue) == len(keys) - sum(batches))
        return [ask.key.upper() for ask in asks]

    keys = [f"k{n}" for n in range(60)]
    combiner: Combiner[Ask, str] = Combiner(work)
    assert sorted(map(str, _ask_together(combiner, keys))) == sorted(key.upper() for key in keys)
    assert sum(batches) == 60
    assert len(batches) <= 2


def test_one_key_is_never_twice_in_a_batch() -> None:
    def work(asks: Sequence[Ask]) -> list[str]:
        assert len({ask.key for ask in asks}) == len(asks)
        time.sleep(0.005)
        return ["done"] * len(asks)

    assert _ask_together(Combiner(work), ["same"] * 12 + ["other"] * 3) == ["done"] * 15


def test_an_error_is_told_to_all_of_its_batch_and_the_next_one_goes_on() -> None:
    def work(asks: Sequence[Ask]) -> list[str]:
        time.sleep(0.005)
        if any(ask.key == "bad" for ask in asks):
            raise ValueError("no")
        return ["done"] * len(asks)

    combiner: Combiner[Ask, str] = Combiner(work)
    found = _ask_together(combiner, ["bad", *(f"k{n}" for n in range(10))])
    assert len(found) == 11
    assert any(isinstance(each, ValueError) for each in found)
    assert combiner.submit(Ask("after")) == "done"


def test_who_waits_too_long_gives_up_and_blocks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(combining, "PATIENCE_SECONDS", 0.05)
    begun, let_go = threading.Event(), threading.Event()

    def work(asks: Sequence[Ask]) -> list[str]:
        begun.set()
        let_go.wait()
        return ["done"] * len(asks)

    combiner: Combiner[Ask, str] = Combiner(work)
    first = threading.Thread(target=combiner.submit, args=(Ask("first"),))
    first.start()
    begun.wait()
    try:
        with pytest.raises(TimeoutError):
            combiner.submit(Ask("second"))
    finally:
        let_go.set()
        first.join()
    assert combiner.submit(Ask("third")) == "done"


def test_what_follows_a_batch_is_done_after_everyone_has_the_answer() -> None:
    told: list[int] = []
    combiner: Combiner[Ask, str] = Combiner(
        lambda asks: ["done"] * len(asks), lambda answers: told.append(len(answers))
    )
    _ask_together(combiner, ["a", "b", "c"])
    assert sum(told) == 3
