"""Databases of a stated size: made once per size, seed and schema, then found again.

    with at_size("M") as shop:       # DATABASE_URL and the others name that database for as long as the block lasts
        app = create_app()
        ... shop.merchant_id ...     # holds 90 % of the set; shop.merchant_ids are all fifty

Each size has a database of its own, so what is measured at S is not measured among the rows of M.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import psycopg

from bench.dataset import SIZES, Generator, make_merchants, shops_of

ROOT: Final = Path(__file__).resolve().parent.parent
MERCHANTS: Final = 50
SEED: Final = 7
URLS: Final = ("DATABASE_URL", "OWNER_DATABASE_URL", "UPKEEP_DATABASE_URL", "KEYRING_DATABASE_URL")


@dataclass(frozen=True, slots=True)
class SizedShop:
    """A built data set: its merchants, the first of which holds 90 % of it, and where it stands."""

    size: str
    merchant_ids: tuple[int, ...]
    environment: dict[str, str]

    @property
    def merchant_id(self) -> int:
        return self.merchant_ids[0]


@contextmanager
def at_size(size: str, *, seed: int = SEED) -> Iterator[SizedShop]:
    """Let this process and its children use the database of that size; it is built when it is not there."""
    environment = {name: _sized(os.environ[name], size) for name in URLS}
    before = {name: os.environ[name] for name in URLS}
    os.environ.update(environment)
    try:
        yield SizedShop(size, _built(size, seed), environment)
    finally:
        os.environ.update(before)


def _sized(url: str, size: str) -> str:
    """The address of the size's database; the installation makes one per size beside its own."""
    parts = urlsplit(url)
    name = parts.path.strip("/")
    if name.endswith(f"_{size.lower()}"):
        return url
    return urlunsplit(parts._replace(path=f"/{name}_{size.lower()}"))


def _built(size: str, seed: int) -> tuple[int, ...]:
    for command in (("db", "upgrade"), ("keyring", "upgrade")):
        subprocess.run(
            [sys.executable, "-m", "flask", "--app", "wsgi", *command],
            cwd=ROOT,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"]) as connection:
        # Whoever builds holds this until the end; a second bench waits and finds the set.
        connection.execute("SELECT pg_advisory_lock(727002)")
        found = connection.execute(
            "SELECT array_agg(id ORDER BY id) FROM merchant WHERE settings ->> 'dataset' = %s",
            (f"{size}-{seed}",),
        ).fetchone()
        connection.commit()
        if found and found[0]:
            return tuple(found[0])
        return _build(connection, size, seed)


def _build(connection: psycopg.Connection[tuple[object, ...]], size: str, seed: int) -> tuple[int, ...]:
    wanted = SIZES[size]
    free = shutil.disk_usage("/").free
    if free < wanted.disk_bytes:
        sys.exit(f"Size {size} needs {wanted.disk_bytes / 1e9:.0f} GB of disk; {free / 1e9:.0f} GB are free.")
    print(
        f"Building size {size}: {wanted.orders:,} orders, {wanted.variants:,} variants, {wanted.movements:,} movements …",
        flush=True,
    )
    began = time.monotonic()
    connection.execute(
        "UPDATE merchant SET slug = slug || '-cut-off-' || id WHERE slug LIKE 'bench-%%' AND slug NOT LIKE '%%cut-off%%'"
    )
    ids = make_merchants(connection, MERCHANTS)
    until = dt.datetime.now(dt.UTC).replace(microsecond=0)
    Generator(connection, seed=seed, until=until, say=_say).write(shops_of(wanted, ids), wanted.movements)
    # Said last: a set that was cut off is not taken for whole.
    connection.execute(
        "UPDATE merchant SET settings = settings || jsonb_build_object('dataset', %s::text) WHERE id = ANY(%s)",
        (f"{size}-{seed}", ids),
    )
    connection.commit()
    # Else the server tidies up behind the back of whatever is measured first.
    connection.autocommit = True
    connection.execute("VACUUM")
    connection.autocommit = False
    print(
        f"Size {size} is built, in {time.monotonic() - began:.0f} s; it is kept for the next time.",
        flush=True,
    )
    return tuple(ids)


def _say(text: str) -> None:
    if text.startswith("orders") or text == "statistics":
        print(f"  {text}", flush=True)
