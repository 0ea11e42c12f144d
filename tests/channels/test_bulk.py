"""One act for many articles of a shop: at once for a page of ticked ones, as a job for more."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.channels import bulk, services
from portal.channels.models import ChannelListing
from portal.core import selected
from portal.core.audit import SYSTEM, AuditEntry
from portal.core.database import current_merchant_id, db
from portal.core.jobs import Job, JobItem, run_due_jobs
from portal.core.storage import StoredFile
from tests.support.client import HouseClient
from tests.support.people import Person, make_merchant, make_person
from tests.support.statements import count_statements

Login = Callable[[Person], HouseClient]
Member = Callable[..., Person]

ACTS = ["push", "pause", "resume"]


@pytest.fixture
def many(busy: int) -> dict[str, int]:
    """Seventy more articles, more than a page, all of the variant A; gives every article's key by its SKU there."""
    variant_id = db.session.scalars(
        sa.select(ChannelListing.variant_id).where(ChannelListing.remote_sku == "A")
    ).one()
    db.session.execute(
        sa.insert(ChannelListing.__table__),
        [
            {
                "merchant_id": current_merchant_id(), "account_id": busy, "remote_product_id": 9000 + n,
                "remote_sku": f"MANY-{n}", "remote_name": f"Many {n}", "variant_id": variant_id, "state": "in_step",
            }
            for n in range(70)
        ],
    )  # fmt: skip
    db.session.commit()
    return keys()


def keys() -> dict[str, int]:
    return dict(db.session.execute(sa.select(ChannelListing.remote_sku, ChannelListing.id)).all())


def paused() -> set[str]:
    db.session.rollback()
    return set(db.session.scalars(sa.select(ChannelListing.remote_sku).where(ChannelListing.is_paused)))


def entries(action: str) -> int:
    db.session.rollback()
    return len(db.session.scalars(sa.select(AuditEntry.id).where(AuditEntry.action == action)).all())


def listed(client: HouseClient, account_id: int, query: str = "") -> str:
    """The state of the list in one word, as its bar sends it."""
    page = client.get(f"/channels/{account_id}/articles{query}").text
    return re.findall(r'name="list" value="([A-Za-z0-9_-]+)"', page)[0]


def asked(client: HouseClient, account_id: int, act: str, **sent: Any) -> dict[str, str]:
    """What the page that asks carries on."""
    answer = client.post(f"/channels/{account_id}/articles/{act}", data=sent)
    assert answer.status_code == 200
    return {"chosen": re.findall(r'name="chosen" value="(\w+)"', answer.text)[0], "act": act}


def bulk_jobs() -> list[Job]:
    db.session.rollback()
    return list(db.session.scalars(sa.select(Job).where(Job.kind == "channels.articles")))


def results() -> dict[str, str]:
    db.session.rollback()
    run_due_jobs()
    db.session.rollback()
    return dict(db.session.execute(sa.select(JobItem.key, JobItem.message)).all())


def test_ticked_articles_are_changed_at_once(login: Login, member: Member, busy: int) -> None:
    browser = login(member("owner"))
    ticked = [str(key) for key in keys().values()]
    for _ in range(2):
        answer = browser.post(f"/channels/{busy}/articles/pause", data={"key": ticked})
        assert answer.status_code == 303
        told = browser.get(answer.headers["Location"]).text
        assert "3 articles are paused. 1 is left alone: Choose the variant first" in told
        assert paused() == {"A", "B", "BAD"}
    assert entries("channel.listing_paused") == 3, "what was paused already is not told again"
    browser.post(f"/channels/{busy}/articles/push", data={"key": ticked})
    assert entries("channel.listing_pushed") == 0
    browser.post(f"/channels/{busy}/articles/resume", data={"key": ticked})
    assert paused() == set() and entries("channel.listing_resumed") == 3
    browser.post(f"/channels/{busy}/articles/push", data={"key": ticked})
    assert entries("channel.listing_pushed") == 3
    states = db.session.scalars(sa.select(ChannelListing.state).where(ChannelListing.variant_id.is_not(None)))
    assert set(states) == {"waiting"} and not bulk_jobs()


@pytest.mark.parametrize("act", ACTS)
def test_the_number_of_statements_does_not_grow(
    app: Flask, many: dict[str, int], busy: int, act: str
) -> None:
    matched = [key for sku, key in many.items() if sku != "ARTICLE-X"]

    def statements(some: list[int]) -> int:
        db.session.execute(
            sa.update(ChannelListing).where(ChannelListing.id.in_(some)).values(is_paused=act == "resume")
        )
        return count_statements(app, lambda: bulk.change_together(busy, some, act, by=SYSTEM))

    assert statements(matched[:5]) == statements(matched) == 3


def test_more_than_a_page_is_a_job(
    login: Login, member: Member, busy: int, many: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BATCH", 30)
    browser = login(member("owner"))
    gone, strange = many["MANY-7"], many["ARTICLE-X"]
    ticked = [str(key) for key in many.values()]
    answer = browser.post(f"/channels/{busy}/articles/pause", data={"key": ticked})
    assert "Pause: 74 articles" in answer.text and not paused()
    assert re.search(
        r"<dt>In step</dt><dd>7\d articles</dd>.*<dt>Not matched</dt><dd>1 article</dd>", answer.text
    )
    sent = asked(browser, busy, "pause", key=ticked)
    db.session.execute(
        sa.delete(ChannelListing.__table__).where(
            ChannelListing.merchant_id == current_merchant_id(), ChannelListing.id == gone
        )
    )
    db.session.commit()
    first, second = (browser.post(f"/channels/{busy}/articles/start", data=sent) for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"] and len(bulk_jobs()) == 1
    told = results()
    assert told[str(gone)] == "There is no such article in this channel."
    assert told[str(strange)].startswith("Choose the variant first")
    assert len(paused()) == 72 == entries("channel.listing_paused")
    (job,) = bulk_jobs()
    assert (job.state, job.done, job.total, job.ok_items, job.failed_items) == ("done", 74, 74, 72, 2)
    rows = browser.get(f"/operations/jobs/{job.id}").text
    assert f'<a href="/channels/{busy}/articles/{strange}">ARTICLE-X Stranger</a>' in rows
    assert f'class="code">{gone}</th>' in rows, "an article that is gone has no other name"
    assert browser.post(f"/channels/{busy}/articles/start", data=sent).status_code == 422
    assert sent["chosen"] not in str(db.session.scalars(sa.select(StoredFile.key)).all())


def test_what_failed_is_tried_again_alone(
    login: Login, member: Member, busy: int, many: dict[str, int]
) -> None:
    browser = login(member("owner"))
    sent = asked(browser, busy, "pause", all="1", list=listed(browser, busy))
    browser.post(f"/channels/{busy}/articles/start", data=sent)
    results()
    assert len(paused()) == 73
    browser.post(f"/channels/{busy}/articles/{many['ARTICLE-X']}/match", data={"sku": "ARTICLE-XL"})
    (first,) = bulk_jobs()
    assert browser.post(f"/operations/jobs/{first.id}/row-retry").status_code == 303
    results()
    again = next(each for each in bulk_jobs() if each.retry_of)
    assert (again.state, again.ok_items, again.failed_items) == ("done", 1, 0)
    assert len(paused()) == 74 == entries("channel.listing_paused")


def test_all_that_match_are_counted_and_the_job_works_on_those(
    login: Login, member: Member, busy: int, many: dict[str, int]
) -> None:
    browser = login(member("owner"))
    word = listed(browser, busy, "?f=1.state.is.in_step")
    shown = browser.post(f"/channels/{busy}/articles/push", data={"all": "1", "list": word}).text
    count = re.findall(r"Push now: (\d+) articles", shown)[0]
    assert "State is In step" in shown and int(count) >= 70
    sent = asked(browser, busy, "push", all="1", list=word)
    db.session.execute(
        sa.update(ChannelListing)
        .where(ChannelListing.remote_sku == "BAD")
        .values(state="in_step", acknowledged_version=ChannelListing.wanted_version)
    )
    db.session.commit()
    assert browser.post(f"/channels/{busy}/articles/start", data=sent).status_code == 303
    results()
    assert entries("channel.listing_pushed") == int(count), "what comes to match later is left alone"
    assert db.session.scalars(sa.select(Job.kind).where(Job.kind == "channels.sync")).first()


def test_more_than_are_counted_are_found_by_the_job_in_their_own_account(
    login: Login, member: Member, busy: int, many: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = services.connect_shop(
        "woocommerce", services.AccountValues("Other", "https://other.example.com", "GBP"),
        "ck_12345678", "cs_12345678", by=SYSTEM,
    ).id  # fmt: skip
    moved = [many[f"MANY-{n}"] for n in range(5)]
    db.session.execute(sa.update(ChannelListing).where(ChannelListing.id.in_(moved)).values(account_id=other))
    db.session.commit()
    monkeypatch.setattr(selected, "CAP", 10)
    browser = login(member("owner"))
    word = listed(browser, busy)
    assert "more than 10 articles" in browser.post(
        f"/channels/{busy}/articles/pause", data={"all": "1", "list": word}
    ).text.replace("\n", " ")
    sent = asked(browser, busy, "pause", all="1", list=word)
    assert browser.post(f"/channels/{busy}/articles/start", data=sent).status_code == 303
    results()
    assert len(paused()) == 68 and not paused() & {f"MANY-{n}" for n in range(5)}
    ticked = {"key": [str(key) for key in moved]}
    browser.post(f"/channels/{busy}/articles/pause", data=ticked)
    assert not paused() & {f"MANY-{n}" for n in range(5)}, "an article of another account is none of this one"


def test_a_channel_that_is_off_pushes_nothing(
    login: Login, member: Member, busy: int, many: dict[str, int]
) -> None:
    browser = login(member("owner"))
    word = listed(browser, busy)
    sent = asked(browser, busy, "push", all="1", list=word)
    assert browser.post(f"/channels/{busy}/articles/start", data=sent).status_code == 303
    services.switch_off(services.account_of(busy), by=SYSTEM)
    db.session.commit()
    results()
    (job,) = bulk_jobs()
    assert job.state == "failed" and "Switch the channel on first" in str(job.error)
    assert entries("channel.listing_pushed") == 0
    for data in ({"all": "1", "list": word}, {"key": str(many["A"])}):
        assert browser.post(f"/channels/{busy}/articles/push", data=data).status_code == 422
    assert browser.post(f"/channels/{busy}/articles/start", data=sent).status_code == 422
    assert browser.post(f"/channels/{busy}/articles/pause", data={"key": str(many["A"])}).status_code == 303


def test_who_may_not_changes_nothing(
    app: Flask, login: Login, member: Member, busy: int, many: dict[str, int]
) -> None:
    owner = login(member("owner"))
    word = listed(owner, busy)
    sent = asked(owner, busy, "pause", all="1", list=word)
    reader, stranger = login(member("read-only")), login(make_person(app, make_merchant(app), "owner"))
    colleague = login(member("owner"))
    for data in ({"key": str(many["A"])}, {"all": "1", "list": word}):
        for act in ACTS:
            assert reader.post(f"/channels/{busy}/articles/{act}", data=data).status_code == 403
            assert stranger.post(f"/channels/{busy}/articles/{act}", data=data).status_code == 404
    assert reader.post(f"/channels/{busy}/articles/start", data=sent).status_code == 403
    assert stranger.post(f"/channels/{busy}/articles/start", data=sent).status_code == 404
    for data in (sent, {"act": "pause"}, {"act": "pause", "chosen": "../../etc"}):
        assert colleague.post(f"/channels/{busy}/articles/start", data=data).status_code == 422
    for data in (sent | {"act": ""}, sent | {"act": "drop"}):
        assert owner.post(f"/channels/{busy}/articles/start", data=data).status_code == 422
    for data in ({}, {"key": "x"}, {"all": "1", "list": "?"}):
        assert owner.post(f"/channels/{busy}/articles/pause", data=data).status_code == 422
    assert not bulk_jobs() and not paused()
