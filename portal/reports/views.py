"""Home and the sales reports."""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import Any

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import can, current_identity, requires, signed_in
from portal.accounts.permissions import OPERATE
from portal.core import formats
from portal.core.clock import utc_now
from portal.core.errors import DomainError
from portal.core.export import formula_safe
from portal.core.http import render, see_other
from portal.core.money import minor_units
from portal.reports import queries
from portal.reports.drilldown import parts_of
from portal.reports.first_steps import first_steps
from portal.reports.periods import PRESETS, Period, read_period
from portal.reports.queries import DIMENSIONS, Line, Sums
from portal.reports.rollups import merchant_zone

bp = Blueprint("reports", __name__)

HOME_DAYS = 30


@bp.get("/")
@signed_in("whoever works for no merchant is led to where that is said")
def home() -> ResponseReturnValue:
    """What waits for this person, and how the shop does for those who may see it."""
    if current_identity().merchant is None:
        return see_other(url_for("operations.platform_page" if can(OPERATE) else "accounts.merchants"))
    if not can("reports.view"):
        return render("reports/home.html", sales=None, steps=first_steps())
    today = _today()
    period = Period(today - dt.timedelta(days=HOME_DAYS - 1), today)
    return render("reports/home.html", sales=_home_sales(period, today), steps=first_steps())


@bp.get("/reports")
@requires("reports.view")
def sales() -> Response:
    """Sales by day, product, country or channel, beside the period before."""
    asked = _asked()
    lines = queries.sales(asked["dimension"], asked["period"], asked["currency"])
    return render(
        "reports/sales.html",
        **asked,
        lines=lines,
        dimensions=DIMENSIONS,
        presets=PRESETS,
        total=queries.totals(asked["period"], asked["currency"]),
        before=queries.totals(asked["period"].previous, asked["currency"]),
        chart=_chart(asked),
        zone=merchant_zone().key,
        refreshed_at=queries.refreshed_at(),
        status=422 if asked["problem"] else 200,
    )


@bp.get("/reports/orders")
@requires("reports.view", "orders.view")
def sales_orders() -> Response:
    """The orders and refunds behind one figure."""
    asked = _asked()
    key, below = request.args.get("key", ""), request.args.get("before", type=_order_id)
    parts = parts_of(asked["dimension"], key, asked["period"], asked["currency"], before=below)
    figure = _figure(asked["dimension"], key, asked["period"], asked["currency"])
    return render(
        "reports/orders.html", **asked, key=key, parts=parts, figure=figure, paged=below is not None
    )


@bp.get("/reports/export")
@requires("reports.view", "lists.export")
def export_sales() -> Response:
    """The report on screen as CSV."""
    asked = _asked()
    lines = queries.sales(asked["dimension"], asked["period"], asked["currency"])
    text, places = io.StringIO(), minor_units(asked["currency"])
    writer = csv.writer(text)
    heads = ("orders", "units", "gross", "refunded", "net")
    writer.writerow(
        [DIMENSIONS[asked["dimension"]], "Currency", *heads, *(f"{head} before" for head in heads)]
    )
    for line in lines:
        writer.writerow(
            [
                formula_safe(line.label),
                asked["currency"],
                *_figures(line.now, places),
                *_figures(line.before, places),
            ]
        )
    name = f"sales-by-{asked['dimension']}-{asked['period'].first}-{asked['period'].last}.csv"
    return Response(
        "\ufeff" + text.getvalue(),
        mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _asked() -> dict[str, Any]:
    """What the address asks for; what cannot be read is said and replaced by the usual."""
    problem, today = None, _today()
    try:
        period = read_period(request.args, today)
    except DomainError as error:
        problem, period = error.message, read_period({}, today)
    known = list(queries.currencies(period))
    own = _own_currency()
    currency = request.args.get("currency", own if own in known or not known else known[0])
    if currency not in {own, *known}:
        currency = own
    dimension = request.args.get("by", "day")
    return {
        "dimension": dimension if dimension in DIMENSIONS else "day",
        "period": period,
        "currency": currency,
        "currency_choices": [(code, code) for code in sorted({own, *known})],
        "is_net": request.args.get("basis") == "net",
        "problem": problem,
        "preset": None
        if request.args.get("from") or request.args.get("to")
        else request.args.get("period", "30d"),
    }


def _figure(dimension: str, key: str, period: Period, currency: str) -> Sums:
    if dimension == "day":
        return queries.totals(period, currency)
    return next((line.now for line in queries.sales(dimension, period, currency) if line.key == key), Sums())


def _home_sales(period: Period, today: dt.date) -> dict[str, Any]:
    currency = _own_currency()
    days = queries.totals_by_day(period, currency)
    earlier = queries.totals_by_day(period.previous, currency)
    week, week_before = (sum((sums for _, sums in span), Sums()) for span in (days[-7:], days[-14:-7]))
    month, month_before = (sum((sums for _, sums in span), Sums()) for span in (days, earlier))
    return {
        "currency": currency,
        "today": days[-1][1],
        "yesterday": days[-2][1],
        "week": week,
        "week_before": week_before,
        "month": month,
        "month_before": month_before,
        "labels": [day for day, _ in days],
        "revenue": [sums.gross for _, sums in days],
        "revenue_before": [sums.gross for _, sums in earlier],
        "orders": [sums.orders for _, sums in days],
        "orders_before": [sums.orders for _, sums in earlier],
        "has_any": bool(month.orders or month_before.orders),
        "refreshed_at": queries.refreshed_at(),
        "url": url_for("reports.sales"),
    }


def _chart(asked: dict[str, Any]) -> dict[str, Any] | None:
    """The days of the period as a line; other reports are read from their table."""
    if asked["dimension"] != "day":
        return None
    period, currency, is_net = asked["period"], asked["currency"], asked["is_net"]
    now, before = queries.totals_by_day(period, currency), queries.totals_by_day(period.previous, currency)
    return {
        "labels": [day for day, _ in now],
        "now": [sums.net if is_net else sums.gross for _, sums in now],
        "before": [sums.net if is_net else sums.gross for _, sums in before],
    }


def _figures(sums: Sums, places: int) -> list[str]:
    amounts = (f"{amount:.{places}f}" for amount in (sums.gross, sums.refunded, sums.net))
    return [str(sums.orders), str(sums.units), *amounts]


def _order_id(text: str) -> int:
    """An id from an address; what cannot be one raises ValueError, and the first page is shown."""
    if len(text) > 18:
        raise ValueError(text[:18])
    return int(text)


def change(now: Any, before: Any) -> float | None:
    """The growth over the period before as a ratio, None when there was nothing before."""
    return float((now - before) / abs(before)) if before else None


def line_label(line: Line, dimension: str) -> str:
    """The name of a row in the person's own language: a day, or the country behind a code."""
    if dimension == "day":
        return formats.day(dt.date.fromisoformat(line.key))
    return line.label


def _own_currency() -> str:
    merchant = current_identity().merchant
    assert merchant is not None, "a member works for a merchant"
    return merchant.currency


def _today() -> dt.date:
    return utc_now().astimezone(merchant_zone()).date()
