"""Requests of persons about their data, with their evidence, holds, certificates and what the law keeps.

What an officer types may name the person, so it is sealed under the person's key. What must outlive the erasure is a
code, a count or a date.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.database import Base
from portal.core.personal_data import not_pii, pii
from portal.core.tenancy import IdentityKey, Tenant, TimeKey, tenant_fk

CODE: Final = sa.Text(collation="C")

KINDS: Final = ("access", "erasure", "rectification", "restriction", "objection")
LAWS: Final = ("gdpr", "ccpa")
STATES: Final = (
    "received",
    "verified",
    "scoped",
    "held",
    "previewed",
    "approved",
    "running",
    "third_parties",
    "answered",
    "closed",
    "refused",
)
OPEN_STATES: Final = (
    "received",
    "verified",
    "scoped",
    "held",
    "previewed",
    "approved",
    "running",
    "third_parties",
    "answered",
)
AFTER_IDENTITY: Final = ("verified", "scoped", "held", "previewed", "approved", "running", "third_parties")
AFTER_APPROVAL: Final = ("approved", "running", "third_parties", "answered")
IDENTITY_STATES: Final = ("open", "asked", "verified", "not_needed", "failed")
IDENTITY_METHODS: Final = (
    "signed_in",
    "email_reply",
    "call_back",
    "order_details",
    "representative",
    "document",
)
REFUSAL_GROUNDS: Final = (
    "not_identified",
    "unfounded",
    "excessive",
    "legal_claims",
    "freedom_of_expression",
    "not_in_scope",
    "withdrawn",
)
RECIPIENT_STATES: Final = ("open", "done", "failed", "not_supported", "verified_absent")
SUPPRESSED_KINDS: Final = ("email", "phone", "number")


class PrivacyRequest(Tenant, IdentityKey, Base):
    """One request of one person: what is asked, under which law, until when, and how far it is.

    The checks are the four eyes: no row can say that it is approved by the person who recorded it, and none can pass
    the identity check without one.
    """

    __tablename__ = "privacy_request"
    __subject_path__ = "subject_id"

    subject_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("key"))
    kind: Mapped[str] = mapped_column(CODE, info=not_pii("what is asked"))
    law: Mapped[str] = mapped_column(CODE, info=not_pii("the law it stands on"))
    country_code: Mapped[str | None] = mapped_column(sa.CHAR(2), info=not_pii("country alone names nobody"))
    state: Mapped[str] = mapped_column(
        CODE, default="received", server_default="received", info=not_pii("state")
    )
    received_at: Mapped[dt.datetime] = mapped_column(info=not_pii("time"))
    due_on: Mapped[dt.date] = mapped_column(info=not_pii("deadline"))
    extended_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))
    extension_ground: Mapped[str | None] = mapped_column(CODE, info=not_pii("code of a reason"))
    acknowledged_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))
    alerted_percent: Mapped[int] = mapped_column(
        sa.SmallInteger,
        default=0,
        server_default="0",
        info=not_pii("how much of the time an alert was sent for"),
    )
    identity_state: Mapped[str] = mapped_column(
        CODE, default="open", server_default="open", info=not_pii("state")
    )
    identity_method: Mapped[str | None] = mapped_column(CODE, info=not_pii("code of a method"))
    identity_by: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("user id"))
    identity_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))
    requester_id: Mapped[int] = mapped_column(
        sa.BigInteger, info=not_pii("user id of the officer who recorded it")
    )
    approver_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("user id"))
    approved_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))
    preview: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB, info=not_pii("counts per table, laws and dates")
    )
    preview_digest: Mapped[str | None] = mapped_column(
        CODE, info=not_pii("digest of the counts that were approved")
    )
    previewed_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))
    refusal_ground: Mapped[str | None] = mapped_column(CODE, info=not_pii("code of a reason"))
    outcome: Mapped[str | None] = mapped_column(CODE, info=not_pii("code of the outcome"))
    answered_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))
    closed_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))
    job_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key"))
    contact_sealed: Mapped[bytes | None] = mapped_column(
        info=pii(category="email", strategy="shred", basis="legal_obligation", purpose="answer the request")
    )
    note_sealed: Mapped[bytes | None] = mapped_column(
        info=pii(
            category="free_text", strategy="shred", basis="legal_obligation", purpose="answer the request"
        )
    )

    __table_args__ = (
        tenant_fk("data_subject", "subject_id"),
        sa.Index(None, "merchant_id", "state", "due_on", "id"),
        sa.Index(None, "merchant_id", "due_on", "id"),
        sa.Index(None, "merchant_id", "subject_id"),
        # Two officers recording the same wish get one request: a repeat shows the one that is already running.
        sa.Index(
            "privacy_request_open_key",
            "merchant_id",
            "subject_id",
            "kind",
            unique=True,
            postgresql_where=sa.column("state").not_in(("closed", "refused")),
        ),
        sa.CheckConstraint(sa.column("kind").in_(KINDS), name="kind"),
        sa.CheckConstraint(sa.column("law").in_(LAWS), name="law"),
        sa.CheckConstraint(sa.column("state").in_(STATES), name="state"),
        sa.CheckConstraint(sa.column("identity_state").in_(IDENTITY_STATES), name="identity_state"),
        sa.CheckConstraint("approver_id IS NULL OR approver_id <> requester_id", name="four_eyes"),
        sa.CheckConstraint(
            "kind <> 'erasure' OR state NOT IN ('approved', 'running', 'third_parties')"
            " OR (approver_id IS NOT NULL AND approved_at IS NOT NULL)",
            name="approved",
        ),
        sa.CheckConstraint(
            "state NOT IN ('verified', 'scoped', 'held', 'previewed', 'approved', 'running', 'third_parties')"
            " OR identity_state = 'verified' OR (identity_state = 'not_needed' AND kind = 'objection')",
            name="identity",
        ),
        sa.CheckConstraint("state <> 'refused' OR refusal_ground IS NOT NULL", name="refusal"),
        sa.CheckConstraint("state <> 'closed' OR outcome IS NOT NULL", name="outcome"),
        sa.CheckConstraint("preview_digest IS NULL OR preview IS NOT NULL", name="preview"),
    )


class PrivacyRequestSubject(Tenant, Base):
    """A subject in the scope of a request: the same person may stand behind a customer and several guest orders."""

    __tablename__ = "privacy_request_subject"
    __subject_path__ = "subject_id"

    request_id: Mapped[int] = mapped_column(
        sa.BigInteger, primary_key=True, autoincrement=False, info=not_pii("key")
    )
    subject_id: Mapped[int] = mapped_column(
        sa.BigInteger, primary_key=True, autoincrement=False, info=not_pii("key")
    )
    added_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=not_pii("time"))
    added_by: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("user id"))
    erased_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))

    __table_args__ = (
        tenant_fk("privacy_request", "request_id"),
        tenant_fk("data_subject", "subject_id"),
        sa.Index(None, "merchant_id", "subject_id"),
    )


class PrivacyRequestEvent(Tenant, TimeKey, Base):
    """The evidence of a request, append-only: who did what when, with facts that name nobody."""

    __tablename__ = "privacy_request_event"
    __append_only__: ClassVar[bool] = True
    __subject_path__ = "request_id -> privacy_request"

    request_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("key"))
    at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=not_pii("time"))
    action: Mapped[str] = mapped_column(CODE, info=not_pii("code of an act"))
    actor_kind: Mapped[str] = mapped_column(CODE, info=not_pii("kind of actor"))
    actor_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("user or job id"))
    from_state: Mapped[str | None] = mapped_column(CODE, info=not_pii("state"))
    to_state: Mapped[str | None] = mapped_column(CODE, info=not_pii("state"))
    facts: Mapped[dict[str, Any]] = mapped_column(
        JSONB, default=dict, server_default="{}", info=not_pii("codes, counts and dates")
    )
    note_sealed: Mapped[bytes | None] = mapped_column(
        info=pii(
            category="free_text",
            strategy="shred",
            basis="legal_obligation",
            purpose="evidence of the request",
        )
    )

    __table_args__ = (
        tenant_fk("privacy_request", "request_id"),
        sa.Index(None, "merchant_id", "request_id", "id"),
    )


class RecipientTask(Tenant, IdentityKey, Base):
    """A recipient of the data who must be told (GDPR article 19), and how far that is."""

    __tablename__ = "privacy_recipient_task"

    request_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("key"))
    recipient: Mapped[str] = mapped_column(CODE, info=not_pii("name of a company or channel"))
    state: Mapped[str] = mapped_column(CODE, default="open", server_default="open", info=not_pii("state"))
    created_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=not_pii("time"))
    settled_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))
    settled_by: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("user id"))

    __table_args__ = (
        tenant_fk("privacy_request", "request_id"),
        sa.UniqueConstraint("merchant_id", "request_id", "recipient"),
        sa.CheckConstraint(sa.column("state").in_(RECIPIENT_STATES), name="state"),
    )


class RetainedRecord(Tenant, TimeKey, Base):
    """What the law demands of one row after its person was erased, sealed under a key of its own that ends on a date."""

    __tablename__ = "privacy_retained_record"
    __subject_path__ = "subject_id"
    __restricted__: ClassVar[bool] = True

    subject_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("key"))
    request_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key"))
    source_table: Mapped[str] = mapped_column(CODE, info=not_pii("name of a table"))
    source_key: Mapped[dict[str, Any]] = mapped_column(JSONB, info=not_pii("key of a row"))
    columns: Mapped[list[Any]] = mapped_column(JSONB, info=not_pii("names of columns"))
    law: Mapped[str] = mapped_column(CODE, info=not_pii("name of a law"))
    basis: Mapped[str] = mapped_column(CODE, info=not_pii("legal basis"))
    country_code: Mapped[str | None] = mapped_column(sa.CHAR(2), info=not_pii("country alone names nobody"))
    ends_on: Mapped[dt.date] = mapped_column(info=not_pii("end of retention"))
    sealed: Mapped[bytes | None] = mapped_column(
        info=pii(
            category="address",
            strategy="keep",
            basis="legal_obligation",
            purpose="keep the books as the law demands",
            retention="until ends_on",
        )
    )
    created_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=not_pii("time"))
    destroyed_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))

    __table_args__ = (
        tenant_fk("data_subject", "subject_id"),
        sa.UniqueConstraint(
            "merchant_id",
            "subject_id",
            "source_table",
            "source_key",
            name="privacy_retained_record_source_key",
        ),
        sa.Index(None, "merchant_id", "ends_on", postgresql_where=sa.text("destroyed_at IS NULL")),
        sa.Index(None, "merchant_id", "request_id"),
    )


class LegalHold(Tenant, IdentityKey, Base):
    """A person whose data may not be erased for now. Two people lift it."""

    __tablename__ = "privacy_legal_hold"
    __subject_path__ = "subject_id"

    subject_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("key"))
    reason: Mapped[str] = mapped_column(
        info=pii(
            category="free_text",
            strategy="erase",
            basis="legal_obligation",
            purpose="say why a person is under legal hold",
        )
    )
    owner_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("user id"))
    review_on: Mapped[dt.date] = mapped_column(info=not_pii("date of review"))
    placed_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=not_pii("time"))
    placed_by: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("user id"))
    lift_asked_by: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("user id"))
    lift_asked_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))
    lifted_by: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("user id"))
    lifted_at: Mapped[dt.datetime | None] = mapped_column(info=not_pii("time"))

    __table_args__ = (
        tenant_fk("data_subject", "subject_id"),
        sa.Index(
            "privacy_legal_hold_active_idx",
            "merchant_id",
            "subject_id",
            postgresql_where=sa.text("lifted_at IS NULL"),
        ),
        sa.Index(None, "merchant_id", "review_on", "id"),
        sa.CheckConstraint(
            "lifted_at IS NULL OR (lift_asked_by IS NOT NULL AND lifted_by IS NOT NULL AND lifted_by <> lift_asked_by)",
            name="two_people_lift",
        ),
    )


class ErasureCertificate(Tenant, IdentityKey, Base):
    """What was erased, what stays and why, signed. One per request, without a word about the person."""

    __tablename__ = "privacy_erasure_certificate"
    __append_only__: ClassVar[bool] = True

    request_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("key"))
    issued_at: Mapped[dt.datetime] = mapped_column(info=not_pii("time"))
    map_version: Mapped[str] = mapped_column(CODE, info=not_pii("digest of the personal-data map"))
    body: Mapped[dict[str, Any]] = mapped_column(JSONB, info=not_pii("counts, levels, laws and dates"))
    signature: Mapped[str] = mapped_column(CODE, info=not_pii("signature"))
    public_key: Mapped[str] = mapped_column(CODE, info=not_pii("public key"))

    __table_args__ = (
        tenant_fk("privacy_request", "request_id"),
        sa.UniqueConstraint("merchant_id", "request_id"),
    )


class Suppression(Tenant, IdentityKey, Base):
    """An identifier of an erased person as a keyed digest, so that no import or channel brings back what was erased.

    It points at no subject: nobody can go from a digest to a person or back.
    """

    __tablename__ = "privacy_suppression"

    kind: Mapped[str] = mapped_column(CODE, info=not_pii("kind of identifier"))
    digest: Mapped[bytes] = mapped_column(info=not_pii("keyed digest; without the key it leads to nobody"))
    erased_at: Mapped[dt.datetime] = mapped_column(info=not_pii("facts older than this are refused"))

    __table_args__ = (
        sa.UniqueConstraint("merchant_id", "kind", "digest"),
        sa.CheckConstraint(sa.column("kind").in_(SUPPRESSED_KINDS), name="kind"),
    )


class LedgerReplay(Tenant, IdentityKey, Base):
    """How far the ledger outside the database was applied here. A restored database says an older entry."""

    __tablename__ = "privacy_ledger_replay"
    __append_only__: ClassVar[bool] = True

    entry: Mapped[str] = mapped_column(CODE, info=not_pii("name of a ledger entry"))
    applied_at: Mapped[dt.datetime] = mapped_column(server_default=sa.func.now(), info=not_pii("time"))
    rows_changed: Mapped[int] = mapped_column(default=0, server_default="0", info=not_pii("count"))

    __table_args__ = (sa.UniqueConstraint("merchant_id", "entry"),)
