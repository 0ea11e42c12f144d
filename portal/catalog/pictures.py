"""Pictures of products. What is uploaded is read, checked and written anew, so that only pixels are kept."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from PIL import Image

from portal.catalog import typed
from portal.catalog.announcing import announce_product
from portal.catalog.models import Media, Product
from portal.core import storage
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError
from portal.core.pixels import PictureLimits, read_pixels

LIMITS: Final = PictureLimits("picture", "picture", megabytes=15, megapixels=40)
MOST_PICTURES: Final = 100
# Longest side in pixels, by the name that stands in the address.
SIZES: Final = {"full": 2_000, "thumb": 320}


@dataclass(frozen=True, slots=True)
class Picture:
    """An upload after it was read: both sizes as WebP."""

    content_hash: str
    width: int
    height: int
    files: dict[str, bytes]


def read_picture(data: bytes) -> Picture:
    """Decode an upload and write it anew in both sizes.

    Raises:
        DomainError: it is too large, or no PNG, JPEG or WebP.
    """
    pixels = read_pixels(data, LIMITS)
    files = {name: _written(pixels, longest) for name, longest in SIZES.items()}
    with Image.open(io.BytesIO(files["full"])) as full:
        width, height = full.size
    return Picture(hashlib.sha256(data).hexdigest(), width, height, files)


def add_picture(
    product: Product, picture: Picture, *, filename: str = "", alt_text: str = "", by: Actor
) -> Media:
    """Keep a picture with a product, behind those it has.

    Raises:
        ConflictError: the product has the same picture.
        DomainError: it has a hundred.
    """
    standing = db.session.execute(
        sa.select(Media.content_hash, Media.position).where(Media.product_id == product.id)
    ).all()
    if picture.content_hash in {row.content_hash for row in standing}:
        raise ConflictError("This product already has this picture.", field="picture")
    if len(standing) >= MOST_PICTURES:
        raise DomainError(f"A product has at most {MOST_PICTURES} pictures.", field="picture")
    media = Media(
        product_id=product.id,
        content_hash=picture.content_hash,
        width=picture.width,
        height=picture.height,
        storage_key=f"merchants/{current_merchant_id()}/products/{product.id}/{picture.content_hash}",
        alt_text=_alt(alt_text),
        position=max((row.position for row in standing), default=-1) + 1,
    )
    for size, data in picture.files.items():
        storage.put(
            f"{media.storage_key}-{size}.webp",
            data,
            filename=f"{size}.webp",
            media_type="image/webp",
            by=by.id,
        )
    db.session.add(media)
    db.session.flush()
    _tell(
        product,
        "product.picture_added",
        media,
        {},
        {"alt_text": media.alt_text, "filename": filename[:200]},
        by,
    )
    return media


def describe_picture(product: Product, media: Media, alt_text: str, *, by: Actor) -> None:
    """Say what the picture shows, for those who cannot see it."""
    before, media.alt_text = media.alt_text, _alt(alt_text)
    if before == media.alt_text:
        return
    db.session.flush()
    _tell(product, "product.picture_described", media, {"alt_text": before}, {"alt_text": media.alt_text}, by)


def order_pictures(product: Product, media_ids: Sequence[int], *, by: Actor) -> None:
    """Put the pictures into this order; those it does not name follow. The first one stands for the product."""
    pictures = {media.id: media for media in product.media}
    wanted = [key for key in dict.fromkeys(media_ids) if key in pictures]
    wanted += [key for key in pictures if key not in wanted]
    if wanted == list(pictures):
        return
    for place, key in enumerate(wanted):
        pictures[key].position = place
    db.session.flush()
    db.session.expire(product, ["media"])
    announce_product(product, "product.pictures_ordered", {"order": list(pictures)}, {"order": wanted}, by)


def remove_picture(product: Product, media: Media, *, by: Actor) -> None:
    """Take a picture away. Its files go once the change stands, with those that expire."""
    if media.storage_key:
        keys = [f"{media.storage_key}-{size}.webp" for size in SIZES]
        for stored in db.session.scalars(
            sa.select(storage.StoredFile).where(storage.StoredFile.key.in_(keys))
        ):
            stored.expires_at = utc_now()
    _tell(product, "product.picture_removed", media, {"alt_text": media.alt_text}, {}, by)
    db.session.delete(media)
    db.session.flush()


def picture_bytes(media: Media, size: str) -> bytes:
    """The stored file of a size.

    Raises:
        NotFoundError: it is no longer there.
    """
    return storage.read_bytes(f"{media.storage_key}-{size}.webp")


def _written(pixels: Image.Image, longest: int) -> bytes:
    smaller = pixels.copy()
    smaller.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    smaller.save(buffer, "WEBP", quality=82, method=4)
    return buffer.getvalue()


def _alt(text: str) -> str:
    return typed.short_text(text, "alt_text", "The description", most=300)


def _tell(
    product: Product,
    action: str,
    media: Media,
    before: dict[str, object],
    after: dict[str, object],
    by: Actor,
) -> None:
    announce_product(product, action, before, after | {"media_id": media.id}, by)
