"""Pictures: written anew, sized, told apart, shown to those who may see them."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from PIL import Image
from werkzeug.test import TestResponse

from portal.catalog.models import Media
from portal.catalog.pictures import read_picture
from portal.core.database import db, merchant_scope
from portal.core.errors import DomainError
from portal.core.storage import StoredFile
from tests.support.client import HouseClient
from tests.support.people import Person, make_merchant, make_person

Member = Callable[..., Person]
Login = Callable[[Person], HouseClient]
Make = Callable[..., tuple[int, list[int]]]


def drawn(
    kind: str = "PNG", size: tuple[int, int] = (800, 400), colour: str = "#336699", **values: Any
) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, kind, **values)
    return buffer.getvalue()


def upload(
    client: HouseClient, product_id: int, data: bytes, name: str = "lantern.png", alt: str = "A lantern"
) -> TestResponse:
    return client.post(
        f"/catalog/products/{product_id}/pictures",
        data={"picture": (io.BytesIO(data), name), "alt_text": alt},
    )


def pictures(app: Flask, merchant: int, product_id: int) -> list[Any]:
    with app.app_context(), merchant_scope(merchant):
        return list(
            db.session.execute(
                sa.select(Media.id, Media.alt_text, Media.width, Media.height)
                .where(Media.product_id == product_id)
                .order_by(Media.position)
            )
        )


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_is_kept_as_webp_in_two_sizes(
    app: Flask, merchant: int, login: Login, member: Member, make_product: Make, kind: str
) -> None:
    product_id, _ = make_product()
    client = login(member("owner"))
    assert upload(client, product_id, drawn(kind, (3000, 1500))).status_code == 303
    (picture,) = pictures(app, merchant, product_id)
    assert (picture.alt_text, picture.width, picture.height) == ("A lantern", 2000, 1000)
    for size, longest in (("thumb", 320), ("full", 2000)):
        answer = client.get(f"/catalog/pictures/{picture.id}/{size}")
        assert (answer.status_code, answer.mimetype) == (200, "image/webp")
        assert "private, max-age=604800" in answer.headers["Cache-Control"]
        assert Image.open(io.BytesIO(answer.data)).size == (longest, longest // 2)
    again = client.get(
        f"/catalog/pictures/{picture.id}/thumb",
        headers={"If-None-Match": answer.headers["ETag"].replace("full", "thumb")},
    )
    assert again.status_code == 304 and again.data == b""
    page = client.get("/catalog/products").text
    assert f"/catalog/pictures/{picture.id}/thumb" in page


def test_what_a_camera_writes_beside_the_pixels_is_not_kept() -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Secret maker", 6
    picture = read_picture(drawn("JPEG", (400, 200), exif=exif))
    assert (picture.width, picture.height) == (200, 400)
    assert all(b"Secret" not in data for data in picture.files.values())


def bomb() -> bytes:
    """A PNG head that promises 100 gigapixels."""
    head = struct.pack(">IIBBBBB", 300_000, 300_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + head
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + chunk
        + struct.pack(">I", zlib.crc32(chunk))
        + b"\x00" * 64
    )


@pytest.mark.parametrize(
    "data",
    [b"", b"GIF89a", b"<svg onload=alert(1)>", drawn()[:200], bomb(), drawn("GIF"), b"\x89PNG\r\n\x1a\n"],
    ids=["empty", "gif head", "svg", "cut off", "bomb", "gif", "png head"],
)
def test_what_is_no_picture_is_refused_at_its_field(
    app: Flask, merchant: int, login: Login, member: Member, make_product: Make, data: bytes
) -> None:
    product_id, _ = make_product()
    answer = upload(login(member("owner")), product_id, data)
    assert answer.status_code == 422 and 'id="picture-error"' in answer.text
    assert pictures(app, merchant, product_id) == []


def test_a_picture_has_at_most_forty_megapixels() -> None:
    with pytest.raises(DomainError, match="40 megapixels"):
        read_picture(drawn(size=(8000, 5001)))


def test_the_same_picture_twice_is_noticed(login: Login, member: Member, make_product: Make) -> None:
    product_id, _ = make_product()
    client = login(member("owner"))
    upload(client, product_id, drawn())
    answer = upload(client, product_id, drawn(), name="copy.png")
    assert answer.status_code == 409 and "already has this picture" in answer.text


def test_pictures_are_described_ordered_and_removed(
    app: Flask, merchant: int, login: Login, member: Member, make_product: Make
) -> None:
    product_id, _ = make_product()
    client = login(member("owner"))
    for colour in ("red", "green", "blue"):
        upload(client, product_id, drawn(colour=colour), alt=colour)
    red, green, blue = (row.id for row in pictures(app, merchant, product_id))
    client.post(f"/catalog/products/{product_id}/pictures/order", data={"media": [str(blue), "999999"]})
    assert [row.id for row in pictures(app, merchant, product_id)] == [blue, red, green]
    client.post(f"/catalog/pictures/{red}", data={"alt_text": "Crimson"})
    client.post(f"/catalog/pictures/{green}/remove")
    assert [row.alt_text for row in pictures(app, merchant, product_id)] == ["blue", "Crimson"]
    with app.app_context(), merchant_scope(merchant):
        assert (
            db.session.scalar(
                sa.select(sa.func.count(StoredFile.id)).where(StoredFile.expires_at.is_not(None))
            )
            == 2
        )


def test_strangers_and_readers_neither_see_nor_change(
    app: Flask, merchant: int, login: Login, member: Member, client: HouseClient, make_product: Make
) -> None:
    product_id, _ = make_product()
    upload(login(member("owner")), product_id, drawn())
    (picture,) = pictures(app, merchant, product_id)
    address = f"/catalog/pictures/{picture.id}/thumb"
    assert login(make_person(app, make_merchant(app))).get(address).status_code == 404
    assert client.get(address).status_code == 303
    reader = login(member("read-only"))
    assert reader.get(address).status_code == 200
    assert reader.post(f"/catalog/pictures/{picture.id}/remove").status_code == 403
    assert login(member("compliance")).get(address).status_code == 403
