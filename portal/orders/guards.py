"""What an act on an order checks before it does anything: the version the person saw."""

from __future__ import annotations

from portal.core.errors import ConflictError
from portal.orders.book import lock_order


def require_unchanged(order_id: int, version: int) -> None:
    """Hold the order and refuse an act that counts on figures of a page which are no longer true.

    A second click, a stale tab and a colleague who was quicker all end here.

    Raises:
        ConflictError: the order changed since it had that version.
    """
    if lock_order(order_id)["version"] != version:
        raise ConflictError(
            "This order changed after the page was opened, so nothing more was done. See how it stands now."
        )
