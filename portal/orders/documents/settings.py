"""What a merchant prints on documents and when they are made: read, saved, and the logo kept."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa
from PIL import Image

from portal.accounts.models import Merchant
from portal.core import audit, storage
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import NotFoundError
from portal.core.merging import merged
from portal.core.pixels import PictureLimits, read_pixels
from portal.orders.documents.checking import check_settings
from portal.orders.documents.words import FALLBACK, LANGUAGES
from portal.orders.models import DocumentSettings

FIELDS: Final = (
    "company", "line1", "line2", "postcode", "city", "country_code", "vat_id", "tax_number", "registration", "managed_by",
    "email", "phone", "website", "bank", "iban", "bic", "footer", "language", "paper", "payment_days", "invoice_prefix",
    "credit_note_prefix", "numbers_by_year", "digits", "first_number", "issued_when", "is_mailed",
)  # fmt: skip
LOGO: Final = PictureLimits("logo", "logo", megabytes=5, megapixels=25)
LOGO_SIDE: Final = 900


def merchant_in_scope() -> Merchant:
    """The merchant whose documents these are."""
    return db.session.get_one(Merchant, current_merchant_id())


def document_settings(*, lock: bool = False) -> DocumentSettings:
    """The merchant's settings; without a row, what is known of the merchant and the defaults."""
    statement = sa.select(DocumentSettings)
    found = db.session.scalars(statement.with_for_update() if lock else statement).one_or_none()
    return found or _defaults(merchant_in_scope())


def settings_values(settings: DocumentSettings) -> dict[str, Any]:
    """The settings as their form shows them."""
    return {name: getattr(settings, name) for name in FIELDS} | {"country_code": settings.country_code or ""}


def save_settings(
    values: Mapping[str, Any], *, base: Mapping[str, Any], version: int, by: Actor
) -> DocumentSettings:
    """Save the settings; fields that only someone else changed meanwhile keep their value.

    Raises:
        StaleError: both changed a field, differently.
        DomainError: a prefix holds what a number must not or would make two documents share one, or the VAT ID or the IBAN
            has a typing error.
    """
    settings = document_settings(lock=True)
    before = settings_values(settings)
    typed = {name: _plain(values[name]) for name in FIELDS}
    if version != (settings.version or 0):
        typed = merged(before, base, typed, version=settings.version or 0)
    check_settings(typed)
    changed = {name: value for name, value in typed.items() if value != before[name]}
    for name, value in changed.items():
        setattr(settings, name, value or None if name == "country_code" else value)
    db.session.add(settings)
    db.session.flush()
    if changed:
        audit.record(
            "document_settings.saved", by=by, subject=("document_settings", current_merchant_id()),
            before={name: before[name] for name in changed}, after=changed,
        )  # fmt: skip
    return settings


def save_logo(data: bytes, *, by: Actor) -> None:
    """Keep a logo. Documents issued before keep theirs: its file is named after its content and never replaced.

    Raises:
        DomainError: it is too large, or no PNG, JPEG or WebP.
    """
    picture = read_logo(data)
    key = f"documents/logos/{hashlib.sha256(picture).hexdigest()[:32]}.png"
    storage.put(key, picture, filename="logo.png", media_type="image/png", by=by.id)
    _change_logo(key, by)


def remove_logo(*, by: Actor) -> None:
    """Print no logo from now on."""
    _change_logo(None, by)


def logo_bytes(key: str | None) -> bytes | None:
    """The stored logo, or None when there is none (any more)."""
    if key is None:
        return None
    try:
        return storage.read_bytes(key)
    except NotFoundError:
        return None


def read_logo(data: bytes) -> bytes:
    """The upload written anew as PNG, small enough to print, so that only pixels are kept.

    Raises:
        DomainError: it is too large, or no PNG, JPEG or WebP.
    """
    pixels = read_pixels(data, LOGO)
    pixels.thumbnail((LOGO_SIDE, LOGO_SIDE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    pixels.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _change_logo(key: str | None, by: Actor) -> None:
    settings = document_settings(lock=True)
    before, settings.logo_key = settings.logo_key, key
    db.session.add(settings)
    db.session.flush()
    if before != key:
        audit.record(
            "document_settings.logo_changed", by=by, subject=("document_settings", current_merchant_id()),
            before={"logo": before}, after={"logo": key},
        )  # fmt: skip


def _defaults(merchant: Merchant) -> DocumentSettings:
    language = merchant.locale.partition("_")[0].partition("-")[0]
    plain = {
        name: "" for name in FIELDS if name not in {"country_code", "numbers_by_year", "is_mailed"}
    }  # fmt: skip
    return DocumentSettings(**plain | {
        "merchant_id": merchant.id, "company": merchant.name, "country_code": merchant.country,
        "language": language if language in LANGUAGES else FALLBACK, "paper": "us-letter" if merchant.country in {"US", "CA"} else "a4",
        "payment_days": 14, "invoice_prefix": "INV-", "credit_note_prefix": "CN-", "numbers_by_year": True, "digits": 5,
        "first_number": 1, "issued_when": "by_hand", "is_mailed": False,
    })  # fmt: skip


def _plain(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return "\n".join(" ".join(line.split()) for line in value.replace("\0", "").splitlines()).strip()
