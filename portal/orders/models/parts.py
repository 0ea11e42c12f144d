"""What the tables of an order share: its key, its number within the order, words of the personal-data map."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.personal_data import not_pii
from portal.core.tenancy import Tenant, tenant_fk

CODE = sa.Text(collation="C")

KEY = not_pii("key")
STATE = not_pii("state")
MONEY = not_pii("money")
TIME = not_pii("time")
CONTENT = not_pii("order content without the person")
SUBJECT_OF_ORDER = "order_id -> order_ref"


class OfOrder(Tenant):
    """A row of an order: keyed by the order and a number within it."""

    __subject_path__ = SUBJECT_OF_ORDER

    order_id: Mapped[int] = mapped_column(
        sa.BigInteger, primary_key=True, autoincrement=False, sort_order=-90, info=KEY
    )


class Numbered(OfOrder):
    n: Mapped[int] = mapped_column(
        sa.Integer, primary_key=True, autoincrement=False, sort_order=-80, info=KEY
    )


class Timed(OfOrder):
    n: Mapped[int] = mapped_column(
        sa.BigInteger,
        server_default=sa.text("new_id(now())"),
        primary_key=True,
        autoincrement=False,
        sort_order=-80,
        info=KEY,
    )


def order_fk() -> sa.ForeignKeyConstraint:
    # To the reference, not to the partitioned head: PostgreSQL plans a check against partitions anew for every row,
    # and a month that leaves would have to be let go by each of its children.
    return tenant_fk("order_ref", "order_id", target_column="order_id")
