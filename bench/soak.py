"""A hundred thousand random steps of each state machine, stock and money: ``make bench NAME=soak``.

The machines are those of the tests. Whatever must hold is checked after every step; the first thing that does not ends
the bench and prints the shortest way there.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import Final

from flask import Flask

from bench.money_machine import run_money_machine
from portal import create_app
from portal.core.database import merchant_scope
from tests.machines.running import machines, run_steps
from tests.support.people import make_merchant

STEPS: Final = 100_000
SAID_EVERY: Final = 10.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--steps", type=int, default=STEPS, help="of each machine")
    parser.add_argument("--only", help="one machine by name")
    given = parser.parse_args()
    app = create_app()
    fewest = given.steps
    for name, run in known(app).items():
        if given.only in (None, name):
            fewest = min(fewest, soak(name, run, given.steps))
    is_short = fewest < given.steps
    print(f"soak: {fewest:,} steps (floor {given.steps:,}) {'short' if is_short else 'ok'}")
    sys.exit(1 if is_short else 0)


def known(app: Flask) -> dict[str, Callable[[int], int]]:
    """Every machine by name; each takes a number of steps and gives how many it took."""

    def money(steps: int) -> int:
        with app.app_context(), merchant_scope(make_merchant(app)):
            return run_money_machine(steps)

    return {
        name: lambda steps, make=make: run_steps(make(app), steps, tell=Teller())
        for name, make in machines().items()
    } | {"money": money}


def soak(name: str, run: Callable[[int], int], steps: int) -> int:
    """Run one machine and say how it went."""
    began = time.monotonic()
    try:
        taken = run(steps)
    except BaseException as error:
        print(f"{name}: FAILED after {time.monotonic() - began:.0f} s: {error}", flush=True)
        raise
    seconds = time.monotonic() - began
    print(f"{name}: {taken:,} steps held, {taken / seconds:.0f} a second", flush=True)
    return taken


class Teller:
    """Says now and then how far a machine is."""

    def __init__(self) -> None:
        self._said_at = time.monotonic()

    def __call__(self, done: int) -> None:
        if time.monotonic() - self._said_at >= SAID_EVERY:
            print(f"  {done:,} steps", flush=True)
            self._said_at = time.monotonic()


if __name__ == "__main__":
    main()
