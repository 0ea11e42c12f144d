"""The personal-data map. Each column says what it holds of a person, or why it holds nothing.

The map is read from the models by masking, access export, erasure, the log scrubber and the scanner; there is no
second list. A table says how a row of it reaches its person by ``__subject_path__``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

Category = Literal[
    "name",
    "email",
    "phone",
    "address",
    "identifier",
    "free_text",
    "device",
    "behaviour",
    "image",
    "credential",
]
Strategy = Literal["erase", "truncate_postcode", "keep", "shred", "staff"]
Basis = Literal["contract", "legal_obligation", "legitimate_interest", "consent"]

MAP_KEY: Final = "personal_data"


@dataclass(frozen=True, slots=True)
class PersonalData:
    """What a column holds of a person and what erasure does to it.

    Strategies: ``erase`` empties the value; ``truncate_postcode`` keeps the outward part; ``keep`` moves what the law
    demands to a restricted record and empties the column; ``shred`` is encrypted under the person's key, which is
    destroyed; ``staff`` belongs to a user of the portal, not to a merchant's data subject.
    """

    category: Category
    strategy: Strategy
    basis: Basis
    purpose: str
    retention: str


@dataclass(frozen=True, slots=True)
class NotPersonalData:
    """Why a column holds nothing of a person."""

    reason: str


def pii(
    *,
    category: Category,
    strategy: Strategy = "erase",
    basis: Basis = "contract",
    purpose: str = "fulfil and support orders",
    retention: str = "until erasure",
) -> dict[str, Any]:
    """``mapped_column(info=pii(category="email"))``: the column holds personal data."""
    return {MAP_KEY: PersonalData(category, strategy, basis, purpose, retention)}


def not_pii(reason: str) -> dict[str, Any]:
    """``mapped_column(info=not_pii("state"))``: the column holds none, and why."""
    if not reason.strip():
        raise ValueError("Say why the column holds no personal data.")
    return {MAP_KEY: NotPersonalData(reason)}
