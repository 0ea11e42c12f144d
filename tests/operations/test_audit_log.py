"""The pages of the audit log."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.core import audit, keyring
from portal.core.audit.models import AuditEntry
from portal.core.audit.sealing import HEADS, seal_entries
from portal.core.database import db, merchant_scope
from portal.core.jobs import run_due_jobs
from portal.core.storage import objects
from portal.core.subjects import DataSubject
from tests.support.client import HouseClient
from tests.support.people import Person, make_merchant, make_person
from tests.support.waiting import settle

Login = Callable[[Person], HouseClient]
Member = Callable[..., Person]


@pytest.fixture
def entries(app: Flask, merchant: int, member: Member) -> dict[str, int]:
    """An entry about a thing and one about a person; their ids, and the person's."""
    clerk = member("support").actor
    with app.app_context(), merchant_scope(merchant):
        person = DataSubject()
        db.session.add(person)
        db.session.flush()
        audit.record(
            "price.changed",
            by=clerk,
            subject=("variant", 5),
            before={"amount": "1.50"},
            after={"amount": "2.00"},
            reason="Supplier raised it",
        )
        audit.record(
            "customer.updated",
            by=clerk,
            subject=("customer", 6),
            before={"email": "jane@example.com"},
            after={"email": "roe@example.com"},
            data_subject_id=person.id,
        )
        db.session.commit()
        found = {entry.action: entry.id for entry in db.session.scalars(sa.select(AuditEntry))}
        return {"price": found["price.changed"], "customer": found["customer.updated"], "person": person.id}


def test_the_log_lists_who_did_what(entries: dict[str, int], member: Member, login: Login) -> None:
    page = login(member("owner")).get("/operations/audit").text
    assert "Price: changed" in page and "variant 5" in page and "amount" in page
    assert "jane" not in page and "roe@" not in page


@pytest.mark.parametrize(
    "filter", ["1.act.is.price.changed", "1.thing.is.variant", "1.kind.is.user", "1.at.last.7d"]
)
def test_the_log_is_filtered(entries: dict[str, int], member: Member, login: Login, filter: str) -> None:
    page = login(member("owner")).get("/operations/audit", query_string={"f": filter})
    assert page.status_code == 200 and "Price: changed" in page.text


def test_an_entry_shows_its_values(entries: dict[str, int], member: Member, login: Login) -> None:
    page = login(member("owner")).get(f"/operations/audit/{entries['price']}").text
    assert "1.50" in page and "2.00" in page and "Supplier raised it" in page


def test_values_of_a_person_are_shown_to_those_who_may_reveal(
    entries: dict[str, int], member: Member, login: Login
) -> None:
    assert (
        "jane@example.com" in login(member("compliance")).get(f"/operations/audit/{entries['customer']}").text
    )


def test_values_of_an_erased_person_are_gone(
    app: Flask, merchant: int, entries: dict[str, int], member: Member, login: Login
) -> None:
    with app.app_context(), merchant_scope(merchant):
        keyring.destroy_person_key(entries["person"])
    page = login(member("owner")).get(f"/operations/audit/{entries['customer']}").text
    assert "The person was erased" in page and "email" in page and "jane" not in page


def test_only_those_who_may_read_the_log(
    app: Flask, entries: dict[str, int], member: Member, login: Login, client: HouseClient
) -> None:
    support, stranger = login(member("support")), login(make_person(app, make_merchant(app), "owner"))
    assert support.get("/operations/audit").status_code == 403
    assert support.get(f"/operations/audit/{entries['price']}").status_code == 403
    assert support.post("/operations/audit/verification").status_code == 403
    assert stranger.get(f"/operations/audit/{entries['price']}").status_code == 404
    assert client.get("/operations/audit").status_code in {302, 303}


def test_the_log_is_verified_by_a_button(
    app: Flask, merchant: int, entries: dict[str, int], member: Member, login: Login
) -> None:
    client = login(member("owner"))
    with app.app_context(), merchant_scope(merchant):
        settle()
        seal_entries()
    answer = client.post("/operations/audit/verification")
    assert answer.status_code == 303
    with app.app_context(), merchant_scope(merchant):
        run_due_jobs()
    assert "The log was whole when it was last verified" in client.get("/operations/audit").text
    assert "signed heads" in client.get(answer.location).text


def test_a_log_that_was_tampered_with_says_so_in_red(
    app: Flask, merchant: int, entries: dict[str, int], member: Member, login: Login
) -> None:
    client = login(member("owner"))
    with app.app_context(), merchant_scope(merchant):
        settle()
        seal_entries()
        objects.remove(objects.keys_under(HEADS)[0])
    client.post("/operations/audit/verification")
    with app.app_context(), merchant_scope(merchant):
        run_due_jobs()
    page = client.get("/operations/audit").text
    assert "The log is not what was sealed: 1 problems were found." in page and "notice-danger" in page
