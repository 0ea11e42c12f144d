"""The pages of an import, for those who may and those who may not."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.core.database import db, merchant_scope
from portal.core.jobs import run_due_jobs
from portal.imports.models import Import
from portal.stock.models import Location
from tests.imports.conftest import HEAD, row
from tests.imports.test_products import SHOPIFY
from tests.support.client import HouseClient
from tests.support.people import Person, make_merchant, make_person

CSV = HEAD + row("1", "A1", 5, "1.50") + row("2", "A1", 1, "oops")


@pytest.fixture
def owner(
    app: Flask, merchant: int, member: Callable[..., Person], login: Callable[[Person], HouseClient]
) -> HouseClient:
    """A signed-in owner of a merchant with one location."""
    with app.app_context(), merchant_scope(merchant):
        db.session.add(Location(name="Main", code="MAIN-1"))
        db.session.commit()
    return login(member("owner"))


def send(client: HouseClient, content: str | bytes = CSV, url: str = "/imports/new", name: str = "sales.csv"):  # type: ignore[no-untyped-def]
    data = content.encode() if isinstance(content, str) else content
    return client.post(url, data={"file": (io.BytesIO(data), name)}, content_type="multipart/form-data")


def form_of(client: HouseClient, address: str) -> dict[str, str]:
    """The mapping form as the browser would send it unchanged."""
    html = client.get(address).get_data(as_text=True)
    form = {
        "currency": "GBP",
        "decimal_mark": ".",
        "date_order": "ymd",
        "time_zone": "Europe/London",
        "state": "closed",
        "base_rate": "1",
        "charge_codes": "POST = shipping",
        "number_prefix": "",
    }
    form["location_id"] = html.split('name="location_id"')[1].split('value="')[1].split('"')[0]
    for key, column in (
        ("order_number", 0),
        ("code", 1),
        ("description", 2),
        ("quantity", 3),
        ("at", 4),
        ("unit_price", 5),
        ("customer", 6),
        ("country", 7),
    ):
        form[f"column-{key}"] = str(column)
    return form


def jobs(app: Flask, merchant: int) -> None:
    with app.app_context(), merchant_scope(merchant):
        run_due_jobs()


def test_a_file_goes_all_the_way(app: Flask, merchant: int, owner: HouseClient) -> None:
    uploaded = send(owner)
    assert uploaded.status_code == 303
    mapping = uploaded.headers["Location"]
    page = owner.get(mapping).get_data(as_text=True)
    assert "WHITE METAL LANTERN" in page
    home = mapping.removesuffix("/mapping")
    assert owner.post(mapping, data=form_of(owner, mapping)).headers["Location"] == home
    assert "Waiting for a worker" in owner.get(home).get_data(as_text=True)
    jobs(app, merchant)
    checked = owner.get(home).get_data(as_text=True)
    assert "Nothing has been written yet" in checked
    assert "Unit price is not a number" in checked
    assert "Apply" in checked
    assert owner.post(f"{home}/apply").status_code == 303
    jobs(app, merchant)
    assert "Everything is written" in owner.get(home).get_data(as_text=True)
    rejects = owner.get(f"{home}/rejects.csv")
    assert (rejects.status_code, rejects.mimetype) == (200, "text/csv")
    assert "oops" in rejects.get_data(as_text=True)
    retried = send(owner, rejects.get_data().replace(b"oops", b"2.00"), f"{home}/retry")
    assert retried.status_code == 303
    assert owner.post(f"{home}/undo").status_code == 303
    jobs(app, merchant)
    assert "The import is taken back" in owner.get(home).get_data(as_text=True)
    assert "sales.csv" in owner.get("/imports").get_data(as_text=True)


def test_a_product_file_goes_all_the_way(app: Flask, merchant: int, owner: HouseClient) -> None:
    mapping = send(owner, SHOPIFY, name="products.csv").headers["Location"]
    home = mapping.removesuffix("/mapping")
    with app.app_context(), merchant_scope(merchant):
        guessed = db.session.scalars(sa.select(Import.mapping).order_by(Import.id.desc())).first()
    columns = {f"column-{key}": str(place) for key, place in (guessed or {}).items()}
    assert owner.post(mapping, data=form_of(owner, mapping) | columns).headers["Location"] == home
    jobs(app, merchant)
    assert "Nothing has been written yet" in owner.get(home).get_data(as_text=True)
    assert owner.post(f"{home}/apply").status_code == 303
    jobs(app, merchant)
    assert "Everything is written" in owner.get(home).get_data(as_text=True)
    assert owner.post(f"{home}/undo").status_code == 303
    jobs(app, merchant)
    assert "The import is taken back" in owner.get(home).get_data(as_text=True)


def test_progress_is_a_fragment_that_stops_asking(app: Flask, merchant: int, owner: HouseClient) -> None:
    mapping = send(owner).headers["Location"]
    home = mapping.removesuffix("/mapping")
    owner.post(mapping, data=form_of(owner, mapping))
    waiting = owner.fragment(f"{home}/progress").get_data(as_text=True)
    assert "<html" not in waiting
    assert "every 2s" in waiting
    jobs(app, merchant)
    assert "every 2s" not in owner.fragment(f"{home}/progress").get_data(as_text=True)


def test_a_waiting_import_can_be_stopped_and_changed(owner: HouseClient) -> None:
    mapping = send(owner).headers["Location"]
    home = mapping.removesuffix("/mapping")
    owner.post(mapping, data=form_of(owner, mapping))
    assert owner.post(f"{home}/cancel").status_code == 303
    assert "The work stopped" in owner.get(home).get_data(as_text=True)
    assert owner.post(f"{home}/check").status_code == 303


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"PK\x03\x04[Content_Types].xml", "spreadsheet"),
        (b"<!doctype html><table>", "web page"),
    ],
)
def test_a_file_that_is_no_table_comes_back_with_the_reason(
    owner: HouseClient, content: bytes, words: str
) -> None:
    answer = send(owner, content)
    assert answer.status_code == 422
    assert words in answer.get_data(as_text=True)


def test_an_upload_without_a_file_is_refused(owner: HouseClient) -> None:
    assert owner.post("/imports/new", data={}).status_code == 422


def test_a_required_field_without_a_column_is_named(owner: HouseClient) -> None:
    mapping = send(owner).headers["Location"]
    answer = owner.post(mapping, data=form_of(owner, mapping) | {"column-quantity": ""})
    assert answer.status_code == 422
    assert "Choose the column that holds: Quantity" in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("currency", "ZZZ", "no currency code"),
        ("time_zone", "Mars/Base", "no time zone"),
        ("charge_codes", "POST = lunch", "must read CODE = kind"),
        ("base_rate", "NaN", "above zero"),
        ("column-quantity", "0", "cannot hold"),
        ("column-quantity", "99", "Choose a column"),
    ],
)
def test_a_bad_choice_comes_back_with_the_reason(
    owner: HouseClient, field: str, value: str, words: str
) -> None:
    mapping = send(owner).headers["Location"]
    answer = owner.post(mapping, data=form_of(owner, mapping) | {field: value})
    assert answer.status_code == 422
    assert words in answer.get_data(as_text=True)


def test_a_shop_without_a_location_is_told_to_add_one(
    member: Callable[..., Person], login: Callable[[Person], HouseClient]
) -> None:
    owner = login(member("owner"))
    mapping = send(owner).headers["Location"]
    assert owner.get(mapping).status_code == 200
    answer = owner.post(mapping, data={"currency": "GBP", "decimal_mark": ".", "location_id": ""})
    assert answer.status_code == 422
    assert "Add a location first" in answer.get_data(as_text=True)


def test_the_way_a_file_is_read_can_be_corrected(owner: HouseClient) -> None:
    mapping = send(
        owner,
        "InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,Description\n1,A,1,2010-12-01,1,Größe\n".encode(
            "latin-1"
        ),
    ).headers["Location"]
    assert "were guessed" in owner.get(mapping).get_data(as_text=True)
    reading = mapping.replace("/mapping", "/reading")
    good = {"format": "online_retail", "encoding": "latin-1", "delimiter": ",", "header_row": "1"}
    assert owner.post(reading, data=good).status_code == 303
    assert "were guessed" not in owner.get(mapping).get_data(as_text=True)
    bad = owner.post(reading, data=good | {"encoding": "utf-8"})
    assert bad.status_code == 422
    assert owner.post(reading, data=good | {"header_row": "0"}).status_code == 422


@pytest.mark.parametrize("path", ["/imports", "/imports/new"])
def test_it_asks_strangers_to_sign_in(client: HouseClient, path: str) -> None:
    assert client.get(path).status_code == 303


@pytest.mark.parametrize("path", ["/imports", "/imports/new"])
def test_it_refuses_people_without_the_right(
    member: Callable[..., Person], login: Callable[[Person], HouseClient], path: str
) -> None:
    assert login(member("support")).get(path).status_code == 403


def test_an_import_of_another_merchant_is_not_there(
    app: Flask, owner: HouseClient, login: Callable[[Person], HouseClient]
) -> None:
    home = send(owner).headers["Location"].removesuffix("/mapping")
    stranger = login(make_person(app, make_merchant(app), "owner"))
    for method, path in (
        ("get", home),
        ("get", f"{home}/mapping"),
        ("get", f"{home}/rejects.csv"),
        ("post", f"{home}/apply"),
        ("post", f"{home}/undo"),
        ("post", f"{home}/cancel"),
        ("get", f"{home}/progress"),
    ):
        assert getattr(stranger, method)(path).status_code == 404, path


def test_a_step_out_of_turn_is_refused(owner: HouseClient) -> None:
    home = send(owner).headers["Location"].removesuffix("/mapping")
    assert owner.post(f"{home}/apply").status_code == 409
    assert owner.post(f"{home}/undo").status_code == 409


def test_the_file_and_its_rejects_are_kept_encrypted(app: Flask, merchant: int, owner: HouseClient) -> None:
    marker = "MARKER-IN-THE-FILE-7421"
    mapping = send(owner, CSV.replace("oops", marker)).headers["Location"]
    owner.post(mapping, data=form_of(owner, mapping))
    jobs(app, merchant)
    folder = app.config["SETTINGS"].storage_url.removeprefix("file://")
    from pathlib import Path

    kept = [path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()]
    assert kept
    assert not any(marker.encode() in content for content in kept)
    with app.app_context(), merchant_scope(merchant):
        assert all(marker not in str(vars(found)) for found in db.session.query(Import).all())
