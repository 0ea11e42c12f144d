"""The keys of a shop: sealed, tried before they are used, opened only to make a call."""

from __future__ import annotations

import json
from typing import Final

from portal.channels.connectors import connector
from portal.channels.connectors.base import ChannelError, Connector
from portal.channels.deliveries import logged
from portal.channels.models import ChannelAccount
from portal.channels.outbound import Outbound
from portal.config import settings
from portal.core import audit
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError
from portal.core.jobs import JobRun
from portal.core.secrets import last_four, secret_box

TEST_SECONDS: Final = 8.0


def connector_of(
    account: ChannelAccount, *, job: JobRun | None = None, answer_seconds: float | None = None
) -> Connector:
    """The way to call an account's shop. In a job every call keeps the job's lease.

    Raises:
        DomainError: there are no keys.
    """
    if account.credentials is None:
        raise DomainError("Enter the keys of the shop first.")
    opened = json.loads(secret_box.open(account.credentials, _purpose(account.id)))
    beat = (lambda: job.progress(job.done)) if job is not None else None
    outbound = Outbound.from_settings(settings(), beat=beat)
    if answer_seconds is not None:
        outbound = Outbound.from_settings(settings(), beat=beat, answer_seconds=answer_seconds)
    return connector(account.connector, account.base_url, opened["key"], opened["secret"], outbound)


def test_shop(account: ChannelAccount, *, by: Actor) -> str:
    """Call the shop with the keys; gives what to tell the person. Holds no transaction while it waits.

    Raises:
        DomainError: the shop cannot be reached or refuses the keys; says why.
        ConflictError: other keys or another address were entered while the shop was asked.
    """
    tried = account.credentials_changed_at
    account_id, caller = account.id, connector_of(account, answer_seconds=TEST_SECONDS)
    db.session.commit()
    try:
        with logged(account_id, "test") as call:
            call.items = 1
            said = caller.test()
    except ChannelError as error:
        db.session.commit()
        raise DomainError(error.message) from error
    account = db.session.get_one(
        ChannelAccount, (current_merchant_id(), account_id), with_for_update=True, populate_existing=True
    )
    if account.credentials_changed_at != tried:
        raise ConflictError("Other keys or another address were entered during the test. Test those.")
    account.tested_at = utc_now()
    audit.record(action="channel.tested", by=by, subject=("channel_account", account_id))
    db.session.flush()
    return said


def seal_keys(account: ChannelAccount, key: str, secret: str) -> None:
    key, secret = key.strip(), secret.strip()
    for field, text in (("key", key), ("secret", secret)):
        if not 8 <= len(text) <= 200 or not text.isascii() or any(c.isspace() for c in text):
            raise DomainError("Copy the whole key from the shop, without spaces.", field=field)
    account.credentials = secret_box.seal(json.dumps({"key": key, "secret": secret}), _purpose(account.id))
    account.credentials_tail = last_four(key)
    account.credentials_changed_at = utc_now()


def forget_keys(account: ChannelAccount) -> None:
    """The keys were given for another address. Sent to this one, they would be whoever's who may change the address."""
    account.credentials, account.credentials_tail = None, ""


def needs_test(account: ChannelAccount) -> None:
    """Untested keys are not used: a running account rests until the test has gone well."""
    account.credentials_changed_at = utc_now()
    if account.is_running:
        account.state = "paused"


def _purpose(account_id: int) -> str:
    return f"channel account {account_id}"
