"""Logs: structured, bound to request and merchant, and nothing of a person in them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
import structlog
from flask import Flask
from sqlalchemy.exc import DBAPIError

from portal.core.database import db
from portal.core.logging import configure, redact

NEEDLES = (
    "jane.roe+shop@example.com",
    "+44 7700 900123",
    "07700 900 123",
    "(0171) 234 5678",
    "4111 1111 1111 1111",
)


@pytest.fixture
def lines() -> Iterator[list[dict[str, Any]]]:
    """What was logged, parsed."""
    stream = io.StringIO()
    configure(level=logging.INFO)
    handler = logging.getLogger().handlers[-1]
    assert isinstance(handler, logging.StreamHandler)
    before = handler.setStream(stream)
    logged: list[dict[str, Any]] = []

    class Lines(list[dict[str, Any]]):
        def __iter__(self) -> Iterator[dict[str, Any]]:
            return iter([json.loads(line) for line in stream.getvalue().splitlines()])

    yield Lines(logged)
    if before is not None:
        handler.setStream(before)
    configure(level=logging.WARNING)


@pytest.mark.parametrize("needle", NEEDLES)
def test_an_address_or_number_is_redacted_wherever_it_stands(needle: str) -> None:
    assert redact(f"Cannot reach <{needle}>, sorry") == "Cannot reach <[redacted]>, sorry"


@pytest.mark.parametrize(
    "text",
    [
        "order 4882432597600239688 of merchant 12",
        "2026-11-20T22:40:24.764910Z",
        "took 12.345 s",
        "portal/core/jobs/run.py:123",
        "127.0.0.1:6379",
    ],
)
def test_ids_and_times_stay_readable(text: str) -> None:
    assert redact(text) == text


def test_a_field_that_is_not_on_the_list_is_dropped_and_named(lines: list[dict[str, Any]]) -> None:
    structlog.get_logger("t").info("saved", rows=3, surname="Roe", email="jane@example.com")
    line = next(iter(lines))
    assert (line["event"], line["rows"], line["dropped"]) == ("saved", 3, ["email", "surname"])
    assert "Roe" not in json.dumps(line)


def test_a_library_that_logs_a_person_is_scrubbed_too(lines: list[dict[str, Any]]) -> None:
    logging.getLogger("some.library").warning("refused %s", "jane@example.com")
    assert next(iter(lines))["event"] == "refused [redacted]"


def test_a_database_error_is_logged_without_the_row(scope: int, lines: list[dict[str, Any]]) -> None:
    try:
        db.session.execute(sa.text("SELECT CAST(:name AS integer)"), {"name": "Jane Roe"})
    except DBAPIError:
        logging.getLogger("t").exception("it failed")
        db.session.rollback()
    line = next(iter(lines))
    assert "DataError 22P02" in line["exception"] and "Jane" not in json.dumps(line)


def test_an_error_keeps_its_frames_and_loses_addresses(lines: list[dict[str, Any]]) -> None:
    try:
        int("jane@example.com")
    except ValueError:
        logging.getLogger("t").exception("it failed")
    line = next(iter(lines))
    assert "test_logging.py" in line["exception"] and "jane" not in line["exception"]


def test_a_request_is_one_line_without_the_values_of_its_address(
    app: Flask, lines: list[dict[str, Any]]
) -> None:
    answer = app.test_client().get(
        "/nowhere?email=jane@example.com&q=Roe", headers={"X-Request-ID": "abc-12345"}
    )
    [line] = [line for line in lines if line["event"] == "request"]
    assert answer.headers["X-Request-ID"] == line["request_id"] == "abc-12345"
    assert (line["status"], line["query_names"], line["route"]) == (
        answer.status_code,
        ["email", "q"],
        "none",
    )
    assert "jane" not in json.dumps(line) and "Roe" not in json.dumps(line)


def test_a_request_id_that_could_break_a_line_is_not_taken(app: Flask) -> None:
    answer = app.test_client().get("/nowhere", headers={"X-Request-ID": "x y"})
    assert answer.headers["X-Request-ID"] not in {"x y", ""}


def test_a_line_names_its_merchant(scope: int, lines: list[dict[str, Any]]) -> None:
    structlog.get_logger("t").info("saved")
    assert next(iter(lines))["merchant"] == scope
