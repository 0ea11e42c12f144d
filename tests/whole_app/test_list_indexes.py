"""Every index a list names is there, begins with the merchant, and leads with what is filtered or sorted by."""

from __future__ import annotations

import psycopg
import pytest

from portal.core.listing import listings


@pytest.fixture
def indexes(app, database):
    with psycopg.connect(database.url("portal_owner")) as connection:
        rows = connection.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
        ).fetchall()
    return dict(rows)


def test_every_named_index_exists_and_leads_with_the_merchant(app, indexes):
    missing = {
        f"{listing.key}: {use}": name
        for listing in listings.values()
        for use, name in listing.named_indexes().items()
        if "(merchant_id" not in indexes.get(name, "")
    }
    assert listings and not missing
