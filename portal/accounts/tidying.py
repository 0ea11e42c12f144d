"""What sign-in leaves behind and nobody needs: ended sessions with their addresses, dead links, old counters."""

from __future__ import annotations

import datetime as dt

from portal.accounts.sessions import KEEP_ENDED, forget_ended_sessions
from portal.accounts.sign_in import forget_old_resets
from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.throttle import forget_old_tries


def tidy_accounts() -> dict[str, int]:
    """Delete what its retention is over for; returns how many of each. Commits; safe to repeat."""
    now = utc_now()
    done = {
        "sessions": forget_ended_sessions(now - KEEP_ENDED),
        "password_resets": forget_old_resets(now - dt.timedelta(days=1)),
    }
    db.session.commit()
    return done | {"throttles": forget_old_tries(now - dt.timedelta(days=1))}
