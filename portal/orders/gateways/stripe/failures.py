"""What the SDK raises, in our words: what was declined, what was refused, what nobody knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import requests
import stripe
import urllib3

from portal.orders.gateways.base import GatewayError
from portal.orders.gateways.wire import UNKNOWN, UNREACHABLE

NEVER_LEFT = (requests.exceptions.ConnectTimeout, urllib3.exceptions.NewConnectionError)


@contextmanager
def in_our_words() -> Iterator[None]:
    """Turn what the SDK raises into a ``GatewayError``.

    Raises:
        GatewayError: the call did not bring what was asked.
    """
    try:
        yield
    except stripe.CardError as error:
        code = _code(error.code) or "declined"
        raise GatewayError("declined", "The buyer's bank declined the payment.", code=code) from error
    except stripe.RateLimitError as error:
        raise GatewayError("throttled", "Stripe asked us to wait.", retry_after=30) from error
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        raise GatewayError("credentials", "Stripe refused the secret key. Enter one that works.") from error
    except stripe.APIConnectionError as error:
        if _never_left(error):
            raise GatewayError("unreachable", UNREACHABLE) from error
        raise GatewayError("unknown", UNKNOWN) from error
    except stripe.InvalidRequestError as error:
        if error.code == "resource_missing" or error.http_status == 404:
            raise GatewayError("gone", "Stripe does not know it.", code="gone") from error
        if error.http_status in (409, 429):
            raise GatewayError("unknown", UNKNOWN, code=_code(error.code)) from error
        raise GatewayError("refused", "Stripe refused it as things stand.", code=_code(error.code)) from error
    except stripe.IdempotencyError as error:
        raise GatewayError("refused", "Stripe refused it as things stand.", code="key_reused") from error
    except stripe.StripeError as error:
        if error.http_status == 404:
            raise GatewayError("gone", "Stripe does not know it.", code="gone") from error
        raise GatewayError("unknown", UNKNOWN, code=_code(error.code)) from error


def _code(code: str | None) -> str | None:
    return code[:60] if code else None


def _never_left(error: BaseException) -> bool:
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:
        seen.append(cause)
        inner = [each for each in cause.args if isinstance(each, BaseException)]
        reasons = [getattr(each, "reason", None) for each in (cause, *inner)]
        if any(isinstance(each, NEVER_LEFT) for each in (cause, *inner, *reasons)):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
