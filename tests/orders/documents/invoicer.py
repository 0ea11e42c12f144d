"""A process that issues invoices from many threads at once: started by the test of numbers, and told what to do by JSON.

Some transactions are rolled back after their number was taken, as when a worker dies, and tried again.
"""

from __future__ import annotations

import json
import os
import random
import sys
import threading

from portal import create_app
from portal.core.audit import Actor
from portal.core.database import db, merchant_scope
from portal.orders.documents.services import issue_invoice

BY = Actor("system", None, "tests")


def main() -> None:
    told = json.loads(sys.argv[1])
    app = create_app()
    waiting, numbers = list(told["order_ids"]), []
    barrier, lock = threading.Barrier(told["threads"]), threading.Lock()
    chance = random.Random(os.getpid())

    def work() -> None:
        barrier.wait()
        while True:
            with lock:
                if not waiting:
                    return
                order_id = waiting.pop()
                is_lost = chance.random() < told["lost"]
            with app.app_context(), merchant_scope(told["merchant_id"]):
                if is_lost:
                    issue_invoice(order_id, by=BY)
                    db.session.rollback()
                number = issue_invoice(order_id, by=BY)
                db.session.commit()
            with lock:
                numbers.append(number)

    threads = [threading.Thread(target=work) for _ in range(told["threads"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps(numbers))


if __name__ == "__main__":
    main()
