"""Thousands of random steps in the lives of orders; the rules and what must hold stand in ``bench/money_machine/``."""

from __future__ import annotations

import pytest

from bench.money_machine import run_money_machine


@pytest.mark.parametrize("seed", [1, 2])
def test_the_money_of_orders_adds_up_whatever_is_done_to_them(scope: int, seed: int) -> None:
    assert run_money_machine(2_500, seed=seed) >= 2_500
