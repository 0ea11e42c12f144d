"""Where things lie in a checkout, and how this tooling speaks to the person in front of it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".portal"
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"


class CannotGoOnError(Exception):
    """Something is missing that only the person can supply; the text says what, and the line to type."""


class Stopwatch:
    """Tells download time from work time: a slow network is not our doing and is not counted as ours."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self.downloading = 0.0

    @contextmanager
    def download(self) -> Iterator[None]:
        begun = time.monotonic()
        try:
            yield
        finally:
            self.downloading += time.monotonic() - begun

    def add_download(self, seconds: float) -> None:
        self.downloading += seconds

    def report(self, what: str) -> str:
        working = time.monotonic() - self._begun - self.downloading
        return f"{what} in {working:.1f} s, and {self.downloading:.1f} s of downloads besides."


def say(text: str) -> None:
    print(text, flush=True)


def stop_with(error: CannotGoOnError) -> NoReturn:
    print(f"\n{error}", file=sys.stderr, flush=True)
    raise SystemExit(1)


def state_directory(name: str) -> Path:
    """A directory of this checkout's own state, made if absent."""
    path = STATE / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def server_directory(name: str) -> Path:
    """Where the private servers keep their data.

    PostgreSQL refuses to run as root, so as root it runs under another account, which must be able to walk down
    to its data: a checkout under root's home is out, and ``/var/lib/portal`` stands in for it.
    """
    own = state_directory(name)
    if os.geteuid() != 0 or _others_can_walk_to(own):
        return own
    digest = hashlib.sha256(str(ROOT).encode()).hexdigest()[:12]
    path = Path("/var/lib/portal") / digest / name
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def only_one(name: str) -> Iterator[None]:
    """Let two people who type the same command at once take turns."""
    path = state_directory("locks") / name
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Waiting for another {name} in this checkout …")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def digest_of(*paths: Path, extra: str = "") -> str:
    """One hash over the contents of *paths*: what a stamp holds to tell whether work is already done."""
    total = hashlib.sha256(extra.encode())
    for path in paths:
        total.update(path.read_bytes())
    return total.hexdigest()


def _others_can_walk_to(path: Path) -> bool:
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in (path, *path.parents))
