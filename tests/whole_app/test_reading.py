"""What holds for everything that is only looked at: it is kept nowhere, changes nothing, and its forms have labels."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from portal.accounts.access import requires
from portal.core.clock import utc_now
from portal.core.database import db
from tests.support.client import HouseClient
from tests.support.people import Person, sign_in
from tests.support.statements import statements_seen
from tests.whole_app.addresses import address_of
from tests.whole_app.rules import routes

Login = Callable[[Person], HouseClient]

MOST_PAGES: Final = 250
# These say by 503 that something else is missing, which in a test it may be.
SAYS_NO: Final = frozenset({"/readyz"})
WRITES: Final = re.compile(
    r"\b(INSERT\s+INTO|UPDATE(?!\s+(OF|SKIP|NOWAIT)\b)\s+(?:ONLY\s+)?\w|DELETE\s+FROM|MERGE\s+INTO|COPY\s+\w+.*\bFROM|TRUNCATE)",
    re.IGNORECASE,
)
# Looking leaves two traces on purpose: that the person is at work, and that they saw a customer.
ALLOWED: Final = re.compile(
    r"^\s*(UPDATE user_session SET last_seen_at|INSERT INTO personal_data_view\b)", re.IGNORECASE
)


class _Links(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.targets += [
            value for name, value in attrs if name in {"href", "hx-get"} and value and tag != "link"
        ]


def pages(app: Flask, client: HouseClient) -> Iterator[tuple[str, TestResponse]]:
    """Every page that can be read: from every address without parameters, along the links."""
    start = [
        address_of(app, rule)
        for rule in routes(app)
        if "GET" in (rule.methods or ()) and not rule._converters
    ]
    waiting, seen = deque(sorted(start)), set()
    while waiting and len(seen) < MOST_PAGES:
        path = waiting.popleft()
        shape = re.sub(r"\d+", "#", urlsplit(path).path), urlsplit(path).query
        if shape in seen:
            continue
        seen.add(shape)
        answer = client.get(path)
        yield path, answer
        if answer.mimetype == "text/html":
            found = (urlsplit(target) for target in _Links(answer.text).targets)
            waiting.extend(
                f"{each.path}?{each.query}" if each.query else each.path
                for each in found
                if not each.netloc and each.path.startswith("/") and not each.path.startswith("/static/")
            )


def writes_of(seen: list[tuple[str, Any]]) -> list[str]:
    """The statements among *seen* that write."""
    return [
        " ".join(statement.split())[:200]
        for statement, _ in seen
        if WRITES.search(statement) and not ALLOWED.match(statement)
    ]


def test_reading_breaks_nothing_changes_nothing_and_leaves_nothing_behind(
    app: Flask, login: Login, member: Callable[..., Person]
) -> None:
    client = login(member("owner"))
    broken, kept, writing = [], [], []
    with statements_seen(app) as seen:
        for path, answer in pages(app, client):
            if answer.status_code >= 500 and path not in SAYS_NO:
                broken.append(f"{path}: {answer.status_code}")
            if answer.headers.get("Cache-Control") != "no-store":
                kept.append(f"{path}: {answer.headers.get('Cache-Control')}")
            if (
                answer.mimetype == "text/html"
                and answer.status_code == 200
                and "HX-Request" not in answer.headers.get("Vary", "")
            ):
                kept.append(f"{path}: Vary is {answer.headers.get('Vary')}")
            writing += [f"{path}: {write}" for write in writes_of(seen)[:1]]
            seen.clear()
    assert (broken, kept, writing) == ([], [], [])


def test_what_is_sent_to_people_who_are_not_signed_in_is_kept_nowhere_either(client: HouseClient) -> None:
    for path in ("/sign-in", "/forgotten-password", "/nothing-here", "/users"):
        assert client.get(path).headers["Cache-Control"] == "no-store", path


def test_a_page_that_writes_or_may_be_kept_is_found(planted: Flask, member: Callable[..., Person]) -> None:
    person = member("owner")

    @requires()
    def writes() -> str:
        db.session.execute(
            sa.text("UPDATE user_account SET updated_at = :now WHERE id = :id"),
            {"now": utc_now(), "id": person.user_id},
        )
        return "<html><h1>x</h1></html>"

    planted.add_url_rule("/planted", "planted", writes)
    client = planted.test_client()
    assert isinstance(client, HouseClient)
    sign_in(planted, client, person)
    with statements_seen(planted) as seen:
        client.get("/planted")
    assert len(writes_of(seen)) == 1


@pytest.mark.parametrize(
    ("statement", "is_write"),
    [
        ("INSERT INTO product (id) VALUES (1)", True),
        ("WITH x AS (DELETE FROM a RETURNING 1) SELECT 1", True),
        ("UPDATE ONLY a SET b = 1", True),
        ("SELECT * FROM a FOR UPDATE", False),
        ("SELECT * FROM a FOR NO KEY UPDATE OF a", False),
        ("SELECT * FROM a FOR UPDATE SKIP LOCKED", False),
        ("SELECT updated_at FROM a", False),
    ],
)
def test_writes_are_told_from_reads(statement: str, is_write: bool) -> None:
    assert bool(WRITES.search(statement)) is is_write


def test_a_form_without_a_label_or_an_action_is_found(planted: Flask, member: Callable[..., Person]) -> None:
    bad = {
        "/unlabelled": '<html><h1>x</h1><form action="/x"><input name="a"></form></html>',
        "/homeless": "<html><h1>x</h1><form><label>a<input></label></form></html>",
        "/headless": "<html><h2>x</h2></html>",
        "/twins": '<html><h1 id="a">x</h1><p id="a"></html>',
    }
    client = planted.test_client()
    for path, page in bad.items():
        planted.add_url_rule(path, path, requires()(lambda page=page: page))
    assert isinstance(client, HouseClient)
    sign_in(planted, client, member("owner"))
    for path in bad:
        with pytest.raises(AssertionError):
            client.get(path)
