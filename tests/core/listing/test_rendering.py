"""The region as it is sent: valid, escaped, masked, without JavaScript usable, and with few statements."""

from __future__ import annotations

import re

import pytest
from flask import g, render_template, url_for
from werkzeug.routing import BuildError

from portal.core.listing import Page, Viewer, link_to
from tests.support.client import check_page
from tests.support.statements import count_statements

EVERYTHING = frozenset({"orders.view", "orders.edit", "lists.export", "customers.reveal"})


@pytest.fixture
def render(app, parcels, scope):
    def html(query="", permissions=EVERYTHING):
        with app.test_request_context(f"/parcels?{query}") as context:
            g.permissions = permissions
            page = Page.read(
                parcels, context.request.args, path="/parcels", viewer=Viewer(None, None, permissions)
            )
            return render_template("components/_list_region.html", page=page)

    return html


@pytest.mark.parametrize(
    "query",
    [
        "",
        "f=1.state.is.lost&f=2.price.min.1",
        "sort=-price&cols=price,tags",
        "f=1.x.y.z",
        "f=1.price.min.9999",
    ],
)
def test_the_region_keeps_the_rules_of_the_house(fill, render, query):
    fill(7)
    html = render(query)
    check_page(html)
    assert html.count('id="list"') == 1
    assert not re.search(r"\son\w+=|style=|javascript:|hx-on", html)


def test_the_first_column_is_the_link_and_carries_the_list(fill, render):
    fill(1)
    assert re.search(r'<a class="cell-link" href="/parcels/P0001\?list=all">P0001</a>', render())
    assert re.search(r'href="/parcels/P0001\?list=[\w-]{10,}"', render("f=1.price.is.1"))


def test_text_is_escaped_and_names_are_masked(fill, render):
    fill(1, code="<script>", person="Anna <b>Smith")
    html = render()
    assert "<script>" not in html and "&lt;script&gt;" in html
    assert "Smith" not in html and "A•••" in html


def test_a_long_and_an_arabic_text_stand_in_the_page(fill, render):
    fill(1, code="x" * 200)
    fill(1, code="مرحبا بالعالم")
    html = render()
    assert "x" * 200 in html and "مرحبا بالعالم" in html


def test_sorting_says_its_direction_and_offers_the_other(fill, render):
    fill(2)
    html = render("sort=-price")
    assert re.search(r'aria-sort="descending">\s*<a class="sort" href="/parcels\?sort=price"', html)


def test_an_empty_list_says_what_it_is_and_a_filtered_one_offers_to_clear(fill, render):
    assert "Parcels stand here." in render()
    html = render("f=1.state.is.lost")
    assert "No parcels match" in html and 'href="/parcels"' in html


def test_the_forms_send_the_whole_state_without_javascript(fill, render):
    fill(7)
    html = render("f=1.state.is.lost&sort=-price&cols=price")
    form = re.search(r'<form class="list-quick".*?</form>', html, re.S)
    assert form
    for name, value in (("f", "1.state.is.lost"), ("sort", "-price"), ("cols", "code,price")):
        assert f'<input type="hidden" name="{name}" value="{value}">' in form[0]


def test_rights_decide_what_is_offered(fill, render):
    fill(1)
    everything, nothing = render(), render(permissions=frozenset({"orders.view"}))
    assert "data-bulk-bar" in everything and "data-bulk-bar" not in nothing
    assert "/lists/parcels/export" in everything and "/lists/parcels/export" not in nothing
    assert "Show personal data in full" in everything
    assert "Show personal data in full" not in render(permissions=EVERYTHING - {"customers.reveal"})


def test_the_bulk_bar_says_how_many_match_and_sends_the_state(fill, render):
    fill(7)
    html = render()
    assert "All 7 parcels that match" in html
    assert '<input type="hidden" name="list" value="all">' in html


def test_the_number_of_statements_does_not_grow_with_the_rows(app, fill, render):
    counts = []
    for more in (3, 60):
        fill(more)
        counts.append(count_statements(app, lambda: render("cols=tags,price")))
    assert counts[0] <= counts[1] <= counts[0] + 1 <= 6


def test_a_link_is_built_once_and_odd_values_are_quoted(app, scope):
    with app.test_request_context("/"):
        address = link_to("orders.order", "number", "number")
        for number in ("1001", "A-7", "a/b", "100%", "größe", "?x=1#y", "stand-in-7000007"):
            try:
                expected = url_for("orders.order", number=number)
            except BuildError:
                continue
            assert address({"number": number}) == expected
