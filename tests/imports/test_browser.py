"""An import in a real browser: from file to undo, by mouse and without JavaScript, with nothing axe objects to."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from portal.core.database import db, merchant_scope
from portal.core.jobs import run_due_jobs
from portal.stock.models import Location
from tests.imports.conftest import HEAD, row
from tests.support.browser import axe_findings
from tests.support.people import Person

pytestmark = pytest.mark.browser

CSV = (
    HEAD
    + row("1", "A1", 5, "1.50")
    + row("1", "POST", 1, "4.00", description="POSTAGE")
    + row("2", "A1", 1, "oops")
)


def picture(page: Page, name: str) -> None:
    """Keep a picture where SCREENSHOTS says; for looking, not for comparing."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


@pytest.mark.parametrize("java_script", [True, False], ids=["with JavaScript", "without"])
def test_a_file_is_mapped_checked_applied_and_taken_back(
    app: Flask,
    live_app: Flask,
    merchant: int,
    member: Callable[..., Person],
    open_browser: Callable[..., Page],
    java_script: bool,
) -> None:
    def work() -> None:
        with live_app.app_context(), merchant_scope(merchant):
            run_due_jobs()

    with app.app_context(), merchant_scope(merchant):
        db.session.add(Location(name="Main", code="MAIN-1"))
        db.session.commit()
    page = open_browser(member("owner"), java_script_enabled=java_script)
    page.goto("/imports/new")
    page.get_by_label("CSV file").set_input_files(
        {"name": "sales.csv", "mimeType": "text/csv", "buffer": CSV.encode()}
    )
    page.get_by_role("button", name="Upload and look at it").click()
    page.wait_for_url("**/mapping")
    picture(page, "imports-mapping")
    if java_script:
        assert axe_findings(page) == []
    page.get_by_role("button", name="Check the file").click()
    page.get_by_text("Waiting for a worker").wait_for()
    work()
    page.reload()
    page.get_by_text("Unit price is not a number").wait_for()
    picture(page, "imports-checked")
    if java_script:
        assert axe_findings(page) == []
    page.get_by_role("button", name="Apply", exact=True).click()
    page.get_by_text("Waiting for a worker").wait_for()
    work()
    page.reload()
    page.get_by_text("Everything is written").wait_for()
    page.goto("/imports")
    expect(page.get_by_role("link", name="sales.csv")).to_have_count(1)
    picture(page, "imports-list")
    if java_script:
        assert axe_findings(page) == []
