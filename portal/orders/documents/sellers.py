"""What the law wants to read about the seller, and a business buyer, on an invoice, and what of it is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from portal.orders.models import DocumentSettings
from portal.orders.tax.vat_numbers import EU

LABELS: Final = {
    "company": "Company name",
    "line1": "Street and number",
    "postcode": "Postcode",
    "city": "Town",
    "country_code": "Country",
    "vat_id": "VAT ID",
    "tax_number": "Tax number",
    "registration": "Company register",
    "managed_by": "Managing directors",
}
ADDRESS: Final = ("company", "line1", "city", "country_code")
# Directive 2006/112/EC article 226 (3) and (5), and what a member state or another country adds to it. A pair means that
# one of the two is enough.
Must = str | tuple[str, str]
BEYOND_ADDRESS: Final[dict[str, tuple[Must, ...]]] = {
    "DE": ("postcode", ("vat_id", "tax_number")),
    "AT": ("postcode", "vat_id"),
    "FR": ("postcode", "vat_id", "registration"),
    "IT": ("postcode", "vat_id"),
    "ES": ("postcode", "tax_number"),
    "PL": ("postcode", ("tax_number", "vat_id")),
    "NL": ("postcode", "vat_id", "registration"),
    "BE": ("postcode", "vat_id"),
    "PT": ("postcode", ("tax_number", "vat_id")),
    "IE": ("vat_id",),
    "GB": ("postcode", ("vat_id", "registration")),
    "CH": ("postcode", ("vat_id", "registration")),
    "NO": ("postcode", "registration"),
    "US": ("postcode",),
}


def missing_of(settings: DocumentSettings) -> Sequence[str]:
    """Fields an invoice needs and the settings lack, in words; empty when an invoice may be issued."""
    return [
        " or ".join(LABELS[name] for name in names)
        for names in _asked_for(settings)
        if not any(str(getattr(settings, name) or "").strip() for name in names)
    ]


def missing_of_buyer(buyer: Mapping[str, Any], tax_treatment: str) -> Sequence[str]:
    """What an invoice without tax to a business must say of it and the order does not know, in words."""
    if tax_treatment != "reverse_charge":
        return []
    asked = {"name": ("company", "name"), "street": ("line1",), "town": ("city",), "VAT ID": ("vat_id",)}
    return [word for word, names in asked.items() if not any(buyer.get(name) for name in names)]


def fields_asked_for(settings: DocumentSettings) -> frozenset[str]:
    """The fields that the seller's country asks for, filled or not."""
    return frozenset(name for names in _asked_for(settings) for name in names)


def _asked_for(settings: DocumentSettings) -> list[tuple[str, ...]]:
    country = settings.country_code or ""
    rest = BEYOND_ADDRESS.get(country, ("postcode", "vat_id") if country in EU else ())
    return [(must,) if isinstance(must, str) else must for must in (*ADDRESS, *rest)]
