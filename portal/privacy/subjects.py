"""Find the people a request may be about, through the map: every table with a search key of theirs is looked into."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from portal.core.database import current_merchant_id, db
from portal.core.normalise import email_key, full_name_keys, phone_key
from portal.core.personal_data import PersonalData
from portal.core.subjects import DataSubject
from portal.privacy.map import MappedTable, personal_data_map

MOST_FOUND: Final = 50
FACE_FIELDS: Final = ("name", "email", "phone", "country_code")


@dataclass(frozen=True, slots=True)
class FoundSubject:
    """A person who may be meant: how much stands about them, and by what they were found."""

    subject_id: int
    rows: dict[str, int]
    name: str | None
    email: str | None
    phone: str | None
    country_code: str | None
    erased: bool


def find_subjects(text: str, *, country: str | None = None) -> list[FoundSubject]:
    """People whose e-mail, phone or name is *text*, exactly; those with most rows first."""
    keys: dict[str, set[str | None]] = {
        "email_key": {email_key(text)} if "@" in text else set(),
        "phone_key": {phone_key(text, country)} if any(letter.isdigit() for letter in text) else set(),
        "name_key": set(full_name_keys(text)) if "@" not in text else set(),
    }
    found: Counter[int] = Counter()
    for table in personal_data_map().holding_data():
        for column, values in keys.items():
            wanted = sorted(value for value in values if value)
            if wanted and column in table.columns:
                found.update(_subjects_with(table, column, wanted))
    return describe([subject for subject, _ in found.most_common(MOST_FOUND)])


def describe(subject_ids: Sequence[int]) -> list[FoundSubject]:
    """The people with what is shown of them in a case; the view must be logged by who shows it."""
    if not subject_ids:
        return []
    merchant_id = current_merchant_id()
    erased = set(
        db.session.scalars(
            sa.select(DataSubject.id).where(
                DataSubject.merchant_id == merchant_id,
                DataSubject.id.in_(subject_ids),
                DataSubject.erased_at.is_not(None),
            )
        )
    )
    rows = {subject: Counter[str]() for subject in subject_ids}
    faces: dict[int, dict[str, Any]] = {subject: {} for subject in subject_ids}
    for table in sorted(
        personal_data_map().holding_data(), key=lambda t: ("email" not in t.columns, -len(t.columns))
    ):
        if table.restricted:
            continue
        for subject, face in _faces(table, merchant_id, subject_ids):
            rows[subject][table.name] += 1
            for field, value in face.items():
                if value:
                    faces[subject].setdefault(field, value)
    return [
        FoundSubject(
            subject,
            dict(rows[subject]),
            faces[subject].get("name"),
            faces[subject].get("email"),
            faces[subject].get("phone"),
            faces[subject].get("country_code"),
            subject in erased,
        )
        for subject in subject_ids
    ]


def identifiers_of(merchant_id: int, subject_ids: Sequence[int]) -> set[tuple[str, str]]:
    """Every normalised e-mail and phone number of the people, and their number at a shop, as (kind, key)."""
    found: set[tuple[str, str]] = set()
    mapped = personal_data_map()
    for table in mapped.holding_data():
        for name, declared in table.columns.items():
            if kind := _identifies(name, declared):
                column = table.table.c[name]
                for condition in mapped.chunks(table, merchant_id, subject_ids):
                    values = db.session.scalars(
                        sa.select(column).where(condition, column.is_not(None)).distinct()
                    )
                    found.update((kind, value) for value in values)
    return found


def _identifies(column: str, declared: PersonalData) -> str | None:
    """The kind of identifier a column holds in the form it is compared in."""
    if column.endswith("_key") and declared.category in ("email", "phone"):
        return declared.category
    return "number" if column == "external_id" and declared.category == "identifier" else None


def related_subjects(merchant_id: int, subject_ids: Sequence[int]) -> list[FoundSubject]:
    """Other people under the same e-mail or phone: guest orders of the same person stand there, and namesakes."""
    pairs = identifiers_of(merchant_id, subject_ids)
    found: Counter[int] = Counter()
    for table in personal_data_map().holding_data():
        for kind in ("email", "phone"):
            wanted = sorted(key for found_kind, key in pairs if found_kind == kind)
            if wanted and f"{kind}_key" in table.columns:
                found.update(_subjects_with(table, f"{kind}_key", wanted))
    return describe(
        [subject for subject, _ in found.most_common(MOST_FOUND) if subject not in set(subject_ids)]
    )


def _subjects_with(table: MappedTable, column: str, values: Sequence[str]) -> Iterable[int]:
    source, subject = _joined(table)
    statement = (
        sa.select(subject)
        .select_from(source)
        .where(
            table.table.c.merchant_id == current_merchant_id(),
            table.table.c[column].in_(values),
            subject.is_not(None),
        )
        .limit(MOST_FOUND * 20)
    )
    return db.session.scalars(statement)


def _faces(
    table: MappedTable, merchant_id: int, subject_ids: Sequence[int]
) -> Iterable[tuple[int, dict[str, Any]]]:
    source, subject = _joined(table)
    shown = [table.table.c[field] for field in FACE_FIELDS if field in table.table.c]
    statement = (
        sa.select(subject.label("_subject"), *shown)
        .select_from(source)
        .where(table.table.c.merchant_id == merchant_id, subject.in_(subject_ids))
        .limit(2_000)
    )
    for row in db.session.execute(statement):
        yield row._mapping["_subject"], {column.name: row._mapping[column.name] for column in shown}


def _joined(table: MappedTable) -> tuple[sa.FromClause, sa.ColumnElement[Any]]:
    """The table joined along its path, and the column that names the subject."""
    source: sa.FromClause = table.table
    hop = table.hop
    assert hop is not None
    current = table
    while hop.target is not None:
        parent = personal_data_map().tables[hop.target]
        source = source.join(
            parent.table,
            sa.and_(
                parent.table.c.merchant_id == current.table.c.merchant_id,
                parent.key[0] == current.table.c[hop.column],
            ),
        )
        current, hop = parent, parent.hop
        assert hop is not None
    return source, current.table.c[hop.column]
