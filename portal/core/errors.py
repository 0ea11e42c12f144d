"""Errors that a person may read. Their text says what happened and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

NOTHING_HERE: Final = "There is nothing at this address, or nothing you may see."


class DomainError(Exception):
    """A rule of the business was broken; shown to the user as it stands.

    Args:
        message: a plain sentence for the person at the screen.
        field: the form field it belongs to, when there is one.
    """

    status = 422

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class NotFoundError(DomainError):
    """There is no such thing, or none this person may know of."""

    status = 404

    def __init__(self, message: str = NOTHING_HERE, *, field: str | None = None) -> None:
        super().__init__(message, field=field)


class ForbiddenError(DomainError):
    """The person is known, the thing is theirs to see, the act is not theirs to do."""

    status = 403


class ConflictError(DomainError):
    """Somebody else was first, and the two cannot both hold."""

    status = 409


class StaleError(ConflictError):
    """The row changed since the form was opened.

    Args:
        clashes: field name to (value now in the database, value typed), for fields both sides changed.
    """

    def __init__(self, clashes: Mapping[str, tuple[Any, Any]], *, version: int) -> None:
        super().__init__("Someone saved this while you were editing. Your changes are below, next to theirs.")
        self.clashes = dict(clashes)
        self.version = version
