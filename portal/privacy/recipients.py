"""Who received the data of a person (GDPR article 19): the domains above tell, each for what it sends out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

Recipients = Callable[[int, Sequence[int]], Sequence[str]]

_sources: dict[str, Recipients] = {}


def register_recipients(name: str, source: Recipients) -> None:
    """Register who of the outside world got data of people from a domain.

    Args:
        name: the domain; registering it again replaces the first.
        source: called with merchant and subject ids inside the merchant's scope; answers names of companies.
    """
    _sources[name] = source


def recipient_names(merchant_id: int, subject_ids: Sequence[int]) -> list[str]:
    """Every recipient of data of these people, once."""
    return sorted({name for source in _sources.values() for name in source(merchant_id, subject_ids)})
