"""The screens of channels in a real browser: readable for everyone, and of use without JavaScript."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect

from portal.channels.models import ChannelInboundOrder, ChannelListing
from portal.core.database import db
from tests.support.browser import axe_findings
from tests.support.people import Person

PAGES = ["", "/articles", "/unmatched", "/orders", "/drift", "/log", "/settings"]


@pytest.fixture
def places(busy: int) -> list[str]:
    """Every page of a busy channel."""
    db.session.expire_all()
    article = db.session.scalars(sa.select(ChannelListing.id).where(ChannelListing.state == "failed")).one()
    order = db.session.scalars(
        sa.select(ChannelInboundOrder.id).where(ChannelInboundOrder.state == "failed")
    ).one()
    db.session.rollback()
    own = [*PAGES, f"/articles/{article}", f"/orders/{order}"]
    return ["/channels", "/channels/new", *(f"/channels/{busy}{page}" for page in own)]


@pytest.mark.browser
def test_no_page_shuts_anyone_out(
    places: list[str], open_browser: Callable[..., Page], member: Callable[..., Person]
) -> None:
    page = open_browser(member("owner"))
    findings = {}
    for place in places:
        page.goto(place)
        findings[place] = axe_findings(page)
    assert not {place: found for place, found in findings.items() if found}


@pytest.mark.browser
@pytest.mark.axe_all
@pytest.mark.parametrize(
    "options", [{"color_scheme": "dark"}, {"viewport": {"width": 360, "height": 740}}], ids=["dark", "360px"]
)
def test_no_page_shuts_anyone_out_in_the_dark_or_on_a_phone(
    places: list[str],
    open_browser: Callable[..., Page],
    member: Callable[..., Person],
    options: dict[str, object],
) -> None:
    page = open_browser(member("owner"), **options)
    findings = {}
    for place in places:
        page.goto(place)
        width = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        findings[place] = axe_findings(page) + ([f"{width} px too wide"] if width > 0 else [])
    assert not {place: found for place, found in findings.items() if found}


@pytest.mark.browser
def test_an_article_is_matched_without_javascript(
    busy: int, open_browser: Callable[..., Page], member: Callable[..., Person]
) -> None:
    page = open_browser(member("owner"), java_script_enabled=False)
    page.goto(f"/channels/{busy}/unmatched")
    page.get_by_role("button", name="Match ARTICLE-XL").click()
    expect(page.get_by_text("The article is matched.")).to_be_visible()
    expect(page.get_by_text("Nothing to match")).to_be_visible()
