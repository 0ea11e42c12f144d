"""When to try again what failed: soon at first, then ever more rarely, never all at once, and for more than a day."""

from __future__ import annotations

import datetime as dt
import random
from typing import Final

FIRST_WAIT: Final = 30.0
LONGEST_WAIT: Final = 4 * 3600.0
LONGEST_ACCOUNT_WAIT: Final = 3600.0
HORIZON: Final = dt.timedelta(hours=30)
JITTER: Final = 0.25


def wait(failures: int, *, longest: float = LONGEST_WAIT) -> dt.timedelta:
    """How long to wait after that many failures in a row; spread by a quarter, so that a thousand items that failed
    together do not come back together."""
    seconds = min(FIRST_WAIT * 2 ** min(max(failures - 1, 0), 20), longest)
    return dt.timedelta(seconds=seconds * random.uniform(1 - JITTER, 1 + JITTER))


def is_spent(failing_since: dt.datetime | None, now: dt.datetime) -> bool:
    """Whether something has failed for so long that a person must look at it."""
    return failing_since is not None and now - failing_since >= HORIZON
