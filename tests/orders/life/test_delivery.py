"""An order is sent, collected at a place, or taken from there at once; the buyer may change their mind."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
import sqlalchemy as sa

from portal.catalog.models import Price
from portal.core.database import db
from portal.core.errors import ConflictError, DomainError
from portal.core.jobs import JobItem, enqueue, run_due_jobs
from portal.core.listing import Selection
from portal.core.mail import Message, read_letter
from portal.core.outbox import run_consumers
from portal.core.selected import arguments_of, set_aside
from portal.orders.allocation import allocations_of
from portal.orders.delivery import change_delivery
from portal.orders.fulfilment import collecting
from portal.orders.fulfilment.combining import orders_to_combine_with
from portal.orders.fulfilment.parcels import plan_parcel
from portal.orders.listings import ORDERS
from portal.orders.models import Order
from portal.orders.new_order import NewLine, NewOrder, PlacedOrder
from portal.orders.picking.services import make_pick_list
from portal.orders.placement import place_order
from tests.orders.life.conftest import ANNA, Read, line, parcels, second_place
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, Person
from tests.support.shop import ADA, Shop, levels
from tests.support.waiting import settle, until

Login = Callable[[Person], HouseClient]
Member = Callable[..., Person]


def place(shop: Shop, units: int, delivery: str, location_id: int | None, *, sku: str = "MUG") -> PlacedOrder:
    """An order of one line, committed."""
    new = NewOrder(
        channel_id=shop.channel_id,
        currency="GBP",
        lines=[NewLine(sku, sku, units, Decimal(5), variant_id=shop.variants[sku])],
        contacts=[ADA],
    )
    placed = place_order(replace(new, delivery=delivery, delivery_location_id=location_id), by=SYSTEM)
    db.session.commit()
    return placed


def places_of(order_id: int) -> dict[int, int]:
    return {each.location_id: each.quantity for each in allocations_of(order_id)}


class TestCollecting:
    def test_only_the_place_it_is_collected_at_counts(self, shop: Shop) -> None:
        annexe = second_place(shop, MUG=3)
        fits = place(shop, 2, "collect", annexe)
        assert places_of(fits.order_id) == {annexe: 2}
        short = place(shop, 2, "collect", annexe)
        assert short.hold_reason == "Not enough stock: MUG"
        assert places_of(short.order_id) == {annexe: 1}
        assert places_of(place(shop, 2, "ship", None).order_id) == {shop.location_id: 2}

    def test_the_notice_says_where(self, shop: Shop) -> None:
        annexe = second_place(shop, MUG=3)
        placed = place(shop, 1, "collect", annexe)
        collecting.set_ready(placed.order_id, {1: 1}, location_id=annexe, by=ANNA)
        db.session.commit()
        settle()
        until(lambda: not run_consumers("order-mails").handled.get("order-mails"))
        letters = [read_letter(each) for each in db.session.scalars(sa.select(Message))]
        assert any(letter and "You find it here: Annexe" in letter.text for letter in letters)

    def test_a_pick_list_makes_a_collection_of_it(self, shop: Shop) -> None:
        annexe = second_place(shop, MUG=3)
        placed = place(shop, 1, "collect", annexe)
        make_pick_list(annexe, most=5, with_unpaid=True, by=ANNA)
        assert [parcel.method for parcel in parcels(placed.order_id)] == ["collect"]

    def test_it_is_neither_sent_in_bulk_nor_with_others(self, shop: Shop) -> None:
        annexe = second_place(shop, MUG=3)
        fetched = place(shop, 1, "collect", annexe)
        sent, other = place(shop, 1, "ship", None), place(shop, 1, "ship", None)
        companions = [each["order_id"] for each in orders_to_combine_with(sent.order_id)]
        assert companions == [other.order_id]
        assert orders_to_combine_with(fetched.order_id) == []
        chosen = set_aside(ORDERS, Selection((fetched.order_id, sent.order_id), None), by=ANNA)
        enqueue("orders.bulk", {**arguments_of(chosen), "act": "send", "value": ""}, by=ANNA)
        db.session.commit()
        run_due_jobs()
        results = dict(db.session.execute(sa.select(JobItem.key, JobItem.state)).all())
        assert results == {str(fetched.order_id): "failed", str(sent.order_id): "ok"}


class TestAtOnce:
    def test_it_has_left_when_it_is_placed(self, shop: Shop, head: Read) -> None:
        placed = place(shop, 2, "hand_over", shop.location_id)
        now = head(placed.order_id)
        assert (now.state, now.fulfilment_state) == ("closed", "fulfilled")
        assert [(each.method, each.state) for each in parcels(placed.order_id)] == [
            ("hand_over", "delivered")
        ]
        assert levels([shop.variants["MUG"]]) == {shop.variants["MUG"]: (8, 0)}

    def test_what_is_not_there_waits_on_hold(self, shop: Shop, head: Read) -> None:
        placed = place(shop, 11, "hand_over", shop.location_id)
        assert head(placed.order_id).state == "on_hold"
        assert parcels(placed.order_id) == []


class TestChangingOnesMind:
    def test_the_promise_moves_to_the_place(self, shop: Shop, head: Read) -> None:
        annexe = second_place(shop, MUG=3)
        placed = place(shop, 2, "ship", None)
        assert change_delivery(placed.order_id, "collect", annexe, by=ANNA)
        assert places_of(placed.order_id) == {annexe: 2}
        db.session.commit()
        now = head(placed.order_id)
        assert (now.delivery, now.delivery_location_id) == ("collect", annexe)

    def test_a_place_with_too_little_is_refused(self, shop: Shop) -> None:
        annexe = second_place(shop, MUG=1)
        placed = place(shop, 2, "ship", None)
        with pytest.raises(ConflictError, match="not 2 free"):
            change_delivery(placed.order_id, "collect", annexe, by=ANNA)

    def test_a_parcel_that_waits_comes_first(self, shop: Shop) -> None:
        placed = place(shop, 2, "ship", None)
        plan_parcel(placed.order_id, {1: 1}, by=ANNA)
        with pytest.raises(ConflictError, match="waits already"):
            change_delivery(placed.order_id, "collect", shop.location_id, by=ANNA)

    @pytest.mark.parametrize(("way", "where"), [("fly", None), ("collect", None), ("collect", 1)])
    def test_nonsense_is_refused(self, shop: Shop, way: str, where: int | None) -> None:
        placed = place(shop, 2, "ship", None)
        with pytest.raises(DomainError):
            change_delivery(placed.order_id, way, where, by=ANNA)


class TestScreens:
    def test_the_page_says_it_and_the_next_step_follows(
        self, shop: Shop, login: Login, member: Member
    ) -> None:
        annexe = second_place(shop, MUG=3)
        placed = place(shop, 2, "collect", annexe)
        client = login(member("support"))
        here = f"/orders/{placed.number}"
        assert "Make ready to collect" in client.get(here).text
        assert "To be collected at" in client.get(f"{here}/parcels").text
        form = client.get(f"{here}/parcels/new").text
        assert "What leaves from Annexe" in form
        assert re.search(
            r'<input[^>]* checked[^>]*value="collect"|<input[^>]*value="collect"[^>]* checked', form
        )
        assert client.post(f"{here}/delivery", data={"delivery": "ship"}).status_code == 303
        assert "Send parcel" in client.get(here).text
        assert "Another way to the buyer" in client.get(here).text
        refused = client.post(f"{here}/delivery", data={"delivery": "collect:0"})
        assert refused.status_code == 422
        assert "Choose a location that is in use" in refused.text

    def test_the_list_finds_what_is_fetched_where(self, shop: Shop, login: Login, member: Member) -> None:
        annexe = second_place(shop, MUG=3)
        fetched, sent = place(shop, 1, "collect", annexe), place(shop, 1, "ship", None)
        listed = login(member("support")).get(f"/orders?f=1.fetched_at.is.{annexe}&cols=number,delivery").text
        assert f">{fetched.number}<" in listed
        assert f">{sent.number}<" not in listed
        assert "Collection" in listed

    def test_a_draft_becomes_what_was_chosen(self, shop: Shop, login: Login, member: Member) -> None:
        db.session.add(Price(variant_id=shop.variants["MUG"], currency="GBP", amount="4.50"))
        db.session.commit()
        client = login(member("owner"))
        draft = client.post("/drafts").headers["Location"]
        client.post(f"{draft}/lines", data={"variant_id": shop.variants["MUG"]})
        chosen = {"delivery": f"hand_over:{shop.location_id}", "name": "Ada"}
        client.post(draft, data=chosen)
        assert f'value="hand_over:{shop.location_id}" selected' in client.get(draft).text
        client.post(f"{draft}/placement", data=chosen)
        order = db.session.scalars(sa.select(Order)).one()
        assert (order.delivery, order.state) == ("hand_over", "closed")
        assert line(order.id).fulfilled_quantity == 1
