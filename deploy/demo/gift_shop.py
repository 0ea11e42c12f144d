"""The first shop: a real order history that ends yesterday, and around it, invented, everything a shop has to do today."""

from __future__ import annotations

import datetime as dt
import os
import random
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from deploy.demo import (
    catalogue,
    channel,
    customers,
    documents,
    history,
    life,
    mail,
    payments,
    privacy,
    returns,
    stock,
    warehouse,
)
from deploy.demo.dates import move_back
from deploy.demo.generated_shop import SHARED, SHARED_SEED
from deploy.demo.orders import DAYS, Desk, OrderBook
from deploy.demo.people import Crowd, Person
from deploy.demo.shops import LANTERN
from portal.accounts.models import Merchant
from portal.catalog.models import Variant
from portal.catalog.prices import price_of, price_values, set_price
from portal.core.audit import Actor, record
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db

SEED: Final = 20_110_930
GOODS: Final = 160
PICTURES: Final = 60
PEOPLE: Final = 90
AUDITED_DAYS: Final = 90
SOURCE: Final = (
    "Daqing Chen, “Online Retail” (2015), UCI Machine Learning Repository, doi.org/10.24432/C5BW33, CC BY 4.0"
)


def fill(team: dict[str, Actor]) -> None:
    """Write the whole shop; each step commits."""
    now, zone, pick = utc_now(), ZoneInfo(LANTERN.time_zone), random.Random(SEED)
    today = now.astimezone(zone).date()
    places = stock.open_locations()
    content, weeks = history.moved_slice(today - dt.timedelta(days=1))
    history.bring_in(content, "online_retail_slice.csv", by=team["owner"], location_id=places[0])
    _say_what_this_is(weeks)

    crowd, shared = Crowd(SEED), Crowd(SHARED_SEED)
    customers.name_the_numbers(crowd)
    people = customers.welcome(crowd, PEOPLE, by=team["support"], pick=pick) + customers.welcome_all(
        [shared.somebody() for _ in range(SHARED)], by=team["support"]
    )
    customers.double(people[10:15], by=team["support"])

    goods = catalogue.best_sellers(GOODS)
    catalogue.sort_into_categories(by=team["catalogue"])
    catalogue.draw_pictures(
        list(dict.fromkeys(row.product_id for row in goods))[:PICTURES], by=team["catalogue"]
    )
    stock.count_everything(places, goods, by=team["warehouse"], pick=pick)

    desk = Desk(team["support"], team["warehouse"], team["owner"])
    book = OrderBook(desk, goods, people, now=now, seed=SEED)
    book.write()
    returns.take_back(book.delivered[: len(returns.STATES)], desk)
    _everyday_work(team, goods, people, places[0], pick, today)
    payments.take(team)
    channel.connect(goods, by=team["catalogue"])
    move_back(
        os.environ["OWNER_DATABASE_URL"], current_merchant_id(), book.story, opened_at=now - dt.timedelta(days=DAYS + 2),
        first_day=now - dt.timedelta(days=AUDITED_DAYS), now=now, seed=SEED,
    )  # fmt: skip
    documents.write(team)
    life.go_on(team, places[0])
    warehouse.set_to_work(places, goods, by=team["warehouse"], owner=team["owner"], pick=pick)
    history.bring_in(
        history.half_rejected(today - dt.timedelta(days=2)),
        "wholesale orders typed by hand.csv",
        by=team["catalogue"],
        location_id=places[0],
    )
    # People of the history, who wait for no parcel: nobody is erased with an order open.
    quiet = [customer.id for customer in customers.of_the_history(10)]
    privacy.open_requests(quiet, team["compliance"], team["compliance2"], zone)
    mail.fill_outbox(by=team["compliance"])


def _everyday_work(
    team: dict[str, Actor],
    goods: list[sa.Row[Any]],
    people: list[tuple[int, Person]],
    place: int,
    pick: random.Random,
    today: dt.date,
) -> None:
    """Prices, counts and notes of three months: each by the service, moved to its day afterwards."""
    for row in pick.sample(list(goods), 45):
        variant = db.session.get_one(Variant, (current_merchant_id(), row.id))
        price = price_of(variant.id, "GBP")
        before = price_values(price, "GBP")
        wanted = {**before, "amount": f"{float(row.amount) * pick.choice((0.95, 1.05, 1.1)):.2f}"}
        set_price(variant, "GBP", wanted, base=before, by=team["catalogue"])
        db.session.commit()
    stock.adjust_a_little(goods, place, by=team["warehouse"], pick=pick, count=60)
    customers.annotate(pick.sample(people, 40), by=team["support"], today=today)
    for desk in ("analyst", "owner", "support"):
        for kind in ("orders", "products", "customers"):
            record(
                "list.exported",
                by=team[desk],
                subject=("listing", kind),
                after={"rows": pick.randrange(50, 2000)},
                reason="Monthly figures",
            )
    db.session.commit()


def _say_what_this_is(weeks: int) -> None:
    merchant = db.session.get_one(Merchant, current_merchant_id())
    merchant.settings = {
        **merchant.settings,
        "notice": {
            "title": "A demo on real sales",
            "text": f"Products, prices and the sales before the last two weeks are real: {SOURCE}. All dates were moved forward by {weeks} whole "
            "weeks, so that the last sale is yesterday. People, stock, payments, parcels, tax and the orders of the last two weeks are invented.",
        },
    }
    db.session.commit()
