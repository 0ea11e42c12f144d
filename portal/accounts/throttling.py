"""How often one may try: by account, from wherever, and by address, against whatever account."""

from __future__ import annotations

import datetime as dt
from typing import Final

from portal.core.errors import DomainError
from portal.core.throttle import Admission, admit, give_back

__all__ = ["TooManyTriesError", "admit_address", "admit_password", "admit_reset", "give_back"]

WINDOW: Final = dt.timedelta(minutes=15)
TRIES_PER_ACCOUNT: Final = 10
TRIES_PER_ADDRESS: Final = 100
RESETS_PER_ACCOUNT: Final = 3


class TooManyTriesError(DomainError):
    """The allowance is used up; the text says how long to wait, and the same for accounts that do not exist."""

    status = 429

    def __init__(self, retry_after: int) -> None:
        minutes = max(1, -(-retry_after // 60))
        super().__init__(
            f"Too many tries. Wait {minutes} {'minute' if minutes == 1 else 'minutes'}, then try again."
        )
        self.retry_after = retry_after


def admit_password(email: str) -> Admission:
    """A place for one password try at an account; counted for accounts that do not exist as well."""
    return _admitted(admit("password", email.strip().casefold(), limit=TRIES_PER_ACCOUNT, window=WINDOW))


def admit_address(address: str | None) -> Admission:
    """A place for one try from an address. Generous: a whole office may share one."""
    return _admitted(admit("address", address or "unknown", limit=TRIES_PER_ADDRESS, window=WINDOW))


def admit_reset(email: str) -> Admission:
    """A place for one password-reset mail to an account."""
    return _admitted(admit("reset", email.strip().casefold(), limit=RESETS_PER_ACCOUNT, window=WINDOW))


def _admitted(admission: Admission) -> Admission:
    if not admission.is_allowed:
        raise TooManyTriesError(admission.retry_after)
    return admission
