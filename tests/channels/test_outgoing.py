"""Stock and prices on their way to a shop."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import pytest
import sqlalchemy as sa
import time_machine

from portal.catalog.models import Price, Variant
from portal.channels import articles, jobs, retry, services
from portal.channels.models import ChannelAccount, ChannelDelivery, ChannelListing, ChannelSync
from portal.core.audit import SYSTEM
from portal.core.database import db
from portal.core.jobs import Job, run_due_jobs
from portal.core.outbox import Event, run_consumers
from portal.stock.services import Move, apply_moves
from tests.channels.conftest import NewVariant
from tests.channels.woocommerce_server import Shop
from tests.support.waiting import settle, until

Turn = Callable[[], bool]
Look = Callable[[], int]


def listing(sku: str) -> ChannelListing:
    db.session.expire_all()
    return db.session.scalars(sa.select(ChannelListing).where(ChannelListing.remote_sku == sku)).one()


def move(variant_id: int, location: int, units: int) -> None:
    """Stock changes and the channels hear of it, without waiting for other transactions of the server to end."""
    apply_moves([Move(variant_id, location, "adjusted", on_hand=units)], by=SYSTEM)
    db.session.commit()
    jobs.note_changes([Event(1, "stock.changed", f"variant:{variant_id}", {"variant_id": variant_id})])
    db.session.commit()


def test_matched_articles_show_our_stock_and_price(
    turn: Turn, look: Look, shop: Shop, new_variant: NewVariant
) -> None:
    shop.add_product("A", stock=99, price="1.00")
    parent, _ = shop.add_variable("Shirt", ["S-RED"], price="1.00")
    new_variant("A", stock=5, price="2.50")
    new_variant("s-red", stock=3, price="9.00")
    look()
    assert turn()
    assert (shop.shown("A"), shop.shown("S-RED")) == ((5, "2.50"), (3, "9.00"))
    row = listing("A")
    assert (row.state, row.acknowledged_version, row.acknowledged_stock) == ("in_step", row.wanted_version, 5)
    assert row.acknowledged_price == Decimal("2.50")


def test_nothing_is_sent_for_an_article_without_a_variant(turn: Turn, look: Look, shop: Shop) -> None:
    shop.add_product("STRANGER", stock=7)
    look()
    assert turn()
    assert shop.writes == []
    assert listing("STRANGER").state == "unmatched"


def test_an_event_of_stock_reaches_the_shop_through_outbox_and_job(
    account: ChannelAccount, turn: Turn, look: Look, shop: Shop, new_variant: NewVariant, location: int
) -> None:
    shop.add_product("A")
    variant = new_variant("A", stock=5)
    look()
    turn()
    apply_moves([Move(variant, location, "adjusted", on_hand=-2)], by=SYSTEM)
    db.session.commit()
    settle()
    assert run_consumers("channels").handled.get("channels")
    assert listing("A").state == "waiting"
    assert db.session.scalars(sa.select(Job.state).where(Job.kind == "channels.sync")).all() == ["queued"]
    run_due_jobs()
    assert shop.shown("A")[0] == 3
    assert listing("A").state == "in_step"


def test_an_event_of_price_reaches_the_shop(
    turn: Turn, look: Look, shop: Shop, new_variant: NewVariant
) -> None:
    shop.add_product("A")
    variant = new_variant("A", price="2.00")
    look()
    turn()
    db.session.execute(sa.update(Price).where(Price.variant_id == variant).values(amount=Decimal("3.25")))
    articles.mark_variants([variant], price=True)
    db.session.commit()
    turn()
    assert shop.shown("A")[1] == "3.25"


def test_the_buffer_is_kept_back_and_stock_is_never_negative(
    account: ChannelAccount, turn: Turn, look: Look, shop: Shop, new_variant: NewVariant
) -> None:
    for sku, stock in (("MANY", 10), ("FEW", 2), ("NONE", 0)):
        shop.add_product(sku)
        new_variant(sku, stock=stock)
    account.safety_buffer = 3
    db.session.commit()
    look()
    turn()
    assert [shop.shown(sku)[0] for sku in ("MANY", "FEW", "NONE")] == [7, 0, 0]


def test_what_is_not_counted_is_not_sold_out(
    turn: Turn, look: Look, shop: Shop, new_variant: NewVariant
) -> None:
    shop.add_product("EBOOK", stock=99, price="1.00")
    variant = new_variant("EBOOK", price="2.50")
    db.session.execute(sa.update(Variant).where(Variant.id == variant).values(is_stocked=False))
    db.session.commit()
    look()
    assert turn()
    assert shop.shown("EBOOK") == (99, "2.50")
    assert listing("EBOOK").state == "in_step"


def test_a_variant_without_a_price_in_the_shops_currency_keeps_the_shops_price(
    turn: Turn, look: Look, shop: Shop, new_variant: NewVariant
) -> None:
    shop.add_product("A", price="8.00")
    new_variant("A", stock=1, price="9.00", currency="EUR")
    look()
    turn()
    assert shop.shown("A") == (1, "8.00")


def test_one_bad_article_does_not_stop_the_others(
    turn: Turn, look: Look, shop: Shop, new_variant: NewVariant
) -> None:
    for n in range(8):
        shop.add_product(f"S{n}")
        new_variant(f"S{n}", stock=n + 1)
    look()
    shop.poison = {next(key for key, row in shop.products.items() if row["sku"] == "S3")}
    assert turn()
    assert [shop.shown(f"S{n}")[0] for n in range(8)] == [1, 2, 3, None, 5, 6, 7, 8]
    bad = listing("S3")
    assert (bad.state, bad.attempts) == ("failed", 1)
    assert bad.last_error == "The shop broke while answering (error 500)."
    assert bad.next_try_at is not None


def test_a_failed_article_is_tried_again_and_recovers(
    turn: Turn, look: Look, shop: Shop, new_variant: NewVariant
) -> None:
    product = shop.add_product("A")
    new_variant("A", stock=4)
    look()
    shop.poison = {product}
    turn()
    turn()
    assert listing("A").attempts == 1, "the pause after a failure is kept"
    shop.poison = set()
    with time_machine.travel(dt.datetime.now(dt.UTC) + dt.timedelta(minutes=2)):
        turn()
    assert (listing("A").state, listing("A").attempts, listing("A").last_error) == ("in_step", 0, None)


def test_after_thirty_hours_of_failing_it_is_laid_before_a_person_who_can_replay_it(
    turn: Turn, look: Look, shop: Shop, new_variant: NewVariant
) -> None:
    product = shop.add_product("A")
    new_variant("A", stock=4)
    look()
    shop.poison = {product}
    start, tries = dt.datetime.now(dt.UTC), 0
    with time_machine.travel(start) as clock:
        while listing("A").state != "dead":
            turn()
            tries += 1
            clock.shift(dt.timedelta(hours=1))
            assert tries < 60
        assert dt.datetime.now(dt.UTC) - start >= retry.HORIZON
        shop.poison = set()
        turn()
        assert shop.shown("A")[0] is None, "a dead letter rests until a person replays it or there is news"
        services.push_all(services.account_of(listing("A").account_id), "dead", by=SYSTEM)
        db.session.commit()
        turn()
    assert shop.shown("A")[0] == 4


def test_waits_grow_to_hours_and_spread() -> None:
    waits = [[retry.wait(n).total_seconds() for _ in range(200)] for n in range(1, 15)]
    assert all(22 <= seconds <= 38 for seconds in waits[0])
    assert max(waits[-1]) <= 5 * 3600 and min(waits[-1]) >= 3 * 3600
    assert len(set(waits[3])) > 100


@pytest.mark.parametrize("fault", ["lost", "cut", "slow"])
def test_a_call_without_an_answer_is_resolved_by_asking(
    turn: Turn, look: Look, shop: Shop, new_variant: NewVariant, fault: str
) -> None:
    shop.add_product("A")
    new_variant("A", stock=4)
    look()
    shop.fail_next(fault, "/products/batch")
    assert not turn()
    assert (listing("A").state, listing("A").acknowledged_version) == ("unknown", 0)
    until(lambda: bool(shop.writes))
    with time_machine.travel(dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)):
        assert turn()
    assert (listing("A").state, listing("A").acknowledged_stock) == ("in_step", 4)
    assert len(shop.writes) == 1, "it was asked, not sent a second time"


def test_a_request_that_arrives_after_a_newer_one_is_put_right(
    turn: Turn, look: Look, shop: Shop, new_variant: NewVariant, location: int
) -> None:
    shop.add_product("A")
    variant = new_variant("A", stock=4)
    look()
    shop.fail_next("late", "/products/batch")
    turn()
    move(variant, location, -3)
    now = dt.datetime.now(dt.UTC)
    with time_machine.travel(now + dt.timedelta(minutes=1)):
        turn()
    assert shop.shown("A")[0] == 1
    shop.settle()
    assert shop.shown("A")[0] == 4, "the old value overtook the new one"
    with time_machine.travel(now + dt.timedelta(minutes=12)):
        turn()
        turn()
    assert shop.shown("A")[0] == 1
    assert listing("A").state == "in_step"


def test_a_kill_between_call_and_answer_leaves_a_question_not_a_lie(
    account: ChannelAccount,
    look: Look,
    turn: Turn,
    shop: Shop,
    new_variant: NewVariant,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop.add_product("A")
    new_variant("A", stock=4)
    look()

    class Killed(BaseException):
        pass

    from portal.channels import outgoing

    def dying(*_: object) -> list[object]:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(outgoing, "_settle", dying)
        turn()
    db.session.rollback()
    assert listing("A").state == "unknown"
    turn()
    assert (listing("A").state, listing("A").acknowledged_stock) == ("in_step", 4)


def test_news_during_a_call_is_sent_after_it(
    account: ChannelAccount, turn: Turn, look: Look, shop: Shop, new_variant: NewVariant, location: int
) -> None:
    shop.add_product("A")
    variant = new_variant("A", stock=4)
    look()
    from portal.channels import outgoing

    fresh = services.account_of(account.id)
    sent = outgoing._claim(fresh, 10)
    db.session.commit()
    move(variant, location, -1)
    outgoing._acknowledge(sent[0].listing_id, sent[0].version)
    db.session.commit()
    assert (listing("A").state, listing("A").acknowledged_stock) == ("waiting", 4)
    turn()
    assert shop.shown("A")[0] == 3


def test_an_answer_to_an_older_call_changes_nothing(
    account: ChannelAccount, turn: Turn, look: Look, shop: Shop, new_variant: NewVariant, location: int
) -> None:
    shop.add_product("A")
    variant = new_variant("A", stock=4)
    look()
    from portal.channels import outgoing

    old = outgoing._claim(services.account_of(account.id), 10)[0]
    db.session.commit()
    services.account_of(account.id)
    move(variant, location, 6)
    articles.mark_listings([old.listing_id])
    db.session.commit()
    turn()
    turn()
    outgoing._acknowledge(old.listing_id, old.version)
    db.session.commit()
    assert (listing("A").acknowledged_stock, shop.shown("A")[0]) == (10, 10)


def test_refused_keys_fail_the_account_and_no_article(
    turn: Turn, look: Look, shop: Shop, new_variant: NewVariant, account: ChannelAccount
) -> None:
    shop.add_product("A")
    new_variant("A", stock=4)
    look()
    shop.fail_next("401", "", times=50)
    assert not turn()
    db.session.expire_all()
    assert account.state == "failing"
    note = db.session.scalars(sa.select(ChannelSync)).one()
    assert note.last_error == "The shop does not accept the keys. Make new ones there and enter them."
    assert note.next_try_at is not None
    assert (listing("A").attempts, listing("A").state) == (0, "waiting")
    shop.faults.clear()
    assert turn()
    db.session.expire_all()
    assert account.state == "active"
    assert shop.shown("A")[0] == 4


def test_a_shop_that_asks_for_patience_is_left_alone_so_long(
    turn: Turn, look: Look, shop: Shop, new_variant: NewVariant, account: ChannelAccount
) -> None:
    shop.add_product("A")
    new_variant("A", stock=4)
    look()
    shop.fail_next("429", "/products/batch")
    began = dt.datetime.now(dt.UTC)
    turn()
    ended = dt.datetime.now(dt.UTC)
    db.session.expire_all()
    note = db.session.scalars(sa.select(ChannelSync)).one()
    assert note.next_try_at is not None
    assert began + dt.timedelta(seconds=4) < note.next_try_at <= ended + dt.timedelta(seconds=7)
    assert (account.state, listing("A").state, listing("A").attempts) == ("active", "waiting", 0)


def test_a_paused_article_remembers_and_sends_when_resumed(
    turn: Turn, look: Look, shop: Shop, new_variant: NewVariant, location: int
) -> None:
    shop.add_product("A")
    variant = new_variant("A", stock=4)
    look()
    turn()
    articles.pause_listing(listing("A").id, True, by=SYSTEM)
    move(variant, location, -1)
    turn()
    assert shop.shown("A")[0] == 4
    articles.pause_listing(listing("A").id, False, by=SYSTEM)
    db.session.commit()
    turn()
    assert shop.shown("A")[0] == 3


def test_a_paused_account_sends_nothing(
    turn: Turn, look: Look, shop: Shop, new_variant: NewVariant, account: ChannelAccount
) -> None:
    shop.add_product("A")
    new_variant("A", stock=4)
    look()
    services.switch_off(account, by=SYSTEM)
    db.session.commit()
    assert not turn()
    assert shop.writes == []


def test_the_log_of_calls_stays_short(
    turn: Turn, account: ChannelAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portal.channels import deliveries

    monkeypatch.setattr(deliveries, "KEPT", 5)
    for _ in range(9):
        deliveries.Call(account.id, "test").write()
    deliveries.trim(account.id)
    db.session.commit()
    assert db.session.scalar(sa.select(sa.func.count(ChannelDelivery.id))) == 5
