"""The screens of accounts in a real browser: no finding of axe in light and dark, nothing cut off at 360 px."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask
from playwright.sync_api import Page, expect

from portal.accounts.models import Role
from portal.core.database import db, merchant_scope
from tests.support.browser import axe_findings
from tests.support.people import PASSWORD, Person

pytestmark = pytest.mark.browser

SIGNED_OUT = ("/sign-in", "/forgotten-password")
SIGNED_IN = (
    "/account",
    "/account/password",
    "/account/sessions",
    "/account/merchants",
    "/account/confirmation",
    "/users",
    "/users/invitations/new",
    "/roles",
    "/roles/new",
    "/settings/merchant",
)
LOOKS = pytest.mark.parametrize(
    ("scheme", "width"),
    [
        ("light", 1280),
        pytest.param("dark", 1280, marks=pytest.mark.axe_all),
        pytest.param("light", 360, marks=pytest.mark.axe_all),
    ],
)


def check(page: Page, path: str) -> list[str]:
    """What is wrong with one page."""
    found = [f"{path}: {line}" for line in axe_findings(page)]
    excess = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return found + ([f"{path} is {excess} px too wide"] if excess > 0 else [])


@LOOKS
def test_the_screens_are_clean(
    app: Flask,
    open_browser: Callable[..., Page],
    member: Callable[..., Person],
    live_server: str,
    scheme: str,
    width: int,
) -> None:
    person = member("owner", name="Wolfeschlegelsteinhausenbergerdorff " * 4)
    with app.app_context(), merchant_scope(person.merchant_id):
        role_id = db.session.scalar(sa.select(Role.id).where(Role.key == "support"))
    page = open_browser(person, color_scheme=scheme, viewport={"width": width, "height": 900})
    found = []
    for path in (*SIGNED_IN, f"/users/{person.user_id}", f"/roles/{role_id}"):
        page.goto(live_server + path)
        found += check(page, path)
    assert found == []


@LOOKS
def test_the_screens_before_signing_in_are_clean(
    open_browser: Callable[..., Page], live_server: str, scheme: str, width: int
) -> None:
    page = open_browser(color_scheme=scheme, viewport={"width": width, "height": 900})
    found = []
    for path in SIGNED_OUT:
        page.goto(live_server + path)
        found += check(page, path)
    assert found == []


def test_someone_signs_in_and_out_without_script(
    open_browser: Callable[..., Page], member: Callable[..., Person], live_server: str
) -> None:
    person = member("owner")
    page = open_browser(java_script_enabled=False)
    page.goto(f"{live_server}/sign-in?next=/account")
    page.get_by_label("E-mail").fill(person.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your profile")
    page.goto(f"{live_server}/users/{person.user_id}")
    page.locator("summary.person-button").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
