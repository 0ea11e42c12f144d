"""The personal-data map, read from the models: which columns hold what of a person and how a row reaches its person.

A path is written on the model: ``"subject_id"`` names the column itself, ``"order_id -> order_ref"`` says that the
column points at the key of another table, which has a path of its own. Nothing here knows a table by name.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from portal.core.database import Base, db
from portal.core.masking import truncate_postcode
from portal.core.personal_data import MAP_KEY, PersonalData

TENANT_KEY: Final = "merchant_id"
EMPTIED: Final = frozenset({"erase", "keep", "truncate_postcode"})
CHUNK: Final = 500


@dataclass(frozen=True, slots=True)
class Hop:
    """A column that says whose row it is: directly, or through the key of another table."""

    column: str
    target: str | None


@dataclass(frozen=True)
class MappedTable:
    """One table that holds personal data of subjects, or leads to one that does."""

    table: sa.Table
    hop: Hop | None
    columns: dict[str, PersonalData]
    restricted: bool
    after_erasure: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.table.name

    @property
    def key(self) -> list[sa.Column[Any]]:
        """The primary key without the tenant."""
        return [column for column in self.table.primary_key.columns if column.name != TENANT_KEY]

    @property
    def emptied(self) -> dict[str, PersonalData]:
        """The columns that erasure empties or shortens."""
        return {} if self.restricted else {n: d for n, d in self.columns.items() if d.strategy in EMPTIED}

    @property
    def kept(self) -> dict[str, PersonalData]:
        """The columns whose value goes to a restricted record before it is emptied."""
        return {name: declared for name, declared in self.emptied.items() if declared.strategy == "keep"}

    @property
    def shredded(self) -> dict[str, PersonalData]:
        """The columns that are ciphertext under the person's key."""
        return {name: declared for name, declared in self.columns.items() if declared.strategy == "shred"}

    def neutral(self, name: str) -> Any:
        """What stands in an emptied column: NULL where the table allows it, else the emptiest value of its type."""
        column = self.table.c[name]
        if column.nullable:
            return None
        if isinstance(column.type, JSONB):
            default = getattr(column.server_default, "arg", "{}")
            return json.loads(str(getattr(default, "text", default)).split("::")[0].strip("'"))
        if isinstance(column.type, sa.LargeBinary):
            return b""
        if isinstance(column.type, sa.ARRAY):
            return []
        if isinstance(column.type, sa.String):
            return ""
        raise TypeError(f"{self.name}.{name} cannot be emptied: make it nullable.")

    def still_filled(self, name: str) -> sa.ColumnElement[bool]:
        """Whether a row's column still holds what erasure takes away."""
        column = self.table.c[name]
        neutral = self.neutral(name)
        if self.columns[name].strategy == "truncate_postcode":
            # What is already cut stays as it is, see masking.truncate_postcode; anything longer is whole.
            return sa.and_(sa.func.length(column) > 3, sa.not_(column.regexp_match("^[A-Z][A-Z0-9]{3}$")))
        if neutral is None:
            return column.is_not(None)
        return column != sa.literal(neutral, column.type)

    def any_filled(self) -> sa.ColumnElement[bool]:
        """Whether a row still holds anything that erasure takes away."""
        return sa.or_(sa.false(), *(self.still_filled(name) for name in self.emptied))


class PathError(TypeError):
    """A table holds personal data and its model does not say whose."""


class PersonalDataMap:
    """All tables of the map, with the way from a subject to its rows."""

    def __init__(self, tables: Iterable[MappedTable]) -> None:
        self.tables = {table.name: table for table in tables}

    def holding_data(self) -> list[MappedTable]:
        """Tables with columns about subjects, those farthest from the subject first."""
        return sorted((t for t in self.tables.values() if t.columns), key=lambda t: (-self.depth(t), t.name))

    def erasable(self) -> list[MappedTable]:
        return [table for table in self.holding_data() if table.emptied]

    def depth(self, table: MappedTable) -> int:
        """How many tables lie between a row and its subject."""
        if table.hop is None or table.hop.target is None:
            return 0
        return 1 + self.depth(self.tables[table.hop.target])

    def of_subject(
        self, table: MappedTable, merchant_id: int, subject_ids: Sequence[int]
    ) -> sa.ColumnElement[bool]:
        """The rows of *table* that belong to the subjects, as one condition."""
        column = self._column_of(table)
        mine = table.table.c[TENANT_KEY] == merchant_id
        assert table.hop is not None
        if table.hop.target is None:
            return sa.and_(mine, column.in_(subject_ids))
        parent = self.tables[table.hop.target]
        alias_key = parent.key[0]
        inner = sa.select(alias_key).where(self.of_subject(parent, merchant_id, subject_ids))
        return sa.and_(mine, column.in_(inner))

    def chunks(
        self, table: MappedTable, merchant_id: int, subject_ids: Sequence[int]
    ) -> Iterator[sa.ColumnElement[bool]]:
        """The same rows as bounded conditions, so that each touches only the partitions its keys lie in."""
        hop = table.hop
        assert hop is not None
        if hop.target is None:
            yield self.of_subject(table, merchant_id, subject_ids)
            return
        for keys in self._parent_keys(self.tables[hop.target], merchant_id, subject_ids):
            yield sa.and_(table.table.c[TENANT_KEY] == merchant_id, table.table.c[hop.column].in_(keys))

    def _parent_keys(
        self, parent: MappedTable, merchant_id: int, subject_ids: Sequence[int]
    ) -> Iterator[list[int]]:
        key, after = parent.key[0], -1
        while True:
            statement = (
                sa.select(key)
                .where(self.of_subject(parent, merchant_id, subject_ids), key > after)
                .order_by(key)
                .limit(CHUNK)
            )
            keys = list(db.session.scalars(statement))
            if not keys:
                return
            yield keys
            after = keys[-1]

    @staticmethod
    def _column_of(table: MappedTable) -> sa.Column[Any]:
        if table.hop is None:
            raise PathError(f"{table.name} holds personal data and says no __subject_path__.")
        return table.table.c[table.hop.column]

    @functools.cached_property
    def version(self) -> str:
        """A digest of everything the map says; it stands on the certificate and in the ledger."""
        said = [
            (table.name, asdict(table.hop) if table.hop else None, table.restricted, name, asdict(declared))
            for table in sorted(self.tables.values(), key=lambda t: t.name)
            for name, declared in sorted(table.columns.items())
        ]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def personal_data_map() -> PersonalDataMap:
    """The map of all models that are loaded.

    Raises:
        PathError: a table holds data of subjects and does not say whose, or points at one that is not mapped.
    """
    return _read_map(len(list(Base.registry.mappers)))


def undeclared_columns() -> list[str]:
    """Columns that say neither what they hold of a person nor why they hold nothing."""
    return [
        str(column)
        for table in Base.metadata.tables.values()
        for column in table.columns
        if MAP_KEY not in column.info
    ]


@functools.lru_cache(maxsize=2)
def _read_map(mappers: int) -> PersonalDataMap:
    tables: dict[str, MappedTable] = {}
    for mapper in Base.registry.mappers:
        table = mapper.local_table
        if not isinstance(table, sa.Table) or table.name not in Base.metadata.tables:
            continue
        columns = {
            column.name: column.info[MAP_KEY]
            for column in table.columns
            if isinstance(column.info.get(MAP_KEY), PersonalData) and column.info[MAP_KEY].strategy != "staff"
        }
        path = getattr(mapper.class_, "__subject_path__", None)
        if columns and path is None:
            raise PathError(
                f"{table.name} holds personal data ({', '.join(columns)}) and says no __subject_path__."
            )
        restricted = bool(getattr(mapper.class_, "__restricted__", False))
        # A restricted table is sealed under keys that die on their own day, so nothing in it is ever emptied.
        if (
            getattr(mapper.class_, "__append_only__", False)
            and not restricted
            and any(d.strategy in EMPTIED for d in columns.values())
        ):
            raise PathError(
                f"{table.name} is append-only, so what it holds of a person must be sealed (shred), not emptied."
            )
        if path is not None:
            tables[table.name] = MappedTable(
                table,
                _parse(path),
                columns,
                restricted,
                dict(getattr(mapper.class_, "__after_erasure__", {})),
            )
    for mapped in tables.values():
        target = mapped.hop.target if mapped.hop else None
        if target is not None and target not in tables:
            raise PathError(
                f"{mapped.name} reaches its subject through {target}, which says no __subject_path__."
            )
    return PersonalDataMap(tables.values())


def _parse(path: str) -> Hop:
    column, arrow, target = path.partition("->")
    return Hop(column.strip(), target.strip() if arrow else None)


def cut_postcode(value: str | None) -> str | None:
    """What is left of a postcode after erasure."""
    return truncate_postcode(value)
