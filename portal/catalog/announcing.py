"""A change of a product, told to the log and to whoever listens for products."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portal.catalog.models import Product
from portal.core.announcing import announce
from portal.core.audit import Actor


def announce_product(
    product: Product,
    action: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    by: Actor,
    *,
    event: str = "product.updated",
) -> None:
    """Log *action* and publish *event*, in the caller's transaction."""
    announce(
        action,
        by=by,
        subject=("product", product.id),
        before=before,
        after=after,
        event=event,
        key=f"product:{product.id}",
        payload={"product_id": product.id},
    )
