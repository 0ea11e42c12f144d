"""The only place that opens connections to PostgreSQL.

Every transaction begun inside ``merchant_scope`` tells PostgreSQL whose rows it may see, with a literal
``SET LOCAL`` that ends with the transaction. It travels with BEGIN when a connection is taken from the pool, and finds out
on the way whether that connection still lives. ORM statements get the merchant's filter added; any other statement
that names a tenant table without it is refused.
"""

from __future__ import annotations

import datetime as dt
import functools
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, ClassVar, Final, ParamSpec, TypeVar
from weakref import WeakSet

import psycopg
import sqlalchemy as sa
from flask import Flask, current_app, has_app_context
from flask_sqlalchemy import SQLAlchemy
from psycopg.pq import ExecStatus, TransactionStatus
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.orm import (
    DeclarativeBase,
    ORMExecuteState,
    Session,
    SessionTransaction,
    with_loader_criteria,
)
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, PoolProxiedConnection

from portal.config import Settings
from portal.core.tenancy import (
    PLATFORM_MERCHANT,
    Tenant,
    current_merchant_id,
    merchant_context,
    merchant_in_scope,
)
from portal.core.tenant_guard import TenantGuard

__all__ = [
    "Base",
    "beside_the_pool",
    "current_merchant_id",
    "db",
    "merchant_scope",
    "platform_scope",
    "retrying",
    "short_transaction",
    "snapshot",
]

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

BESIDE: Final = "portal_beside_the_pool"
TOLD: Final = "portal_told_merchant"
RETRIED_STATES: Final = frozenset({"40001", "40P01"})

NAMING: Final = {
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}


class Base(DeclarativeBase):
    """What every model inherits: one naming convention, one mapping from Python types to columns."""

    __table__: ClassVar[sa.Table]

    metadata = sa.MetaData(naming_convention=NAMING)
    type_annotation_map = {
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
        dt.datetime: sa.DateTime(timezone=True),
        Decimal: sa.Numeric(18, 4),
        str: sa.Text,
        bytes: sa.LargeBinary,
    }


db = SQLAlchemy(metadata=Base.metadata)
_engines: Final[WeakSet[sa.Engine]] = WeakSet()


class ScopeError(RuntimeError):
    """A scope was entered while a transaction of another merchant was open."""


def init_database(app: Flask, settings: Settings) -> None:
    """Bind the app to PostgreSQL as ``portal_app``, with a pool that a forked child begins anew.

    ``prepare_threshold=None``: behind a pooler, psycopg's automatic statements were answered with other clients' rows.
    """
    # Errors name the statement and never its values: they end up in logs.
    options: dict[str, Any] = {
        "hide_parameters": True,
        "connect_args": {"prepare_threshold": None, "application_name": "portal"},
        "pool_size": settings.pool_size,
        "max_overflow": 0,
        # Who used its connection last has the plans of the functions in its cache.
        "pool_use_lifo": True,
        "pool_timeout": 5,
    }
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = options
    db.init_app(app)
    guard = TenantGuard(tenant_tables())
    beside = sa.create_engine(
        settings.database_url,
        poolclass=NullPool,
        hide_parameters=True,
        connect_args=options["connect_args"],
    )
    app.extensions[BESIDE] = beside
    with app.app_context():
        for engine in (db.engine, beside):
            _engines.add(engine)
            sa.event.listen(engine, "checkout", _begin)
            sa.event.listen(
                engine,
                "before_cursor_execute",
                lambda conn, cursor, statement, parameters, context, many: guard.check(statement),
            )


def tenant_tables() -> list[str]:
    """The names of all tables whose rows belong to a merchant."""
    return [mapper.local_table.name for mapper in Base.registry.mappers if issubclass(mapper.class_, Tenant)]  # type: ignore[attr-defined]


@contextmanager
def merchant_scope(merchant_id: int) -> Iterator[None]:
    """Work on one merchant's rows. Leaving rolls back whatever was not committed.

    Raises:
        ScopeError: a transaction of another merchant is open; commit or roll it back first.
    """
    before = merchant_in_scope()
    if before == merchant_id:
        yield
        return
    open_session = _open_session()
    if open_session is not None and before is not None:
        raise ScopeError(
            f"A transaction of merchant {before} is open; finish it before merchant {merchant_id}."
        )
    with merchant_context(merchant_id):
        if open_session is not None:
            _tell_postgres(open_session.connection(), merchant_id)
        try:
            yield
        finally:
            left_open = _open_session()
            if left_open is not None:
                _take_back(left_open)
            if has_app_context():
                db.session.expunge_all()


@contextmanager
def platform_scope() -> Iterator[None]:
    """Work on rows of no merchant (platform jobs, their audit): merchant 0."""
    with merchant_scope(PLATFORM_MERCHANT):
        yield


@contextmanager
def short_transaction() -> Iterator[Session]:
    """A transaction of its own on a connection of its own, committed at the end; same merchant."""
    with Session(db.engine) as session, session.begin():
        yield session


@contextmanager
def beside_the_pool() -> Iterator[Session]:
    """A transaction of its own on a connection that is no one of the pool, closed at the end; same merchant.

    For what must be committed while the request's own transaction is open: requests that each hold a pooled connection
    and wait for a second one would wait for each other. Connecting takes milliseconds, so ask for much at once.
    """
    with Session(current_app.extensions[BESIDE]) as session, session.begin():
        yield session


@contextmanager
def snapshot() -> Iterator[sa.Connection]:
    """A read-only transaction that sees one moment from its first statement on, on a connection of its own; same merchant.

    It holds no transaction number, so it keeps nobody's events waiting however long it reads.
    """
    with Session(db.engine) as session:
        connection = session.connection()
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield connection


def retrying(work: Callable[Parameters, Result], attempts: int = 3) -> Callable[Parameters, Result]:
    """Run *work* again when PostgreSQL asks for it (serialization failure, deadlock), from a clean transaction."""

    @functools.wraps(work)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        for attempt in range(1, attempts + 1):
            try:
                return work(*args, **kwargs)
            except DBAPIError as error:
                if attempt == attempts or getattr(error.orig, "sqlstate", None) not in RETRIED_STATES:
                    raise
                db.session.rollback()
                time.sleep(random.uniform(0.01, 0.05) * attempt)
        raise AssertionError("unreachable")

    return run


def _forget_connections() -> None:
    for engine in list(_engines):
        engine.dispose(close=False)


# A worker forks for every job: the child must not talk over its parent's connections, nor close them.
os.register_at_fork(after_in_child=_forget_connections)


def _open_session() -> Session | None:
    if not has_app_context() or not db.session.registry.has():
        return None
    session = db.session()
    return session if session.in_transaction() else None


def _take_back(session: Session) -> None:
    try:
        session.rollback()
    except DBAPIError:
        # The server ended the connection, and with it the transaction.
        session.invalidate()


def _set_merchant(merchant_id: int) -> str:
    # A literal, because Citus passes on SET LOCAL and not set_config(); the value is a checked integer.
    return f"SET LOCAL portal.merchant_id = '{int(merchant_id)}'"


def _tell_postgres(connection: sa.Connection, merchant_id: int) -> None:
    connection.exec_driver_sql(_set_merchant(merchant_id))


def _begin(driver: psycopg.Connection, record: ConnectionPoolEntry, _proxy: PoolProxiedConnection) -> None:
    """Begin the transaction of who takes a connection, in one trip; a dead one makes the pool connect anew."""
    merchant_id = merchant_in_scope()
    statements = "BEGIN" if merchant_id is None else f"BEGIN; {_set_merchant(merchant_id)}"
    try:
        is_begun = driver.pgconn.exec_(statements.encode()).status == ExecStatus.COMMAND_OK
    except psycopg.OperationalError:
        is_begun = False
    if not is_begun:
        raise InvalidatePoolError
    record.info[TOLD] = merchant_id


@sa.event.listens_for(Session, "after_begin")
def _begin_in_scope(session: Session, transaction: SessionTransaction, connection: sa.Connection) -> None:
    merchant_id = merchant_in_scope()
    if merchant_id is None or transaction.nested:
        return
    if connection.info.pop(TOLD, None) != merchant_id or not _is_begun(connection):
        _tell_postgres(connection, merchant_id)


def _is_begun(connection: sa.Connection) -> bool:
    """Whether a transaction is open; one after the first on a connection that is held on to is not yet."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver.info.transaction_status != TransactionStatus.IDLE


# Made once: what a merchant sees is asked of the scope when a statement runs, not when it is written.
_MERCHANT: Final = sa.bindparam(
    "portal_merchant", callable_=current_merchant_id, type_=sa.Integer(), unique=True
)
_OWN_ROWS: Final = with_loader_criteria(
    Tenant, lambda cls: cls.merchant_id == _MERCHANT, include_aliases=True, track_closure_variables=False
)


@sa.event.listens_for(Session, "do_orm_execute")
def _filter_by_merchant(state: ORMExecuteState) -> None:
    if (
        not (state.is_select or state.is_update or state.is_delete)
        or state.is_column_load
        or state.is_relationship_load
    ):
        return
    if not any(issubclass(mapper.class_, Tenant) for mapper in state.all_mappers):
        return
    # Outside a scope it says so here.
    current_merchant_id()
    state.statement = state.statement.options(_OWN_ROWS)
