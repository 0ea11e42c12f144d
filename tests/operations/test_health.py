"""What load balancers ask."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis.exceptions import ConnectionError as NoRedisError

from portal.core.jobs import doorbell
from portal.privacy import replay
from portal.privacy.ledger import LedgerError, init_ledger


@pytest.fixture
def redis_is_down(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise NoRedisError

    with app.app_context():
        monkeypatch.setattr(doorbell().redis, "ping", refuse)


@pytest.fixture
def ledger(app: Flask) -> Iterator[None]:
    with app.app_context():
        init_ledger()
    yield
    app.extensions.pop(replay.REPLAYED, None)


def test_it_is_alive_when_database_and_redis_answer(client: FlaskClient) -> None:
    response = client.get("/healthz")
    assert (response.status_code, response.json) == (
        200,
        {"state": "ok", "checks": {"database": "ok", "redis": "ok"}},
    )
    assert "Set-Cookie" not in response.headers
    assert response.headers["Cache-Control"] == "no-store"


def test_without_redis_it_is_degraded_and_still_serves(client: FlaskClient, redis_is_down: None) -> None:
    response = client.get("/healthz")
    assert response.status_code == 200
    assert response.json == {"state": "degraded", "checks": {"database": "ok", "redis": "does not answer"}}


def test_another_database_role_is_not_well(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.operations.health.ROLE", "somebody_else")
    assert client.get("/healthz").status_code == 503


def test_it_is_ready_at_the_newest_schema_with_the_ledger_applied(client: FlaskClient, ledger: None) -> None:
    response = client.get("/readyz")
    assert response.status_code == 200, response.json
    assert response.json is not None
    assert response.json["checks"] == {"database": "ok", "redis": "ok", "schema": "ok", "ledger": "ok"}


def test_it_is_not_ready_while_the_schema_is_older(
    client: FlaskClient, ledger: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.operations.health._newest", lambda: "a later one")
    assert client.get("/readyz").status_code == 503


def test_it_is_not_ready_while_the_ledger_is_missing(
    client: FlaskClient, ledger: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> bool:
        raise LedgerError("It is not there.")

    monkeypatch.setattr("portal.operations.health.ledger_is_replayed", missing)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json is not None
    assert response.json["checks"]["ledger"] == "cannot be read"
