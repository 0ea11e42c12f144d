"""Load the demo shops: each once, side by side, and found again the next time."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import time
from collections.abc import Callable

import psycopg
import sqlalchemy as sa

from deploy.demo import generated_shop, gift_shop, new_shop
from deploy.demo.cast import hire, hire_operator
from deploy.demo.shops import FEINWERK, LANTERN, MORNING, SHOPS, Shop
from deploy.local.layout import ROOT, say
from portal.accounts.models import Merchant
from portal.accounts.services import create_merchant
from portal.config import SettingsError, settings
from portal.core.audit import SYSTEM, Actor
from portal.core.clock import utc_now
from portal.core.database import db, merchant_scope
from portal.privacy.ledger import init_ledger
from portal.reports.commands import rebuild_rollups
from workers.bells import worker_app

FILL: dict[str, Callable[[dict[str, Actor]], None]] = {
    LANTERN.slug: gift_shop.fill, FEINWERK.slug: generated_shop.fill, MORNING.slug: new_shop.fill
}  # fmt: skip
YEARS = 5


def load(only: str | None = None) -> int:
    """Make the shops that are missing.

    Raises:
        SettingsError: this is no demo.
    """
    with worker_app().app_context():
        if settings().environment != "demo":
            raise SettingsError(
                "The demo's password is public, so its shops are loaded where PORTAL_ENVIRONMENT=demo only."
            )
        if only:
            return _load_one(next(shop for shop in SHOPS if shop.slug == only))
        return _load_all()


def owner_url() -> str:
    """How ``portal_owner`` signs in, for what no service can write: the past, and generated rows."""
    return os.environ["OWNER_DATABASE_URL"]


def _load_all() -> int:
    # Outside the database, and the portal is not ready without it.
    init_ledger()
    missing = [shop for shop in SHOPS if not _is_loaded(shop)]
    if not missing:
        return 0
    began = time.monotonic()
    hire_operator()
    _partitions()
    beside = []
    if FEINWERK in missing:
        # Generated rows keep PostgreSQL busy while the import keeps Python busy.
        beside.append(
            subprocess.Popen([sys.executable, "-m", "deploy.demo", "load", "--shop", FEINWERK.slug], cwd=ROOT)
        )
        missing.remove(FEINWERK)
    failed = sum(_load_one(shop) for shop in missing)
    failed += sum(process.wait() for process in beside)
    if not failed:
        say(f"The demo shops are loaded, in {time.monotonic() - began:.0f} s.")
    return 1 if failed else 0


def _load_one(shop: Shop) -> int:
    if _is_loaded(shop):
        return 0
    began = time.monotonic()
    _put_aside(shop)
    merchant_id = create_merchant(
        name=shop.name, slug=shop.slug, country=shop.country, currency=shop.currency, locale=shop.locale, time_zone=shop.time_zone,
        prices_include_tax=True, by=SYSTEM,
    ).id  # fmt: skip
    db.session.rollback()
    with merchant_scope(merchant_id):
        FILL[shop.slug](hire(shop))
        db.session.rollback()
        rebuild_rollups()
        merchant = db.session.get_one(Merchant, merchant_id)
        # Said last: a shop whose loading was cut off is not taken for whole.
        merchant.settings = {**merchant.settings, "demo_loaded_at": utc_now().isoformat()}
        db.session.commit()
    say(f"  {shop.name}: {time.monotonic() - began:.0f} s")
    return 0


def _is_loaded(shop: Shop) -> bool:
    found = db.session.scalar(
        sa.select(Merchant.settings["demo_loaded_at"].astext).where(Merchant.slug == shop.slug)
    )
    db.session.rollback()
    return found is not None


def _put_aside(shop: Shop) -> None:
    """A shop whose loading was cut off is closed under another name, and made anew."""
    half = db.session.scalar(sa.select(Merchant).where(Merchant.slug == shop.slug))
    if half is not None:
        half.slug, half.state = f"{shop.slug}-cut-off-{half.id}", "closed"
        db.session.commit()
    db.session.rollback()


def _partitions() -> None:
    now = utc_now()
    with psycopg.connect(owner_url(), autocommit=True) as connection:
        for days in range(YEARS * 366 + 31, -20, -20):
            connection.execute("SELECT ensure_partitions_for(%s)", (min(now - dt.timedelta(days=days), now),))
