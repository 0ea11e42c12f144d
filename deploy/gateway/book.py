"""What the gateway knows: payments, pages, disputes, payouts. Amounts are texts, as on the wire.

One lock guards it. A request with a key that was seen answers what it answered then, whatever came between.
"""

from __future__ import annotations

import datetime as dt
import json
import secrets
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from deploy.gateway.cards import CARDS

DISPUTE_FEE = Decimal("15.00")
FEE_RATE, FEE_FIXED = Decimal("0.015"), Decimal("0.20")
HELD_DAYS, ANSWER_DAYS = 7, 10

Document = dict[str, Any]
Tell = Callable[[str, str, str], None]


class RefusedError(Exception):
    """The request cannot be done; status and code go to the caller."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


class Book:
    """Everything of every account, in memory and, with *path*, in a file.

    Args:
        tell: called with account key, kind and object when something happened.
    """

    def __init__(self, path: Path | None, tell: Tell) -> None:
        self.lock = threading.RLock()
        self._path, self._tell = path, tell
        self.data: Document = {
            name: {} for name in ("accounts", "payments", "checkouts", "disputes", "payouts", "answers")
        }
        if path is not None and path.exists():
            self.data |= json.loads(path.read_text())

    def once(self, account: str, key: str | None, asked: Document, work: Callable[[], Document]) -> Document:
        """Do *work* for a key once; the same key with other wishes is refused."""
        with self.lock:
            place = f"{account} {key}"
            known = self.data["answers"].get(place) if key else None
            if known is not None:
                if known["asked"] != asked:
                    raise RefusedError(409, "key_reused")
                if known["status"] != 200:
                    raise RefusedError(known["status"], known["code"])
                return self.current(known["answer"])
            try:
                answer = work()
            except RefusedError as error:
                self._remember(place, key, {"asked": asked, "status": error.status, "code": error.code})
                raise
            self._remember(place, key, {"asked": asked, "status": 200, "answer": answer["id"]})
            return answer

    def current(self, name: str) -> Document:
        """An object by its name, as it stands now."""
        for kind in ("payments", "checkouts", "disputes"):
            if name in self.data[kind]:
                return dict(self.data[kind][name])
        raise RefusedError(404, "unknown")

    def own(self, kind: str, account: str, name: str) -> Document:
        """An object of an account, to be changed under the lock."""
        found = self.data[kind].get(name)
        if found is None or found["account"] != account:
            raise RefusedError(404, f"no_such_{kind[:-1]}")
        own: Document = found
        return own

    def save(self) -> None:
        """Write the file."""
        if self._path is not None:
            fresh = self._path.with_suffix(".new")
            fresh.write_text(json.dumps(self.data))
            fresh.replace(self._path)

    def tell(self, account: str, kind: str, name: str) -> None:
        """Let the account know."""
        self._tell(account, kind, name)

    def pay(self, account: str, asked: Document, key: str | None) -> Document:
        """Set money aside, or take it, with the token of a card."""
        card = CARDS.get(asked.get("token", ""))
        if card is None:
            raise RefusedError(422, "no_such_token")
        amount = _amount(asked["amount"])
        payment: Document = {
            "id": f"pay_{secrets.token_hex(9)}", "account": account, "key": key, "order": asked.get("order"), "amount": _text(amount),
            "currency": asked["currency"], "state": "authorised", "captures": [], "refunds": [], "code": None, "token": card.token,
            "card": {"brand": card.brand, "last_four": card.last_four}, "created_at": now().isoformat(),
            "authorised_until": (now() + dt.timedelta(days=HELD_DAYS)).isoformat(), "void_key": None, "paid_out": [],
        }  # fmt: skip
        if card.code:
            payment |= {"state": "failed", "code": card.code, "authorised_until": None}
        self.data["payments"][payment["id"]] = payment
        if card.code:
            self.tell(account, "payment.failed", payment["id"])
            self.save()
            raise RefusedError(402, card.code)
        if asked.get("capture"):
            self._take(payment, amount, None)
        else:
            self.tell(account, "payment.authorised", payment["id"])
        self.save()
        return dict(payment)

    def capture(self, payment: Document, amount: Decimal, key: str | None) -> Document:
        """Take some of what is set aside."""
        if payment["state"] != "authorised":
            raise RefusedError(409, f"is_{payment['state']}")
        if amount <= 0 or amount > _left(payment):
            raise RefusedError(422, "amount_too_large")
        self._take(payment, amount, key)
        self.save()
        return dict(payment)

    def void(self, payment: Document, key: str | None) -> Document:
        """Let go of what is not taken."""
        if payment["state"] != "authorised":
            raise RefusedError(409, f"is_{payment['state']}")
        payment["state"], payment["void_key"] = ("captured" if payment["captures"] else "voided"), key
        self.tell(payment["account"], "payment.voided", payment["id"])
        self.save()
        return dict(payment)

    def refund(self, payment: Document, amount: Decimal, key: str | None) -> Document:
        """Give some of what was taken back."""
        given = _sum(each for each in payment["refunds"] if each["state"] != "failed")
        if amount <= 0 or amount > _sum(payment["captures"]) - given:
            raise RefusedError(422, "amount_too_large")
        waits = CARDS[payment["token"]].refunds_wait
        entry = _entry("ref", amount, key, "pending" if waits else "done")
        payment["refunds"].append(entry)
        self.tell(payment["account"], "payment.refunded", payment["id"])
        self.save()
        return dict(payment)

    def end_refund(self, payment: Document, refund: str, state: str) -> None:
        """The bank said how a refund ended."""
        for entry in payment["refunds"]:
            if entry["id"] == refund:
                entry["state"], entry["code"] = state, "returned_by_bank" if state == "failed" else None
        self.tell(payment["account"], "payment.refunded", payment["id"])
        self.save()

    def open_page(self, account: str, asked: Document, key: str | None, base_url: str) -> Document:
        """A page on which to pay."""
        name = f"chk_{secrets.token_hex(9)}"
        page = {
            "id": name, "account": account, "key": key, "state": "open", "payment": None, "url": f"{base_url}/checkout/{name}",
            "expires_at": asked["expires_at"], "return_url": asked["return_url"], "amount": _text(_amount(asked["amount"])),
            "currency": asked["currency"], "order": asked.get("order"), "capture": bool(asked.get("capture")),
        }  # fmt: skip
        self.data["checkouts"][name] = page
        self.save()
        return dict(page)

    def pay_on_page(self, page: Document, token: str) -> Document:
        """A buyer presses the button. Once paid, a page is closed; a second press finds the payment that is there."""
        if page["state"] == "paid":
            return page
        if page["state"] != "open" or dt.datetime.fromisoformat(page["expires_at"]) <= now():
            raise RefusedError(409, "page_closed")
        payment = self.pay(page["account"], {**page, "token": token}, page["key"])
        page["state"], page["payment"] = "paid", payment["id"]
        self.save()
        return page

    def close_page(self, page: Document) -> Document:
        """Nobody pays on it any more."""
        if page["state"] == "open":
            page["state"] = "closed"
            self.save()
        return dict(page)

    def dispute(self, payment: Document, reason: str, amount: Decimal | None = None) -> Document:
        """The buyer goes to the bank."""
        dispute: Document = {
            "id": f"dsp_{secrets.token_hex(9)}", "account": payment["account"], "payment": payment["id"], "state": "needs_response",
            "reason": reason, "amount": _text(amount or _sum(payment["captures"])), "fee": _text(DISPUTE_FEE), "currency": payment["currency"],
            "opened_at": now().isoformat(), "changed_at": now().isoformat(), "closed_at": None,
            "due_at": (now() + dt.timedelta(days=ANSWER_DAYS)).isoformat(), "evidence": None, "evidence_key": None,
        }  # fmt: skip
        self.data["disputes"][dispute["id"]] = dispute
        self.tell(payment["account"], "dispute.opened", dispute["id"])
        self.save()
        return dict(dispute)

    def answer_dispute(self, dispute: Document, evidence: Document, key: str | None) -> Document:
        """The merchant's evidence; taken once."""
        if dispute["state"] != "needs_response":
            raise RefusedError(409, f"is_{dispute['state']}")
        dispute |= {
            "state": "under_review",
            "evidence": evidence,
            "evidence_key": key,
            "changed_at": now().isoformat(),
        }
        self.tell(dispute["account"], "dispute.answered", dispute["id"])
        self.save()
        return dict(dispute)

    def decide_dispute(self, dispute: Document, state: str) -> Document:
        """The bank decides."""
        dispute |= {"state": state, "closed_at": now().isoformat(), "changed_at": now().isoformat()}
        self.tell(dispute["account"], "dispute.closed", dispute["id"])
        self.save()
        return dict(dispute)

    def pay_out(self, account: str, currency: str, extra: list[Document]) -> Document:
        """Send everything that was taken and given back since the last time to the bank."""
        lines = [
            line
            for payment in self.data["payments"].values()
            if payment["account"] == account and payment["currency"] == currency
            for line in _movements(payment)
        ]
        lines += [{"id": f"mov_{secrets.token_hex(6)}", "at": now().isoformat(), **line} for line in extra]
        payout = {
            "id": f"pout_{secrets.token_hex(9)}", "account": account, "state": "paid", "currency": currency, "lines": lines,
            "amount": _text(sum((Decimal(line["net"]) for line in lines), Decimal(0))), "paid_on": now().date().isoformat(),
            "created_at": now().isoformat(),
        }  # fmt: skip
        self.data["payouts"][payout["id"]] = payout
        self.tell(account, "payout.paid", str(payout["id"]))
        self.save()
        return payout

    def _take(self, payment: Document, amount: Decimal, key: str | None) -> None:
        payment["captures"].append(_entry("cap", amount, key, "done"))
        payment["state"] = "authorised" if _left(payment) else "captured"
        self.tell(payment["account"], "payment.captured", payment["id"])
        if CARDS[payment["token"]].is_disputed and payment["state"] == "captured":
            self.dispute(payment, "fraudulent")

    def _remember(self, place: str, key: str | None, answer: Document) -> None:
        if key:
            self.data["answers"][place] = answer
            self.save()


def now() -> dt.datetime:
    """The gateway's clock."""
    return dt.datetime.now(dt.UTC)


def fee_on(amount: Decimal) -> Decimal:
    """What the gateway keeps of a payment."""
    return (amount * FEE_RATE + FEE_FIXED).quantize(Decimal("0.01"))


def _movements(payment: Document) -> list[Document]:
    """What of a payment was not paid out yet; marks it as paid out."""
    found = []
    for kind, entries, sign in (("payment", payment["captures"], 1), ("refund", payment["refunds"], -1)):
        for entry in entries:
            if entry["id"] in payment["paid_out"] or entry["state"] != "done":
                continue
            gross = sign * Decimal(entry["amount"])
            fee = fee_on(gross) if gross > 0 else Decimal(0)
            payment["paid_out"].append(entry["id"])
            found.append(
                {"id": f"mov_{secrets.token_hex(6)}", "kind": kind, "source": entry["id"], "payment": payment["id"], "gross": _text(gross),
                 "fee": _text(fee), "net": _text(gross - fee), "at": entry["at"]}
            )  # fmt: skip
    return found


def _entry(prefix: str, amount: Decimal, key: str | None, state: str) -> Document:
    return {
        "id": f"{prefix}_{secrets.token_hex(9)}",
        "amount": _text(amount),
        "key": key,
        "state": state,
        "code": None,
        "at": now().isoformat(),
    }


def _left(payment: Document) -> Decimal:
    return Decimal(payment["amount"]) - _sum(payment["captures"])


def _sum(entries: Any) -> Decimal:
    return sum((Decimal(each["amount"]) for each in entries), Decimal(0))


def _amount(text: Any) -> Decimal:
    amount = Decimal(str(text))
    if not amount.is_finite() or amount <= 0:
        raise RefusedError(422, "amount")
    return amount


def _text(amount: Decimal) -> str:
    return f"{amount.normalize():f}"
