"""Mails that go out by themselves: the order came in, a parcel left, a collection is ready."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
import structlog

from portal.core.audit import SYSTEM
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError, NotFoundError
from portal.core.ids import floor_at
from portal.core.outbox import Event, consumer
from portal.orders.book import of_order
from portal.orders.fulfilment.carriers import tracking_link
from portal.orders.fulfilment.settings import fulfilment_settings
from portal.orders.letters.buyers import Addressee, addressee_of
from portal.orders.letters.sending import write_to_buyer
from portal.orders.models import OrderContactLog, OrderFulfilment, OrderFulfilmentLine
from portal.stock.models import Location

log = structlog.get_logger(__name__)

NEWS: Final = dt.timedelta(days=2)
ORDER, DISPATCH, READY = "Order confirmation", "Dispatch notice", "Ready to collect"
SWITCHES: Final = {
    "order.placed": "mails_order",
    "order.shipped": "mails_dispatch",
    "order.ready": "mails_ready",
}

_parcel, _content, _log = OrderFulfilment.__table__, OrderFulfilmentLine.__table__, OrderContactLog.__table__


@consumer("order-mails", kinds=list(SWITCHES))
def write_mails(events: Sequence[Event]) -> None:
    """One mail per event. An order without an address, or one a shop wrote about itself, gets none."""
    switches = fulfilment_settings()
    # A consumer that is new, or a database that was restored, reads old events: nobody is told of those again.
    news = floor_at(utc_now() - NEWS)
    for event in events:
        if event.id < news or not getattr(switches, SWITCHES[event.kind]):
            continue
        try:
            to = addressee_of(int(event.payload["order_id"]))
        except NotFoundError:
            continue
        if to.email and (switches.mails_for_channels or not to.is_from_channel):
            _write(event, to)


def _write(event: Event, to: Addressee) -> None:
    try:
        if event.kind == "order.placed":
            write_order_mail(to)
        elif event.payload.get("parcel"):
            write_parcel_mail(to, int(event.payload["parcel"]))
    except DomainError as error:
        log.info("an order mail was not written", order_id=to.order_id, why=error.message)


def write_order_mail(to: Addressee) -> None:
    """Confirm the order, once; one that is brought in from the past is not confirmed."""
    if to.placed_at < utc_now() - NEWS:
        return
    known = db.session.execute(
        sa.select(_log.c.n).where(of_order(_log, to.order_id), _log.c.title == ORDER).limit(1)
    ).first()
    if known is None:
        write_to_buyer(to.order_id, "order_placed", title=ORDER, to=to, by=SYSTEM)


def write_parcel_mail(to: Addressee, n: int) -> None:
    """Tell that a parcel left, or that a collection is ready."""
    parcel = db.session.execute(
        sa.select(_parcel).where(of_order(_parcel, to.order_id), _parcel.c.n == n)
    ).mappings().one_or_none()  # fmt: skip
    if parcel is None or (parcel["shipped_at"] or utc_now()) < utc_now() - NEWS:
        return
    inside = db.session.execute(
        sa.select(_content.c.line_n, _content.c.quantity).where(
            of_order(_content, to.order_id), _content.c.fulfilment_n == n
        )
    )
    titles = {line["n"]: line["title"] for line in to.facts["lines"]}
    goods = [{"title": titles.get(row.line_n, "…"), "quantity": row.quantity} for row in inside]
    if parcel["state"] == "shipped":
        write_to_buyer(
            to.order_id, "order_dispatched", title=DISPATCH, to=to, by=SYSTEM,
            context={
                "goods": goods, "carrier": parcel["carrier"], "tracking_number": parcel["tracking_number"],
                "link": tracking_link(parcel["carrier"], parcel["tracking_number"], parcel["tracking_url"]),
            },
        )  # fmt: skip
    elif parcel["state"] == "ready":
        write_to_buyer(
            to.order_id, "order_ready", title=READY, to=to, by=SYSTEM,
            context={
                "goods": goods, "code": parcel["pickup_code"],
                "place": _place_of(parcel["location_id"]),
                "until": parcel["collect_by"].date().isoformat() if parcel["collect_by"] else None,
            },
        )  # fmt: skip


def _place_of(location_id: int | None) -> str | None:
    """Name and address of the place where it is collected."""
    table = Location.__table__
    found = db.session.execute(
        sa.select(table.c.name, table.c.address).where(
            table.c.merchant_id == current_merchant_id(), table.c.id == location_id
        )
    ).one_or_none()
    return ", ".join(" ".join(text.split()) for text in found if text) if found else None
