"""Making and changing vouchers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy.exc import IntegrityError

from portal.core import audit, normalise
from portal.core.audit import Actor
from portal.core.database import db
from portal.core.errors import ConflictError, DomainError
from portal.core.merging import merged
from portal.core.money import UnknownCurrencyError, minor_units
from portal.orders.models import Voucher

KINDS: Final = {"percent": "A percentage", "amount": "An amount", "free_shipping": "Free shipping"}
FIELDS: Final = (
    "code",
    "kind",
    "percent",
    "amount",
    "currency",
    "minimum",
    "starts_on",
    "ends_on",
    "usage_limit",
    "is_active",
)
LONGEST_CODE: Final = 40
MOST_USES: Final = 10_000_000
MOST_MONEY: Final = 10**11


def voucher_values(voucher: Voucher, zone: ZoneInfo) -> dict[str, str]:
    """What the form shows, by field, as text; days are days of the merchant's zone."""
    return {
        "code": voucher.code,
        "kind": voucher.kind,
        "percent": _text(voucher.percent),
        "amount": _text(voucher.amount),
        "currency": voucher.currency or "",
        "minimum": _text(voucher.minimum),
        "starts_on": voucher.starts_at.astimezone(zone).date().isoformat() if voucher.starts_at else "",
        "ends_on": (voucher.ends_at.astimezone(zone) - dt.timedelta(seconds=1)).date().isoformat()
        if voucher.ends_at
        else "",
        "usage_limit": str(voucher.usage_limit) if voucher.usage_limit is not None else "",
        "is_active": "y" if voucher.is_active else "",
    }


def create_voucher(values: Mapping[str, str], *, zone: ZoneInfo, by: Actor) -> Voucher:
    """Make a voucher.

    Raises:
        DomainError: a value does not make sense; ``field`` names it.
        ConflictError: the code is taken.
    """
    voucher = Voucher(**_checked(values, zone))
    _flush(voucher)
    audit.record(
        action="voucher.created",
        by=by,
        subject=("voucher", voucher.id),
        after=voucher_values(voucher, zone),
    )
    return voucher


def change_voucher(
    voucher: Voucher, values: Mapping[str, str], *, base: Mapping[str, Any], zone: ZoneInfo, by: Actor
) -> None:
    """Save a voucher, keeping the edits of both sides; what it has taken off stays.

    Raises:
        StaleError: someone else changed the same field since the form was opened.
        DomainError: as ``create_voucher``, or the limit is below what was used.
    """
    before = voucher_values(voucher, zone)
    wanted = _checked(merged(before, base, values, version=voucher.version), zone)
    if wanted["usage_limit"] is not None and wanted["usage_limit"] < voucher.used_count:
        raise DomainError(f"It was used {voucher.used_count} times already.", field="usage_limit")
    for name, value in wanted.items():
        setattr(voucher, name, value)
    _flush(voucher)
    after = voucher_values(voucher, zone)
    changed = [name for name in after if after[name] != before[name]]
    if changed:
        audit.record(
            action="voucher.updated",
            by=by,
            subject=("voucher", voucher.id),
            before={name: before[name] for name in changed},
            after={name: after[name] for name in changed},
        )


def _checked(values: Mapping[str, str], zone: ZoneInfo) -> dict[str, Any]:
    code = " ".join(values["code"].split())
    key = normalise.code_key(code)
    if not key or len(code) > LONGEST_CODE:
        raise DomainError(f"Enter a code of up to {LONGEST_CODE} characters.", field="code")
    kind = values["kind"]
    if kind not in KINDS:
        raise DomainError("Choose what the voucher gives.", field="kind")
    percent = _number(values["percent"], "percent") if kind == "percent" else None
    amount = _number(values["amount"], "amount") if kind == "amount" else None
    minimum = _number(values["minimum"], "minimum")
    if kind == "percent" and (percent is None or not 0 < percent <= 100 or percent != round(percent, 4)):
        raise DomainError("Enter a percentage above 0 and up to 100.", field="percent")
    if kind == "amount" and (amount is None or amount <= 0):
        raise DomainError("Enter an amount above zero.", field="amount")
    if minimum is not None and minimum < 0:
        raise DomainError("The minimum must not be negative.", field="minimum")
    currency = values["currency"].strip().upper() if amount is not None or minimum is not None else None
    if currency is not None:
        _require_fits(currency, {"amount": amount, "minimum": minimum})
    starts, ends = _day(values["starts_on"], "starts_on"), _day(values["ends_on"], "ends_on")
    if starts and ends and ends < starts:
        raise DomainError("The last day comes before the first.", field="ends_on")
    return {
        "code": code,
        "code_key": key,
        "kind": kind,
        "percent": percent,
        "amount": amount,
        "currency": currency,
        "minimum": minimum,
        "starts_at": _midnight(starts, zone),
        # The last day counts whole.
        "ends_at": _midnight(ends + dt.timedelta(days=1), zone) if ends else None,
        "usage_limit": _limit(values["usage_limit"]),
        "is_active": bool(values["is_active"]),
    }


def _require_fits(currency: str, amounts: Mapping[str, Decimal | None]) -> None:
    try:
        places = minor_units(currency)
    except UnknownCurrencyError as error:
        raise DomainError(str(error), field="currency") from None
    for field, amount in amounts.items():
        if amount is None:
            continue
        if amount >= MOST_MONEY:
            raise DomainError(f"Enter an amount below {MOST_MONEY:,}.", field=field)
        if amount != round(amount, places):
            raise DomainError(f"{currency} is charged with {places or 'no'} decimals.", field=field)


def _number(text: str, field: str) -> Decimal | None:
    cleaned = text.strip().replace(",", ".")
    if not cleaned:
        return None
    try:
        found = Decimal(cleaned)
    except ArithmeticError:
        found = Decimal("NaN")
    if not found.is_finite():
        raise DomainError("Enter a number.", field=field)
    return found


def _limit(text: str) -> int | None:
    cleaned = text.strip()
    if not cleaned:
        return None
    if not (cleaned.isascii() and cleaned.isdecimal()) or not 1 <= int(cleaned[:9]) <= MOST_USES:
        raise DomainError("Enter how often it may be used, from 1 up, or nothing.", field="usage_limit")
    return int(cleaned[:9])


def _day(text: str, field: str) -> dt.date | None:
    try:
        day = dt.date.fromisoformat(text.strip()) if text.strip() else None
    except ValueError:
        raise DomainError("Enter a date, such as 2026-01-31.", field=field) from None
    if day is not None and not 1990 <= day.year <= 2999:
        raise DomainError("Enter a day from 1990 on.", field=field)
    return day


def _midnight(day: dt.date | None, zone: ZoneInfo) -> dt.datetime | None:
    return dt.datetime.combine(day, dt.time(), zone) if day else None


def _text(number: Decimal | None) -> str:
    if number is None:
        return ""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _flush(voucher: Voucher) -> None:
    try:
        with db.session.begin_nested():
            db.session.add(voucher)
            db.session.flush()
    except IntegrityError as error:
        if "voucher_merchant_id_code_key_key" not in str(error.orig):
            raise
        raise ConflictError("Another voucher has this code.", field="code") from None
