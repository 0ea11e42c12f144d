"""Whose row it is: the kinds of table, the merchant in scope, and the keys that carry it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar, Final, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from portal.core.personal_data import not_pii

Kind = Literal["tenant", "shared", "platform"]

PLATFORM_MERCHANT: Final = 0

_merchant: ContextVar[int | None] = ContextVar("portal_merchant", default=None)


class NoMerchantScopeError(RuntimeError):
    """A tenant table was touched outside ``merchant_scope``: a fault of ours, never shown to a person."""


def current_merchant_id() -> int:
    """The merchant every statement of this context is about.

    Raises:
        NoMerchantScopeError: nobody entered a scope.
    """
    merchant = _merchant.get()
    if merchant is None:
        raise NoMerchantScopeError("No merchant is in scope. Enter merchant_scope(merchant_id) first.")
    return merchant


def merchant_in_scope() -> int | None:
    """The merchant in scope, or None."""
    return _merchant.get()


@contextmanager
def merchant_context(merchant_id: int) -> Iterator[None]:
    """Name the merchant without touching a session; ``database.merchant_scope`` is what callers want."""
    token = _merchant.set(merchant_id)
    try:
        yield
    finally:
        _merchant.reset(token)


class Tenant:
    """A table of one merchant's rows, walled by row-level security. Its keys begin with ``merchant_id``."""

    __kind__: ClassVar[Kind] = "tenant"

    # Without sort_order the inherited column comes last, and session.get((merchant, id)) would read the wrong row.
    merchant_id: Mapped[int] = mapped_column(
        sa.Integer,
        primary_key=True,
        autoincrement=False,
        default=current_merchant_id,
        sort_order=-100,
        info=not_pii("tenant key"),
    )


class Shared:
    """A table that is the same for every merchant and that only migrations write."""

    __kind__: ClassVar[Kind] = "shared"


class Platform:
    """A table of the platform itself: users, merchants, sessions."""

    __kind__: ClassVar[Kind] = "platform"


class IdentityKey:
    """A ``bigint`` key from an identity column, for tables that stay small."""

    id: Mapped[int] = mapped_column(
        sa.BigInteger, sa.Identity(), primary_key=True, sort_order=-90, info=not_pii("key")
    )


class TimeKey:
    """A time-ordered ``bigint`` key, for tables that grow with time."""

    id: Mapped[int] = mapped_column(
        sa.BigInteger,
        server_default=sa.text("new_id(now())"),
        primary_key=True,
        autoincrement=False,
        sort_order=-90,
        info=not_pii("key"),
    )


class Versioned:
    """A row people edit: a save that names an older version is stale."""

    version: Mapped[int] = mapped_column(
        sa.Integer, default=1, server_default="1", sort_order=900, info=not_pii("version")
    )

    @declared_attr.directive
    @classmethod
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": cls.version}


class Timestamped:
    """When the row was made and last changed."""

    created_at: Mapped[dt.datetime] = mapped_column(
        server_default=sa.func.now(), sort_order=910, info=not_pii("time")
    )
    updated_at: Mapped[dt.datetime] = mapped_column(
        server_default=sa.func.now(), onupdate=sa.func.now(), sort_order=911, info=not_pii("time")
    )


def tenant_fk(
    target: str,
    column: str,
    *,
    target_column: str = "id",
    ondelete: Literal["RESTRICT", "CASCADE"] | None = None,
    name: str | None = None,
) -> sa.ForeignKeyConstraint:
    """A foreign key between two tables of the same merchant; the merchant is part of it, so no row can cross."""
    return sa.ForeignKeyConstraint(
        ["merchant_id", column],
        [f"{target}.merchant_id", f"{target}.{target_column}"],
        ondelete=ondelete,
        name=name,
    )


def partitioned_by(column: str) -> dict[str, Any]:
    """Table option of a table that is partitioned by the time inside *column*; put it last in ``__table_args__``."""
    return {"postgresql_partition_by": f"RANGE ({column})", "info": {"partition_by": column}}
