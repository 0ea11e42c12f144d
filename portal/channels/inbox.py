"""The rows of inbound orders: one per order of a shop, held by one reader at a time, with its document sealed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from portal.channels import retry
from portal.channels.connectors.base import InboundOrder, OrderStub
from portal.channels.models import ChannelInboundOrder
from portal.channels.ordering import Applied
from portal.core import keyring
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.core.keyring import DecryptionError, KeyDestroyedError

_inbound: Final = ChannelInboundOrder.__table__


def note_failed(account_id: int, stub: OrderStub, reason: str) -> str:
    """Write down that an order could not be applied, with the reason, so that it is tried again and seen."""
    now = utc_now()
    row = locked_row(account_id, stub.external_id)
    since = row["failing_since"] or now
    spent = retry.is_spent(since, now)
    state = "dead" if spent else "failed"
    db.session.execute(
        one_order(row["id"]).values(
            state=state,
            reason=reason[:500],
            attempts=row["attempts"] + 1,
            failing_since=since,
            next_try_at=None if spent else now + retry.wait(row["attempts"] + 1),
            modified_at=max(filter(None, (row["modified_at"], stub.modified_at))),
        )
    )
    return state


def note_gone(account_id: int, external_id: str) -> None:
    """The shop deleted an order that we never managed to apply."""
    row = locked_row(account_id, external_id)
    db.session.execute(
        one_order(row["id"]).values(
            state="ignored" if row["order_id"] is None else "applied",
            next_try_at=None,
            failing_since=None,
            reason="The shop deleted this order before it could be applied."
            if row["order_id"] is None
            else None,
        )
    )


def try_again(inbound_id: int) -> int:
    """A person wants a failed or held order tried now; gives its account.

    Raises:
        DomainError: there is nothing to try.
    """
    row = db.session.execute(
        sa.update(_inbound)
        .where(
            _inbound.c.merchant_id == current_merchant_id(),
            _inbound.c.id == inbound_id,
            _inbound.c.state.in_(("failed", "dead", "held", "received")),
        )
        .values(state="failed", next_try_at=None, failing_since=None, attempts=0)
        .returning(_inbound.c.account_id)
    ).one_or_none()
    if row is None:
        raise DomainError("This order is applied. There is nothing to try again.")
    return int(row.account_id)


def original(inbound: ChannelInboundOrder) -> dict[str, Any] | None:
    """The document as the shop sent it, or None when it was not kept or its person was erased."""
    if inbound.payload is None or inbound.subject_id is None:
        return None
    try:
        opened = keyring.decrypt(
            inbound.payload, place_of_document(inbound.account_id, inbound.external_id), inbound.subject_id
        )
    except (KeyDestroyedError, DecryptionError):
        return None
    document = json.loads(opened)
    return document if isinstance(document, dict) else None


def sealed(account_id: int, order: InboundOrder, applied: Applied) -> bytes | None:
    """The document under the buyer's key; of a person who was erased nothing is kept."""
    if applied.subject_id is None:
        return None
    try:
        text = json.dumps(order.document, default=str).encode()
        return keyring.encrypt(text, place_of_document(account_id, order.external_id), applied.subject_id)
    except KeyDestroyedError:
        return None


def locked_row(account_id: int, external_id: str) -> sa.RowMapping:
    """The row of an order, made by whoever comes first and held by one at a time."""
    db.session.execute(
        postgresql.insert(_inbound)
        .values(merchant_id=current_merchant_id(), account_id=account_id, external_id=external_id)
        .on_conflict_do_nothing(index_elements=["merchant_id", "account_id", "external_id"])
    )
    return (
        db.session.execute(
            sa.select(_inbound)
            .where(
                _inbound.c.merchant_id == current_merchant_id(),
                _inbound.c.account_id == account_id,
                _inbound.c.external_id == external_id,
            )
            .with_for_update()
        )
        .mappings()
        .one()
    )


def known_versions(account_id: int, external_ids: Sequence[str]) -> dict[str, sa.RowMapping]:
    rows = db.session.execute(
        sa.select(_inbound.c.external_id, _inbound.c.modified_at, _inbound.c.digest, _inbound.c.state).where(
            _inbound.c.merchant_id == current_merchant_id(),
            _inbound.c.account_id == account_id,
            _inbound.c.external_id.in_(external_ids),
        )
    ).mappings()
    return {row["external_id"]: row for row in rows}


def due_orders(account_id: int) -> list[str]:
    rows = db.session.execute(
        sa.select(_inbound.c.external_id)
        .where(
            _inbound.c.merchant_id == current_merchant_id(),
            _inbound.c.account_id == account_id,
            _inbound.c.state.in_(("received", "failed")),
            sa.or_(_inbound.c.next_try_at.is_(None), _inbound.c.next_try_at <= utc_now()),
        )
        .order_by(_inbound.c.id)
        .limit(200)
    )
    return [row.external_id for row in rows]


def one_order(inbound_id: int) -> sa.Update:
    return sa.update(_inbound).where(
        _inbound.c.merchant_id == current_merchant_id(), _inbound.c.id == inbound_id
    )


def place_of_document(account_id: int, external_id: str) -> str:
    return f"channel order:{account_id}:{external_id}"
