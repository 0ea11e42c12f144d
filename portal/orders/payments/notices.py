"""What gateways tell us by webhook: stored sealed and answered at once, applied by a worker, once, in any order.

A notice is believed in one thing only: that something happened to an object. How the object stands is asked of the
gateway, so a notice that comes late, twice or before its forerunner does the same as one that comes in time.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from portal.core import keyring
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError, NotFoundError
from portal.core.ids import parse_public_id
from portal.core.jobs import enqueue
from portal.core.keyring import DecryptionError, KeyDestroyedError
from portal.core.secrets import secret_box
from portal.orders.gateways import KINDS, gateway
from portal.orders.gateways.base import Gateway, GatewayError, RemotePayment
from portal.orders.models import GatewayAccount, OrderPayment, OrderRef, PaymentLink, PaymentNotice
from portal.orders.payments import disputes, payouts, rows
from portal.orders.payments.accounts import account_of, gateway_of, webhook_secret_of
from portal.orders.payments.settling import settle

TOKEN: Final = re.compile(r"m_[0-9a-z]{1,13}-[0-9a-f]{24}")
LARGEST: Final = 256 * 1024
# A notice may come before the order it is about; after this it waits for a person.
PATIENCE: Final = dt.timedelta(hours=24)
WAITS: Final = (10, 60, 300, 1800, 7200)
KEPT: Final = dt.timedelta(days=90)
PURPOSE: Final = "payment notice"
NO_ORDER: Final = "No order here has this payment."

_notice: Final = PaymentNotice.__table__
_payment: Final = OrderPayment.__table__


def merchant_of_token(token: str) -> int | None:
    """The merchant an address of ours names, by its looks alone."""
    return parse_public_id("m", token.partition("-")[0]) if TOKEN.fullmatch(token) else None


def account_of_token(token: str) -> GatewayAccount:
    """The account whose notices come to an address, within its merchant's scope.

    Raises:
        NotFoundError: there is none.
    """
    found = db.session.scalars(
        sa.select(GatewayAccount).where(GatewayAccount.webhook_token == token)
    ).one_or_none()
    if found is None:
        raise NotFoundError("There is nothing at this address.")
    return found


def receive(account: GatewayAccount, body: bytes, headers: Mapping[str, str]) -> bool:
    """Store a notice and ring for a worker; gives whether it is the first time. One that came before is only counted.

    Raises:
        SignatureError: it is not the gateway's.
    """
    reader = gateway(account.kind, account.base_url, "unused")
    notice = reader.read_notice(body, headers, webhook_secret_of(account))
    event_id = _storable(notice.event_id, 200)
    written = db.session.execute(
        postgresql.insert(_notice)
        .values(
            merchant_id=current_merchant_id(),
            account_id=account.id,
            event_id=event_id,
            kind=_storable(notice.kind, 80),
            object_reference=_storable(notice.object_reference or "", 200) or None,
            happened_at=notice.happened_at,
            body=secret_box.encrypt(body, f"{PURPOSE}:{_digest(event_id)}"),
        )
        .on_conflict_do_update(
            index_elements=["merchant_id", "account_id", "event_id"],
            set_={"times_received": _notice.c.times_received + 1},
        )
        .returning(_notice.c.id, _notice.c.times_received)
    ).one()
    if written.times_received == 1:
        ring_for(written.id)
    return bool(written.times_received == 1)


def ring_for(notice_id: int, *, at: dt.datetime | None = None, turn: int = 0) -> None:
    """Let a worker apply a notice."""
    enqueue("payments.notice", {"notice_id": notice_id}, by=_gateway_actor(), unique_key=f"{notice_id}:{turn}", run_after=at)  # fmt: skip


def apply_notice(notice_id: int, *, commit: Callable[[], None]) -> None:
    """Ask the gateway how the object stands and take it over; what cannot be placed is tried again, then kept in sight."""
    notice = notice_of(notice_id)
    if notice["state"] not in ("received", "failed"):
        return
    account = account_of(notice["account_id"])
    caller = gateway_of(account)
    subject = _subject_of(notice, account)
    commit()
    try:
        order_id = _apply(subject, notice, account, caller, commit)
    except (GatewayError, NotFoundError) as error:
        db.session.rollback()
        _try_again(notice, error.message)
    except DomainError as error:
        db.session.rollback()
        _end(notice, "dead", error.message)
    else:
        if subject == "other":
            _end(notice, "ignored", "This kind of notice changes nothing here.")
        else:
            _end(notice, "applied", None, order_id=order_id)
    commit()


def try_now(notice_id: int) -> None:
    """A person wants a notice tried again now.

    Raises:
        ConflictError: it was applied already.
    """
    changed = db.session.execute(
        sa.update(_notice)
        .where(_mine(notice_id), _notice.c.state.in_(("failed", "dead", "received")))
        .values(state="failed", next_try_at=None, attempts=0, received_at=utc_now())
        .returning(_notice.c.id)
    ).first()
    if changed is None:
        raise ConflictError("This notice was applied already. There is nothing to try again.")
    ring_for(notice_id, turn=int(utc_now().timestamp()))


def due_notices() -> Sequence[int]:
    """Notices nobody has applied although they could have been."""
    late = utc_now() - dt.timedelta(minutes=1)
    return db.session.scalars(
        sa.select(_notice.c.id)
        .where(
            _notice.c.merchant_id == current_merchant_id(),
            _notice.c.state.in_(("received", "failed")),
            sa.func.coalesce(_notice.c.next_try_at, _notice.c.received_at) < late,
        )
        .order_by(_notice.c.id)
        .limit(200)
    ).all()


def forget_old(now: dt.datetime | None = None) -> int:
    """Delete notices of ninety days ago, some at a time; gives how many. The caller commits."""
    old = (
        sa.select(_notice.c.id)
        .where(
            _notice.c.merchant_id == current_merchant_id(),
            _notice.c.received_at < (now or utc_now()) - KEPT,
        )
        .limit(2_000)
    )
    gone = db.session.execute(
        sa.delete(_notice)
        .where(_notice.c.merchant_id == current_merchant_id(), _notice.c.id.in_(old))
        .returning(_notice.c.id)
    )
    return len(gone.all())


def body_of(notice: sa.RowMapping) -> str | None:
    """What the gateway sent, or None when its person was erased."""
    try:
        if notice["body"] is not None:
            return secret_box.decrypt(notice["body"], f"{PURPOSE}:{_digest(notice['event_id'])}").decode()
        if notice["body_of_person"] is not None:
            return body_of_person(notice).decode()
    except (DecryptionError, KeyDestroyedError):
        return None
    return None


def body_of_person(notice: sa.RowMapping) -> bytes:
    """The body that is sealed under the buyer's key, for the copy a person asks for."""
    return keyring.decrypt(
        notice["body_of_person"], f"{PURPOSE}:{_digest(notice['event_id'])}", notice["subject_id"]
    )


def _apply(
    subject: str, notice: sa.RowMapping, account: GatewayAccount, caller: Gateway, commit: Callable[[], None]
) -> int | None:
    reference = notice["object_reference"]
    match subject:
        case "payment":
            remote = caller.payment(reference) if reference else None
            if remote is None:
                raise NotFoundError("The gateway does not know this payment any more.")
            place = _place_of(account, remote)
            if place is None:
                raise NotFoundError(NO_ORDER)
            settle(*place, remote, by=_gateway_actor(account))
            return place[0]
        case "checkout":
            return _apply_checkout(reference, account, caller)
        case "dispute":
            found = caller.dispute(reference) if reference else None
            if found is None:
                raise NotFoundError("The gateway does not know this dispute any more.")
            order_id = disputes.take_over(account, found, by=_gateway_actor(account))
            if order_id is None:
                # It stands in the list already, for its day does not wait; its order may come in later.
                commit()
                raise NotFoundError(NO_ORDER)
            return order_id
        case "payout":
            payout = caller.payout(reference) if reference else None
            if payout is None:
                raise NotFoundError("The gateway does not know this payout any more.")
            payouts.take_over(account, payout, caller.payout_lines(payout.reference), commit=commit)
    return None


def _apply_checkout(reference: str | None, account: GatewayAccount, caller: Gateway) -> int | None:
    page = caller.checkout_state(reference) if reference else None
    if page is None:
        raise NotFoundError("The gateway does not know this payment page any more.")
    link = PaymentLink.__table__
    found = db.session.execute(
        sa.select(link.c.order_id, link.c.payment_n).where(
            link.c.merchant_id == current_merchant_id(), link.c.checkout_reference == reference
        )
    ).one_or_none()
    if found is None:
        raise NotFoundError(NO_ORDER)
    remote = caller.payment(page.payment_reference) if page.payment_reference else None
    if remote is not None:
        settle(found.order_id, found.payment_n, remote, by=_gateway_actor(account))
    return int(found.order_id)


def _place_of(account: GatewayAccount, remote: RemotePayment) -> tuple[int, int] | None:
    """Which payment of ours it is: by the gateway's name for it, else by the key that we gave it."""
    place = rows.payment_by_reference(account, remote.reference)
    if place is not None:
        return place
    ours = rows.order_of_wire_key(remote.key)
    attempt = rows.attempt_by_key(*ours) if ours else None
    if attempt is None or attempt["account_id"] != account.id:
        return None
    return attempt["order_id"], attempt["payment_n"]


def _subject_of(notice: sa.RowMapping, account: GatewayAccount) -> str:
    return gateway_subject(account.kind, notice["kind"])


def gateway_subject(kind: str, event: str) -> str:
    """What a kind of event is about: a payment, a checkout, a dispute, a payout, or nothing of ours."""
    assert kind in KINDS
    head = event.partition(".")[0]
    if event.startswith("charge.dispute"):
        return "dispute"
    return {
        "payment": "payment", "payment_intent": "payment", "charge": "payment", "refund": "payment", "checkout": "checkout",
        "dispute": "dispute", "payout": "payout",
    }.get(head, "other")  # fmt: skip


def _try_again(notice: sa.RowMapping, reason: str) -> None:
    attempts = notice["attempts"] + 1
    if utc_now() - notice["received_at"] > PATIENCE:
        _end(notice, "dead", reason)
        return
    at = utc_now() + dt.timedelta(seconds=WAITS[min(attempts, len(WAITS)) - 1])
    db.session.execute(
        sa.update(_notice)
        .where(_mine(notice["id"]))
        .values(state="failed", reason=reason, attempts=attempts, next_try_at=at)
    )
    ring_for(notice["id"], at=at, turn=attempts)


def _end(notice: sa.RowMapping, state: str, reason: str | None, *, order_id: int | None = None) -> None:
    values: dict[str, Any] = {
        "state": state, "reason": reason, "applied_at": utc_now(), "order_id": order_id, "attempts": notice["attempts"] + 1, "next_try_at": None
    }  # fmt: skip
    if order_id is not None:
        values |= _under_the_buyers_key(notice, order_id)
    db.session.execute(sa.update(_notice).where(_mine(notice["id"])).values(**values))


def _under_the_buyers_key(notice: sa.RowMapping, order_id: int) -> dict[str, Any]:
    """From here on the body dies with the person it is about; without a person it is not kept."""
    ref = OrderRef.__table__
    subject_id = db.session.execute(
        sa.select(ref.c.subject_id).where(
            ref.c.merchant_id == current_merchant_id(), ref.c.order_id == order_id
        )
    ).scalar_one()
    plain = body_of(notice)
    if subject_id is None or plain is None:
        return {"body": None}
    try:
        sealed = keyring.encrypt(plain.encode(), f"{PURPOSE}:{_digest(notice['event_id'])}", subject_id)
    except KeyDestroyedError:
        return {"body": None}
    return {"body": None, "body_of_person": sealed, "subject_id": subject_id}


def notice_of(notice_id: int) -> sa.RowMapping:
    found = db.session.execute(sa.select(_notice).where(_mine(notice_id))).mappings().one_or_none()
    if found is None:
        raise NotFoundError("There is no such notice, or it was tidied away.")
    return found


def _mine(notice_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(_notice.c.merchant_id == current_merchant_id(), _notice.c.id == notice_id)


def _storable(text: str, longest: int) -> str:
    """What PostgreSQL takes of it: whoever holds the secret may sign anything."""
    return text.replace("\0", "").encode(errors="replace").decode()[:longest]


def _digest(event_id: str) -> str:
    return hashlib.sha256(event_id.encode()).hexdigest()[:32]


def _gateway_actor(account: GatewayAccount | None = None) -> Actor:
    return Actor("system", None, account.name if account is not None else "The payment gateway")
