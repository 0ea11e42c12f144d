"""What can be wrong with a file, a row and a cell, in words that name the place."""

from __future__ import annotations

from portal.core.errors import DomainError


class UnreadableFileError(DomainError):
    """The file as a whole cannot be imported; nothing of it was."""


class CellError(ValueError):
    """A cell breaks a rule. The text names the rule and never the value, because a cell may hold anything."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
