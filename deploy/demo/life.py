"""Orders in every step between the shelf and the buyer: planned, picked, packed, ready to collect, on hold by a rule, short."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import Final

import sqlalchemy as sa

from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.orders.allocation import allocations_of
from portal.orders.assigning import assign_order
from portal.orders.book import lines_of
from portal.orders.delivery import change_delivery
from portal.orders.files import add_file
from portal.orders.fulfilment import collecting, correcting, parcels
from portal.orders.fulfilment.leaving import open_units
from portal.orders.holds import hold_order
from portal.orders.letters.contacts import log_contact
from portal.orders.letters.texts import save_text, send_text
from portal.orders.models import Order, OrderLine, PickLine
from portal.orders.picking.services import make_pick_list, report_short, scan
from portal.orders.shortfalls.services import reconcile

TEXTS: Final = (
    ("Gift wrapping", "en", "Your order {number}: gift wrapping",
     "Hello {name},\n\nyou asked for gift wrapping. Which paper would you like: plain kraft, or the one with lanterns?\n\n{shop}"),
    ("Nachfrage zur Adresse", "de", "Ihre Bestellung {number}: die Adresse",
     "Guten Tag {name},\n\nbitte nennen Sie uns die fehlende Hausnummer für Ihre Bestellung {number}.\n\n{shop}"),
)  # fmt: skip
WAITING: Final = 12


def go_on(team: Mapping[str, Actor], location_id: int) -> None:
    """Take open orders one step further each, so that no queue of the portal is empty."""
    support, warehouse = team["support"], team["warehouse"]
    _texts(by=team["owner"])
    orders = _open_orders()
    for step, order_id in zip(_STEPS, orders, strict=False):
        try:
            with db.session.begin_nested():
                step(order_id, support, warehouse)
        except DomainError:
            continue
        db.session.commit()
    _say_what_is_short(by=support)
    _pick(location_id, by=warehouse)


def _collect(order_id: int, support: Actor, warehouse: Actor) -> None:
    place = allocations_of(order_id)[0].location_id
    change_delivery(order_id, "collect", place, by=support)
    collecting.set_ready(order_id, _left(order_id), location_id=place, by=warehouse)


def _pack(order_id: int, support: Actor, warehouse: Actor) -> None:
    n = parcels.plan_parcel(order_id, _left(order_id), by=warehouse)
    parcels.pack_parcel(order_id, n, by=warehouse)
    correcting.label_made(order_id, n, by=warehouse)


def _split(order_id: int, support: Actor, warehouse: Actor) -> None:
    for n, units in _left(order_id).items():
        parcels.plan_parcel(order_id, {n: units}, by=warehouse)


def _wait_for_a_day(order_id: int, support: Actor, warehouse: Actor) -> None:
    until = utc_now() + dt.timedelta(days=3)
    hold_order(order_id, "The customer asked to wait", rule="on_date", until=until, by=support)
    log_contact(order_id, "phone", "Away until the end of the week, please send it later.", is_incoming=True, subject_id=None, by=support)  # fmt: skip


def _ask(order_id: int, support: Actor, warehouse: Actor) -> None:
    assign_order(order_id, support.id, by=support)
    send_text(order_id, "About your order", "Hello,\n\nwhich colour of the ribbon would you like?\n\nLantern & Co", title="Question", by=support)  # fmt: skip
    add_file(order_id, "ribbon colours.txt", b"red, green, plain\n", subject_id=None, by=support)


def _promise_a_collection(order_id: int, support: Actor, warehouse: Actor) -> None:
    change_delivery(order_id, "collect", allocations_of(order_id)[0].location_id, by=support)


_STEPS: Final = (_collect, _collect, _promise_a_collection, _pack, _pack, _split, _wait_for_a_day, _ask, _ask)


def _texts(*, by: Actor) -> None:
    for name, locale, subject, body in TEXTS:
        save_text(None, {"name": name, "locale": locale, "subject": subject, "body": body}, version=0, by=by)
    db.session.commit()


def _open_orders() -> Sequence[int]:
    head = Order.__table__
    return db.session.scalars(
        sa.select(head.c.id)
        .where(
            head.c.merchant_id == current_merchant_id(),
            head.c.state == "open",
            head.c.payment_state == "paid",
            head.c.fulfilment_state == "unfulfilled",
        )
        .order_by(head.c.id.desc())
        .limit(WAITING)
    ).all()


def _left(order_id: int) -> dict[int, int]:
    return {line["n"]: open_units(line) for line in lines_of(order_id) if open_units(line)}


def _say_what_is_short(*, by: Actor) -> None:
    line = OrderLine.__table__
    short = db.session.scalars(
        sa.select(line.c.order_id)
        .where(line.c.merchant_id == current_merchant_id(), line.c.promise_state == "short")
        .distinct()
        .limit(100)
    ).all()
    for order_id in sorted(short):
        reconcile(order_id, by=by)
    db.session.commit()


def _pick(location_id: int, *, by: Actor) -> None:
    """A list that is half done: some units picked, one said to be missing."""
    try:
        made = make_pick_list(location_id, most=6, by=by)
    except DomainError:
        db.session.rollback()
        return
    db.session.commit()
    table = PickLine.__table__
    rows = db.session.execute(
        sa.select(table.c.n, table.c.sku, table.c.wanted)
        .where(table.c.merchant_id == current_merchant_id(), table.c.pick_list_id == made.id)
        .order_by(table.c.n)
    ).all()
    for row in rows[: len(rows) // 2]:
        scan(made.id, row.sku, row.wanted, token=uuid.uuid4(), by=by)
    if len(rows) > 2:
        report_short(made.id, rows[-1].n, by=by)
    db.session.commit()
