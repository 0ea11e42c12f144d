"""The screens of channels."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.channels import services
from portal.channels.models import ChannelAccount, ChannelInboundOrder, ChannelListing
from portal.core.audit import SYSTEM
from portal.core.database import db, merchant_scope
from portal.core.jobs import run_due_jobs
from tests.channels.conftest import NewVariant
from tests.channels.woocommerce_server import Shop
from tests.support.client import HouseClient
from tests.support.people import Person, make_merchant, make_person

Login = Callable[[Person], HouseClient]
Member = Callable[..., Person]
Turn = Callable[[], bool]
Look = Callable[[], int]

PAGES = ["", "/articles", "/unmatched", "/orders", "/drift", "/log", "/settings"]
ACTIONS = ["/test", "/on", "/off", "/sync", "/push", "/replay", "/compare", "/drift", "/settings", "/keys"]


def test_every_page_shows_for_those_who_manage_channels(login: Login, member: Member, busy: int) -> None:
    browser = login(member("owner"))
    for page in PAGES:
        answer = browser.get(f"/channels/{busy}{page}")
        assert answer.status_code == 200, page
        assert "<b>bold</b>" not in answer.text, page


def test_signed_out_people_are_asked_to_sign_in(client: HouseClient, busy: int) -> None:
    for page in ("/channels", *(f"/channels/{busy}{page}" for page in PAGES)):
        assert client.get(page).status_code in (302, 303), page


def test_a_stranger_finds_nothing(app: Flask, login: Login, busy: int) -> None:
    browser = login(make_person(app, make_merchant(app), "owner"))
    for page in PAGES:
        assert browser.get(f"/channels/{busy}{page}").status_code == 404, page
    for action in ACTIONS:
        assert browser.post(f"/channels/{busy}{action}").status_code == 404, action


def test_a_reader_sees_and_changes_nothing(login: Login, member: Member, busy: int) -> None:
    browser = login(member("read-only"))
    page = browser.get(f"/channels/{busy}")
    assert page.status_code == 200
    assert "Sync now" not in page.text
    assert browser.get(f"/channels/{busy}/settings").status_code == 403
    for action in ACTIONS:
        assert browser.post(f"/channels/{busy}{action}").status_code == 403, action


def test_people_without_the_permission_are_refused(login: Login, member: Member, busy: int) -> None:
    assert login(member("warehouse")).get("/channels").status_code == 403


def test_the_list_of_shops_names_what_is_wrong(login: Login, member: Member, busy: int) -> None:
    page = login(member("owner")).get("/channels").text
    assert "Market stall" in page and "WooCommerce" in page


def test_an_empty_list_says_what_to_do(login: Login, member: Member) -> None:
    assert "No shop is connected yet" in login(member("owner")).get("/channels").text


def test_the_owner_sees_failing_syncs_on_the_home_page(login: Login, member: Member, busy: int) -> None:
    answer = login(member("owner")).get("/channels/failing", headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert "Market stall" in answer.text and "1 order is on hold" in answer.text
    assert "<html" not in answer.text


def test_an_order_says_which_shop_it_came_from(login: Login, member: Member, busy: int) -> None:
    order_id = db.session.scalars(
        sa.select(ChannelInboundOrder.order_id).where(ChannelInboundOrder.state == "held")
    ).one()
    browser = login(member("owner"))
    answer = browser.get(f"/channels/order-source?order_id={order_id}", headers={"HX-Request": "true"})
    assert "Market stall" in answer.text and "Not in the catalogue: UNKNOWN." in answer.text
    assert "Market stall" not in browser.get("/channels/order-source?order_id=1").text


def test_a_shop_is_connected_tested_looked_at_and_switched_on(
    login: Login,
    member: Member,
    app: Flask,
    shop: Shop,
    shop_url: str,
    merchant: int,
    new_variant: NewVariant,
) -> None:
    shop.add_product("A", stock=50)
    new_variant("A", stock=3)
    browser = login(member("owner"))
    values = {
        "connector": "woocommerce",
        "name": "Stall",
        "base_url": shop_url,
        "key": shop.key,
        "secret": shop.secret,
        "price_currency": "GBP",
        "safety_buffer": "1",
        "sends_stock": "y",
        "sends_prices": "y",
    }
    answer = browser.post("/channels/new", data=values)
    assert answer.status_code == 303
    place = answer.headers["Location"]
    assert browser.post(f"{place}/on").status_code == 422, "untested keys are not switched on"
    assert shop.calls == []
    assert browser.post(f"{place}/test").status_code == 303
    run_due_jobs()
    assert shop.shown("A")[0] == 50, "nothing is sent before it is switched on"
    page = browser.get(place).text
    assert "of 1 matched" in page and "cdef" in page and shop.key not in page
    assert browser.post(f"{place}/on").status_code == 303
    run_due_jobs()
    assert shop.shown("A")[0] == 2


def test_keys_are_sealed_and_shown_as_their_last_four(account: ChannelAccount, shop: Shop) -> None:
    assert account.credentials is not None
    assert shop.key.encode() not in account.credentials and shop.secret.encode() not in account.credentials
    assert account.credentials_tail == "cdef"


def test_refused_keys_say_so_and_leave_the_draft(
    login: Login, member: Member, shop: Shop, shop_url: str
) -> None:
    browser = login(member("owner"))
    answer = browser.post(
        "/channels/new",
        data={
            "connector": "woocommerce",
            "name": "Stall",
            "base_url": shop_url,
            "key": "ck_wrong_key",
            "secret": "cs_wrong_key",
            "price_currency": "GBP",
            "safety_buffer": "0",
        },
    )
    place = answer.headers["Location"]
    browser.post(f"{place}/test")
    page = browser.get(place).text
    assert "does not accept the keys" in page and "Test connection" in page


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"base_url": "http://169.254.169.254/"}, "https:// address"),
        ({"base_url": "https://user:x@shop.example.com"}, "user names"),
        ({"base_url": "nonsense"}, "https://"),
        ({"name": ""}, "name of at most"),
        ({"safety_buffer": "-1"}, "from 0 up"),
        ({"safety_buffer": "many"}, "correction"),
        ({"key": "short"}, "whole key"),
        ({"connector": "myspace"}, "correction"),
    ],
)
def test_bad_input_comes_back_with_its_reason(
    login: Login, member: Member, changes: dict[str, str], words: str
) -> None:
    values = {
        "connector": "woocommerce",
        "name": "Stall",
        "base_url": "https://shop.example.com",
        "key": "ck_12345678",
        "secret": "cs_12345678",
        "price_currency": "GBP",
        "safety_buffer": "0",
    }
    answer = login(member("owner")).post("/channels/new", data=values | changes)
    assert answer.status_code == 422
    assert words in answer.text


def test_two_shops_cannot_share_a_name(login: Login, member: Member, account: ChannelAccount) -> None:
    answer = login(member("owner")).post(
        "/channels/new",
        data={
            "connector": "woocommerce",
            "name": account.name,
            "base_url": "https://shop.example.com",
            "key": "ck_12345678",
            "secret": "cs_12345678",
            "price_currency": "GBP",
            "safety_buffer": "0",
        },
    )
    assert answer.status_code == 422 and "Another channel has this name" in answer.text


def test_settings_are_saved_and_a_stale_save_shows_both(
    login: Login, member: Member, account: ChannelAccount
) -> None:
    browser, place = login(member("owner")), f"/channels/{account.id}/settings"
    form = browser.get(place)
    sent = _fields(form.text) | {
        "name": "Market stall",
        "base_url": account.base_url,
        "price_currency": "GBP",
        "safety_buffer": "0",
        "sends_stock": "y",
        "sends_prices": "y",
    }
    assert browser.post(place, data=sent | {"safety_buffer": "4"}).status_code == 303
    other_field = browser.post(place, data=sent | {"name": "Stall two"})
    assert other_field.status_code == 303, "different fields do not clash"
    db.session.expire_all()
    assert (account.name, account.safety_buffer) == ("Stall two", 4)
    same_field = browser.post(place, data=sent | {"safety_buffer": "9"})
    assert same_field.status_code == 409
    assert "Someone saved this while you were editing" in same_field.text


def test_a_new_address_rests_the_channel_until_it_is_tested(
    login: Login, member: Member, account: ChannelAccount
) -> None:
    browser, place = login(member("owner")), f"/channels/{account.id}/settings"
    sent = _fields(browser.get(place).text) | {
        "name": account.name,
        "base_url": "https://other.example.com",
        "price_currency": "GBP",
        "safety_buffer": "0",
        "sends_stock": "y",
        "sends_prices": "y",
    }
    assert browser.post(place, data=sent).status_code == 303
    db.session.expire_all()
    assert account.state == "paused"
    assert browser.post(f"/channels/{account.id}/on").status_code == 422
    # The keys were given for the old address; at the new one whoever answers would have them.
    assert (account.credentials, account.credentials_tail) == (None, "")
    tried = browser.post(f"/channels/{account.id}/test", follow_redirects=True)
    assert "Enter the keys of the shop first" in tried.text
    assert browser.post(place, data=sent | {"version": "²"}).status_code in (303, 409)


def test_new_keys_rest_the_channel_until_they_are_tested(
    login: Login, member: Member, account: ChannelAccount, shop: Shop
) -> None:
    browser = login(member("owner"))
    shop.key = "ck_a_new_key_9999"
    answer = browser.post(f"/channels/{account.id}/keys", data={"key": shop.key, "secret": shop.secret})
    assert answer.status_code == 303
    db.session.expire_all()
    assert (account.state, account.credentials_tail) == ("paused", "9999")
    browser.post(f"/channels/{account.id}/test")
    assert browser.post(f"/channels/{account.id}/on").status_code == 303


def test_an_article_is_pushed_paused_and_resumed(login: Login, member: Member, busy: int) -> None:
    browser = login(member("owner"))
    db.session.expire_all()
    row = db.session.scalars(sa.select(ChannelListing).where(ChannelListing.remote_sku == "BAD")).one()
    place = f"/channels/{busy}/articles/{row.id}"
    page = browser.get(place)
    assert "The shop broke while answering (error 500)." in page.text
    for act in ("push", "pause"):
        assert browser.post(f"{place}/{act}").status_code == 303
    assert "This article is paused" in browser.get(place).text
    assert browser.post(f"{place}/push").status_code == 422
    assert browser.post(f"{place}/resume").status_code == 303


def test_an_article_is_matched_from_the_queue(login: Login, member: Member, busy: int) -> None:
    browser = login(member("owner"))
    page = browser.get(f"/channels/{busy}/unmatched").text
    assert "Stranger" in page and "ARTICLE-XL" in page, "the variant most alike is suggested"
    row = db.session.scalars(sa.select(ChannelListing).where(ChannelListing.remote_sku == "ARTICLE-X")).one()
    place = f"/channels/{busy}/articles/{row.id}"
    assert browser.post(f"{place}/match", data={"sku": "NOPE"}).status_code == 422
    answer = browser.post(f"{place}/match", data={"sku": "article-xl", "from": "queue"})
    assert answer.headers["Location"].endswith("/unmatched")
    db.session.expire_all()
    assert row.variant_id is not None and row.state == "waiting"
    assert browser.post(f"{place}/unmatch").status_code == 303
    assert browser.post(f"{place}/ignore").status_code == 303
    db.session.expire_all()
    assert (row.variant_id, row.state) == (None, "ignored")


def test_the_list_of_articles_filters_by_state(login: Login, member: Member, busy: int) -> None:
    page = login(member("owner")).get(f"/channels/{busy}/articles?f=1.state.is.failed").text
    assert "Article BAD" in page and "Article A " not in page


def test_a_fragment_is_only_the_list(login: Login, member: Member, busy: int) -> None:
    answer = login(member("owner")).get(f"/channels/{busy}/articles", headers={"HX-Request": "true"})
    assert answer.text.lstrip().startswith('<section id="list"')


def test_an_order_that_failed_is_shown_with_its_reason_and_tried_again(
    login: Login, member: Member, busy: int, shop: Shop
) -> None:
    browser = login(member("owner"))
    row = db.session.scalars(
        sa.select(ChannelInboundOrder).where(ChannelInboundOrder.state == "failed")
    ).one()
    place = f"/channels/{busy}/orders/{row.id}"
    assert "The order has no currency we know." in browser.get(place).text
    shop.orders[int(row.external_id)]["currency"] = "GBP"
    assert browser.post(f"{place}/retry").status_code == 303
    run_due_jobs()
    db.session.expire_all()
    assert row.state == "applied"
    assert browser.get(place).status_code == 200
    assert browser.post(f"{place}/retry").status_code == 422


def test_the_drift_is_named_and_put_right_with_one_click(
    login: Login, member: Member, busy: int, shop: Shop
) -> None:
    browser = login(member("owner"))
    page = browser.get(f"/channels/{busy}/drift").text
    assert "Article B" in page and "77" in page
    assert browser.post(f"/channels/{busy}/drift").status_code == 303
    run_due_jobs()
    assert shop.shown("B")[0] == 5


def test_an_article_of_another_account_is_not_found_under_this_one(
    login: Login, member: Member, busy: int, merchant: int
) -> None:
    other = services.connect_shop(
        "woocommerce",
        services.AccountValues("Other", "https://other.example.com", "GBP"),
        "ck_12345678",
        "cs_12345678",
        by=SYSTEM,
    ).id
    db.session.commit()
    key = db.session.scalars(sa.select(ChannelListing.id)).first()
    inbound = db.session.scalars(sa.select(ChannelInboundOrder.id)).first()
    browser = login(member("owner"))
    assert browser.get(f"/channels/{other}/articles/{key}").status_code == 404
    assert browser.get(f"/channels/{other}/orders/{inbound}").status_code == 404


def test_no_person_stands_on_any_page(login: Login, member: Member, busy: int) -> None:
    browser = login(member("owner"))
    inbound = db.session.scalars(
        sa.select(ChannelInboundOrder.id).where(ChannelInboundOrder.state == "applied")
    ).one()
    for page in (*PAGES, f"/orders/{inbound}"):
        text = browser.get(f"/channels/{busy}{page}").text
        assert "Joan" not in text and "joan." not in text


def test_a_merchants_account_cannot_be_run_by_another(app: Flask, busy: int) -> None:
    from portal.core.errors import NotFoundError

    db.session.rollback()
    with app.app_context(), merchant_scope(make_merchant(app)), pytest.raises(NotFoundError):
        services.account_of(busy)


def _fields(page: str) -> dict[str, str]:
    """The hidden fields of the settings form."""
    import html
    import re

    found = {}
    for name in ("version", "base"):
        match = re.search(rf'name="{name}"[^>]*value="([^"]*)"', page)
        assert match is not None, name
        found[name] = html.unescape(match[1])
    return found
