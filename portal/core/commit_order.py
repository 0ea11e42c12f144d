"""Reading rows in the order they were committed, skipping none.

Id order is not commit order: a slow transaction can commit a small id after a fast one committed a larger. So a row
carries the transaction that wrote it, and a reader stays below the oldest transaction still running: what is below it
is decided for ever, and nothing new can appear there.

Transaction numbers start again in a new cluster, so a row also carries the cluster it was written in. After a dump is
restored elsewhere, rows of the old cluster are all committed by definition: they come first, and each cluster has its
own position. A physical replica or a point-in-time restore keeps both the cluster and its numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.types import UserDefinedType

from portal.core.personal_data import not_pii
from portal.core.tenancy import current_merchant_id

CURRENT_CLUSTER = "(pg_control_system()).system_identifier"


class Xid8(UserDefinedType[int]):
    """A transaction number that never wraps."""

    cache_ok = True

    def get_col_spec(self, **options: Any) -> str:
        return "xid8"

    def bind_expression(self, bindvalue: sa.BindParameter[int]) -> sa.ColumnElement[int]:
        return sa.cast(sa.cast(bindvalue, sa.Text), self)

    def column_expression(self, column: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
        return sa.cast(sa.cast(column, sa.Text), sa.BigInteger)

    def bind_processor(self, dialect: sa.Dialect) -> Any:
        return lambda value: None if value is None else str(value)


class CommitOrdered:
    """Columns of a table that is read in commit order: which transaction wrote the row, in which cluster."""

    cluster: Mapped[int] = mapped_column(
        sa.BigInteger,
        server_default=sa.text(CURRENT_CLUSTER),
        sort_order=800,
        info=not_pii("database cluster"),
    )
    xid: Mapped[int] = mapped_column(
        Xid8,
        server_default=sa.text("pg_current_xact_id()"),
        sort_order=801,
        info=not_pii("transaction number"),
    )


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the commit order of one cluster: everything up to and with it has been read."""

    cluster: int
    xid: int = 0
    id: int = 0


def current_cluster(session: Session) -> int:
    """The identity of the cluster this session talks to."""
    return int(session.execute(sa.text(f"SELECT {CURRENT_CLUSTER}")).scalar_one())


def clusters_of(session: Session, model: Any) -> list[int]:
    """The clusters that rows of the merchant were written in: those of the past first, oldest first, the present last.

    One index probe per cluster, however many rows there are.
    """
    found: list[int] = []
    while True:
        query = sa.select(model.cluster).where(model.merchant_id == current_merchant_id())
        if found:
            query = query.where(model.cluster > found[-1])
        cluster = session.execute(query.order_by(model.cluster).limit(1)).scalar_one_or_none()
        if cluster is None:
            break
        found.append(cluster)
    present = current_cluster(session)
    past = [cluster for cluster in found if cluster != present]
    past.sort(key=lambda cluster: session.execute(_first_id(model, cluster)).scalar_one())
    return [*past, present] if present in found else past


def committed_after(model: Any, position: Position, limit: int) -> sa.Select[Any]:
    """Rows of the merchant after *position* in its cluster, in commit order, none of which can be overtaken."""
    place = sa.tuple_(model.xid, model.id)
    xid = sa.cast(sa.cast(sa.literal(str(position.xid)), sa.Text), Xid8())
    query = (
        sa.select(model)
        .where(model.merchant_id == current_merchant_id(), model.cluster == position.cluster)
        .where(place > sa.tuple_(xid, sa.literal(position.id, sa.BigInteger)))
        .where(
            sa.or_(
                model.cluster != sa.text(CURRENT_CLUSTER),
                sa.text(f"{model.__tablename__}.xid < pg_snapshot_xmin(pg_current_snapshot())"),
            )
        )
        .order_by(model.xid, model.id)
        .limit(limit)
    )
    return query


def _first_id(model: Any, cluster: int) -> sa.Select[Any]:
    return sa.select(sa.func.min(model.id)).where(
        model.merchant_id == current_merchant_id(), model.cluster == cluster
    )
