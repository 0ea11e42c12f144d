"""The ledger outlives the database: what a restore brings back is taken out again before anybody is served."""

from __future__ import annotations

import contextvars
import datetime as dt
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.config import settings
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import db, merchant_scope
from portal.core.normalise import email_key
from portal.privacy import ledger
from portal.privacy.ledger import LedgerError
from portal.privacy.preview import remaining
from portal.privacy.replay import REPLAYED, ledger_is_replayed, replay_ledger
from portal.privacy.suppression import is_suppressed, suppressed_before
from tests.privacy.planting import Planter, owner_engine, planted
from tests.privacy.requests import approved_request
from tests.privacy.scanning import hits_in_database
from tests.support import databases

Result = TypeVar("Result")


@pytest.fixture(autouse=True)
def unremembered(app: Flask) -> Iterator[None]:
    """Each test is a new process to the readiness answer."""
    app.extensions.pop(REPLAYED, None)
    yield
    app.extensions.pop(REPLAYED, None)


@pytest.fixture
def erased(scope: int, person: Planter, actors: tuple[Actor, Actor], work: Callable[[], int]) -> Planter:
    """A person who was erased."""
    approved_request(person.subject_id, by=actors[0], approver=actors[1])
    work()
    return person


def apart(app: Flask, work: Callable[[], Result]) -> Result:
    """Run as a process does that has just started: no merchant in scope."""

    def inside() -> Result:
        with app.app_context():
            return work()

    return contextvars.Context().run(inside)


def ledger_folder() -> Path:
    return Path(unquote(urlsplit(settings().ledger_url).path)) / "erasures"


def restore(person: Planter) -> None:
    """Bring the person's values back and forget the ledger's entry, as a restore from before the erasure does."""
    engine = owner_engine()
    with engine.begin() as connection:
        here = {"m": person.merchant_id, "s": person.subject_id}
        connection.execute(
            sa.text("UPDATE data_subject SET erased_at = NULL WHERE merchant_id = :m AND id = :s"), here
        )
        connection.execute(sa.text("DELETE FROM privacy_ledger_replay WHERE merchant_id = :m"), here)
        connection.execute(
            sa.text(
                "UPDATE customer SET name = :n, email = :n, email_key = :n, phone_key = '447900123456' WHERE merchant_id = :m AND subject_id = :s"
            ),
            here | {"n": f"back {person.needle}"},
        )


def test_an_entry_names_nobody(erased: Planter) -> None:
    files = list((ledger_folder() / str(erased.merchant_id)).iterdir())
    assert len(files) == 1
    said = json.loads(files[0].read_text())
    assert set(said) == {"merchant", "digest", "map", "at", "mac"}
    assert str(erased.subject_id) not in files[0].read_text()
    assert erased.needle not in files[0].read_text()


def test_an_entry_is_written_once(erased: Planter) -> None:
    first = ledger.write_entry(erased.merchant_id, erased.subject_id, map_version="another")
    assert first.map_version != "another", "the first entry stands"


def test_a_restored_database_is_not_ready_until_the_ledger_is_replayed(
    app: Flask,
    scope: int,
    erased: Planter,
    database: databases.MadeDatabase,
) -> None:
    assert apart(app, ledger_is_replayed)
    db.session.commit()
    restore(erased)
    app.extensions.pop(REPLAYED, None)
    assert hits_in_database(database, erased.needle)
    assert not apart(app, ledger_is_replayed)
    result = apart(app, replay_ledger)
    assert (result.subjects, result.rows) == (1, 1)
    assert apart(app, ledger_is_replayed)
    again = apart(app, replay_ledger)
    assert (again.entries, again.rows) == (0, 0)
    assert hits_in_database(database, erased.needle) == set()


def test_the_replay_touches_nobody_else(app: Flask, scope: int, erased: Planter) -> None:
    other = planted(scope)
    before = remaining(scope, [other.subject_id])
    db.session.commit()
    restore(erased)
    apart(app, replay_ledger)
    assert remaining(scope, [other.subject_id]) == before


def test_the_command_replays_and_says_what_it_did(app: Flask, scope: int, erased: Planter) -> None:
    db.session.commit()
    restore(erased)
    said = contextvars.Context().run(lambda: app.test_cli_runner().invoke(args=["privacy", "replay-ledger"]))
    assert said.exit_code == 0, said.output
    assert "1 people erased again" in said.output
    assert "stood already" in app.test_cli_runner().invoke(args=["privacy", "init-ledger"]).output


def test_a_changed_entry_is_noticed(app: Flask, scope: int, erased: Planter) -> None:
    file = next((ledger_folder() / str(erased.merchant_id)).iterdir())
    kept = file.read_bytes()
    db.session.commit()
    restore(erased)
    try:
        file.write_bytes(kept.replace(b'"at"', b'"at" '))
        with pytest.raises(LedgerError, match="changed"):
            apart(app, replay_ledger)
    finally:
        file.write_bytes(kept)
    apart(app, replay_ledger)


def test_a_missing_ledger_is_no_yes(app: Flask, scope: int, erased: Planter) -> None:
    folder = ledger_folder().parent
    away = folder.with_name("away")
    folder.rename(away)
    try:
        with pytest.raises(LedgerError, match="no erasure ledger"):
            ledger_is_replayed()
    finally:
        away.rename(folder)


def test_what_was_erased_cannot_be_brought_back_and_a_new_purchase_is_welcome(
    scope: int, erased: Planter
) -> None:
    email = email_key(erased.markers["customer", "email_key"])
    before, after = utc_now() - dt.timedelta(days=30), utc_now() + dt.timedelta(seconds=1)
    assert is_suppressed(scope, email, None, before)
    assert not is_suppressed(scope, email, None, after)
    assert not is_suppressed(scope, "someone@else.example", None, before)
    assert not is_suppressed(scope, None, None, before)
    found = suppressed_before(scope, [("email", email), ("email", "someone@else.example"), ("phone", None)])
    assert list(found) == [("email", email)]


def test_the_same_mail_at_another_merchant_is_not_suppressed(app: Flask, scope: int, erased: Planter) -> None:
    email = email_key(erased.markers["customer", "email_key"])
    db.session.commit()

    def elsewhere() -> bool:
        with merchant_scope(scope + 1_000):
            return is_suppressed(scope + 1_000, email, None, utc_now() - dt.timedelta(days=30))

    assert not apart(app, elsewhere)
