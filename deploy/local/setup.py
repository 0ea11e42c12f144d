"""Bring a bare machine to where the portal can run; the second time this takes no time."""

from __future__ import annotations

import argparse

from deploy.local import environment, fonts, packages, stand_ins, vendor
from deploy.local.layout import CannotGoOnError, Stopwatch, only_one, say, stop_with


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--tests", action="store_true", help="also what only the tests need (Chromium, a stand-in for Stripe)"
    )
    tests = parser.parse_args().tests
    watch = Stopwatch()
    try:
        with only_one("setup"):
            packages.ensure(packages.needs(tests=tests, vendor=not vendor.is_complete()), watch)
            environment.ensure(watch)
            vendor.ensure(watch)
            if tests:
                stand_ins.ensure(watch)
            fonts.ensure()
    except CannotGoOnError as error:
        stop_with(error)
    say(watch.report("Set up"))


if __name__ == "__main__":
    main()
