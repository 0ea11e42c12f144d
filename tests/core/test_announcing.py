"""A change is logged and published together, or not at all."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Flask

from portal.core import audit
from portal.core.announcing import announce
from portal.core.audit import Actor, AuditEntry
from portal.core.database import db
from portal.core.outbox import OutboxEvent
from tests.support.statements import count_statements

CLERK = Actor("user", 7, "Ada Clerk")


def _rename(**more: object) -> None:
    announce(
        "customer.updated",
        by=CLERK,
        subject=("customer", 5),
        before={"name": "Jane"},
        after={"name": "Roe"},
        event="customer.changed",
        key="customer:5",
        payload={"customer_id": 5},
        **more,
    )  # type: ignore[arg-type]


def _told() -> tuple[list[AuditEntry], list[OutboxEvent]]:
    entries = db.session.scalars(sa.select(AuditEntry).where(AuditEntry.actor_id == CLERK.id)).all()
    events = db.session.scalars(sa.select(OutboxEvent).where(OutboxEvent.key == "customer:5")).all()
    return list(entries), list(events)


def test_one_statement_writes_the_entry_and_the_event(app: Flask, scope: int) -> None:
    assert count_statements(app, _rename) == 1
    db.session.commit()
    (entry,), (event,) = _told()
    assert (entry.action, entry.subject_id, entry.fields) == ("customer.updated", "5", ["name"])
    assert audit.read_changes(entry).after == {"name": "Roe"}
    assert (event.kind, event.payload) == ("customer.changed", {"customer_id": 5})
    assert (entry.cluster, entry.xid) == (event.cluster, event.xid)


def test_neither_outlives_a_rollback(scope: int) -> None:
    _rename()
    db.session.rollback()
    assert _told() == ([], [])


def test_what_concerns_a_person_is_sealed(scope: int) -> None:
    _rename(data_subject_id=9)
    db.session.commit()
    entry = _told()[0][0]
    assert entry.changes is None and b"Roe" not in (entry.sealed_changes or b"")
    assert audit.read_changes(entry).after == {"name": "Roe"}
