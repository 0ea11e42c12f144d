"""The files that pages load from us: pinned in package.json, copied to static/vendor/, never committed."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

from deploy.local.layout import ROOT, CannotGoOnError, Stopwatch, digest_of, say, stop_with

NODE_MODULES = ROOT / "node_modules"
VENDOR = ROOT / "static" / "vendor"
LOCK = ROOT / "package-lock.json"
STAMP = NODE_MODULES / "portal-lock.sha256"

# What is copied: package, file inside it, name here. {} takes the pinned version, so that a new one is a new address.
COPIES = (
    ("htmx.org", "dist/htmx.min.js", "htmx-{}.min.js"),
    ("htmx.org", "dist/ext/hx-sse.min.js", "hx-sse-{}.min.js"),
    ("@tabler/core", "dist/css/tabler.min.css", "tabler-{}.min.css"),
    ("@tabler/core", "dist/css/tabler.rtl.min.css", "tabler-{}.rtl.min.css"),
    ("@tabler/core", "dist/js/tabler.min.js", "tabler-{}.min.js"),
    ("uplot", "dist/uPlot.iife.min.js", "uplot-{}.min.js"),
    ("uplot", "dist/uPlot.min.css", "uplot-{}.min.css"),
    ("axe-core", "axe.min.js", "axe-{}.min.js"),
)


def ensure(watch: Stopwatch) -> None:
    """Bring the packages the lock names and copy what the pages load; instant when both are there."""
    if not is_complete():
        say("Fetching the files the pages load …")
        with watch.download():
            done = subprocess.run(
                ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"],
                cwd=ROOT,
                check=False,
                stdout=subprocess.DEVNULL,
            )
        if done.returncode:
            raise CannotGoOnError(
                "npm could not fetch what package-lock.json names; its message stands above."
            )
    _copy()
    STAMP.write_text(digest_of(LOCK))


def is_complete() -> bool:
    """Whether node_modules holds what the lock names; then npm itself is not needed at all."""
    if STAMP.exists() and STAMP.read_text() == digest_of(LOCK):
        return True
    return all(_installed_version(package) == version for package, version in pinned().items())


def pinned() -> dict[str, str]:
    """The exact versions in package.json, by package."""
    declared = json.loads((ROOT / "package.json").read_text())
    return {**declared["dependencies"], **declared["devDependencies"]}


def targets() -> list[tuple[Path, Path]]:
    """Each source in node_modules with its copy in static/vendor."""
    versions = pinned()
    return [
        (NODE_MODULES / package / source, VENDOR / name.format(versions[package]))
        for package, source, name in COPIES
    ]


def integrity(path: Path) -> str:
    """The value an ``integrity`` attribute must hold for this file."""
    return "sha384-" + base64.b64encode(hashlib.sha384(path.read_bytes()).digest()).decode()


def clean_lock() -> None:
    """Take addresses out of package-lock.json: it names versions and hashes, the machine decides from where."""
    lock = json.loads(LOCK.read_text())
    for entry in lock["packages"].values():
        entry.pop("resolved", None)
        entry.pop("funding", None)
    LOCK.write_text(json.dumps(lock, indent=2) + "\n")


def _copy() -> None:
    wanted = targets()
    VENDOR.mkdir(parents=True, exist_ok=True)
    for stale in set(VENDOR.iterdir()) - {target for _, target in wanted}:
        stale.unlink()
    for source, target in wanted:
        if not target.exists() or target.stat().st_size != source.stat().st_size:
            shutil.copyfile(source, target)


def _installed_version(package: str) -> str | None:
    manifest = NODE_MODULES / package / "package.json"
    return str(json.loads(manifest.read_text())["version"]) if manifest.exists() else None


if __name__ == "__main__":
    try:
        clean_lock() if sys.argv[1:] == ["clean-lock"] else ensure(Stopwatch())
    except CannotGoOnError as error:
        stop_with(error)
