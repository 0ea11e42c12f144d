"""The privacy screens in a browser: no axe finding, no CSP violation, and an erasure without JavaScript."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from portal.core.audit import Actor
from portal.core.database import db
from portal.privacy import holds
from portal.privacy.models import PrivacyRequest
from portal.privacy.queries import retained_of
from tests.privacy.planting import planted
from tests.privacy.requests import approved_request, preview_request, recorded_request
from tests.support.browser import axe_findings
from tests.support.people import Person

pytestmark = pytest.mark.browser
LOOKS: tuple[dict[str, Any], ...] = (
    {"color_scheme": "light"},
    {"color_scheme": "dark"},
    {"color_scheme": "light", "viewport": {"width": 360, "height": 740}},
)


@pytest.fixture
def addresses(scope: int, actors: tuple[Actor, Actor], work: Callable[[], int]) -> dict[str, str]:
    """One page of each kind, with something on it."""
    waiting = preview_request(planted(scope).subject_id, by=actors[0])
    received = recorded_request(
        planted(scope).subject_id, by=actors[0], law="ccpa", contact="them@needle.example"
    )
    hold = holds.place_hold(
        received.subject_id,
        reason="Claim 12/26 before the county court of Leeds",
        owner_id=actors[1].id or 0,
        review_on=waiting.due_on,
        by=actors[1],
    )
    done = approved_request(planted(scope).subject_id, by=actors[0], approver=actors[1])
    work()
    assert hold.id
    return {
        "requests": "/privacy/",
        "new": f"/privacy/requests/new?subject={received.subject_id}",
        "received": f"/privacy/requests/{received.id}",
        "waiting": f"/privacy/requests/{waiting.id}",
        "done": f"/privacy/requests/{done.id}",
        "certificate": f"/privacy/requests/{done.id}/certificate",
        "retained": f"/privacy/retained/{retained_of(done.id)[0].id}",
        "holds": "/privacy/holds",
        "place_hold": f"/privacy/people/{waiting.subject_id}/hold",
        "suppression": "/privacy/suppression",
        "views": "/privacy/views",
        "person": f"/privacy/people/{waiting.subject_id}/views",
        "map": "/privacy/map",
    }


@pytest.mark.parametrize("look", LOOKS, ids=["light", "dark", "small"])
def test_no_page_has_an_axe_finding(
    addresses: dict[str, str],
    officers: tuple[Person, Person],
    open_browser: Callable[..., Page],
    look: dict[str, Any],
    request: pytest.FixtureRequest,
) -> None:
    page = open_browser(officers[1], **look)
    found: dict[str, list[str]] = {}
    for name, address in addresses.items():
        page.goto(address)
        keep_picture(page, f"{name}-{request.node.callspec.id}")
        if findings := axe_findings(page):
            found[name] = findings
        width = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert width <= 0, f"{name} scrolls sideways by {width} px"
    assert found == {}


def test_an_erasure_needs_no_javascript(
    scope: int,
    officers: tuple[Person, Person],
    actors: tuple[Actor, Actor],
    open_browser: Callable[..., Page],
    work: Callable[[], int],
) -> None:
    person = planted(scope)
    desk = open_browser(officers[0], java_script_enabled=False)
    desk.goto("/privacy/requests/new")
    desk.get_by_label("E-mail, phone or full name").fill(person.markers["customer", "email_key"])
    desk.get_by_role("button", name="Find").click()
    desk.get_by_role("link", name=f"Choose person {person.subject_id}").click()
    desk.get_by_role("button", name="Record the request").click()
    desk.get_by_role("button", name="Identity is verified").click()
    desk.get_by_role("button", name="It is this person alone").click()
    desk.get_by_role("button", name="Make the preview").click()
    second = open_browser(officers[1], java_script_enabled=False)
    second.goto(desk.url)
    second.get_by_role("button", name="Approve the erasure now").click()
    work()
    second.goto(desk.url)
    second.get_by_role("link", name="Erasure certificate").click()
    expect(second.get_by_text("The signature matches")).to_be_visible()
    found = db.session.query(PrivacyRequest).filter_by(kind="erasure").one()
    assert found.state == "third_parties"


def keep_picture(page: Page, name: str) -> None:
    """Keep a picture when somebody asked for them with ``PICTURES=folder``."""
    folder = os.environ.get("PICTURES")
    if folder:
        page.screenshot(path=Path(folder) / f"privacy-{name}.png", full_page=True)
