"""What an answer of WooCommerce that is no success means, in words for the person at the screen."""

from __future__ import annotations

import datetime as dt
import email.utils
import json
import re
from typing import Any, Final

from portal.channels.connectors.base import ChannelError
from portal.channels.outbound import Answer
from portal.core.clock import utc_now

LONGEST_WAIT: Final = 3600

_ITEM_WORDS: Final = {
    "woocommerce_rest_product_invalid_id": ("gone", "The shop no longer has this article."),
    "woocommerce_rest_product_variation_invalid_id": ("gone", "The shop no longer has this variation."),
    "woocommerce_rest_invalid_product_id": ("gone", "The shop no longer has this article."),
    "product_invalid_sku": (
        "refused",
        "The shop refuses the article because another one there has the same SKU.",
    ),
    "rest_invalid_param": ("refused", "The shop refuses one of the values we sent."),
}


def failure_of_answer(answer: Answer, *, writing: bool) -> ChannelError | None:
    """What kept a whole call from succeeding, or None."""
    status = answer.status
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return ChannelError(
            "address", "The shop sends us on to another address. Enter that address here.", status=status
        )
    if status == 401:
        return ChannelError(
            "credentials",
            "The shop does not accept the keys. Make new ones there and enter them.",
            status=status,
        )
    if status == 403:
        return ChannelError(
            "credentials",
            "The keys may not do this. Give them read and write access in the shop.",
            status=status,
        )
    if status in (404, 410):
        return _missing(answer)
    if status == 429 or (status == 503 and "retry-after" in answer.headers):
        return ChannelError(
            "throttled",
            "The shop asked us to slow down.",
            status=status,
            retry_after=_retry_after(answer.headers.get("retry-after", "")),
        )
    if status in (408, 502, 504) and writing:
        return ChannelError(
            "unknown", "A server before the shop gave up waiting, so the end is not known.", status=status
        )
    if status >= 500:
        return ChannelError("server", f"The shop broke while answering (error {status}).", status=status)
    return ChannelError(
        "refused", f"The shop refused the request{_named(_code(answer.body))}.", status=status
    )


def failure_of_item(row: dict[str, Any] | None) -> ChannelError | None:
    """What became of one item of a batch that was answered."""
    if row is None:
        return ChannelError("unknown", "The shop took the batch and said nothing about this article.")
    error = row.get("error")
    if not isinstance(error, dict):
        return None
    code = _clean(error.get("code"))
    data = error.get("data")
    status = data.get("status") if isinstance(data, dict) and isinstance(data.get("status"), int) else None
    if code in _ITEM_WORDS:
        kind, words = _ITEM_WORDS[code]
        return ChannelError("gone" if kind == "gone" else "refused", words, status=status)
    return ChannelError("refused", f"The shop refused this article{_named(code)}.", status=status)


def _missing(answer: Answer) -> ChannelError:
    if _code(answer.body) == "rest_no_route" or not _code(answer.body):
        return ChannelError(
            "address",
            "There is no WooCommerce REST API at this address. Check the address, and that"
            " permalinks are switched on in the shop.",
            status=answer.status,
        )
    return ChannelError("gone", "The shop no longer has this.", status=answer.status)


def _retry_after(text: str) -> int:
    if text.strip().isdecimal():
        return min(int(text), LONGEST_WAIT)
    try:
        at = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return 60
    if at.tzinfo is None:
        at = at.replace(tzinfo=dt.UTC)
    return max(1, min(int((at - utc_now()).total_seconds()), LONGEST_WAIT))


def _code(body: bytes) -> str:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    return _clean(answer.get("code")) if isinstance(answer, dict) else ""


def _clean(code: object) -> str:
    """The shop's error codes are words of programmers; anything else could be a person's data and is left out."""
    return code if isinstance(code, str) and re.fullmatch(r"[a-z0-9_\-]{1,60}", code) else ""


def _named(code: str) -> str:
    return f" ({code})" if code else ""
