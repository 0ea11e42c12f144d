"""Saved views: one's own and shared ones, what they hold, and what they refuse to hold."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from portal.accounts.models import Role
from portal.core.audit import AuditEntry
from portal.core.database import db
from portal.core.errors import ConflictError, DomainError, ForbiddenError, NotFoundError
from portal.core.listing.views import remove_view, save_view, views_for


@pytest.fixture
def anna(member):
    return member("owner")


def role_id(key):
    return db.session.scalars(sa.select(Role.id).where(Role.key == key)).one()


def test_a_view_alone_stands_for_what_it_holds(fill, read, parcels, anna):
    fill(6)
    state = read("f=1.state.is.lost&sort=price&cols=price").state
    view = save_view(parcels, state, name=" Lost  ", by=anna.actor)
    page = read(f"view={view.id}", user_id=anna.user_id)
    assert [row.key for row in page.rows] == [1, 4]
    assert (page.state.sort, page.state.columns, page.state.view) == ("price", ("code", "price"), view.id)
    assert [(tab.label, tab.active) for tab in page.tabs] == [("All", False), ("Lost", True)]


def test_what_the_address_says_beside_a_view_counts(fill, read, parcels, anna):
    fill(6)
    view = save_view(parcels, read("f=1.state.is.lost").state, name="Lost", by=anna.actor)
    page = read(f"view={view.id}&f=", user_id=anna.user_id)
    assert len(page.rows) == 5 and page.state.view == view.id
    assert f"view={view.id}" in page.canonical_url and "f=&" in page.canonical_url + "&"


def test_a_shared_view_is_seen_by_the_role_and_changed_by_its_owner_alone(fill, read, parcels, anna, member):
    bert = member("support")
    support = role_id("support")
    view = save_view(parcels, read().state, name="For support", by=anna.actor, role_ids=[support])
    assert [each.name for each in views_for(parcels, bert.user_id, support)] == ["For support"]
    assert views_for(parcels, bert.user_id, role_id("warehouse")) == []
    with pytest.raises(ForbiddenError):
        save_view(parcels, read().state, name="Mine now", by=bert.actor, view_id=view.id)
    with pytest.raises(ForbiddenError):
        remove_view(parcels, view.id, by=bert.actor)
    actions = db.session.scalars(
        sa.select(AuditEntry.action).where(AuditEntry.subject_kind == "saved_view")
    ).all()
    assert actions == ["list_view.shared"]


def test_a_filter_that_names_a_person_is_not_kept(fill, read, parcels, anna):
    with pytest.raises(DomainError, match="E-mail may name a person"):
        save_view(parcels, read("f=1.email.is.anna@example.com").state, name="Anna", by=anna.actor)
    with pytest.raises(DomainError, match="search field"):
        save_view(parcels, read("q=anna").state, name="Anna", by=anna.actor)


def test_names_are_needed_and_differ(fill, read, parcels, anna):
    save_view(parcels, read().state, name="Mine", by=anna.actor)
    with pytest.raises(ConflictError, match="already have a view"):
        save_view(parcels, read().state, name="Mine", by=anna.actor)
    with pytest.raises(DomainError, match="Give the view a name"):
        save_view(parcels, read().state, name=" \x00 ", by=anna.actor)


def test_changing_a_view_replaces_what_it_holds(fill, read, parcels, anna):
    fill(6)
    view = save_view(parcels, read("f=1.state.is.lost").state, name="Mine", by=anna.actor)
    save_view(parcels, read("f=1.state.is.back").state, name="Mine", by=anna.actor, view_id=view.id)
    assert [row.key for row in read(f"view={view.id}", user_id=anna.user_id).rows] == [5, 2]


def test_a_view_that_is_gone_is_said(fill, read, parcels, anna):
    view = save_view(parcels, read().state, name="Mine", by=anna.actor)
    remove_view(parcels, view.id, by=anna.actor)
    page = read(f"view={view.id}", user_id=anna.user_id)
    assert page.messages == ["That view is gone, or is not shared with your role."]
    with pytest.raises(NotFoundError):
        remove_view(parcels, view.id, by=anna.actor)
