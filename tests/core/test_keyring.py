"""Keys of people: made once, bound to person and purpose, destroyed for ever."""

from __future__ import annotations

import datetime as dt

import pytest
from flask import Flask

from portal.config import settings
from portal.core import ciphers, keyring
from portal.core.ciphers import DecryptionError, MasterKey
from portal.core.database import merchant_scope
from portal.core.keyring.store import KeyStore
from tests.support.people import make_merchant


def test_what_is_sealed_opens_for_the_same_person_and_purpose_only(scope: int) -> None:
    sealed = keyring.encrypt(b"Jane Roe", "audit", 1)
    assert b"Jane" not in sealed
    assert keyring.decrypt(sealed, "audit", 1) == b"Jane Roe"
    for purpose, person in (("mail", 1), ("audit", 2)):
        with pytest.raises(DecryptionError):
            keyring.decrypt(sealed, purpose, person)


def test_a_value_of_one_merchant_does_not_open_at_another(app: Flask, scope: int) -> None:
    sealed = keyring.encrypt(b"Jane Roe", "audit", 1)
    with app.app_context(), merchant_scope(make_merchant(app)), pytest.raises(DecryptionError):
        keyring.decrypt(sealed, "audit", 1)


def test_a_changed_value_does_not_open(scope: int) -> None:
    sealed = bytearray(keyring.encrypt(b"Jane Roe", "audit", 1))
    sealed[-1] ^= 1
    with pytest.raises(DecryptionError):
        keyring.decrypt(bytes(sealed), "audit", 1)


def test_the_same_text_never_looks_the_same_twice(scope: int) -> None:
    assert keyring.encrypt(b"Jane", "audit", 1) != keyring.encrypt(b"Jane", "audit", 1)


def test_a_destroyed_key_opens_nothing_and_is_never_made_again(scope: int) -> None:
    sealed = keyring.encrypt(b"Jane Roe", "audit", 1)
    assert keyring.destroy_person_key(1)
    assert not keyring.destroy_person_key(1)
    with pytest.raises(keyring.KeyDestroyedError):
        keyring.decrypt(sealed, "audit", 1)
    with pytest.raises(keyring.KeyDestroyedError):
        keyring.encrypt(b"Jane again", "audit", 1)


def test_a_person_without_a_key_can_be_erased_and_gets_none_afterwards(scope: int) -> None:
    assert keyring.destroy_person_key(77)
    with pytest.raises(keyring.KeyDestroyedError):
        keyring.person_key(77)


def test_another_process_forgets_a_destroyed_key_within_five_seconds(
    scope: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = KeyStore(settings().keyring_database_url, MasterKey(settings().master_key))
    now = [1000.0]
    monkeypatch.setattr("portal.core.keyring.store.time.monotonic", lambda: now[0])
    assert other.person_key(scope, 5) == keyring.person_key(5)
    keyring.destroy_person_key(5)
    now[0] += 5.1
    with pytest.raises(keyring.KeyDestroyedError):
        other.person_key(scope, 5)
    other._engine.dispose()


def test_many_keys_come_in_one_query(scope: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for person in range(1, 6):
        keyring.person_key(person)
    keyring.destroy_person_key(3)
    store = keyring._store()
    store._cache.clear()
    queries: list[object] = []
    run = store._run
    monkeypatch.setattr(store, "_run", lambda *args: queries.append(args) or run(*args))
    keyring.load_person_keys(range(1, 6))
    keyring.person_key(5)
    assert len(queries) == 1


def test_the_memory_of_keys_is_bounded(scope: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.core.keyring.store.CACHE_SIZE", 3)
    store = keyring._store()
    store._cache.clear()
    for person in range(10):
        keyring.person_key(person)
    assert len(store._cache) == 3


def test_a_key_store_that_is_away_refuses_clearly(scope: int, app: Flask) -> None:
    away = "postgresql+psycopg://portal_app@127.0.0.1:1/nothing"
    app.extensions["portal_keyring"], present = (
        KeyStore(away, MasterKey(settings().master_key)),
        keyring._store(),
    )
    try:
        with pytest.raises(keyring.KeyringUnavailableError, match="key store cannot be reached"):
            keyring.encrypt(b"Jane", "audit", 1)
        assert not keyring.is_available()
    finally:
        app.extensions["portal_keyring"] = present
    assert keyring.is_available()


def test_what_the_law_keeps_outlives_the_person_key_and_dies_on_its_date(scope: int) -> None:
    until = dt.date(2020, 12, 31)
    sealed = keyring.encrypt_retained(b"Jane Roe", "invoice:1", 1, basis="HGB 257", until=until)
    keyring.destroy_person_key(1)
    opened = keyring.decrypt_retained(
        sealed, "invoice:1", 1, basis="HGB 257", until=until, reason="Tax audit"
    )
    assert opened == b"Jane Roe"
    with pytest.raises(ValueError, match="reason"):
        keyring.decrypt_retained(sealed, "invoice:1", 1, basis="HGB 257", until=until, reason=" ")
    assert keyring.destroy_due_retention_keys() >= 1
    with pytest.raises(keyring.KeyDestroyedError):
        keyring.decrypt_retained(sealed, "invoice:1", 1, basis="HGB 257", until=until, reason="Tax audit")


def test_a_value_names_the_master_key_it_needs() -> None:
    one, two = MasterKey(ciphers.new_key()), MasterKey(ciphers.new_key())
    sealed = one.seal("secrets", b"token", "1|channel")
    assert one.unseal("secrets", sealed, "1|channel") == b"token"
    with pytest.raises(DecryptionError, match="another master key"):
        two.unseal("secrets", sealed, "1|channel")
    with pytest.raises(DecryptionError):
        one.unseal("key wrapping", sealed, "1|channel")


def test_upgrading_the_key_database_twice_changes_nothing(app: Flask, scope: int) -> None:
    key = keyring.person_key(1)
    result = app.test_cli_runner().invoke(args=["keyring", "upgrade"])
    assert result.exit_code == 0, result.output
    keyring._store()._cache.clear()
    assert keyring.person_key(1) == key
