"""The screens of changes."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from decimal import Decimal

import pytest
from flask import Flask

from portal.core.database import db
from portal.orders.changes import queries, services
from portal.orders.changes.proposal import Proposal, RefundWish
from portal.orders.placement import PlacedOrder
from tests.orders.changes.books import Sent, money_of
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person, make_merchant, make_person
from tests.support.shop import Shop, levels

D = Decimal
Login = Callable[[Person], HouseClient]
Member = Callable[..., Person]
GIVE = {"give_back": "1", "destination": "payment", "reason_code": "other"}


@pytest.fixture
def support(login: Login, member: Member) -> HouseClient:
    return login(member("support"))


def begin(client: HouseClient, placed: PlacedOrder, kind: str, **fields: str) -> str:
    """Fill the form of a change in; gives the address of its preview."""
    answer = client.post(
        f"/orders/{placed.number}/changes", data={"kind": kind, "reason_code": "other", **fields}
    )
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return answer.headers["Location"]


def version_in(page: str) -> str:
    found = re.search(r'name="version" value="(\d+)"', page)
    assert found
    return found[1]


def confirm(client: HouseClient, url: str, act: str = "confirmation") -> int:
    version = version_in(client.get(url).get_data(as_text=True))
    return client.post(f"{url}/{act}", data={"version": version}).status_code


@pytest.mark.parametrize(
    "path", ["edit", "cancellation/new", "refund/new", "claim/new", "goodwill/new", "changes"]
)
def test_every_form_opens(shop: Shop, sent: Sent, support: HouseClient, path: str) -> None:
    placed = sent(("MUG", 2, "4.50"), paid="9")
    assert support.get(f"/orders/{placed.number}/{path}").status_code == 200


def test_where_nothing_can_come_back_there_is_no_form(shop: Shop, sent: Sent, support: HouseClient) -> None:
    unsent, placed = shop.order(("MUG", 1, "4.50"), paid="4.50"), sent(("MUG", 2, "4.50"), paid="9")
    assert "Nothing has left yet" in support.get(f"/orders/{unsent.number}/returns/new").text
    form = {"kind": "return", "reason_code": "other", "line-1": "2"}
    version = version_in(support.get(f"/orders/{placed.number}/returns/new").text)
    assert (
        support.post(f"/orders/{placed.number}/returns", data=form | {"version": version}).status_code == 303
    )
    page = support.get(f"/orders/{placed.number}/returns/new").text
    assert "Nothing is left to come back" in page and "Record the request" not in page
    # A tab that was open meanwhile is told, too.
    refused = support.post(f"/orders/{placed.number}/returns", data=form | {"version": version})
    assert refused.status_code in (409, 422) and "Nothing was recorded." in refused.text


def test_the_preview_says_every_figure_and_confirming_does_it(
    scope: int, shop: Shop, support: HouseClient
) -> None:
    placed = shop.order(("MUG", 3, "4.50"), paid="13.50")
    url = begin(support, placed, "cancel", **{"line-1": "2", "restock": "1", **GIVE})
    page = support.get(url).get_data(as_text=True)
    assert "2 units cancelled, back on sale" in page
    assert "£13.50" in page and "£4.50" in page and "£9.00 goes back" in page
    assert money_of(scope, placed.order_id)["due"] == D("13.50"), "a preview changes nothing"
    assert confirm(support, url) == 303
    assert money_of(scope, placed.order_id) == {
        "due": D("4.50"), "captured": D("13.50"), "refunded": D(9), "credit": D(0)
    }  # fmt: skip
    assert levels([shop.variants["MUG"]]) == {shop.variants["MUG"]: (10, 1)}


def test_a_double_click_gives_back_once_and_both_are_told(
    scope: int, shop: Shop, support: HouseClient
) -> None:
    placed = shop.order(("MUG", 2, "4.50"), paid="9")
    url = begin(support, placed, "refund", refund_amount="4", **GIVE)
    version = version_in(support.get(url).get_data(as_text=True))
    answers = [support.post(f"{url}/confirmation", data={"version": version}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert "nothing was done twice" in support.get(f"/orders/{placed.number}").get_data(as_text=True)
    assert money_of(scope, placed.order_id)["refunded"] == D(4)


def test_a_stale_tab_is_told_and_shown_the_new_figures(
    scope: int, shop: Shop, login: Login, member: Member
) -> None:
    placed = shop.order(("MUG", 2, "4.50"), paid="9")
    ada, grace = login(member("support")), login(member("support"))
    hers, his = (begin(each, placed, "refund", refund_amount="6", **GIVE) for each in (ada, grace))
    version = version_in(grace.get(his).get_data(as_text=True))
    assert confirm(ada, hers) == 303
    late = grace.post(f"{his}/confirmation", data={"version": version})
    assert late.status_code == 409
    assert "The order changed after this preview" in late.get_data(as_text=True)
    assert money_of(scope, placed.order_id)["refunded"] == D(6)


def test_the_sketch_counts_while_one_types(shop: Shop, support: HouseClient) -> None:
    placed = shop.order(("MUG", 2, "4.50"), paid="9")
    page = support.fragment(
        f"/orders/{placed.number}/changes/sketch", method="POST", data={"kind": "edit", "line-1": "5"}
    ).get_data(as_text=True)
    assert "£22.50" in page and "Still to pay" in page


def test_an_edit_by_sku_takes_the_price_that_is_named(scope: int, shop: Shop, support: HouseClient) -> None:
    placed = shop.order(("MUG", 1, "4.50"), paid="4.50")
    url = begin(
        support, placed, "edit", **{"line-1": "1", "sku-1": "plate", "units-1": "2", "new-price-1": "3"}
    )
    assert confirm(support, url) == 303
    assert money_of(scope, placed.order_id)["due"] == D("10.50")


@pytest.mark.parametrize(
    ("kind", "fields", "words"),
    [
        ("edit", {"line-1": "x"}, "whole units"),
        ("edit", {"price-1": "abc"}, "Enter an amount"),
        ("edit", {"sku-1": "NO-SUCH"}, "No variant has the SKU"),
        ("edit", {"sku-1": "PLA"}, "These begin so: PLATE (Plate)."),
        ("edit", {}, "change nothing"),
        ("cancel", {"line-1": "9"}, "only 2 are left"),
        ("refund", {"refund_amount": "99", **GIVE}, "At most £9.00"),
        ("goodwill", {}, "how much to take off"),
        ("goodwill", {"off": "1e999999"}, "Enter an amount"),
        ("goodwill", {"off": "1", "reason_code": "nonsense"}, "Choose a reason"),
    ],
)
def test_what_makes_no_sense_is_refused_and_kept(
    shop: Shop, support: HouseClient, kind: str, fields: dict[str, str], words: str
) -> None:
    placed = shop.order(("MUG", 2, "4.50"), paid="9")
    answer = support.post(
        f"/orders/{placed.number}/changes",
        data={"kind": kind, "reason_code": "other", "note": "typed before"} | fields,
    )
    assert answer.status_code in {409, 422}
    assert words in answer.get_data(as_text=True)
    assert "typed before" in answer.get_data(as_text=True)


def test_who_may_not_refund_sees_no_way_to(scope: int, shop: Shop, login: Login, member: Member) -> None:
    placed = shop.order(("MUG", 2, "4.50"), paid="9")
    packer = login(member("warehouse"))
    assert packer.get(f"/orders/{placed.number}/refund/new").status_code == 403
    assert (
        packer.post(f"/orders/{placed.number}/changes", data={"kind": "goodwill", "off": "1"}).status_code
        == 403
    )
    cancel = {"kind": "cancel", "line-1": "1", "reason_code": "asked", "give_back": "1"}
    assert packer.post(f"/orders/{placed.number}/changes", data=cancel).status_code == 403
    n = services.begin(
        placed.order_id, Proposal("refund", refund=RefundWish(D(3))), reason_code="late", by=SYSTEM
    )
    db.session.commit()
    url = f"/orders/{placed.number}/changes/{n}/confirmation"
    assert packer.post(url, data={"version": "1"}).status_code == 403
    assert money_of(scope, placed.order_id)["refunded"] == 0


def test_a_second_person_agrees(scope: int, shop: Shop, login: Login, member: Member) -> None:
    owner = login(member("owner"))
    saved = owner.post(
        "/settings/refunds",
        data={"version": "0", "second_approver_above": "5", "withdrawal_days": "14", "refund_days": "14"},
    )
    assert saved.status_code == 303
    placed = shop.order(("MUG", 2, "4.50"), paid="9")
    support = login(member("support"))
    url = begin(support, placed, "refund", refund_amount="6", **GIVE)
    assert confirm(support, url) == 303
    assert money_of(scope, placed.order_id)["refunded"] == 0
    assert placed.number in owner.get("/refunds/waiting").get_data(as_text=True)
    version = version_in(owner.get(url).get_data(as_text=True))
    assert support.post(f"{url}/approval", data={"version": version}).status_code == 403
    assert confirm(owner, url, "approval") == 303
    assert money_of(scope, placed.order_id)["refunded"] == D(6)


def test_nobody_pushes_a_forgotten_draft_and_agrees_to_it_alone(
    scope: int, shop: Shop, login: Login, member: Member
) -> None:
    first, second = login(member("owner")), login(member("owner"))
    rules = {"version": "0", "second_approver_above": "5", "withdrawal_days": "14", "refund_days": "14"}
    first.post("/settings/refunds", data=rules)
    placed = shop.order(("MUG", 2, "4.50"), paid="9")
    url = begin(first, placed, "refund", refund_amount="6", **GIVE)
    assert "Ask a second person" in second.get(url).text
    assert confirm(second, url) == 303
    version = version_in(first.get(url).text)
    assert second.post(f"{url}/approval", data={"version": version}).status_code == 403
    assert money_of(scope, placed.order_id)["refunded"] == 0
    assert confirm(first, url, "approval") == 303
    assert money_of(scope, placed.order_id)["refunded"] == D(6)
    told = first.get(f"/orders/{placed.number}").text
    assert "A refund was agreed to" in told


def test_a_confirmed_change_shows_what_it_did(shop: Shop, support: HouseClient) -> None:
    placed = shop.order(("MUG", 3, "4.50"), paid="18.40", shipping="4.90")
    url = begin(support, placed, "cancel", **{"line-1": "2", "restock": "1"}, **GIVE)
    assert confirm(support, url) == 303
    page = support.get(url).text
    assert "2 units cancelled, back on sale" in page
    assert "£9.40" in page, "what the order costs after it"
    assert "−£9.00" in page


def test_changes_go_on_to_the_first(
    shop: Shop, support: HouseClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "PAGE", 2)
    placed = shop.order(("MUG", 6, "4.50"))
    made: list[str] = []
    for _ in range(5):
        made.append(begin(support, placed, "cancel", **{"line-1": "1"}))
        assert confirm(support, made[-1]) == 303
    seen: list[str] = []
    url: str | None = f"/orders/{placed.number}/changes"
    page, bare = support.fragment(url).text, ""
    assert 'id="changes"' in page
    while url is not None:
        seen += re.findall(rf'href="(/orders/{placed.number}/changes/\d+)"', page)
        following = re.search(r'rel="next" href="([^"]+)"', page)
        url = html.unescape(following[1]) if following else None
        if url is not None:
            page, bare = support.fragment(url).text, support.get(url).text
            assert 'id="changes"' not in page, "the page before comes without the head of the panel"
    assert seen == made[::-1]
    assert "<h1" in bare and made[0] in bare
    assert (
        "Nothing was changed before that"
        in support.fragment(f"/orders/{placed.number}/changes?before=1").text
    )
    for odd in ("0", "-1", "x", "9" * 30, "\u0661"):
        assert support.get(f"/orders/{placed.number}/changes?before={odd}").status_code == 200


def test_a_refused_refund_leaves_the_order_as_it_was(
    scope: int, shop: Shop, login: Login, member: Member
) -> None:
    owner, support = login(member("owner")), login(member("support"))
    owner.post(
        "/settings/refunds",
        data={"version": "0", "second_approver_above": "0", "withdrawal_days": "14", "refund_days": "14"},
    )
    placed = shop.order(("MUG", 2, "4.50"), paid="9")
    url = begin(support, placed, "goodwill", off="2", **GIVE)
    confirm(support, url)
    assert owner.post(f"{url}/refusal").status_code == 303
    assert money_of(scope, placed.order_id) == {
        "due": D(9),
        "captured": D(9),
        "refunded": D(0),
        "credit": D(0),
    }
    assert owner.post(f"{url}/approval", data={"version": "1"}).status_code == 409


def test_a_limit_of_a_role_sends_the_refund_to_somebody_else(
    scope: int, shop: Shop, login: Login, member: Member
) -> None:
    owner, support = login(member("owner")), login(member("support"))
    page = owner.get("/settings/refunds").get_data(as_text=True)
    role = re.search(r'limits/(\d+)" aria-label="Limits of Support"', page)
    assert role
    owner.post(f"/settings/refunds/limits/{role[1]}", data={"at_once": "4", "per_day": "5"})
    placed = shop.order(("MUG", 4, "4.50"), paid="18")
    for amount, given in (("4.01", "0"), ("4", "4"), ("2", "4"), ("1", "5")):
        confirm(support, begin(support, placed, "refund", refund_amount=amount, **GIVE))
        assert money_of(scope, placed.order_id)["refunded"] == D(given), amount


def test_strangers_find_nothing(app: Flask, shop: Shop, support: HouseClient, login: Login) -> None:
    placed = shop.order(("MUG", 2, "4.50"), paid="9")
    url = begin(support, placed, "goodwill", off="2")
    stranger = login(make_person(app, make_merchant(app), "owner"))
    assert stranger.get(url).status_code == 404
    assert stranger.post(f"{url}/confirmation", data={"version": "1"}).status_code == 404


def test_settings_refuse_nonsense(login: Login, member: Member) -> None:
    owner = login(member("owner"))
    for fields in (
        {"second_approver_above": "-1"},
        {"withdrawal_days": "999"},
        {"standard_delivery": "1.005"},
    ):
        data = {"version": "0", "withdrawal_days": "14", "refund_days": "14"} | fields
        assert owner.post("/settings/refunds", data=data).status_code == 422
