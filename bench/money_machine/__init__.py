"""Random lives of orders, checked after every step: the money adds up to the cent, and every state has a way out.

A state machine for Hypothesis, used by the tests with a few thousand steps and by the soak with many more. It acts through
the services alone, inside an application context with a merchant in scope::

    steps = run_money_machine(steps=5_000, seed=1)
"""

from __future__ import annotations

from typing import Final

from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as seeded
from hypothesis.stateful import run_state_machine_as_test

from bench.money_machine.changing import Changing
from bench.money_machine.happening import Happening
from bench.money_machine.holding import Holding
from bench.money_machine.paying import Paying
from bench.money_machine.shop import ShopOfMachine

STEPS_PER_LIFE: Final = 50


class MoneyMachine(Changing, Paying, Happening, Holding):
    """One order, from its placement on; every rule is something staff, a buyer or a channel may do at any time."""


def run_money_machine(steps: int, *, seed: int | None = None) -> int:
    """Run at least so many random steps over many orders; gives how many were checked.

    Raises:
        AssertionError: the money did not add up, or an order stood without a way out; Hypothesis names the steps.
    """
    machine = type("MoneyMachineOfRun", (MoneyMachine,), {"shop": ShopOfMachine(), "done": 0})
    while machine.done < steps:  # type: ignore[attr-defined]
        lives = max(1, -(-(steps - machine.done) // STEPS_PER_LIFE))  # type: ignore[attr-defined]
        profile = settings(
            max_examples=lives, stateful_step_count=STEPS_PER_LIFE, deadline=None, database=None,
            suppress_health_check=list(HealthCheck), phases=(Phase.generate, Phase.shrink), print_blob=False,
            derandomize=False,
        )  # fmt: skip
        seeded_anew = machine if seed is None else seeded(seed + machine.done)(machine)  # type: ignore[attr-defined]
        run_state_machine_as_test(seeded_anew, settings=profile)
    return int(machine.done)  # type: ignore[attr-defined]
