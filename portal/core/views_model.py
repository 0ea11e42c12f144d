"""Saved views of lists: filters, columns and sort under a name, one's own or shared with roles."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.core.database import Base
from portal.core.personal_data import not_pii
from portal.core.tenancy import IdentityKey, Tenant, Timestamped, Versioned, tenant_fk


class SavedView(Tenant, IdentityKey, Versioned, Timestamped, Base):
    """A view belongs to the person who made it and, when shared, to the roles it names.

    ``state`` is the query string of the list. Filters on personal data are refused when a view is saved, so it names nobody.
    """

    __tablename__ = "saved_view"

    list_key: Mapped[str] = mapped_column(sa.Text(collation="C"), info=not_pii("name of a list"))
    name: Mapped[str] = mapped_column(info=not_pii("name of a view"))
    user_id: Mapped[int] = mapped_column(
        sa.BigInteger,
        sa.ForeignKey("user_account.id", ondelete="CASCADE"),
        info=not_pii("key of a user of the portal"),
    )
    state: Mapped[str] = mapped_column(
        info=not_pii("filters, columns and sort; filters on personal data are refused")
    )

    roles: Mapped[list[SavedViewRole]] = relationship(cascade="all, delete-orphan", passive_deletes=True)

    __table_args__ = (
        sa.UniqueConstraint("merchant_id", "list_key", "user_id", "name"),
        # Platform scan: what a user leaves behind when the account goes.
        sa.Index(None, "user_id"),
    )


class SavedViewRole(Tenant, Base):
    """Everyone in this role sees the view."""

    __tablename__ = "saved_view_role"

    view_id: Mapped[int] = mapped_column(
        sa.BigInteger, primary_key=True, autoincrement=False, info=not_pii("key")
    )
    role_id: Mapped[int] = mapped_column(
        sa.BigInteger, primary_key=True, autoincrement=False, info=not_pii("key")
    )

    __table_args__ = (
        tenant_fk("saved_view", "view_id", ondelete="CASCADE"),
        tenant_fk("role", "role_id", ondelete="CASCADE"),
        sa.Index(None, "merchant_id", "role_id"),
    )
