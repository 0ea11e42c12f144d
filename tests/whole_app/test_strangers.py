"""What belongs to another merchant does not exist here: the same answer, to the byte, as for what exists nowhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from portal.accounts.access import declared_access, requires
from tests.accounts.links import without_tokens
from tests.support.client import HouseClient
from tests.support.people import Person, make_merchant, make_person, sign_in
from tests.whole_app.addresses import NOBODYS_NUMBER, NOBODYS_WORD, address_of, methods_of
from tests.whole_app.rules import routes
from tests.whole_app.specimens import NO_ROW, TABLES, insert_specimen

if TYPE_CHECKING:
    from tests.support.databases import MadeDatabase

Login = Callable[[Person], HouseClient]


def parameters(app: Flask) -> set[str]:
    return {name for rule in routes(app) for name in rule._converters}


def naming_a_row(app: Flask) -> list[Rule]:
    return [
        rule
        for rule in routes(app)
        if set(rule._converters) & TABLES.keys()
        and (access := declared_access(app, rule.endpoint)) is not None
        and not access.is_public
    ]


def told_apart(
    app: Flask, client: HouseClient, foreign: dict[str, Any], only: list[Rule] | None = None
) -> list[str]:
    """Addresses that answer differently for another merchant's row than for no row."""
    found = []
    for rule in only or naming_a_row(app):
        ids = {name: foreign[name] for name in rule._converters if name in foreign}
        for method in methods_of(rule):
            theirs = client.open(address_of(app, rule, **ids), method=method)
            nobodys = client.open(address_of(app, rule), method=method)
            if theirs.status_code == 422 and nobodys.status_code == 422:
                continue
            if body_of(theirs, ids) != body_of(nobodys, ids):
                found.append(
                    f"{method} {rule}: {theirs.status_code} for a stranger's row, {nobodys.status_code} for none"
                )
    return found


def body_of(answer: TestResponse, ids: dict[str, Any]) -> tuple[int, str]:
    text = without_tokens(answer.text).replace(answer.headers["X-Request-ID"], "…")
    # What an earlier answer had to say stands on whichever page comes next.
    text = re.sub(r'<div class="toast-note".*?</div>', "", text, flags=re.DOTALL)
    for word in (*map(str, ids.values()), str(NOBODYS_NUMBER), NOBODYS_WORD):
        text = re.sub(rf"\b{re.escape(word)}\b", "…", text)
    return answer.status_code, " ".join(text.split())


@pytest.fixture
def foreign(app: Flask, database: MadeDatabase) -> dict[str, Any]:
    """One row of every kind that an address can name, at a merchant nobody here works for."""
    stranger = make_merchant(app)
    wanted = parameters(app) & TABLES.keys() - {"user_id"}
    return {name: insert_specimen(database, TABLES[name], stranger) for name in sorted(wanted)} | {
        "user_id": make_person(app, stranger).user_id
    }


def test_every_parameter_of_an_address_is_known(app: Flask) -> None:
    assert parameters(app) - TABLES.keys() - NO_ROW.keys() == set()


def test_a_strangers_row_is_like_no_row(
    app: Flask, login: Login, member: Callable[..., Person], foreign: dict[str, Any]
) -> None:
    assert naming_a_row(app)
    assert told_apart(app, login(member("owner")), foreign) == []


def test_a_view_that_knows_of_strangers_rows_is_found(
    planted: Flask, member: Callable[..., Person], foreign: dict[str, Any]
) -> None:
    @requires("users.view")
    def leak(role_id: int) -> tuple[str, int]:
        return ("not yours", 403) if role_id != NOBODYS_NUMBER else ("nothing", 404)

    planted.add_url_rule("/planted/<int:role_id>", "planted", leak)
    client = planted.test_client()
    assert isinstance(client, HouseClient)
    sign_in(planted, client, member("owner"))
    door = [rule for rule in routes(planted) if rule.endpoint == "planted"]
    assert told_apart(planted, client, foreign, door) == [
        "GET /planted/<int:role_id>: 403 for a stranger's row, 404 for none"
    ]
