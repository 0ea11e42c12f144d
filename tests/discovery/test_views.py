"""The look-up and the list actions as pages: for whom, with what, and without JavaScript."""

from __future__ import annotations

import pytest

from portal.core.database import db
from portal.core.jobs import Job
from portal.core.views_model import SavedView
from portal.customers.listings import CUSTOMERS
from tests.discovery.conftest import make_customer


@pytest.fixture
def owner(login, member):
    return login(member("owner"))


def views_of(scope):
    return db.session.query(SavedView).filter_by(merchant_id=scope).all()


def test_one_exact_hit_goes_straight_there(owner, shop):
    customer = make_customer()
    answer = owner.get("/lookup?q=anna.mueller@example.com")
    assert answer.status_code == 303 and answer.location == f"/customers/{customer}"


def test_several_hits_are_a_page(owner, shop):
    make_customer(), make_customer("Anna Müller", "second@example.com", None)
    answer = owner.get("/lookup?q=Anna Müller")
    assert answer.status_code == 200 and answer.text.count('href="/customers/') >= 2
    assert "second@" not in answer.text


def test_the_drop_down_is_the_results_alone(owner, shop):
    make_customer()
    answer = owner.fragment("/lookup?q=anna.mueller@example.com")
    assert answer.text.lstrip().startswith('<div class="lookup-results"')
    assert "<html" not in answer.text and "HX-Request" in answer.vary


def test_nothing_found_says_so_and_an_empty_box_asks(owner, shop):
    assert "Nothing has" in owner.get("/lookup?q=zzzz-nothing").text
    assert owner.get("/lookup").status_code == 200
    assert owner.get("/lookup?q=%00%ED%A0%80").status_code == 200


def test_who_is_signed_out_or_may_see_nothing_finds_nothing(client, app, login, member, shop):
    assert client.get("/lookup?q=a").status_code in (302, 303)
    assert client.fragment("/lookup?q=a").status_code == 401
    compliance = login(member("compliance"))
    assert compliance.get("/lookup?q=a").status_code in (200, 403)


def test_a_view_is_saved_opened_and_removed(owner, shop, app):
    assert owner.get("/lists/customers/views/new?list=all&path=/customers").status_code == 200
    encoded = "Zj0xLmNvdW50cnkuaXMuR0I"  # f=1.country.is.GB
    answer = owner.post(
        "/lists/customers/views", data={"list": encoded, "path": "/customers", "name": "British"}
    )
    assert answer.status_code == 303
    saved = views_of(shop)[0]
    assert answer.location == f"/customers?view={saved.id}"
    page = owner.get(answer.location).text
    assert "British" in page and "Country is" in page
    assert (
        owner.get(f"/lists/customers/views/new?list=all&path=/customers&view={saved.id}").status_code == 200
    )
    assert (
        owner.post(f"/lists/customers/views/{saved.id}/remove", data={"path": "/customers"}).status_code
        == 303
    )
    db.session.expire_all()
    assert views_of(shop) == []


def test_a_view_without_a_name_comes_back_with_its_error(owner, shop):
    answer = owner.post("/lists/customers/views", data={"list": "all", "path": "/customers", "name": " "})
    assert answer.status_code == 422 and "Give the view a name" in answer.text


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example"])
def test_no_other_site_is_led_to(owner, shop, target):
    answer = owner.post("/lists/customers/views", data={"list": "all", "path": target, "name": "x"})
    assert answer.location.startswith("/?view=")


def test_an_export_is_a_job(owner, shop):
    answer = owner.post("/lists/customers/export", data={"list": "all"})
    job = db.session.query(Job).filter_by(merchant_id=shop, kind="lists.export").one()
    assert answer.status_code == 303 and str(job.id) in answer.location


def test_exports_and_views_need_the_right_to_see_the_list(login, member, shop):
    warehouse = login(member("warehouse"))
    if "customers.view" not in warehouse.get("/lookup").text:
        assert warehouse.post("/lists/customers/export", data={"list": "all"}).status_code == 403
    assert warehouse.get("/lists/nonsense/views/new").status_code == 404


def test_a_list_page_answers_page_and_fragment(owner, shop):
    make_customer()
    page = owner.get("/customers")
    assert page.status_code == 200 and CUSTOMERS.title in page.text
    fragment = owner.fragment("/customers?sort=since&add=country&value=GB")
    assert fragment.text.lstrip().startswith('<section id="list"')
    assert fragment.headers["HX-Push-Url"] == "/customers?f=1.country.is.GB&sort=since"
    assert owner.get("/customers?add=country&value=GB").location == "/customers?f=1.country.is.GB"
    assert owner.get("/customers?f=1.country.is.gibberish&sort=bogus&after=bogus&view=999").status_code == 200


@pytest.mark.parametrize("field", [each.key for each in CUSTOMERS.filters])
def test_the_form_of_a_filter_comes_alone_and_as_a_page(owner, shop, field):
    path = f"/lists/customers/filter?list=Zj0xLmNvdW50cnkuaXMuR0I&path=/customers&field={field}"
    page, fragment = owner.get(path), owner.fragment(path)
    assert page.status_code == fragment.status_code == 200
    assert '<input type="hidden" name="f" value="1.country.is.GB">' in fragment.text
    assert f'name="add" value="{field}"' in page.text and 'action="/customers"' in page.text


def test_there_is_no_form_of_a_filter_that_is_none(owner, shop):
    assert owner.get("/lists/customers/filter?field=colour").status_code == 404
