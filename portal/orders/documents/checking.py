"""What settings of documents must not say: numbers that would repeat, and typing errors in what others rely on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from stdnum import iban

from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.orders.models import DocumentCounter
from portal.orders.tax.vat_numbers import country_of, required_valid


def check_settings(typed: dict[str, Any]) -> None:
    """Check what was typed; the VAT ID is kept as it is written officially.

    Raises:
        DomainError: a prefix holds what a number must not or would make two documents share one, or the VAT ID or the IBAN
            has a typing error.
    """
    _check_prefixes(typed)
    _check_series(typed)
    _check_numbers(typed)


def _check_prefixes(typed: Mapping[str, Any]) -> None:
    for name in ("invoice_prefix", "credit_note_prefix"):
        if not all(character.isalnum() or character in "-/._ " for character in typed[name]):
            raise DomainError("A prefix has letters, digits, dashes, dots and slashes.", field=name)


def _check_series(typed: Mapping[str, Any]) -> None:
    """Two series, one of which goes on with digits where the other's number begins, would come to the same number one day."""
    counter = DocumentCounter.__table__.c
    known = set(
        db.session.scalars(sa.select(counter.series).where(counter.merchant_id == current_merchant_id()))
    )
    year = f"{utc_now().year}-" if typed["numbers_by_year"] else ""
    wanted = {name: f"{typed[name]}{year}" for name in ("invoice_prefix", "credit_note_prefix")}
    for name, series in wanted.items():
        other = next((each for each in sorted(known | {*wanted.values()}) if _meet(series, each)), None)
        if other is not None:
            raise DomainError(
                f"Numbers that begin with “{series}” would one day be the same as those that begin with “{other}”. "
                "End it with a dash or a letter.",
                field=name,
            )


def _meet(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return long.startswith(short) and long[len(short) :].isdecimal()


def _check_numbers(typed: dict[str, Any]) -> None:
    """Refuse typing errors in what buyers and tax offices rely on; keep the VAT ID as it is written officially."""
    if country_of(required_valid(typed["vat_id"], country=typed["country_code"])):
        typed["vat_id"] = required_valid(typed["vat_id"], country=typed["country_code"])
    if typed["iban"] and not iban.is_valid(typed["iban"]):
        raise DomainError("This IBAN has a typing error: its check digits do not fit.", field="iban")
