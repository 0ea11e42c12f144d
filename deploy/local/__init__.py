"""One machine: set up, run the demo, run the checks.

The set-up part (``setup`` and what it imports) needs nothing but Python 3.11; the rest runs in the environment
that the set-up makes. Each module is one subject and can be run: ``python3 -m deploy.local.<name>``.
"""
