"""What the machine itself must have: found, installed, or named with the line to type."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path

from deploy.local.layout import CannotGoOnError, Stopwatch, say

OLDEST_POSTGRES = 15
OLDEST_REDIS = (6, 2)
EXTENSIONS = ("pg_trgm", "unaccent", "citext", "btree_gin", "pg_stat_statements")
POSTGRES_PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)


@dataclass(frozen=True)
class Need:
    """One thing the portal needs from the machine, and the packages that bring it."""

    what: str
    apt: tuple[str, ...]
    brew: tuple[str, ...]
    is_met: Callable[[], bool]


def postgres_bin(places: Sequence[str] = POSTGRES_PLACES) -> Path | None:
    """The newest server binaries that are new enough; distributions do not put them on PATH."""
    candidates = [Path(found) for place in places for found in glob(place)]
    on_path = shutil.which("initdb")
    if on_path:
        candidates.append(Path(on_path).resolve().parent)
    usable = [(major, path) for path in candidates if (major := _postgres_major(path)) >= OLDEST_POSTGRES]
    return max(usable)[1] if usable else None


def missing_extensions(bin_directory: Path) -> list[str]:
    share = subprocess.run(
        [bin_directory / "pg_config", "--sharedir"], capture_output=True, text=True, check=True
    ).stdout.strip()
    return [name for name in EXTENSIONS if not (Path(share) / "extension" / f"{name}.control").exists()]


def redis_binary() -> str | None:
    """A Redis or Valkey server of a version the job queue was tried on."""
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found and _redis_version(found) >= OLDEST_REDIS:
            return found
    return None


def chromium_binary() -> str | None:
    """Chromium, best as the shell without windows: it does the same pages for half the processor time."""
    given = os.environ.get("CHROMIUM")
    on_mac = "/Applications/Chromium.app/Contents/MacOS/Chromium"
    names = (
        [given]
        if given
        else ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", on_mac]
    )
    return next((found for name in names if (found := shutil.which(name))), None)


PYTHON = Need(
    "Python's venv and ensurepip",
    ("python3-venv",),
    ("python@3.11",),
    lambda: (
        importlib.util.find_spec("venv") is not None and importlib.util.find_spec("ensurepip") is not None
    ),
)
POSTGRES = Need(
    f"a PostgreSQL server, {OLDEST_POSTGRES} or newer, with its contrib extensions",
    ("postgresql", "postgresql-contrib"),
    ("postgresql@16",),
    lambda: (found := postgres_bin()) is not None and not missing_extensions(found),
)
REDIS = Need(
    f"a Redis server, {OLDEST_REDIS[0]}.{OLDEST_REDIS[1]} or newer",
    ("redis-server",),
    ("redis",),
    lambda: redis_binary() is not None,
)
NODE = Need(
    "node and npm, which fetch the files the pages load",
    ("nodejs", "npm"),
    ("node",),
    lambda: shutil.which("node") is not None and shutil.which("npm") is not None,
)
CHROMIUM = Need(
    "Chromium, for the browser tests",
    ("chromium-headless-shell",),
    ("--cask chromium",),
    lambda: chromium_binary() is not None,
)


def needs(*, tests: bool, vendor: bool, environ: dict[str, str] | None = None) -> list[Need]:
    """What this run needs; servers that the person brings by URL are not asked of the machine."""
    environ = dict(os.environ) if environ is None else environ
    wanted = [PYTHON]
    if not environ.get("DATABASE_URL"):
        wanted.append(POSTGRES)
    if not environ.get("REDIS_URL"):
        wanted.append(REDIS)
    if vendor:
        wanted.append(NODE)
    if tests:
        wanted.append(CHROMIUM)
    return wanted


def ensure(wanted: Sequence[Need], watch: Stopwatch) -> None:
    """Install what is missing, or stop and name the line to type."""
    missing = [need for need in wanted if not need.is_met()]
    if not missing:
        return
    for need in missing:
        say(f"Not found: {need.what}.")
    if shutil.which("apt-get"):
        _install_with_apt(missing, watch)
    elif shutil.which("brew"):
        _install_with_brew(missing, watch)
    else:
        raise CannotGoOnError(
            "Neither apt-get nor brew is here. Install these yourself and run the same command again:\n"
            + "\n".join(f"  - {need.what}" for need in missing)
        )
    importlib.invalidate_caches()
    still = [need for need in missing if not need.is_met()]
    if still:
        raise CannotGoOnError(
            "Installed, and still not usable:\n" + "\n".join(f"  - {need.what}" for need in still)
        )


def apt_line(missing: Sequence[Need], *, as_root: bool) -> str:
    names = " ".join(name for need in missing for name in need.apt)
    line = f"apt-get install -y --no-install-recommends {names}"
    return line if as_root else f"sudo {line}"


def brew_line(missing: Sequence[Need]) -> str:
    return "brew install " + " ".join(name for need in missing for name in need.brew)


def _install_with_apt(missing: Sequence[Need], watch: Stopwatch) -> None:
    as_root = os.geteuid() == 0
    line = apt_line(missing, as_root=as_root)
    if not as_root and not _sudo_works():
        raise CannotGoOnError(
            f"Installing needs root, and sudo does not give it here. Type, as root:\n\n  {line.removeprefix('sudo ')}\n"
        )
    say(f"Running: {line}")
    # The frontend must reach apt through sudo, which drops the environment.
    command = ["env", "DEBIAN_FRONTEND=noninteractive", *line.removeprefix("sudo ").split()]
    command = command if as_root else ["sudo", *command]
    update = ["apt-get", "update", "-q"] if as_root else ["sudo", "apt-get", "update", "-q"]
    with watch.download():
        subprocess.run(update, stdout=subprocess.DEVNULL, check=False)
        fetched = subprocess.run([*command, "--download-only"], stdout=subprocess.DEVNULL, check=False)
    if fetched.returncode or subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode:
        raise CannotGoOnError(f"apt-get did not succeed; its message stands above. Type:\n\n  {line}\n")


def _install_with_brew(missing: Sequence[Need], watch: Stopwatch) -> None:
    say(f"Running: {brew_line(missing)}")
    for need in missing:
        with watch.download():
            done = subprocess.run(["brew", "install", *" ".join(need.brew).split()], check=False)
        if done.returncode:
            raise CannotGoOnError(
                f"brew did not succeed; its message stands above. Type:\n\n  {brew_line([need])}\n"
            )


def _sudo_works() -> bool:
    if not shutil.which("sudo"):
        return False
    asking = [] if sys.stdin.isatty() else ["-n"]
    return subprocess.run(["sudo", *asking, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0


def _postgres_major(bin_directory: Path) -> int:
    if not (bin_directory / "initdb").exists() or not (bin_directory / "pg_config").exists():
        return 0
    found = re.search(r"(\d+)", _output([str(bin_directory / "postgres"), "--version"]))
    return int(found[1]) if found else 0


def _redis_version(binary: str) -> tuple[int, int]:
    found = re.search(r"v=(\d+)\.(\d+)", _output([binary, "--version"]))
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _output(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except OSError:
        return ""
