"""State machines: random sequences of acts by the real services, a model of a few numbers beside them, and what must
hold after every step. ``make test`` takes some thousand steps of each, ``make bench NAME=soak`` a hundred thousand.

A machine is a module here with ``machine(app)``, which gives a ``RuleBasedStateMachine`` whose steps are counted by
``tests.machines.running.Counted``.
"""

from __future__ import annotations
