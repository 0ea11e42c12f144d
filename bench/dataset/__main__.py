"""Write a data set into an empty, migrated database.

python -m bench.dataset --size S --url postgresql://portal_owner@host/database
"""

from __future__ import annotations

import argparse
import datetime as dt
import shutil
import sys

import psycopg

from bench.dataset import SIZES, Generator, make_merchants, shops_of


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


if __name__ == "__main__":
    main()
