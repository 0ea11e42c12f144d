"""The pages of jobs: the list, one job, steering it, its result, the ring."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.core import jobs, storage
from portal.core.audit.models import AuditEntry
from portal.core.database import db, merchant_scope
from portal.core.jobs import Job, JobRun, registry
from tests.support.client import HouseClient
from tests.support.people import Person, make_merchant, make_person

Login = Callable[[Person], HouseClient]
Member = Callable[..., Person]


@pytest.fixture
def work() -> Iterator[Callable[..., None]]:
    """Register the handler of ``test.work``; gone after the test."""
    before = dict(registry._kinds)

    def register(handler: Callable[[JobRun], None] = lambda run: None, **options: Any) -> None:
        registry._kinds.pop("test.work", None)
        jobs.job("test.work", title="Import of a test", **{"permission": "imports.run", **options})(handler)

    register()
    yield register
    registry._kinds.clear()
    registry._kinds.update(before)


@pytest.fixture
def start(app: Flask, merchant: int) -> Callable[..., int]:
    """Enqueue ``test.work`` for a person and maybe run it; gives its id."""

    def begin(person: Person, *, run: bool = False, **options: Any) -> int:
        with app.app_context(), merchant_scope(merchant):
            job = jobs.enqueue("test.work", by=person.actor, **options)
            db.session.commit()
            job_id = job.id
            if run:
                jobs.run_due_jobs()
            return job_id

    return begin


def state_of(app: Flask, merchant: int, job_id: int) -> str:
    with app.app_context(), merchant_scope(merchant):
        return jobs.job_of(job_id).state


def with_result(run: JobRun) -> None:
    storage.put(f"exports/{run.id}.csv", b"number;total\r\n1;2\r\n", media_type="text/csv")
    run.attach_result(f"exports/{run.id}.csv", "orders.csv", "text/csv")


def test_the_list_shows_what_runs_and_what_ran(work: Any, start: Any, member: Member, login: Login) -> None:
    owner = member("owner")
    start(owner, total=5)
    page = login(owner).get("/operations/jobs")
    assert page.status_code == 200
    assert "Import of a test" in page.text and owner.name in page.text and "Queued" in page.text


def test_an_empty_list_says_what_it_is(member: Member, login: Login) -> None:
    assert "Imports, exports and other long work" in login(member("owner")).get("/operations/jobs").text


def test_quiet_work_stands_apart(work: Any, start: Any, member: Member, login: Login) -> None:
    work(quiet=True)
    owner = member("owner")
    job_id = start(owner)
    client = login(owner)
    assert f"/operations/jobs/{job_id}" not in client.get("/operations/jobs").text
    assert f"/operations/jobs/{job_id}" in client.get("/operations/jobs/background").text


def test_a_running_job_asks_again_and_a_finished_one_does_not(
    app: Flask, work: Any, start: Any, member: Member, login: Login
) -> None:
    owner = member("owner")
    job_id = start(owner)
    client = login(owner)
    waiting = client.fragment(f"/operations/jobs/{job_id}/progress")
    assert waiting.status_code == 200 and "every 2s" in waiting.text and "<html" not in waiting.text
    with app.app_context(), merchant_scope(owner.merchant_id):
        jobs.run_due_jobs()
    done = client.fragment(f"/operations/jobs/{job_id}/progress")
    assert "every 2s" not in done.text and "Done" in done.text


def test_a_job_shows_progress_pace_and_time_left(
    app: Flask, work: Any, start: Any, member: Member, login: Login
) -> None:
    owner = member("owner")
    job_id = start(owner)
    with app.app_context(), merchant_scope(owner.merchant_id):
        db.session.execute(
            sa.update(Job).values(
                state="running",
                attempt=1,
                lease_until=sa.func.now() + sa.text("interval '30 s'"),
                done=1_200,
                total=5_000,
                rate=100.0,
            )
        )
        db.session.commit()
    page = login(owner).get(f"/operations/jobs/{job_id}").text
    assert "1,200 of 5,000" in page and "100" in page and "38 s" in page


def test_failed_rows_are_listed_with_their_reason(
    work: Any, start: Any, member: Member, login: Login
) -> None:
    def handler(run: JobRun) -> None:
        for number in range(60):
            run.item(f"{number:03d}", ok=False, message="No such product <b>")

    work(handler, retries_rows=True)
    owner = member("owner")
    job_id = start(owner, run=True)
    client = login(owner)
    page = client.get(f"/operations/jobs/{job_id}").text
    assert (
        "No such product &lt;b&gt;" in page
        and "Retry 60 failed rows" in page
        and "049" in page
        and ">055<" not in page
    )
    assert ">055<" in client.get(f"/operations/jobs/{job_id}/rows?after=049").text


def test_cancelling_resuming_and_retrying_by_hand(
    app: Flask, work: Any, start: Any, member: Member, login: Login, merchant: int
) -> None:
    work(lambda run: run.item("1", ok=False, message="No."), retries_rows=True)
    owner = member("owner")
    job_id = start(owner)
    client = login(owner)
    assert client.post(f"/operations/jobs/{job_id}/cancellation").status_code == 303
    assert state_of(app, merchant, job_id) == "cancelled"
    assert client.post(f"/operations/jobs/{job_id}/cancellation").status_code == 409
    assert client.post(f"/operations/jobs/{job_id}/resumption").status_code == 303
    with app.app_context(), merchant_scope(merchant):
        jobs.run_due_jobs()
    answer = client.post(f"/operations/jobs/{job_id}/row-retry")
    assert answer.status_code == 303 and not answer.location.endswith(str(job_id))


def test_another_person_may_steer_a_job_only_with_the_right(
    work: Any, start: Any, member: Member, login: Login
) -> None:
    job_id = start(member("owner"))
    client = login(member("support"))
    page = client.get(f"/operations/jobs/{job_id}")
    assert page.status_code == 200 and "Cancel" not in page.text
    assert client.post(f"/operations/jobs/{job_id}/cancellation").status_code == 403


def test_a_stranger_and_a_signed_out_person_see_nothing(
    app: Flask, work: Any, start: Any, member: Member, login: Login, client: HouseClient
) -> None:
    job_id = start(member("owner"))
    stranger = make_person(app, make_merchant(app), "owner")
    for path in (
        f"/operations/jobs/{job_id}",
        f"/operations/jobs/{job_id}/progress",
        f"/operations/jobs/{job_id}/rows",
    ):
        assert login(stranger).get(path).status_code == 404
        assert client.get(path).status_code in {302, 303}
    assert login(stranger).post(f"/operations/jobs/{job_id}/cancellation").status_code == 404
    assert client.get("/operations/jobs").status_code in {302, 303}


def test_a_result_is_downloaded_by_its_owner_and_each_download_is_logged(
    app: Flask, work: Any, start: Any, member: Member, login: Login, merchant: int
) -> None:
    work(with_result)
    owner = member("owner")
    page = login(owner).get(f"/operations/jobs/{start(owner, run=True)}").text
    link = page.split('href="/operations/files/')[1].split('"')[0]
    answer = login(owner).get(f"/operations/files/{link}")
    assert answer.data == b"number;total\r\n1;2\r\n"
    assert answer.headers["Content-Disposition"] == "attachment; filename=orders.csv"
    assert "no-store" in answer.headers["Cache-Control"]
    with app.app_context(), merchant_scope(merchant):
        logged = db.session.scalars(
            sa.select(AuditEntry.actor_id).where(AuditEntry.action == "file.downloaded")
        ).all()
    assert logged == [owner.user_id]


def test_a_link_is_for_one_person_one_merchant_and_one_role(
    app: Flask,
    work: Any,
    start: Any,
    member: Member,
    login: Login,
    client: HouseClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    work(with_result)
    owner, other = member("owner"), member("owner")
    page = login(owner).get(f"/operations/jobs/{start(owner, run=True)}").text
    path = "/operations/files/" + page.split('href="/operations/files/')[1].split('"')[0]
    stranger = make_person(app, make_merchant(app), "owner")
    assert [login(each).get(path).status_code for each in (owner, other, stranger)] == [200, 404, 404]
    assert login(owner).get(path[:-2] + "xx").status_code == 404
    assert client.get(path).status_code in {302, 303}
    work(with_result, permission="privacy.approve")
    monkeypatch.setattr("portal.operations.downloads.SECONDS", -1)
    assert login(owner).get(path).status_code == 404


def test_somebody_without_the_right_to_the_work_gets_no_link(
    work: Any, start: Any, member: Member, login: Login
) -> None:
    work(with_result)
    job_id = start(member("owner"), run=True)
    assert "/operations/files/" not in login(member("read-only")).get(f"/operations/jobs/{job_id}").text


def test_the_ring_fills_while_something_runs(work: Any, start: Any, member: Member, login: Login) -> None:
    owner = member("owner")
    client = login(owner)
    idle = client.fragment("/operations/ring")
    assert idle.status_code == 200 and "No job in progress" in idle.text and "every 5s" not in idle.text
    start(owner, total=10)
    busy = client.fragment("/operations/ring")
    assert "1 job in progress" in busy.text and "every 5s" in busy.text


def test_a_job_of_a_kind_that_is_gone_still_has_a_page(
    work: Any, start: Any, member: Member, login: Login
) -> None:
    owner = member("owner")
    job_id = start(owner)
    registry._kinds.pop("test.work")
    assert login(owner).get(f"/operations/jobs/{job_id}").status_code == 200
