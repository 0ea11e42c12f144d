"""``python -m deploy.demo load`` makes the shops that are not there yet; ``accounts`` prints who signs in."""

from __future__ import annotations

import argparse
import sys

from deploy.demo.cast import SHOPS, accounts
from deploy.demo.loading import load


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
    return load(told.shop)


if __name__ == "__main__":
    sys.exit(main())
