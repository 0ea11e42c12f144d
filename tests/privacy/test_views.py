"""The screens: each works, and answers the signed-out, the stranger, the unpermitted, bad input and htmx."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from flask import Flask

from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import db, merchant_scope
from portal.core.reveal import log_view
from portal.privacy import holds, services, telling
from portal.privacy.models import PrivacyRequest
from portal.privacy.queries import certificate_of, recipients_of, retained_of, sightings_of
from tests.privacy.planting import Planter, planted
from tests.privacy.requests import approved_request, preview_request, recorded_request, scoped_request
from tests.support.client import HouseClient
from tests.support.people import Person, make_merchant, make_person

Login = Callable[[Person], HouseClient]
PAGES = (
    "/privacy/",
    "/privacy/requests/new",
    "/privacy/holds",
    "/privacy/suppression",
    "/privacy/views",
    "/privacy/map",
    "/privacy/regions/worklist",
)


@pytest.fixture
def desk(officers: tuple[Person, Person], login: Login) -> HouseClient:
    """The browser of the one who records."""
    return login(officers[0])


@pytest.fixture
def second_desk(officers: tuple[Person, Person], login: Login) -> HouseClient:
    """The browser of the one who approves."""
    return login(officers[1])


@pytest.mark.parametrize("path", PAGES)
def test_each_page_opens_for_an_officer(desk: HouseClient, path: str) -> None:
    assert desk.get(path).status_code == 200
    assert desk.fragment(path).status_code == 200


@pytest.mark.parametrize("path", PAGES)
def test_each_page_asks_the_signed_out_to_sign_in(client: HouseClient, path: str) -> None:
    assert client.get(path).status_code == 303
    assert client.fragment(path).status_code == 401


@pytest.mark.parametrize("path", PAGES)
def test_each_page_is_closed_to_the_warehouse(member: Callable[..., Person], login: Login, path: str) -> None:
    assert login(member("warehouse")).get(path).status_code == 403


def test_a_request_of_another_merchant_does_not_exist(
    app: Flask,
    merchant: int,
    actors: tuple[Actor, Actor],
    login: Login,
) -> None:
    with app.app_context(), merchant_scope(merchant):
        request_id = recorded_request(None, by=actors[0]).id
    browser = login(make_person(app, make_merchant(app), "compliance"))
    assert browser.get(f"/privacy/requests/{request_id}").status_code == 404
    assert browser.post(f"/privacy/requests/{request_id}/preview").status_code == 404


def test_an_officer_finds_a_person_by_mail_and_records_a_request(
    scope: int, person: Planter, desk: HouseClient
) -> None:
    email = person.markers["customer", "email_key"]
    found = desk.get("/privacy/requests/new", query_string={"q": email})
    page = found.get_data(as_text=True)
    assert f"subject={person.subject_id}" in page
    assert email not in page.replace(f'value="{email}"', ""), (
        "people found are masked until a request is recorded"
    )
    answered = desk.post(
        "/privacy/requests",
        data={
            "kind": "erasure",
            "law": "gdpr",
            "received_on": "2026-11-02",
            "contact": "them@needle.example",
            "note": "Please forget me.",
            "subject_id": str(person.subject_id),
        },
    )
    assert answered.status_code == 303
    request = db.session.query(PrivacyRequest).filter_by(kind="erasure").one()
    assert request.due_on.isoformat() == "2026-12-02"
    opened = desk.get(answered.location).get_data(as_text=True)
    assert "them@needle.example" in opened
    assert "Please forget me." in opened


def test_a_second_request_for_the_same_is_refused_with_the_number_of_the_first(
    scope: int,
    person: Planter,
    desk: HouseClient,
    actors: tuple[Actor, Actor],
) -> None:
    first = recorded_request(person.subject_id, by=actors[0])
    answered = desk.post(
        "/privacy/requests",
        data={
            "kind": "erasure",
            "law": "gdpr",
            "received_on": "2026-11-02",
            "subject_id": str(person.subject_id),
        },
    )
    assert answered.status_code == 409
    assert f"Request {first.id} already asks for this" in answered.get_data(as_text=True)


@pytest.mark.parametrize(
    "data",
    [
        {"kind": "erasure", "law": "gdpr", "received_on": ""},
        {"kind": "erasure", "law": "gdpr", "received_on": "2026-02-30"},
        {"kind": "erasure", "law": "gdpr", "received_on": "2999-01-01"},
        {"kind": "nothing", "law": "gdpr", "received_on": "2026-11-02"},
        {"kind": "erasure", "law": "lgpd", "received_on": "2026-11-02"},
        {"kind": "erasure", "law": "gdpr", "received_on": "2026-11-02", "note": "x" * 5_000},
        {"kind": "erasure", "law": "gdpr", "received_on": "2026-11-02", "contact": "x" * 500},
    ],
)
def test_a_bad_request_comes_back_with_its_errors(desk: HouseClient, data: dict[str, str]) -> None:
    answered = desk.post("/privacy/requests", data=data)
    assert answered.status_code == 422
    assert "correction" in answered.get_data(as_text=True)


def test_a_request_goes_from_the_mail_to_the_certificate_through_the_screens(
    scope: int,
    person: Planter,
    desk: HouseClient,
    second_desk: HouseClient,
    actors: tuple[Actor, Actor],
    work: Callable[[], int],
) -> None:
    request = recorded_request(person.subject_id, by=actors[0], contact="them@needle.example")
    at = f"/privacy/requests/{request.id}"
    assert desk.post(f"{at}/preview").status_code == 409, "nothing goes before the identity is clear"
    assert desk.post(f"{at}/identity", data={"method": "guess"}).status_code == 422
    assert (
        desk.post(f"{at}/identity", data={"method": "email_reply", "note": "Code answered"}).status_code
        == 303
    )
    assert desk.post(f"{at}/scope").status_code == 303
    assert desk.post(f"{at}/preview").status_code == 303
    db.session.refresh(request)
    assert desk.post(f"{at}/approval", data={"digest": request.preview_digest}).status_code == 403
    page = second_desk.get(at).get_data(as_text=True)
    assert "Approve the erasure" in page
    assert "VAT Act 1994" in page
    assert second_desk.post(f"{at}/approval", data={"digest": "0" * 64}).status_code == 409
    assert second_desk.post(f"{at}/approval", data={"digest": request.preview_digest}).status_code == 303
    assert "every 2s" in desk.get(at).get_data(as_text=True)
    work()
    contact = next(each for each in retained_of(request.id) if each.source_table == "privacy_request")
    opened = second_desk.post(
        f"/privacy/retained/{contact.id}/opening", data={"reason": "Answer the person by mail"}
    )
    assert "them@needle.example" in opened.get_data(as_text=True)
    certificate = desk.get(f"{at}/certificate")
    assert certificate.status_code == 200
    assert "The signature matches" in certificate.get_data(as_text=True)
    assert person.needle not in desk.get(at).get_data(as_text=True)
    assert desk.post(f"{at}/recipients", data={"recipient": "Parcel Co"}).status_code == 303
    assert desk.post(f"{at}/answer").status_code == 422, "somebody must still be told"
    db.session.refresh(request)
    assert {task.recipient for task in recipients_of(request.id)} > {"Parcel Co"}, (
        "the shop of their order is a recipient by itself"
    )
    for task in recipients_of(request.id):
        assert desk.post(f"{at}/recipients/{task.id}", data={"state": "done"}).status_code == 303
    assert desk.post(f"{at}/answer", data={"note": "Told by letter, sent on Monday"}).status_code == 303
    assert "A note stands under Kept by law" in desk.get(at).get_data(as_text=True)
    assert desk.post(f"{at}/closure").status_code == 303
    db.session.refresh(request)
    assert (request.state, request.outcome) == ("closed", "erased")
    db.session.expire_all()
    assert all(
        each.sealed is None for each in retained_of(request.id) if each.source_table == "privacy_request"
    )
    told = next(each for each in retained_of(request.id) if each.source_table == "privacy_request_event")
    asked = {"reason": "They say they were never told"}
    read = second_desk.post(f"/privacy/retained/{told.id}/opening", data=asked)
    assert "sent on Monday" in read.get_data(as_text=True)
    assert desk.get(at).status_code == 200


def test_a_restricted_record_opens_with_a_reason_and_the_look_is_logged(
    scope: int,
    person: Planter,
    second_desk: HouseClient,
    actors: tuple[Actor, Actor],
    work: Callable[[], int],
) -> None:
    request = approved_request(person.subject_id, by=actors[0], approver=actors[1])
    work()
    record = next(each for each in retained_of(request.id) if each.source_table == "order_contact")
    at = f"/privacy/retained/{record.id}"
    assert second_desk.get(at).status_code == 200
    assert second_desk.post(f"{at}/opening", data={"reason": "short"}).status_code == 422
    opened = second_desk.post(f"{at}/opening", data={"reason": "Tax audit for 2026, file 12"})
    assert person.markers["order_contact", "vat_id"] in opened.get_data(as_text=True)
    seen = sightings_of([person.subject_id])
    assert any(each.reason == "Tax audit for 2026, file 12" for each in seen)


def test_a_support_agent_may_record_but_not_read_or_approve(
    scope: int,
    previewed: PrivacyRequest,
    member: Callable[..., Person],
    login: Login,
) -> None:
    browser = login(member("support"))
    assert browser.get("/privacy/requests/new").status_code == 200
    region = browser.fragment(f"/privacy/regions/people/{previewed.subject_id}").get_data(as_text=True)
    assert f"/privacy/requests/new?subject={previewed.subject_id}" in region
    assert f"/privacy/requests/{previewed.id}" not in region
    recorded = browser.post(
        "/privacy/requests",
        data={"kind": "access", "law": "gdpr", "received_on": "2026-11-02"},
        follow_redirects=True,
    )
    assert recorded.status_code == 200
    assert "is recorded" in recorded.get_data(as_text=True)
    assert browser.get(f"/privacy/requests/{previewed.id}").status_code == 403
    assert (
        browser.post(
            f"/privacy/requests/{previewed.id}/approval", data={"digest": previewed.preview_digest}
        ).status_code
        == 403
    )


def test_each_state_of_a_request_has_a_page(
    scope: int,
    desk: HouseClient,
    second_desk: HouseClient,
    actors: tuple[Actor, Actor],
    work: Callable[[], int],
) -> None:
    opened: set[str] = set()

    def look(request: PrivacyRequest) -> None:
        db.session.commit()
        db.session.refresh(request)
        opened.add(request.state)
        for browser in (desk, second_desk):
            assert browser.get(f"/privacy/requests/{request.id}").status_code == 200
            assert browser.fragment(f"/privacy/regions/requests/{request.id}/step").status_code == 200

    look(recorded_request(None, by=actors[0], law="ccpa"))
    for kind in ("access", "rectification", "restriction"):
        look(scoped_request(None, by=actors[0], kind=kind))
    look(recorded_request(None, by=actors[0], kind="objection", law="ccpa"))
    verified = recorded_request(None, by=actors[0])
    services.verify_identity(verified, method="call_back", note="", by=actors[0])
    look(verified)
    refused = recorded_request(None, by=actors[0])
    services.refuse(refused, ground="unfounded", note="", by=actors[1])
    look(refused)
    held = preview_request(planted(scope).subject_id, by=actors[0])
    holds.place_hold(
        held.subject_id,
        reason="Court of Appeal, file 7/26",
        owner_id=actors[1].id or 0,
        review_on=held.due_on,
        by=actors[1],
    )
    look(held)
    look(preview_request(planted(scope).subject_id, by=actors[0]))
    erased = approved_request(planted(scope).subject_id, by=actors[0], approver=actors[1])
    look(erased)
    work()
    look(erased)
    for task in recipients_of(erased.id):
        telling.settle_recipient(erased, task.id, state="verified_absent", by=actors[0])
    services.answer(erased, note="", by=actors[0])
    look(erased)
    services.close(erased, by=actors[0])
    look(erased)
    assert opened == {
        "received",
        "verified",
        "scoped",
        "previewed",
        "held",
        "approved",
        "third_parties",
        "answered",
        "closed",
        "refused",
    }


def test_the_copy_of_an_access_request_is_made_and_handed_over_once_logged(
    scope: int,
    person: Planter,
    desk: HouseClient,
    actors: tuple[Actor, Actor],
    work: Callable[[], int],
) -> None:
    request = scoped_request(person.subject_id, by=actors[0], kind="restriction")
    assert desk.post(f"/privacy/requests/{request.id}/copy").status_code == 422
    copy = db.session.query(PrivacyRequest).filter_by(kind="access").one()
    copy.state = "closed"
    copy.outcome = "copy_given"
    db.session.commit()
    asked = scoped_request(person.subject_id, by=actors[0], kind="access")
    at = f"/privacy/requests/{asked.id}"
    assert desk.get(f"{at}/copy").status_code == 404
    assert desk.post(f"{at}/copy").status_code == 303
    work()
    assert "Download the copy" in desk.get(at).get_data(as_text=True)
    answered = desk.get(f"{at}/copy")
    assert answered.status_code == 200
    assert answered.data[:2] == b"PK"
    assert answered.headers["Cache-Control"].startswith("no-store")
    assert any(each.kind == "export" for each in sightings_of([person.subject_id]))


def test_a_hold_is_placed_and_lifted_by_two_people(
    scope: int, person: Planter, desk: HouseClient, second_desk: HouseClient, officers: tuple[Person, Person]
) -> None:
    at = f"/privacy/people/{person.subject_id}/hold"
    review_on = (utc_now() + dt.timedelta(days=60)).date().isoformat()
    assert desk.get(at).status_code == 200
    assert (
        desk.post(
            at, data={"reason": "short", "owner_id": officers[0].user_id, "review_on": review_on}
        ).status_code
        == 422
    )
    assert (
        desk.post(
            at,
            data={
                "reason": "Claim 12/26 before the county court",
                "owner_id": officers[0].user_id,
                "review_on": "2020-01-15",
            },
        ).status_code
        == 422
    )
    placed = desk.post(
        at,
        data={
            "reason": "Claim 12/26 before the county court",
            "owner_id": officers[0].user_id,
            "review_on": review_on,
        },
    )
    assert placed.status_code == 303
    hold = holds.active_holds([person.subject_id])[0]
    assert second_desk.post(f"/privacy/holds/{hold.id}/lifting").status_code == 409
    assert desk.post(f"/privacy/holds/{hold.id}/lifting-request").status_code == 303
    assert desk.post(f"/privacy/holds/{hold.id}/lifting").status_code == 403
    assert second_desk.post(f"/privacy/holds/{hold.id}/lifting").status_code == 303
    assert second_desk.get("/privacy/holds").status_code == 200


def test_opening_a_request_is_logged_as_a_view_of_the_person(
    scope: int, person: Planter, desk: HouseClient, actors: tuple[Actor, Actor]
) -> None:
    request = recorded_request(person.subject_id, by=actors[0])
    for _ in range(3):
        desk.get(f"/privacy/requests/{request.id}")
    views = [each for each in sightings_of([person.subject_id]) if each.case_kind == "privacy_request"]
    assert [(each.actor_id, each.times) for each in views] == [(actors[0].id, 3)]
    assert desk.get(f"/privacy/people/{person.subject_id}/views").status_code == 200
    assert desk.get(f"/privacy/regions/people/{person.subject_id}").status_code == 200


def test_unusual_looking_stands_on_the_worklist(
    app: Flask, scope: int, desk: HouseClient, actors: tuple[Actor, Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.core.reveal.HOURLY_LIMIT", 1)
    people = [planted(scope).subject_id for _ in range(2)]
    with app.app_context(), merchant_scope(scope):
        log_view(actors[1], people, case=("order", 1), fields=["name"])
    page = desk.get("/privacy/").get_data(as_text=True)
    assert "Amir Approver" in page
    assert "2 people in the last hour" in page


def test_the_worklist_shows_what_is_overdue_first(
    scope: int, desk: HouseClient, actors: tuple[Actor, Actor]
) -> None:
    late = services.record_request(
        kind="access",
        law="gdpr",
        subject_id=None,
        received_at=utc_now() - dt.timedelta(days=40),
        by=actors[0],
    )
    recorded_request(None, by=actors[0])
    db.session.commit()
    rows = desk.get("/privacy/").get_data(as_text=True).partition("<tbody")[2]
    assert "overdue" in rows
    assert rows.index("overdue") < rows.index("days left")
    assert "overdue" in desk.fragment("/privacy/regions/worklist").get_data(as_text=True)
    assert "days overdue" in desk.get(f"/privacy/requests/{late.id}").get_data(as_text=True)


def test_suppression_tells_only_whether_someone_is_on_it(
    scope: int,
    person: Planter,
    desk: HouseClient,
    actors: tuple[Actor, Actor],
    work: Callable[[], int],
) -> None:
    email = person.markers["customer", "email_key"]
    asked = {"identifier": email}
    assert "nothing is suppressed" in desk.post("/privacy/suppression", data=asked).get_data(as_text=True)
    request = approved_request(person.subject_id, by=actors[0], approver=actors[1])
    work()
    page = desk.post("/privacy/suppression", data=asked).get_data(as_text=True)
    assert "Yes: facts from before" in page
    assert certificate_of(request.id) is not None
