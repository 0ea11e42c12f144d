"""Put what the services wrote today back to where the story has it.

Services write now; a demo needs a past. So each act is done by the service, its time is noted here, and at the end
``portal_owner`` moves the rows: the app itself may not change a ledger or the audit log. Nothing was sealed yet, because
no worker runs while the shops are loaded. Only the demo does this.
"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass, field
from typing import Final

import psycopg

# (table, key of the order, column that carries the time in an id, columns of time to move with it)
OF_ORDER: Final = (("order_event", "n", "at"), ("order_note", "n", "at"))


@dataclass
class Story:
    """When things happened: orders with their parcels, and every other act by its entry in the log."""

    placed: dict[int, dt.datetime] = field(default_factory=dict)
    shipped: dict[tuple[int, int], dt.datetime] = field(default_factory=dict)
    delivered: dict[tuple[int, int], dt.datetime] = field(default_factory=dict)


def move_back(
    url: str,
    merchant_id: int,
    story: Story,
    *,
    opened_at: dt.datetime,
    first_day: dt.datetime,
    now: dt.datetime,
    seed: int,
) -> None:
    """Write the past of one merchant into the rows, as the owner."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "SELECT ensure_partitions_for(at) FROM generate_series(%s::timestamptz, %s, interval '20 days') AS at",
            (first_day, now),
        )
        _orders(connection, merchant_id, story)
        _stock(connection, merchant_id, opened_at)
        _products(connection, merchant_id, first_day)
        _log(connection, merchant_id, first_day, now, random.Random(seed))


def _orders(connection: psycopg.Connection[tuple[object, ...]], merchant_id: int, story: Story) -> None:
    connection.execute(
        "CREATE TEMPORARY TABLE story_order (order_id bigint PRIMARY KEY, placed_at timestamptz, left_at timestamptz) ON COMMIT DROP"
    )
    connection.execute(
        "CREATE TEMPORARY TABLE story_parcel (order_id bigint, n integer, shipped_at timestamptz, delivered_at timestamptz) ON COMMIT DROP"
    )
    left = {order_id: at for (order_id, _), at in sorted(story.shipped.items(), key=lambda each: each[1])}
    with connection.cursor() as cursor:
        with cursor.copy("COPY story_order FROM STDIN") as copy:
            for order_id, at in story.placed.items():
                copy.write_row((order_id, at, left.get(order_id)))
        with cursor.copy("COPY story_parcel FROM STDIN") as copy:
            for (order_id, n), at in story.shipped.items():
                copy.write_row((order_id, n, at, story.delivered.get((order_id, n))))
    # What came first in writing comes first in time: minutes are counted from placing, or from leaving.
    for table, key, at in OF_ORDER:
        connection.execute(
            f"""
            UPDATE {table} AS e SET {key} = new_id(t.at), {at} = t.at
            FROM (
                SELECT e.order_id, e.{key} AS key,
                       least(CASE WHEN {"e.kind IN ('shipped', 'delivered')" if table == "order_event" else "false"}
                                  THEN coalesce(s.left_at, s.placed_at) ELSE s.placed_at END
                             + (row_number() OVER (PARTITION BY e.order_id ORDER BY e.{key}) - 1) * interval '7 minutes', now()) AS at
                FROM {table} AS e JOIN story_order AS s USING (order_id)
                WHERE e.merchant_id = %(merchant)s
            ) AS t
            WHERE e.merchant_id = %(merchant)s AND e.order_id = t.order_id AND e.{key} = t.key""",
            {"merchant": merchant_id},
        )
    connection.execute(
        """
        UPDATE order_fulfilment AS f SET created_at = p.shipped_at - interval '2 hours', shipped_at = p.shipped_at, delivered_at = p.delivered_at
        FROM story_parcel AS p WHERE f.merchant_id = %s AND f.order_id = p.order_id AND f.n = p.n""",
        (merchant_id,),
    )
    connection.execute(
        """
        UPDATE sales_order AS o SET created_at = s.placed_at, updated_at = coalesce(s.left_at, s.placed_at),
               closed_at = CASE WHEN o.closed_at IS NOT NULL THEN coalesce(s.left_at, s.placed_at) END
        FROM story_order AS s WHERE o.merchant_id = %s AND o.id = s.order_id""",
        (merchant_id,),
    )
    connection.execute(
        """
        UPDATE stock_movement AS m SET id = new_id(t.at)
        FROM (
            SELECT m.id, CASE WHEN m.kind = 'allocated' THEN s.placed_at ELSE coalesce(s.left_at, s.placed_at) END + interval '1 minute' AS at
            FROM stock_movement AS m JOIN story_order AS s ON s.order_id = m.cause_id AND m.cause_kind = 'order'
            WHERE m.merchant_id = %(merchant)s AND m.id >= id_floor(now() - interval '2 hours')
        ) AS t
        WHERE m.merchant_id = %(merchant)s AND m.id = t.id AND m.id >= id_floor(now() - interval '2 hours')""",
        {"merchant": merchant_id},
    )
    connection.execute(
        """
        UPDATE audit_entry AS a SET id = new_id(t.at)
        FROM (
            SELECT a.id, least(CASE WHEN a.action IN ('order.shipped', 'order.delivered') THEN coalesce(s.left_at, s.placed_at) ELSE s.placed_at END
                               + row_number() OVER (PARTITION BY a.subject_id ORDER BY a.id) * interval '3 minutes', now()) AS at
            FROM audit_entry AS a JOIN story_order AS s ON a.subject_kind = 'order' AND a.subject_id = s.order_id::text
            WHERE a.merchant_id = %(merchant)s
        ) AS t
        WHERE a.merchant_id = %(merchant)s AND a.id = t.id""",
        {"merchant": merchant_id},
    )


def _stock(
    connection: psycopg.Connection[tuple[object, ...]], merchant_id: int, opened_at: dt.datetime
) -> None:
    """The count that today's stock begins with stands before the first order that takes from it.

    Movements that stand elsewhere now do not follow from each other as they were written, so their figures are added up
    anew in the order of today; imported history keeps none, as everywhere.
    """
    connection.execute(
        """
        UPDATE stock_movement SET id = new_id(%(at)s)
        WHERE merchant_id = %(merchant)s AND kind IN ('counted', 'received') AND id >= id_floor(now() - interval '2 hours')""",
        {"merchant": merchant_id, "at": opened_at},
    )
    connection.execute(
        """
        WITH own AS (
            SELECT id, sum(on_hand_delta) OVER level AS on_hand, sum(incoming_delta) OVER level AS incoming,
                   sum(allocated_delta + reserved_delta + unavailable_delta) OVER level AS promised
            FROM stock_movement
            WHERE merchant_id = %(merchant)s AND cause_kind NOT IN ('import', 'import_undo')
            WINDOW level AS (PARTITION BY variant_id, location_id, slot ORDER BY id)
        )
        UPDATE stock_movement AS m
        SET on_hand_after = own.on_hand, promised_after = own.promised, incoming_after = own.incoming
        FROM own WHERE m.merchant_id = %(merchant)s AND m.id = own.id""",
        {"merchant": merchant_id},
    )


def _products(
    connection: psycopg.Connection[tuple[object, ...]], merchant_id: int, first_day: dt.datetime
) -> None:
    """Articles came long ago; those that got a picture were worked on since."""
    connection.execute(
        """
        UPDATE product AS p SET created_at = %(first)s, updated_at = CASE WHEN
            EXISTS (SELECT FROM media AS m WHERE m.merchant_id = p.merchant_id AND m.product_id = p.id)
            THEN now() - random() * interval '20 days' ELSE %(first)s END
        WHERE p.merchant_id = %(merchant)s""",
        {"merchant": merchant_id, "first": first_day},
    )


def _log(
    connection: psycopg.Connection[tuple[object, ...]],
    merchant_id: int,
    first_day: dt.datetime,
    now: dt.datetime,
    pick: random.Random,
) -> None:
    """Everything else staff did today is spread over the working hours of the days since, in the order it was done."""
    rows = connection.execute(
        "SELECT id FROM audit_entry WHERE merchant_id = %s AND subject_kind <> 'order' AND actor_kind = 'user'"
        " AND subject_kind NOT IN ('privacy_request', 'import', 'channel_account') AND id >= id_floor(now() - interval '2 hours') ORDER BY id",
        (merchant_id,),
    ).fetchall()
    if not rows:
        return
    span = (now - dt.timedelta(hours=3)) - first_day
    with connection.cursor() as cursor:
        times = sorted(first_day + span * pick.random() for _ in rows)
        cursor.executemany(
            "UPDATE audit_entry SET id = new_id(%s) WHERE merchant_id = %s AND id = %s",
            [
                (_office_hours(at, pick, now), merchant_id, key)
                for at, (key,) in zip(times, rows, strict=True)
            ],
        )


def _office_hours(at: dt.datetime, pick: random.Random, now: dt.datetime) -> dt.datetime:
    return min(
        at.replace(hour=8 + pick.randrange(10), minute=pick.randrange(60), second=pick.randrange(60)),
        now - dt.timedelta(minutes=5),
    )
