"""The merchant's rates, rules and exchange rates: saving them, and taking usual rates as their own."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError

from portal.core import audit
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError
from portal.core.merging import merged
from portal.core.money import UnknownCurrencyError, minor_units
from portal.orders.models import (
    EU_CONSUMER_TAXES,
    SHIPPING_TAXES,
    TAX_ROUNDINGS,
    UNTAXED_PRICES,
    ExchangeRate,
    TaxRate,
    TaxSettings,
)
from portal.orders.tax.standard_rates import SOURCE, OfferedRate, offered

TAX_CLASSES: Final = {"standard": "Standard", "reduced": "Reduced"}
SHIPPING_CLASSES: Final = TAX_CLASSES | {"zero": "Zero", "exempt": "Exempt"}
HIGHEST_PERCENT: Final = Decimal(100)
HIGHEST_WORTH: Final = 10**9
MOST_SHOWN: Final = 12
FIRST_DAY: Final = dt.date(1990, 1, 1)
RULE_FIELDS: Final = (
    "rounding",
    "shipping_tax",
    "shipping_class",
    "eu_consumers",
    "is_reverse_charge",
    "untaxed_prices",
)
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_REGION: Final = re.compile(r"[A-Z0-9]{0,3}")


def all_rates() -> Sequence[TaxRate]:
    """Every rate the merchant keeps, by place and class, the newest first."""
    order = (TaxRate.country_code, TaxRate.region, TaxRate.tax_class, TaxRate.valid_from.desc())
    return db.session.scalars(sa.select(TaxRate).order_by(*order)).all()


def rate_values(rate: TaxRate) -> dict[str, str]:
    """What the form shows, by field, as text."""
    return {
        "name": rate.name,
        "percent": plain(rate.rate * 100),
        "valid_from": rate.valid_from.isoformat(),
        "valid_to": rate.valid_to.isoformat() if rate.valid_to else "",
    }


def create_rate(
    *, country_code: str, region: str, tax_class: str, values: Mapping[str, str], by: Actor
) -> TaxRate:
    """Keep a rate.

    Raises:
        DomainError: the place, class, rate or dates do not make sense.
        ConflictError: the class has a rate from that day there already.
    """
    country, state = country_code.strip().upper(), region.strip().upper()
    if not _COUNTRY.fullmatch(country):
        raise DomainError("Choose a country.", field="country_code")
    if not _REGION.fullmatch(state):
        raise DomainError("A region is its code of up to three letters, such as CA.", field="region")
    if tax_class not in TAX_CLASSES:
        raise DomainError("Choose a class. Zero and exempt need no rate.", field="tax_class")
    rate = TaxRate(
        country_code=country,
        region=state,
        tax_class=tax_class,
        **_checked_rate(values, f"{state or country}"),
    )
    _flush(rate, "This class has a rate from that day already. Change that one.", "valid_from")
    audit.record(
        action="tax_rate.created",
        by=by,
        subject=("tax_rate", rate.id),
        after={"country": country, "region": state, "class": tax_class, **rate_values(rate)},
    )
    return rate


def change_rate(rate: TaxRate, values: Mapping[str, str], *, base: Mapping[str, Any], by: Actor) -> None:
    """Save a rate, keeping the edits of both sides. Orders keep the rate they were placed at.

    Raises:
        StaleError: someone else changed the same field since the form was opened.
        DomainError: as ``create_rate``.
    """
    before = rate_values(rate)
    wanted = _checked_rate(
        merged(before, base, values, version=rate.version), rate.region or rate.country_code
    )
    for name, value in wanted.items():
        setattr(rate, name, value)
    _flush(rate, "This class has another rate from that day.", "valid_from")
    after = rate_values(rate)
    if after != before:
        audit.record(
            action="tax_rate.updated", by=by, subject=("tax_rate", rate.id), before=before, after=after
        )


def remove_rate(rate: TaxRate, *, by: Actor) -> None:
    """Keep the rate no longer. Orders placed at it keep it."""
    audit.record(
        action="tax_rate.removed",
        by=by,
        subject=("tax_rate", rate.id),
        before={
            "country": rate.country_code,
            "region": rate.region,
            "class": rate.tax_class,
            **rate_values(rate),
        },
    )
    db.session.delete(rate)
    db.session.flush()


def open_offers() -> list[OfferedRate]:
    """Usual rates for places and classes the merchant keeps no rate for."""
    kept = {(rate.country_code, rate.region, rate.tax_class) for rate in all_rates()}
    return [each for each in offered() if (each.country_code, each.region, each.tax_class) not in kept]


def confirm_offers(keys: Iterable[str], *, valid_from: dt.date, by: Actor) -> int:
    """Keep the chosen usual rates as the merchant's own from a day on; gives how many.

    Raises:
        DomainError: nothing was chosen, or the day is out of range.
    """
    chosen = [each for each in open_offers() if each.key in set(keys)]
    if not chosen:
        raise DomainError("Choose the rates you want to keep.", field="keys")
    _require_day(valid_from, "valid_from")
    table = TaxRate.__table__
    db.session.execute(
        postgresql.insert(table).on_conflict_do_nothing(),
        [
            {
                "merchant_id": current_merchant_id(),
                "country_code": each.country_code,
                "region": each.region,
                "tax_class": each.tax_class,
                "name": each.name,
                "rate": each.rate,
                "valid_from": valid_from,
                "source": SOURCE,
            }
            for each in chosen
        ],
    )
    audit.record(
        action="tax_rates.confirmed",
        by=by,
        subject=("merchant", current_merchant_id()),
        after={"rates": [each.key for each in chosen], "valid_from": valid_from, "source": SOURCE},
    )
    return len(chosen)


def tax_settings(*, lock: bool = False) -> TaxSettings | None:
    """The merchant's rules; None while the defaults hold."""
    statement = sa.select(TaxSettings)
    return db.session.scalars(statement.with_for_update() if lock else statement).one_or_none()


def rule_values(settings: TaxSettings | None) -> dict[str, str]:
    """What the form shows of the rules, by field, as text."""
    found = settings or TaxSettings(
        rounding="line",
        shipping_tax="own",
        shipping_class="standard",
        eu_consumers="home",
        is_reverse_charge=True,
        untaxed_prices="less_tax",
    )
    return {
        **{name: getattr(found, name) for name in RULE_FIELDS},
        "is_reverse_charge": "y" if found.is_reverse_charge else "",
    }


def save_rules(values: Mapping[str, str], *, base: Mapping[str, Any], by: Actor) -> None:
    """Save how tax is added up. Orders keep the rules they were placed by.

    Raises:
        StaleError: someone else changed the same field since the form was opened.
        DomainError: a choice is unknown.
    """
    # The first save of two at once makes the row, the second waits for it.
    db.session.execute(
        postgresql.insert(TaxSettings.__table__)
        .values(merchant_id=current_merchant_id())
        .on_conflict_do_nothing()
    )
    settings = tax_settings(lock=True)
    assert settings is not None
    before = rule_values(settings)
    wanted = merged(before, base, values, version=settings.version)
    for name, known in (
        ("rounding", TAX_ROUNDINGS),
        ("shipping_tax", SHIPPING_TAXES),
        ("eu_consumers", EU_CONSUMER_TAXES),
        ("untaxed_prices", UNTAXED_PRICES),
        ("shipping_class", SHIPPING_CLASSES),
    ):
        if wanted[name] not in known:
            raise DomainError("Choose one of the list.", field=name)
        setattr(settings, name, wanted[name])
    settings.is_reverse_charge = bool(wanted["is_reverse_charge"])
    db.session.flush()
    after = rule_values(settings)
    if after != before:
        changed = [name for name in after if after[name] != before[name]]
        audit.record(
            action="tax_settings.updated",
            by=by,
            subject=("merchant", current_merchant_id()),
            before={name: before[name] for name in changed},
            after={name: after[name] for name in changed},
        )


def newest_exchange_rates() -> Sequence[ExchangeRate]:
    """The newest exchange rates of each currency, a dozen at most: some record one every day."""
    place = sa.func.row_number().over(
        partition_by=ExchangeRate.currency, order_by=ExchangeRate.valid_from.desc()
    )
    ranked = sa.select(ExchangeRate.merchant_id, ExchangeRate.id, place.label("place")).subquery()
    return db.session.scalars(
        sa.select(ExchangeRate)
        .join(
            ranked, sa.and_(ranked.c.merchant_id == ExchangeRate.merchant_id, ranked.c.id == ExchangeRate.id)
        )
        .where(ranked.c.place <= MOST_SHOWN)
        .order_by(ExchangeRate.currency, ExchangeRate.valid_from.desc())
    ).all()


def record_exchange_rate(*, currency: str, rate: Decimal, valid_from: dt.date, own: str, by: Actor) -> None:
    """Keep what one unit of *currency* is worth in the merchant's *own* currency from a day on.

    A rate for the same day is replaced. Orders keep the rate they were placed at.

    Raises:
        DomainError: the currency is unknown or their own, the rate is not above zero, or the day is out of range.
    """
    code = currency.strip().upper()
    try:
        minor_units(code)
    except UnknownCurrencyError as error:
        raise DomainError(str(error), field="currency") from None
    if code == own:
        raise DomainError(f"{own} is your own currency: it is worth itself.", field="currency")
    worth = round(rate, 10) if 0 < rate < HIGHEST_WORTH else Decimal(0)
    if not worth:
        raise DomainError(f"Enter a rate above zero and below {HIGHEST_WORTH:,}.", field="rate")
    _require_day(valid_from, "valid_from")
    table = ExchangeRate.__table__
    insert = postgresql.insert(table).values(
        merchant_id=current_merchant_id(), currency=code, rate=worth, valid_from=valid_from
    )
    db.session.execute(
        insert.on_conflict_do_update(
            index_elements=["merchant_id", "currency", "valid_from"],
            set_={"rate": worth, "version": table.c.version + 1, "updated_at": sa.func.now()},
        )
    )
    audit.record(
        action="exchange_rate.recorded",
        by=by,
        subject=("merchant", current_merchant_id()),
        after={"currency": code, "rate": worth, "valid_from": valid_from},
    )


def plain(number: Decimal) -> str:
    """A number without needless zeros: 21, 5.5, 0.85."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def day_of(text: str, field: str) -> dt.date | None:
    """The date typed as *text*, None for none.

    Raises:
        DomainError: it is no date.
    """
    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError:
        raise DomainError("Enter a date, such as 2026-01-31.", field=field) from None


def _checked_rate(values: Mapping[str, str], place: str) -> dict[str, Any]:
    percent = _decimal(values["percent"])
    if percent is None or not 0 <= percent < HIGHEST_PERCENT:
        raise DomainError("Enter a rate from 0 to below 100 per cent.", field="percent")
    if percent != round(percent, 4):
        raise DomainError("A rate has at most four decimals.", field="percent")
    begins, ends = day_of(values["valid_from"], "valid_from"), None
    if begins is None:
        raise DomainError("Enter the first day the rate holds.", field="valid_from")
    _require_day(begins, "valid_from")
    if values["valid_to"]:
        ends = day_of(values["valid_to"], "valid_to")
    if ends is not None and ends < begins:
        raise DomainError("The last day comes before the first.", field="valid_to")
    name = " ".join(values["name"].split())[:80] or f"{place} tax"
    return {"name": name, "rate": percent / 100, "valid_from": begins, "valid_to": ends}


def _decimal(text: str) -> Decimal | None:
    try:
        found = Decimal(text.strip().removesuffix("%").strip().replace(",", "."))
    except ArithmeticError:
        return None
    return found if found.is_finite() else None


def _require_day(day: dt.date, field: str) -> None:
    if not FIRST_DAY <= day <= dt.date(2999, 12, 31):
        raise DomainError("Enter a day from 1990 on.", field=field)


def _flush(row: TaxRate, words: str, field: str) -> None:
    try:
        with db.session.begin_nested():
            db.session.add(row)
            db.session.flush()
    except IntegrityError as error:
        if "tax_rate_merchant_id_country_code" not in str(error.orig):
            raise
        raise ConflictError(words, field=field) from None
