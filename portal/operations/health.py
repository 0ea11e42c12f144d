"""Whether the portal lives and whether it may be sent people: for load balancers, never for a person."""

from __future__ import annotations

import functools
from typing import Final

import sqlalchemy as sa
import structlog
from alembic.script import ScriptDirectory
from flask import Blueprint, Response, jsonify
from redis.exceptions import RedisError

from portal.accounts.access import public_route
from portal.core.database import db
from portal.core.jobs import doorbell
from portal.paths import MIGRATIONS
from portal.privacy.ledger import LedgerError
from portal.privacy.replay import ledger_is_replayed

log = structlog.get_logger(__name__)
probes = Blueprint("health", __name__)

OK: Final = "ok"
ROLE: Final = "portal_app"


@probes.get("/healthz")
@public_route("A load balancer asks it many times a minute and has no account.")
def healthz() -> tuple[Response, int]:
    """Alive: the database answers as the role of the app. Without Redis work goes on, only later, so that is degraded."""
    checks = {"database": database_state(), "redis": redis_state()}
    return _answer(checks, is_well=checks["database"] == OK)


@probes.get("/readyz")
@public_route("A load balancer asks it before it sends people here, and has no account.")
def readyz() -> tuple[Response, int]:
    """Ready: alive, at the newest schema, and every erasure of the ledger applied to this database."""
    checks = {"database": database_state(), "redis": redis_state()}
    if checks["database"] == OK:
        checks |= {"schema": schema_state(), "ledger": ledger_state()}
    return _answer(checks, is_well=all(state == OK for name, state in checks.items() if name != "redis"))


def _answer(checks: dict[str, str], *, is_well: bool) -> tuple[Response, int]:
    state = (
        "unavailable" if not is_well else OK if all(each == OK for each in checks.values()) else "degraded"
    )
    response = jsonify(state=state, checks=checks)
    response.headers["Cache-Control"] = "no-store"
    return response, 200 if is_well else 503


def database_state() -> str:
    try:
        role = db.session.execute(sa.text("SELECT current_user")).scalar_one()
    except sa.exc.SQLAlchemyError as error:
        log.warning("the database does not answer", error=type(error).__name__)
        return "does not answer"
    finally:
        db.session.rollback()
    return OK if role == ROLE else "another role answers"


def redis_state() -> str:
    try:
        doorbell().redis.ping()
    except (RedisError, OSError):
        return "does not answer"
    return OK


def schema_state() -> str:
    try:
        found = db.session.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    except sa.exc.SQLAlchemyError:
        return "cannot be read"
    finally:
        db.session.rollback()
    return OK if found == _newest() else "not the newest"


def ledger_state() -> str:
    try:
        return OK if ledger_is_replayed() else "not replayed"
    except (LedgerError, OSError, sa.exc.SQLAlchemyError) as error:
        log.warning("the erasure ledger cannot be read", error=type(error).__name__)
        return "cannot be read"
    finally:
        db.session.rollback()


@functools.cache
def _newest() -> str | None:
    return ScriptDirectory(str(MIGRATIONS)).get_current_head()
