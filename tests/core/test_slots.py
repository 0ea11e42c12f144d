"""Slots and navigation: what a page shows of higher floors, and to whom."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask, g

from portal.accounts.permissions import PERMISSIONS
from portal.core import navigation, slots
from portal.core.navigation import register_nav
from portal.core.slots import register_slot, slot


@pytest.fixture(autouse=True)
def registries() -> Iterator[None]:
    """What a test registers is gone after it."""
    before = {name: dict(entries) for name, entries in slots._slots.items()}, dict(navigation._entries)
    yield
    slots._slots.clear()
    slots._slots.update(before[0])
    navigation._entries.clear()
    navigation._entries.update(before[1])


@pytest.fixture
def request_of(app: Flask) -> Iterator[None]:
    """A request of someone who may see users."""
    with app.test_request_context("/users"):
        g.permissions = frozenset({"users.view"})
        g.is_member = True
        yield


@pytest.mark.usefixtures("request_of")
class TestSlots:
    def test_a_region_loads_by_itself_and_is_a_link_without_script(self) -> None:
        register_slot("test.place", "accounts.user", "users.view", label="Their page")
        region = str(slot("test.place", user_id=7))
        assert (
            '<section class="slot" id="slot-test-place-accounts-user-7" hx-get="/users/7" hx-trigger="load"'
            in region
        )
        assert '<a class="slot-link" href="/users/7">Their page</a>' in region

    def test_a_region_is_hidden_from_who_may_not_see_it(self) -> None:
        register_slot("test.place", "accounts.merchant_settings", "settings.view")
        assert slot("test.place") == ""

    def test_an_empty_slot_is_nothing(self) -> None:
        assert slot("test.nothing", a=1) == ""

    def test_regions_stand_in_their_order(self) -> None:
        register_slot("test.place", "accounts.roles", "users.view", 20)
        register_slot("test.place", "accounts.users", "users.view", 10)
        region = str(slot("test.place"))
        assert region.index('hx-get="/users"') < region.index('hx-get="/roles"')

    def test_a_broken_region_costs_the_page_nothing(self) -> None:
        register_slot("test.place", "nowhere.at_all", None, 10, label="Payments <1>")
        register_slot("test.place", "accounts.users", "users.view", 20)
        region = str(slot("test.place"))
        assert "Payments &lt;1&gt; cannot be shown right now." in region
        assert 'hx-get="/users"' in region

    def test_registering_again_changes_nothing(self) -> None:
        for _ in range(2):
            register_slot("test.place", "accounts.users", "users.view")
        assert str(slot("test.place")).count("<section") == 1


@pytest.mark.usefixtures("request_of")
class TestNavigation:
    def test_people_see_what_they_may_open(self) -> None:
        labels = [each["label"] for head in navigation.navigation() for each in head["children"]]
        assert "Users" in labels and "Settings" not in labels

    def test_the_first_permitted_entry_stands_for_its_section(self) -> None:
        head = next(head for head in navigation.navigation() if head["section"] == "settings")
        assert (head["label"], head["url"]) == ("Users", "/users")
        assert [child["label"] for child in head["children"]] == ["Users", "Roles"]

    def test_an_owner_finds_the_settings_first(self) -> None:
        g.permissions = frozenset(PERMISSIONS)
        head = next(head for head in navigation.navigation() if head["section"] == "settings")
        assert head["label"] == "Settings"

    def test_an_entry_for_every_member_is_hidden_from_others(self) -> None:
        register_nav("test", "Everyone", "accounts.profile", "home", None, 1)
        assert navigation.navigation()[0]["label"] == "Everyone"
        g.is_member = False
        assert all(head["label"] != "Everyone" for head in navigation.navigation())

    def test_a_count_is_shown(self) -> None:
        register_nav("test", "Waiting", "accounts.profile", "home", None, 1, count=lambda: 3)
        assert navigation.navigation()[0]["count"] == 3
