"""Five thousand random acts of the stock services, and nothing appears or is lost."""

from __future__ import annotations

from flask import Flask

from tests.machines.running import run_steps
from tests.machines.stock import machine

STEPS = 5_000


def test_units_are_conserved_and_the_ledger_gives_the_levels(app: Flask) -> None:
    assert run_steps(machine(app), STEPS) >= STEPS
