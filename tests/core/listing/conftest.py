"""A list of parcels over a table of its own: small, nullable, with money and a name, behind row-level security."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from decimal import Decimal

import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.datastructures import MultiDict

from portal.core.database import db
from portal.core.listing import (
    BulkAction,
    ChoiceFilter,
    Column,
    DateFilter,
    Extra,
    FlagFilter,
    Listing,
    MoneyFilter,
    NumberFilter,
    Page,
    Sort,
    TextFilter,
    Viewer,
    listings,
    register_listing,
)
from portal.core.normalise import code_key, email_key
from portal.core.tenancy import current_merchant_id
from tests.support.databases import MadeDatabase

TABLES = """
CREATE TABLE parcel (
    merchant_id integer NOT NULL, id bigint NOT NULL, code text COLLATE "C" NOT NULL, state text NOT NULL, weight integer,
    price numeric(18,4) NOT NULL, person text, email_key text COLLATE "C", sent_at timestamptz NOT NULL, PRIMARY KEY (merchant_id, id));
CREATE TABLE parcel_tag (merchant_id integer NOT NULL, parcel_id bigint NOT NULL, tag text COLLATE "C" NOT NULL,
    PRIMARY KEY (merchant_id, parcel_id, tag));
CREATE INDEX parcel_weight ON parcel (merchant_id, weight, id);
CREATE INDEX parcel_state ON parcel (merchant_id, state, id);
ALTER TABLE parcel ENABLE ROW LEVEL SECURITY;
ALTER TABLE parcel_tag ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON parcel TO portal_app USING (merchant_id = NULLIF(current_setting('portal.merchant_id', true), '')::integer);
CREATE POLICY own ON parcel_tag TO portal_app USING (merchant_id = NULLIF(current_setting('portal.merchant_id', true), '')::integer);
GRANT SELECT, INSERT, UPDATE, DELETE ON parcel, parcel_tag TO portal_app;
"""

# Not in the metadata of the models: these tables belong to the tests alone.
METADATA = sa.MetaData()
PARCEL = sa.Table(
    "parcel",
    METADATA,
    sa.Column("merchant_id", sa.Integer),
    sa.Column("id", sa.BigInteger),
    sa.Column("code", sa.Text),
    sa.Column("state", sa.Text),
    sa.Column("weight", sa.Integer),
    sa.Column("price", sa.Numeric(18, 4)),
    sa.Column("person", sa.Text),
    sa.Column("email_key", sa.Text),
    sa.Column("sent_at", sa.DateTime(timezone=True)),
)
TAG = sa.Table(
    "parcel_tag",
    METADATA,
    sa.Column("merchant_id", sa.Integer),
    sa.Column("parcel_id", sa.BigInteger),
    sa.Column("tag", sa.Text),
)

Read = Callable[..., Page]


def tags_of(keys: list[int]) -> dict[int, dict[str, str]]:
    rows = db.session.connection().execute(
        sa.select(TAG.c.parcel_id, sa.func.string_agg(TAG.c.tag, ", ").label("tags"))
        .where(TAG.c.merchant_id == current_merchant_id(), TAG.c.parcel_id.in_(keys))
        .group_by(TAG.c.parcel_id)
    )
    return {row.parcel_id: {"tags": row.tags} for row in rows}


@pytest.fixture(scope="session")
def parcel_tables(database: MadeDatabase) -> None:
    with psycopg.connect(database.url("portal_owner"), autocommit=True) as connection:
        connection.execute(TABLES)


@pytest.fixture
def parcels(parcel_tables: None) -> Iterator[Listing]:
    """The list itself, known to the registry while the test runs."""
    p = PARCEL.c
    listing = register_listing(
        Listing(
            key="parcels",
            title="Parcels",
            permission="orders.view",
            noun=("parcel", "parcels"),
            source=PARCEL,
            tenant=p.merchant_id,
            row_key=p.id,
            default_sort="-sent",
            page_size=5,
            hidden={"currency": sa.literal("GBP")},
            columns=[
                Column("code", "Code", p.code, kind="code", sort=Sort(p.code, index=None)),
                Column(
                    "sent", "Sent", p.sent_at, kind="time", sort=Sort(p.id, index="parcel_pkey", alone=True)
                ),
                Column("state", "State", p.state, kind="state", badge="fulfilment"),
                Column(
                    "weight",
                    "Weight",
                    p.weight,
                    kind="number",
                    sort=Sort(p.weight, index="parcel_weight", nullable=True),
                ),
                Column(
                    "price",
                    "Price",
                    p.price,
                    kind="money",
                    currency="currency",
                    sort=Sort(p.price, index=None),
                ),
                Column("person", "Person", p.person, personal="name"),
                Column("tags", "Tags", default=False),
            ],
            extras=[Extra(columns=("tags",), load=tags_of)],
            filters=[
                ChoiceFilter(
                    key="state",
                    label="State",
                    expression=p.state,
                    index="parcel_state",
                    options=[("sent", "Sent"), ("lost", "Lost"), ("back", "Back")],
                ),
                TextFilter(
                    key="email", label="E-mail", expression=p.email_key, normalise=email_key, personal=True
                ),
                TextFilter(
                    key="tag",
                    label="Tag",
                    expression=TAG.c.tag,
                    through=lambda condition, within: p.id.in_(
                        sa.select(TAG.c.parcel_id).where(
                            TAG.c.merchant_id == current_merchant_id(), condition, within(TAG.c.parcel_id)
                        )
                    ),
                ),
                NumberFilter(key="weight", label="Weight", expression=p.weight, index="parcel_weight"),
                MoneyFilter(key="price", label="Price", expression=p.price, currency="GBP"),
                DateFilter(key="sent", label="Sent", expression=p.sent_at),
                FlagFilter(key="heavy", label="Heavy", expression=p.weight > 100),
                FlagFilter(key="secret", label="Secret", expression=p.weight > 100, permission="audit.view"),
            ],
            link=lambda row: f"/parcels/{row['code']}",
            quick=lambda text: p.code == code_key(text),
            quick_label="Code",
            empty=("Parcels stand here.", None, None),
            bulk=[BulkAction("Find again", "accounts.sign_out", "orders.edit")],
        )
    )
    yield listing
    listings.pop("parcels")


@pytest.fixture
def fill(parcels: Listing, scope: int) -> Callable[..., None]:
    """Write parcels; unstated values follow from the number of the row."""

    def write(count: int, **values: object) -> None:
        start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
        first = (
            db.session.connection()
            .execute(
                sa.select(sa.func.coalesce(sa.func.max(PARCEL.c.id), 0)).where(PARCEL.c.merchant_id == scope)
            )
            .scalar_one()
        )
        rows = [
            {
                "merchant_id": scope,
                "id": i,
                "code": f"P{i:04}",
                "state": ("sent", "lost", "back")[i % 3],
                "weight": i % 7 if i % 4 else None,
                "price": Decimal(i),
                "person": f"Anna Number{i}",
                "email_key": f"anna{i}@example.com",
                "sent_at": start + dt.timedelta(hours=i),
            }
            | values
            for i in range(first + 1, first + count + 1)
        ]
        db.session.connection().execute(sa.insert(PARCEL), rows)

    return write


@pytest.fixture
def read(app: Flask, parcels: Listing, scope: int) -> Read:
    """Read a page of the parcels by its query string."""

    def page(
        query: str = "", *, user_id: int | None = None, permissions: frozenset[str] = frozenset()
    ) -> Page:
        with app.test_request_context(f"/parcels?{query}") as context:
            arguments: MultiDict[str, str] = context.request.args
        return Page.read(parcels, arguments, path="/parcels", viewer=Viewer(user_id, None, permissions))

    return page
