"""The map: every column says what it holds, every table says whose it is, and a mistake stops the tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii, pii
from portal.core.tenancy import IdentityKey, Tenant
from portal.privacy import map as personal_map
from portal.privacy.map import PathError, personal_data_map, undeclared_columns


@pytest.fixture
def forget() -> Iterator[list[type[Base]]]:
    """Models of a test, taken out of the metadata again."""
    made: list[type[Base]] = []
    yield made
    for model in made:
        Base.metadata.remove(model.__table__)  # type: ignore[arg-type]
    personal_map._read_map.cache_clear()


def test_every_column_says_what_it_holds_of_a_person(app: object) -> None:
    assert undeclared_columns() == []


def test_every_table_with_personal_data_leads_to_its_person(app: object) -> None:
    found = personal_data_map()
    names = {table.name for table in found.holding_data()}
    assert {
        "customer",
        "customer_address",
        "order_contact",
        "audit_entry",
        "message",
        "stored_file",
        "channel_inbound_order",
    } <= names
    for table in found.holding_data():
        assert found.depth(table) <= 2
        for column in table.emptied:
            table.still_filled(column)


def test_a_table_that_does_not_say_whose_it_is_is_an_error(forget: list[type[Base]]) -> None:
    class Stray(Tenant, IdentityKey, Base):
        __tablename__ = "test_stray"
        name: Mapped[str | None] = mapped_column(info=pii(category="name"))

    forget.append(Stray)
    personal_map._read_map.cache_clear()
    with pytest.raises(PathError, match="test_stray holds personal data"):
        personal_data_map()


def test_a_path_through_a_table_without_one_is_an_error(forget: list[type[Base]]) -> None:
    class Lost(Tenant, IdentityKey, Base):
        __tablename__ = "test_lost"
        __subject_path__ = "location_id -> location"
        location_id: Mapped[int] = mapped_column(info=not_pii("key"))
        name: Mapped[str | None] = mapped_column(info=pii(category="name"))

    forget.append(Lost)
    personal_map._read_map.cache_clear()
    with pytest.raises(PathError, match="through location"):
        personal_data_map()


def test_an_append_only_table_may_hold_personal_data_sealed_only(forget: list[type[Base]]) -> None:
    class Diary(Tenant, IdentityKey, Base):
        __tablename__ = "test_diary"
        __append_only__ = True
        __subject_path__ = "subject_id"
        subject_id: Mapped[int] = mapped_column(info=not_pii("key"))
        text: Mapped[str | None] = mapped_column(info=pii(category="free_text"))

    forget.append(Diary)
    personal_map._read_map.cache_clear()
    with pytest.raises(PathError, match="append-only"):
        personal_data_map()


def test_a_column_that_says_nothing_is_listed(forget: list[type[Base]]) -> None:
    class Silent(Tenant, IdentityKey, Base):
        __tablename__ = "test_silent"
        name: Mapped[str | None]

    forget.append(Silent)
    assert undeclared_columns() == ["test_silent.name"]


def test_the_version_changes_with_what_the_map_says(app: object, monkeypatch: pytest.MonkeyPatch) -> None:
    before = personal_data_map().version
    assert personal_data_map().version == before
    column = Base.metadata.tables["customer"].c.note
    monkeypatch.setitem(
        column.info, "personal_data", pii(category="free_text", purpose="something else")["personal_data"]
    )
    personal_map._read_map.cache_clear()
    try:
        assert personal_data_map().version != before
    finally:
        personal_map._read_map.cache_clear()
