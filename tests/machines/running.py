"""Run a state machine for a number of steps, and count them."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import ClassVar

from flask import Flask
from hypothesis import HealthCheck, Phase, Verbosity, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, run_state_machine_as_test

import tests.machines

STEPS_IN_A_ROW = 60


class Counted(RuleBasedStateMachine):
    """A machine that knows how many steps all its runs took together."""

    steps: ClassVar[int] = 0

    @invariant()
    def count_the_step(self) -> None:
        type(self).steps += 1


def machines() -> dict[str, Callable[[Flask], type[Counted]]]:
    """Every machine there is, by the name of its module."""
    found = {}
    for each in pkgutil.iter_modules(tests.machines.__path__):
        module = importlib.import_module(f"tests.machines.{each.name}")
        if hasattr(module, "machine"):
            found[each.name] = module.machine
    return found


def run_steps(
    machine: type[Counted],
    steps: int,
    *,
    in_a_row: int = STEPS_IN_A_ROW,
    tell: Callable[[int], None] = lambda done: None,
) -> int:
    """Take at least so many steps, runs of *in_a_row* each; gives how many were taken.

    Raises:
        AssertionError: what must hold did not; the shortest way there is printed.
    """
    while machine.steps < steps:
        runs = max(1, min(200, (steps - machine.steps) // in_a_row + 1))
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=runs,
                stateful_step_count=in_a_row,
                deadline=None,
                database=None,
                phases=[Phase.generate, Phase.shrink],
                suppress_health_check=list(HealthCheck),
                verbosity=Verbosity.normal,
            ),
        )
        tell(machine.steps)
    return machine.steps
