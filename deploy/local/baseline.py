"""Write the baseline revision anew, on an empty database of its own that goes when it is done."""

from __future__ import annotations

import shutil
import subprocess
import sys

from deploy.local.installation import installation
from deploy.local.layout import ROOT, STATE, CannotGoOnError, server_directory, stop_with

NAME = "baseline"


def main() -> None:
    try:
        with installation(NAME, durable=False, given=False) as environment:
            raise SystemExit(
                subprocess.run(
                    [sys.executable, "-m", "migrations.baseline"], cwd=ROOT, env=environment, check=False
                ).returncode
            )
    except CannotGoOnError as error:
        stop_with(error)
    finally:
        shutil.rmtree(server_directory(NAME), ignore_errors=True)
        shutil.rmtree(STATE / NAME, ignore_errors=True)


if __name__ == "__main__":
    main()
