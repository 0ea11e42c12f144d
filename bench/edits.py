"""Saving one thing among many against the bare POST: ``make bench NAME=edits``.

One variant of a product with 2,000, one scan in a count with 100,000 lines, one adjustment of a level: each as the screen
sends it, through sign-in, access and the check against forged requests, with its audit entry and its event. The bare POST
runs one UPDATE as the same role under the same row-level security, commits, and answers 303. Slices of all four take turns,
so that whatever else the machine does falls on each of them alike.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Final
from urllib.parse import urlencode

import psycopg

from bench.dataset import make_merchants
from bench.ground import Bars, Measured, served, sign_in_cookie
from portal import create_app
from portal.core.merging import pack_base

LIMIT: Final = 4.0
VARIANTS, LINES = 2_000, 100_000
SEED: Final = 11


@dataclass(frozen=True, slots=True)
class Shop:
    """What the bench works on."""

    merchant_id: int
    location_id: int
    count_id: int
    first_variant: int
    first_counted: int


@dataclass(frozen=True, slots=True)
class Post:
    """A form to send, and the answer it must get."""

    path: str
    values: Mapping[str, str]
    status: int
    is_fragment: bool = False


@dataclass
class Case:
    """A way to save, and what its slices took."""

    name: str
    posts: Iterator[Post]
    slices: list[Measured] = field(default_factory=list)

    @property
    def p95(self) -> float:
        return median(each.p95 for each in self.slices)

    @property
    def p50(self) -> float:
        return median(each.p50 for each in self.slices)


def main() -> None:
    parser = argparse.ArgumentParser(prog="edits", description=__doc__)
    parser.add_argument("--slices", type=int, default=7, help="turns of each; the median counts")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each slice")
    given = parser.parse_args()
    shop = _build()
    app = create_app()
    cookie = sign_in_cookie(app, shop.merchant_id)
    statement = {
        "sql": "UPDATE variant SET position = position + 1 WHERE id = %(id)s"
        " AND merchant_id = NULLIF(current_setting('portal.merchant_id', true), '')::integer",
        "parameters": {"id": shop.first_variant},
    }
    bars, worst = Bars(), 0.0
    with served({"BENCH_STATEMENTS": json.dumps({"edit": statement})}) as port:
        cookie, token = _csrf(port, cookie)
        for clients in (1, 4):
            # A client of the second round begins where no client of the first has been.
            numbers = range(clients) if clients == 1 else range(1, clients + 1)
            cases = [[make(shop, number) for make in CASES] for number in numbers]
            for _ in range(given.slices):
                for position in range(len(CASES)):
                    _slice(port, [own[position] for own in cases], cookie, token, given.seconds)
            bare, *others = cases[0]
            print(f"{clients} client{'s' if clients > 1 else ''}:")
            for case in (bare, *others):
                print(f"  {case.name:32} {case.p50:6.2f} / {case.p95:6.2f} ms")
            for case in others:
                bars.hold(f"{case.name}, p95 against bare", case.p95 / bare.p95, LIMIT)
                worst = max(worst, case.p95 / bare.p95)
    bars.finish("edits", worst, LIMIT)


def bare_posts(shop: Shop, client: int) -> Case:
    """One UPDATE, commit, 303."""
    post = Post(f"/bare/edit?merchant={shop.merchant_id}", {}, 303)
    return Case("bare POST", iter(lambda: post, None))


def variant_saves(shop: Shop, client: int) -> Case:
    """A row of the grid of a product with 2,000 variants: another barcode each time."""

    def posts() -> Iterator[Post]:
        pick, stands = random.Random(SEED + client), dict[int, str]()
        while True:
            # Each client has rows of its own: two people at one row is another subject.
            number = pick.randrange(VARIANTS // 8) * 8 + client
            key, barcode = shop.first_variant + number, f"{pick.randrange(10**12, 10**13)}"
            base = pack_base({"sku": _sku(number), "barcode": stands.get(key, "")})
            stands[key] = barcode
            values = {"sku": _sku(number), "barcode": barcode, "base": base}
            yield Post(f"/catalog/variants/{key}/row", values, 303)

    return Case("one of 2,000 variants", posts())


def count_scans(shop: Shop, client: int) -> Case:
    """A scan in a count of 100,000 lines, as the scanner's page sends it."""

    def posts() -> Iterator[Post]:
        pick = random.Random(SEED * 2 + client)
        while True:
            values = {
                "code": _counted(pick.randrange(LINES)),
                "units": "1",
                "mode": "add",
                "token": str(uuid.UUID(int=pick.getrandbits(128))),
            }
            yield Post(f"/stock/counts/{shop.count_id}/scans", values, 200, is_fragment=True)

    return Case("one scan among 100,000 lines", posts())


def adjustments(shop: Shop, client: int) -> Case:
    """A correction of one level by one unit."""

    def posts() -> Iterator[Post]:
        pick = random.Random(SEED * 3 + client)
        while True:
            key = shop.first_counted + pick.randrange(LINES)
            values = {"delta": "1", "token": str(uuid.UUID(int=pick.getrandbits(128)))}
            yield Post(f"/stock/levels/{key}/{shop.location_id}/adjustments", values, 303)

    return Case("one adjustment", posts())


CASES: Final[tuple[Callable[[Shop, int], Case], ...]] = (
    bare_posts,
    variant_saves,
    count_scans,
    adjustments,
)


def _slice(port: int, cases: list[Case], cookie: str, token: str, seconds: float) -> None:
    """One slice of a case by all its clients; their times belong to the first."""
    done: list[Measured] = []
    threads = [
        threading.Thread(target=lambda own=case: done.append(_client(port, own, cookie, token, seconds)))
        for case in cases
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(done) < len(cases):
        raise RuntimeError("A client failed; see above.")
    cases[0].slices.append(Measured([taken for each in done for taken in each.times]))


def _client(port: int, case: Case, cookie: str, token: str, seconds: float) -> Measured:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    measured = Measured([])
    until = time.monotonic() + seconds
    while time.monotonic() < until or len(measured.times) < 20:
        post = next(case.posts)
        headers = {
            "Cookie": cookie,
            "X-CSRFToken": token,
            "Content-Type": "application/x-www-form-urlencoded",
        } | ({"HX-Request": "true"} if post.is_fragment else {})
        began = time.perf_counter()
        connection.request("POST", post.path, urlencode(post.values), headers)
        response = connection.getresponse()
        body = response.read()
        measured.times.append((time.perf_counter() - began) * 1000)
        if response.status != post.status:
            raise RuntimeError(f"{post.path} answered {response.status}: {body[:300]!r}")
    connection.close()
    return measured


def _csrf(port: int, cookie: str) -> tuple[str, str]:
    """The cookie with the secret of the forms, and a token that goes with it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/account", headers={"Cookie": cookie})
    response = connection.getresponse()
    page = response.read().decode()
    found = re.search(r'name="csrf_token" type="hidden" value="([^"]+)"', page)
    given = response.headers.get("Set-Cookie")
    if found is None or given is None:
        raise RuntimeError(f"/account answered {response.status} without a token.")
    return given.partition(";")[0], found[1]


def _sku(number: int) -> str:
    return f"EDIT-{number}"


def _counted(number: int) -> str:
    return f"SHELF-{number}"


def _build() -> Shop:
    """A merchant with a product of 2,000 variants, and a count in which 100,000 others have a line."""
    print(f"Building {VARIANTS:,} variants of one product and a count of {LINES:,} lines …", flush=True)
    with psycopg.connect(
        os.environ["OWNER_DATABASE_URL"].replace("postgresql+psycopg://", "postgresql://", 1)
    ) as connection:
        connection.execute("UPDATE merchant SET slug = slug || '-old-' || id WHERE slug LIKE 'bench-%%'")
        merchant = make_merchants(connection, 1)[0]

        def insert(sql: str, *given: object) -> int:
            row = connection.execute(sql, given).fetchone()
            assert row is not None
            return int(row[0])

        location = insert(
            "INSERT INTO location (merchant_id, name, code) VALUES (%s, 'Main', 'MAIN') RETURNING id",
            merchant,
        )
        product = (
            "INSERT INTO product (merchant_id, title, title_key, slug, state)"
            " VALUES (%s, %s, %s, %s, 'active') RETURNING id"
        )
        variants = (
            "WITH made AS (INSERT INTO variant (merchant_id, product_id, sku, sku_key, position)"
            " SELECT %s, %s, %s || n, %s || n, n FROM generate_series(0, %s - 1) AS n ORDER BY n RETURNING id)"
            " SELECT min(id) FROM made"
        )
        many = insert(product, merchant, "Many", "many", "many")
        first = insert(variants, merchant, many, "EDIT-", "EDIT-", VARIANTS)
        shelf = insert(product, merchant, "Shelf", "shelf", "shelf")
        counted = insert(variants, merchant, shelf, "SHELF-", "SHELF-", LINES)
        own = (merchant, location, counted, counted + LINES - 1)
        connection.execute(
            "INSERT INTO stock_level (merchant_id, location_id, variant_id, on_hand)"
            " SELECT %s, %s, id, 10 FROM generate_series(%s::bigint, %s::bigint) AS id",
            own,
        )
        connection.execute(
            "INSERT INTO stock_movement (merchant_id, location_id, variant_id, kind, on_hand_delta, on_hand_after, cause_kind, actor_kind)"
            " SELECT %s, %s, id, 'opening', 10, 10, 'import', 'system' FROM generate_series(%s::bigint, %s::bigint) AS id",
            own,
        )
        count = insert(
            "INSERT INTO stock_count (merchant_id, number, name, location_id) VALUES (%s, 1, 'All', %s) RETURNING id",
            merchant,
            location,
        )
        connection.execute(
            "INSERT INTO stock_count_line (merchant_id, count_id, variant_id, counted, book, book_last)"
            " SELECT %s, %s, id, 9, 10, 10 FROM generate_series(%s::bigint, %s::bigint) AS id",
            (merchant, count, counted, counted + LINES - 1),
        )
        connection.commit()
        connection.autocommit = True
        for table in ("variant", "stock_level", "stock_movement", "stock_count_line"):
            connection.execute(f"VACUUM ANALYZE {table}")
    return Shop(merchant, location, count, first, counted)


if __name__ == "__main__":
    main()
