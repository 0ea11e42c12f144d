"""Every page there is, in a real browser: axe finds nothing, nothing is blocked, nothing is too wide, and it weighs little."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from flask import Flask
from playwright.sync_api import Page, Response

from portal.core.database import db
from portal.customers.services import create_customer
from tests.support.browser import axe_findings
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person
from tests.support.shop import open_shop
from tests.whole_app.test_reading import pages

pytestmark = pytest.mark.browser

OpenBrowser = Callable[..., Page]

WHOLE_BUDGET: Final = 170_000
OWN_BUDGET: Final = 40_000
# What loads by itself is there: its place was taken by what came.
SETTLED: Final = "() => !document.querySelector('.slot[hx-trigger=load], .htmx-request')"
LOOKS: Final = [
    pytest.param({"viewport": {"width": 1280, "height": 900}}, id="light"),
    pytest.param({"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"}, id="dark", marks=pytest.mark.axe_all),
    pytest.param({"viewport": {"width": 360, "height": 740}}, id="phone", marks=pytest.mark.axe_all),
]  # fmt: skip


@pytest.fixture
def owner(scope: int, member: Callable[..., Person]) -> Person:
    """The owner of a shop in which something has happened."""
    shop = open_shop({"MUG": 10, "PLATE": 3})
    create_customer({"name": "Ada Lovelace", "email": "ada@example.com", "country_code": "GB"}, by=SYSTEM)
    shop.order(("MUG", 2, "4.50"), shipping="3.95", paid="12.95")
    shop.order(("PLATE", 9, "6"), tags=("gift",))
    db.session.rollback()
    return member("owner")


@pytest.fixture
def addresses(app: Flask, owner: Person, login: Callable[[Person], HouseClient]) -> list[str]:
    """The pages of the portal, found along its own links; one of each shape."""
    found: dict[str, str] = {}
    for path, answer in pages(app, login(owner)):
        if answer.status_code == 200 and answer.mimetype == "text/html" and b"<html" in answer.data:
            found.setdefault(re.sub(r"\d+", "#", urlsplit(path).path), path)
    assert len(found) > 25, sorted(found)
    return sorted(found.values())


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_is_for_everyone_and_light(
    open_browser: OpenBrowser, owner: Person, addresses: list[str], look: dict[str, Any]
) -> None:
    page = open_browser(owner, **look)
    scales = Scales(page)
    findings: list[str] = []
    for path in addresses:
        page.goto(path)
        page.wait_for_function(SETTLED)
        findings += [f"{path}: {finding}" for finding in axe_findings(page)]
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            findings.append(f"{path}: wider than the window")
        whole, own = scales.read()
        if whole > WHOLE_BUDGET or own > OWN_BUDGET:
            findings.append(f"{path}: {whole:,} bytes, {own:,} of them our own")
    assert not findings, "\n".join(findings)


class Scales:
    """Weighs cold loads: nothing is kept from page to page, and every answer counts as a server that compresses sends it.

    Pictures of products are the merchant's own and do not count.
    """

    def __init__(self, page: Page) -> None:
        page.context.new_cdp_session(page).send("Network.setCacheDisabled", {"cacheDisabled": True})
        self._answers: list[Response] = []
        self._static: dict[str, int] = {}
        page.on("response", lambda answer: self._answers.append(answer))

    def read(self) -> tuple[int, int]:
        """Bytes since the last reading: all, and those that are not of a library."""
        weights = {
            answer.url: self._weight(answer)
            for answer in self._answers
            if answer.ok and not answer.headers.get("content-type", "").startswith("image/")
        }
        self._answers.clear()
        return sum(weights.values()), sum(size for url, size in weights.items() if "/vendor/" not in url)

    def _weight(self, answer: Response) -> int:
        if "/static/" not in answer.url:
            return len(gzip.compress(answer.body(), 9))
        if answer.url not in self._static:
            self._static[answer.url] = len(gzip.compress(answer.body(), 9))
        return self._static[answer.url]
