"""The database decides what is taken; here its refusal becomes an error that names the field."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import IntegrityError

from portal.core.database import db
from portal.core.errors import DomainError


@contextmanager
def unique(constraint: str, message: str, *, field: str) -> Iterator[None]:
    """Change rows inside; the flush at the end turns a refusal by *constraint* into a ``DomainError`` for *field*.

    Raises:
        DomainError: another row of the merchant has the value. The session stays usable.
    """
    try:
        with db.session.begin_nested():
            yield
            db.session.flush()
    except IntegrityError as error:
        if getattr(getattr(error.orig, "diag", None), "constraint_name", None) != constraint:
            raise
        raise DomainError(message, field=field) from error
