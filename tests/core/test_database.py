"""How a transaction begins: in its merchant's scope, on a connection that lives."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from portal.core.database import (
    ScopeError,
    beside_the_pool,
    db,
    merchant_scope,
    short_transaction,
    snapshot,
)
from portal.core.tenancy import NoMerchantScopeError
from portal.stock.models import Location
from tests.support.people import make_merchant

SEEN = sa.text("SELECT name FROM location ORDER BY name")


@pytest.fixture
def shops(app: Flask) -> Iterator[tuple[int, int]]:
    """Two merchants; each has one location, named after its place in the pair."""
    pair = make_merchant(app), make_merchant(app)
    with app.app_context():
        for name, merchant_id in zip(("first", "second"), pair, strict=True):
            with merchant_scope(merchant_id):
                db.session.add(Location(name=name, code=name.upper()))
                db.session.commit()
        yield pair


def seen(session: Session | sa.Connection) -> list[str]:
    """What row-level security shows, whatever statements say: past the check that wants a merchant in each."""
    driver = session.connection() if isinstance(session, Session) else session
    raw = driver.connection.driver_connection
    assert raw is not None
    return [name for (name,) in raw.execute(str(SEEN)).fetchall()]


def test_every_transaction_sees_its_merchants_rows_and_no_others(shops: tuple[int, int]) -> None:
    for _ in range(2):
        for name, merchant_id in zip(("first", "second"), shops, strict=True):
            with merchant_scope(merchant_id):
                assert seen(db.session()) == [name]
                db.session.commit()
                assert seen(db.session()) == [name]
                with short_transaction() as other:
                    assert seen(other) == [name]
                with beside_the_pool() as other:
                    assert seen(other) == [name]


def test_without_a_scope_there_are_no_rows_to_see(shops: tuple[int, int]) -> None:
    with merchant_scope(shops[0]):
        assert seen(db.session()) == ["first"]
    assert seen(db.session()) == []
    with pytest.raises(NoMerchantScopeError):
        db.session.scalars(sa.select(Location)).all()


def test_a_connection_that_is_held_on_to_begins_each_transaction_in_scope(shops: tuple[int, int]) -> None:
    with merchant_scope(shops[1]), db.engine.connect() as connection:
        connection.commit()
        for _ in range(2):
            with Session(connection) as session:
                assert seen(session) == ["second"]
                session.commit()
            connection.commit()


def test_a_scope_entered_while_nobodys_transaction_is_open_holds_for_it(shops: tuple[int, int]) -> None:
    db.session.rollback()
    assert seen(db.session()) == []
    with merchant_scope(shops[0]):
        assert seen(db.session()) == ["first"]


def test_a_scope_is_not_changed_under_an_open_transaction(shops: tuple[int, int]) -> None:
    with merchant_scope(shops[0]):
        seen(db.session())
        with pytest.raises(ScopeError), merchant_scope(shops[1]):
            pass


def test_a_statement_asks_whose_rows_it_means_when_it_runs(shops: tuple[int, int]) -> None:
    statement = sa.select(Location.name)
    for name, merchant_id in zip(("first", "second", "first"), (*shops, shops[0]), strict=True):
        with merchant_scope(merchant_id):
            asked = db.session.execute(statement)
            assert asked.scalars().all() == [name]
            changed = db.session.execute(sa.update(Location).values(position=Location.position + 1))
            assert isinstance(changed, sa.CursorResult) and changed.rowcount == 1
            db.session.rollback()


def test_a_pooled_connection_that_died_is_replaced_before_anyone_uses_it(
    shops: tuple[int, int], kill_backends: None
) -> None:
    with merchant_scope(shops[0]):
        assert seen(db.session()) == ["first"]


@pytest.fixture
def kill_backends(app: Flask, shops: tuple[int, int]) -> None:
    """End the server's side of every connection in the pool."""
    with merchant_scope(shops[0]):
        pids = []
        for _ in range(3):
            with Session(db.engine) as session:
                raw = session.connection().connection.driver_connection
                assert raw is not None
                pids.append(raw.info.backend_pid)
    assert pids
    with beside_the_pool() as session:
        session.execute(
            sa.text("SELECT pg_terminate_backend(pid, 5000) FROM unnest(CAST(:pids AS integer[])) AS pid"),
            {"pids": sorted(set(pids))},
        )


def test_a_snapshot_sees_one_moment_of_one_merchant_and_changes_nothing(shops: tuple[int, int]) -> None:
    with merchant_scope(shops[0]):
        with snapshot() as connection:
            assert seen(connection) == ["first"]
            db.session.add(Location(name="later", code="LATER"))
            db.session.commit()
            assert seen(connection) == ["first"]
            raw = connection.connection.driver_connection
            assert raw is not None
            with pytest.raises(Exception, match="read-only"):
                raw.execute("DELETE FROM location")
        assert seen(db.session()) == ["first", "later"]
