"""The SMTP account of a merchant: saved, tested with exactly these settings, then switched on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Final, Literal

import sqlalchemy as sa

from portal.config import LOOPBACK, settings
from portal.core import audit
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.errors import ConflictError, DomainError, NotFoundError, StaleError
from portal.core.mail.models import MailAccount
from portal.core.mail.transport import Server, server_of_url, try_out
from portal.core.secrets import last_four, secret_box

PURPOSE: Final = "mail account"


@dataclass(frozen=True, slots=True)
class AccountValues:
    """What a person may set. An empty password keeps the one that is stored."""

    host: str
    port: int
    security: Literal["tls", "starttls", "none"]
    username: str
    sender: str
    sender_name: str
    password: str = field(default="", repr=False)


def mail_account() -> MailAccount | None:
    """The merchant's account, switched on or not."""
    return db.session.scalars(sa.select(MailAccount)).one_or_none()


def save_account(values: AccountValues, *, by: Actor, version: int | None = None) -> MailAccount:
    """Save the settings and switch them off: new settings are tested before mail goes through them.

    Args:
        version: the version the person saw, 0 when there was none; None does not compare.

    Raises:
        DomainError: the connection would be in the clear, or a password would go to a server it was not given for.
        StaleError: somebody else saved them in between.
    """
    if values.security == "none" and values.host not in LOOPBACK:
        raise DomainError("Mail leaves this machine, so the connection must be encrypted.", field="security")
    account = db.session.scalars(sa.select(MailAccount).with_for_update()).one_or_none()
    before = _shown(account) if account else {}
    if version is not None and version != (account.version if account else 0):
        typed = typed_values(values)
        raise StaleError(
            {name: (now, typed[name]) for name, now in before.items() if now != typed[name]},
            version=account.version if account else 0,
        )
    if account is None:
        account = MailAccount(host="", port=587, security="starttls", sender="")
        db.session.add(account)
    elif account.host != values.host and account.password is not None and not values.password:
        # Else whoever may change the server could have the password sent to a server of theirs.
        raise DomainError("Enter the password again: it was given for another server.", field="password")
    account.host, account.port, account.security = values.host, values.port, values.security
    account.username, account.sender, account.sender_name = values.username, values.sender, values.sender_name
    if values.password:
        account.password, account.password_tail = (
            secret_box.seal(values.password, PURPOSE),
            last_four(values.password),
        )
    account.is_active, account.tested_at = False, None
    db.session.flush()
    after = _shown(account) | ({"password": "changed"} if values.password else {})
    audit.record(
        "mail_account.saved", by=by, subject=("mail_account", account.id), before=before, after=after
    )
    return account


def test_account(*, by: Actor) -> MailAccount:
    """Connect and sign in with the saved settings; success is remembered until they change.

    Raises:
        MailError: it did not work, and why.
        ConflictError: the settings were changed while the server was asked.
    """
    account = _present()
    server, version = server_of(account), account.version
    # No transaction stays open while a server far away thinks.
    db.session.commit()
    try_out(server)
    account = db.session.scalars(
        sa.select(MailAccount).with_for_update().execution_options(populate_existing=True)
    ).one()
    if account.version != version:
        raise ConflictError("The settings were changed during the test. Test them again.")
    account.tested_at = utc_now()
    db.session.flush()
    audit.record("mail_account.tested", by=by, subject=("mail_account", account.id))
    return account


def switch_account(on: bool, *, by: Actor) -> MailAccount:
    """Send through the account from now on, or through the portal's own server again.

    Raises:
        ConflictError: it was not tested since its settings changed.
    """
    account = _present()
    if on and account.tested_at is None:
        raise ConflictError(
            "Test these settings first: mail must not depend on a server that was never reached."
        )
    account.is_active = on
    db.session.flush()
    audit.record(
        "mail_account.switched",
        by=by,
        subject=("mail_account", account.id),
        before={"is_active": not on},
        after={"is_active": on},
    )
    return account


def sending_server() -> Server | None:
    """What mail of the merchant goes through; None keeps it in the mailbox of the portal."""
    account = mail_account()
    if account is not None and account.is_active:
        return server_of(account)
    told = settings()
    return None if told.smtp_url == "mailbox:" else server_of_url(told.smtp_url, told.mail_from)


def server_of(account: MailAccount) -> Server:
    """The account with its password opened."""
    return Server(
        host=account.host,
        port=account.port,
        security=account.security,  # type: ignore[arg-type]
        username=account.username,
        sender=account.sender,
        sender_name=account.sender_name,
        password=secret_box.open(account.password, PURPOSE) if account.password else "",
        is_public_only=settings().environment == "production",
    )


def typed_values(values: AccountValues) -> dict[str, object]:
    """What was typed, without the password."""
    return {name: value for name, value in asdict(values).items() if name != "password"}


def _present() -> MailAccount:
    account = mail_account()
    if account is None:
        raise NotFoundError("No mail server is set up yet.")
    return account


def _shown(account: MailAccount) -> dict[str, object]:
    return {
        "host": account.host,
        "port": account.port,
        "security": account.security,
        "username": account.username,
        "sender": account.sender,
        "sender_name": account.sender_name,
    }
