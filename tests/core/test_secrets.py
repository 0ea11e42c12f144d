"""Credentials: sealed, bound to merchant and purpose, shown as their last four."""

from __future__ import annotations

import pytest
from flask import Flask

from portal.core.ciphers import DecryptionError
from portal.core.database import merchant_scope
from portal.core.secrets import last_four, secret_box
from tests.support.people import make_merchant


def test_a_credential_opens_for_its_purpose_only(scope: int) -> None:
    sealed = secret_box.seal("ck_live_123456", "channel:1")
    assert b"ck_live" not in sealed
    assert secret_box.open(sealed, "channel:1") == "ck_live_123456"
    with pytest.raises(DecryptionError):
        secret_box.open(sealed, "channel:2")


def test_a_credential_does_not_open_at_another_merchant(app: Flask, scope: int) -> None:
    sealed = secret_box.seal("ck_live_123456", "channel:1")
    with app.app_context(), merchant_scope(make_merchant(app)), pytest.raises(DecryptionError):
        secret_box.open(sealed, "channel:1")


def test_the_last_four_of_a_short_secret_are_not_shown() -> None:
    assert last_four("ck_live_1234567890") == "7890"
    assert last_four("hunter2") == ""
