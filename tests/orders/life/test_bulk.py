"""One act for many orders: what is counted before, what is asked, what the job does."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from portal.core import selected
from portal.core.database import db
from portal.core.jobs import Job, JobItem, run_due_jobs
from portal.core.storage import StoredFile
from portal.orders import bulk
from portal.orders.services import hold_order
from tests.orders.life.conftest import Read
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person
from tests.support.shop import Shop

Login = Callable[[Person], HouseClient]
Member = Callable[..., Person]

FRAUD = {"act": "hold", "hold": "It may be fraud"}


def listed(client: HouseClient, query: str = "") -> str:
    """The state of the list in one word, as its bar sends it."""
    return re.findall(r'name="list" value="([A-Za-z0-9_-]+)"', client.get("/orders" + query).text)[0]


def set_aside(client: HouseClient, **sent: Any) -> dict[str, str]:
    """What the page after the list's bar carries on."""
    answer = client.post("/orders/bulk", data=sent)
    assert answer.status_code == 200
    return {"chosen": re.findall(r'name="chosen" value="(\w+)"', answer.text)[0]}


def results() -> dict[str, str]:
    db.session.rollback()
    run_due_jobs()
    db.session.rollback()
    return dict(db.session.execute(sa.select(JobItem.key, JobItem.state)).all())


@pytest.mark.parametrize(
    ("act", "value"), [("hold", "It may be fraud"), ("send", "DPD"), ("tag", "gift"), ("release", "")]
)
def test_one_act_for_many_orders(
    shop: Shop, login: Login, member: Member, head: Read, act: str, value: str
) -> None:
    fine, held = shop.order(("MUG", 1, "4.50")), shop.order(("CUP", 1, "3"))
    hold_order(held.order_id, "It may be fraud", by=SYSTEM)
    db.session.commit()
    client = login(member("support"))
    chosen = set_aside(client, key=[str(fine.order_id), str(held.order_id)])
    asked = client.post("/orders/bulk/check", data={**chosen, "act": act, act: value})
    assert f"{bulk.ACTS[act]}: 2 orders" in asked.text and value in asked.text
    assert not db.session.scalars(sa.select(Job)).all()
    assert client.post("/orders/bulk/start", data={**chosen, "act": act, act: value}).status_code == 303
    found = results()
    states = {each.order_id: head(each.order_id).state for each in (fine, held)}
    failed = {"hold": held, "send": held, "tag": None, "release": fine}[act]
    assert {key for key, state in found.items() if state == "failed"} == (
        {str(failed.order_id)} if failed else set()
    )
    assert states[fine.order_id] == {"hold": "on_hold", "send": "closed"}.get(act, "open")


def test_the_rows_that_failed_are_named_by_their_orders(shop: Shop, login: Login, member: Member) -> None:
    held = [shop.order(("MUG", 1, "4.50")) for _ in range(2)]
    for each in held:
        hold_order(each.order_id, "It may be fraud", by=SYSTEM)
    db.session.commit()
    client = login(member("support"))
    sent = set_aside(client, key=[str(each.order_id) for each in held])
    client.post("/orders/bulk/start", data={**sent, **FRAUD})
    results()
    page = client.get(f"/operations/jobs/{db.session.scalars(sa.select(Job.id)).one()}").text
    for each in held:
        assert f'<a href="/orders/{each.number}">Order {each.number}</a>' in page
        assert f">{each.order_id}<" not in page


def test_all_that_match_are_counted_and_their_states_told(shop: Shop, login: Login, member: Member) -> None:
    placed = [shop.order(("MUG", 1, "4.50")) for _ in range(3)]
    shop.order(("CUP", 1, "3"), contacts=())
    hold_order(placed[0].order_id, "It may be fraud", by=SYSTEM)
    db.session.commit()
    client = login(member("support"))
    word = listed(client, "?f=1.email.is.ada@example.com")
    answer = client.post("/orders/bulk", data={"all": "1", "list": word})
    assert "One act for 3 orders." in answer.text
    assert "Customer e-mail is ada@example.com" in answer.text
    asked = client.post("/orders/bulk/check", data={**set_aside(client, all="1", list=word), **FRAUD}).text
    assert "Put on hold: 3 orders" in asked and "Reason: It may be fraud." in asked
    assert re.search(r"<dt>Open</dt><dd>2 orders</dd>.*<dt>On hold</dt><dd>1 order</dd>", asked)


def test_the_job_works_on_what_was_shown(
    shop: Shop, login: Login, member: Member, head: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed = [shop.order(("MUG", 1, "4.50")) for _ in range(3)]
    other = shop.order(("CUP", 1, "3"), contacts=())
    client = login(member("support"))
    word = listed(client, "?f=1.email.is.ada@example.com&f=2.state.is.open")
    chosen = set_aside(client, all="1", list=word)
    late = shop.order(("MUG", 1, "4.50"))
    assert client.post("/orders/bulk/start", data={**chosen, **FRAUD}).status_code == 303
    started = db.session.scalars(sa.select(Job)).one()
    assert started.total == 3 and word not in str(started.args)
    monkeypatch.setattr(bulk, "BATCH", 2)
    assert results() == {str(each.order_id): "ok" for each in placed}
    assert db.session.scalars(sa.select(Job.state)).one() == "done"
    assert {head(each.order_id).state for each in placed} == {"on_hold"}
    assert head(other.order_id).state == head(late.order_id).state == "open"
    assert "selections" not in str(db.session.scalars(sa.select(StoredFile.key)).all())


def test_more_than_are_counted_are_said_to_be_more(
    shop: Shop, login: Login, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed = [shop.order(("MUG", 1, "4.50")) for _ in range(4)]
    monkeypatch.setattr(selected, "CAP", 3)
    client = login(member("support"))
    chosen = set_aside(client, all="1", list=listed(client))
    asked = client.post("/orders/bulk/check", data={**chosen, **FRAUD}).text
    assert "Put on hold: more than 3 orders" in asked and "works on those that match then" in asked
    assert client.post("/orders/bulk/start", data={**chosen, **FRAUD}).status_code == 303
    assert db.session.scalars(sa.select(Job.total)).one() is None
    assert results() == {str(each.order_id): "ok" for each in placed}
    assert db.session.scalars(sa.select(Job.total)).one() == 4


def test_a_yes_said_twice_is_one_job(shop: Shop, login: Login, member: Member) -> None:
    placed = shop.order(("MUG", 1, "4.50"))
    client = login(member("support"))
    chosen = set_aside(client, key=str(placed.order_id)) | FRAUD
    first, second = (client.post("/orders/bulk/start", data=chosen) for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"]
    assert results() == {str(placed.order_id): "ok"}
    again = client.post("/orders/bulk/start", data=chosen)
    assert again.status_code == 422 and "This was done already" in again.text
    assert len(db.session.scalars(sa.select(Job)).all()) == 1


def test_what_somebody_else_set_aside_is_not_theirs(shop: Shop, login: Login, member: Member) -> None:
    placed = shop.order(("MUG", 1, "4.50"))
    chosen = set_aside(login(member("support")), key=str(placed.order_id)) | FRAUD
    other = login(member("owner"))
    for sent in (chosen, FRAUD, FRAUD | {"chosen": "../../etc"}, FRAUD | {"chosen": "x" * 24}):
        assert other.post("/orders/bulk/check", data=sent).status_code == 422
        assert other.post("/orders/bulk/start", data=sent).status_code == 422
    assert not db.session.scalars(sa.select(Job)).all()


def test_a_list_that_holds_nothing_any_more_is_said(shop: Shop, login: Login, member: Member) -> None:
    placed = shop.order(("MUG", 1, "4.50"))
    client = login(member("support"))
    word = listed(client, "?f=1.state.is.open")
    hold_order(placed.order_id, "It may be fraud", by=SYSTEM)
    db.session.commit()
    answer = client.post("/orders/bulk", data={"all": "1", "list": word})
    assert answer.status_code == 422 and "No order matches the list any more" in answer.text


def test_a_slip_in_a_bulk_act_starts_no_job(shop: Shop, login: Login, member: Member) -> None:
    placed = shop.order(("MUG", 1, "4.50"))
    client = login(member("support"))
    chosen = set_aside(client, key=str(placed.order_id))
    for act, value in (
        ("", ""),
        ("hold", "my own words"),
        ("tag", "a,b"),
        ("tag", ""),
        ("tag", "\x00"),
        ("assign", "x"),
        ("send", "x" * 81),
    ):
        for step in ("check", "start"):
            data = {**chosen, "act": act, act or "x": value}
            assert client.post(f"/orders/bulk/{step}", data=data).status_code == 422
    assert not db.session.scalars(sa.select(Job)).all()


def test_too_many_ticked_rows_are_refused_not_cut_off(login: Login, member: Member) -> None:
    answer = login(member("support")).post("/orders/bulk", data={"key": [str(each) for each in range(1001)]})
    assert answer.status_code == 422 and "1,001 orders are selected" in answer.text
