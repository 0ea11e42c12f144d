"""What the demo is made of: real dates moved whole weeks, people who cannot be reached, accounts that are printed."""

from __future__ import annotations

import csv
import datetime as dt
import re

import pytest
from flask import Flask

from deploy.demo import loading
from deploy.demo.history import BROKEN, moved_slice
from deploy.demo.people import ABROAD, Crowd
from deploy.demo.shops import PASSWORD, ROLES, SHOPS, accounts
from portal.accounts.passwords import weakness
from portal.accounts.permissions import BUILT_IN_ROLES
from portal.config import SettingsError


@pytest.mark.parametrize("yesterday", [dt.date(2026, 11, 15) + dt.timedelta(days=day) for day in range(7)])
def test_the_history_moves_by_whole_weeks_and_ends_no_later_than_yesterday(yesterday: dt.date) -> None:
    content, weeks = moved_slice(yesterday)
    rows = list(csv.DictReader(content.decode().splitlines()))
    days = [dt.datetime.fromisoformat(row["InvoiceDate"]).date() for row in rows]
    assert days[0] - dt.timedelta(weeks=weeks) == dt.date(2011, 6, 1)
    # The source has no sale on a Saturday, and one on every other day of its last week.
    assert (yesterday - max(days)).days == (1 if yesterday.weekday() == 5 else 0)
    assert len(rows) > 29_000


def test_half_of_the_typed_file_cannot_be_taken() -> None:
    assert len(BROKEN.splitlines()) == 11


def test_nobody_can_be_reached_by_a_number_or_address_of_the_demo() -> None:
    crowd = Crowd(1)
    people = [crowd.somebody(country) for country in ("GB", *ABROAD) * 40]
    assert all(person.email.endswith("@example.com") for person in people)
    assert all(re.fullmatch(r"07700 900\d{3}|020 7946 0\d{3}", person.phone) for person in people)
    assert len({person.email for person in people}) == len(people)
    assert any(not person.name.isascii() for person in people)


def test_the_same_seed_gives_the_same_people() -> None:
    first, second = Crowd(5), Crowd(5)
    assert [first.somebody() for _ in range(9)] == [second.somebody() for _ in range(9)]


def test_every_shop_has_an_account_for_every_role_and_two_compliance_officers() -> None:
    assert {role for _, role in ROLES} == {role.key for role in BUILT_IN_ROLES}
    assert [role for _, role in ROLES].count("compliance") == 2
    printed = "\n".join(accounts())
    for shop in SHOPS:
        assert len(shop.staff) == len(ROLES)
        assert all(shop.email(desk) in printed for desk, _ in ROLES)
    assert PASSWORD in printed
    assert weakness(PASSWORD) is None


def test_the_shops_are_loaded_in_a_demo_only(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "worker_app", lambda: app)
    with pytest.raises(SettingsError, match="demo only"):
        loading.load()
