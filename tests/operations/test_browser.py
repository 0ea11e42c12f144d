"""The screens of operations in a real browser: readable for everyone, alive while a job runs, of use without JavaScript."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from flask import Flask
from playwright.sync_api import Page, expect

from portal.core import audit, jobs, mail
from portal.core.audit.models import AuditEntry
from portal.core.database import db, merchant_scope
from portal.core.jobs import JobRun, registry
from portal.core.subjects import DataSubject
from tests.support.browser import axe_findings
from tests.support.people import Person


def some_rows_fail(run: JobRun) -> None:
    for number in range(3):
        run.item(str(number), ok=False, message="There is no such product.")
    run.commit(done=3, note="Three rows were read.")


@pytest.fixture
def work() -> Iterator[None]:
    """A kind of work whose rows fail; gone after the test."""
    before = dict(registry._kinds)
    jobs.job("test.work", title="Import of a test", permission="imports.run", retries_rows=True)(
        some_rows_fail
    )
    yield
    registry._kinds.clear()
    registry._kinds.update(before)


@pytest.fixture
def places(app: Flask, merchant: int, work: None, member: Callable[..., Person]) -> list[str]:
    """Every page of operations, with something on each."""
    by = member("owner").actor
    with app.app_context(), merchant_scope(merchant):
        person = DataSubject()
        db.session.add(person)
        db.session.flush()
        letter = mail.send_mail(
            "mail_test", to="jane@example.com", context={"shop": "A shop"}, subject_id=person.id
        )
        audit.record(
            "price.changed",
            by=by,
            subject=("variant", 5),
            before={"amount": "1.50"},
            after={"amount": "2.00"},
        )
        done = jobs.enqueue("test.work", by=by, total=3)
        db.session.commit()
        jobs.run_due_jobs()
        waiting = jobs.enqueue("test.work", by=by, total=3)
        db.session.commit()
        entry = db.session.scalars(sa.select(AuditEntry.id).where(AuditEntry.action == "price.changed")).one()
        own = [
            "jobs",
            "jobs/background",
            f"jobs/{done.id}",
            f"jobs/{waiting.id}",
            f"jobs/{done.id}/rows",
            "messages",
            f"messages/{letter.id}",
            "mailbox",
            "audit",
            f"audit/{entry}",
            "mail-account",
        ]
    return [f"/operations/{place}" for place in own]


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
def test_the_page_of_a_job_follows_it_to_its_end_by_itself(
    app: Flask,
    merchant: int,
    places: list[str],
    open_browser: Callable[..., Page],
    member: Callable[..., Person],
) -> None:
    page = open_browser(member("owner"))
    page.goto(places[3])
    expect(page.get_by_text("It waits for a worker.")).to_be_visible()
    with app.app_context(), merchant_scope(merchant):
        jobs.run_due_jobs()
    expect(page.get_by_role("button", name="Retry 3 failed rows")).to_be_visible()
    expect(page.get_by_text("Three rows were read.")).to_be_visible()


@pytest.mark.browser
def test_a_job_is_cancelled_and_resumed_without_javascript(
    places: list[str], open_browser: Callable[..., Page], member: Callable[..., Person]
) -> None:
    page = open_browser(member("owner"), java_script_enabled=False)
    page.goto(places[3])
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled").first).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("The job goes on where it stopped.")).to_be_visible()
