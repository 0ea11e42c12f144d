"""What can be done by a job: handlers register at import, by a dotted name that outlives their module."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from portal.core.jobs.run import JobRun

Handler = Callable[["JobRun"], None]


@dataclass(frozen=True, slots=True)
class RowName:
    """What people call a row of a job, and its page where they may open it."""

    words: str
    url: str | None = None


RowNames = Callable[[Sequence[str]], Mapping[str, RowName]]


@dataclass(frozen=True, slots=True)
class JobKind:
    """One kind of work.

    ``permission`` is what a person needs to see and steer such jobs. A quiet kind (mail, upkeep) is left out of the
    list until asked for. ``retries_rows`` says that the handler reads ``run.failed_keys()``. An urgent kind is short and
    its bell is heard before those that wait, so that a thousand mails do not hold it up. ``row_names(keys)`` names a
    page of rows whose keys are ids, in one statement; rows without it are shown by their keys.
    """

    name: str
    title: str
    permission: str
    handler: Handler
    queue: Literal["quick", "long"]
    is_quiet: bool
    retries_rows: bool
    is_urgent: bool = False
    row_names: RowNames | None = None


_kinds: Final[dict[str, JobKind]] = {}


class UnknownJobError(LookupError):
    """No handler has this name."""


def job(
    name: str,
    *,
    title: str,
    permission: str = "jobs.manage",
    queue: Literal["quick", "long"] = "long",
    quiet: bool = False,
    retries_rows: bool = False,
    urgent: bool = False,
    row_names: RowNames | None = None,
) -> Callable[[Handler], Handler]:
    """Register a handler: ``@job("imports.apply", title="Import orders", permission="imports.run")``.

    A job may run twice: write so that the second run is harmless, or so that the checkpoint commits with the effects.
    Renaming strands what is queued: keep the old name for a release.
    """

    def register(handler: Handler) -> Handler:
        present = _kinds.get(name)
        if present is not None and (present.handler.__module__, present.handler.__qualname__) != (
            handler.__module__,
            handler.__qualname__,
        ):
            raise ValueError(f"Two jobs are called {name}.")
        _kinds[name] = JobKind(
            name, title, permission, handler, queue, quiet, retries_rows, urgent, row_names
        )
        return handler

    return register


def kind_of(name: str) -> JobKind:
    """The kind of that name.

    Raises:
        UnknownJobError: nothing registered it.
    """
    try:
        return _kinds[name]
    except KeyError:
        raise UnknownJobError(f"No job is called {name}.") from None


def kinds() -> Mapping[str, JobKind]:
    """All kinds by name."""
    return _kinds


def title_of(name: str) -> str:
    """What people call the work; a kind that is gone shows its name."""
    found = _kinds.get(name)
    return found.title if found else name
