"""A process that reads the orders of one account once: ``python -m tests.channels.poller <merchant> <account>``.

The last line it writes is how many orders it was the one to apply.
"""

from __future__ import annotations

import sys

from portal import create_app
from portal.channels import incoming, keys, services
from portal.core.database import db, merchant_scope


def main(merchant_id: int, account_id: int) -> None:
    app = create_app()
    with app.app_context(), merchant_scope(merchant_id):
        account = services.account_of(account_id)
        done = incoming.poll(account, keys.connector_of(account), db.session.commit)
        print(done.applied)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
