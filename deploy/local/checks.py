"""Every check of the project, one after the other, to the first that fails; a summary at the end."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.installation import ended_by_signal, installation, migrate
from deploy.local.layout import ROOT, STATE, VENV, CannotGoOnError, only_one, say, server_directory, stop_with
from deploy.local.servers import private

BIN = VENV / "bin"


@dataclass(frozen=True)
class Check:
    name: str
    run: Callable[[], int]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "parts", nargs="*", choices=("style", "types", "schema", "tests", []), help="only these"
    )
    parser.add_argument("--all", action="store_true", help="axe in dark and at 360 px too")
    given = parser.parse_args()
    ended_by_signal()
    chosen = [
        check
        for part, checks in _parts(given.all).items()
        if not given.parts or part in given.parts
        for check in checks
    ]
    try:
        with only_one("checks"):
            raise SystemExit(_run(chosen))
    except CannotGoOnError as error:
        stop_with(error)


def _parts(all_axe: bool) -> dict[str, list[Check]]:
    return {
        "style": [
            Check("ruff", lambda: _call("ruff", "check", ".")),
            Check("format", lambda: _call("ruff", "format", "--check", "--quiet", ".")),
            Check("djlint", lambda: _call("djlint", "templates", "--lint", "--quiet")),
            Check(
                "imports",
                lambda: _call("lint-imports", "--no-logo", "--cache-dir", str(STATE / "import-linter")),
            ),
        ],
        "types": [Check("mypy", lambda: _call("mypy", "--strict", "portal", "workers"))],
        "schema": [Check("schema", _schema)],
        "tests": [Check("pytest", lambda: _tests(all_axe))],
    }


def _run(checks: Sequence[Check]) -> int:
    results: list[tuple[str, str, float]] = []
    failed = False
    for check in checks:
        if failed:
            results.append((check.name, "not run", 0.0))
            continue
        say(f"── {check.name}")
        begun = time.monotonic()
        failed = check.run() != 0
        results.append((check.name, "FAILED" if failed else "ok", time.monotonic() - begun))
    say("\n" + "\n".join(f"{name:<10} {result:<8} {seconds:6.1f} s" for name, result, seconds in results))
    return int(failed)


def _call(program: str, *arguments: str, environment: dict[str, str] | None = None) -> int:
    return subprocess.run([str(BIN / program), *arguments], cwd=ROOT, env=environment, check=False).returncode


def _schema() -> int:
    """Models and migrations agree, and the SQL of the migrations takes no lock that a running portal would feel."""
    shutil.rmtree(server_directory("schema") / "servers", ignore_errors=True)
    try:
        with installation("schema", durable=False, given=False) as environment:
            migrate(environment)
            differs = _call("flask", "--app", "wsgi", "db", "check", environment=environment)
            return differs or _squawk(environment)
    finally:
        shutil.rmtree(server_directory("schema"), ignore_errors=True)
        shutil.rmtree(STATE / "schema", ignore_errors=True)


def _squawk(environment: dict[str, str]) -> int:
    made = subprocess.run(
        [str(BIN / "flask"), "--app", "wsgi", "db", "upgrade", "--sql"],
        cwd=ROOT,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        check=False,
    )
    if made.returncode:
        return made.returncode
    with tempfile.TemporaryDirectory(prefix="portal-sql-") as folder:
        path = Path(folder) / "migrations.sql"
        path.write_text(made.stdout)
        return _call("squawk", "--config", str(ROOT / ".squawk.toml"), str(path))


def _tests(all_axe: bool) -> int:
    with private("test", durable=False) as servers:
        environment = os.environ | {
            "TEST_DATABASE_URL": servers.database_url,
            "TEST_REDIS_URL": servers.redis_url,
        }
        # Wide screens in light are in every run; dark and narrow ones take as long again.
        chosen = [] if all_axe else ["-m", "not axe_all"]
        return _call("pytest", "-n", "2", "-q", *chosen, environment=environment)


if __name__ == "__main__":
    main()
