"""Whatever happens on the way, both sides end in the same state.

Each run is a random story of a shop and a stall: sales, cancellations, refunds, deliveries, price changes, hands in
the shop's own stock, lost and late requests, orders shown days late, twice and in any order, old copies arriving
again. Then the trouble ends, and what stands must be what the shop says of orders and what we say of stock and
prices. `CHANNEL_RUNS` sets how many stories are told; the seed of a bad one stands in the failure.
"""

from __future__ import annotations

import copy
import datetime as dt
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
import time_machine

from portal.catalog.models import Price
from portal.channels import articles, incoming, queries, services, sync
from portal.channels.connectors.base import Connector
from portal.channels.connectors.woocommerce.client import WooCommerce
from portal.channels.models import ChannelAccount, ChannelInboundOrder
from portal.core.audit import SYSTEM
from portal.core.clock import utc_now
from portal.core.database import db
from portal.orders.models import Order, OrderPayment, OrderRef, OrderRefund
from portal.stock.models import StockLevel
from portal.stock.services import Move, apply_moves
from tests.channels.conftest import NewVariant
from tests.channels.woocommerce_server import Shop, ShopCalls

RUNS = int(os.environ.get("CHANNEL_RUNS", "8"))
STEPS = 30
STOCK = 500

# What a person in the shop may do next to an order that stands so.
NEXT = {
    "pending": ["processing", "on-hold", "cancelled", "failed"],
    "on-hold": ["processing", "cancelled"],
    "processing": ["completed", "cancelled", "processing"],
    "failed": ["pending", "processing"],
    "cancelled": ["processing"],
    "completed": ["completed"],
    "refunded": [],
}
FAULTS = ["429", "500", "503", "lost", "late", "cut", "broken", "401"]


class Story:
    """One run: the shop, the stall and a seed."""

    def __init__(self, seed: int, new_variant: NewVariant, location: int) -> None:
        self.chance = random.Random(seed)
        self.location = location
        self.shop = Shop(now=dt.datetime.now(dt.UTC).replace(microsecond=0) - dt.timedelta(days=8))
        self.shop.seed = self.chance
        self.calls = ShopCalls.to(self.shop)
        self.variants = {}
        for n in range(3):
            sku = f"R{seed}-{n}"
            self.variants[sku] = new_variant(sku, stock=STOCK, price="5.00")
            self.shop.add_product(sku, stock=1, price="1.00")
        parent_sku = f"R{seed}-V"
        self.variants[parent_sku] = new_variant(parent_sku, stock=STOCK, price="7.00")
        self.shop.add_variable("Shirt", [parent_sku])
        self.account_id = self._connect(seed)
        self.old_copies: list[dict[str, object]] = []
        self.moved = dict.fromkeys(self.variants, 0)
        self.clock = dt.datetime.now(dt.UTC)

    def _connect(self, seed: int) -> int:
        account = services.connect_shop(
            "woocommerce",
            services.AccountValues(f"Shop {seed}", "https://shop.example.com", "GBP", safety_buffer=2),
            self.shop.key,
            self.shop.secret,
            by=SYSTEM,
        )
        account.tested_at, account.takes_orders_from = utc_now() + dt.timedelta(seconds=1), self.shop.now
        services.switch_on(account, by=SYSTEM)
        db.session.commit()
        sync.read_catalogue(account, self.connector(), db.session.commit)
        return account.id

    def account(self) -> ChannelAccount:
        return services.account_of(self.account_id)

    def connector(self) -> Connector:
        return WooCommerce("https://shop.example.com", self.shop.key, self.shop.secret, self.calls)

    def tell(self) -> None:
        for _ in range(STEPS):
            step = self.chance.choice(
                [
                    self.sell,
                    self.sell,
                    self.handle_order,
                    self.handle_order,
                    self.give_back,
                    self.move_stock,
                    self.set_price,
                    self.wait,
                    self.hide,
                    self.show,
                    self.replay,
                    self.meddle,
                    self.settle,
                    self.tell_events,
                    self.turn,
                    self.turn,
                    self.turn,
                ]
            )
            step()

    def sell(self) -> None:
        sku = self.chance.choice(list(self.variants))
        self.shop.add_order(
            [(sku, self.chance.randint(1, 3), "5.00")],
            status=self.chance.choice(["pending", "on-hold", "processing", "completed"]),
        )
        self.shop.tick(self.chance.choice([0, 0, 1, 90]))

    def handle_order(self) -> None:
        if self.shop.orders:
            key = self.chance.choice(list(self.shop.orders))
            self.old_copies.append(copy.deepcopy(self.shop.orders[key]))
            choices = NEXT[self.shop.orders[key]["status"]]
            # What one second holds may come in any order; a person takes longer than that to change their mind.
            self.shop.tick(self.chance.choice([1, 30]))
            if choices:
                self.shop.change_order(key, status=self.chance.choice(choices))

    def give_back(self) -> None:
        paid = [
            key for key, order in self.shop.orders.items() if order["status"] in ("processing", "completed")
        ]
        if paid:
            key = self.chance.choice(paid)
            self.shop.tick(5)
            given = sum(Decimal(row["total"]) for row in self.shop.orders[key]["refunds"])
            if Decimal(self.shop.orders[key]["total"]) + given >= 1:
                self.shop.refund_order(key, "1.00")

    def move_stock(self) -> None:
        sku = self.chance.choice(list(self.variants))
        units = self.chance.randint(-5, 8)
        if units:
            apply_moves([Move(self.variants[sku], self.location, "adjusted", on_hand=units)], by=SYSTEM)
            db.session.commit()
            self.moved[sku] += units

    def set_price(self) -> None:
        variant = self.chance.choice(list(self.variants.values()))
        price = Decimal(self.chance.randint(100, 999)) / 100
        db.session.execute(sa.update(Price).where(Price.variant_id == variant).values(amount=price))
        db.session.commit()

    def tell_events(self) -> None:
        """Events arrive late; they are never lost, that is the outbox's promise. Orders that moved stock tell too."""
        articles.mark_variants(self.variants.values(), stock=True, price=True)
        db.session.commit()

    def wait(self) -> None:
        self.clock += dt.timedelta(seconds=self.chance.choice([10, 120, 3600, 20_000]))
        self.shop.tick(self.chance.choice([1, 600, 40_000]))

    def hide(self) -> None:
        if self.shop.orders:
            self.shop.hidden_orders.add(self.chance.choice(list(self.shop.orders)))

    def show(self) -> None:
        self.shop.hidden_orders.clear()

    def replay(self) -> None:
        if self.old_copies:
            document = self.chance.choice(self.old_copies)
            incoming.receive(self.account_id, self.connector(), copy.deepcopy(document), db.session.commit)

    def meddle(self) -> None:
        row = self.chance.choice(list(self.shop.products.values()))
        if row["type"] == "simple":
            row["stock_quantity"] = self.chance.randint(0, 50)

    def settle(self) -> None:
        self.shop.settle()

    def turn(self) -> None:
        self.shop.is_doubling, self.shop.is_shuffling = self.chance.random() < 0.3, self.chance.random() < 0.3
        for _ in range(self.chance.choice([0, 0, 1, 2])):
            self.shop.fail_next(
                self.chance.choice(FAULTS),
                self.chance.choice(["", "batch", "orders"]),
                after=self.chance.randint(0, 3),
            )
        with time_machine.travel(self.clock):
            sync.take_turn(
                self.account(), self.connector(), db.session.commit, now=self.chance.random() < 0.5
            )

    def end(self) -> None:
        """The trouble is over: what was under way arrives, and one comparison puts the rest right."""
        self.shop.faults.clear()
        self.shop.is_doubling = self.shop.is_shuffling = False
        self.show()
        self.settle()
        self.tell_events()
        for _ in range(2):
            self.clock = max(self.clock, utc_now()) + dt.timedelta(hours=6)
            with time_machine.travel(self.clock):
                assert sync.take_turn(self.account(), self.connector(), db.session.commit, now=True)
                self.tell_events()
                sync.compare(self.account(), self.connector(), db.session.commit)
                services.correct_drift(self.account(), queries.drifted_ids(self.account_id), by=SYSTEM)
                db.session.commit()
                assert sync.take_turn(self.account(), self.connector(), db.session.commit, now=True)


def expected(order: dict[str, object]) -> tuple[str, str] | None:
    """State and fulfilment of an order of ours that stands in the shop like this."""
    match order["status"]:
        case "completed":
            return "closed", "fulfilled"
        case "cancelled":
            return "cancelled", "none"
        case _:
            return "open", "unfulfilled"


@pytest.mark.parametrize("seed", range(RUNS))
def test_every_story_ends_in_the_shops_truth(
    scope: int, new_variant: NewVariant, location: int, seed: int
) -> None:
    story = Story(seed, new_variant, location)
    story.tell()
    story.end()
    db.session.expire_all()
    inbound = {row.external_id: row for row in db.session.scalars(sa.select(ChannelInboundOrder))}
    promised, gone = dict.fromkeys(story.variants, 0), dict.fromkeys(story.variants, 0)
    for key, document in story.shop.orders.items():
        row = inbound[str(key)]
        if row.order_id is None:
            assert (row.state, document["status"]) in {("ignored", s) for s in ("cancelled", "failed")}, (
                seed,
                key,
            )
            continue
        order = db.session.scalars(sa.select(Order).where(Order.id == row.order_id)).one()
        assert row.state == "applied", (seed, key, row.reason)
        if document["status"] != "failed":
            assert (order.state, order.fulfilment_state) == expected(document), (
                seed,
                key,
                document["status"],
            )
        paid = document["date_paid_gmt"] is not None
        assert order.captured_total == (order.total if paid else 0), (seed, key)
        given = -sum(Decimal(refund["total"]) for refund in document["refunds"])
        assert order.refunded_total == given, (seed, key)
        payments = db.session.scalars(sa.select(OrderPayment).where(OrderPayment.order_id == order.id)).all()
        assert sum((payment.captured_amount for payment in payments), Decimal(0)) == order.captured_total
        refunds = db.session.scalars(sa.select(OrderRefund).where(OrderRefund.order_id == order.id)).all()
        assert len(refunds) == len(document["refunds"])
        [line] = document["line_items"]
        promised[line["sku"]] += line["quantity"] if order.state == "open" else 0
        gone[line["sku"]] += line["quantity"] if order.state == "closed" else 0
    assert db.session.scalar(sa.select(sa.func.count(OrderRef.order_id))) == sum(
        r.order_id is not None for r in inbound.values()
    )
    for sku, variant in story.variants.items():
        level = db.session.scalars(sa.select(StockLevel).where(StockLevel.variant_id == variant)).one()
        assert level.on_hand == STOCK + story.moved[sku] - gone[sku], (seed, sku)
        assert level.allocated == promised[sku], (seed, sku)
        price = db.session.scalars(sa.select(Price.amount).where(Price.variant_id == variant)).one()
        shown_stock, shown_price = story.shop.shown(sku)
        assert shown_stock == level.on_hand - level.allocated - 2, (seed, sku)
        assert Decimal(shown_price) == price, (seed, sku)


@pytest.fixture
def pollers(process_environment: dict[str, str]) -> Iterator[dict[str, str]]:
    yield os.environ | process_environment | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}


def test_pollers_in_several_processes_make_one_order_of_each(
    account: ChannelAccount,
    shop: Shop,
    shop_url: str,
    new_variant: NewVariant,
    merchant: int,
    pollers: dict[str, str],
) -> None:
    variant = new_variant("A", stock=1000)
    for n in range(40):
        shop.add_order(
            [("A", 1, "2.00")],
            billing={"first_name": "Ann", "email": f"ann{n % 5}@example.com", "country": "GB"},
        )
        shop.tick(n % 3)
    environment = pollers | {"PRIVATE_HOSTS": urlsplit(shop_url).netloc}
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.channels.poller", str(merchant), str(account.id)],
            env=environment,
            cwd=environment["PYTHONPATH"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    ends = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0] * 4, ends
    assert sum(int(out.strip().splitlines()[-1]) for out, _ in ends) == 40, (
        "each order was applied by exactly one"
    )
    db.session.rollback()
    assert db.session.scalar(sa.select(sa.func.count(OrderRef.order_id))) == 40
    assert db.session.scalar(sa.select(sa.func.count(Order.id))) == 40
    level = db.session.scalars(sa.select(StockLevel).where(StockLevel.variant_id == variant)).one()
    assert level.allocated == 40
    from portal.customers.models import Customer

    assert db.session.scalar(sa.select(sa.func.count(Customer.id))) == 5
