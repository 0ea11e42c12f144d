"""Plant a person: one row in every table of the map, a marker in every column that holds personal data.

Nothing here knows a table. Rows are made from the metadata: parents first, along foreign keys; a table that is added to
the models tomorrow is planted tomorrow.
"""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import itertools
import json
import re
import unicodedata
import urllib.parse
import uuid
import zlib
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from portal.core import keyring
from portal.core.database import Base, db
from portal.core.personal_data import MAP_KEY
from portal.privacy.map import MappedTable, personal_data_map

_serial = itertools.count(1)
# What a check constraint allows, where the generated value would not do: (table, column) -> value.
ALLOWED: dict[tuple[str, str], Any] = {
    ("personal_data_view", "kind"): "reveal",
    # A hold that stands stops the erasure; that has tests of its own.
    ("privacy_legal_hold", "lift_asked_by"): 1,
    ("privacy_legal_hold", "lifted_by"): 2,
    ("privacy_legal_hold", "lifted_at"): dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    # Another kind than the erasure that is under test: one open request per kind and person.
    ("privacy_request", "kind"): "access",
    # A discount is a percentage or an amount.
    ("order_discount", "percent"): 10,
}
SKIPPED_PARENTS = {"merchant", "user_account"}


@dataclass
class Planter:
    """The person that was planted, with every marker and where it stands."""

    merchant_id: int
    subject_id: int
    needle: str
    markers: dict[tuple[str, str], str] = field(default_factory=dict)
    sealed: dict[tuple[str, str], bytes] = field(default_factory=dict)
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)

    def variants(self, marker: str) -> set[bytes]:
        """A marker as it may hide: cases, normal forms, escapes, quoted-printable, base64 at each offset."""
        forms = {
            marker,
            marker.lower(),
            marker.upper(),
            unicodedata.normalize("NFD", marker),
            urllib.parse.quote(marker),
        }
        forms.add(json.dumps(marker)[1:-1])
        found = {form.encode() for form in forms}
        for offset in range(3):
            coded = base64.b64encode(b"x" * offset + marker.encode())
            found.add(coded[4:-4])
        return found


def planted(merchant_id: int) -> Planter:
    """Plant a person at the merchant and commit."""
    needle = f"q{uuid.uuid4().hex[:10]}"
    subject_id = db.session.execute(
        sa.text("INSERT INTO data_subject (merchant_id) VALUES (:m) RETURNING id"), {"m": merchant_id}
    ).scalar_one()
    planter = Planter(merchant_id, subject_id, needle)
    planter.rows["data_subject"] = {"merchant_id": merchant_id, "id": subject_id}
    for table in reversed(personal_data_map().holding_data()):
        plant_table(planter, table.table)
    db.session.commit()
    return planter


def plant_table(planter: Planter, table: sa.Table) -> dict[str, Any]:
    """The planted row of a table, made on first use with the rows it points at."""
    if table.name in planter.rows:
        return planter.rows[table.name]
    # A table may point at itself; its row then points nowhere.
    planter.rows[table.name] = {}
    values = parents_of(planter, table)
    mapped = personal_data_map().tables.get(table.name)
    for column in table.columns:
        if column.name not in values:
            chosen = value_for(planter, table, column, mapped, values)
            if chosen is not OMIT:
                values[column.name] = chosen
    written = (
        db.session.execute(table.insert().values(values).returning(*table.primary_key.columns))
        .mappings()
        .one()
    )
    planter.rows[table.name] = values | dict(written)
    for name in mapped.shredded if mapped else {}:
        seal(planter, table, name)
    return planter.rows[table.name]


def parents_of(planter: Planter, table: sa.Table) -> dict[str, Any]:
    """The columns that foreign keys and the subject path dictate."""
    values: dict[str, Any] = {"merchant_id": planter.merchant_id} if "merchant_id" in table.c else {}
    for constraint in table.foreign_key_constraints:
        parent = constraint.referred_table
        pairs = {element.parent.name: element.column.name for element in constraint.elements}
        nullable = all(table.c[name].nullable for name in pairs if name != "merchant_id")
        is_path = leads_to_subject(table, pairs)
        if parent.name in SKIPPED_PARENTS or (nullable and not is_path) or parent is table:
            continue
        row = planter.rows.get(parent.name) or plant_table(planter, parent)
        values |= {own: row[theirs] for own, theirs in pairs.items()}
    mapped = personal_data_map().tables.get(table.name)
    if (
        mapped is not None
        and mapped.hop is not None
        and mapped.hop.column not in values
        and table.name != "data_subject"
    ):
        target = mapped.hop.target
        values[mapped.hop.column] = planter.subject_id if target is None else key_of(planter, target)
    return values


def leads_to_subject(table: sa.Table, pairs: dict[str, str]) -> bool:
    mapped = personal_data_map().tables.get(table.name)
    return mapped is not None and mapped.hop is not None and mapped.hop.column in pairs


def key_of(planter: Planter, target: str) -> Any:
    parent = personal_data_map().tables[target]
    return plant_table(planter, parent.table)[parent.key[0].name]


class Omit:
    """Leave the column to the database."""


OMIT = Omit()


def value_for(
    planter: Planter,
    table: sa.Table,
    column: sa.Column[Any],
    mapped: MappedTable | None,
    values: dict[str, Any],
) -> Any:
    """A marker for personal data, the smallest allowed value otherwise."""
    if (table.name, column.name) in ALLOWED:
        return ALLOWED[table.name, column.name]
    declared = mapped.columns.get(column.name) if mapped else None
    is_ciphertext = isinstance(column.type, sa.LargeBinary)
    if declared is not None and not is_ciphertext:
        return marked(planter, table, column, declared.category)
    if declared is not None or column.computed is not None or column.identity is not None:
        return OMIT
    if column.server_default is not None or (column.nullable and not column.primary_key):
        return OMIT
    if column.name in allowed_words(table):
        return allowed_words(table)[column.name]
    return filler(column)


def marked(planter: Planter, table: sa.Table, column: sa.Column[Any], category: str) -> Any:
    """A value unique to this column that carries the needle."""
    number = next(_serial)
    text = {
        "email": f"{planter.needle}.{number}@needle.example",
        "phone": f"+4479{number:04d}{planter.needle}",
    }.get(category, f"Needle{number} {planter.needle} Ünique")
    if column.name.endswith("_key") or column.name.endswith("_tail"):
        text = text.lower()
    length = getattr(column.type, "length", None)
    if length is not None and length < 12:
        text = planter.needle[:length]
    planter.markers[table.name, column.name] = text
    if isinstance(column.type, JSONB):
        default = str(
            getattr(
                getattr(column.server_default, "arg", ""), "text", getattr(column.server_default, "arg", "{}")
            )
        )
        return [text] if default.strip("'").startswith("[") else {"note": {"deep": [text]}}
    return [text] if isinstance(column.type, ARRAY) else text


def filler(column: sa.Column[Any]) -> Any:
    number = next(_serial)
    kind = column.type
    if isinstance(kind, JSONB):
        return {}
    if isinstance(kind, ARRAY):
        return []
    python = kind.python_type
    if python is str:
        length = getattr(kind, "length", None)
        return f"x{number}"[:length] if length else f"x{number}"
    return {
        int: number % 30_000 if isinstance(kind, sa.SmallInteger) else number,
        bool: False,
        decimal.Decimal: decimal.Decimal(0),
        float: 0.0,
        bytes: b"x",
        dt.datetime: dt.datetime.now(dt.UTC),
        dt.date: dt.datetime.now(dt.UTC).date() + dt.timedelta(days=30),
    }[python]


def allowed_words(table: sa.Table) -> dict[str, Any]:
    """The first word each check constraint of the form ``column IN (…)`` allows, and currencies and countries."""
    words: dict[str, Any] = {}
    for constraint in table.constraints:
        if isinstance(constraint, sa.CheckConstraint):
            said = str(constraint.sqltext.compile(compile_kwargs={"literal_binds": True}))
            match = re.fullmatch(r"\"?(\w+)\"? IN \('([^']*)'.*\)", said)
            if match:
                words[match[1]] = match[2]
    for column in table.columns:
        if "currency" in column.name:
            words.setdefault(column.name, "GBP")
        elif column.name in {"country", "country_code"}:
            words.setdefault(column.name, "GB")
        elif column.name == "quantity":
            words.setdefault(column.name, 1)
    return words


def seal(planter: Planter, table: sa.Table, name: str) -> None:
    """Write a marker under the person's key, as the owner of the column would."""
    row = planter.rows[table.name]
    marker = f"Sealed{next(_serial)} {planter.needle}"
    planter.markers[table.name, name] = marker
    sealed = keyring.encrypt(marker.encode(), f"planted:{table.name}.{name}", planter.subject_id)
    planter.sealed[table.name, name] = sealed
    key = sa.and_(*(column == row[column.name] for column in table.primary_key.columns))
    owner = owner_engine()
    with owner.begin() as connection:
        db.session.commit()
        connection.execute(sa.text(f"SET LOCAL portal.merchant_id = '{planter.merchant_id}'"))
        changed = connection.execute(table.update().where(key).values({name: sealed}))
        assert changed.rowcount == 1, (table.name, row)


def owner_engine() -> sa.Engine:
    from portal.config import settings

    url = settings().owner_database_url
    assert url is not None
    return sa.create_engine(url, poolclass=sa.NullPool)


def haystack(value: Any) -> bytes:
    """A column's value as bytes to look into: JSON walked by its text, compressed bytes unpacked."""
    if value is None:
        return b""
    if isinstance(value, memoryview | bytes | bytearray):
        raw = bytes(value)
        for unpack in (zlib.decompress, lambda data: zlib.decompress(data, 31)):
            try:
                return raw + unpack(raw)
            except zlib.error:
                continue
        return raw
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass") + unicodedata.normalize("NFC", value).lower().encode()
    return json.dumps(value, default=str, ensure_ascii=False).encode()


def every_table() -> list[sa.Table]:
    """Every table of the models, parents first."""
    return list(Base.metadata.sorted_tables)


def is_personal(column: sa.Column[Any]) -> bool:
    return hasattr(column.info.get(MAP_KEY), "strategy")
