"""What tests of imports share: files on disk, a location, and an import brought through its steps."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.jobs import run_due_jobs
from portal.imports import services
from portal.imports.models import Import
from portal.stock.models import Location

DATA = Path(__file__).resolve().parent / "data"
BY = Actor(kind="system", id=None, name="tests")
HEAD = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"


@pytest.fixture
def location(scope: int) -> Location:
    """The merchant's only location."""
    place = db.session.scalars(sa.select(Location).order_by(Location.id)).first()
    if place is None:
        place = Location(name="Main", code="MAIN")
        db.session.add(place)
        db.session.commit()
    return place


@pytest.fixture
def upload(location: Location) -> Callable[..., Import]:
    """``upload(text_or_bytes)``: a file received, with its guesses."""

    def receive(content: str | bytes, filename: str = "file.csv", retry_of: Import | None = None) -> Import:
        data = content.encode() if isinstance(content, str) else content
        found = services.receive_file(filename, io.BytesIO(data), by=BY, retry_of=retry_of)
        db.session.commit()
        return found

    return receive


@pytest.fixture
def checked(upload: Callable[..., Import]) -> Callable[..., Import]:
    """``checked(text, option=value)``: a file taken through mapping and check."""

    def check(content: str | bytes, retry_of: Import | None = None, **options: Any) -> Import:
        found = upload(content, retry_of=retry_of)
        services.set_mapping(found, found.mapping, options, by=BY)
        services.start_check(found, by=BY)
        db.session.commit()
        return work(found)

    return check


@pytest.fixture
def applied(checked: Callable[..., Import]) -> Callable[..., Import]:
    """``applied(text)``: a file taken through all steps."""

    def apply(content: str | bytes, retry_of: Import | None = None, **options: Any) -> Import:
        found = checked(content, retry_of=retry_of, **options)
        assert found.state == "checked", found.problem
        return do(services.start_apply, found)

    return apply


def do(step: Callable[..., Any], found: Import) -> Import:
    """Ask for a step and let the job run."""
    step(found, by=BY)
    db.session.commit()
    return work(found)


def work(found: Import) -> Import:
    """Run the jobs that wait and read the import again."""
    import_id = found.id
    db.session.rollback()
    run_due_jobs()
    db.session.expire_all()
    return db.session.get_one(Import, (current_merchant_id(), import_id))


def row(
    invoice: str,
    code: str,
    quantity: int,
    price: str,
    *,
    at: str = "2010-12-01 08:26:00",
    customer: str = "17850.0",
    description: str = "WHITE METAL LANTERN",
    country: str = "United Kingdom",
) -> str:
    """A line of an online-retail file."""
    return f"{invoice},{code},{description},{quantity},{at},{price},{customer},{country}\n"
