"""An import, the rows it could not take, and the journal its undo reads.

The file itself and the rejected rows stand encrypted in storage, because a file may hold anything; the tables hold
counts, reasons and ids only. The journal is compact: a batch that created ten thousand orders is one row with their ids.
"""

from __future__ import annotations

import datetime as dt
import enum
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii, pii
from portal.core.tenancy import IdentityKey, Tenant, Timestamped, Versioned, tenant_fk


class ImportState(enum.StrEnum):
    """Where an import stands. A job that dies leaves it in checking, applying or undoing, and its successor goes on."""

    UPLOADED = "uploaded"
    MAPPED = "mapped"
    CHECKING = "checking"
    CHECKED = "checked"
    APPLYING = "applying"
    APPLIED = "applied"
    UNDOING = "undoing"
    UNDONE = "undone"
    CANCELLED = "cancelled"
    FAILED = "failed"


class ImportKind(enum.StrEnum):
    """What the rows of a file are."""

    ORDER_HISTORY = "order_history"
    PRODUCTS = "products"


class RowOutcome(enum.StrEnum):
    """Why a row is listed: it was refused, it would change something, or its undo was refused."""

    REJECTED = "rejected"
    DIFFERENCE = "difference"
    KEPT = "kept"


def _values(kind: type[enum.StrEnum]) -> str:
    return ", ".join(f"'{member.value}'" for member in kind)


class Import(Tenant, IdentityKey, Versioned, Timestamped, Base):
    """One file on its way into the shop: uploaded, mapped, checked, applied, perhaps undone."""

    __tablename__ = "import_run"
    __table_args__ = (
        sa.CheckConstraint(f"state IN ({_values(ImportState)})", name="state_known"),
        sa.CheckConstraint(f"kind IN ({_values(ImportKind)})", name="kind_known"),
        tenant_fk("import_run", "retry_of_id"),
        sa.Index(None, "merchant_id", "sha256"),
        sa.Index(None, "merchant_id", "retry_of_id"),
    )

    kind: Mapped[str] = mapped_column(sa.String(20), info=not_pii("kind"))
    format: Mapped[str] = mapped_column(sa.String(40), info=not_pii("format of the file"))
    state: Mapped[str] = mapped_column(sa.String(20), default=ImportState.UPLOADED, info=not_pii("state"))
    filename: Mapped[str] = mapped_column(
        sa.String(200),
        info=pii(
            category="free_text",
            strategy="staff",
            basis="legitimate_interest",
            purpose="recognise the file",
            retention="with the import",
        ),
    )
    file_key: Mapped[str | None] = mapped_column(sa.String(300), info=not_pii("key of the encrypted file"))
    file_bytes: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("size"))
    sha256: Mapped[str] = mapped_column(sa.String(64), info=not_pii("digest of the file"))
    encoding: Mapped[str] = mapped_column(sa.String(20), info=not_pii("encoding of the file"))
    delimiter: Mapped[str] = mapped_column(sa.String(1), info=not_pii("delimiter of the file"))
    header_row: Mapped[int] = mapped_column(sa.Integer, default=1, info=not_pii("number of the heading row"))
    mapping: Mapped[dict[str, Any]] = mapped_column(
        default=dict, info=not_pii("field names to column positions")
    )
    options: Mapped[dict[str, Any]] = mapped_column(default=dict, info=not_pii("choices on the mapping page"))
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict, info=not_pii("counts by outcome and kind"))
    sum_rows: Mapped[Decimal | None] = mapped_column(sa.Numeric(24, 6), info=not_pii("control sum, all rows"))
    sum_imported: Mapped[Decimal | None] = mapped_column(
        sa.Numeric(24, 6), info=not_pii("control sum, imported rows")
    )
    sum_rejected: Mapped[Decimal | None] = mapped_column(
        sa.Numeric(24, 6), info=not_pii("control sum, rejected rows")
    )
    sum_lines: Mapped[Decimal | None] = mapped_column(
        sa.Numeric(24, 6), info=not_pii("control sum, rounded per line")
    )
    problem: Mapped[str | None] = mapped_column(
        sa.Text, info=not_pii("why the import failed, without values")
    )
    rejects_key: Mapped[str | None] = mapped_column(
        sa.String(300), info=not_pii("key of the encrypted rejects")
    )
    retry_of_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key"))
    job_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("job at work or last at work"))
    created_by_id: Mapped[int | None] = mapped_column(
        sa.BigInteger, info=not_pii("user of the portal who uploaded it")
    )
    applied_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("timestamp"))
    undone_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("timestamp"))

    def is_at_work(self) -> bool:
        """A job is reading, writing or taking back rows."""
        return self.state in {ImportState.CHECKING, ImportState.APPLYING, ImportState.UNDOING}


class ImportRow(Tenant, Base):
    """A row worth showing: rejected with its reason, or differing from what stands. Bounded per import.

    The row's own values are not here; the report reads them from the encrypted rejects file.
    """

    __tablename__ = "import_row"
    __table_args__ = (
        sa.CheckConstraint(f"outcome IN ({_values(RowOutcome)})", name="outcome_known"),
        tenant_fk("import_run", "import_id", ondelete="CASCADE"),
    )

    import_id: Mapped[int] = mapped_column(
        sa.BigInteger, primary_key=True, autoincrement=False, info=not_pii("key")
    )
    n: Mapped[int] = mapped_column(
        sa.Integer, primary_key=True, autoincrement=False, info=not_pii("position in the list")
    )
    row_number: Mapped[int | None] = mapped_column(sa.Integer, info=not_pii("row in the file"))
    outcome: Mapped[str] = mapped_column(sa.String(20), info=not_pii("outcome"))
    field: Mapped[str | None] = mapped_column(sa.String(60), info=not_pii("name of the field"))
    reason: Mapped[str] = mapped_column(
        sa.Text, info=not_pii("the rule that was broken, without values of the row")
    )
    subject: Mapped[str | None] = mapped_column(
        sa.String(120), info=not_pii("product or order the row is about")
    )
    before: Mapped[str | None] = mapped_column(sa.Text, info=not_pii("catalogue value that stands"))
    after: Mapped[str | None] = mapped_column(sa.Text, info=not_pii("catalogue value in the file"))


class ImportChange(Tenant, Base):
    """One entry of the journal: what a batch created (their ids), or one record it changed, with the image before.

    Before-images are taken of catalogue records only; an import never changes a person that already stands.
    """

    __tablename__ = "import_change"
    __table_args__ = (
        sa.CheckConstraint("action IN ('created', 'updated')", name="action_known"),
        tenant_fk("import_run", "import_id", ondelete="CASCADE"),
    )

    import_id: Mapped[int] = mapped_column(
        sa.BigInteger, primary_key=True, autoincrement=False, info=not_pii("key")
    )
    n: Mapped[int] = mapped_column(
        sa.Integer, primary_key=True, autoincrement=False, info=not_pii("order of the entries")
    )
    entity: Mapped[str] = mapped_column(sa.String(40), info=not_pii("kind of record"))
    action: Mapped[str] = mapped_column(sa.String(10), info=not_pii("action"))
    record_ids: Mapped[list[int]] = mapped_column(ARRAY(sa.BigInteger), default=list, info=not_pii("key"))
    before: Mapped[dict[str, Any] | None] = mapped_column(info=not_pii("catalogue values before"))
    after: Mapped[dict[str, Any] | None] = mapped_column(info=not_pii("catalogue values the import wrote"))
    version_after: Mapped[int | None] = mapped_column(sa.Integer, info=not_pii("version"))
    is_undone: Mapped[bool] = mapped_column(sa.Boolean, default=False, info=not_pii("state"))
