"""Two weeks of orders from four channels, each placed, paid and sent by the services, with work left in every queue."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from deploy.demo.dates import Story
from deploy.demo.people import Person
from deploy.demo.stock import retail_price
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.orders.models import Order, OrderFulfilment, OrderLine, SalesChannel
from portal.orders.placement import (
    NewCharge,
    NewContact,
    NewLine,
    NewOrder,
    NewPayment,
    PlacedOrder,
    place_order,
)
from portal.orders.services import add_note, add_tag, cancel_order, hold_order, mark_delivered, ship_lines

CHANNELS: Final = (
    ("web", "Web shop", "web"),
    ("app", "App", "app"),
    ("pos", "Harbour Street till", "pos"),
    ("bazaar", "Bazaar marketplace", "marketplace"),
)
WEIGHTS: Final = (46, 20, 20, 14)
RATE: Final = Decimal("0.2")
DAYS: Final = 14
HOLDS: Final = ("Address looks incomplete", "Payment is being checked", "Customer asked to wait")
CARRIERS: Final = ("Royal Mail", "DPD", "Evri")


@dataclass
class Desk:
    """Who acts in which part of an order's life."""

    support: Actor
    warehouse: Actor
    shop: Actor


def open_channels() -> dict[str, int]:
    """The four ways orders come in, by code."""
    rows = [SalesChannel(code=code, name=name, kind=kind) for code, name, kind in CHANNELS]
    db.session.add_all(rows)
    db.session.commit()
    return {row.code: row.id for row in rows}


class OrderBook:
    """Writes the two weeks and keeps when each thing happened, for the story."""

    def __init__(
        self,
        desk: Desk,
        goods: Sequence[sa.Row[Any]],
        people: Sequence[tuple[int, Person]],
        *,
        now: dt.datetime,
        seed: int,
    ) -> None:
        self._desk, self._goods, self._people, self._now = desk, goods, people, now
        self._pick = random.Random(seed)
        self._channels = open_channels()
        self.story = Story()
        self.delivered: list[int] = []

    def write(self) -> None:
        """Every day of the two weeks, the oldest first."""
        for age in range(DAYS, -1, -1):
            for at in self._times(age):
                self._one(at, age)
                db.session.commit()

    def _times(self, age: int) -> list[dt.datetime]:
        midnight = (self._now - dt.timedelta(days=age)).replace(hour=0, minute=0, second=0, microsecond=0)
        first, last = (
            midnight + dt.timedelta(hours=7),
            min(midnight + dt.timedelta(hours=21), self._now - dt.timedelta(minutes=10)),
        )
        if last <= first:
            first = midnight
        busy = 15 if midnight.weekday() < 5 else 9
        span = max((last - first).total_seconds(), 60.0)
        return sorted(
            first + dt.timedelta(seconds=self._pick.uniform(0, span))
            for _ in range(busy + self._pick.randrange(-3, 4))
        )

    def _one(self, at: dt.datetime, age: int) -> None:
        pick = self._pick
        code = pick.choices([channel[0] for channel in CHANNELS], WEIGHTS)[0]
        placed, units, is_paid = self._place(code, at)
        self.story.placed[placed.order_id] = at
        if code == "pos":
            self._hand_over(placed, units, at)
        elif placed.hold_reason or not is_paid:
            # Short of stock, or waiting for a bank transfer: the queues show both.
            return
        else:
            self._work(placed, units, at, age)

    def _place(self, code: str, at: dt.datetime) -> tuple[PlacedOrder, dict[int, int], bool]:
        pick = self._pick
        customer_id, person = pick.choice(self._people)
        is_anonymous = code == "pos" and pick.random() < 0.6
        lines = self._lines()
        items = sum((line.unit_price * line.quantity for line in lines), Decimal(0))
        charges = (
            [NewCharge("shipping", "Standard delivery", Decimal("3.95"), _tax(Decimal("3.95")))]
            if code != "pos" and items < 40
            else []
        )
        if code == "web" and pick.random() < 0.08:
            charges.append(NewCharge("discount", "WELCOME5", Decimal("2.00")))
        total = items + sum(
            (charge.amount if charge.kind != "discount" else -charge.amount for charge in charges), Decimal(0)
        )
        contacts = () if is_anonymous else (
            NewContact("buyer", name=person.name, email=person.email, phone=person.phone, country_code=person.country_code),
            *(() if code == "pos" else (NewContact("shipping", phone=person.phone, email=person.email, **_place_of(person)),)),
        )  # fmt: skip
        payments = self._payments(code, total)
        placed = place_order(
            NewOrder(
                channel_id=self._channels[code], currency="GBP", lines=lines, placed_at=at, tax_inclusive=True,
                external_id=f"BZ-{pick.randrange(100, 999)}-{pick.randrange(10**6, 10**7)}" if code == "bazaar" else None,
                customer_id=None if is_anonymous else customer_id, contacts=contacts, charges=charges, payments=payments,
                due_at=None if code == "pos" else at + dt.timedelta(days=2), phone_region="GB",
                tags=("gift",) if pick.random() < 0.08 else (),
            ),
            by=Actor("channel", self._channels[code], next(name for each, name, _ in CHANNELS if each == code)),
        )  # fmt: skip
        return placed, {n: line.quantity for n, line in enumerate(lines, 1)}, bool(payments)

    def _lines(self) -> list[NewLine]:
        pick = self._pick
        chosen = {
            self._goods[min(int(pick.random() ** 1.7 * len(self._goods)), len(self._goods) - 1)]
            for _ in range(pick.choice((1, 1, 2, 2, 3, 4)))
        }
        lines = []
        for row in sorted(chosen, key=lambda each: each.id):
            quantity, price = pick.choice((1, 1, 1, 2, 3)), retail_price(row.amount)
            tax = _tax(price * quantity)
            lines.append(
                NewLine(row.sku, row.title, quantity, price, variant_id=row.id, tax_rate=RATE, tax_amount=tax)
            )
        return lines

    def _payments(self, code: str, total: Decimal) -> list[NewPayment]:
        pick = self._pick
        if code == "pos" and pick.random() < 0.4:
            return [NewPayment("cash", total, total)]
        if code == "bazaar":
            return [
                NewPayment(
                    "marketplace",
                    total,
                    total,
                    gateway="bazaar",
                    gateway_reference=f"set-{pick.randrange(10**9):09d}",
                )
            ]
        chance = pick.random()
        if code != "pos" and chance < 0.05:
            return []
        captured = total if code == "pos" or chance > 0.12 else Decimal(0)
        return [NewPayment("card", total, captured, gateway="demo", gateway_reference=f"pay_{pick.randrange(16**12):012x}",
                           card_brand=pick.choice(("visa", "mastercard")), card_last_four=pick.choice(("4242", "4444", "1881", "0005")))]  # fmt: skip

    def _hand_over(self, placed: PlacedOrder, units: dict[int, int], at: dt.datetime) -> None:
        if placed.hold_reason:
            cancel_order(placed.order_id, by=self._desk.shop)
            return
        parcel = ship_lines(placed.order_id, units, carrier=None, tracking_number=None, by=self._desk.shop)
        table = OrderFulfilment.__table__
        db.session.execute(
            sa.update(table).where(table.c.merchant_id == current_merchant_id(), table.c.order_id == placed.order_id, table.c.n == parcel)
            .values(method="hand_over")
        )  # fmt: skip
        self._say_it_was_taken(placed.order_id, parcel)
        mark_delivered(placed.order_id, parcel, by=self._desk.shop)
        self.story.shipped[placed.order_id, parcel] = self.story.delivered[placed.order_id, parcel] = (
            at + dt.timedelta(minutes=2)
        )

    def _say_it_was_taken(self, order_id: int, parcel: int) -> None:
        table, head = OrderFulfilment.__table__, Order.__table__
        place = sa.select(table.c.location_id).where(
            table.c.merchant_id == current_merchant_id(), table.c.order_id == order_id, table.c.n == parcel
        )
        taken_at = db.session.scalar(place)
        if taken_at is not None:
            db.session.execute(
                sa.update(head)
                .where(head.c.merchant_id == current_merchant_id(), head.c.id == order_id)
                .values(delivery="hand_over", delivery_location_id=taken_at)
            )

    def _work(self, placed: PlacedOrder, units: dict[int, int], at: dt.datetime, age: int) -> None:
        pick, order_id = self._pick, placed.order_id
        chance = pick.random()
        if chance < 0.03:
            cancel_order(order_id, by=self._desk.support)
        elif chance < 0.06 or (age < 4 and chance < 0.1):
            hold_order(order_id, pick.choice(HOLDS), by=self._desk.support)
            add_note(
                order_id,
                "Wrote to the customer, no answer yet.",
                is_internal=True,
                subject_id=None,
                by=self._desk.support,
            )
        elif age >= 3 and chance < 0.1:
            add_tag(order_id, "late", by=self._desk.warehouse)
        elif age >= 2 and chance < 0.15 and sum(units.values()) > 1:
            first = next(iter(units))
            self._send(order_id, {first: 1}, at, age, all_of_it=False)
        elif age >= 3 or (age >= 1 and chance < 0.6):
            self._send(order_id, units, at, age)

    def _send(
        self, order_id: int, units: dict[int, int], at: dt.datetime, age: int, *, all_of_it: bool = True
    ) -> None:
        pick = self._pick
        number = f"{pick.choice('ABCDEFGH')}{pick.choice('KLMNPQ')}{pick.randrange(10**9):09d}GB"
        parcel = ship_lines(
            order_id, units, carrier=pick.choice(CARRIERS), tracking_number=number, by=self._desk.warehouse
        )
        left = min(at + dt.timedelta(hours=pick.uniform(5, 26)), self._now - dt.timedelta(minutes=4))
        self.story.shipped[order_id, parcel] = left
        if age >= 4 and all_of_it and pick.random() < 0.95:
            mark_delivered(order_id, parcel, by=Actor("channel", None, "Carrier"))
            self.story.delivered[order_id, parcel] = min(
                left + dt.timedelta(hours=pick.uniform(20, 50)), self._now
            )
            self.delivered.append(order_id)


def units_sent(order_id: int) -> dict[int, int]:
    """What left of each line of an order."""
    line = OrderLine.__table__
    rows = db.session.execute(
        sa.select(line.c.n, line.c.fulfilled_quantity)
        .where(line.c.merchant_id == current_merchant_id(), line.c.order_id == order_id, line.c.fulfilled_quantity > 0).order_by(line.c.n)
    )  # fmt: skip
    return dict(rows.tuples().all())


def _tax(gross: Decimal) -> Decimal:
    return (gross - gross / (1 + RATE)).quantize(Decimal("0.01"))


def _place_of(person: Person) -> dict[str, str]:
    return {
        "name": person.name,
        "line1": person.line1,
        "city": person.city,
        "postcode": person.postcode,
        "country_code": person.country_code,
    }
