"""Chargebacks: a buyer asks the bank for the money back, we may answer with evidence until a day, the bank decides.

While it is open its amount is held, so that it is not given back a second time; lost, it is money that went back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final

import sqlalchemy as sa

from portal.core import audit, storage
from portal.core.audit import Actor
from portal.core.card_numbers import refuse_card_numbers_in_file
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError, NotFoundError
from portal.core.jobs import enqueue
from portal.core.storage import StoredFile
from portal.orders.book import insert_row, lock_order, next_n, tell
from portal.orders.gateways.base import EvidenceFile, GatewayError, RemoteDispute
from portal.orders.models import (
    GatewayAccount,
    OrderRef,
    OrderRefund,
    PaymentDispute,
    PaymentDisputeFile,
)
from portal.orders.payments import rows
from portal.orders.payments.accounts import account_of, gateway_of
from portal.orders.payments.balance import ZERO, move_money

# What banks ask for, in the words of the page, by the name it is kept under.
TEXTS: Final[Mapping[str, str]] = {
    "explanation": "What happened, in your words",
    "goods": "What was sold",
    "delivery": "How and when it was delivered",
    "contact": "What was said with the buyer",
    "policy": "The rules on refunds the buyer agreed to",
}
FILE_KINDS: Final[Mapping[str, str]] = {
    "receipt": "Receipt or invoice",
    "proof_of_delivery": "Proof of delivery",
    "correspondence": "Letters and mails",
    "other": "Something else",
}
FILE_TYPES: Final[Mapping[str, bytes]] = {
    "application/pdf": b"%PDF-",
    "image/png": b"\x89PNG\r\n",
    "image/jpeg": b"\xff\xd8\xff",
}
LONGEST_TEXT: Final = 10_000
LARGEST_FILE: Final = 4 * 1024 * 1024
MOST_FILES: Final = 8
UNSENT_AFTER: Final = dt.timedelta(minutes=10)
OPEN: Final = ("needs_response", "under_review")
_refund: Final = OrderRefund.__table__


def take_over(account: GatewayAccount, remote: RemoteDispute, *, by: Actor) -> int | None:
    """Write down how a dispute stands at the gateway, with its effect on the order; gives the order, if it is one of ours.

    Told late or twice, an older state changes nothing. A dispute may come before its order: what it does to the money
    is done when the order is known.
    """
    place = rows.payment_by_reference(account, remote.payment_reference)
    if place is not None:
        lock_order(place[0])
    dispute = _locked(account, remote)
    if dispute is None:
        dispute = _new(account, remote, place)
    elif dispute.told_at and remote.told_at and remote.told_at < dispute.told_at:
        return dispute.order_id
    is_first_seen = dispute.id is None or (dispute.order_id is None and place is not None)
    if dispute.order_id is None and place is not None:
        dispute.order_id, dispute.payment_n = place
    before = dispute.state if dispute.id else None
    # What is over stays over.
    if before not in ("won", "lost"):
        dispute.state = remote.state
        dispute.closed_at = remote.closed_at or (utc_now() if remote.state not in OPEN else None)
    dispute.amount, dispute.fee_amount, dispute.reason = remote.amount, remote.fee, remote.reason
    dispute.due_at, dispute.told_at = remote.due_at, remote.told_at
    if remote.evidence_key or dispute.state != "needs_response":
        dispute.submission = "sent" if dispute.submission == "sending" else dispute.submission
    db.session.add(dispute)
    db.session.flush()
    if dispute.order_id is not None and dispute.payment_n is not None:
        _move_money(dispute, None if is_first_seen else before, by)
    return dispute.order_id


def save_evidence(dispute: PaymentDispute, texts: Mapping[str, str], *, version: int, by: Actor) -> None:
    """Keep what is written for the bank so far; nothing is sent.

    Raises:
        ConflictError: it was sent or decided, or somebody saved since the page was opened.
        DomainError: a text is too long.
    """
    _require_unanswered(dispute)
    if dispute.version != version:
        raise ConflictError(
            "Someone saved this answer while you were writing. Copy your text, then look at theirs."
        )
    cleaned = {name: texts.get(name, "").replace("\0", "").strip() for name in TEXTS}
    for name, text in cleaned.items():
        if len(text) > LONGEST_TEXT:
            raise DomainError(f"Keep it under {LONGEST_TEXT:,} characters.", field=name)
    wanted = {name: text for name, text in cleaned.items() if text}
    if wanted == dispute.evidence:
        return
    dispute.evidence = wanted
    audit.record(
        action="dispute.evidence_saved",
        by=by,
        subject=("dispute", dispute.id),
        after={"texts": sorted(wanted)},
    )
    db.session.flush()


def add_file(
    dispute: PaymentDispute, kind: str, name: str, content: bytes, *, by: Actor
) -> PaymentDisputeFile:
    """Add a file to the answer: a PDF or a picture.

    Raises:
        DomainError: it is none of those, empty, too large, or one too many.
        ConflictError: the answer was sent.
    """
    _require_unanswered(dispute)
    if kind not in FILE_KINDS:
        raise DomainError("Choose what the file shows.", field="kind")
    media_type = next((each for each, begin in FILE_TYPES.items() if content.startswith(begin)), None)
    if media_type is None:
        raise DomainError("Add a PDF, a PNG or a JPEG.", field="file")
    if len(content) > LARGEST_FILE:
        raise DomainError("Keep a file under 4 MB; banks take no more.", field="file")
    refuse_card_numbers_in_file(name, "")
    if len(files_of(dispute.id)) >= MOST_FILES:
        raise DomainError(f"An answer takes {MOST_FILES} files.", field="file")
    row = PaymentDisputeFile(
        dispute_id=dispute.id,
        order_id=dispute.order_id,
        file_id=0,
        kind=kind,
        name=_file_name(name),
        size=len(content),
    )
    stored = storage.put(
        f"disputes/{current_merchant_id()}/{dispute.id}/{int(utc_now().timestamp() * 1000)}", content,
        _subject_of(dispute), filename=row.name, media_type=media_type, by=by.id if by.kind == "user" else None,
    )  # fmt: skip
    row.file_id = stored.id
    db.session.add(row)
    db.session.flush()
    audit.record(
        action="dispute.file_added",
        by=by,
        subject=("dispute", dispute.id),
        after={"kind": kind, "bytes": row.size},
    )
    return row


def remove_file(dispute: PaymentDispute, file_id: int, *, by: Actor) -> None:
    """Take a file off the answer.

    Raises:
        ConflictError: the answer was sent.
        NotFoundError: it has no such file.
    """
    _require_unanswered(dispute)
    row = next((each for each in files_of(dispute.id) if each.id == file_id), None)
    if row is None:
        raise NotFoundError("The answer has no such file.")
    stored = db.session.get_one(StoredFile, (current_merchant_id(), row.file_id))
    key = stored.key
    db.session.delete(row)
    db.session.flush()
    storage.delete(key)
    audit.record(action="dispute.file_removed", by=by, subject=("dispute", dispute.id))


def submit(dispute: PaymentDispute, *, version: int, by: Actor) -> None:
    """Send the answer to the bank. It can be done once; a second click finds that it is on its way.

    Raises:
        DomainError: nothing is written and no file is added, or the day has passed.
        ConflictError: it was sent or decided, or changed since the page was opened.
    """
    _require_unanswered(dispute)
    if dispute.version != version:
        raise ConflictError(
            "The answer changed after the page was opened, so it was not sent. See how it stands now."
        )
    if not dispute.evidence and not files_of(dispute.id):
        raise DomainError(
            "Write or add something first. An empty answer loses the dispute.", field="explanation"
        )
    if dispute.due_at is not None and dispute.due_at <= utc_now():
        raise DomainError("The day for an answer has passed.")
    dispute.submission, dispute.submitted_at = "sending", utc_now()
    db.session.flush()
    ring_for_answer(dispute.id, by=by)
    audit.record(action="dispute.submitted", by=by, subject=("dispute", dispute.id), after={"texts": sorted(dispute.evidence)})  # fmt: skip
    if dispute.order_id is not None:
        tell(dispute.order_id, "dispute_answered", by, amount=str(dispute.amount), currency=dispute.currency)


def send_evidence(dispute_id: int, *, by: Actor, commit: Callable[[], None]) -> None:
    """Carry the answer to the gateway; asked first when an earlier try may have arrived.

    Raises:
        GatewayError: the gateway did not take it this time.
    """
    dispute = dispute_of(dispute_id)
    if dispute.submission != "sending":
        return
    account, reference, submitted_at = account_of(dispute.account_id), dispute.reference, dispute.submitted_at
    assert submitted_at is not None
    caller, texts = gateway_of(account), dict(dispute.evidence)
    files = [_content_of(each) for each in files_of(dispute_id)]
    commit()
    try:
        now = caller.dispute(reference)
        # An answer the bank refused and that was written anew is another request.
        key = f"evidence:{reference}:{int(submitted_at.timestamp())}"
        if now is None or now.state == "needs_response":
            now = caller.submit_evidence(reference, texts, files, key=key)
    except GatewayError as error:
        db.session.rollback()
        if error.is_final:
            dispute_of(dispute_id, lock=True).submission = "failed"
            commit()
        raise
    take_over(account_of(dispute.account_id), now, by=by)
    dispute_of(dispute_id, lock=True).submission = "sent"
    commit()


def unsent_answers() -> Sequence[int]:
    """Disputes whose answer was to be sent and is not: its job came to an end while the gateway was away."""
    late = utc_now() - UNSENT_AFTER
    return db.session.scalars(
        sa.select(PaymentDispute.id)
        .where(PaymentDispute.submission == "sending", PaymentDispute.submitted_at < late)
        .order_by(PaymentDispute.id)
        .limit(200)
    ).all()


def ring_for_answer(dispute_id: int, *, by: Actor) -> None:
    """Let a worker send an answer; while one waits or runs there is no second."""
    enqueue("payments.evidence", {"dispute_id": dispute_id}, by=by, unique_key=str(dispute_id))


def dispute_of(dispute_id: int, *, lock: bool = False) -> PaymentDispute:
    """One dispute.

    Raises:
        NotFoundError: the merchant has none of that number.
    """
    found = db.session.get(
        PaymentDispute,
        (current_merchant_id(), dispute_id),
        with_for_update=lock or None,
        populate_existing=lock,
    )
    if found is None:
        raise NotFoundError("There is no such dispute.")
    return found


def disputes_of(order_id: int) -> list[PaymentDispute]:
    """The disputes of an order, the newest first."""
    return list(
        db.session.scalars(
            sa.select(PaymentDispute)
            .where(PaymentDispute.order_id == order_id)
            .order_by(PaymentDispute.id.desc())
            .limit(20)
        )
    )


def files_of(dispute_id: int) -> list[PaymentDisputeFile]:
    """The files of an answer, in the order they were added."""
    return list(
        db.session.scalars(
            sa.select(PaymentDisputeFile)
            .where(PaymentDisputeFile.dispute_id == dispute_id)
            .order_by(PaymentDisputeFile.id)
        )
    )


def may_answer(dispute: PaymentDispute) -> bool:
    """Whether an answer can still be written."""
    return dispute.state == "needs_response" and dispute.submission not in ("sending", "sent")


def _locked(account: GatewayAccount, remote: RemoteDispute) -> PaymentDispute | None:
    return db.session.scalars(
        sa.select(PaymentDispute)
        .where(PaymentDispute.account_id == account.id, PaymentDispute.reference == remote.reference)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def _new(account: GatewayAccount, remote: RemoteDispute, place: tuple[int, int] | None) -> PaymentDispute:
    return PaymentDispute(
        account_id=account.id, reference=remote.reference, payment_reference=remote.payment_reference,
        order_id=place[0] if place else None, payment_n=place[1] if place else None, currency=remote.currency,
        opened_at=remote.opened_at, held_amount=ZERO, evidence={},
    )  # fmt: skip


def _move_money(dispute: PaymentDispute, before: str | None, by: Actor) -> None:
    order_id, n = dispute.order_id, dispute.payment_n
    assert order_id is not None and n is not None
    head, payment = lock_order(order_id), rows.payment_of(order_id, n)
    is_open, was_over = dispute.state in OPEN, before in ("won", "lost")
    if is_open and before is None:
        _hold(dispute, payment)
        tell(order_id, "dispute_opened", by, amount=str(dispute.amount), currency=dispute.currency)
    elif dispute.state == "lost" and not was_over:
        _lose(dispute, head, payment, by)
    elif dispute.state == "won" and not was_over:
        _let_go(dispute, payment)
        tell(order_id, "dispute_won", by, amount=str(dispute.amount), currency=dispute.currency)


def _hold(dispute: PaymentDispute, payment: sa.RowMapping) -> None:
    left = (
        payment["captured_amount"]
        - payment["refunded_amount"]
        - payment["refund_pending"]
        - payment["disputed_amount"]
    )
    dispute.held_amount = max(min(dispute.amount, left), ZERO)
    rows.change_payment(
        payment["order_id"], payment["n"], disputed_amount=payment["disputed_amount"] + dispute.held_amount
    )
    db.session.flush()


def _let_go(dispute: PaymentDispute, payment: sa.RowMapping) -> None:
    rows.change_payment(
        payment["order_id"], payment["n"],
        disputed_amount=max(payment["disputed_amount"] - dispute.held_amount, ZERO),
    )  # fmt: skip
    dispute.held_amount = ZERO
    db.session.flush()


def _lose(dispute: PaymentDispute, head: sa.RowMapping, payment: sa.RowMapping, by: Actor) -> None:
    order_id = payment["order_id"]
    _let_go(dispute, payment)
    amount: Decimal = min(
        dispute.amount,
        payment["captured_amount"] - payment["refunded_amount"],
        head["captured_total"] - head["refunded_total"],
    )
    if amount > 0:
        insert_row(
            _refund, order_id, n=next_n(_refund, order_id), state="done", payment_n=payment["n"], amount=amount, destination="outside",
            external_id=dispute.reference, actor_kind=by.kind, actor_id=by.id, at=utc_now(),
        )  # fmt: skip
        rows.change_payment(order_id, payment["n"], refunded_amount=payment["refunded_amount"] + amount)
        move_money(order_id, head, refunded=amount)
    tell(order_id, "dispute_lost", by, amount=str(dispute.amount), currency=dispute.currency)


def _require_unanswered(dispute: PaymentDispute) -> None:
    if not may_answer(dispute):
        raise ConflictError(
            "The answer was sent, or the bank has decided. Nothing of it can be changed any more."
        )


def _content_of(row: PaymentDisputeFile) -> EvidenceFile:
    stored = db.session.get_one(StoredFile, (current_merchant_id(), row.file_id))
    return EvidenceFile(row.kind, row.name, stored.media_type, storage.read_bytes(stored.key))


def _subject_of(dispute: PaymentDispute) -> int | None:
    if dispute.order_id is None:
        return None
    return db.session.scalar(sa.select(OrderRef.subject_id).where(OrderRef.order_id == dispute.order_id))


def _file_name(name: str) -> str:
    return " ".join(name.replace("\0", "").replace("/", " ").replace("\\", " ").split())[-120:] or "file"


def days_left(dispute: PaymentDispute, now: dt.datetime | None = None) -> int | None:
    """Whole days until the answer must be there; negative when it is late."""
    return None if dispute.due_at is None else (dispute.due_at - (now or utc_now())).days
