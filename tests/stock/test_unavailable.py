"""Units in quarantine, damaged and written off; and who must say why."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.accounts.roles import role_by_key
from portal.core.audit import AuditEntry
from portal.core.database import db, merchant_scope
from portal.core.errors import DomainError
from portal.stock.models import StockReason
from portal.stock.queries import Figures
from portal.stock.services import adjust_stock, set_aside, write_off
from portal.stock.settings import roles_that_give_reasons, save_stock_setting
from tests.stock.conftest import Shelf
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person

Member = Callable[..., Person]
Login = Callable[[Person], HouseClient]
Units = Callable[..., Figures]


def sent(act: str, units: str = "2", **values: Any) -> dict[str, Any]:
    return {"act": act, "units": units, "token": str(uuid.uuid4()), **values}


def path(shelf: Shelf) -> str:
    return f"/stock/levels/{shelf.variant_id}/{shelf.main}/unavailable"


def require_reasons(app: Flask, merchant: int, *roles: str) -> None:
    with app.app_context(), merchant_scope(merchant):
        save_stock_setting([role_by_key(role).id for role in roles], base=(), by=SYSTEM)
        db.session.commit()


def test_units_go_into_quarantine_and_come_back_or_off_the_books(
    app: Flask, merchant: int, login: Login, member: Member, shelf: Shelf, units: Units
) -> None:
    client = login(member("warehouse"))
    steps = [
        ("quarantine", "3", (10, 3, 0, 4)),
        ("damage", "2", (10, 5, 2, 2)),
        ("release", "1", (10, 4, 2, 3)),
        ("write-off-damaged", "1", (9, 3, 1, 3)),
        ("release-damaged", "1", (9, 2, 0, 4)),
        ("write-off-quarantine", "2", (7, 0, 0, 4)),
        ("write-off", "4", (3, 0, 0, 0)),
    ]
    for act, count, expected in steps:
        answer = client.post(path(shelf), data=sent(act, count, reason_id=str(shelf.reason_id)))
        assert answer.status_code == 303, act
        found = units()
        assert (found.on_hand, found.unavailable, found.damaged, found.available) == expected, act
    page = client.get(f"/stock/levels/{shelf.variant_id}/{shelf.main}").text
    assert "Set aside" in page and "Written off" in page and "damaged" in page
    with app.app_context(), merchant_scope(merchant):
        actions = set(db.session.scalars(sa.select(AuditEntry.action)))
    assert {"stock.set_aside", "stock.put_back", "stock.written_off"} <= actions


@pytest.mark.parametrize(
    ("act", "words"),
    [
        ("quarantine", "Only 7 units are available here"),
        ("release", "Only 0 units are in quarantine here"),
        ("write-off-damaged", "Only 0 units are damaged here"),
        ("write-off", "Only 7 units are available here"),
    ],
)
def test_more_than_there_is_is_refused_with_the_number(
    login: Login, member: Member, shelf: Shelf, units: Units, act: str, words: str
) -> None:
    answer = login(member("warehouse")).post(path(shelf), data=sent(act, "8", note="Kept"))
    assert answer.status_code == 409
    assert words in answer.text and 'value="Kept"' in answer.text
    assert units().available == 7


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"units": ""}, "Enter how many units"),
        ({"units": "0"}, "Enter how many units"),
        ({"units": "-2"}, "between"),
        ({"act": "burn"}, "Choose what happens"),
        ({"reason_id": "999999"}, "not in use"),
        ({"token": "x"}, "arrived damaged"),
    ],
)
def test_bad_input_comes_back_with_its_error(
    login: Login, member: Member, shelf: Shelf, units: Units, values: dict[str, str], words: str
) -> None:
    answer = login(member("warehouse")).post(path(shelf), data=sent("quarantine") | values)
    assert answer.status_code == 422 and words in answer.text
    assert units().unavailable == 0


def test_the_same_form_counts_once_and_another_act_with_its_token_is_refused(
    login: Login, member: Member, shelf: Shelf, units: Units
) -> None:
    client, form = login(member("warehouse")), sent("quarantine")
    assert [client.post(path(shelf), data=form).status_code for _ in range(3)] == [303] * 3
    assert units().unavailable == 2
    assert client.post(path(shelf), data=form | {"act": "damage"}).status_code == 422
    assert units().damaged == 0


def test_looking_is_not_setting_aside(login: Login, member: Member, shelf: Shelf) -> None:
    reader = login(member("support"))
    assert reader.post(path(shelf), data=sent("quarantine")).status_code == 403
    assert "Set aside and write off" not in reader.get(f"/stock/levels/{shelf.variant_id}/{shelf.main}").text


def test_slots_of_a_hot_variant_give_units_together(
    app: Flask, merchant: int, shelf: Shelf, units: Units
) -> None:
    from portal.stock.services import Move, apply_moves

    with app.app_context(), merchant_scope(merchant):
        apply_moves([Move(shelf.variant_id, shelf.main, "received", on_hand=4, slot=1)], by=SYSTEM)
        set_aside(shelf.variant_id, shelf.main, 9, "damaged", by=SYSTEM)
        write_off(shelf.variant_id, shelf.main, 8, "damaged", by=SYSTEM)
        db.session.commit()
    found = units()
    assert (found.on_hand, found.unavailable, found.damaged, found.available) == (6, 1, 1, 2)


def test_a_role_that_must_give_a_reason_is_asked_for_it(
    app: Flask, merchant: int, login: Login, member: Member, shelf: Shelf, units: Units
) -> None:
    require_reasons(app, merchant, "warehouse")
    keeper, owner = login(member("warehouse")), login(member("owner"))
    page = f"/stock/levels/{shelf.variant_id}/{shelf.main}"
    assert "Choose a reason" in keeper.get(page).text and "No reason" in owner.get(page).text
    answer = keeper.post(path(shelf), data=sent("quarantine"))
    assert answer.status_code == 422 and "Your role must say why" in answer.text
    adjusted = {"delta": "1", "token": str(uuid.uuid4())}
    assert keeper.post(f"{page}/adjustments", data=adjusted).status_code == 422
    assert units().on_hand == 10
    given = {"reason_id": str(shelf.reason_id)}
    assert keeper.post(path(shelf), data=sent("quarantine", **given)).status_code == 303
    assert keeper.post(f"{page}/adjustments", data=adjusted | given).status_code == 303
    assert owner.post(path(shelf), data=sent("release")).status_code == 303
    with app.app_context(), merchant_scope(merchant):
        # A job has a cause of its own and no role.
        adjust_stock(shelf.variant_id, shelf.main, 1, by=SYSTEM)


def test_the_rule_is_the_merchants_and_keeps_the_ticks_of_two_who_save_at_once(
    app: Flask, merchant: int, login: Login, member: Member, shelf: Shelf
) -> None:
    owner, keeper = login(member("owner")), login(member("warehouse"))
    assert keeper.get("/stock/settings").status_code == 403
    page = owner.get("/stock/settings").text
    assert "Warehouse" in page and "Support" not in page
    with app.app_context(), merchant_scope(merchant):
        role, boss = role_by_key("warehouse").id, role_by_key("owner").id
    assert owner.post("/stock/settings", data={"roles": [str(role)]}).status_code == 303
    # A page that was opened before sends its own tick; the one that came meanwhile stays.
    assert owner.post("/stock/settings", data={"roles": [str(boss)]}).status_code == 303
    page = owner.get("/stock/settings").text
    assert f'value="{role}" checked' in page and f'value="{boss}" checked' in page
    for strange in ("99999999", "9" * 30):
        assert owner.post("/stock/settings", data={"roles": [strange]}).status_code == 422
    assert (
        owner.post("/stock/settings", data={"base": [str(role), str(boss)], "roles": [str(boss)]}).status_code
        == 303
    )
    with app.app_context(), merchant_scope(merchant):
        assert roles_that_give_reasons() == {boss}


def test_a_rule_without_reasons_to_choose_from_is_refused(app: Flask, merchant: int, shelf: Shelf) -> None:
    with app.app_context(), merchant_scope(merchant):
        db.session.execute(sa.update(StockReason).values(is_active=False))
        with pytest.raises(DomainError, match="Add a reason first"):
            save_stock_setting([role_by_key("warehouse").id], base=(), by=SYSTEM)
