"""How a program comes in: ``Authorization: Bearer <key>``, its merchant's scope, its scopes and its minute's allowance.

The session's cookie means nothing below ``/api/``, so no other site can make a browser call it.
"""

from __future__ import annotations

from flask import Response, g, request
from flask.typing import ResponseReturnValue

from portal.accounts.api_keys import SCOPES, Caller, find_caller, merchant_of_secret, touch_key
from portal.accounts.sessions import enter_scope, leave_scope
from portal.core import rate_limit
from portal.core.problems import answer

API = "/api/"


def is_api() -> bool:
    """Whether this request is for programs."""
    return request.path.startswith(API)


def load_caller() -> None:
    """Find which program is asking and enter its merchant's scope for the whole request."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    merchant_id = merchant_of_secret(secret.strip()) if scheme.lower() == "bearer" else None
    if merchant_id is None:
        return
    enter_scope(merchant_id)
    g.caller = find_caller(secret.strip())
    if g.caller is None:
        leave_scope()


def current_caller() -> Caller:
    """The program of this request, for views that ask for a scope."""
    caller: Caller = g.caller
    return caller


def guard_caller(scope: str) -> ResponseReturnValue | None:
    """Refuse a program without key, without the scope, or too fast.

    Raises:
        KeyError: there is no such scope: a fault of ours.
    """
    words = SCOPES[scope]
    caller: Caller | None = g.get("caller")
    if caller is None:
        return answer(
            401,
            "Send a key of the merchant that is in use: Authorization: Bearer prt_…",
            {"WWW-Authenticate": 'Bearer realm="portal"'},
        )
    if scope not in caller.scopes:
        return answer(403, f"This key does not allow it. It needs the scope {scope} ({words}).")
    allowance = rate_limit.spend(
        f"api-key:{caller.merchant_id}:{caller.key_id}", limit=caller.rate_per_minute
    )
    g.allowance = allowance
    if not allowance.is_allowed:
        return answer(
            429,
            f"This key may ask {allowance.limit} times a minute. Wait {allowance.reset_after} s, then go on.",
            {"Retry-After": str(allowance.reset_after)},
        )
    touch_key(caller)
    return None


def send_allowance(response: Response) -> Response:
    """Tell how much of the minute is left."""
    allowance: rate_limit.Allowance | None = g.get("allowance")
    if allowance is not None:
        response.headers["RateLimit-Limit"] = str(allowance.limit)
        response.headers["RateLimit-Remaining"] = str(max(0, allowance.remaining))
        response.headers["RateLimit-Reset"] = str(allowance.reset_after)
    return response
