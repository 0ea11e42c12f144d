"""The Python environment: everything from the hash-locked files, nothing else, and only when they changed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile

from deploy.local.layout import ROOT, VENV, VENV_PYTHON, CannotGoOnError, Stopwatch, digest_of, say

LOCKS = (ROOT / "requirements.txt", ROOT / "requirements-dev.txt")
STAMP = VENV / "portal-lock.sha256"
BROUGHT_BY_VENV = {"pip", "setuptools", "wheel"}


def ensure(watch: Stopwatch) -> None:
    """Make the environment hold exactly what the locks name; instant when it already does."""
    wanted = digest_of(*LOCKS, extra=f"{sys.version_info.major}.{sys.version_info.minor}")
    if VENV_PYTHON.exists() and STAMP.exists() and STAMP.read_text() == wanted:
        return
    if not _is_usable():
        say("Making the Python environment …")
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
    STAMP.unlink(missing_ok=True)
    if not _install(offline=True):
        _fetch_and_install(watch)
    _remove_strangers()
    STAMP.write_text(wanted)


def locked_names() -> set[str]:
    """The distributions that the locks name, in their normal spelling."""
    pins = (line for lock in LOCKS for line in lock.read_text().splitlines())
    return {
        _normal(found[1]) for line in pins if (found := re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==", line))
    }


def _is_usable() -> bool:
    if not VENV_PYTHON.exists():
        return False
    version = f"import sys; raise SystemExit(sys.version_info[:2] != {sys.version_info[:2]})"
    try:
        return subprocess.run([VENV_PYTHON, "-c", version], check=False).returncode == 0
    except OSError:
        return False


def _fetch_and_install(watch: Stopwatch) -> None:
    say("Fetching the locked Python packages …")
    with tempfile.TemporaryDirectory(prefix="portal-wheels-") as wheels:
        with watch.download():
            fetched = _pip(
                "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", wheels, *_from_locks()
            )
        if fetched.returncode:
            raise CannotGoOnError(
                "The locked Python packages could not be fetched; pip's message stands above."
            )
        say("Installing them …")
        if not _install("--find-links", wheels, offline=True, quiet=False):
            raise CannotGoOnError(
                "The locked Python packages could not be installed; pip's message stands above."
            )


def _install(*options: str, offline: bool, quiet: bool = True) -> bool:
    # Without --find-links this succeeds only when everything is there already.
    sources = ["--no-index"] if offline else []
    done = _pip("install", "--quiet", "--no-deps", *sources, *options, *_from_locks(), silent=quiet)
    return done.returncode == 0


def _from_locks() -> list[str]:
    return ["--require-hashes", *(part for lock in LOCKS for part in ("-r", str(lock)))]


def _remove_strangers() -> None:
    listed = _pip("list", "--format", "json", capture=True).stdout
    installed = {_normal(entry["name"]) for entry in json.loads(listed)}
    strangers = sorted(installed - locked_names() - BROUGHT_BY_VENV)
    if strangers:
        say(f"Taking out what no lock names: {', '.join(strangers)}")
        _pip("uninstall", "--quiet", "--yes", *strangers)


def _pip(*arguments: str, silent: bool = False, capture: bool = False) -> subprocess.CompletedProcess[str]:
    quiet = subprocess.DEVNULL if silent else None
    return subprocess.run(
        [str(VENV_PYTHON), "-m", "pip", "--disable-pip-version-check", *arguments],
        cwd=ROOT,
        text=True,
        check=False,
        stdout=subprocess.PIPE if capture else quiet,
        stderr=quiet,
    )


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
