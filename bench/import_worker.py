"""One worker process for a bench: does the due jobs of one merchant and ends. ``python -m bench.import_worker 7``"""

from __future__ import annotations

import sys

from portal.core.database import merchant_scope
from portal.core.jobs import run_due_jobs
from workers.bells import worker_app


def main() -> int:
    """Work until nothing is due."""
    with worker_app().app_context(), merchant_scope(int(sys.argv[1])):
        run_due_jobs()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
