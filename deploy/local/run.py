"""Run one command on a migrated installation of its own: ``python -m deploy.local.run bench -- python -m bench …``."""

from __future__ import annotations

import argparse
import subprocess

from deploy.local.installation import installation, migrate
from deploy.local.layout import ROOT, CannotGoOnError, stop_with


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="which installation: its data stays in .portal/<name>")
    parser.add_argument("command", nargs="+", help="what to run there")
    given = parser.parse_args()
    try:
        with installation(given.name) as environment:
            migrate(environment)
            raise SystemExit(subprocess.run(given.command, cwd=ROOT, env=environment, check=False).returncode)
    except CannotGoOnError as error:
        stop_with(error)


if __name__ == "__main__":
    main()
