"""The file is the list: same rows, same columns, same order, safe to open, masked unless revealed with a reason."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import tracemalloc

import pytest
import sqlalchemy as sa

from portal.core import storage
from portal.core.audit import AuditEntry, read_changes
from portal.core.database import db
from portal.core.errors import DomainError, ForbiddenError
from portal.core.export import Written, csv_pieces, start_export
from portal.core.jobs import Job, job_of, run_job
from portal.core.listing import Column
from portal.core.listing.state import encode_state

RIGHTS = frozenset({"orders.view", "lists.export"})
REVEALING = RIGHTS | {"customers.reveal"}


@pytest.fixture
def export(app, parcels, read, member, scope):
    anna = member("owner")

    def run(query="", **wishes):
        wishes.setdefault("permissions", RIGHTS)
        started = start_export(parcels, encode_state(parcels, read(query).state), by=anna.actor, **wishes)
        job_id = started.id
        db.session.commit()
        run_job(scope, job_id)
        db.session.expire_all()
        return job_of(job_id)

    return run


def rows_of(job: Job) -> list[list[str]]:
    data = storage.read_bytes(f"{job.args['key']}/file").decode()
    return list(csv.reader(io.StringIO(data, newline=""), strict=True))


def test_the_file_holds_the_rows_and_columns_of_the_list_in_their_order(fill, export):
    fill(12)
    job = export("f=1.state.is.lost&sort=price&cols=price,sent,tags")
    assert job.state == "done"
    assert rows_of(job) == [
        ["Code", "Sent (UTC)", "Price", "Tags"],
        ["P0001", "2026-01-01T01:00:00Z", "1.0000", ""],
        ["P0004", "2026-01-01T04:00:00Z", "4.0000", ""],
        ["P0007", "2026-01-01T07:00:00Z", "7.0000", ""],
        ["P0010", "2026-01-01T10:00:00Z", "10.0000", ""],
    ]


def test_the_manifest_counts_and_hashes_and_the_file_expires(fill, export):
    fill(3)
    job = export()
    data = storage.read_bytes(f"{job.args['key']}/file")
    manifest = json.loads(storage.read_bytes(f"{job.args['key']}/manifest.json"))
    assert (manifest["rows"], manifest["sha256"]) == (3, hashlib.sha256(data).hexdigest())
    stored = storage.file_of(job.result_file_id)
    assert (
        stored.created_by == job.actor_id
        and (stored.expires_at - stored.created_at).total_seconds() <= 24 * 3600
    )
    with pytest.raises(storage.NotFoundError):
        storage.read_bytes(f"{job.args['key']}/state")


def test_what_was_filtered_by_does_not_stand_in_the_job(fill, export):
    fill(3)
    job = export("f=1.email.is.anna2@example.com")
    assert "anna2" not in json.dumps(job.args) + json.dumps(job.checkpoint)
    assert [row[0] for row in rows_of(job)] == ["Code", "P0002"]
    entries = db.session.scalars(sa.select(AuditEntry)).all()
    assert "anna2" not in "".join(str(read_changes(entry)) for entry in entries)


def test_personal_data_is_masked_unless_a_reason_is_given(fill, export):
    fill(1)
    assert rows_of(export("cols=person"))[1] == ["P0001", "A••• N•••"]
    with pytest.raises(ForbiddenError):
        export("cols=person", reveal=True, reason="asked for")
    with pytest.raises(DomainError, match="Say why"):
        export("cols=person", reveal=True, reason=" ", permissions=REVEALING)
    revealed = export("cols=person", reveal=True, reason="The carrier needs names", permissions=REVEALING)
    assert rows_of(revealed)[1] == ["P0001", "Anna Number1"]
    entry = db.session.scalars(
        sa.select(AuditEntry).where(
            AuditEntry.action == "list.export_requested", AuditEntry.subject_id == str(revealed.id)
        )
    ).one()
    assert read_changes(entry).reason == "The carrier needs names"


def test_rights_are_needed(fill, export):
    for missing in RIGHTS:
        with pytest.raises(ForbiddenError):
            export(permissions=RIGHTS - {missing})


def test_an_export_that_is_done_is_not_done_again(app, fill, export, scope):
    fill(4)
    job = export()
    before = storage.read_bytes(f"{job.args['key']}/file")
    assert run_job(scope, job.id) is False
    assert storage.read_bytes(f"{job.args['key']}/file") == before


def test_an_empty_list_is_a_file_with_its_head(fill, export):
    assert len(rows_of(export())) == 1


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\x00=1",
        "＝1+1",
        "＋1",
        "－1",
        "＠x",
        "\n=1",
        "  =1",
        "\ufeff=1",
        "−1",
    ],
)
def test_no_text_begins_a_formula(text):
    data = b"".join(
        csv_pieces(
            [Column("a", "A", sa.literal("")), Column("b", "=B", sa.literal(""))],
            iter([[{"a": text, "b": "x"}]]),
            Written(),
        )
    )
    header, row = csv.reader(io.StringIO(data.decode(), newline=""), strict=True)
    assert header[1] == "'=B"
    assert row[0].startswith("'") and row[1] == "x"
    assert "\x00" not in row[0]


def test_quotes_commas_and_line_breaks_come_back_as_they_were():
    columns = [Column("a", "A", sa.literal("")), Column("n", "N", sa.literal(""), kind="number")]
    texts = ['say "hi"', "a,b", "two\r\nlines", "lone\nbreak", "", " padded ", "مرحبا", "💥", "a;b\tc"]
    data = b"".join(csv_pieces(columns, iter([[{"a": text, "n": -1} for text in texts]]), Written()))
    assert data.count(b"\r\n") >= len(texts)
    read_back = list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))
    assert [row[0] for row in read_back[1:]] == texts
    assert {row[1] for row in read_back[1:]} == {"-1"}


def test_a_large_export_needs_little_memory():
    columns = [Column("a", "A", sa.literal(""))]

    def batches(count):
        for _ in range(count):
            yield [{"a": "x" * 100} for _ in range(1000)]

    peaks = []
    for count in (5, 200):
        tracemalloc.start()
        for _ in csv_pieces(columns, batches(count), Written()):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.5
