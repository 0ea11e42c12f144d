"""Refuse a statement that names a tenant table and does not say whose rows it means.

Row-level security is the wall; the filter is the way. A statement without it would be right on one server and
would fan out to every shard on many, so it is a fault of ours wherever it appears.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_KEYWORDS: Final = frozenset(
    [
        "as",
        "where",
        "on",
        "set",
        "values",
        "select",
        "left",
        "right",
        "inner",
        "outer",
        "cross",
        "full",
        "join",
        "using",
        "group",
        "order",
        "limit",
        "for",
        "returning",
        "union",
        "having",
        "when",
        "then",
        "default",
        "natural",
        "lateral",
        "offset",
        "fetch",
        "window",
        "tablesample",
        "except",
        "intersect",
        "with",
        "and",
    ]
)
_UNQUALIFIED: Final = re.compile(r"(?<![\w.\"])\"?merchant_id\b")
_MEMORY: Final = 20_000


class MissingTenantFilterError(RuntimeError):
    """A statement names a tenant table without its merchant; the text names the table."""


class TenantGuard:
    """Checks statement texts against the tenant tables; each text is read once."""

    def __init__(self, tables: Iterable[str]) -> None:
        names = sorted(tables, key=len, reverse=True)
        self._known: set[str] = set()
        self._reference = (
            re.compile(
                r"(?:\bFROM|\bJOIN|\bUPDATE|\bINTO|\bUSING|,)\s+(?:ONLY\s+)?(?:public\.)?\"?"
                r"(?P<table>"
                + "|".join(map(re.escape, names))
                + r")\"?(?![\w.(])(?:\s+(?:AS\s+)?\"?(?P<alias>\w+)\"?)?",
                re.IGNORECASE,
            )
            if names
            else None
        )

    def check(self, statement: str) -> None:
        """Raise unless every tenant table in *statement* carries its merchant.

        Raises:
            MissingTenantFilterError: one does not.
        """
        if self._reference is None or statement in self._known:
            return
        if not _UNQUALIFIED.search(statement):
            for match in self._reference.finditer(statement):
                self._check_reference(statement, match["table"], match["alias"])
        if len(self._known) > _MEMORY:
            self._known.clear()
        self._known.add(statement)

    @staticmethod
    def _check_reference(statement: str, table: str, alias: str | None) -> None:
        name = alias if alias and alias.lower() not in _KEYWORDS else table
        if not re.search(rf"\b{re.escape(name)}\"?\.\"?merchant_id\b", statement):
            raise MissingTenantFilterError(
                f"The statement reads {table} without {name}.merchant_id: {statement[:300]}"
            )
