"""The copy: every value the map marks, nobody else's, formula-safe, and honest about what could not be opened."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable

import sqlalchemy as sa

from portal.core import storage
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.privacy import services
from portal.privacy.access_export import collect
from portal.privacy.map import personal_data_map
from portal.privacy.queries import copy_of
from portal.privacy.sealed import sealed_columns_without_opener
from tests.privacy.planting import Planter, planted
from tests.privacy.requests import recorded_request, scoped_request


def copy_for(subject_id: int, by: Actor, work: Callable[[], int]) -> zipfile.ZipFile:
    db.session.execute(
        sa.text(
            "UPDATE privacy_request SET state = 'closed', outcome = 'copy_given' WHERE merchant_id = :m AND subject_id = :s"
        ),
        {"m": current_merchant_id(), "s": subject_id},
    )
    request = scoped_request(subject_id, by=by, kind="access")
    services.start_access_export(request, by=by)
    work()
    db.session.refresh(request)
    assert request.state == "answered"
    return zipfile.ZipFile(io.BytesIO(storage.read_bytes(copy_of(request).key)))


def test_it_holds_every_value_of_the_map_and_nobody_elses(
    scope: int,
    person: Planter,
    actors: tuple[Actor, Actor],
    work: Callable[[], int],
) -> None:
    other = planted(scope)
    archive = copy_for(person.subject_id, actors[0], work)
    said = json.loads(archive.read("data.json"))
    text = json.dumps(said, ensure_ascii=False)
    for place, marker in person.markers.items():
        if place not in person.sealed:
            assert marker in text, f"{place} is missing from the copy"
    for name in archive.namelist():
        assert other.needle not in archive.read(name).decode()
    assert {"purpose", "basis", "kept", "category"} == set(said["tables"][0]["columns"].popitem()[1])


def test_every_form_says_the_same(
    scope: int, person: Planter, actors: tuple[Actor, Actor], work: Callable[[], int]
) -> None:
    archive = copy_for(person.subject_id, actors[0], work)
    said = json.loads(archive.read("data.json"))
    page = archive.read("index.html").decode()
    for table in said["tables"]:
        rows = list(
            csv.DictReader(io.StringIO(archive.read(f"tables/{table['name']}.csv").decode("utf-8-sig")))
        )
        assert len(rows) == len(table["rows"])
    assert person.markers["customer", "name"] in page
    assert "complain" in page


def test_what_cannot_be_opened_is_counted_not_left_out(scope: int, person: Planter) -> None:
    # The planted ciphertexts are bound to another purpose, so nobody's opener can read them.
    tables = {table.name: table for table in collect([person.subject_id])}
    sealed = {table for table, _ in person.sealed}
    assert {name for name, table in tables.items() if table.unreadable} == sealed


def test_what_officers_wrote_is_in_the_copy_in_clear(
    scope: int, actors: tuple[Actor, Actor], person: Planter
) -> None:
    request = recorded_request(person.subject_id, by=actors[0], contact="them@needle.example")
    rows = next(table.rows for table in collect([person.subject_id]) if table.name == "privacy_request")
    assert {row["contact_sealed"] for row in rows if row["id"] == request.id} == {"them@needle.example"}


def test_no_cell_is_a_formula(
    scope: int, person: Planter, actors: tuple[Actor, Actor], work: Callable[[], int]
) -> None:
    customer = personal_data_map().tables["customer"].table
    mine = sa.and_(customer.c.merchant_id == scope, customer.c.subject_id == person.subject_id)
    attacks = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1+1"]
    for attack in attacks:
        db.session.execute(sa.update(customer).where(mine).values(note=attack))
        db.session.commit()
        archive = copy_for(person.subject_id, actors[0], work)
        cells = csv.reader(io.StringIO(archive.read("tables/customer.csv").decode("utf-8-sig"), newline=""))
        assert not [
            cell for row in cells for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r", "＝"))
        ]


def test_every_sealed_column_can_be_opened_for_a_copy() -> None:
    assert sealed_columns_without_opener() == []
