"""The orders of generated shops in the order of time, and the stock ledger they move."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from bench.dataset.beginnings import COUNTRIES
from bench.dataset.ground import CHUNK, Ground
from bench.dataset.sizes import Shop
from bench.vocabulary import CITIES, STREETS

ORDER_REF = "merchant_id,order_id,number,channel_id,external_id,external_key,subject_id,placed_at"
ORDER = (
    "merchant_id,id,number,channel_id,customer_id,placed_at,state,payment_state,fulfilment_state,due_at,closed_at,country_code,"
    "currency,tax_inclusive,items_total,charges_total,tax_total,total,captured_total,refunded_total,credited_total,base_currency,base_total,"
    "line_count,unit_count,created_at,updated_at"
)
LINE = (
    "merchant_id,order_id,n,variant_id,sku,title,quantity,unit_price,tax_rate,tax_amount,line_total,location_id,"
    "allocated_quantity,fulfilled_quantity,cancelled_quantity,credited_quantity,credited_amount,credited_tax"
)
CONTACT = (
    "merchant_id,order_id,n,kind,name,name_key,email,email_key,phone,phone_key,phone_tail,line1,city,postcode,"
    "postcode_key,country_code"
)
MOVEMENT = (
    "merchant_id,id,variant_id,location_id,kind,on_hand_delta,allocated_delta,on_hand_after,promised_after,incoming_after,"
    "cause_kind,cause_id,actor_kind"
)


@dataclass(slots=True)
class Sale:
    """One order while its rows are written; amounts are in cents."""

    shop: Shop
    order: int
    at: dt.datetime
    buyer: int
    channel: int
    age: int
    state: str = ""
    payment: str = ""
    fulfilment: str = ""
    place: int = 0
    items: int = 0
    units: int = 0
    lines: list[str] = field(default_factory=list)
    quantities: list[int] = field(default_factory=list)

    @property
    def stamp(self) -> str:
        return self.at.isoformat()

    @property
    def is_sent(self) -> bool:
        return self.fulfilment == "fulfilled"

    @property
    def is_gone(self) -> bool:
        """Whether nothing of it is owed any more: it was cancelled, or all the money went back."""
        return self.state == "cancelled" or self.payment == "refunded"

    @property
    def location(self) -> int:
        return self.shop.location_ids[self.place]

    @property
    def country(self) -> str:
        return COUNTRIES[self.shop.people[self.buyer][3] % len(COUNTRIES)]

    @property
    def shipping(self) -> int:
        return 0 if self.items > 5000 else 490

    @property
    def total(self) -> int:
        return self.items + self.shipping

    @property
    def captured(self) -> int:
        return self.total if self.payment in {"paid", "refunded"} else 0

    @property
    def refunded(self) -> int:
        return self.total if self.payment == "refunded" else 0


class Book:
    """Writes the orders of several shops, each at its moment."""

    def __init__(self, ground: Ground, say: Callable[[str], None]) -> None:
        self._ground = ground
        self._add = ground.tables.add
        self._say = say

    def write(self, shops: Sequence[Shop], movements: int) -> None:
        """Spread all orders over the years; corrections of stock fill the ledger up to the number of movements."""
        total = sum(shop.orders for shop in shops)
        plan = self._plan(shops, total)
        span = (self._ground.until - self._ground.since) / max(1, total)
        fillers = max(0, movements // max(1, total) - 3)
        for index, shop in enumerate(plan):
            at = (
                self._ground.since
                + span * index
                + dt.timedelta(milliseconds=self._ground.random.randrange(1000))
            )
            self._order(shop, at)
            for _ in range((fillers + 1) // 2):
                self._correction(shop, at)
            if index % CHUNK == CHUNK - 1:
                self._ground.tables.write()
                self._say(f"orders: {index + 1:,} of {total:,}")
        self._ground.tables.write()

    def _plan(self, shops: Sequence[Shop], total: int) -> Iterator[Shop]:
        left = [shop.orders for shop in shops]
        for _ in range(total):
            at = self._ground.random.choices(range(len(shops)), weights=left)[0] if len(shops) > 1 else 0
            left[at] -= 1
            yield shops[at]

    def _order(self, shop: Shop, at: dt.datetime) -> None:
        pick = self._ground.random
        order = self._ground.new_id(at)
        shop.number += 1
        buyer = min(int(pick.random() ** 2 * shop.customers), shop.customers - 1)
        channel = shop.channel_ids[min(int(pick.random() ** 1.6 * 4), 3)]
        sale = Sale(shop, order, at, buyer, channel, (self._ground.until - at).days)
        sale.state, sale.payment, sale.fulfilment = self._states(sale.age)
        count = 1 + pick.randrange(5)
        sale.place = pick.randrange(shop.locations)
        for n in range(1, count + 1):
            self._line(sale, n)
        self._reference_and_head(sale, count)
        for row in sale.lines:
            self._add("order_line", LINE, row)
        self._charge_and_contact(sale)
        self._money(sale)
        if sale.is_sent:
            self._parcel(sale)
        self._add(
            "order_event",
            "merchant_id,order_id,n,kind,actor_kind,at,data",
            f'{shop.merchant_id}\t{order}\t{order}\tplaced\tchannel\t{sale.stamp}\t{{"total": "{_cents(sale.total)}", "currency": "{shop.currency}"}}\n',
        )
        shop.order_counts[buyer] += 1
        shop.last_orders[buyer] = sale.stamp

    def _line(self, sale: Sale, n: int) -> None:
        shop, pick, m, order = sale.shop, self._ground.random, sale.shop.merchant_id, sale.order
        variant = min(int(pick.random() ** 3 * shop.variants), shop.variants - 1)
        quantity = 1 + (pick.random() < 0.3) + 2 * (pick.random() < 0.05)
        price = shop.prices[variant]
        amount = price * quantity
        sale.items += amount
        sale.units += quantity
        sale.quantities.append(quantity)
        is_cancelled = sale.state == "cancelled"
        allocated = 0 if sale.is_sent or is_cancelled else quantity
        if allocated:
            self._add(
                "order_allocation",
                "merchant_id,order_id,line_n,variant_id,location_id,quantity",
                f"{m}\t{order}\t{n}\t{shop.variant_ids[variant]}\t{sale.location}\t{quantity}\n",
            )
        if not is_cancelled:
            self._take(shop, variant, sale.place, quantity, order, sale.at, sent=sale.is_sent)
        tax = _tax_within(amount, shop.tax_rate)
        gone, sent = sale.is_gone, sale.is_sent
        sale.lines.append(
            f"{m}\t{order}\t{n}\t{shop.variant_ids[variant]}\tSKU-{variant + 1:07d}\tItem {variant + 1}\t{quantity}\t"
            f"{_cents(price)}\t{shop.tax_rate}\t{_cents(tax)}\t{_cents(amount)}\t{sale.location}\t{allocated}\t{quantity if sent else 0}\t"
            f"{quantity if gone and not sent else 0}\t{quantity if gone and sent else 0}\t{_cents(amount if gone else 0)}\t{_cents(tax if gone else 0)}\n"
        )

    def _reference_and_head(self, sale: Sale, count: int) -> None:
        shop, m, order, stamp = sale.shop, sale.shop.merchant_id, sale.order, sale.stamp
        external = f"X{shop.number}" if sale.channel == shop.channel_ids[3] else "\\N"
        due = (sale.at + dt.timedelta(days=2)).isoformat() if sale.state == "open" else "\\N"
        closed = (sale.at + dt.timedelta(days=5)).isoformat() if sale.state == "closed" else "\\N"
        total = _cents(sale.total)
        self._add(
            "order_ref",
            ORDER_REF,
            f"{m}\t{order}\t{shop.number}\t{sale.channel}\t{external}\t{external}\t{shop.subject_ids[sale.buyer]}\t{stamp}\n",
        )
        self._add(
            "sales_order",
            ORDER,
            f"{m}\t{order}\t{shop.number}\t{sale.channel}\t{shop.customer_ids[sale.buyer]}\t{stamp}\t{sale.state}\t{sale.payment}\t{sale.fulfilment}\t{due}\t{closed}\t"
            f"{sale.country}\t{shop.currency}\tt\t{_cents(sale.items)}\t{_cents(sale.shipping)}\t{_cents(_tax_within(sale.total, shop.tax_rate))}\t{total}\t{_cents(sale.captured)}\t"
            f"{_cents(sale.refunded)}\t{total if sale.is_gone else '0.00'}\t{shop.currency}\t{total}\t{count}\t{sale.units}\t{stamp}\t{stamp}\n",
        )

    def _charge_and_contact(self, sale: Sale) -> None:
        m, order = sale.shop.merchant_id, sale.order
        name, name_key, email, serial, phone = sale.shop.people[sale.buyer]
        if sale.shipping:
            self._add(
                "order_charge",
                "merchant_id,order_id,n,kind,label,amount,credited_amount",
                f"{m}\t{order}\t1\tshipping\tStandard delivery\t4.90\t{'4.90' if sale.is_gone else '0'}\n",
            )
        postcode = f"{10000 + serial % 89999}"
        self._add(
            "order_contact",
            CONTACT,
            f"{m}\t{order}\t1\tshipping\t{name}\t{name_key}\t{email}\t{email}\t+{phone}\t{phone}\t{phone[::-1]}\t"
            f"{STREETS[serial % len(STREETS)]} {serial % 180 + 1}\t{CITIES[serial % len(CITIES)]}\t{postcode}\t{postcode}\t{sale.country}\n",
        )

    def _money(self, sale: Sale) -> None:
        m, order = sale.shop.merchant_id, sale.order
        if sale.payment != "unpaid":
            self._add(
                "order_payment",
                "merchant_id,order_id,n,state,method,gateway,gateway_reference,amount,captured_amount,currency,card_brand,card_last_four,at",
                f"{m}\t{order}\t1\tcaptured\tcard\tdemo\tpay_{order}\t{_cents(sale.total)}\t{_cents(sale.captured)}\t{sale.shop.currency}\tvisa\t4242\t{sale.stamp}\n",
            )
        if sale.refunded:
            self._add(
                "order_refund",
                "merchant_id,order_id,n,payment_n,amount,actor_kind,at",
                f"{m}\t{order}\t1\t1\t{_cents(sale.refunded)}\tsystem\t{sale.stamp}\n",
            )

    def _parcel(self, sale: Sale) -> None:
        m, order = sale.shop.merchant_id, sale.order
        tracking = f"JD{order % 10**12:012d}"
        shipped = (sale.at + dt.timedelta(days=1)).isoformat()
        self._add(
            "order_fulfilment",
            "merchant_id,order_id,n,state,method,location_id,carrier,tracking_number,tracking_key,created_at,shipped_at",
            f"{m}\t{order}\t1\t{'delivered' if sale.age > 5 else 'shipped'}\tship\t{sale.location}\tParcel service\t{tracking}\t{tracking}\t{sale.stamp}\t{shipped}\n",
        )
        for n, quantity in enumerate(sale.quantities, 1):
            self._add(
                "order_fulfilment_line",
                "merchant_id,order_id,fulfilment_n,line_n,quantity",
                f"{m}\t{order}\t1\t{n}\t{quantity}\n",
            )

    def _states(self, age: int) -> tuple[str, str, str]:
        chance = self._ground.random.random()
        if chance < 0.02:
            return "cancelled", "unpaid", "unfulfilled"
        if chance < 0.04 and age > 10:
            return "closed", "refunded", "fulfilled"
        if age <= 1 or (age <= 6 and chance < 0.15):
            return (
                ("on_hold" if chance < 0.06 else "open"),
                ("unpaid" if chance > 0.92 else "paid"),
                "unfulfilled",
            )
        return "closed", "paid", "fulfilled"

    def _take(
        self, shop: Shop, variant: int, place: int, quantity: int, order: int, at: dt.datetime, *, sent: bool
    ) -> None:
        at_level = variant * shop.locations + place
        free = shop.on_hand[at_level] - shop.allocated[at_level]
        if free < quantity:
            received = 20 + quantity
            shop.on_hand[at_level] += received
            self._movement(shop, variant, place, "received", received, 0, None, at)
        if sent:
            shop.on_hand[at_level] -= quantity
            self._movement(shop, variant, place, "sold", -quantity, 0, order, at)
        else:
            shop.allocated[at_level] += quantity
            self._movement(shop, variant, place, "allocated", 0, quantity, order, at)

    def _correction(self, shop: Shop, at: dt.datetime) -> None:
        variant, place = (
            self._ground.random.randrange(shop.variants),
            self._ground.random.randrange(shop.locations),
        )
        units = 1 + self._ground.random.randrange(3)
        shop.on_hand[variant * shop.locations + place] += units + 1
        self._movement(shop, variant, place, "counted", units + 1, 0, None, at)
        shop.on_hand[variant * shop.locations + place] -= 1
        self._movement(shop, variant, place, "adjusted", -1, 0, None, at)

    def _movement(
        self,
        shop: Shop,
        variant: int,
        place: int,
        kind: str,
        on_hand: int,
        allocated: int,
        order: int | None,
        at: dt.datetime,
    ) -> None:
        """One movement, after the shop's own figures have moved."""
        cause = f"order\t{order}" if order else "person\t\\N"
        level = variant * shop.locations + place
        self._add(
            "stock_movement",
            MOVEMENT,
            f"{shop.merchant_id}\t{self._ground.new_id(at)}\t{shop.variant_ids[variant]}\t{shop.location_ids[place]}\t{kind}\t{on_hand}\t"
            f"{allocated}\t{shop.on_hand[level]}\t{shop.allocated[level]}\t0\t{cause}\tsystem\n",
        )


def _cents(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _tax_within(gross: int, rate: Decimal) -> int:
    percent = int(rate * 100)
    return (gross * percent * 2 + 100 + percent) // (2 * (100 + percent))
