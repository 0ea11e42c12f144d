"""Accounts at gateways: connect, prove that the keys work, switch on; and which account a payment goes through."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from portal.config import settings
from portal.core import audit
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError, NotFoundError
from portal.core.ids import public_id
from portal.core.secrets import last_four, secret_box
from portal.orders.gateways import Kind, check_address, gateway, kinds_for
from portal.orders.gateways.base import Gateway, GatewayError
from portal.orders.models import GatewayAccount

TEST_SECONDS: Final = 8.0


@dataclass(frozen=True, slots=True)
class AccountValues:
    """What a person says about an account; a secret left empty stays as it is."""

    name: str
    mode: str = "test"
    secret_key: str = ""
    webhook_secret: str = ""
    base_url: str | None = None
    version: int | None = None


def connect_account(kind: str, values: AccountValues, *, by: Actor) -> GatewayAccount:
    """Keep the keys of a gateway as a draft; nothing is called yet.

    Raises:
        DomainError: a value is not usable; the field is named.
    """
    described = _kind(kind)
    account = GatewayAccount(
        kind=kind, name=_name(values.name, None), mode=values.mode, base_url=_address(described, values),
        webhook_token=f"{public_id('m', current_merchant_id())}-{secrets.token_hex(12)}",
    )  # fmt: skip
    if not values.secret_key.strip():
        raise DomainError(f"Enter the {described.key_label.lower()}.", field="secret_key")
    if not values.webhook_secret.strip():
        raise DomainError(f"Enter the {described.secret_label.lower()}.", field="webhook_secret")
    db.session.add(account)
    db.session.flush()
    _seal(account, described, values)
    db.session.flush()
    audit.record(
        action="gateway.connected", by=by, subject=("gateway_account", account.id), after={"name": account.name, "kind": kind, "mode": account.mode}
    )  # fmt: skip
    return account


def change_account(account: GatewayAccount, values: AccountValues, *, by: Actor) -> None:
    """Save name, mode and keys. New keys are not used before they are tested: an account that is on rests until then.

    Raises:
        DomainError: a value is not usable.
        ConflictError: somebody saved it since the form was opened.
    """
    if values.version is not None and values.version != account.version:
        raise ConflictError("Someone saved this account while you were editing it. See how it stands now.")
    described = _kind(account.kind)
    before = {"name": account.name, "mode": account.mode, "base_url": account.base_url}
    account.name, account.mode = _name(values.name, account.id), values.mode
    account.base_url = _address(described, values)
    after = {"name": account.name, "mode": account.mode, "base_url": account.base_url}
    has_new_keys = bool(values.secret_key.strip() or values.webhook_secret.strip())
    if before == after and not has_new_keys:
        return
    if values.mode != before["mode"] and not values.secret_key.strip():
        raise DomainError("Another mode takes other keys. Enter them as well.", field="secret_key")
    if before["base_url"] != account.base_url and not values.secret_key.strip():
        # Else whoever may change the address could have the key sent to an address of theirs.
        raise DomainError("Enter the secret key again: it is for another address.", field="secret_key")
    _seal(account, described, values)
    if has_new_keys or before["base_url"] != account.base_url:
        account.keys_changed_at = utc_now()
        account.state = "paused" if account.state == "active" else account.state
    audit.record(
        action="gateway.keys_replaced" if has_new_keys else "gateway.changed",
        by=by, subject=("gateway_account", account.id), before=before, after=after,
    )  # fmt: skip
    db.session.flush()


def test_account(account: GatewayAccount, *, by: Actor) -> str:
    """Call the gateway with the keys; gives what to tell the person. Holds no transaction while it waits.

    Raises:
        DomainError: the gateway cannot be reached or refuses the keys; says why.
        ConflictError: other keys were entered while the gateway was asked.
    """
    account_id, caller = account.id, gateway_of(account, seconds=TEST_SECONDS)
    tried = account.keys_changed_at
    db.session.commit()
    try:
        said = caller.test()
    except GatewayError as error:
        raise DomainError(error.message) from error
    account = account_of(account_id, lock=True)
    if account.keys_changed_at != tried:
        raise ConflictError("Other keys were entered during the test. Test those.")
    account.tested_at = utc_now()
    audit.record(action="gateway.tested", by=by, subject=("gateway_account", account_id))
    db.session.flush()
    return said


def switch_on(account: GatewayAccount, *, by: Actor) -> None:
    """Let new payments go through the account. The first one becomes the one that links and phone orders use.

    Raises:
        DomainError: its keys were not tested since they were last changed.
    """
    if not is_tested(account):
        raise DomainError("Test the account first. It is switched on with keys that work.")
    if account.state == "active":
        return
    before, account.state = account.state, "active"
    if not any(each.is_default and each.is_on for each in accounts()):
        make_default(account, by=by)
    audit.record(
        action="gateway.switched_on", by=by, subject=("gateway_account", account.id), before={"state": before}, after={"state": "active"}
    )  # fmt: skip
    db.session.flush()


def switch_off(account: GatewayAccount, *, by: Actor) -> None:
    """Let no new payment through. Captures, refunds and notices of what is under way go on."""
    if account.state != "active":
        return
    account.state = "paused"
    audit.record(
        action="gateway.paused", by=by, subject=("gateway_account", account.id), before={"state": "active"}, after={"state": "paused"}
    )  # fmt: skip
    db.session.flush()


def make_default(account: GatewayAccount, *, by: Actor) -> None:
    """Let links and phone orders use this account."""
    if account.is_default:
        return
    for other in accounts():
        other.is_default = False
    db.session.flush()
    account.is_default = True
    audit.record(action="gateway.made_default", by=by, subject=("gateway_account", account.id))
    db.session.flush()


def is_tested(account: GatewayAccount) -> bool:
    """Whether the keys it has now were tried and worked."""
    tested, changed = account.tested_at, account.keys_changed_at
    return tested is not None and changed is not None and tested >= changed


def accounts() -> Sequence[GatewayAccount]:
    """All accounts of the merchant, by name."""
    return db.session.scalars(sa.select(GatewayAccount).order_by(GatewayAccount.name)).all()


def account_of(account_id: int, *, lock: bool = False) -> GatewayAccount:
    """One account.

    Raises:
        NotFoundError: the merchant has none of that number.
    """
    found = db.session.get(
        GatewayAccount,
        (current_merchant_id(), account_id),
        with_for_update=lock or None,
        populate_existing=lock,
    )
    if found is None:
        raise NotFoundError("There is no such gateway account.")
    return found


def account_of_payment(payment: sa.RowMapping) -> GatewayAccount:
    """The account a payment was made through, on or off.

    Raises:
        DomainError: it was made by hand or by another system.
    """
    if payment["account_id"] is None:
        raise DomainError(
            "This payment was not made through a gateway of the portal, so nothing can be asked of it."
        )
    return account_of(payment["account_id"])


def account_for_new(account_id: int | None = None) -> GatewayAccount:
    """The account a new payment goes through: the one named, else the default.

    Raises:
        DomainError: it is not switched on, or there is none.
    """
    if account_id is not None:
        found: GatewayAccount | None = account_of(account_id)
    else:
        found = next(
            (each for each in sorted(accounts(), key=lambda each: not each.is_default) if each.is_on), None
        )
    if found is None or not found.is_on:
        raise DomainError("No payment gateway is switched on. Connect one under Settings, Payments.")
    return found


def only_account_of(kind: str) -> GatewayAccount | None:
    """The account of a kind when there is no doubt which: payments that come without an account are taken for its."""
    found = [each for each in accounts() if each.kind == kind and each.state != "draft"]
    return found[0] if len(found) == 1 else None


def gateway_of(account: GatewayAccount, *, seconds: float | None = None) -> Gateway:
    """The way to call the gateway of an account; its key is opened for this.

    Raises:
        DomainError: it has no key.
    """
    if account.secret_key is None:
        raise DomainError("Enter the secret key of the gateway first.")
    return gateway(
        account.kind,
        account.base_url,
        secret_box.open(account.secret_key, _purpose(account.id, "key")),
        seconds=seconds,
    )


def webhook_secret_of(account: GatewayAccount) -> str:
    """The secret that notices are signed with; empty when there is none."""
    if account.webhook_secret is None:
        return ""
    return secret_box.open(account.webhook_secret, _purpose(account.id, "webhook"))


def webhook_path(account: GatewayAccount) -> str:
    """Where the gateway sends its notices."""
    return f"/webhooks/payments/{account.webhook_token}"


def _seal(account: GatewayAccount, kind: Kind, values: AccountValues) -> None:
    key, webhook = values.secret_key.strip(), values.webhook_secret.strip()
    for field, text in (("secret_key", key), ("webhook_secret", webhook)):
        if text and (not 8 <= len(text) <= 255 or not text.isascii() or any(c.isspace() for c in text)):
            raise DomainError("Copy the whole key, without spaces.", field=field)
    if values.mode not in ("test", "live"):
        raise DomainError("Choose test or live.", field="mode")
    prefixes = (kind.live_prefix if values.mode == "live" else kind.test_prefix).split()
    if key and not key.startswith(tuple(prefixes)):
        raise DomainError(f"A {values.mode} key begins with {' or '.join(prefixes)}.", field="secret_key")
    if key:
        account.secret_key = secret_box.seal(key, _purpose(account.id, "key"))
        account.secret_key_tail, account.keys_changed_at = last_four(key), utc_now()
    if webhook:
        account.webhook_secret = secret_box.seal(webhook, _purpose(account.id, "webhook"))
        account.webhook_secret_tail = last_four(webhook)


def _kind(kind: str) -> Kind:
    found = kinds_for(settings()).get(kind)
    if found is None:
        raise DomainError("Choose the kind of gateway.", field="kind")
    return found


def _name(text: str, own_id: int | None) -> str:
    name = " ".join(text.replace("\0", "").split())
    if not 1 <= len(name) <= 80:
        raise DomainError("Give the account a name of at most 80 characters.", field="name")
    same = db.session.scalars(sa.select(GatewayAccount.id).where(GatewayAccount.name == name)).first()
    if same not in (None, own_id):
        raise DomainError("Another account has this name.", field="name")
    return name


def _address(kind: Kind, values: AccountValues) -> str | None:
    given = (values.base_url or "").strip()
    if not given and kind.has_own_address:
        raise DomainError("Enter the address of the gateway.", field="base_url")
    return check_address(given, settings()) if given else None


def _purpose(account_id: int, what: str) -> str:
    return f"gateway account {account_id} {what}"
