"""A data set of a stated size from a seed: merchants, catalogue, customers, five years of orders and their stock ledger.

Rows are written by COPY as ``portal_owner``. Nothing in it is a real person: names are drawn from short lists, mail
goes to example.com, phone numbers are of the range 555-0100 to 555-0199 that is kept for fiction.

    python -m bench.dataset --size S --url postgresql://portal_owner@host/database
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import shutil
import sys
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import psycopg

from bench.vocabulary import CITIES, FAMILY, GIVEN, NOUNS, QUALITIES, STREETS
from portal.core import normalise
from portal.core.ids import id_at

CHUNK: Final = 20_000
CHANNELS: Final = (
    ("web", "Web shop", "web"),
    ("app", "App", "app"),
    ("pos", "Till", "pos"),
    ("market", "Marketplace", "marketplace"),
)
COUNTRIES: Final = ("DE",) * 6 + ("AT", "FR", "NL", "GB", "CH", "BE", "IT", "ES")
DIALLING: Final = [f"1{area}55501" for area in range(201, 990) if area % 100 != 11]


@dataclass(frozen=True, slots=True)
class Size:
    """How many rows; ``movements`` counts the whole ledger."""

    name: str
    orders: int
    variants: int
    customers: int
    locations: int
    movements: int
    disk_bytes: int


SIZES: Final = {
    size.name: size
    for size in (
        Size("S", 10_000, 2_000, 3_000, 2, 100_000, 400_000_000),
        Size("M", 1_000_000, 200_000, 300_000, 3, 10_000_000, 16_000_000_000),
        Size("L", 10_000_000, 1_000_000, 2_000_000, 20, 100_000_000, 160_000_000_000),
    )
}


@dataclass(slots=True)
class Shop:
    """One merchant's share of the data set and what has been written of it so far."""

    merchant_id: int
    orders: int
    variants: int
    customers: int
    locations: int
    currency: str = "EUR"
    tax_rate: Decimal = Decimal("0.19")
    number: int = 1000
    variant_ids: range = range(0)
    location_ids: range = range(0)
    channel_ids: range = range(0)
    customer_ids: list[int] = field(default_factory=list)
    subject_ids: list[int] = field(default_factory=list)
    people: list[tuple[str, str, str, int, str]] = field(default_factory=list)
    prices: array[int] = field(default_factory=lambda: array("q"))
    on_hand: array[int] = field(default_factory=lambda: array("q"))
    allocated: array[int] = field(default_factory=lambda: array("q"))
    order_counts: array[int] = field(default_factory=lambda: array("q"))
    last_orders: list[str | None] = field(default_factory=list)


class Tables:
    """Rows waiting for their COPY, table by table, in the order in which tables are written."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._waiting: dict[tuple[str, str], list[str]] = {}

    def add(self, table: str, columns: str, row: str) -> None:
        """Keep one row in COPY text form."""
        self._waiting.setdefault((table, columns), []).append(row)

    def write(self) -> None:
        """Copy everything that waits and commit."""
        with self._connection.cursor() as cursor:
            for (table, columns), rows in self._waiting.items():
                with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                    copy.write("".join(rows))
                rows.clear()
        self._connection.commit()


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


class Generator:
    """Writes one data set; the same seed and end date give the same rows."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        *,
        seed: int,
        until: dt.datetime,
        years: float = 5.0,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._random = random.Random(seed)
        self._tables = Tables(connection)
        self._connection = connection
        self._until = until
        self._from = until - dt.timedelta(days=round(365.25 * years))
        self._sequence = 0
        self._say = say

    def write(self, shops: Sequence[Shop], movements: int) -> None:
        """Write the shops whole: what they sell and to whom, then their orders in time."""
        self._hasten()
        self._partitions()
        for shop in shops:
            self._say(f"merchant {shop.merchant_id}: catalogue and customers")
            self._catalogue(shop)
            self._customers(shop)
        self._orders(shops, movements)
        for shop in shops:
            self._levels(shop)
            self._customer_counts(shop)
        self._tables.write()
        self._say("statistics")
        self._connection.commit()
        with self._connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        self._connection.commit()

    def _hasten(self) -> None:
        """Leave foreign keys unchecked where the server lets the owner, and commits unflushed.

        Every row here points at a row of the same run, which a test holds at size S.
        """
        with self._connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = off")
            self._connection.commit()
            try:
                cursor.execute("SET session_replication_role = replica")
                self._connection.commit()
            except psycopg.errors.InsufficientPrivilege:
                self._connection.rollback()

    def _partitions(self) -> None:
        """A call per month, and only for months that have none yet."""
        with self._connection.cursor() as cursor:
            for at in _months(self._from, self._until):
                cursor.execute(
                    "SELECT EXISTS (SELECT FROM partition_bounds('sales_order') WHERE lower <= id_floor(%s) AND id_floor(%s) < upper)",
                    (at, at),
                )
                if cursor.fetchone() == (False,):
                    cursor.execute("SELECT ensure_partitions_for(%s)", (at,))
                    self._connection.commit()
        self._connection.commit()

    def _catalogue(self, shop: Shop) -> None:
        m, add, pick = shop.merchant_id, self._tables.add, self._random
        shop.location_ids = self._reserve("location", shop.locations)
        for position, key in enumerate(shop.location_ids):
            name = f"Warehouse {position + 1}" if position < 2 or shop.locations > 3 else "Store"
            kind = "store" if name == "Store" else "warehouse"
            add(
                "location",
                "merchant_id,id,name,code,kind,country_code,position",
                f"{m}\t{key}\t{name}\tL{position + 1}\t{kind}\tDE\t{position}\n",
            )
        shop.channel_ids = self._reserve("sales_channel", len(CHANNELS))
        for key, (code, name, kind) in zip(shop.channel_ids, CHANNELS, strict=True):
            add("sales_channel", "merchant_id,id,code,name,kind", f"{m}\t{key}\t{code}\t{name}\t{kind}\n")
        category_ids = self._reserve("category", len(NOUNS))
        for position, (key, noun) in enumerate(zip(category_ids, NOUNS, strict=True)):
            add(
                "category",
                "merchant_id,id,name,slug,path,position",
                f"{m}\t{key}\t{noun}s\t{noun.lower()}s\t{key}/\t{position}\n",
            )
        products = max(1, shop.variants // 4)
        product_ids = self._reserve("product", products)
        shop.variant_ids = self._reserve("variant", shop.variants)
        titles: list[str] = []
        for index, key in enumerate(product_ids):
            noun_at = pick.randrange(len(NOUNS))
            title = f"{pick.choice(QUALITIES)} {NOUNS[noun_at]} {index + 1}"
            titles.append(title)
            state = "active" if pick.random() < 0.95 else "draft"
            vendor = f"Vendor {index % 40 + 1}"
            add(
                "product",
                "merchant_id,id,title,title_key,slug,state,vendor,source",
                f"{m}\t{key}\t{title}\t{normalise.fold(title)}\t{title.lower().replace(' ', '-')}\t{state}\t{vendor}\tgenerated\n",
            )
            add(
                "product_category",
                "merchant_id,product_id,category_id",
                f"{m}\t{key}\t{category_ids[noun_at]}\n",
            )
            if index % CHUNK == CHUNK - 1:
                self._tables.write()
        price_ids = self._reserve("price", shop.variants)
        for index, key in enumerate(shop.variant_ids):
            product = min(index // 4, products - 1)
            cents = 199 + pick.randrange(9800)
            shop.prices.append(cents)
            sku, barcode = f"SKU-{index + 1:07d}", f"40{m:04d}{index:07d}"
            shape = ("Small", "Medium", "Large", "Extra large")[index % 4]
            threshold = "5" if index % 3 == 0 else "\\N"
            add(
                "variant",
                "merchant_id,id,product_id,sku,sku_key,barcode,barcode_key,title,position,weight_grams,unit_cost,low_stock_threshold",
                f"{m}\t{key}\t{product_ids[product]}\t{sku}\t{sku}\t{barcode}\t{barcode}\t{shape}\t{index % 4}\t{50 + cents % 2000}\t{cents / 250:.2f}\t{threshold}\n",
            )
            add(
                "price",
                "merchant_id,id,variant_id,currency,amount",
                f"{m}\t{price_ids[index]}\t{key}\t{shop.currency}\t{cents / 100:.2f}\n",
            )
            if index % CHUNK == CHUNK - 1:
                self._tables.write()
        shop.on_hand = array("q", [0]) * (shop.variants * shop.locations)
        shop.allocated = array("q", [0]) * (shop.variants * shop.locations)
        self._tables.write()

    def _customers(self, shop: Shop) -> None:
        m, add, pick = shop.merchant_id, self._tables.add, self._random
        for index in range(shop.customers):
            at = self._from + dt.timedelta(seconds=index)
            subject, customer = self._id(at), self._id(at)
            given, family = pick.choice(GIVEN), pick.choice(FAMILY)
            name = f"{given} {family}"
            email = f"{given}.{family}{index}@example.com".lower()
            country, phone = pick.choice(COUNTRIES), f"{pick.choice(DIALLING)}{pick.randrange(100):02d}"
            shop.subject_ids.append(subject)
            shop.customer_ids.append(customer)
            shop.people.append((name, normalise.full_name_key(name) or "", email, index, phone))
            shop.last_orders.append(None)
            add("data_subject", "merchant_id,id,created_at", f"{m}\t{subject}\t{at.isoformat()}\n")
            add(
                "customer",
                "merchant_id,id,subject_id,external_id,name,name_key,email,email_key,phone,phone_key,phone_tail,country_code,source,created_at",
                f"{m}\t{customer}\t{subject}\tC{index + 1}\t{name}\t{shop.people[-1][1]}\t{email}\t{email}\t+{phone}\t{phone}\t{phone[::-1]}\t{country}\tgenerated\t{at.isoformat()}\n",
            )
            if index % CHUNK == CHUNK - 1:
                self._tables.write()
        shop.order_counts = array("q", [0]) * shop.customers
        self._tables.write()

    def _orders(self, shops: Sequence[Shop], movements: int) -> None:
        total = sum(shop.orders for shop in shops)
        plan = self._plan(shops, total)
        span = (self._until - self._from) / max(1, total)
        fillers = max(0, movements // max(1, total) - 3)
        for index, shop in enumerate(plan):
            at = self._from + span * index + dt.timedelta(milliseconds=self._random.randrange(1000))
            self._order(shop, at)
            for _ in range((fillers + 1) // 2):
                self._correction(shop, at)
            if index % CHUNK == CHUNK - 1:
                self._tables.write()
                self._say(f"orders: {index + 1:,} of {total:,}")
        self._tables.write()

    def _plan(self, shops: Sequence[Shop], total: int) -> Iterator[Shop]:
        left = [shop.orders for shop in shops]
        for _ in range(total):
            at = self._random.choices(range(len(shops)), weights=left)[0] if len(shops) > 1 else 0
            left[at] -= 1
            yield shops[at]

    def _order(self, shop: Shop, at: dt.datetime) -> None:
        m, add, pick = shop.merchant_id, self._tables.add, self._random
        order, stamp = self._id(at), at.isoformat()
        shop.number += 1
        buyer = min(int(pick.random() ** 2 * shop.customers), shop.customers - 1)
        name, name_key, email, serial, phone = shop.people[buyer]
        channel = shop.channel_ids[min(int(pick.random() ** 1.6 * 4), 3)]
        age = (self._until - at).days
        state, payment, fulfilment = self._states(age)
        sent, gone = fulfilment == "fulfilled", state == "cancelled" or payment == "refunded"
        items, units, count = 0, 0, 1 + pick.randrange(5)
        place = pick.randrange(shop.locations)
        location = shop.location_ids[place]
        lines: list[str] = []
        for n in range(1, count + 1):
            at_variant = min(int(pick.random() ** 3 * shop.variants), shop.variants - 1)
            quantity = 1 + (pick.random() < 0.3) + 2 * (pick.random() < 0.05)
            price = shop.prices[at_variant]
            amount = price * quantity
            items += amount
            units += quantity
            allocated = 0 if sent or state == "cancelled" else quantity
            if allocated:
                add(
                    "order_allocation",
                    "merchant_id,order_id,line_n,variant_id,location_id,quantity",
                    f"{m}\t{order}\t{n}\t{shop.variant_ids[at_variant]}\t{location}\t{quantity}\n",
                )
            if state != "cancelled":
                self._take(shop, at_variant, place, quantity, order, at, sent=sent)
            tax = _tax_within(amount, shop.tax_rate)
            lines.append(
                f"{m}\t{order}\t{n}\t{shop.variant_ids[at_variant]}\tSKU-{at_variant + 1:07d}\tItem {at_variant + 1}\t{quantity}\t"
                f"{_cents(price)}\t{shop.tax_rate}\t{_cents(tax)}\t{_cents(amount)}\t{location}\t{allocated}\t{quantity if sent else 0}\t"
                f"{quantity if gone and not sent else 0}\t{quantity if gone and sent else 0}\t{_cents(amount if gone else 0)}\t{_cents(tax if gone else 0)}\n"
            )
        shipping = 0 if items > 5000 else 490
        total = items + shipping
        captured = total if payment in {"paid", "refunded"} else 0
        refunded = total if payment == "refunded" else 0
        tax = _tax_within(total, shop.tax_rate)
        external = f"X{shop.number}" if channel == shop.channel_ids[3] else "\\N"
        due = (at + dt.timedelta(days=2)).isoformat() if state == "open" else "\\N"
        closed = (at + dt.timedelta(days=5)).isoformat() if state == "closed" else "\\N"
        country = COUNTRIES[serial % len(COUNTRIES)]
        add(
            "order_ref",
            ORDER_REF,
            f"{m}\t{order}\t{shop.number}\t{channel}\t{external}\t{external}\t{shop.subject_ids[buyer]}\t{stamp}\n",
        )
        add(
            "sales_order",
            ORDER,
            f"{m}\t{order}\t{shop.number}\t{channel}\t{shop.customer_ids[buyer]}\t{stamp}\t{state}\t{payment}\t{fulfilment}\t{due}\t{closed}\t"
            f"{country}\t{shop.currency}\tt\t{_cents(items)}\t{_cents(shipping)}\t{_cents(tax)}\t{_cents(total)}\t{_cents(captured)}\t"
            f"{_cents(refunded)}\t{_cents(total if gone else 0)}\t{shop.currency}\t{_cents(total)}\t{count}\t{units}\t{stamp}\t{stamp}\n",
        )
        for row in lines:
            add("order_line", LINE, row)
        if shipping:
            add(
                "order_charge",
                "merchant_id,order_id,n,kind,label,amount,credited_amount",
                f"{m}\t{order}\t1\tshipping\tStandard delivery\t4.90\t{'4.90' if gone else '0'}\n",
            )
        postcode = f"{10000 + serial % 89999}"
        add(
            "order_contact",
            CONTACT,
            f"{m}\t{order}\t1\tshipping\t{name}\t{name_key}\t{email}\t{email}\t+{phone}\t{phone}\t{phone[::-1]}\t"
            f"{STREETS[serial % len(STREETS)]} {serial % 180 + 1}\t{CITIES[serial % len(CITIES)]}\t{postcode}\t{postcode}\t{country}\n",
        )
        if payment != "unpaid":
            add(
                "order_payment",
                "merchant_id,order_id,n,state,method,gateway,gateway_reference,amount,captured_amount,currency,card_brand,card_last_four,at",
                f"{m}\t{order}\t1\tcaptured\tcard\tdemo\tpay_{order}\t{_cents(total)}\t{_cents(captured)}\t{shop.currency}\tvisa\t4242\t{stamp}\n",
            )
        if refunded:
            add(
                "order_refund",
                "merchant_id,order_id,n,payment_n,amount,actor_kind,at",
                f"{m}\t{order}\t1\t1\t{_cents(refunded)}\tsystem\t{stamp}\n",
            )
        if sent:
            tracking = f"JD{order % 10**12:012d}"
            shipped = (at + dt.timedelta(days=1)).isoformat()
            add(
                "order_fulfilment",
                "merchant_id,order_id,n,state,method,location_id,carrier,tracking_number,tracking_key,created_at,shipped_at",
                f"{m}\t{order}\t1\t{'delivered' if age > 5 else 'shipped'}\tship\t{location}\tParcel service\t{tracking}\t{tracking}\t{stamp}\t{shipped}\n",
            )
            for n, row in enumerate(lines, 1):
                add(
                    "order_fulfilment_line",
                    "merchant_id,order_id,fulfilment_n,line_n,quantity",
                    f"{m}\t{order}\t1\t{n}\t{row.split(chr(9), 7)[6]}\n",
                )
        add(
            "order_event",
            "merchant_id,order_id,n,kind,actor_kind,at,data",
            f'{m}\t{order}\t{order}\tplaced\tchannel\t{stamp}\t{{"total": "{_cents(total)}", "currency": "{shop.currency}"}}\n',
        )
        shop.order_counts[buyer] += 1
        shop.last_orders[buyer] = stamp

    def _states(self, age: int) -> tuple[str, str, str]:
        chance = self._random.random()
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
        variant, place = self._random.randrange(shop.variants), self._random.randrange(shop.locations)
        units = 1 + self._random.randrange(3)
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
        self._tables.add(
            "stock_movement",
            MOVEMENT,
            f"{shop.merchant_id}\t{self._id(at)}\t{shop.variant_ids[variant]}\t{shop.location_ids[place]}\t{kind}\t{on_hand}\t"
            f"{allocated}\t{shop.on_hand[level]}\t{shop.allocated[level]}\t0\t{cause}\tsystem\n",
        )

    def _levels(self, shop: Shop) -> None:
        for index, on_hand in enumerate(shop.on_hand):
            variant, place = divmod(index, shop.locations)
            self._tables.add(
                "stock_level",
                "merchant_id,variant_id,location_id,on_hand,allocated",
                f"{shop.merchant_id}\t{shop.variant_ids[variant]}\t{shop.location_ids[place]}\t{on_hand}\t{shop.allocated[index]}\n",
            )

    def _customer_counts(self, shop: Shop) -> None:
        self._tables.write()
        with self._connection.cursor() as cursor:
            cursor.execute(
                "CREATE TEMPORARY TABLE IF NOT EXISTS counted (id bigint, orders integer, last_at timestamptz) ON COMMIT DELETE ROWS"
            )
            with cursor.copy("COPY counted FROM STDIN") as copy:
                for at, customer in enumerate(shop.customer_ids):
                    if shop.order_counts[at]:
                        copy.write(f"{customer}\t{shop.order_counts[at]}\t{shop.last_orders[at]}\n")
            cursor.execute(
                "UPDATE customer c SET order_count = n.orders, last_order_at = n.last_at FROM counted n"
                " WHERE c.merchant_id = %s AND c.id = n.id",
                (shop.merchant_id,),
            )
            cursor.execute(
                "INSERT INTO number_series (merchant_id, kind, next_value) VALUES (%s, 'order', %s)"
                " ON CONFLICT (merchant_id, kind) DO UPDATE SET next_value = excluded.next_value",
                (shop.merchant_id, shop.number + 1),
            )
        self._connection.commit()

    def _reserve(self, table: str, count: int) -> range:
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", (table,))
            row = cursor.fetchone()
            assert row is not None
            cursor.execute("SELECT setval(%s, nextval(%s) + %s) - %s", (row[0], row[0], count, count))
            first = cursor.fetchone()
            assert first is not None
        return range(first[0], first[0] + count)

    def _id(self, at: dt.datetime) -> int:
        self._sequence += 1
        return id_at(at, self._sequence)


def shops_of(size: Size, merchant_ids: Sequence[int]) -> list[Shop]:
    """Share a size among merchants: the first holds 90 % of it."""
    rest = max(1, len(merchant_ids) - 1)

    def share(amount: int, first: bool) -> int:
        if len(merchant_ids) == 1:
            return amount
        return amount * 9 // 10 if first else max(1, amount // 10 // rest)

    return [
        Shop(
            merchant_id,
            orders=share(size.orders, index == 0),
            variants=max(4, share(size.variants, index == 0)),
            customers=share(size.customers, index == 0),
            locations=size.locations if index == 0 else 1,
        )
        for index, merchant_id in enumerate(merchant_ids)
    ]


def _months(since: dt.datetime, until: dt.datetime) -> Iterator[dt.datetime]:
    """An instant in each month from *since* to *until*, both included."""
    at = since
    while (at.year, at.month) < (until.year, until.month):
        yield at
        at = (at.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
    yield until


def _cents(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _tax_within(gross: int, rate: Decimal) -> int:
    percent = int(rate * 100)
    return (gross * percent * 2 + 100 + percent) // (2 * (100 + percent))


def main() -> None:
    """Write a data set into an empty, migrated database."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="S")
    parser.add_argument("--url", required=True, help="portal_owner's address of an empty, migrated database")
    parser.add_argument("--merchants", type=int, default=50)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    size = SIZES[options.size]
    free = shutil.disk_usage("/").free
    if free < size.disk_bytes:
        sys.exit(
            f"Size {size.name} needs {size.disk_bytes / 1e9:.0f} GB of disk; {free / 1e9:.0f} GB are free."
        )
    with psycopg.connect(options.url) as connection:
        ids = make_merchants(connection, options.merchants)
        until = dt.datetime.now(dt.UTC).replace(microsecond=0)
        Generator(connection, seed=options.seed, until=until, say=print).write(
            shops_of(size, ids), size.movements
        )


def make_merchants(connection: psycopg.Connection[Any], count: int) -> list[int]:
    """Insert bare merchants; a bench needs their rows, not their people."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO merchant (name, slug, country, currency, time_zone, prices_include_tax)"
            " SELECT 'Bench shop ' || n, 'bench-' || n, 'DE', 'EUR', 'Europe/Berlin', true FROM generate_series(1, %s) n RETURNING id",
            (count,),
        )
        ids = [row[0] for row in cursor.fetchall()]
    connection.commit()
    return ids


if __name__ == "__main__":
    main()
