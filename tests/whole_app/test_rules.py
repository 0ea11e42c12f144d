"""Every rule holds, and every rule has been seen to fail."""

from __future__ import annotations

from urllib.parse import urlsplit

import jinja2
import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from docs.screenshots import SHOTS
from portal.accounts.access import UndeclaredAccessError, public_route, requires, requires_scope
from portal.core.navigation import NavEntry
from portal.core.navigation import _entries as nav_entries
from portal.core.once import sent_once
from portal.core.personal_data import not_pii
from portal.core.tenancy import Platform
from portal.paths import ROOT, TEMPLATES
from tests.whole_app import rules

# A public address is a decision: adding one means adding it here, with its reason beside the view.
PUBLIC = {
    "accounts.accept_invitation",
    "accounts.forgotten_password",
    "accounts.reset_password",
    "accounts.sign_in",
    "accounts.sign_out",
    "api.openapi",
    "operations.demo_mailbox",
    "payments.open_checkout",
    "payments.pay_page",
}
OPEN_TO_MACHINES = {"health.healthz", "health.readyz", "payments.take_notice"}
# Views that are named as if they made something, and what a second sending of their form does.
COUNTS_ONCE = {
    "channels.retry_order": "the turn of the shop that waits or runs is the one",
    "orders.add_tag": "an order has a tag or has it not",
    "payments.make_default": "it is the default already",
    "payments.take_notice": "the number of the notice is the key",
    "privacy.make_copy": "a copy that is being made is refused",
    "privacy.make_preview": "the preview is made anew",
    "privacy.settle_recipient": "it is noted already",
    "promises.spread_variant": "the slots are evened out again",
    "stock.request_verification": "the run that waits is the one",
    "tax.record_exchange_rate": "the rate of the day is replaced by the same",
}


def view() -> str:
    return "ok"


def test_every_route_says_whom_it_is_for(app: Flask) -> None:
    assert rules.undeclared_routes(app) == []


def test_a_route_that_says_nothing_is_found_and_lets_nobody_in(planted: Flask) -> None:
    planted.add_url_rule("/planted", "planted", view)
    assert rules.undeclared_routes(planted) == ["/planted (planted)"]
    with pytest.raises(UndeclaredAccessError, match="planted declares neither"):
        planted.test_client().get("/planted")


def test_a_route_that_says_nothing_is_refused_in_production(planted: Flask) -> None:
    import dataclasses

    planted.add_url_rule("/planted", "planted", view)
    planted.config["SETTINGS"] = dataclasses.replace(planted.config["SETTINGS"], environment="production")
    assert planted.test_client().get("/planted").status_code == 403


def test_only_the_known_routes_are_public(app: Flask) -> None:
    assert set(rules.unsafe_reads_by_everybody(app)) - OPEN_TO_MACHINES == PUBLIC


def test_a_new_public_route_is_found(planted: Flask) -> None:
    planted.add_url_rule("/planted", "planted", public_route("a test")(lambda: "ok"))
    assert "planted" in rules.unsafe_reads_by_everybody(planted)


def test_programs_come_in_by_scopes_and_only_below_their_prefix(app: Flask) -> None:
    assert rules.misplaced_scopes(app) == []


def test_a_misplaced_scope_is_found(planted: Flask) -> None:
    planted.add_url_rule("/planted", "planted", requires_scope("orders.read")(lambda: "ok"))
    planted.add_url_rule("/api/v1/planted", "planted_too", requires("orders.view")(lambda: "ok"))
    assert rules.misplaced_scopes(planted) == ["/planted", "/api/v1/planted"]


def test_a_scope_that_is_in_no_table_is_refused() -> None:
    with pytest.raises(ValueError, match=r"orders\.steal"):
        requires_scope("orders.steal")


def test_a_form_that_makes_something_makes_one(app: Flask) -> None:
    assert rules.making_two(app) == sorted(COUNTS_ONCE)


def test_a_form_that_makes_two_is_found(planted: Flask) -> None:
    def create_planted() -> str:
        return "made"

    def save_planted() -> str:
        return "saved"

    before = rules.making_two(planted)
    for number, each in enumerate((create_planted, save_planted, sent_once(create_planted))):
        planted.add_url_rule(
            f"/planted-{number}", f"planted_{number}", requires("orders.edit")(each), methods=["POST"]
        )
    assert [endpoint for endpoint in rules.making_two(planted) if endpoint not in before] == ["planted_0"]


def test_the_pictures_of_the_guides_are_of_pages_that_there_are(app: Flask) -> None:
    routes = app.url_map.bind("localhost")
    guides = "".join(
        page.read_text(encoding="utf-8") for page in [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]
    )
    for name, _, place, *_ in SHOTS:
        assert not place.startswith("/") or routes.test(urlsplit(place).path, "GET"), place
        assert f"images/{name}.png" in guides, f"{name}.png stands in no guide"


def test_a_permission_that_is_in_no_table_is_refused() -> None:
    with pytest.raises(ValueError, match=r"orders\.steal"):
        requires("orders.steal")
    with pytest.raises(ValueError, match="Say why"):
        public_route(" ")


def test_addresses_are_kebab_case_with_typed_parameters(app: Flask) -> None:
    assert rules.odd_addresses(app) == []


@pytest.mark.parametrize(
    "address", ["/someThing", "/some_thing", "/things/<thing_id>", "/Things/<int:thing_id>"]
)
def test_an_odd_address_is_found(planted: Flask, address: str) -> None:
    planted.add_url_rule(address, "planted", view)
    assert address in rules.odd_addresses(planted)


def test_navigation_and_slots_lead_somewhere(app: Flask) -> None:
    assert rules.dead_ends(app) == []


def test_a_dead_end_is_found(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    for endpoint, permission in (
        ("nowhere.at_all", None),
        ("accounts.users", "orders.view"),
        ("accounts.roles", None),
    ):
        entry = NavEntry("x", "X", endpoint, "x", permission, 1, None)
        with monkeypatch.context() as patch:
            patch.setitem(nav_entries, endpoint, entry)
            assert [line for line in rules.dead_ends(app) if line.startswith(endpoint)]


def test_every_column_is_on_the_map_of_personal_data() -> None:
    assert rules.unmapped_columns() == []


def test_every_table_is_of_one_kind() -> None:
    assert rules.unkinded_tables() == []


def test_a_column_off_the_map_and_a_table_without_kind_are_found() -> None:
    class Other(DeclarativeBase):
        metadata = sa.MetaData()

    class Planted(Other):
        __tablename__ = "planted"
        id: Mapped[int] = mapped_column(primary_key=True, info=not_pii("key"))
        email: Mapped[str]

    class PlantedToo(Platform, Other):
        __tablename__ = "planted_too"
        id: Mapped[int] = mapped_column(primary_key=True, info=not_pii("key"))

    assert rules.unmapped_columns([Planted, PlantedToo]) == ["planted.email"]
    assert rules.unkinded_tables([Planted, PlantedToo]) == ["Planted"]


def test_every_job_that_is_asked_for_has_a_handler(app: Flask) -> None:
    assert rules.unknown_jobs() == []


def test_a_job_without_a_handler_is_found(app: Flask) -> None:
    assert rules.unknown_jobs(['enqueue("planted.job", {}, by=by)']) == ["planted.job"]


def test_templates_compile_and_name_what_is_there(app: Flask) -> None:
    names = [str(path.relative_to(TEMPLATES)) for path in rules.template_files()]
    assert names
    assert rules.uncompilable_templates(app.jinja_env, names) == []


def test_an_undefined_variable_is_an_error(app: Flask) -> None:
    assert app.jinja_env.undefined is jinja2.StrictUndefined


def test_a_broken_template_is_found() -> None:
    sources = {
        "a.html": "{% if %}",
        "b.html": "{% include 'gone.html' %}",
        "c.html": "{% from 'd.html' import x %}",
        "d.html": "",
    }
    environment = jinja2.Environment(loader=jinja2.DictLoader(sources))
    found = rules.uncompilable_templates(environment, sources)
    assert [line.split()[0].rstrip(":") for line in found] == ["a.html", "b.html"]


def test_templates_hold_no_script_and_no_style() -> None:
    assert rules.unsafe_markup(rules.template_sources()) == []


@pytest.mark.parametrize(
    "source",
    [
        '<p style="color:red">',
        "<style>p{}</style>",
        "<script>alert(1)</script>",
        '<a onclick="x()">',
        '<a hx-on:click="x()">',
        '<a href="javascript:x()">',
        '<form hx-vals="js:{a:1}">',
        '<div hx-target="#x">',
        '<body hx-headers="{}">',
    ],
)
def test_unsafe_markup_is_found(source: str) -> None:
    assert rules.unsafe_markup([("planted.html", source)])


def test_safe_markup_is_not_found() -> None:
    source = '<body hx-headers:inherited="{}"><button hx-post="/x" hx-target="#x" hx-swap="none"><script src="/x.js"></script>'
    assert rules.unsafe_markup([("fine.html", source)]) == []
