"""``python -m deploy.demo load`` makes the shops that are not there yet; ``accounts`` prints who signs in."""

from __future__ import annotations

import argparse
import importlib
import os
import sys

import psycopg

from deploy.demo.shops import SHOPS, accounts


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.demo", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    loading = commands.add_parser("load", help="make the demo shops; those that are there stay as they are")
    loading.add_argument("--shop", choices=[shop.slug for shop in SHOPS], help="only this one")
    commands.add_parser("accounts", help="print the accounts")
    told = parser.parse_args()
    if told.command == "accounts":
        print("\n".join(accounts()))
        return 0
    if _all_are_there():
        return 0
    # Reading the portal in takes seconds, and the next start of the demo has nothing to load.
    result: int = importlib.import_module("deploy.demo.loading").load(told.shop)
    return result


def _all_are_there() -> bool:
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        found = connection.execute(
            "SELECT count(*) FROM merchant WHERE slug = ANY(%s) AND settings ? 'demo_loaded_at'",
            ([shop.slug for shop in SHOPS],),
        ).fetchone()
    return found == (len(SHOPS),)


if __name__ == "__main__":
    sys.exit(main())
