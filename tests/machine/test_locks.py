"""The locks name versions and hashes, and leave it to each machine where they come from."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from deploy.local import environment, vendor
from deploy.local.layout import ROOT
from portal.core.assets import HTMX_SRI, HTMX_URL, HTMX_VERSION

LOCKS = ["requirements.txt", "requirements-dev.txt", "requirements-localstripe.txt", "package-lock.json"]
ADDRESS = re.compile(r"://|--(?:extra-)?index-url|--find-links|--trusted-host|\"resolved\"")
# A name with two or more dots-and-labels that ends in letters; versions end in digits.
HOST = re.compile(
    r"\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:com|org|net|io|dev|internal|local|lan|corp)\b(?!/|==|\")"
)


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_no_address(name: str) -> None:
    assert not ADDRESS.findall((ROOT / name).read_text())


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "requirements-localstripe.txt"])
def test_a_python_lock_names_no_host(name: str) -> None:
    assert not HOST.findall((ROOT / name).read_text())


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "requirements-localstripe.txt"])
def test_every_pin_has_a_hash(name: str) -> None:
    pins = re.split(r"\n(?=[a-z0-9])", (ROOT / name).read_text().strip())
    assert pins
    assert [pin.splitlines()[0] for pin in pins if "--hash=sha256:" not in pin] == []


def test_the_two_python_locks_agree() -> None:
    versions = [
        dict(re.findall(r"^([a-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)", lock.read_text(), re.M))
        for lock in environment.LOCKS
    ]
    serving, developing = versions
    assert {
        name: (serving[name], developing[name])
        for name in serving.keys() & developing.keys()
        if serving[name] != developing[name]
    } == {}


def test_what_package_json_asks_for_is_what_the_lock_holds() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert {name: packages[f"node_modules/{name}"]["version"] for name in vendor.pinned()} == vendor.pinned()
    assert all("integrity" in entry for path, entry in packages.items() if path)


def test_the_hash_in_the_page_is_that_of_the_copy_we_serve() -> None:
    assert vendor.pinned()["htmx.org"] == HTMX_VERSION
    assert f"@{HTMX_VERSION}/" in HTMX_URL
    assert vendor.integrity(vendor.VENDOR / f"htmx-{HTMX_VERSION}.min.js") == HTMX_SRI


def test_another_file_has_another_hash(tmp_path: Path) -> None:
    changed = tmp_path / "htmx.js"
    changed.write_bytes((vendor.VENDOR / f"htmx-{HTMX_VERSION}.min.js").read_bytes() + b" ")
    assert vendor.integrity(changed) != HTMX_SRI


def test_every_copy_is_the_file_of_the_package() -> None:
    for source, target in vendor.targets():
        assert target.read_bytes() == source.read_bytes(), target.name


def test_copies_are_not_committed() -> None:
    assert "/static/vendor/" in (ROOT / ".gitignore").read_text().splitlines()
