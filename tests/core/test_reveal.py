"""Looks are logged before anything is shown, with the case or the reason."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.core.audit import Actor
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.reveal import PersonalDataView, log_export, log_view, reveal, volume_of, volumes
from portal.core.subjects import DataSubject

AGENT = Actor("user", 7, "Agent")


@pytest.fixture
def people(scope: int) -> list[int]:
    made = [DataSubject() for _ in range(3)]
    db.session.add_all(made)
    db.session.commit()
    return [each.id for each in made]


def views() -> list[PersonalDataView]:
    return list(db.session.scalars(sa.select(PersonalDataView).order_by(PersonalDataView.id)))


def test_looking_again_at_one_case_counts_up_one_row(people: list[int]) -> None:
    for _ in range(3):
        log_view(AGENT, [people[0]], case=("order", 12), fields=["email", "name"])
    log_view(AGENT, [people[0]], case=("order", 13))
    assert [(view.case_id, view.times) for view in views()] == [(12, 3), (13, 1)]


def test_a_view_of_nobody_is_no_view(people: list[int]) -> None:
    log_view(AGENT, [], case=("order", 12))
    assert views() == []


def test_the_log_stands_although_the_page_fails(people: list[int]) -> None:
    log_view(AGENT, people, case=("order", 12))
    db.session.rollback()
    assert len(views()) == 3


@pytest.mark.parametrize("reason", ["", "   ", "because", "x" * 501])
def test_a_reveal_needs_a_reason(people: list[int], reason: str) -> None:
    with pytest.raises(DomainError) as caught:
        reveal(AGENT, people[0], reason=reason, fields=["email"])
    assert caught.value.field == "reason"
    assert views() == []


def test_a_reveal_keeps_its_reason(people: list[int]) -> None:
    reveal(AGENT, people[0], reason="  Courier called, wrong   number ", fields=["phone"])
    assert [(view.kind, view.reason) for view in views()] == [("reveal", "Courier called, wrong number")]


def test_an_export_logs_everybody_in_it(people: list[int]) -> None:
    assert log_export(AGENT, people, case=("list", 1), fields=["email"], reason="Monthly mailing list") == 3
    db.session.rollback()
    assert views() == [], "it belongs to the transaction of the export"


def test_volume_counts_people_not_looks(people: list[int]) -> None:
    for case in range(5):
        log_view(AGENT, people[:2], case=("order", case))
    assert (volume_of(7).last_hour, volume_of(7).last_day) == (2, 2)
    assert volume_of(99).last_day == 0
    assert not volumes()[0].is_unusual


def test_nothing_is_shown_when_the_log_cannot_be_written(app: Flask, people: list[int]) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        log_view(AGENT, [1], case=("order", 12))
