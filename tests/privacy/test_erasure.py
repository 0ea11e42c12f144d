"""The needle: plant a person in every column of every table, see each marker, erase, and find none."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import IntegrityError

from portal.core import keyring
from portal.core.audit import Actor
from portal.core.database import db, merchant_scope
from portal.core.errors import ConflictError, ForbiddenError
from portal.core.jobs.models import Job
from portal.core.subjects import DataSubject
from portal.privacy import approving
from portal.privacy.certificate import is_valid
from portal.privacy.erasure import run_erasure
from portal.privacy.map import personal_data_map
from portal.privacy.models import ErasureCertificate, PrivacyRequest
from portal.privacy.preview import remaining
from portal.privacy.queries import certificate_of, retained_of
from portal.privacy.retained import open_record
from tests.privacy.planting import Planter, planted
from tests.privacy.requests import approved_request, preview_request
from tests.privacy.scanning import hits_in_database, hits_in_files, hits_in_redis, rows_of
from tests.support import databases
from tests.support.people import make_merchant
from tests.support.shop import open_shop

PARENT = r"_[ym]\d{4,6}(_\d{4})?$"
# What the case itself writes; nothing of it is a person's data.
CASE_TABLES = {
    "privacy_request",
    "privacy_request_subject",
    "job",
    "user_session",
    "outbox_cursor",
    "data_subject",
}


def test_no_value_the_map_marks_is_left_anywhere(
    scope: int,
    person: Planter,
    actors: tuple[Actor, Actor],
    work: Callable[[], int],
    database: databases.MadeDatabase,
    servers: tuple[str, str],
) -> None:
    found = {(parent_of(table), column) for table, column in hits_in_database(database, person.needle)}
    # A column of a few characters cannot carry the needle; the read-back counts it.
    plain = {
        place
        for place, marker in person.markers.items()
        if place not in person.sealed and person.needle in marker.lower()
    }
    assert len(person.markers) - len(plain) - len(person.sealed) <= 1
    assert plain <= found, (
        f"the scanner does not see {sorted(plain - found)}, so its silence would prove nothing"
    )
    for (table, column), sealed in person.sealed.items():
        opened = keyring.decrypt(sealed, f"planted:{table}.{column}", person.subject_id)
        assert opened.decode() == person.markers[table, column]

    request = approved_request(person.subject_id, by=actors[0], approver=actors[1])
    work()
    db.session.refresh(request)
    assert request.state == "third_parties", [
        (job.kind, job.state, job.error) for job in db.session.scalars(sa.select(Job))
    ]

    assert remaining(scope, [person.subject_id]) == {}
    assert hits_in_database(database, person.needle) == set()
    assert hits_in_redis(servers[1], person.needle) == set()
    assert hits_in_files(person.needle) == set()
    for (table, column), sealed in person.sealed.items():
        with pytest.raises(keyring.KeyDestroyedError):
            keyring.decrypt(sealed, f"planted:{table}.{column}", person.subject_id)


def test_what_the_law_keeps_is_named_on_the_certificate_and_opens_with_a_reason(
    scope: int,
    person: Planter,
    actors: tuple[Actor, Actor],
    work: Callable[[], int],
) -> None:
    request = approved_request(person.subject_id, by=actors[0], approver=actors[1])
    work()
    certificate = certificate_of(request.id)
    assert certificate is not None
    kept = {(entry["table"], column) for entry in certificate.body["kept"] for column in entry["columns"]}
    declared = {(table.name, column) for table in personal_data_map().erasable() for column in table.kept}
    assert kept == declared
    assert all(
        entry["law"] == "VAT Act 1994 sch. 11 par. 6" and entry["ends_on"] > "2026-01-01"
        for entry in certificate.body["kept"]
    )
    opened = {}
    for record in retained_of(request.id):
        opened |= open_record(record.id, reason="Tax audit of the year 2026", by=actors[1])
    assert set(opened.values()) == {person.markers[place] for place in declared}


def test_the_certificate_is_signed_and_names_nobody(
    scope: int,
    person: Planter,
    actors: tuple[Actor, Actor],
    work: Callable[[], int],
) -> None:
    request = approved_request(person.subject_id, by=actors[0], approver=actors[1])
    work()
    certificate = certificate_of(request.id)
    assert certificate is not None
    assert is_valid(certificate)
    assert person.needle not in json.dumps(certificate.body)
    levels = {level["level"]: level for level in certificate.body["levels"]}
    assert levels["live"]["state"] == "reached"
    assert levels["live"]["statistics"] == "renewed"
    assert levels["backups"]["state"] == "expected", "no level is claimed before it is reached"
    certificate.body = certificate.body | {"request": 0}
    assert not is_valid(certificate)
    db.session.rollback()


def test_nobody_elses_row_changes(
    app: Flask,
    scope: int,
    person: Planter,
    actors: tuple[Actor, Actor],
    work: Callable[[], int],
    database: databases.MadeDatabase,
) -> None:
    planted(scope)
    other_merchant = make_merchant(app)
    db.session.commit()
    with app.app_context(), merchant_scope(other_merchant):
        planted(other_merchant)
    before = rows_of(database)
    approved_request(person.subject_id, by=actors[0], approver=actors[1])
    work()
    after = rows_of(database)
    own = own_rows(person)
    changed = {
        place
        for place, digest in before.items()
        if after.get(place) != digest and place not in own and parent_of(place[0]) not in CASE_TABLES
    }
    assert changed == set()


def test_the_books_stay_to_the_cent(
    scope: int,
    person: Planter,
    actors: tuple[Actor, Actor],
    work: Callable[[], int],
    database: databases.MadeDatabase,
) -> None:
    open_shop({"MUG": 3}).order(("MUG", 2, "4.50"), paid="9")
    db.session.commit()
    books = {"sales_order", "order_line", "order_charge", "order_ref", "order_refund_line", "stock_movement"}
    before = {place: digest for place, digest in rows_of(database).items() if parent_of(place[0]) in books}
    assert any(parent_of(table) == "sales_order" for table, _ in before)
    approved_request(person.subject_id, by=actors[0], approver=actors[1])
    work()
    after = rows_of(database)
    assert {place: after.get(place) for place in before} == before


def test_running_it_again_changes_nothing(
    app: Flask,
    scope: int,
    person: Planter,
    actors: tuple[Actor, Actor],
    work: Callable[[], int],
    database: databases.MadeDatabase,
) -> None:
    request = approved_request(person.subject_id, by=actors[0], approver=actors[1])
    work()
    before = rows_of(database)
    again = run_erasure(request.id, by=Actor("job", 1, "job"), commit=db.session.commit, progress=quiet)
    assert again is not None
    assert again.id == certificate_of(request.id).id  # type: ignore[union-attr]
    assert rows_of(database) == before


@pytest.mark.parametrize("stop_after", [1, 2, 3, 5, 8, 13])
def test_it_goes_on_where_a_lost_worker_stopped(
    scope: int,
    person: Planter,
    actors: tuple[Actor, Actor],
    stop_after: int,
    database: databases.MadeDatabase,
) -> None:
    request = approved_request(person.subject_id, by=actors[0], approver=actors[1])
    commits = 0

    def commit() -> None:
        nonlocal commits
        commits += 1
        if commits == stop_after:
            db.session.rollback()
            raise ConnectionError("the worker died")
        db.session.commit()

    with pytest.raises(ConnectionError):
        run_erasure(request.id, by=Actor("job", 1, "job"), commit=commit, progress=quiet)
    certificate = run_erasure(request.id, by=Actor("job", 2, "job"), commit=db.session.commit, progress=quiet)
    assert certificate is not None
    assert remaining(scope, [person.subject_id]) == {}
    assert hits_in_database(database, person.needle) == set()
    assert len(certificate.body["kept"]) == 2


def test_two_workers_at_once_issue_one_certificate(
    app: Flask, scope: int, person: Planter, actors: tuple[Actor, Actor]
) -> None:
    request_id = approved_request(person.subject_id, by=actors[0], approver=actors[1]).id
    db.session.rollback()
    errors: list[BaseException] = []

    def erase() -> None:
        try:
            with app.app_context(), merchant_scope(scope):
                run_erasure(request_id, by=Actor("job", 1, "job"), commit=db.session.commit, progress=quiet)
        except BaseException as error:
            errors.append(error)

    workers = [threading.Thread(target=erase) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert errors == []
    assert (
        len(
            db.session.scalars(
                sa.select(ErasureCertificate).where(ErasureCertificate.request_id == request_id)
            ).all()
        )
        == 1
    )
    assert remaining(scope, [person.subject_id]) == {}


def test_a_guest_under_the_same_person_is_erased_with_them(
    scope: int,
    person: Planter,
    actors: tuple[Actor, Actor],
    work: Callable[[], int],
    database: databases.MadeDatabase,
) -> None:
    guest = planted(scope)
    approved_request(person.subject_id, by=actors[0], approver=actors[1], others=(guest.subject_id,))
    work()
    assert hits_in_database(database, person.needle) | hits_in_database(database, guest.needle) == set()


def test_a_form_opened_before_the_erasure_is_stale(
    scope: int,
    person: Planter,
    actors: tuple[Actor, Actor],
    work: Callable[[], int],
) -> None:
    customer = personal_data_map().tables["customer"].table
    mine = sa.and_(customer.c.merchant_id == scope, customer.c.subject_id == person.subject_id)
    before = db.session.scalar(sa.select(customer.c.version).where(mine))
    approved_request(person.subject_id, by=actors[0], approver=actors[1])
    work()
    assert db.session.scalar(sa.select(customer.c.version).where(mine)) == before + 1


def test_who_recorded_it_cannot_approve_it(
    scope: int, previewed: PrivacyRequest, actors: tuple[Actor, Actor]
) -> None:
    assert previewed.preview_digest is not None
    with pytest.raises(ForbiddenError, match="second person"):
        approving.approve(previewed, seen_digest=previewed.preview_digest, by=actors[0])


def test_the_database_refuses_it_too(scope: int, previewed: PrivacyRequest) -> None:
    with pytest.raises(IntegrityError, match="four_eyes"):
        db.session.execute(
            sa.update(PrivacyRequest)
            .where(PrivacyRequest.id == previewed.id)
            .values(approver_id=previewed.requester_id)
        )
    db.session.rollback()
    with pytest.raises(IntegrityError, match="approved"):
        db.session.execute(
            sa.update(PrivacyRequest).where(PrivacyRequest.id == previewed.id).values(state="running")
        )
    db.session.rollback()


def test_an_erasure_that_nobody_approved_does_not_run(
    scope: int, previewed: PrivacyRequest, person: Planter
) -> None:
    with pytest.raises(ConflictError, match="not approved"):
        run_erasure(previewed.id, by=Actor("job", 1, "job"), commit=db.session.commit, progress=quiet)
    db.session.rollback()
    assert remaining(scope, [person.subject_id])


def test_an_approval_is_for_what_was_seen(
    scope: int, previewed: PrivacyRequest, person: Planter, actors: tuple[Actor, Actor]
) -> None:
    seen = previewed.preview_digest
    assert seen is not None
    address = personal_data_map().tables["customer_address"].table
    db.session.execute(
        address.insert().values(
            merchant_id=scope,
            customer_id=person.rows["customer"]["id"],
            name="A new address",
            is_default=False,
        )
    )
    db.session.commit()
    with pytest.raises(ConflictError, match="changed since the preview"):
        approving.approve(previewed, seen_digest=seen, by=actors[1])
    db.session.rollback()
    approving.make_preview(previewed, by=actors[0])
    with pytest.raises(ConflictError, match="made again"):
        approving.approve(previewed, seen_digest=seen, by=actors[1])
    db.session.rollback()


def test_a_person_without_any_data_gets_a_certificate_too(
    scope: int,
    actors: tuple[Actor, Actor],
    work: Callable[[], int],
) -> None:
    subject = DataSubject()
    db.session.add(subject)
    db.session.commit()
    request = approved_request(subject.id, by=actors[0], approver=actors[1])
    work()
    assert certificate_of(request.id) is not None


def test_the_preview_counts_what_is_then_erased(
    scope: int,
    person: Planter,
    actors: tuple[Actor, Actor],
    work: Callable[[], int],
) -> None:
    request = preview_request(person.subject_id, by=actors[0])
    assert request.preview is not None
    assert request.preview_digest is not None
    promised = {entry["table"]: entry["erased"] for entry in request.preview["tables"] if entry["erased"]}
    approving.approve(request, seen_digest=request.preview_digest, by=actors[1])
    work()
    certificate = certificate_of(request.id)
    assert certificate is not None
    assert {table: done["values"] for table, done in certificate.body["counts"]["tables"].items()} == promised


def quiet(done: int, total: int, table: str) -> None:
    """Nobody listens."""


def parent_of(table: str) -> str:
    """The table a partition belongs to."""
    import re

    return re.sub(PARENT, "", table)


def own_rows(person: Planter) -> set[tuple[str, str]]:
    """The planted rows, under the partition they stand in."""
    from portal.core.database import Base
    from portal.core.ids import time_of

    own = set()
    for name, row in person.rows.items():
        table = Base.metadata.tables[name]
        column = table.info.get("partition_by")
        suffix = f"_m{time_of(row[column]):%Y%m}" if column else ""
        own.add((name + suffix, "/".join(str(row[column.name]) for column in table.primary_key.columns)))
    return own


@pytest.mark.parametrize("at_commit", [2, 4, 6, 10])
def test_a_row_written_while_it_runs_goes_too(
    scope: int,
    person: Planter,
    actors: tuple[Actor, Actor],
    at_commit: int,
    database: databases.MadeDatabase,
) -> None:
    request = approved_request(person.subject_id, by=actors[0], approver=actors[1])
    address, commits = personal_data_map().tables["customer_address"].table, 0

    def commit() -> None:
        nonlocal commits
        commits += 1
        if commits == at_commit:
            db.session.execute(
                address.insert().values(
                    merchant_id=scope,
                    customer_id=person.rows["customer"]["id"],
                    name=f"late {person.needle}",
                    is_default=False,
                )
            )
        db.session.commit()

    certificate = run_erasure(request.id, by=Actor("job", 1, "job"), commit=commit, progress=quiet)
    assert certificate is not None
    assert commits >= at_commit
    assert hits_in_database(database, person.needle) == set()
