"""Uploaded pictures. Of what is sent only the pixels are read; whoever keeps them writes them anew."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageOps, UnidentifiedImageError

from portal.core.errors import DomainError

FORMATS: Final = ("PNG", "JPEG", "WEBP")
# What Pillow raises on bytes that are no picture, depending on how far it comes.
_UNREADABLE: Final = (
    UnidentifiedImageError,
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    Image.DecompressionBombError,
)


@dataclass(frozen=True, slots=True)
class PictureLimits:
    """How large a picture may be; ``called`` is what a person calls it, ``field`` the field it is chosen in."""

    called: str
    field: str
    megabytes: int
    megapixels: int

    @property
    def most_bytes(self) -> int:
        return self.megabytes * 1024 * 1024


def read_pixels(data: bytes, limits: PictureLimits) -> Image.Image:
    """The picture, upright, as RGB or RGBA.

    Raises:
        DomainError: there is none, it is too large, or no PNG, JPEG or WebP.
    """
    if not data:
        raise DomainError("Choose a picture.", field=limits.field)
    if len(data) > limits.most_bytes:
        raise _too_large(f"{limits.megabytes} MB", limits)
    try:
        # Opening reads the head alone; the pixels are decoded only after their number is known.
        with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
            if opened.width * opened.height > limits.megapixels * 1_000_000:
                raise _too_large(f"{limits.megapixels} megapixels", limits)
            upright = ImageOps.exif_transpose(opened)
            return upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    except _UNREADABLE as error:
        raise DomainError(
            "This is no picture we can read. Use PNG, JPEG or WebP.", field=limits.field
        ) from error


def _too_large(most: str, limits: PictureLimits) -> DomainError:
    return DomainError(
        f"A {limits.called} may have {most}. Save it smaller and try again.", field=limits.field
    )
