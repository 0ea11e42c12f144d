"""What the portal keeps in the object store, and until when."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii, pii
from portal.core.tenancy import Tenant, TimeKey


class StoredFile(Tenant, TimeKey, Base):
    """One object. Its bytes are encrypted under a key of their own, which the person's key or the portal's wraps."""

    __tablename__ = "stored_file"
    __subject_path__ = "data_subject_id"

    key: Mapped[str] = mapped_column(sa.Text(collation="C"), info=not_pii("made of ids"))
    filename: Mapped[str | None] = mapped_column(
        info=pii(
            category="free_text",
            strategy="erase",
            purpose="give a download its name",
            retention="with the file",
        )
    )
    media_type: Mapped[str] = mapped_column(info=not_pii("media type"))
    size: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("bytes before encryption"))
    sha256: Mapped[bytes] = mapped_column(info=not_pii("hash of the encrypted bytes"))
    data_subject_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key"))
    created_by: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("user id"))
    created_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=not_pii("time"))
    expires_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))

    __table_args__ = (
        sa.UniqueConstraint("merchant_id", "key"),
        sa.Index(
            "stored_file_person_idx",
            "merchant_id",
            "data_subject_id",
            postgresql_where=sa.text("data_subject_id IS NOT NULL"),
        ),
        # Read by merchants_with_expired_files() across merchants, hence without the merchant in front.
        sa.Index("stored_file_expiry_idx", "expires_at", postgresql_where=sa.text("expires_at IS NOT NULL")),
    )
