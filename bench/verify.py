"""The stock verifier over the whole ledger of a size, its memory, and a wrong counter it must name: ``make bench NAME=verify``.

The limit is one statement over the same ledger that adds it up by level and joins the levels: it says that something is
wrong and nothing else. The verifier runs as its job does, in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
import sqlalchemy as sa
from flask import Flask

from bench.databases import SizedShop, at_size
from bench.ground import BENCH, ROOT, Bars
from portal import create_app
from portal.core.database import db, merchant_scope
from portal.core.jobs import run_job
from portal.stock import verifying
from portal.stock.models import StockFinding, StockLevel, StockMovement, StockReason
from portal.stock.repairing import repair
from portal.stock.services import Move, apply_moves

MOST_MEGABYTES: Final = 256
SLOWEST: Final = 4.0
WRONG_BY: Final = 3

PLAIN: Final = """
    SELECT count(*), sum(movements) FROM (
        SELECT variant_id, location_id, slot, count(*) AS movements, sum(on_hand_delta) AS on_hand, sum(allocated_delta) AS allocated,
               sum(reserved_delta) AS reserved, sum(unavailable_delta) AS unavailable, sum(incoming_delta) AS incoming
        FROM stock_movement WHERE merchant_id = %(merchant)s GROUP BY variant_id, location_id, slot) AS m
    FULL JOIN (SELECT * FROM stock_level WHERE merchant_id = %(merchant)s) AS l USING (variant_id, location_id, slot)
    WHERE (l.on_hand, l.allocated, l.reserved, l.unavailable, l.incoming)
          IS DISTINCT FROM (m.on_hand, m.allocated, m.reserved, m.unavailable, m.incoming)"""


@dataclass(frozen=True, slots=True)
class Ran:
    """One run of the verifier and the most memory it took, here and in PostgreSQL."""

    id: int
    seconds: float
    movements: int
    levels: int
    promises: int
    findings: int
    megabytes: float
    backend_megabytes: float


def main() -> None:
    parser = argparse.ArgumentParser(prog="verify", description=__doc__)
    parser.add_argument("--size", default="M")
    parser.add_argument("--of", type=int, help="run once for this merchant, as the worker would")
    given = parser.parse_args()
    if given.of is not None:
        print(json.dumps(run_once(given.of)))
        return
    bars = Bars()
    with at_size(given.size) as shop:
        app = create_app()
        plain = plain_statement(shop)
        sound = verify(shop)
        tell("sound stock", sound)
        named = break_a_counter(app, shop)
        broken = verify(shop)
        tell("one wrong counter", broken)
        found = finding_of(app, shop, broken.id)
        mend(app, shop, found)
    print(f"one statement over the same ledger: {plain:.1f} s")
    bars.hold("differences in a sound stock", sound.findings, 0, "")
    bars.hold("differences missed", abs(1 - broken.findings), 0, "")
    bars.hold(
        "movements named wrongly", int((found["movement_id"], found["counter"]) != (named, "on_hand")), 0, ""
    )
    bars.hold("memory of the process", max(sound.megabytes, broken.megabytes), MOST_MEGABYTES, "MB")
    bars.hold("memory of PostgreSQL for it", sound.backend_megabytes, MOST_MEGABYTES, "MB")
    bars.hold("time against one statement", sound.seconds / plain, SLOWEST)
    bars.finish("verify", max(sound.megabytes, broken.megabytes), MOST_MEGABYTES, "MB")


def plain_statement(shop: SizedShop) -> float:
    """Seconds of the statement that only says whether everything adds up."""
    with psycopg.connect(_plain_url("OWNER_DATABASE_URL")) as connection:
        began = time.monotonic()
        connection.execute(PLAIN, {"merchant": shop.merchant_id}).fetchall()
        return time.monotonic() - began


def verify(shop: SizedShop) -> Ran:
    """The job in a process of its own; the most private memory of PostgreSQL's processes is read beside it."""
    most, over = [0.0], threading.Event()
    watch = threading.Thread(target=_watch_backends, args=(most, over))
    watch.start()
    done = subprocess.run(
        [sys.executable, "-m", "bench.verify", "--of", str(shop.merchant_id)],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    over.set()
    watch.join()
    return Ran(**json.loads(done.stdout.splitlines()[-1]), backend_megabytes=most[0])


def run_once(merchant_id: int) -> dict[str, Any]:
    """What the child process does: ask for a verification, run it, say what it took."""
    app = create_app()
    with app.app_context(), merchant_scope(merchant_id):
        job_id = verifying.request_verification(by=BENCH).id
        db.session.commit()
        began = time.monotonic()
        run_job(merchant_id, job_id)
        seconds = time.monotonic() - began
        run = verifying.last_verification()
        assert run is not None and run.job_id == job_id
        return {
            "id": run.id,
            "seconds": seconds,
            "movements": run.movements,
            "levels": run.levels,
            "promises": run.promises,
            "findings": run.findings,
            "megabytes": _peak_megabytes(),
        }


def break_a_counter(app: Flask, shop: SizedShop) -> int:
    """Write one counter by SQL, then sell a unit; gives the movement that the verifier must name."""
    with app.app_context(), merchant_scope(shop.merchant_id):
        level = db.session.execute(
            sa.select(StockLevel.variant_id, StockLevel.location_id)
            .where(StockLevel.on_hand - StockLevel.allocated > 2)
            .order_by(StockLevel.id.desc())
            .limit(1)
        ).one()
        place = (level.variant_id, level.location_id)
        db.session.execute(
            sa.update(StockLevel)
            .where(StockLevel.variant_id == place[0], StockLevel.location_id == place[1])
            .values(on_hand=StockLevel.__table__.c.on_hand + WRONG_BY)
        )
        apply_moves([Move(*place, "sold", on_hand=-1)], by=BENCH)
        named = db.session.scalar(
            sa.select(sa.func.max(StockMovement.id)).where(
                StockMovement.variant_id == place[0], StockMovement.location_id == place[1]
            )
        )
        apply_moves([Move(*place, "returned", on_hand=1)], by=BENCH)
        db.session.commit()
    return int(named or 0)


def finding_of(app: Flask, shop: SizedShop, verification_id: int) -> dict[str, Any]:
    """The first difference of a run."""
    with app.app_context(), merchant_scope(shop.merchant_id):
        found = db.session.scalars(
            sa.select(StockFinding).where(StockFinding.verification_id == verification_id).limit(1)
        ).one()
        return {"id": found.id, "movement_id": found.movement_id, "counter": found.counter}


def mend(app: Flask, shop: SizedShop, found: dict[str, Any]) -> None:
    """Repair the difference, so that the data set can be used again."""
    with app.app_context(), merchant_scope(shop.merchant_id):
        reason = db.session.scalars(sa.select(StockReason).where(StockReason.code == "bench")).one_or_none()
        if reason is None:
            reason = StockReason(code="bench", label="Bench")
            db.session.add(reason)
            db.session.flush()
        repair(found["id"], "ledger", reason_id=reason.id, note=None, by=BENCH)
        db.session.commit()


def tell(what: str, ran: Ran) -> None:
    print(
        f"{what}: {ran.movements:,} movements, {ran.levels:,} levels, {ran.promises:,} promises in {ran.seconds:.1f} s"
        f" ({ran.movements / max(ran.seconds, 0.001):,.0f} movements a second), {ran.findings} differences,"
        f" {ran.megabytes:.0f} MB here, {ran.backend_megabytes:.0f} MB in PostgreSQL",
        flush=True,
    )


def _watch_backends(most: list[float], over: threading.Event) -> None:
    """The most private memory that one connection of the portal takes; shared buffers are not counted."""
    query = (
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'portal'"
    )
    with psycopg.connect(_plain_url("OWNER_DATABASE_URL"), autocommit=True) as connection:
        while not over.wait(0.2):
            for (pid,) in connection.execute(query).fetchall():
                most[0] = max(most[0], _status_megabytes(f"/proc/{pid}/status", "RssAnon"))


def _peak_megabytes() -> float:
    return _status_megabytes("/proc/self/status", "VmHWM")


def _status_megabytes(path: str, field: str) -> float:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{field}:")), 0.0)


def _plain_url(name: str) -> str:
    return os.environ[name].replace("postgresql+psycopg://", "postgresql://", 1)


if __name__ == "__main__":
    main()
