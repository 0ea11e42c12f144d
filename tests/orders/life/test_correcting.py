"""Address corrections: two people, field by field, and labels that are printed already."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from portal.core.database import current_merchant_id, db
from portal.core.errors import ConflictError, DomainError, StaleError
from portal.orders.fulfilment import correcting
from portal.orders.fulfilment.parcels import plan_parcel, send_parcel
from portal.orders.models import OrderContact
from tests.orders.life.conftest import Read, parcels
from tests.support.people import SYSTEM
from tests.support.shop import Shop


def correct(order_id: int, base: dict[str, str], voids: bool = False, **typed: str) -> bool:
    return correcting.correct_contact(
        order_id, 1, {**base, **typed}, base, voids_labels=voids, subject_id=None, by=SYSTEM
    )


def test_two_people_correct_different_fields(shop: Shop) -> None:
    placed = shop.order(("MUG", 1, "4.50"))
    seen = correcting.contact_values(placed.order_id, 1)
    correct(placed.order_id, seen, line1="14 High Street")
    correct(placed.order_id, seen, phone="020 7946 0999")
    db.session.commit()
    now = correcting.contact_values(placed.order_id, 1)
    assert (now["line1"], now["phone"]) == ("14 High Street", "020 7946 0999")


def test_two_people_who_correct_one_field_are_shown_both_values(shop: Shop) -> None:
    placed = shop.order(("MUG", 1, "4.50"))
    seen = correcting.contact_values(placed.order_id, 1)
    correct(placed.order_id, seen, line1="14 High Street")
    with pytest.raises(StaleError) as stale:
        correct(placed.order_id, seen, line1="15 High Street", city="Leeds")
    assert stale.value.clashes == {"line1": ("14 High Street", "15 High Street")}
    db.session.rollback()


@pytest.mark.parametrize("typed", ["-2", "ada", "ada@", "@example.com", "ada @example.com", "a@b@c"])
def test_a_new_email_address_is_one(shop: Shop, typed: str) -> None:
    placed = shop.order(("MUG", 1, "4.50"))
    seen = correcting.contact_values(placed.order_id, 1)
    with pytest.raises(DomainError, match="not an e-mail address") as refused:
        correct(placed.order_id, seen, email=typed)
    assert refused.value.field == "email"
    assert correct(placed.order_id, seen, email="") and correct(
        placed.order_id, {**seen, "email": ""}, email="ada@host"
    )


def test_an_old_address_that_is_none_stops_no_other_correction(shop: Shop) -> None:
    placed = shop.order(("MUG", 1, "4.50"))
    table = OrderContact.__table__
    db.session.execute(
        sa.update(table)
        .where(table.c.merchant_id == current_merchant_id(), table.c.order_id == placed.order_id)
        .values(email="from a till")
    )
    assert correct(placed.order_id, correcting.contact_values(placed.order_id, 1), city="Leeds")


def test_a_corrected_order_is_found_by_its_new_address(shop: Shop, head: Read) -> None:
    placed = shop.order(("MUG", 1, "4.50"))
    seen = correcting.contact_values(placed.order_id, 1)
    correct(
        placed.order_id, seen, name="Grace Hopper", postcode="10115", country_code="DE", email="G@Example.com"
    )
    db.session.commit()
    table = OrderContact.__table__
    row = db.session.execute(
        sa.select(table).where(
            table.c.merchant_id == current_merchant_id(), table.c.order_id == placed.order_id
        )
    ).one()
    assert (row.email_key, row.postcode_key) == ("g@example.com", "10115")
    assert "grace" in row.name_key
    assert head(placed.order_id).country_code == "DE"


def test_a_printed_label_is_voided_and_printed_anew(shop: Shop) -> None:
    placed = shop.order(("MUG", 1, "4.50"))
    n = plan_parcel(placed.order_id, {1: 1}, by=SYSTEM)
    correcting.label_made(placed.order_id, n, by=SYSTEM)
    db.session.commit()
    seen = correcting.contact_values(placed.order_id, 1)
    with pytest.raises(ConflictError, match="label is printed"):
        correct(placed.order_id, seen, line1="14 High Street")
    db.session.rollback()
    correct(placed.order_id, seen, voids=True, line1="14 High Street")
    db.session.commit()
    with pytest.raises(ConflictError, match="label of this parcel was voided"):
        send_parcel(placed.order_id, n, carrier=None, tracking_number=None, by=SYSTEM)
    db.session.rollback()
    correcting.label_made(placed.order_id, n, by=SYSTEM)
    send_parcel(placed.order_id, n, carrier=None, tracking_number=None, by=SYSTEM)
    db.session.commit()
    assert parcels(placed.order_id)[0].label_state == "made"


def test_nothing_is_corrected_after_all_has_left(shop: Shop) -> None:
    placed = shop.order(("MUG", 1, "4.50"))
    n = plan_parcel(placed.order_id, {1: 1}, by=SYSTEM)
    send_parcel(placed.order_id, n, carrier=None, tracking_number=None, by=SYSTEM)
    with pytest.raises(ConflictError, match="reach no parcel"):
        correct(placed.order_id, correcting.contact_values(placed.order_id, 1), line1="x")


def test_saving_without_a_change_changes_nothing(shop: Shop, head: Read) -> None:
    placed = shop.order(("MUG", 1, "4.50"))
    before = head(placed.order_id).version
    assert not correct(placed.order_id, correcting.contact_values(placed.order_id, 1))
    db.session.commit()
    assert head(placed.order_id).version == before
