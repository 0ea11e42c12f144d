"""The log: written with the change, sealed for people, and telling when it was tampered with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING

import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from portal.config import settings
from portal.core import audit, keyring
from portal.core.audit import Actor, AuditEntry, AuditSeal
from portal.core.audit.sealing import HEADS, seal_entries
from portal.core.audit.verifying import verify_log
from portal.core.ciphers import MasterKey
from portal.core.database import db
from portal.core.keyring.store import KeyStore
from portal.core.storage import objects
from tests.support.waiting import settle

if TYPE_CHECKING:
    from tests.support.databases import MadeDatabase

CLERK = Actor("user", 7, "Ada Clerk")


def write(count: int = 1, *, start: int = 1, **options: object) -> list[AuditEntry]:
    for number in range(start, start + count):
        audit.record(
            "product.updated",
            by=CLERK,
            subject=("product", number),
            before={"price": "1.00"},
            after={"price": f"{number}.00"},
            **options,
        )  # type: ignore[arg-type]
    db.session.commit()
    return entries()


def entries() -> list[AuditEntry]:
    """What the tests wrote; making the merchant wrote some, too."""
    return list(
        db.session.scalars(
            sa.select(AuditEntry).where(AuditEntry.actor_id == CLERK.id).order_by(AuditEntry.id)
        )
    )


def seal() -> int:
    settle()
    return seal_entries()


def test_an_entry_is_written_with_the_change_or_not_at_all(scope: int) -> None:
    audit.record("product.updated", by=CLERK, subject=("product", 1))
    db.session.rollback()
    assert len(write()) == 1


def test_an_entry_says_who_did_what_to_what(scope: int) -> None:
    audit.record(
        "price.changed",
        by=CLERK,
        subject=("variant", 5),
        before={"amount": Decimal("1.50"), "sku": "A"},
        after={"amount": Decimal("2.00"), "sku": "A"},
        reason="Supplier raised it",
    )
    entry = entries()[0]
    changes = audit.read_changes(entry)
    assert (entry.actor_name, entry.action, entry.subject_kind, entry.subject_id) == (
        "Ada Clerk",
        "price.changed",
        "variant",
        "5",
    )
    assert (entry.fields, changes.before["amount"], changes.after["amount"]) == (["amount"], "1.50", "2.00")
    assert changes.reason == "Supplier raised it"


def test_values_of_a_person_are_sealed_from_the_first_moment(scope: int) -> None:
    audit.record(
        "customer.updated",
        by=CLERK,
        subject=("customer", 5),
        before={"email": "jane@example.com"},
        after={"email": "roe@example.com"},
        reason="Jane called",
        data_subject_id=9,
    )
    db.session.commit()
    whole = sa.text("SELECT audit_entry::text FROM audit_entry WHERE audit_entry.merchant_id = :merchant")
    row = " ".join(db.session.scalars(whole, {"merchant": scope}))
    assert "jane" not in row.lower() and "roe" not in row.lower()
    entry = entries()[0]
    assert audit.read_changes(entry).before == {"email": "jane@example.com"}
    assert entry.fields == ["email"]


def test_an_erased_person_is_gone_from_the_log_and_the_chain_is_whole(scope: int) -> None:
    audit.record(
        "customer.updated",
        by=CLERK,
        subject=("customer", 5),
        after={"email": "jane@example.com"},
        data_subject_id=9,
    )
    db.session.commit()
    seal()
    keyring.destroy_person_key(9)
    entry = entries()[0]
    assert audit.read_changes(entry).state == "erased"
    assert verify_log().is_whole


@contextmanager
def keys_away(app: Flask) -> Iterator[None]:
    """The key database does not answer."""
    present = keyring._store()
    app.extensions["portal_keyring"] = KeyStore(
        "postgresql+psycopg://portal_app@127.0.0.1:1/nothing", MasterKey(settings().master_key)
    )
    try:
        yield
    finally:
        app.extensions["portal_keyring"] = present


def test_without_the_key_store_entries_about_things_commit_and_others_refuse(scope: int, app: Flask) -> None:
    with keys_away(app):
        assert len(write()) == 1
        with pytest.raises(keyring.KeyringUnavailableError):
            write(data_subject_id=9)
    db.session.rollback()
    assert len(entries()) == 1


def test_without_the_key_store_the_page_still_reads(scope: int, app: Flask) -> None:
    write(data_subject_id=9)
    # By subject: the ids of two transactions of one millisecond may come in either order.
    written = sorted(write(start=2), key=lambda entry: entry.subject_id)
    with keys_away(app):
        assert [each.state for each in audit.read_many(written)] == ["closed", "open"]


@pytest.mark.parametrize(
    "statement",
    [
        sa.update(AuditEntry).values(actor_name="x"),
        sa.delete(AuditEntry),
        sa.update(AuditSeal).values(hash=b"x"),
        sa.delete(AuditSeal),
    ],
)
def test_the_app_may_neither_change_nor_delete(scope: int, statement: sa.Update | sa.Delete) -> None:
    write()
    with pytest.raises(DBAPIError, match="permission denied"):
        db.session.execute(statement)
    db.session.rollback()


def test_the_chain_covers_every_committed_entry_once(scope: int) -> None:
    already = seal()
    write(3)
    assert seal() == 3
    assert seal() == 0
    write(2, start=4)
    assert seal() == 2
    report = verify_log()
    assert (report.is_whole, report.entries - already, report.unsealed) == (True, 5, 0)


def test_an_entry_of_a_slow_transaction_is_sealed_too(scope: int) -> None:
    values = {
        "merchant_id": scope,
        "actor_kind": "user",
        "actor_name": "Slow",
        "action": "a.b",
        "subject_kind": "thing",
        "subject_id": "1",
        "changes": {},
        "fields": [],
    }
    seal()
    with Session(db.engine) as slow:
        slow.execute(sa.insert(AuditEntry.__table__), [values])
        write()
        assert seal_entries() == 0
        slow.commit()
    assert seal() == 2
    assert verify_log().is_whole


@contextmanager
def as_owner(database: MadeDatabase) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """An attacker with the rights of the database's owner."""
    with psycopg.connect(database.url("portal_owner"), autocommit=True) as connection:
        yield connection


Attack = Callable[[psycopg.Connection[tuple[object, ...]], int, list[int]], None]


def edit(owner: psycopg.Connection[tuple[object, ...]], merchant: int, ids: list[int]) -> None:
    owner.execute(
        "UPDATE audit_entry SET actor_name = 'Nobody' WHERE merchant_id = %s AND id = %s", (merchant, ids[2])
    )


def edit_values(owner: psycopg.Connection[tuple[object, ...]], merchant: int, ids: list[int]) -> None:
    owner.execute(
        "UPDATE audit_entry SET changes = jsonb_set(changes, '{after,price}', '\"9.99\"')"
        " WHERE merchant_id = %s AND id = %s",
        (merchant, ids[2]),
    )


def delete_one(owner: psycopg.Connection[tuple[object, ...]], merchant: int, ids: list[int]) -> None:
    owner.execute("DELETE FROM audit_entry WHERE merchant_id = %s AND id = %s", (merchant, ids[2]))


def insert_one(owner: psycopg.Connection[tuple[object, ...]], merchant: int, ids: list[int]) -> None:
    owner.execute(
        "INSERT INTO audit_entry (merchant_id, id, actor_kind, actor_name, action, subject_kind, subject_id, fields, cluster, xid)"
        " SELECT merchant_id, id + 100000, actor_kind, actor_name, action, subject_kind, subject_id, fields, cluster, xid"
        " FROM audit_entry WHERE merchant_id = %s AND id = %s",
        (merchant, ids[1]),
    )


def reorder(owner: psycopg.Connection[tuple[object, ...]], merchant: int, ids: list[int]) -> None:
    aside = ids[-1] + 1000
    for old, new in ((ids[1], aside), (ids[2], ids[1]), (aside, ids[2])):
        owner.execute(
            "UPDATE audit_entry SET id = %s WHERE merchant_id = %s AND id = %s", (new, merchant, old)
        )


def cut_off(owner: psycopg.Connection[tuple[object, ...]], merchant: int, ids: list[int]) -> None:
    owner.execute("DELETE FROM audit_seal WHERE merchant_id = %s AND number > 1", (merchant,))
    owner.execute("DELETE FROM audit_entry WHERE merchant_id = %s AND id > %s", (merchant, ids[2]))


def hash_it_all_again(owner: psycopg.Connection[tuple[object, ...]], merchant: int, ids: list[int]) -> None:
    # An attacker who also runs our code: edits an entry, drops the chain and seals anew.
    edit(owner, merchant, ids)
    owner.execute("DELETE FROM audit_seal WHERE merchant_id = %s", (merchant,))
    kept = {key: objects.read(key) for key in objects.keys_under(HEADS)}
    seal()
    for key, content in kept.items():
        objects.write(key, content)


@pytest.mark.parametrize(
    ("attack", "kinds"),
    [
        (edit, {"changed"}),
        (edit_values, {"changed"}),
        (delete_one, {"deleted"}),
        (insert_one, {"inserted"}),
        (reorder, {"changed"}),
        (cut_off, {"cut_off"}),
        (hash_it_all_again, {"rewritten", "cut_off"}),
    ],
)
def test_tampering_is_found(scope: int, database: MadeDatabase, attack: Attack, kinds: set[str]) -> None:
    write(3)
    seal()
    ids = [entry.id for entry in write(3, start=4)]
    seal()
    assert verify_log().is_whole
    db.session.rollback()
    with as_owner(database) as owner:
        attack(owner, scope, ids)
    db.session.expire_all()
    found = {problem.kind for problem in verify_log().problems}
    assert found & kinds, found


def test_a_forged_head_is_found(scope: int) -> None:
    write()
    seal()
    key = objects.keys_under(HEADS)[0]
    objects.write(key, objects.read(key).replace(b'"number": 1', b'"number": 0'))
    assert {problem.kind for problem in verify_log().problems} == {"head"}


def test_a_deleted_head_is_found(scope: int) -> None:
    write()
    seal()
    objects.remove(objects.keys_under(HEADS)[0])
    assert not verify_log().is_whole
