"""What `make` offers is listed, and what is listed exists."""

from __future__ import annotations

import re
import subprocess

from deploy.local.layout import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()


def phony() -> set[str]:
    return {name for line in re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.M) for name in line.split()}


def test_help_lists_every_target_with_one_line() -> None:
    shown = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    listed = dict(re.findall(r"^  make ([a-z-]+) +(\S.*)$", shown, re.M))
    internal = {"setup-tests"}
    assert set(listed) == phony() - internal


def test_every_target_is_phony() -> None:
    assert set(re.findall(r"^([a-z-]+):", MAKEFILE, re.M)) == phony()


def test_continuous_integration_runs_what_people_run() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert "exec make test" in script.read_text()
