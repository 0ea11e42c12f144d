"""Payment links: a page on which a buyer pays an amount of an order once, until a day.

The address is random and kept as a hash; it is also kept sealed, so that whoever may edit the order can copy it again.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import secrets
from collections.abc import Callable
from decimal import Decimal
from typing import Final

import sqlalchemy as sa

from portal.core import audit
from portal.core.audit import SYSTEM, Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError, NotFoundError
from portal.core.formats import money
from portal.core.http import public_link
from portal.core.ids import parse_public_id, public_id
from portal.core.jobs import enqueue
from portal.core.secrets import secret_box
from portal.orders.book import insert_row, lock_order, next_n, tell
from portal.orders.gateways.base import CheckoutRequest, GatewayError, RemoteCheckout
from portal.orders.models import OrderPayment, PaymentLink
from portal.orders.payments import rows
from portal.orders.payments.accounts import account_for_new, account_of, gateway_of
from portal.orders.payments.balance import ZERO, still_to_ask
from portal.orders.payments.preferences import preferences
from portal.orders.payments.settling import settle

TOKEN: Final = re.compile(r"m_[0-9a-z]{1,13}-[0-9a-f]{32}")
PURPOSE: Final = "payment link"
WATCHES: Final = tuple(dt.timedelta(minutes=minutes) for minutes in (2, 10, 30, 120, 720))

_payment: Final = OrderPayment.__table__


def create_link(order_id: int, amount: Decimal, *, by: Actor) -> str:
    """Make a page on which *amount* of the order is paid; gives its full address.

    Raises:
        DomainError: no gateway is on, or the amount cannot be charged or is more than is still to be asked for.
        ConflictError: the order is cancelled.
    """
    head = lock_order(order_id)
    if head["state"] == "cancelled":
        raise ConflictError("The order is cancelled; no money may be taken for it.")
    rows.checked_amount(amount, head["currency"])
    account = account_for_new()
    _require_room(order_id, head, amount)
    token = f"{public_id('m', current_merchant_id())}-{secrets.token_hex(16)}"
    payment_n = next_n(_payment, order_id)
    insert_row(
        _payment, order_id, n=payment_n, state="pending", method="link", gateway=account.kind, account_id=account.id,
        amount=amount, currency=head["currency"], at=utc_now(),
    )  # fmt: skip
    link = PaymentLink(
        order_id=order_id, account_id=account.id, payment_n=payment_n, token_hash=_hash(token),
        token_sealed=secret_box.seal(token, PURPOSE), amount=amount, currency=head["currency"],
        expires_at=utc_now() + dt.timedelta(days=preferences().link_days), created_by=by.id if by.kind == "user" else None,
    )  # fmt: skip
    db.session.add(link)
    db.session.flush()
    tell(order_id, "link_made", by, amount=str(amount), currency=head["currency"])
    return public_link(f"/pay/{token}")


def address_of(link: PaymentLink) -> str:
    """The full address of a link, for those who may send it."""
    return public_link(f"/pay/{secret_box.open(link.token_sealed, PURPOSE)}")


def merchant_of_token(token: str) -> int | None:
    """The merchant whose link an address names, by its looks alone."""
    return parse_public_id("m", token.partition("-")[0]) if TOKEN.fullmatch(token) else None


def link_of_token(token: str) -> PaymentLink:
    """The link behind an address, within its merchant's scope.

    Raises:
        NotFoundError: there is none.
    """
    found = db.session.scalars(
        sa.select(PaymentLink).where(PaymentLink.token_hash == _hash(token))
    ).one_or_none()
    if found is None:
        raise NotFoundError("This payment link does not exist.")
    return found


def links_of(order_id: int) -> list[PaymentLink]:
    """The links of an order, the newest first."""
    return list(
        db.session.scalars(
            sa.select(PaymentLink)
            .where(PaymentLink.order_id == order_id)
            .order_by(PaymentLink.id.desc())
            .limit(50)
        )
    )


def open_checkout(link_id: int, return_url: str) -> str:
    """The gateway's page for a link: the one that is open, else a new one.

    Commits what is asked before it asks, and holds no transaction while the gateway answers. A page of a gateway may close
    before the link does; it is then asked whether somebody paid on it before there is another.

    Raises:
        ConflictError: the link was paid, has expired or was withdrawn; or the gateway could not make a page just now.
    """
    page = look_at_page(link_id)
    link, head = _locked_with_order(link_id)
    _require_open(link)
    if link.amount > still_to_ask(link.order_id, head):
        raise ConflictError(
            "This link asks for more than is still owed on the order. Nothing was charged; ask the shop for a new one."
        )
    if page is not None and page.url is not None:
        db.session.rollback()
        return page.url
    order_id, account = link.order_id, account_of(link.account_id)
    attempt = _page_attempt(link, is_new=page is not None)
    rows.change_attempt(order_id, attempt["n"], called_at=utc_now())
    link.opened_at = link.opened_at or utc_now()
    request = CheckoutRequest(
        link.amount,
        link.currency,
        head["number"],
        link.expires_at,
        return_url,
        asked_at=attempt["created_at"],
    )
    caller = gateway_of(account, seconds=10.0)
    db.session.commit()
    try:
        made = caller.checkout(request, key=rows.wire_key(order_id, attempt["key"]))
    except GatewayError as error:
        # The same key gives the same page, so the next visit asks again and nothing is made twice.
        raise ConflictError(
            "The payment page could not be opened just now. Nothing was charged; try again in a minute."
        ) from error
    link, _ = _locked_with_order(link_id)
    link.checkout_url, link.checkout_reference = made.url, made.reference
    rows.change_attempt(
        order_id, attempt["n"], state="succeeded", reference=made.reference, settled_at=utc_now()
    )
    watch_page(link_id, turn=0)
    db.session.commit()
    if made.url is None:
        raise ConflictError("This payment link was used already.")
    return made.url


def look_at_page(link_id: int) -> RemoteCheckout | None:
    """Ask how the gateway's page of a link stands and take in what was paid on it; None when there is no page.

    Raises:
        ConflictError: the gateway did not answer.
    """
    link = db.session.get_one(PaymentLink, (current_merchant_id(), link_id), populate_existing=True)
    order_id, payment_n, reference = link.order_id, link.payment_n, link.checkout_reference
    if reference is None:
        return None
    caller = gateway_of(account_of(link.account_id), seconds=10.0)
    db.session.commit()
    try:
        page = caller.checkout_state(reference)
        paid = page.payment_reference if page is not None else None
        remote = caller.payment(paid) if paid else None
    except GatewayError as error:
        raise ConflictError(
            "The payment page cannot be reached just now. Nothing was charged; try again in a minute."
        ) from error
    if remote is not None:
        settle(order_id, payment_n, remote, by=SYSTEM)
        db.session.commit()
    return page


def is_usable(link: PaymentLink) -> bool:
    """Whether somebody can still pay on a link."""
    return link.state == "open" and link.expires_at > utc_now()


def is_open(link_id: int) -> bool:
    """Whether a link waits to be paid."""
    link = db.session.get_one(PaymentLink, (current_merchant_id(), link_id), populate_existing=True)
    return link.state == "open"


def watch_page(link_id: int, *, turn: int) -> None:
    """Ask later whether somebody paid on a page whose notice does not come."""
    wait = WATCHES[min(turn, len(WATCHES) - 1)]
    enqueue(
        "payments.page", {"link_id": link_id, "turn": turn}, by=SYSTEM, unique_key=f"{link_id}:{turn}",
        run_after=utc_now() + wait,
    )  # fmt: skip


def withdraw_link(order_id: int, link_id: int, *, by: Actor) -> None:
    """Let nobody pay on a link any more; a page of the gateway that is open is closed by a job.

    Raises:
        ConflictError: it was paid, or is closed already.
    """
    link, _ = _locked_with_order(link_id)
    if link.order_id != order_id:
        raise NotFoundError("This order has no such link.")
    _require_open(link)
    _close(link, "cancelled")
    tell(order_id, "link_withdrawn", by, amount=str(link.amount), currency=link.currency)
    audit.record(action="payment.link_withdrawn", by=by, subject=("order", order_id), after={"link": link_id})


def withdraw_what_is_not_owed(order_id: int) -> int:
    """Withdraw the newest links that together ask for more than the order still needs; gives how many.

    An order that is changed, cancelled or paid otherwise must not be paid once more by an old link.
    """
    if not any(link.state == "open" for link in links_of(order_id)):
        return 0
    head = lock_order(order_id)
    left, withdrawn = still_to_ask(order_id, head), 0
    for each in reversed(links_of(order_id)):
        link = _locked(each.id)
        if link.state != "open":
            continue
        if link.amount <= left:
            left -= link.amount
            continue
        _close(link, "cancelled")
        tell(order_id, "link_withdrawn", SYSTEM, amount=str(link.amount), currency=link.currency)
        withdrawn += 1
    db.session.flush()
    return withdrawn


def expire_links() -> int:
    """Close the links whose day has passed; gives how many. The caller commits."""
    due = db.session.scalars(
        sa.select(PaymentLink.id)
        .where(PaymentLink.state == "open", PaymentLink.expires_at <= utc_now())
        .order_by(PaymentLink.order_id)
        .limit(200)
    ).all()
    closed = 0
    for link_id in due:
        link, _ = _locked_with_order(link_id)
        if link.state == "open":
            _close(link, "expired")
            closed += 1
    db.session.flush()
    return closed


def close_checkout(link_id: int, *, commit: Callable[[], None]) -> None:
    """Close the gateway's page of a closed link; money that came in at the last moment is taken in.

    Raises:
        GatewayError: the gateway did not answer.
    """
    link = db.session.get_one(PaymentLink, (current_merchant_id(), link_id))
    order_id, payment_n, reference = link.order_id, link.payment_n, link.checkout_reference
    caller = gateway_of(account_of(link.account_id))
    commit()
    page = caller.close_checkout(reference) if reference else None
    remote = caller.payment(page.payment_reference) if page and page.payment_reference else None
    if remote is not None and remote.captured:
        settle(order_id, payment_n, remote, by=SYSTEM)
    else:
        lock_order(order_id)
        rows.change_payment(order_id, payment_n, state="voided")
    commit()


def _page_attempt(link: PaymentLink, *, is_new: bool) -> sa.RowMapping:
    """The attempt under whose key a page is asked for: the newest one, or with *is_new* one more."""
    key, number = f"checkout:link-{link.id}", 1
    while (known := rows.attempt_by_key(link.order_id, f"{key}-{number}")) is not None:
        if known["state"] in rows.OPEN or not is_new:
            return known
        number += 1
    rows.add_attempt(
        link.order_id, link.payment_n, "checkout", account_id=link.account_id, key=f"{key}-{number}",
        amount=link.amount, by=SYSTEM,
    )  # fmt: skip
    made = rows.attempt_by_key(link.order_id, f"{key}-{number}")
    assert made is not None
    return made


def _close(link: PaymentLink, state: str) -> None:
    link.state, link.closed_at = state, utc_now()
    if link.checkout_reference:
        enqueue("payments.close_checkout", {"link_id": link.id}, by=SYSTEM, unique_key=str(link.id))
    else:
        rows.change_payment(link.order_id, link.payment_n, state="voided")


def _require_room(order_id: int, head: sa.RowMapping, amount: Decimal) -> None:
    asked = sum((each.amount for each in links_of(order_id) if is_usable(each)), ZERO)
    left, currency = still_to_ask(order_id, head), head["currency"]
    if amount <= left - asked:
        return
    if asked and amount <= left:
        raise ConflictError(
            f"Open links ask for {money(asked, currency)} of it already. Copy one of them, or withdraw it first."
        )
    if left <= 0:
        raise DomainError("Nothing is left to ask for: it is paid or set aside already.", field="amount")
    raise DomainError(f"Only {money(left, currency)} is left to ask for.", field="amount")


def _require_open(link: PaymentLink) -> None:
    if link.state == "paid":
        raise ConflictError("This payment link was used already: the money came in.")
    if link.state != "open" or link.expires_at <= utc_now():
        raise ConflictError("This payment link is not open any more. Ask the shop for a new one.")


def _locked_with_order(link_id: int) -> tuple[PaymentLink, sa.RowMapping]:
    """A link and the head of its order, held in the order in which everything else holds them."""
    order_id = db.session.scalar(sa.select(PaymentLink.order_id).where(PaymentLink.id == link_id))
    if order_id is None:
        raise NotFoundError("This payment link does not exist.")
    head = lock_order(order_id)
    return _locked(link_id), head


def _locked(link_id: int) -> PaymentLink:
    found = db.session.get(
        PaymentLink, (current_merchant_id(), link_id), with_for_update=True, populate_existing=True
    )
    if found is None:
        raise NotFoundError("This payment link does not exist.")
    return found


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
