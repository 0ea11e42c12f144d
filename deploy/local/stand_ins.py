"""Servers that tests speak to instead of the real ones, each in an environment of its own from a lock of its own."""

from __future__ import annotations

import subprocess
import sys

from deploy.local.layout import (
    ROOT,
    CannotGoOnError,
    Stopwatch,
    digest_of,
    only_one,
    say,
    state_directory,
)

LOCALSTRIPE_LOCK = ROOT / "requirements-localstripe.txt"


def ensure(watch: Stopwatch) -> None:
    """Make the environment of localstripe; instant when it is as the lock says."""
    home = state_directory("localstripe")
    python, stamp = home / "bin" / "python", home / "portal-lock.sha256"
    wanted = digest_of(LOCALSTRIPE_LOCK, extra=f"{sys.version_info.major}.{sys.version_info.minor}")
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return
    with only_one("localstripe"):
        say("Making the environment of the stand-in for Stripe …")
        stamp.unlink(missing_ok=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        with watch.download():
            done = subprocess.run(
                [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--require-hashes",
                 "--no-deps", "-r", str(LOCALSTRIPE_LOCK)],
                stdout=subprocess.DEVNULL, check=False,
            )  # fmt: skip
        if done.returncode:
            raise CannotGoOnError(
                "The stand-in for Stripe could not be installed; pip's message stands above."
            )
        stamp.write_text(wanted)
