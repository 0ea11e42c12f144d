"""What a piece of work asks of the database: its statements, on every connection of the app."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import sqlalchemy as sa
from flask import Flask

from portal.core.database import db

FRAME: Final = ("SET LOCAL", "SAVEPOINT", "RELEASE")


@contextmanager
def statements_seen(app: Flask) -> Iterator[list[tuple[str, Any]]]:
    """Statements with their parameters, as they are sent; what only frames a transaction is left out."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if not statement.startswith(FRAME):
            seen.append((statement, parameters))

    with app.app_context():
        engine = db.engine
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


def count_statements(app: Flask, work: Callable[[], object]) -> int:
    """How many statements *work* sends."""
    with statements_seen(app) as seen:
        work()
    return len(seen)
