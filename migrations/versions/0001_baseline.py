"""The data model as first released.

Revision: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.operations import Xid8, grant, protect_tenant_tables, run_functions

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TENANT = (
    "api_key",
    "attribute_definition",
    "audit_entry",
    "audit_seal",
    "category",
    "channel_account",
    "channel_delivery",
    "channel_inbound_order",
    "channel_listing",
    "channel_sync",
    "combined_shipment",
    "composed_order",
    "composed_order_line",
    "consent",
    "customer",
    "customer_address",
    "data_subject",
    "document_counter",
    "document_settings",
    "exchange_rate",
    "fulfilment_settings",
    "gateway_account",
    "hot_variant",
    "idempotency_key",
    "import_change",
    "import_row",
    "import_run",
    "invitation",
    "invoice_ref",
    "job",
    "job_item",
    "letter_template",
    "location",
    "low_stock_notice",
    "mail_account",
    "media",
    "membership",
    "message",
    "number_series",
    "order_allocation",
    "order_assignment",
    "order_change",
    "order_change_draft",
    "order_change_line",
    "order_charge",
    "order_contact",
    "order_contact_log",
    "order_discount",
    "order_document",
    "order_event",
    "order_file",
    "order_fulfilment",
    "order_fulfilment_line",
    "order_hold",
    "order_line",
    "order_note",
    "order_payment",
    "order_ref",
    "order_refund",
    "order_refund_line",
    "order_return",
    "order_return_line",
    "order_shortfall",
    "order_tag",
    "outbox_cursor",
    "outbox_event",
    "payment_attempt",
    "payment_dispute",
    "payment_dispute_file",
    "payment_link",
    "payment_notice",
    "payment_payout",
    "payment_payout_line",
    "payment_settings",
    "personal_data_view",
    "pick_line",
    "pick_list",
    "pick_scan",
    "price",
    "privacy_erasure_certificate",
    "privacy_ledger_replay",
    "privacy_legal_hold",
    "privacy_recipient_task",
    "privacy_request",
    "privacy_request_event",
    "privacy_request_subject",
    "privacy_retained_record",
    "privacy_suppression",
    "product",
    "product_attribute",
    "product_category",
    "product_option",
    "product_option_value",
    "product_type",
    "promise_setting",
    "purchase_order",
    "purchase_order_line",
    "refund_day",
    "refund_limit",
    "refund_policy",
    "replenishment_rule",
    "replenishment_setting",
    "role",
    "role_permission",
    "rollup_state",
    "routing_rule",
    "sales_channel",
    "sales_day",
    "sales_order",
    "sales_variant_day",
    "saved_view",
    "saved_view_role",
    "stock_adjustment",
    "stock_count",
    "stock_count_line",
    "stock_count_scan",
    "stock_draft_scan",
    "stock_finding",
    "stock_level",
    "stock_movement",
    "stock_reason",
    "stock_receipt",
    "stock_receipt_line",
    "stock_reservation",
    "stock_reservation_line",
    "stock_series",
    "stock_setting",
    "stock_transfer",
    "stock_transfer_line",
    "stock_verification",
    "store_credit",
    "store_credit_entry",
    "stored_file",
    "supplier",
    "supplier_item",
    "tax_rate",
    "tax_settings",
    "variant",
    "variant_component",
    "voucher",
    "voucher_use",
)

APPEND_ONLY = (
    "audit_entry",
    "audit_seal",
    "consent",
    "invoice_ref",
    "order_change",
    "order_change_line",
    "order_document",
    "order_event",
    "outbox_event",
    "privacy_erasure_certificate",
    "privacy_ledger_replay",
    "privacy_request_event",
    "stock_adjustment",
    "stock_count_scan",
    "stock_movement",
    "stock_receipt",
    "stock_receipt_line",
    "store_credit_entry",
)

SHARED = ()

READ_AND_WRITTEN = (
    "api_key",
    "attribute_definition",
    "category",
    "channel_account",
    "channel_delivery",
    "channel_inbound_order",
    "channel_listing",
    "channel_sync",
    "combined_shipment",
    "composed_order",
    "composed_order_line",
    "customer",
    "customer_address",
    "data_subject",
    "document_counter",
    "document_settings",
    "exchange_rate",
    "fulfilment_settings",
    "gateway_account",
    "hot_variant",
    "idempotency_key",
    "import_change",
    "import_row",
    "import_run",
    "invitation",
    "job",
    "job_item",
    "letter_template",
    "location",
    "low_stock_notice",
    "mail_account",
    "media",
    "membership",
    "merchant",
    "message",
    "number_series",
    "order_allocation",
    "order_assignment",
    "order_change_draft",
    "order_charge",
    "order_contact",
    "order_contact_log",
    "order_discount",
    "order_file",
    "order_fulfilment",
    "order_fulfilment_line",
    "order_hold",
    "order_line",
    "order_note",
    "order_payment",
    "order_ref",
    "order_refund",
    "order_refund_line",
    "order_return",
    "order_return_line",
    "order_shortfall",
    "order_tag",
    "outbox_cursor",
    "password_reset",
    "payment_attempt",
    "payment_dispute",
    "payment_dispute_file",
    "payment_link",
    "payment_notice",
    "payment_payout",
    "payment_payout_line",
    "payment_settings",
    "personal_data_view",
    "pick_line",
    "pick_list",
    "pick_scan",
    "price",
    "privacy_legal_hold",
    "privacy_recipient_task",
    "privacy_request",
    "privacy_request_subject",
    "privacy_retained_record",
    "privacy_suppression",
    "product",
    "product_attribute",
    "product_category",
    "product_option",
    "product_option_value",
    "product_type",
    "promise_setting",
    "purchase_order",
    "purchase_order_line",
    "rate_window",
    "refund_day",
    "refund_limit",
    "refund_policy",
    "replenishment_rule",
    "replenishment_setting",
    "role",
    "role_permission",
    "rollup_state",
    "routing_rule",
    "sales_channel",
    "sales_day",
    "sales_order",
    "sales_variant_day",
    "saved_view",
    "saved_view_role",
    "scheduled_task",
    "stock_count",
    "stock_count_line",
    "stock_draft_scan",
    "stock_finding",
    "stock_level",
    "stock_reason",
    "stock_reservation",
    "stock_reservation_line",
    "stock_series",
    "stock_setting",
    "stock_transfer",
    "stock_transfer_line",
    "stock_verification",
    "store_credit",
    "stored_file",
    "supplier",
    "supplier_item",
    "tax_rate",
    "tax_settings",
    "throttle",
    "user_account",
    "user_session",
    "variant",
    "variant_component",
    "voucher",
    "voucher_use",
)


def upgrade() -> None:
    op.execute("GRANT USAGE ON SCHEMA public TO portal_app, portal_upkeep")
    run_functions("core")
    op.execute("GRANT USAGE ON SEQUENCE id_sequence TO portal_app")
    op.create_table(
        "audit_entry",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("new_id(now())"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(collation="C"), nullable=False),
        sa.Column("fields", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("changes", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("sealed_changes", sa.LargeBinary(), nullable=True),
        sa.Column("data_subject_id", sa.BigInteger(), nullable=True),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column(
            "cluster",
            sa.BigInteger(),
            server_default=sa.text("(pg_control_system()).system_identifier"),
            nullable=False,
        ),
        sa.Column("xid", Xid8(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.CheckConstraint(
            "actor_kind IN ('user', 'job', 'system', 'channel')", name=op.f("audit_entry_actor_kind_check")
        ),
        sa.CheckConstraint(
            "data_subject_id IS NULL OR changes IS NULL", name=op.f("audit_entry_sealed_check")
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("audit_entry_pkey")),
        info={"partition_by": "id"},
        postgresql_partition_by="RANGE (id)",
    )
    op.create_index("audit_entry_action_idx", "audit_entry", ["merchant_id", "action", "id"], unique=False)
    op.create_index(
        "audit_entry_actor_idx", "audit_entry", ["merchant_id", "actor_kind", "actor_id", "id"], unique=False
    )
    op.create_index(
        "audit_entry_commit_order_idx", "audit_entry", ["merchant_id", "cluster", "xid", "id"], unique=False
    )
    op.create_index(
        "audit_entry_person_idx",
        "audit_entry",
        ["merchant_id", "data_subject_id", "id"],
        unique=False,
        postgresql_where=sa.text("data_subject_id IS NOT NULL"),
    )
    op.create_index(
        "audit_entry_subject_idx",
        "audit_entry",
        ["merchant_id", "subject_kind", "subject_id", "id"],
        unique=False,
    )
    op.create_table(
        "audit_seal",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("cluster", sa.BigInteger(), nullable=False),
        sa.Column("last_xid", Xid8(), nullable=False),
        sa.Column("entry_ids", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("entry_hashes", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "octet_length(entry_hashes) = 32 * cardinality(entry_ids)", name=op.f("audit_seal_hashes_check")
        ),
        sa.PrimaryKeyConstraint("merchant_id", "number", name=op.f("audit_seal_pkey")),
    )
    op.create_index(
        op.f("audit_seal_merchant_id_cluster_number_idx"),
        "audit_seal",
        ["merchant_id", "cluster", "number"],
        unique=False,
    )
    op.create_table(
        "category",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(collation="C"), nullable=False),
        sa.Column("path", sa.Text(collation="C"), server_default="", nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "parent_id"],
            ["category.merchant_id", "category.id"],
            name=op.f("category_merchant_id_parent_id_fkey"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("category_pkey")),
        sa.UniqueConstraint("merchant_id", "slug", name=op.f("category_merchant_id_slug_key")),
    )
    op.create_index(
        op.f("category_merchant_id_parent_id_position_idx"),
        "category",
        ["merchant_id", "parent_id", "position"],
        unique=False,
    )
    op.create_index(op.f("category_merchant_id_path_idx"), "category", ["merchant_id", "path"], unique=False)
    op.create_table(
        "data_subject",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("new_id(now())"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("restricted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("data_subject_pkey")),
    )
    op.create_index(
        "data_subject_restricted_idx",
        "data_subject",
        ["merchant_id", "id"],
        unique=False,
        postgresql_where=sa.text("restricted_at IS NOT NULL"),
    )
    op.create_table(
        "document_counter",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("series", sa.Text(collation="C"), nullable=False),
        sa.Column("last_value", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("last_value > 0", name=op.f("document_counter_last_value_check")),
        sa.PrimaryKeyConstraint("merchant_id", "series", name=op.f("document_counter_pkey")),
    )
    op.create_table(
        "document_settings",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("company", sa.Text(), server_default="", nullable=False),
        sa.Column("line1", sa.Text(), server_default="", nullable=False),
        sa.Column("line2", sa.Text(), server_default="", nullable=False),
        sa.Column("postcode", sa.Text(), server_default="", nullable=False),
        sa.Column("city", sa.Text(), server_default="", nullable=False),
        sa.Column("country_code", sa.CHAR(length=2), nullable=True),
        sa.Column("vat_id", sa.Text(), server_default="", nullable=False),
        sa.Column("tax_number", sa.Text(), server_default="", nullable=False),
        sa.Column("registration", sa.Text(), server_default="", nullable=False),
        sa.Column("managed_by", sa.Text(), server_default="", nullable=False),
        sa.Column("email", sa.Text(), server_default="", nullable=False),
        sa.Column("phone", sa.Text(), server_default="", nullable=False),
        sa.Column("website", sa.Text(), server_default="", nullable=False),
        sa.Column("bank", sa.Text(), server_default="", nullable=False),
        sa.Column("iban", sa.Text(), server_default="", nullable=False),
        sa.Column("bic", sa.Text(), server_default="", nullable=False),
        sa.Column("footer", sa.Text(), server_default="", nullable=False),
        sa.Column("logo_key", sa.Text(collation="C"), nullable=True),
        sa.Column("language", sa.Text(), server_default="en", nullable=False),
        sa.Column("paper", sa.Text(), server_default="a4", nullable=False),
        sa.Column("payment_days", sa.Integer(), server_default="14", nullable=False),
        sa.Column("invoice_prefix", sa.Text(collation="C"), server_default="INV-", nullable=False),
        sa.Column("credit_note_prefix", sa.Text(collation="C"), server_default="CN-", nullable=False),
        sa.Column("numbers_by_year", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("digits", sa.Integer(), server_default="5", nullable=False),
        sa.Column("first_number", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("issued_when", sa.Text(), server_default="by_hand", nullable=False),
        sa.Column("is_mailed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "issued_when IN ('by_hand', 'paid', 'shipped')", name=op.f("document_settings_issued_when_check")
        ),
        sa.CheckConstraint("paper IN ('a4', 'us-letter')", name=op.f("document_settings_paper_check")),
        sa.CheckConstraint("digits BETWEEN 1 AND 12", name=op.f("document_settings_digits_check")),
        sa.CheckConstraint("first_number > 0", name=op.f("document_settings_first_number_check")),
        sa.CheckConstraint(
            "payment_days BETWEEN 0 AND 365", name=op.f("document_settings_payment_days_check")
        ),
        sa.PrimaryKeyConstraint("merchant_id", name=op.f("document_settings_pkey")),
    )
    op.create_table(
        "exchange_rate",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("rate", sa.Numeric(precision=20, scale=10), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("exchange_rate_currency_code_check")),
        sa.CheckConstraint("rate > 0", name=op.f("exchange_rate_rate_check")),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("exchange_rate_pkey")),
        sa.UniqueConstraint(
            "merchant_id",
            "currency",
            "valid_from",
            name=op.f("exchange_rate_merchant_id_currency_valid_from_key"),
        ),
    )
    op.create_table(
        "fulfilment_settings",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("collect_days", sa.SmallInteger(), server_default="7", nullable=False),
        sa.Column("mails_order", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("mails_dispatch", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("mails_ready", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("mails_for_channels", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "collect_days BETWEEN 1 AND 90", name=op.f("fulfilment_settings_collect_days_check")
        ),
        sa.PrimaryKeyConstraint("merchant_id", name=op.f("fulfilment_settings_pkey")),
    )
    op.create_table(
        "gateway_account",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), server_default="test", nullable=False),
        sa.Column("state", sa.Text(), server_default="draft", nullable=False),
        sa.Column("base_url", sa.Text(), nullable=True),
        sa.Column("secret_key", sa.LargeBinary(), nullable=True),
        sa.Column("secret_key_tail", sa.Text(), server_default="", nullable=False),
        sa.Column("webhook_secret", sa.LargeBinary(), nullable=True),
        sa.Column("webhook_secret_tail", sa.Text(), server_default="", nullable=False),
        sa.Column("webhook_token", sa.Text(collation="C"), nullable=False),
        sa.Column("keys_changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_default", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("payouts_seen_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("mode IN ('test', 'live')", name=op.f("gateway_account_mode_check")),
        sa.CheckConstraint(
            "state <> 'active' OR tested_at >= keys_changed_at",
            name=op.f("gateway_account_tested_first_check"),
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'active', 'paused')", name=op.f("gateway_account_state_check")
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("gateway_account_pkey")),
        sa.UniqueConstraint("merchant_id", "name", name=op.f("gateway_account_merchant_id_name_key")),
        sa.UniqueConstraint(
            "merchant_id", "webhook_token", name=op.f("gateway_account_merchant_id_webhook_token_key")
        ),
    )
    op.create_index(
        "gateway_account_default_key",
        "gateway_account",
        ["merchant_id"],
        unique=True,
        postgresql_where=sa.text("is_default"),
    )
    op.create_table(
        "idempotency_key",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("owner", sa.Text(collation="C"), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(status IS NULL) = (body IS NULL)", name=op.f("idempotency_key_answered_check")),
        sa.PrimaryKeyConstraint("merchant_id", "owner", "key", name=op.f("idempotency_key_pkey")),
    )
    op.create_index(
        op.f("idempotency_key_merchant_id_created_at_idx"),
        "idempotency_key",
        ["merchant_id", "created_at"],
        unique=False,
    )
    op.create_table(
        "import_run",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("format", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("filename", sa.String(length=200), nullable=False),
        sa.Column("file_key", sa.String(length=300), nullable=True),
        sa.Column("file_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("encoding", sa.String(length=20), nullable=False),
        sa.Column("delimiter", sa.String(length=1), nullable=False),
        sa.Column("header_row", sa.Integer(), nullable=False),
        sa.Column("mapping", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sum_rows", sa.Numeric(precision=24, scale=6), nullable=True),
        sa.Column("sum_imported", sa.Numeric(precision=24, scale=6), nullable=True),
        sa.Column("sum_rejected", sa.Numeric(precision=24, scale=6), nullable=True),
        sa.Column("sum_lines", sa.Numeric(precision=24, scale=6), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("rejects_key", sa.String(length=300), nullable=True),
        sa.Column("retry_of_id", sa.BigInteger(), nullable=True),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        sa.Column("created_by_id", sa.BigInteger(), nullable=True),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind IN ('order_history', 'products')", name=op.f("import_run_kind_known_check")),
        sa.CheckConstraint(
            "state IN ('uploaded', 'mapped', 'checking', 'checked', 'applying', 'applied', 'undoing', 'undone', 'cancelled', 'failed')",
            name=op.f("import_run_state_known_check"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "retry_of_id"],
            ["import_run.merchant_id", "import_run.id"],
            name=op.f("import_run_merchant_id_retry_of_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("import_run_pkey")),
    )
    op.create_index(
        op.f("import_run_merchant_id_retry_of_id_idx"),
        "import_run",
        ["merchant_id", "retry_of_id"],
        unique=False,
    )
    op.create_index(
        op.f("import_run_merchant_id_sha256_idx"), "import_run", ["merchant_id", "sha256"], unique=False
    )
    op.create_table(
        "job",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("new_id(now())"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), server_default="long", nullable=False),
        sa.Column("args", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("unique_key", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), server_default="queued", nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("retry_of", sa.BigInteger(), nullable=True),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("run_after", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("rung_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("cancel_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("rate", sa.Double(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("checkpoint", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("ok_items", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("failed_items", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("result_file_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("progress_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'running') = (lease_until IS NOT NULL)", name=op.f("job_lease_check")),
        sa.CheckConstraint("queue IN ('quick', 'long')", name=op.f("job_queue_check")),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'done', 'failed', 'cancelled')", name=op.f("job_state_check")
        ),
        sa.CheckConstraint("done >= 0 AND attempt >= 0 AND failures >= 0", name=op.f("job_counts_check")),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("job_pkey")),
    )
    op.create_index(
        "job_finished_idx",
        "job",
        ["merchant_id", "finished_at"],
        unique=False,
        postgresql_where=sa.text("finished_at IS NOT NULL"),
    )
    op.create_index(
        "job_lease_idx", "job", ["lease_until"], unique=False, postgresql_where=sa.text("state = 'running'")
    )
    op.create_index(
        "job_queued_idx", "job", ["run_after"], unique=False, postgresql_where=sa.text("state = 'queued'")
    )
    op.create_index(
        "job_unique_key",
        "job",
        ["merchant_id", "kind", "unique_key"],
        unique=True,
        postgresql_where=sa.text("state IN ('queued', 'running') AND unique_key IS NOT NULL"),
    )
    op.create_table(
        "letter_template",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(collation="C"), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("moment", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "moment IN ('return_approved', 'return_rejected')", name=op.f("letter_template_moment_check")
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("letter_template_pkey")),
        sa.UniqueConstraint(
            "merchant_id", "moment", "locale", name=op.f("letter_template_merchant_id_moment_locale_key")
        ),
        sa.UniqueConstraint(
            "merchant_id", "name", "locale", name=op.f("letter_template_merchant_id_name_locale_key")
        ),
    )
    op.create_table(
        "location",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("kind", sa.Text(), server_default="warehouse", nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("country_code", sa.CHAR(length=2), nullable=True),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind IN ('warehouse', 'store', 'virtual')", name=op.f("location_kind_check")),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("location_pkey")),
        sa.UniqueConstraint("merchant_id", "code", name=op.f("location_merchant_id_code_key")),
    )
    op.create_table(
        "mail_account",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("security", sa.Text(), nullable=False),
        sa.Column("username", sa.Text(), server_default="", nullable=False),
        sa.Column("password", sa.LargeBinary(), nullable=True),
        sa.Column("password_tail", sa.Text(), server_default="", nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("sender_name", sa.Text(), server_default="", nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("tested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "security IN ('tls', 'starttls', 'none')", name=op.f("mail_account_security_check")
        ),
        sa.CheckConstraint(
            "NOT is_active OR tested_at IS NOT NULL", name=op.f("mail_account_tested_first_check")
        ),
        sa.CheckConstraint("port BETWEEN 1 AND 65535", name=op.f("mail_account_port_check")),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("mail_account_pkey")),
        sa.UniqueConstraint("merchant_id", name=op.f("mail_account_merchant_id_key")),
    )
    op.create_table(
        "merchant",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), server_default="en", nullable=False),
        sa.Column("time_zone", sa.Text(), server_default="UTC", nullable=False),
        sa.Column("prices_include_tax", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "settings",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("state", sa.Text(), server_default="active", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("country ~ '^[A-Z]{2}$'", name=op.f("merchant_country_code_check")),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("merchant_currency_code_check")),
        sa.CheckConstraint("state IN ('active', 'closed')", name=op.f("merchant_state_check")),
        sa.CheckConstraint("id > 0", name=op.f("merchant_id_positive_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("merchant_pkey")),
        sa.UniqueConstraint("slug", name=op.f("merchant_slug_key")),
    )
    op.create_table(
        "number_series",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(collation="C"), nullable=False),
        sa.Column("next_value", sa.BigInteger(), server_default="1001", nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "kind", name=op.f("number_series_pkey")),
    )
    op.create_table(
        "outbox_cursor",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("cluster", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("xid", Xid8(), server_default="0", nullable=False),
        sa.Column("event_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("merchant_id", "consumer", "cluster", name=op.f("outbox_cursor_pkey")),
    )
    op.create_table(
        "outbox_event",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("new_id(now())"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column(
            "cluster",
            sa.BigInteger(),
            server_default=sa.text("(pg_control_system()).system_identifier"),
            nullable=False,
        ),
        sa.Column("xid", Xid8(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("outbox_event_pkey")),
        info={"partition_by": "id"},
        postgresql_partition_by="RANGE (id)",
    )
    op.create_index(
        "outbox_event_commit_order_idx", "outbox_event", ["merchant_id", "cluster", "xid", "id"], unique=False
    )
    op.create_table(
        "payment_settings",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("capture_on", sa.Text(), server_default="dispatch", nullable=False),
        sa.Column("link_days", sa.Integer(), server_default="7", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "capture_on IN ('placement', 'dispatch', 'by_hand')",
            name=op.f("payment_settings_capture_on_check"),
        ),
        sa.CheckConstraint("link_days BETWEEN 1 AND 90", name=op.f("payment_settings_link_days_check")),
        sa.PrimaryKeyConstraint("merchant_id", name=op.f("payment_settings_pkey")),
    )
    op.create_table(
        "privacy_ledger_replay",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("entry", sa.Text(collation="C"), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("rows_changed", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("privacy_ledger_replay_pkey")),
        sa.UniqueConstraint("merchant_id", "entry", name=op.f("privacy_ledger_replay_merchant_id_entry_key")),
    )
    op.create_table(
        "privacy_suppression",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(collation="C"), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('email', 'phone', 'number')", name=op.f("privacy_suppression_kind_check")
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("privacy_suppression_pkey")),
        sa.UniqueConstraint(
            "merchant_id", "kind", "digest", name=op.f("privacy_suppression_merchant_id_kind_digest_key")
        ),
    )
    op.create_table(
        "product_type",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("product_type_pkey")),
        sa.UniqueConstraint("merchant_id", "code", name=op.f("product_type_merchant_id_code_key")),
    )
    op.create_table(
        "promise_setting",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("allocate_on", sa.Text(), server_default="placement", nullable=False),
        sa.Column("basket_minutes", sa.Integer(), server_default="15", nullable=False),
        sa.Column("payment_minutes", sa.Integer(), server_default="60", nullable=False),
        sa.Column("heats_by_itself", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("hot_slots", sa.SmallInteger(), server_default="8", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "allocate_on IN ('placement', 'payment')", name=op.f("promise_setting_allocate_on_check")
        ),
        sa.CheckConstraint(
            "basket_minutes BETWEEN 1 AND 10080 AND payment_minutes BETWEEN 1 AND 43200",
            name=op.f("promise_setting_minutes_check"),
        ),
        sa.CheckConstraint("hot_slots BETWEEN 2 AND 64", name=op.f("promise_setting_hot_slots_check")),
        sa.PrimaryKeyConstraint("merchant_id", name=op.f("promise_setting_pkey")),
    )
    op.create_table(
        "rate_window",
        sa.Column("subject", sa.Text(collation="C"), nullable=False),
        sa.Column("begins_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("given", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("rate_window_pkey")),
    )
    op.create_index(op.f("rate_window_begins_at_idx"), "rate_window", ["begins_at"], unique=False)
    op.create_table(
        "refund_day",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.CheckConstraint("amount >= 0", name=op.f("refund_day_amount_check")),
        sa.PrimaryKeyConstraint("merchant_id", "user_id", "day", name=op.f("refund_day_pkey")),
    )
    op.create_table(
        "refund_policy",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("second_approver_above", sa.Numeric(precision=18, scale=4), nullable=True),
        sa.Column("standard_delivery", sa.Numeric(precision=18, scale=4), nullable=True),
        sa.Column("withdrawal_days", sa.Integer(), server_default="14", nullable=False),
        sa.Column("refund_days", sa.Integer(), server_default="14", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "second_approver_above >= 0 AND standard_delivery >= 0", name=op.f("refund_policy_amounts_check")
        ),
        sa.CheckConstraint(
            "withdrawal_days BETWEEN 0 AND 366 AND refund_days BETWEEN 1 AND 90",
            name=op.f("refund_policy_days_check"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", name=op.f("refund_policy_pkey")),
    )
    op.create_table(
        "replenishment_setting",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("notify_email", sa.Text(), nullable=True),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", name=op.f("replenishment_setting_pkey")),
    )
    op.create_table(
        "role",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("is_built_in", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("NOT is_built_in OR key IS NOT NULL", name=op.f("role_built_in_key_check")),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("role_pkey")),
        sa.UniqueConstraint("merchant_id", "key", name=op.f("role_merchant_id_key_key")),
        sa.UniqueConstraint("merchant_id", "name", name=op.f("role_merchant_id_name_key")),
    )
    op.create_table(
        "rollup_state",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column(
            "refreshed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("merchant_id", "name", name=op.f("rollup_state_pkey")),
    )
    op.create_table(
        "sales_channel",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("safety_buffer", sa.Integer(), server_default="0", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('web', 'app', 'pos', 'marketplace', 'phone', 'import')",
            name=op.f("sales_channel_kind_check"),
        ),
        sa.CheckConstraint("safety_buffer >= 0", name=op.f("sales_channel_safety_buffer_check")),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("sales_channel_pkey")),
        sa.UniqueConstraint("merchant_id", "code", name=op.f("sales_channel_merchant_id_code_key")),
    )
    op.create_table(
        "sales_day",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("country_code", sa.Text(collation="C"), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("gross", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("tax", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("refunds", sa.Integer(), nullable=False),
        sa.Column("refunded", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.PrimaryKeyConstraint(
            "merchant_id", "day", "currency", "channel_id", "country_code", name=op.f("sales_day_pkey")
        ),
    )
    op.create_table(
        "sales_variant_day",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("variant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("gross", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("refunds", sa.Integer(), nullable=False),
        sa.Column("refunded", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.PrimaryKeyConstraint(
            "merchant_id", "day", "currency", "variant_id", name=op.f("sales_variant_day_pkey")
        ),
    )
    op.create_table(
        "scheduled_task",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("scheduled_task_pkey")),
    )
    op.create_table(
        "stock_adjustment",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("token", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("variant_id", sa.BigInteger(), nullable=False),
        sa.Column("location_id", sa.BigInteger(), nullable=False),
        sa.Column("act", sa.Text(), server_default="adjusted", nullable=False),
        sa.Column("delta", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "token", name=op.f("stock_adjustment_pkey")),
    )
    op.create_table(
        "stock_movement",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("new_id(clock_timestamp())"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("variant_id", sa.BigInteger(), nullable=False),
        sa.Column("location_id", sa.BigInteger(), nullable=False),
        sa.Column("slot", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("on_hand_delta", sa.Integer(), server_default="0", nullable=False),
        sa.Column("allocated_delta", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reserved_delta", sa.Integer(), server_default="0", nullable=False),
        sa.Column("unavailable_delta", sa.Integer(), server_default="0", nullable=False),
        sa.Column("incoming_delta", sa.Integer(), server_default="0", nullable=False),
        sa.Column("unavailable_kind", sa.Text(), nullable=True),
        sa.Column("on_hand_after", sa.Integer(), nullable=True),
        sa.Column("promised_after", sa.Integer(), nullable=True),
        sa.Column("incoming_after", sa.Integer(), nullable=True),
        sa.Column("cause_kind", sa.Text(), nullable=False),
        sa.Column("cause_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("reason_id", sa.BigInteger(), nullable=True),
        sa.Column("unit_cost", sa.Numeric(precision=20, scale=6), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('opening', 'history_end', 'received', 'sold', 'returned', 'adjusted', 'counted', 'transferred', 'written_off', 'reserved', 'released', 'allocated', 'deallocated', 'quarantined', 'unquarantined', 'expected', 'repaired')",
            name=op.f("stock_movement_kind_check"),
        ),
        sa.CheckConstraint(
            "unavailable_kind IN ('quarantine', 'damaged')",
            name=op.f("stock_movement_unavailable_kind_check"),
        ),
        sa.CheckConstraint(
            "on_hand_delta <> 0 OR allocated_delta <> 0 OR reserved_delta <> 0 OR unavailable_delta <> 0 OR incoming_delta <> 0",
            name=op.f("stock_movement_moves_check"),
        ),
        sa.CheckConstraint(
            "unavailable_delta = 0 OR unavailable_kind IS NOT NULL",
            name=op.f("stock_movement_unavailable_is_of_a_kind_check"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("stock_movement_pkey")),
        info={"partition_by": "id"},
        postgresql_partition_by="RANGE (id)",
    )
    op.create_index(
        "stock_movement_cause_idx", "stock_movement", ["merchant_id", "cause_kind", "cause_id"], unique=False
    )
    op.create_index(
        "stock_movement_kind_idx",
        "stock_movement",
        ["merchant_id", "kind", "id"],
        unique=False,
        postgresql_where=sa.text(
            "kind NOT IN ('received', 'sold', 'reserved', 'released', 'allocated', 'deallocated')"
        ),
    )
    op.create_index(
        op.f("stock_movement_merchant_id_variant_id_location_id_id_idx"),
        "stock_movement",
        ["merchant_id", "variant_id", "location_id", "id"],
        unique=False,
    )
    op.create_index(
        "stock_movement_reason_idx",
        "stock_movement",
        ["merchant_id", "reason_id", "id"],
        unique=False,
        postgresql_where=sa.text("reason_id IS NOT NULL"),
    )
    op.create_table(
        "stock_reason",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("stock_reason_pkey")),
        sa.UniqueConstraint("merchant_id", "code", name=op.f("stock_reason_merchant_id_code_key")),
    )
    op.create_table(
        "stock_receipt",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("new_id(now())"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("token", sa.Uuid(), nullable=False),
        sa.Column("source_kind", sa.Text(), nullable=False),
        sa.Column("source_id", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(collation="C"), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "source_kind IN ('transfer', 'purchase')", name=op.f("stock_receipt_source_kind_check")
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("stock_receipt_pkey")),
        sa.UniqueConstraint("merchant_id", "token", name=op.f("stock_receipt_merchant_id_token_key")),
    )
    op.create_index(
        op.f("stock_receipt_merchant_id_source_kind_source_id_id_idx"),
        "stock_receipt",
        ["merchant_id", "source_kind", "source_id", "id"],
        unique=False,
    )
    op.create_table(
        "stock_reservation",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("new_id(now())"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("holder_id", sa.BigInteger(), nullable=True),
        sa.Column("channel_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), server_default="held", nullable=False),
        sa.Column("unit_count", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'held') = (ended_at IS NULL)", name=op.f("stock_reservation_ended_check")
        ),
        sa.CheckConstraint(
            "holder IN ('basket', 'draft', 'payment', 'exchange')",
            name=op.f("stock_reservation_holder_check"),
        ),
        sa.CheckConstraint(
            "state IN ('held', 'used', 'released', 'expired')", name=op.f("stock_reservation_state_check")
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("stock_reservation_pkey")),
    )
    op.create_index(
        "stock_reservation_expires_at_idx",
        "stock_reservation",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("state = 'held'"),
    )
    op.create_index(
        "stock_reservation_held_key",
        "stock_reservation",
        ["merchant_id", "key"],
        unique=True,
        postgresql_where=sa.text("state = 'held'"),
    )
    op.create_index(
        op.f("stock_reservation_merchant_id_state_id_idx"),
        "stock_reservation",
        ["merchant_id", "state", "id"],
        unique=False,
    )
    op.create_table(
        "stock_series",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("next_value", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "kind", name=op.f("stock_series_pkey")),
    )
    op.create_table(
        "stock_setting",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "reason_role_ids", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False
        ),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("jsonb_typeof(reason_role_ids) = 'array'", name=op.f("stock_setting_roles_check")),
        sa.PrimaryKeyConstraint("merchant_id", name=op.f("stock_setting_pkey")),
    )
    op.create_table(
        "stock_verification",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), server_default="running", nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("movements", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("levels", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("promises", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("findings", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "state IN ('running', 'done', 'stopped')", name=op.f("stock_verification_state_check")
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("stock_verification_pkey")),
        sa.UniqueConstraint("merchant_id", "job_id", name=op.f("stock_verification_merchant_id_job_id_key")),
    )
    op.create_table(
        "stored_file",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("new_id(now())"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("filename", sa.Text(), nullable=True),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("data_subject_id", sa.BigInteger(), nullable=True),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("stored_file_pkey")),
        sa.UniqueConstraint("merchant_id", "key", name=op.f("stored_file_merchant_id_key_key")),
    )
    op.create_index(
        "stored_file_expiry_idx",
        "stored_file",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    )
    op.create_index(
        "stored_file_person_idx",
        "stored_file",
        ["merchant_id", "data_subject_id"],
        unique=False,
        postgresql_where=sa.text("data_subject_id IS NOT NULL"),
    )
    op.create_table(
        "tax_rate",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("country_code", sa.CHAR(length=2), nullable=False),
        sa.Column("region", sa.Text(collation="C"), server_default="", nullable=False),
        sa.Column("tax_class", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("rate", sa.Numeric(precision=9, scale=6), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("source", sa.Text(), server_default="merchant", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("country_code ~ '^[A-Z]{2}$'", name=op.f("tax_rate_country_code_check")),
        sa.CheckConstraint("rate >= 0 AND rate < 10", name=op.f("tax_rate_rate_check")),
        sa.CheckConstraint(
            "valid_to IS NULL OR valid_to >= valid_from", name=op.f("tax_rate_validity_check")
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("tax_rate_pkey")),
        sa.UniqueConstraint(
            "merchant_id",
            "country_code",
            "region",
            "tax_class",
            "valid_from",
            name=op.f("tax_rate_merchant_id_country_code_region_tax_class_valid_from_key"),
        ),
    )
    op.create_table(
        "tax_settings",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rounding", sa.Text(), server_default="line", nullable=False),
        sa.Column("shipping_tax", sa.Text(), server_default="own", nullable=False),
        sa.Column("shipping_class", sa.Text(collation="C"), server_default="standard", nullable=False),
        sa.Column("eu_consumers", sa.Text(), server_default="home", nullable=False),
        sa.Column("is_reverse_charge", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("untaxed_prices", sa.Text(), server_default="less_tax", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "eu_consumers IN ('home', 'destination')", name=op.f("tax_settings_eu_consumers_check")
        ),
        sa.CheckConstraint("rounding IN ('line', 'total')", name=op.f("tax_settings_rounding_check")),
        sa.CheckConstraint(
            "shipping_tax IN ('own', 'proportional')", name=op.f("tax_settings_shipping_tax_check")
        ),
        sa.CheckConstraint(
            "untaxed_prices IN ('less_tax', 'as_shown')", name=op.f("tax_settings_untaxed_prices_check")
        ),
        sa.PrimaryKeyConstraint("merchant_id", name=op.f("tax_settings_pkey")),
    )
    op.create_table(
        "throttle",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("tries", postgresql.ARRAY(sa.DateTime(timezone=True)), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("throttle_pkey")),
    )
    op.create_index(op.f("throttle_last_at_idx"), "throttle", ["last_at"], unique=False)
    op.create_table(
        "voucher",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("code_key", sa.Text(collation="C"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("percent", sa.Numeric(precision=7, scale=4), nullable=True),
        sa.Column("amount", sa.Numeric(precision=18, scale=4), nullable=True),
        sa.Column("currency", sa.CHAR(length=3), nullable=True),
        sa.Column("minimum", sa.Numeric(precision=18, scale=4), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("usage_limit", sa.Integer(), nullable=True),
        sa.Column("used_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(kind = 'percent') = (percent IS NOT NULL) AND (kind = 'amount') = (amount IS NOT NULL)",
            name=op.f("voucher_worth_check"),
        ),
        sa.CheckConstraint("kind IN ('percent', 'amount', 'free_shipping')", name=op.f("voucher_kind_check")),
        sa.CheckConstraint(
            "(amount IS NULL AND minimum IS NULL) OR currency IS NOT NULL",
            name=op.f("voucher_currency_check"),
        ),
        sa.CheckConstraint("amount > 0 AND minimum >= 0", name=op.f("voucher_amount_check")),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("voucher_validity_check")),
        sa.CheckConstraint("percent > 0 AND percent <= 100", name=op.f("voucher_percent_check")),
        sa.CheckConstraint(
            "usage_limit > 0 AND used_count <= usage_limit", name=op.f("voucher_usage_limit_check")
        ),
        sa.CheckConstraint("used_count >= 0", name=op.f("voucher_used_check")),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("voucher_pkey")),
        sa.UniqueConstraint("merchant_id", "code_key", name=op.f("voucher_merchant_id_code_key_key")),
    )
    op.create_table(
        "api_key",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column(
            "scopes",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column("channel_id", sa.BigInteger(), nullable=True),
        sa.Column("rate_per_minute", sa.Integer(), server_default="600", nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("rate_per_minute > 0", name=op.f("api_key_rate_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "channel_id"],
            ["sales_channel.merchant_id", "sales_channel.id"],
            name=op.f("api_key_merchant_id_channel_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("api_key_pkey")),
        sa.UniqueConstraint("merchant_id", "secret_hash", name=op.f("api_key_merchant_id_secret_hash_key")),
    )
    op.create_index(
        op.f("api_key_merchant_id_channel_id_idx"), "api_key", ["merchant_id", "channel_id"], unique=False
    )
    op.create_table(
        "attribute_definition",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("product_type_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("choices", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("is_required", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_filterable", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "kind IN ('text', 'long_text', 'integer', 'decimal', 'boolean', 'date', 'choice', 'multi_choice', 'measure')",
            name=op.f("attribute_definition_kind_check"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "product_type_id"],
            ["product_type.merchant_id", "product_type.id"],
            name=op.f("attribute_definition_merchant_id_product_type_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("attribute_definition_pkey")),
        sa.UniqueConstraint(
            "merchant_id",
            "product_type_id",
            "code",
            name=op.f("attribute_definition_merchant_id_product_type_id_code_key"),
        ),
    )
    op.create_table(
        "channel_account",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("base_url", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="draft", nullable=False),
        sa.Column("credentials", sa.LargeBinary(), nullable=True),
        sa.Column("credentials_tail", sa.Text(), server_default="", nullable=False),
        sa.Column("credentials_changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("price_currency", sa.CHAR(length=3), nullable=False),
        sa.Column("safety_buffer", sa.Integer(), server_default="0", nullable=False),
        sa.Column("sends_stock", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("sends_prices", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("takes_orders_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "state = 'draft' OR tested_at IS NOT NULL", name=op.f("channel_account_tested_first_check")
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'active', 'paused', 'failing')", name=op.f("channel_account_state_check")
        ),
        sa.CheckConstraint("safety_buffer >= 0", name=op.f("channel_account_safety_buffer_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "channel_id"],
            ["sales_channel.merchant_id", "sales_channel.id"],
            name=op.f("channel_account_merchant_id_channel_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("channel_account_pkey")),
        sa.UniqueConstraint("merchant_id", "name", name=op.f("channel_account_merchant_id_name_key")),
    )
    op.create_index(
        op.f("channel_account_merchant_id_channel_id_idx"),
        "channel_account",
        ["merchant_id", "channel_id"],
        unique=False,
    )
    op.create_table(
        "combined_shipment",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("location_id", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "state IN ('open', 'dispatched', 'undone')", name=op.f("combined_shipment_state_check")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "location_id"],
            ["location.merchant_id", "location.id"],
            name=op.f("combined_shipment_merchant_id_location_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("combined_shipment_pkey")),
    )
    op.create_index(
        op.f("combined_shipment_merchant_id_state_id_idx"),
        "combined_shipment",
        ["merchant_id", "state", "id"],
        unique=False,
    )
    op.create_table(
        "customer",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("new_id(now())"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sa.Text(collation="C"), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("name_key", sa.Text(collation="C"), nullable=True),
        sa.Column("company", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("email_key", sa.Text(collation="C"), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("phone_key", sa.Text(collation="C"), nullable=True),
        sa.Column("phone_tail", sa.Text(collation="C"), nullable=True),
        sa.Column("locale", sa.Text(), nullable=True),
        sa.Column("country_code", sa.CHAR(length=2), nullable=True),
        sa.Column("tags", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), server_default="portal", nullable=False),
        sa.Column("state", sa.Text(), server_default="active", nullable=False),
        sa.Column("order_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_order_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("state IN ('active', 'erased', 'merged')", name=op.f("customer_state_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "subject_id"],
            ["data_subject.merchant_id", "data_subject.id"],
            name=op.f("customer_merchant_id_subject_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("customer_pkey")),
        sa.UniqueConstraint("merchant_id", "external_id", name=op.f("customer_merchant_id_external_id_key")),
        sa.UniqueConstraint("merchant_id", "subject_id", name=op.f("customer_merchant_id_subject_id_key")),
    )
    op.create_index(
        op.f("customer_merchant_id_country_code_id_idx"),
        "customer",
        ["merchant_id", "country_code", "id"],
        unique=False,
    )
    op.create_index(
        op.f("customer_merchant_id_email_key_id_idx"),
        "customer",
        ["merchant_id", "email_key", "id"],
        unique=False,
    )
    op.create_index(
        op.f("customer_merchant_id_last_order_at_id_idx"),
        "customer",
        ["merchant_id", "last_order_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("customer_merchant_id_name_key_id_idx"),
        "customer",
        ["merchant_id", "name_key", "id"],
        unique=False,
    )
    op.create_index(
        op.f("customer_merchant_id_phone_key_id_idx"),
        "customer",
        ["merchant_id", "phone_key", "id"],
        unique=False,
    )
    op.create_index(
        op.f("customer_merchant_id_phone_tail_id_idx"),
        "customer",
        ["merchant_id", "phone_tail", "id"],
        unique=False,
    )
    op.create_table(
        "import_change",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("import_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("entity", sa.String(length=40), nullable=False),
        sa.Column("action", sa.String(length=10), nullable=False),
        sa.Column("record_ids", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("version_after", sa.Integer(), nullable=True),
        sa.Column("is_undone", sa.Boolean(), nullable=False),
        sa.CheckConstraint("action IN ('created', 'updated')", name=op.f("import_change_action_known_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "import_id"],
            ["import_run.merchant_id", "import_run.id"],
            name=op.f("import_change_merchant_id_import_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "import_id", "n", name=op.f("import_change_pkey")),
    )
    op.create_table(
        "import_row",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("import_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), nullable=True),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("field", sa.String(length=60), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("subject", sa.String(length=120), nullable=True),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('rejected', 'difference', 'kept')", name=op.f("import_row_outcome_known_check")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "import_id"],
            ["import_run.merchant_id", "import_run.id"],
            name=op.f("import_row_merchant_id_import_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "import_id", "n", name=op.f("import_row_pkey")),
    )
    op.create_table(
        "job_item",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("job_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("state IN ('ok', 'failed')", name=op.f("job_item_state_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "job_id"],
            ["job.merchant_id", "job.id"],
            name=op.f("job_item_merchant_id_job_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "job_id", "key", name=op.f("job_item_pkey")),
    )
    op.create_index(
        op.f("job_item_merchant_id_job_id_state_key_idx"),
        "job_item",
        ["merchant_id", "job_id", "state", "key"],
        unique=False,
    )
    op.create_table(
        "message",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("new_id(now())"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("recipient_masked", sa.Text(), nullable=True),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.Column(
            "attachments", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False
        ),
        sa.Column("subject_id", sa.BigInteger(), nullable=True),
        sa.Column("about_kind", sa.Text(), nullable=True),
        sa.Column("about_id", sa.Text(collation="C"), nullable=True),
        sa.Column("state", sa.Text(), server_default="queued", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("resend_of", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name=op.f("message_sent_at_check")),
        sa.CheckConstraint("state IN ('queued', 'sent', 'failed')", name=op.f("message_state_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "subject_id"],
            ["data_subject.merchant_id", "data_subject.id"],
            name=op.f("message_merchant_id_subject_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("message_pkey")),
    )
    op.create_index(
        "message_about_idx", "message", ["merchant_id", "about_kind", "about_id", "id"], unique=False
    )
    op.create_index("message_state_idx", "message", ["merchant_id", "state", "id"], unique=False)
    op.create_index(
        "message_subject_idx",
        "message",
        ["merchant_id", "subject_id", "id"],
        unique=False,
        postgresql_where=sa.text("subject_id IS NOT NULL"),
    )
    op.create_table(
        "order_ref",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "order_id",
            sa.BigInteger(),
            server_default=sa.text("new_id(now())"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("number", sa.Text(collation="C"), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sa.Text(collation="C"), nullable=True),
        sa.Column("external_key", sa.Text(collation="C"), nullable=True),
        sa.Column("subject_id", sa.BigInteger(), nullable=True),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), server_default="live", nullable=False),
        sa.CheckConstraint("state IN ('live', 'archived')", name=op.f("order_ref_state_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "channel_id"],
            ["sales_channel.merchant_id", "sales_channel.id"],
            name=op.f("order_ref_merchant_id_channel_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "subject_id"],
            ["data_subject.merchant_id", "data_subject.id"],
            name=op.f("order_ref_merchant_id_subject_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "order_id", name=op.f("order_ref_pkey")),
        sa.UniqueConstraint(
            "merchant_id",
            "channel_id",
            "external_id",
            name=op.f("order_ref_merchant_id_channel_id_external_id_key"),
        ),
        sa.UniqueConstraint("merchant_id", "number", name=op.f("order_ref_merchant_id_number_key")),
    )
    op.create_index(
        op.f("order_ref_merchant_id_external_key_idx"),
        "order_ref",
        ["merchant_id", "external_key"],
        unique=False,
    )
    op.create_index(
        op.f("order_ref_merchant_id_subject_id_order_id_idx"),
        "order_ref",
        ["merchant_id", "subject_id", "order_id"],
        unique=False,
    )
    op.create_table(
        "payment_payout",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.Text(collation="C"), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("lines_amount", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("fees_amount", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("line_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("unmatched_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("fetched_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "state IN ('in_transit', 'paid', 'failed')", name=op.f("payment_payout_state_check")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "account_id"],
            ["gateway_account.merchant_id", "gateway_account.id"],
            name=op.f("payment_payout_merchant_id_account_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("payment_payout_pkey")),
        sa.UniqueConstraint(
            "merchant_id",
            "account_id",
            "reference",
            name=op.f("payment_payout_merchant_id_account_id_reference_key"),
        ),
    )
    op.create_index(
        op.f("payment_payout_merchant_id_paid_on_id_idx"),
        "payment_payout",
        ["merchant_id", "paid_on", "id"],
        unique=False,
    )
    op.create_index(
        "payment_payout_unmatched_idx",
        "payment_payout",
        ["merchant_id", "id"],
        unique=False,
        postgresql_where=sa.text("unmatched_count > 0"),
    )
    op.create_table(
        "personal_data_view",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("new_id(now())"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=False),
        sa.Column("case_kind", sa.Text(), server_default="", nullable=False),
        sa.Column("case_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("fields", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("times", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "kind IN ('view', 'reveal', 'export')", name=op.f("personal_data_view_kind_check")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "subject_id"],
            ["data_subject.merchant_id", "data_subject.id"],
            name=op.f("personal_data_view_merchant_id_subject_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("personal_data_view_pkey")),
    )
    op.create_index(
        op.f("personal_data_view_merchant_id_actor_id_last_at_idx"),
        "personal_data_view",
        ["merchant_id", "actor_id", "last_at"],
        unique=False,
    )
    op.create_index(
        op.f("personal_data_view_merchant_id_subject_id_id_idx"),
        "personal_data_view",
        ["merchant_id", "subject_id", "id"],
        unique=False,
    )
    op.create_index(
        "personal_data_view_window_key",
        "personal_data_view",
        ["merchant_id", "actor_id", "subject_id", "case_kind", "case_id", "window_start"],
        unique=True,
        postgresql_where=sa.text("kind = 'view'"),
    )
    op.create_table(
        "pick_list",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("location_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("made_by", sa.BigInteger(), nullable=True),
        sa.Column("wanted", sa.Integer(), server_default="0", nullable=False),
        sa.Column("order_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(state = 'done') = (done_at IS NOT NULL)", name=op.f("pick_list_done_check")),
        sa.CheckConstraint("state IN ('open', 'done', 'cancelled')", name=op.f("pick_list_state_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "location_id"],
            ["location.merchant_id", "location.id"],
            name=op.f("pick_list_merchant_id_location_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("pick_list_pkey")),
        sa.UniqueConstraint("merchant_id", "number", name=op.f("pick_list_merchant_id_number_key")),
    )
    op.create_index(
        op.f("pick_list_merchant_id_location_id_id_idx"),
        "pick_list",
        ["merchant_id", "location_id", "id"],
        unique=False,
    )
    op.create_index(
        op.f("pick_list_merchant_id_state_id_idx"), "pick_list", ["merchant_id", "state", "id"], unique=False
    )
    op.create_table(
        "privacy_legal_hold",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("review_on", sa.Date(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("placed_by", sa.BigInteger(), nullable=False),
        sa.Column("lift_asked_by", sa.BigInteger(), nullable=True),
        sa.Column("lift_asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by", sa.BigInteger(), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "lifted_at IS NULL OR (lift_asked_by IS NOT NULL AND lifted_by IS NOT NULL AND lifted_by <> lift_asked_by)",
            name=op.f("privacy_legal_hold_two_people_lift_check"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "subject_id"],
            ["data_subject.merchant_id", "data_subject.id"],
            name=op.f("privacy_legal_hold_merchant_id_subject_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("privacy_legal_hold_pkey")),
    )
    op.create_index(
        "privacy_legal_hold_active_idx",
        "privacy_legal_hold",
        ["merchant_id", "subject_id"],
        unique=False,
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.create_index(
        op.f("privacy_legal_hold_merchant_id_review_on_id_idx"),
        "privacy_legal_hold",
        ["merchant_id", "review_on", "id"],
        unique=False,
    )
    op.create_table(
        "privacy_request",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(collation="C"), nullable=False),
        sa.Column("law", sa.Text(collation="C"), nullable=False),
        sa.Column("country_code", sa.CHAR(length=2), nullable=True),
        sa.Column("state", sa.Text(collation="C"), server_default="received", nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("extended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("extension_ground", sa.Text(collation="C"), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("alerted_percent", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("identity_state", sa.Text(collation="C"), server_default="open", nullable=False),
        sa.Column("identity_method", sa.Text(collation="C"), nullable=True),
        sa.Column("identity_by", sa.BigInteger(), nullable=True),
        sa.Column("identity_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("requester_id", sa.BigInteger(), nullable=False),
        sa.Column("approver_id", sa.BigInteger(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("preview", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("preview_digest", sa.Text(collation="C"), nullable=True),
        sa.Column("previewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refusal_ground", sa.Text(collation="C"), nullable=True),
        sa.Column("outcome", sa.Text(collation="C"), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        sa.Column("contact_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("note_sealed", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "identity_state IN ('open', 'asked', 'verified', 'not_needed', 'failed')",
            name=op.f("privacy_request_identity_state_check"),
        ),
        sa.CheckConstraint(
            "kind <> 'erasure' OR state NOT IN ('approved', 'running', 'third_parties') OR (approver_id IS NOT NULL AND approved_at IS NOT NULL)",
            name=op.f("privacy_request_approved_check"),
        ),
        sa.CheckConstraint(
            "kind IN ('access', 'erasure', 'rectification', 'restriction', 'objection')",
            name=op.f("privacy_request_kind_check"),
        ),
        sa.CheckConstraint("law IN ('gdpr', 'ccpa')", name=op.f("privacy_request_law_check")),
        sa.CheckConstraint(
            "state <> 'closed' OR outcome IS NOT NULL", name=op.f("privacy_request_outcome_check")
        ),
        sa.CheckConstraint(
            "state <> 'refused' OR refusal_ground IS NOT NULL", name=op.f("privacy_request_refusal_check")
        ),
        sa.CheckConstraint(
            "state IN ('received', 'verified', 'scoped', 'held', 'previewed', 'approved', 'running', 'third_parties', 'answered', 'closed', 'refused')",
            name=op.f("privacy_request_state_check"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('verified', 'scoped', 'held', 'previewed', 'approved', 'running', 'third_parties') OR identity_state = 'verified' OR (identity_state = 'not_needed' AND kind = 'objection')",
            name=op.f("privacy_request_identity_check"),
        ),
        sa.CheckConstraint(
            "approver_id IS NULL OR approver_id <> requester_id", name=op.f("privacy_request_four_eyes_check")
        ),
        sa.CheckConstraint(
            "preview_digest IS NULL OR preview IS NOT NULL", name=op.f("privacy_request_preview_check")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "subject_id"],
            ["data_subject.merchant_id", "data_subject.id"],
            name=op.f("privacy_request_merchant_id_subject_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("privacy_request_pkey")),
    )
    op.create_index(
        op.f("privacy_request_merchant_id_due_on_id_idx"),
        "privacy_request",
        ["merchant_id", "due_on", "id"],
        unique=False,
    )
    op.create_index(
        op.f("privacy_request_merchant_id_state_due_on_id_idx"),
        "privacy_request",
        ["merchant_id", "state", "due_on", "id"],
        unique=False,
    )
    op.create_index(
        op.f("privacy_request_merchant_id_subject_id_idx"),
        "privacy_request",
        ["merchant_id", "subject_id"],
        unique=False,
    )
    op.create_index(
        "privacy_request_open_key",
        "privacy_request",
        ["merchant_id", "subject_id", "kind"],
        unique=True,
        postgresql_where=sa.text("(state NOT IN ('closed', 'refused'))"),
    )
    op.create_table(
        "privacy_retained_record",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("new_id(now())"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("request_id", sa.BigInteger(), nullable=True),
        sa.Column("source_table", sa.Text(collation="C"), nullable=False),
        sa.Column("source_key", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("columns", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("law", sa.Text(collation="C"), nullable=False),
        sa.Column("basis", sa.Text(collation="C"), nullable=False),
        sa.Column("country_code", sa.CHAR(length=2), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("destroyed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id", "subject_id"],
            ["data_subject.merchant_id", "data_subject.id"],
            name=op.f("privacy_retained_record_merchant_id_subject_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("privacy_retained_record_pkey")),
        sa.UniqueConstraint(
            "merchant_id",
            "subject_id",
            "source_table",
            "source_key",
            name="privacy_retained_record_source_key",
        ),
    )
    op.create_index(
        op.f("privacy_retained_record_merchant_id_ends_on_idx"),
        "privacy_retained_record",
        ["merchant_id", "ends_on"],
        unique=False,
        postgresql_where=sa.text("destroyed_at IS NULL"),
    )
    op.create_index(
        op.f("privacy_retained_record_merchant_id_request_id_idx"),
        "privacy_retained_record",
        ["merchant_id", "request_id"],
        unique=False,
    )
    op.create_table(
        "product",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("product_type_id", sa.BigInteger(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("title_key", sa.Text(collation="C"), nullable=False),
        sa.Column("slug", sa.Text(collation="C"), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("vendor", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), server_default="draft", nullable=False),
        sa.Column("tags", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("tax_class", sa.Text(), server_default="standard", nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("external_id", sa.Text(collation="C"), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("state IN ('draft', 'active', 'archived')", name=op.f("product_state_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "product_type_id"],
            ["product_type.merchant_id", "product_type.id"],
            name=op.f("product_merchant_id_product_type_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("product_pkey")),
        sa.UniqueConstraint("merchant_id", "slug", name=op.f("product_merchant_id_slug_key")),
    )
    op.create_index(
        op.f("product_merchant_id_state_id_idx"), "product", ["merchant_id", "state", "id"], unique=False
    )
    op.create_index(
        op.f("product_merchant_id_title_key_id_idx"),
        "product",
        ["merchant_id", "title_key", "id"],
        unique=False,
    )
    op.create_index(
        op.f("product_merchant_id_updated_at_id_idx"),
        "product",
        ["merchant_id", "updated_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("product_merchant_id_vendor_id_idx"), "product", ["merchant_id", "vendor", "id"], unique=False
    )
    op.create_table(
        "refund_limit",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("role_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at_once", sa.Numeric(precision=18, scale=4), nullable=True),
        sa.Column("per_day", sa.Numeric(precision=18, scale=4), nullable=True),
        sa.CheckConstraint("at_once >= 0 AND per_day >= 0", name=op.f("refund_limit_amounts_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "role_id"],
            ["role.merchant_id", "role.id"],
            name=op.f("refund_limit_merchant_id_role_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "role_id", name=op.f("refund_limit_pkey")),
    )
    op.create_table(
        "role_permission",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("role_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("permission", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "role_id"],
            ["role.merchant_id", "role.id"],
            name=op.f("role_permission_merchant_id_role_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "role_id", "permission", name=op.f("role_permission_pkey")),
    )
    op.create_table(
        "routing_rule",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("strategy", sa.Text(), nullable=False),
        sa.Column("location_id", sa.BigInteger(), nullable=True),
        sa.Column("country_codes", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("channel_ids", postgresql.ARRAY(sa.BigInteger()), server_default="{}", nullable=False),
        sa.Column("tag", sa.Text(), nullable=True),
        sa.Column("least_total", sa.Numeric(precision=18, scale=4), nullable=True),
        sa.Column("most_total", sa.Numeric(precision=18, scale=4), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(location_id IS NOT NULL) = (strategy IN ('prefer_location', 'exclude_location'))",
            name=op.f("routing_rule_location_check"),
        ),
        sa.CheckConstraint(
            "strategy IN ('prefer_location', 'same_country', 'fewest_parcels', 'most_stock', 'exclude_location')",
            name=op.f("routing_rule_strategy_check"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "location_id"],
            ["location.merchant_id", "location.id"],
            name=op.f("routing_rule_merchant_id_location_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("routing_rule_pkey")),
    )
    op.create_index(
        op.f("routing_rule_merchant_id_position_id_idx"),
        "routing_rule",
        ["merchant_id", "position", "id"],
        unique=False,
    )
    op.create_table(
        "stock_count",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("location_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("zero_uncounted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("summary", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("reason_id", sa.BigInteger(), nullable=True),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        sa.Column("created_by_id", sa.BigInteger(), nullable=True),
        sa.Column("approved_by_id", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "state IN ('open', 'review', 'applying', 'applied', 'cancelled')",
            name=op.f("stock_count_state_check"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "location_id"],
            ["location.merchant_id", "location.id"],
            name=op.f("stock_count_merchant_id_location_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("stock_count_pkey")),
        sa.UniqueConstraint("merchant_id", "number", name=op.f("stock_count_merchant_id_number_key")),
    )
    op.create_index(
        op.f("stock_count_merchant_id_location_id_id_idx"),
        "stock_count",
        ["merchant_id", "location_id", "id"],
        unique=False,
    )
    op.create_index(
        op.f("stock_count_merchant_id_state_id_idx"),
        "stock_count",
        ["merchant_id", "state", "id"],
        unique=False,
    )
    op.create_table(
        "stock_finding",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("verification_id", sa.BigInteger(), nullable=False),
        sa.Column("variant_id", sa.BigInteger(), nullable=False),
        sa.Column("location_id", sa.BigInteger(), nullable=False),
        sa.Column("slot", sa.SmallInteger(), nullable=True),
        sa.Column("counter", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("level_units", sa.BigInteger(), nullable=False),
        sa.Column("source_units", sa.BigInteger(), nullable=False),
        sa.Column("movement_id", sa.BigInteger(), nullable=True),
        sa.Column("movement_place", sa.Text(), server_default="unknown", nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "movement_place IN ('at', 'after', 'unknown')", name=op.f("stock_finding_movement_place_check")
        ),
        sa.CheckConstraint("state IN ('open', 'repaired', 'gone')", name=op.f("stock_finding_state_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "verification_id"],
            ["stock_verification.merchant_id", "stock_verification.id"],
            name=op.f("stock_finding_merchant_id_verification_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("stock_finding_pkey")),
    )
    op.create_index(
        op.f("stock_finding_merchant_id_verification_id_id_idx"),
        "stock_finding",
        ["merchant_id", "verification_id", "id"],
        unique=False,
    )
    op.create_index(
        "stock_finding_open_idx",
        "stock_finding",
        ["merchant_id", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "stock_receipt_line",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("receipt_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("variant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("good", sa.Integer(), server_default="0", nullable=False),
        sa.Column("damaged", sa.Integer(), server_default="0", nullable=False),
        sa.Column("missing", sa.Integer(), server_default="0", nullable=False),
        sa.Column("extra", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reason_id", sa.BigInteger(), nullable=True),
        sa.Column("unit_cost", sa.Numeric(precision=20, scale=6), nullable=True),
        sa.CheckConstraint(
            "good >= 0 AND damaged >= 0 AND missing >= 0 AND extra >= 0",
            name=op.f("stock_receipt_line_units_check"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "receipt_id"],
            ["stock_receipt.merchant_id", "stock_receipt.id"],
            name=op.f("stock_receipt_line_merchant_id_receipt_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "merchant_id", "receipt_id", "variant_id", name=op.f("stock_receipt_line_pkey")
        ),
    )
    op.create_table(
        "stock_reservation_line",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reservation_id", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("variant_id", sa.BigInteger(), nullable=False),
        sa.Column("location_id", sa.BigInteger(), nullable=False),
        sa.Column("slot", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("stock_reservation_line_quantity_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "reservation_id"],
            ["stock_reservation.merchant_id", "stock_reservation.id"],
            name=op.f("stock_reservation_line_merchant_id_reservation_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "merchant_id", "reservation_id", "n", name=op.f("stock_reservation_line_pkey")
        ),
    )
    op.create_index(
        op.f("stock_reservation_line_merchant_id_variant_id_reservation_id_idx"),
        "stock_reservation_line",
        ["merchant_id", "variant_id", "reservation_id"],
        unique=False,
    )
    op.create_table(
        "stock_transfer",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("from_location_id", sa.BigInteger(), nullable=False),
        sa.Column("to_location_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default="draft", nullable=False),
        sa.Column("expected_on", sa.Date(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "state IN ('draft', 'in_transit', 'partly_received', 'received', 'cancelled')",
            name=op.f("stock_transfer_state_check"),
        ),
        sa.CheckConstraint("from_location_id <> to_location_id", name=op.f("stock_transfer_places_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "from_location_id"],
            ["location.merchant_id", "location.id"],
            name=op.f("stock_transfer_merchant_id_from_location_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "to_location_id"],
            ["location.merchant_id", "location.id"],
            name=op.f("stock_transfer_merchant_id_to_location_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("stock_transfer_pkey")),
        sa.UniqueConstraint("merchant_id", "number", name=op.f("stock_transfer_merchant_id_number_key")),
    )
    op.create_index(
        op.f("stock_transfer_merchant_id_from_location_id_id_idx"),
        "stock_transfer",
        ["merchant_id", "from_location_id", "id"],
        unique=False,
    )
    op.create_index(
        op.f("stock_transfer_merchant_id_state_id_idx"),
        "stock_transfer",
        ["merchant_id", "state", "id"],
        unique=False,
    )
    op.create_index(
        op.f("stock_transfer_merchant_id_to_location_id_id_idx"),
        "stock_transfer",
        ["merchant_id", "to_location_id", "id"],
        unique=False,
    )
    op.create_table(
        "supplier",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(collation="C"), nullable=False),
        sa.Column("contact_name", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("email_key", sa.Text(collation="C"), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("phone_key", sa.Text(collation="C"), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("country_code", sa.CHAR(length=2), nullable=True),
        sa.Column("locale", sa.Text(), server_default="en", nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("lead_days", sa.Integer(), nullable=True),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("lead_days BETWEEN 0 AND 730", name=op.f("supplier_lead_days_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "subject_id"],
            ["data_subject.merchant_id", "data_subject.id"],
            name=op.f("supplier_merchant_id_subject_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("supplier_pkey")),
    )
    op.create_index(
        op.f("supplier_merchant_id_email_key_id_idx"),
        "supplier",
        ["merchant_id", "email_key", "id"],
        unique=False,
    )
    op.create_index(
        op.f("supplier_merchant_id_name_key_id_idx"),
        "supplier",
        ["merchant_id", "name_key", "id"],
        unique=False,
    )
    op.create_index(
        op.f("supplier_merchant_id_subject_id_idx"), "supplier", ["merchant_id", "subject_id"], unique=False
    )
    op.create_table(
        "user_account",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("email", postgresql.CITEXT(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("password_changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.Text(), server_default="active", nullable=False),
        sa.Column("is_operator", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("locale", sa.Text(), nullable=True),
        sa.Column("time_zone", sa.Text(), nullable=True),
        sa.Column("theme", sa.Text(), server_default="auto", nullable=False),
        sa.Column("last_merchant_id", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("state IN ('active', 'deactivated')", name=op.f("user_account_state_check")),
        sa.CheckConstraint("theme IN ('auto', 'light', 'dark')", name=op.f("user_account_theme_check")),
        sa.ForeignKeyConstraint(
            ["last_merchant_id"], ["merchant.id"], name=op.f("user_account_last_merchant_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("user_account_pkey")),
        sa.UniqueConstraint("email", name=op.f("user_account_email_key")),
    )
    op.create_table(
        "channel_delivery",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("new_id(now())"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("items", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failed_items", sa.Integer(), server_default="0", nullable=False),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("duration_ms", sa.Integer(), server_default="0", nullable=False),
        sa.Column("message", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('test', 'orders', 'order', 'products', 'stock_and_price', 'read_back')",
            name=op.f("channel_delivery_kind_check"),
        ),
        sa.CheckConstraint(
            "outcome IN ('ok', 'partial', 'failed', 'unknown', 'throttled')",
            name=op.f("channel_delivery_outcome_check"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "account_id"],
            ["channel_account.merchant_id", "channel_account.id"],
            name=op.f("channel_delivery_merchant_id_account_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("channel_delivery_pkey")),
    )
    op.create_index(
        op.f("channel_delivery_merchant_id_account_id_id_idx"),
        "channel_delivery",
        ["merchant_id", "account_id", "id"],
        unique=False,
    )
    op.create_table(
        "channel_inbound_order",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sa.Text(collation="C"), nullable=False),
        sa.Column("external_number", sa.Text(collation="C"), server_default="", nullable=False),
        sa.Column("external_status", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), server_default="received", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("subject_id", sa.BigInteger(), nullable=True),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.Column("digest", sa.Text(collation="C"), nullable=True),
        sa.Column("modified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("applied_modified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "first_seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('received', 'applied', 'held', 'ignored', 'failed', 'dead')",
            name=op.f("channel_inbound_order_state_check"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "account_id"],
            ["channel_account.merchant_id", "channel_account.id"],
            name=op.f("channel_inbound_order_merchant_id_account_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("channel_inbound_order_merchant_id_order_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "subject_id"],
            ["data_subject.merchant_id", "data_subject.id"],
            name=op.f("channel_inbound_order_merchant_id_subject_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("channel_inbound_order_pkey")),
        sa.UniqueConstraint(
            "merchant_id",
            "account_id",
            "external_id",
            name=op.f("channel_inbound_order_merchant_id_account_id_external_id_key"),
        ),
    )
    op.create_index(
        "channel_inbound_order_due_idx",
        "channel_inbound_order",
        ["merchant_id", "account_id", "next_try_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('received', 'failed')"),
    )
    op.create_index(
        op.f("channel_inbound_order_merchant_id_account_id_state_id_idx"),
        "channel_inbound_order",
        ["merchant_id", "account_id", "state", "id"],
        unique=False,
    )
    op.create_index(
        op.f("channel_inbound_order_merchant_id_order_id_idx"),
        "channel_inbound_order",
        ["merchant_id", "order_id"],
        unique=False,
    )
    op.create_index(
        op.f("channel_inbound_order_merchant_id_subject_id_idx"),
        "channel_inbound_order",
        ["merchant_id", "subject_id"],
        unique=False,
    )
    op.create_table(
        "channel_sync",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("orders_seen_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("polled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pushed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("compared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("compared_items", sa.Integer(), server_default="0", nullable=False),
        sa.Column("compared_orders", sa.Integer(), server_default="0", nullable=False),
        sa.Column("recovered_orders", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "account_id"],
            ["channel_account.merchant_id", "channel_account.id"],
            name=op.f("channel_sync_merchant_id_account_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "account_id", name=op.f("channel_sync_pkey")),
    )
    op.create_table(
        "composed_order",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("new_id(now())"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("subject_id", sa.BigInteger(), nullable=True),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default="draft", nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("tax_inclusive", sa.Boolean(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("company", sa.Text(), nullable=True),
        sa.Column("vat_id", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("line1", sa.Text(), nullable=True),
        sa.Column("line2", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("postcode", sa.Text(), nullable=True),
        sa.Column("country_code", sa.CHAR(length=2), nullable=True),
        sa.Column("delivery", sa.Text(), server_default="ship", nullable=False),
        sa.Column("delivery_location_id", sa.BigInteger(), nullable=True),
        sa.Column("shipping_label", sa.Text(), server_default="Delivery", nullable=False),
        sa.Column("shipping_amount", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("voucher_code", sa.Text(), nullable=True),
        sa.Column("discount_percent", sa.Numeric(precision=7, scale=4), nullable=True),
        sa.Column("discount_amount", sa.Numeric(precision=18, scale=4), nullable=True),
        sa.Column("discount_reason", sa.Text(), nullable=True),
        sa.Column("reserved_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(delivery = 'ship') = (delivery_location_id IS NULL)",
            name=op.f("composed_order_delivery_place_check"),
        ),
        sa.CheckConstraint(
            "(state = 'placed') = (order_id IS NOT NULL)", name=op.f("composed_order_placed_check")
        ),
        sa.CheckConstraint(
            "delivery IN ('ship', 'collect', 'hand_over')", name=op.f("composed_order_delivery_check")
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'placed', 'discarded')", name=op.f("composed_order_state_check")
        ),
        sa.CheckConstraint(
            "discount_percent IS NULL OR discount_amount IS NULL", name=op.f("composed_order_discount_check")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "channel_id"],
            ["sales_channel.merchant_id", "sales_channel.id"],
            name=op.f("composed_order_merchant_id_channel_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "customer_id"],
            ["customer.merchant_id", "customer.id"],
            name=op.f("composed_order_merchant_id_customer_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "delivery_location_id"],
            ["location.merchant_id", "location.id"],
            name=op.f("composed_order_merchant_id_delivery_location_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("composed_order_merchant_id_order_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "subject_id"],
            ["data_subject.merchant_id", "data_subject.id"],
            name=op.f("composed_order_merchant_id_subject_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("composed_order_pkey")),
    )
    op.create_index(
        op.f("composed_order_merchant_id_customer_id_idx"),
        "composed_order",
        ["merchant_id", "customer_id"],
        unique=False,
    )
    op.create_index(
        op.f("composed_order_merchant_id_order_id_idx"),
        "composed_order",
        ["merchant_id", "order_id"],
        unique=False,
    )
    op.create_index(
        op.f("composed_order_merchant_id_state_id_idx"),
        "composed_order",
        ["merchant_id", "state", "id"],
        unique=False,
    )
    op.create_index(
        op.f("composed_order_merchant_id_subject_id_idx"),
        "composed_order",
        ["merchant_id", "subject_id"],
        unique=False,
    )
    op.create_table(
        "consent",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("wording", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "channel IN ('email', 'sms', 'phone', 'post')", name=op.f("consent_channel_check")
        ),
        sa.CheckConstraint("state IN ('granted', 'withdrawn')", name=op.f("consent_state_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "customer_id"],
            ["customer.merchant_id", "customer.id"],
            name=op.f("consent_merchant_id_customer_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("consent_pkey")),
    )
    op.create_index(
        op.f("consent_merchant_id_customer_id_channel_id_idx"),
        "consent",
        ["merchant_id", "customer_id", "channel", "id"],
        unique=False,
    )
    op.create_table(
        "customer_address",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("company", sa.Text(), nullable=True),
        sa.Column("line1", sa.Text(), nullable=True),
        sa.Column("line2", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("postcode", sa.Text(), nullable=True),
        sa.Column("postcode_key", sa.Text(collation="C"), nullable=True),
        sa.Column("country_code", sa.CHAR(length=2), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("is_default", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "customer_id"],
            ["customer.merchant_id", "customer.id"],
            name=op.f("customer_address_merchant_id_customer_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("customer_address_pkey")),
    )
    op.create_index(
        op.f("customer_address_merchant_id_customer_id_idx"),
        "customer_address",
        ["merchant_id", "customer_id"],
        unique=False,
    )
    op.create_index(
        op.f("customer_address_merchant_id_postcode_key_customer_id_idx"),
        "customer_address",
        ["merchant_id", "postcode_key", "customer_id"],
        unique=False,
    )
    op.create_table(
        "invitation",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("email", postgresql.CITEXT(), nullable=False),
        sa.Column("role_id", sa.BigInteger(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("invited_by", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["invited_by"], ["user_account.id"], name=op.f("invitation_invited_by_fkey")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "role_id"],
            ["role.merchant_id", "role.id"],
            name=op.f("invitation_merchant_id_role_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("invitation_pkey")),
        sa.UniqueConstraint("merchant_id", "token_hash", name=op.f("invitation_merchant_id_token_hash_key")),
    )
    op.create_index(
        op.f("invitation_merchant_id_role_id_idx"), "invitation", ["merchant_id", "role_id"], unique=False
    )
    op.create_table(
        "invoice_ref",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("new_id(now())"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(collation="C"), nullable=False),
        sa.Column("series", sa.Text(collation="C"), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("change_n", sa.BigInteger(), nullable=True),
        sa.Column("refers_to_id", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("net_total", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("tax_total", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("total", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.CheckConstraint(
            "(kind = 'credit_note') = (refers_to_id IS NOT NULL)", name=op.f("invoice_ref_refers_to_check")
        ),
        sa.CheckConstraint("kind = 'credit_note' OR change_n IS NULL", name=op.f("invoice_ref_change_check")),
        sa.CheckConstraint("kind IN ('invoice', 'credit_note')", name=op.f("invoice_ref_kind_check")),
        sa.CheckConstraint("fits_minor_units(total, currency)", name=op.f("invoice_ref_minor_units_check")),
        sa.CheckConstraint("sequence > 0", name=op.f("invoice_ref_sequence_check")),
        sa.CheckConstraint("total = net_total + tax_total", name=op.f("invoice_ref_adds_up_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("invoice_ref_merchant_id_order_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "refers_to_id"],
            ["invoice_ref.merchant_id", "invoice_ref.id"],
            name=op.f("invoice_ref_merchant_id_refers_to_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("invoice_ref_pkey")),
        sa.UniqueConstraint("merchant_id", "number", name=op.f("invoice_ref_merchant_id_number_key")),
        sa.UniqueConstraint(
            "merchant_id", "series", "sequence", name=op.f("invoice_ref_merchant_id_series_sequence_key")
        ),
    )
    op.create_index(
        "invoice_ref_change_key",
        "invoice_ref",
        ["merchant_id", "order_id", "change_n"],
        unique=True,
        postgresql_where=sa.text("change_n IS NOT NULL"),
    )
    op.create_index(
        op.f("invoice_ref_merchant_id_kind_id_idx"),
        "invoice_ref",
        ["merchant_id", "kind", "id"],
        unique=False,
    )
    op.create_index(
        op.f("invoice_ref_merchant_id_order_id_id_idx"),
        "invoice_ref",
        ["merchant_id", "order_id", "id"],
        unique=False,
    )
    op.create_index(
        "invoice_ref_refers_to_idx",
        "invoice_ref",
        ["merchant_id", "refers_to_id"],
        unique=False,
        postgresql_where=sa.text("refers_to_id IS NOT NULL"),
    )
    op.create_table(
        "membership",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("role_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default="active", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("state IN ('active', 'deactivated')", name=op.f("membership_state_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "role_id"],
            ["role.merchant_id", "role.id"],
            name=op.f("membership_merchant_id_role_id_fkey"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("membership_user_id_fkey"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("merchant_id", "user_id", name=op.f("membership_pkey")),
    )
    op.create_index(
        op.f("membership_merchant_id_role_id_idx"), "membership", ["merchant_id", "role_id"], unique=False
    )
    op.create_index(op.f("membership_user_id_idx"), "membership", ["user_id"], unique=False)
    op.create_table(
        "order_allocation",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("line_n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("variant_id", sa.BigInteger(), nullable=False),
        sa.Column("location_id", sa.BigInteger(), nullable=False),
        sa.Column("slot", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("order_allocation_quantity_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("order_allocation_merchant_id_order_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "merchant_id",
            "order_id",
            "line_n",
            "variant_id",
            "location_id",
            "slot",
            name=op.f("order_allocation_pkey"),
        ),
        info={"partition_by": "order_id"},
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_index(
        op.f("order_allocation_merchant_id_variant_id_location_id_order_id_idx"),
        "order_allocation",
        ["merchant_id", "variant_id", "location_id", "order_id"],
        unique=False,
    )
    op.create_table(
        "order_assignment",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("order_assignment_merchant_id_order_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "order_id", name=op.f("order_assignment_pkey")),
        info={"partition_by": "order_id"},
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_index(
        op.f("order_assignment_merchant_id_user_id_order_id_idx"),
        "order_assignment",
        ["merchant_id", "user_id", "order_id"],
        unique=False,
    )
    op.create_table(
        "order_change",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.Column("return_n", sa.Integer(), nullable=True),
        sa.Column("charged_delta", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("charged_tax_delta", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("credited_delta", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column(
            "credited_tax_delta", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False
        ),
        sa.Column("refund_amount", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("destination", sa.Text(), nullable=True),
        sa.Column("due_after", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("credit_after", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("approved_by", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('edit', 'cancel', 'refund', 'return', 'exchange', 'claim', 'goodwill')",
            name=op.f("order_change_kind_check"),
        ),
        sa.CheckConstraint(
            "approved_by IS NULL OR approved_by <> actor_id", name=op.f("order_change_second_person_check")
        ),
        sa.CheckConstraint("refund_amount >= 0", name=op.f("order_change_refund_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("order_change_merchant_id_order_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "order_id", "n", name=op.f("order_change_pkey")),
        info={"partition_by": "order_id"},
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_table(
        "order_change_draft",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("proposal", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("seen_version", sa.Integer(), nullable=False),
        sa.Column("refund_amount", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('edit', 'cancel', 'refund', 'return', 'exchange', 'claim', 'goodwill')",
            name=op.f("order_change_draft_kind_check"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'waiting', 'confirmed', 'dropped', 'refused')",
            name=op.f("order_change_draft_state_check"),
        ),
        sa.CheckConstraint(
            "decided_by IS NULL OR decided_by <> actor_id",
            name=op.f("order_change_draft_second_person_check"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("order_change_draft_merchant_id_order_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "order_id", "n", name=op.f("order_change_draft_pkey")),
        info={"partition_by": "order_id"},
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_index(
        "order_change_draft_waiting_idx",
        "order_change_draft",
        ["merchant_id", "order_id"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "order_change_line",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("change_n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("part_n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("added_units", sa.Integer(), server_default="0", nullable=False),
        sa.Column("cancelled_units", sa.Integer(), server_default="0", nullable=False),
        sa.Column("credited_units", sa.Integer(), server_default="0", nullable=False),
        sa.Column("back_units", sa.Integer(), server_default="0", nullable=False),
        sa.Column("fate", sa.Text(), nullable=True),
        sa.Column("unit_price", sa.Numeric(precision=20, scale=6), nullable=True),
        sa.Column("charged_delta", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("charged_tax_delta", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("credited_delta", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column(
            "credited_tax_delta", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False
        ),
        sa.CheckConstraint("part IN ('line', 'charge')", name=op.f("order_change_line_part_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("order_change_line_merchant_id_order_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "merchant_id", "order_id", "change_n", "part", "part_n", name=op.f("order_change_line_pkey")
        ),
        info={"partition_by": "order_id"},
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_table(
        "order_charge",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("discount", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("tax_class", sa.Text(collation="C"), nullable=True),
        sa.Column("tax_rate", sa.Numeric(precision=9, scale=6), server_default="0", nullable=False),
        sa.Column("tax_amount", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("tax_by_rate", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("credited_amount", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("credited_tax", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("source_code", sa.Text(collation="C"), nullable=True),
        sa.CheckConstraint(
            "kind IN ('shipping', 'fee', 'discount', 'adjustment', 'gift', 'donation')",
            name=op.f("order_charge_kind_check"),
        ),
        sa.CheckConstraint(
            "credited_amount BETWEEN least(amount, 0) AND greatest(amount, 0)",
            name=op.f("order_charge_credited_check"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("order_charge_merchant_id_order_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "order_id", "n", name=op.f("order_charge_pkey")),
        info={"partition_by": "order_id"},
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_table(
        "order_contact",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("name_key", sa.Text(collation="C"), nullable=True),
        sa.Column("company", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("email_key", sa.Text(collation="C"), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("phone_key", sa.Text(collation="C"), nullable=True),
        sa.Column("phone_tail", sa.Text(collation="C"), nullable=True),
        sa.Column("line1", sa.Text(), nullable=True),
        sa.Column("line2", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("postcode", sa.Text(), nullable=True),
        sa.Column("postcode_key", sa.Text(collation="C"), nullable=True),
        sa.Column("country_code", sa.CHAR(length=2), nullable=True),
        sa.Column("vat_id", sa.Text(), nullable=True),
        sa.CheckConstraint("kind IN ('buyer', 'shipping', 'billing')", name=op.f("order_contact_kind_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("order_contact_merchant_id_order_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "order_id", "n", name=op.f("order_contact_pkey")),
        info={"partition_by": "order_id"},
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_index(
        op.f("order_contact_merchant_id_email_key_order_id_idx"),
        "order_contact",
        ["merchant_id", "email_key", "order_id"],
        unique=False,
    )
    op.create_index(
        op.f("order_contact_merchant_id_name_key_order_id_idx"),
        "order_contact",
        ["merchant_id", "name_key", "order_id"],
        unique=False,
    )
    op.create_index(
        op.f("order_contact_merchant_id_phone_key_order_id_idx"),
        "order_contact",
        ["merchant_id", "phone_key", "order_id"],
        unique=False,
    )
    op.create_index(
        op.f("order_contact_merchant_id_phone_tail_order_id_idx"),
        "order_contact",
        ["merchant_id", "phone_tail", "order_id"],
        unique=False,
    )
    op.create_index(
        op.f("order_contact_merchant_id_postcode_key_order_id_idx"),
        "order_contact",
        ["merchant_id", "postcode_key", "order_id"],
        unique=False,
    )
    op.create_table(
        "order_contact_log",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "n", sa.BigInteger(), server_default=sa.text("new_id(now())"), autoincrement=False, nullable=False
        ),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("is_incoming", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "way IN ('mail', 'phone', 'chat', 'letter', 'in_store')", name=op.f("order_contact_log_way_check")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("order_contact_log_merchant_id_order_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "order_id", "n", name=op.f("order_contact_log_pkey")),
        info={"partition_by": "order_id"},
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_table(
        "order_discount",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("voucher_id", sa.BigInteger(), nullable=True),
        sa.Column("applies_to", sa.Text(), server_default="goods", nullable=False),
        sa.Column("percent", sa.Numeric(precision=7, scale=4), nullable=True),
        sa.Column("asked_amount", sa.Numeric(precision=18, scale=4), nullable=True),
        sa.Column("amount", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "applies_to IN ('goods', 'shipping')", name=op.f("order_discount_applies_to_check")
        ),
        sa.CheckConstraint("source IN ('voucher', 'staff')", name=op.f("order_discount_source_check")),
        sa.CheckConstraint(
            "(percent IS NULL) <> (asked_amount IS NULL)", name=op.f("order_discount_worth_check")
        ),
        sa.CheckConstraint("amount >= 0", name=op.f("order_discount_amount_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("order_discount_merchant_id_order_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "order_id", "n", name=op.f("order_discount_pkey")),
        info={"partition_by": "order_id"},
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_table(
        "order_document",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "n", sa.BigInteger(), server_default=sa.text("new_id(now())"), autoincrement=False, nullable=False
        ),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("law", sa.Text(collation="C"), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "sealed IS NULL OR (law IS NOT NULL AND ends_on IS NOT NULL)",
            name=op.f("order_document_sealed_until_check"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("order_document_merchant_id_order_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "order_id", "n", name=op.f("order_document_pkey")),
        info={"partition_by": "order_id"},
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_table(
        "order_event",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "n", sa.BigInteger(), server_default=sa.text("new_id(now())"), autoincrement=False, nullable=False
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("order_event_merchant_id_order_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "order_id", "n", name=op.f("order_event_pkey")),
        info={"partition_by": "order_id"},
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_table(
        "order_file",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "n", sa.BigInteger(), server_default=sa.text("new_id(now())"), autoincrement=False, nullable=False
        ),
        sa.Column("file_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("order_file_merchant_id_order_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "order_id", "n", name=op.f("order_file_pkey")),
        info={"partition_by": "order_id"},
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_table(
        "order_fulfilment",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("method", sa.Text(), server_default="ship", nullable=False),
        sa.Column("location_id", sa.BigInteger(), nullable=True),
        sa.Column("carrier", sa.Text(), nullable=True),
        sa.Column("tracking_number", sa.Text(), nullable=True),
        sa.Column("tracking_key", sa.Text(collation="C"), nullable=True),
        sa.Column("tracking_url", sa.Text(), nullable=True),
        sa.Column("label_state", sa.Text(), server_default="none", nullable=False),
        sa.Column("shipment_id", sa.BigInteger(), nullable=True),
        sa.Column("pick_list_id", sa.BigInteger(), nullable=True),
        sa.Column("pickup_code", sa.Text(collation="C"), nullable=True),
        sa.Column("collect_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("packed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ready_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("shipped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "label_state IN ('none', 'made', 'void')", name=op.f("order_fulfilment_label_state_check")
        ),
        sa.CheckConstraint(
            "method IN ('ship', 'collect', 'hand_over')", name=op.f("order_fulfilment_method_check")
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'picking', 'packed', 'ready', 'shipped', 'delivered', 'collected', 'uncollected', 'cancelled')",
            name=op.f("order_fulfilment_state_check"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "location_id"],
            ["location.merchant_id", "location.id"],
            name=op.f("order_fulfilment_merchant_id_location_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("order_fulfilment_merchant_id_order_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "pick_list_id"],
            ["pick_list.merchant_id", "pick_list.id"],
            name=op.f("order_fulfilment_merchant_id_pick_list_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "shipment_id"],
            ["combined_shipment.merchant_id", "combined_shipment.id"],
            name=op.f("order_fulfilment_merchant_id_shipment_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "order_id", "n", name=op.f("order_fulfilment_pkey")),
        info={"partition_by": "order_id"},
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_index(
        "order_fulfilment_collect_idx",
        "order_fulfilment",
        ["merchant_id", "collect_by"],
        unique=False,
        postgresql_where=sa.text("state = 'ready'"),
    )
    op.create_index(
        op.f("order_fulfilment_merchant_id_tracking_key_order_id_idx"),
        "order_fulfilment",
        ["merchant_id", "tracking_key", "order_id"],
        unique=False,
    )
    op.create_index(
        "order_fulfilment_pick_list_idx",
        "order_fulfilment",
        ["merchant_id", "pick_list_id"],
        unique=False,
        postgresql_where=sa.text("pick_list_id IS NOT NULL"),
    )
    op.create_index(
        "order_fulfilment_shipment_idx",
        "order_fulfilment",
        ["merchant_id", "shipment_id"],
        unique=False,
        postgresql_where=sa.text("shipment_id IS NOT NULL"),
    )
    op.create_index(
        "order_fulfilment_state_idx", "order_fulfilment", ["merchant_id", "state", "order_id"], unique=False
    )
    op.create_table(
        "order_fulfilment_line",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("fulfilment_n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("line_n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("order_fulfilment_line_quantity_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("order_fulfilment_line_merchant_id_order_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "merchant_id", "order_id", "fulfilment_n", "line_n", name=op.f("order_fulfilment_line_pkey")
        ),
        info={"partition_by": "order_id"},
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_table(
        "order_hold",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "n", sa.BigInteger(), server_default=sa.text("new_id(now())"), autoincrement=False, nullable=False
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), server_default="by_hand", nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by_kind", sa.Text(), nullable=True),
        sa.Column("ended_by_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("(rule = 'on_date') = (until IS NOT NULL)", name=op.f("order_hold_until_check")),
        sa.CheckConstraint(
            "rule IN ('by_hand', 'on_date', 'when_paid', 'when_in_stock')", name=op.f("order_hold_rule_check")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("order_hold_merchant_id_order_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "order_id", "n", name=op.f("order_hold_pkey")),
        info={"partition_by": "order_id"},
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_index(
        "order_hold_standing_idx",
        "order_hold",
        ["merchant_id", "rule", "until", "order_id"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "order_note",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "n", sa.BigInteger(), server_default=sa.text("new_id(now())"), autoincrement=False, nullable=False
        ),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("is_internal", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("order_note_merchant_id_order_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "order_id", "n", name=op.f("order_note_pkey")),
        info={"partition_by": "order_id"},
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_table(
        "order_payment",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("gateway", sa.Text(), server_default="manual", nullable=False),
        sa.Column("gateway_reference", sa.Text(collation="C"), nullable=True),
        sa.Column("amount", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("captured_amount", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("capture_pending", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("refunded_amount", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("refund_pending", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("disputed_amount", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("gateway_token", sa.Text(collation="C"), nullable=True),
        sa.Column("authorised_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure_code", sa.Text(), nullable=True),
        sa.Column("card_brand", sa.Text(), nullable=True),
        sa.Column("card_last_four", sa.CHAR(length=4), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "state IN ('pending', 'authorised', 'captured', 'failed', 'voided')",
            name=op.f("order_payment_state_check"),
        ),
        sa.CheckConstraint(
            "capture_pending >= 0 AND refund_pending >= 0 AND disputed_amount >= 0",
            name=op.f("order_payment_under_way_check"),
        ),
        sa.CheckConstraint(
            "captured_amount >= 0 AND captured_amount <= amount", name=op.f("order_payment_captured_check")
        ),
        sa.CheckConstraint(
            "fits_minor_units(amount, currency) AND fits_minor_units(captured_amount, currency) AND fits_minor_units(refunded_amount, currency)",
            name=op.f("order_payment_minor_units_check"),
        ),
        sa.CheckConstraint(
            "refunded_amount >= 0 AND refunded_amount <= captured_amount",
            name=op.f("order_payment_refunded_check"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("order_payment_merchant_id_order_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "order_id", "n", name=op.f("order_payment_pkey")),
        info={"partition_by": "order_id"},
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_index(
        op.f("order_payment_merchant_id_gateway_reference_idx"),
        "order_payment",
        ["merchant_id", "gateway_reference"],
        unique=False,
    )
    op.create_table(
        "order_refund",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), server_default="done", nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=True),
        sa.Column("failure_code", sa.Text(), nullable=True),
        sa.Column("payment_n", sa.Integer(), nullable=True),
        sa.Column("change_n", sa.Integer(), nullable=True),
        sa.Column("amount", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("destination", sa.Text(), server_default="payment", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("external_id", sa.Text(collation="C"), nullable=True),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "destination IN ('payment', 'store_credit', 'outside')",
            name=op.f("order_refund_destination_check"),
        ),
        sa.CheckConstraint("state IN ('pending', 'done', 'failed')", name=op.f("order_refund_state_check")),
        sa.CheckConstraint("amount >= 0", name=op.f("order_refund_amount_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("order_refund_merchant_id_order_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "order_id", "n", name=op.f("order_refund_pkey")),
        sa.UniqueConstraint(
            "merchant_id", "order_id", "key", name=op.f("order_refund_merchant_id_order_id_key_key")
        ),
        info={"partition_by": "order_id"},
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_index(
        op.f("order_refund_merchant_id_at_idx"), "order_refund", ["merchant_id", "at"], unique=False
    )
    op.create_index(
        op.f("order_refund_merchant_id_external_id_idx"),
        "order_refund",
        ["merchant_id", "external_id"],
        unique=False,
    )
    op.create_table(
        "order_refund_line",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("refund_n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("line_n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("order_refund_line_merchant_id_order_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "merchant_id", "order_id", "refund_n", "line_n", name=op.f("order_refund_line_pkey")
        ),
        info={"partition_by": "order_id"},
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_table(
        "order_return",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), server_default="return", nullable=False),
        sa.Column("state", sa.Text(), server_default="requested", nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("external_id", sa.Text(collation="C"), nullable=True),
        sa.Column("location_id", sa.BigInteger(), nullable=True),
        sa.Column("tracking_number", sa.Text(), nullable=True),
        sa.Column("exchange_n", sa.Integer(), nullable=True),
        sa.Column("wanted", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("settled_n", sa.Integer(), nullable=True),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refund_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("proof_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "requested_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("shipped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("inspected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "kind IN ('return', 'withdrawal', 'exchange')", name=op.f("order_return_kind_check")
        ),
        sa.CheckConstraint(
            "state IN ('requested', 'approved', 'on_the_way', 'received', 'inspected', 'refunded', 'rejected')",
            name=op.f("order_return_state_check"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "location_id"],
            ["location.merchant_id", "location.id"],
            name=op.f("order_return_merchant_id_location_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("order_return_merchant_id_order_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "order_id", "n", name=op.f("order_return_pkey")),
        info={"partition_by": "order_id"},
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_index(
        "order_return_clock_idx",
        "order_return",
        ["merchant_id", "refund_due_at"],
        unique=False,
        postgresql_where=sa.text("state NOT IN ('refunded', 'rejected')"),
    )
    op.create_index(
        "order_return_state_idx", "order_return", ["merchant_id", "state", "order_id"], unique=False
    )
    op.create_table(
        "order_return_line",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("return_n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("line_n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("received_quantity", sa.Integer(), server_default="0", nullable=False),
        sa.Column("restocked_quantity", sa.Integer(), server_default="0", nullable=False),
        sa.Column("quarantined_quantity", sa.Integer(), server_default="0", nullable=False),
        sa.Column("written_off_quantity", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "quantity > 0 AND restocked_quantity >= 0 AND written_off_quantity >= 0 AND quarantined_quantity >= 0 AND restocked_quantity + written_off_quantity + quarantined_quantity <= received_quantity AND received_quantity <= quantity",
            name=op.f("order_return_line_quantity_check"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("order_return_line_merchant_id_order_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "merchant_id", "order_id", "return_n", "line_n", name=op.f("order_return_line_pkey")
        ),
        info={"partition_by": "order_id"},
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_table(
        "order_tag",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("tag", sa.Text(collation="C"), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("order_tag_merchant_id_order_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "order_id", "tag", name=op.f("order_tag_pkey")),
        info={"partition_by": "order_id"},
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_index(
        op.f("order_tag_merchant_id_tag_order_id_idx"),
        "order_tag",
        ["merchant_id", "tag", "order_id"],
        unique=False,
    )
    op.create_table(
        "password_reset",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("password_reset_user_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("password_reset_pkey")),
    )
    op.create_index(op.f("password_reset_user_id_idx"), "password_reset", ["user_id"], unique=False)
    op.create_table(
        "payment_attempt",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "n", sa.BigInteger(), server_default=sa.text("new_id(now())"), autoincrement=False, nullable=False
        ),
        sa.Column("payment_n", sa.Integer(), nullable=False),
        sa.Column("refund_n", sa.Integer(), nullable=True),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("state", sa.Text(), server_default="started", nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(collation="C"), nullable=True),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("asks", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("called_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_ask_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "action IN ('authorise', 'capture', 'void', 'refund', 'checkout')",
            name=op.f("payment_attempt_action_check"),
        ),
        sa.CheckConstraint(
            "state IN ('started', 'succeeded', 'failed', 'unknown')", name=op.f("payment_attempt_state_check")
        ),
        sa.CheckConstraint("amount >= 0", name=op.f("payment_attempt_amount_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("payment_attempt_merchant_id_order_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "order_id", "n", name=op.f("payment_attempt_pkey")),
        sa.UniqueConstraint(
            "merchant_id", "order_id", "key", name=op.f("payment_attempt_merchant_id_order_id_key_key")
        ),
        info={"partition_by": "order_id"},
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_index(
        "payment_attempt_open_idx",
        "payment_attempt",
        ["merchant_id", "created_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('started', 'unknown')"),
    )
    op.create_table(
        "payment_dispute",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.Text(collation="C"), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("payment_n", sa.Integer(), nullable=True),
        sa.Column("payment_reference", sa.Text(collation="C"), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("fee_amount", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("held_amount", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("state", sa.Text(), server_default="needs_response", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("submission", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "state IN ('needs_response', 'under_review', 'won', 'lost')",
            name=op.f("payment_dispute_state_check"),
        ),
        sa.CheckConstraint(
            "submission IN ('sending', 'sent', 'failed')", name=op.f("payment_dispute_submission_check")
        ),
        sa.CheckConstraint(
            "amount >= 0 AND fee_amount >= 0 AND held_amount >= 0", name=op.f("payment_dispute_amount_check")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "account_id"],
            ["gateway_account.merchant_id", "gateway_account.id"],
            name=op.f("payment_dispute_merchant_id_account_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("payment_dispute_merchant_id_order_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("payment_dispute_pkey")),
        sa.UniqueConstraint(
            "merchant_id",
            "account_id",
            "reference",
            name=op.f("payment_dispute_merchant_id_account_id_reference_key"),
        ),
    )
    op.create_index(
        op.f("payment_dispute_merchant_id_due_at_id_idx"),
        "payment_dispute",
        ["merchant_id", "due_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("payment_dispute_merchant_id_order_id_idx"),
        "payment_dispute",
        ["merchant_id", "order_id"],
        unique=False,
    )
    op.create_index(
        op.f("payment_dispute_merchant_id_state_id_idx"),
        "payment_dispute",
        ["merchant_id", "state", "id"],
        unique=False,
    )
    op.create_table(
        "payment_link",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("payment_n", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("token_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checkout_url", sa.Text(), nullable=True),
        sa.Column("checkout_reference", sa.Text(collation="C"), nullable=True),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'paid', 'expired', 'cancelled')", name=op.f("payment_link_state_check")
        ),
        sa.CheckConstraint(
            "amount > 0 AND fits_minor_units(amount, currency)", name=op.f("payment_link_amount_check")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "account_id"],
            ["gateway_account.merchant_id", "gateway_account.id"],
            name=op.f("payment_link_merchant_id_account_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("payment_link_merchant_id_order_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("payment_link_pkey")),
        sa.UniqueConstraint(
            "merchant_id", "token_hash", name=op.f("payment_link_merchant_id_token_hash_key")
        ),
    )
    op.create_index(
        op.f("payment_link_merchant_id_account_id_idx"),
        "payment_link",
        ["merchant_id", "account_id"],
        unique=False,
    )
    op.create_index(
        op.f("payment_link_merchant_id_order_id_idx"),
        "payment_link",
        ["merchant_id", "order_id"],
        unique=False,
    )
    op.create_index(
        "payment_link_open_idx",
        "payment_link",
        ["merchant_id", "expires_at"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "payment_notice",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("new_id(now())"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.Text(collation="C"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("object_reference", sa.Text(collation="C"), nullable=True),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("times_received", sa.Integer(), server_default="1", nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("body_of_person", sa.LargeBinary(), nullable=True),
        sa.Column("subject_id", sa.BigInteger(), nullable=True),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), server_default="received", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('received', 'applied', 'ignored', 'failed', 'dead')",
            name=op.f("payment_notice_state_check"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "account_id"],
            ["gateway_account.merchant_id", "gateway_account.id"],
            name=op.f("payment_notice_merchant_id_account_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("payment_notice_merchant_id_order_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "subject_id"],
            ["data_subject.merchant_id", "data_subject.id"],
            name=op.f("payment_notice_merchant_id_subject_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("payment_notice_pkey")),
        sa.UniqueConstraint(
            "merchant_id",
            "account_id",
            "event_id",
            name=op.f("payment_notice_merchant_id_account_id_event_id_key"),
        ),
    )
    op.create_index(
        "payment_notice_attention_idx",
        "payment_notice",
        ["merchant_id", "id"],
        unique=False,
        postgresql_where=sa.text("state IN ('failed', 'dead', 'ignored')"),
    )
    op.create_index(
        "payment_notice_due_idx",
        "payment_notice",
        ["merchant_id", "next_try_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('received', 'failed')"),
    )
    op.create_index(
        op.f("payment_notice_merchant_id_order_id_idx"),
        "payment_notice",
        ["merchant_id", "order_id"],
        unique=False,
    )
    op.create_index(
        op.f("payment_notice_merchant_id_received_at_idx"),
        "payment_notice",
        ["merchant_id", "received_at"],
        unique=False,
    )
    op.create_index(
        op.f("payment_notice_merchant_id_subject_id_idx"),
        "payment_notice",
        ["merchant_id", "subject_id"],
        unique=False,
    )
    op.create_table(
        "payment_payout_line",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("payout_id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.Text(collation="C"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("source_reference", sa.Text(collation="C"), nullable=True),
        sa.Column("payment_reference", sa.Text(collation="C"), nullable=True),
        sa.Column("gross", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("fee", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("net", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("state", sa.Text(), server_default="unmatched", nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("payment_n", sa.Integer(), nullable=True),
        sa.Column("refund_n", sa.Integer(), nullable=True),
        sa.Column("expected", sa.Numeric(precision=18, scale=4), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("matched_by", sa.BigInteger(), nullable=True),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('payment', 'refund', 'dispute', 'fee', 'adjustment')",
            name=op.f("payment_payout_line_kind_check"),
        ),
        sa.CheckConstraint(
            "state <> 'matched' OR order_id IS NOT NULL OR kind = 'fee'",
            name=op.f("payment_payout_line_matched_check"),
        ),
        sa.CheckConstraint(
            "state IN ('matched', 'unmatched', 'explained')", name=op.f("payment_payout_line_state_check")
        ),
        sa.CheckConstraint("net = gross - fee", name=op.f("payment_payout_line_net_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("payment_payout_line_merchant_id_order_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "payout_id"],
            ["payment_payout.merchant_id", "payment_payout.id"],
            name=op.f("payment_payout_line_merchant_id_payout_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("payment_payout_line_pkey")),
        sa.UniqueConstraint(
            "merchant_id",
            "payout_id",
            "reference",
            name=op.f("payment_payout_line_merchant_id_payout_id_reference_key"),
        ),
    )
    op.create_index(
        op.f("payment_payout_line_merchant_id_order_id_idx"),
        "payment_payout_line",
        ["merchant_id", "order_id"],
        unique=False,
    )
    op.create_index(
        op.f("payment_payout_line_merchant_id_state_id_idx"),
        "payment_payout_line",
        ["merchant_id", "state", "id"],
        unique=False,
    )
    op.create_table(
        "pick_scan",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("pick_list_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("token", sa.Uuid(), nullable=False),
        sa.Column("line_n", sa.Integer(), nullable=True),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("units", sa.Integer(), server_default="1", nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("by_user", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "pick_list_id"],
            ["pick_list.merchant_id", "pick_list.id"],
            name=op.f("pick_scan_merchant_id_pick_list_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "pick_list_id", "token", name=op.f("pick_scan_pkey")),
    )
    op.create_table(
        "privacy_erasure_certificate",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("request_id", sa.BigInteger(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("map_version", sa.Text(collation="C"), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("signature", sa.Text(collation="C"), nullable=False),
        sa.Column("public_key", sa.Text(collation="C"), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "request_id"],
            ["privacy_request.merchant_id", "privacy_request.id"],
            name=op.f("privacy_erasure_certificate_merchant_id_request_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("privacy_erasure_certificate_pkey")),
        sa.UniqueConstraint(
            "merchant_id", "request_id", name=op.f("privacy_erasure_certificate_merchant_id_request_id_key")
        ),
    )
    op.create_table(
        "privacy_recipient_task",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("request_id", sa.BigInteger(), nullable=False),
        sa.Column("recipient", sa.Text(collation="C"), nullable=False),
        sa.Column("state", sa.Text(collation="C"), server_default="open", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'done', 'failed', 'not_supported', 'verified_absent')",
            name=op.f("privacy_recipient_task_state_check"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "request_id"],
            ["privacy_request.merchant_id", "privacy_request.id"],
            name=op.f("privacy_recipient_task_merchant_id_request_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("privacy_recipient_task_pkey")),
        sa.UniqueConstraint(
            "merchant_id",
            "request_id",
            "recipient",
            name=op.f("privacy_recipient_task_merchant_id_request_id_recipient_key"),
        ),
    )
    op.create_table(
        "privacy_request_event",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("new_id(now())"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("request_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("action", sa.Text(collation="C"), nullable=False),
        sa.Column("actor_kind", sa.Text(collation="C"), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("from_state", sa.Text(collation="C"), nullable=True),
        sa.Column("to_state", sa.Text(collation="C"), nullable=True),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("note_sealed", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id", "request_id"],
            ["privacy_request.merchant_id", "privacy_request.id"],
            name=op.f("privacy_request_event_merchant_id_request_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("privacy_request_event_pkey")),
    )
    op.create_index(
        op.f("privacy_request_event_merchant_id_request_id_id_idx"),
        "privacy_request_event",
        ["merchant_id", "request_id", "id"],
        unique=False,
    )
    op.create_table(
        "privacy_request_subject",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("request_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("subject_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("added_by", sa.BigInteger(), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id", "request_id"],
            ["privacy_request.merchant_id", "privacy_request.id"],
            name=op.f("privacy_request_subject_merchant_id_request_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "subject_id"],
            ["data_subject.merchant_id", "data_subject.id"],
            name=op.f("privacy_request_subject_merchant_id_subject_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "merchant_id", "request_id", "subject_id", name=op.f("privacy_request_subject_pkey")
        ),
    )
    op.create_index(
        op.f("privacy_request_subject_merchant_id_subject_id_idx"),
        "privacy_request_subject",
        ["merchant_id", "subject_id"],
        unique=False,
    )
    op.create_table(
        "product_attribute",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=False),
        sa.Column("attribute_id", sa.BigInteger(), nullable=False),
        sa.Column("text_value", sa.Text(), nullable=True),
        sa.Column("number_value", sa.Numeric(precision=20, scale=6), nullable=True),
        sa.Column("date_value", sa.Date(), nullable=True),
        sa.Column("choice_values", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id", "attribute_id"],
            ["attribute_definition.merchant_id", "attribute_definition.id"],
            name=op.f("product_attribute_merchant_id_attribute_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "product_id"],
            ["product.merchant_id", "product.id"],
            name=op.f("product_attribute_merchant_id_product_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "merchant_id", "product_id", "attribute_id", name=op.f("product_attribute_pkey")
        ),
    )
    op.create_index(
        op.f("product_attribute_merchant_id_attribute_id_number_value_idx"),
        "product_attribute",
        ["merchant_id", "attribute_id", "number_value"],
        unique=False,
    )
    op.create_index(
        "product_attribute_text_idx",
        "product_attribute",
        ["merchant_id", "attribute_id", sa.literal_column("left(text_value, 64)")],
        unique=False,
    )
    op.create_table(
        "product_category",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=False),
        sa.Column("category_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "category_id"],
            ["category.merchant_id", "category.id"],
            name=op.f("product_category_merchant_id_category_id_fkey"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "product_id"],
            ["product.merchant_id", "product.id"],
            name=op.f("product_category_merchant_id_product_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "merchant_id", "product_id", "category_id", name=op.f("product_category_pkey")
        ),
    )
    op.create_index(
        op.f("product_category_merchant_id_category_id_product_id_idx"),
        "product_category",
        ["merchant_id", "category_id", "product_id"],
        unique=False,
    )
    op.create_table(
        "product_option",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "product_id"],
            ["product.merchant_id", "product.id"],
            name=op.f("product_option_merchant_id_product_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("product_option_pkey")),
        sa.UniqueConstraint(
            "merchant_id", "product_id", "name", name=op.f("product_option_merchant_id_product_id_name_key")
        ),
    )
    op.create_table(
        "purchase_order",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("supplier_id", sa.BigInteger(), nullable=False),
        sa.Column("location_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default="draft", nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("expected_on", sa.Date(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mailed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "state IN ('draft', 'ordered', 'partly_received', 'received', 'closed', 'cancelled')",
            name=op.f("purchase_order_state_check"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "location_id"],
            ["location.merchant_id", "location.id"],
            name=op.f("purchase_order_merchant_id_location_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "supplier_id"],
            ["supplier.merchant_id", "supplier.id"],
            name=op.f("purchase_order_merchant_id_supplier_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("purchase_order_pkey")),
        sa.UniqueConstraint("merchant_id", "number", name=op.f("purchase_order_merchant_id_number_key")),
    )
    op.create_index(
        op.f("purchase_order_merchant_id_location_id_id_idx"),
        "purchase_order",
        ["merchant_id", "location_id", "id"],
        unique=False,
    )
    op.create_index(
        op.f("purchase_order_merchant_id_state_id_idx"),
        "purchase_order",
        ["merchant_id", "state", "id"],
        unique=False,
    )
    op.create_index(
        op.f("purchase_order_merchant_id_supplier_id_id_idx"),
        "purchase_order",
        ["merchant_id", "supplier_id", "id"],
        unique=False,
    )
    op.create_table(
        "sales_order",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Text(collation="C"), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("payment_state", sa.Text(), server_default="unpaid", nullable=False),
        sa.Column("fulfilment_state", sa.Text(), server_default="unfulfilled", nullable=False),
        sa.Column("hold_reason", sa.Text(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivery", sa.Text(), server_default="ship", nullable=False),
        sa.Column("delivery_location_id", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("country_code", sa.CHAR(length=2), nullable=True),
        sa.Column("source_country", sa.Text(), nullable=True),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("tax_inclusive", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("tax_treatment", sa.Text(), server_default="channel", nullable=False),
        sa.Column("tax_rounding", sa.Text(), server_default="line", nullable=False),
        sa.Column("shipping_tax", sa.Text(), server_default="own", nullable=False),
        sa.Column("items_total", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("charges_total", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("discount_total", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("tax_total", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("total", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("captured_total", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("refunded_total", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("credited_total", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column(
            "credited_tax_total", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False
        ),
        sa.Column(
            "due_total",
            sa.Numeric(precision=18, scale=4),
            sa.Computed("total - credited_total", persisted=True),
            nullable=False,
        ),
        sa.Column(
            "credit_total",
            sa.Numeric(precision=18, scale=4),
            sa.Computed("captured_total - refunded_total - (total - credited_total)", persisted=True),
            nullable=False,
        ),
        sa.Column("base_currency", sa.CHAR(length=3), nullable=False),
        sa.Column("base_rate", sa.Numeric(precision=20, scale=10), server_default="1", nullable=False),
        sa.Column("base_total", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("line_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("unit_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("import_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "(delivery = 'ship') = (delivery_location_id IS NULL)",
            name=op.f("sales_order_delivery_place_check"),
        ),
        sa.CheckConstraint(
            "delivery IN ('ship', 'collect', 'hand_over')", name=op.f("sales_order_delivery_check")
        ),
        sa.CheckConstraint(
            "fulfilment_state IN ('unfulfilled', 'part_fulfilled', 'fulfilled', 'returned', 'none')",
            name=op.f("sales_order_fulfilment_state_check"),
        ),
        sa.CheckConstraint(
            "payment_state IN ('unpaid', 'authorised', 'part_paid', 'paid', 'part_refunded', 'refunded')",
            name=op.f("sales_order_payment_state_check"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'on_hold', 'closed', 'cancelled')", name=op.f("sales_order_state_check")
        ),
        sa.CheckConstraint(
            "tax_rounding IN ('line', 'total') AND shipping_tax IN ('own', 'proportional')",
            name=op.f("sales_order_tax_rules_check"),
        ),
        sa.CheckConstraint(
            "tax_treatment IN ('channel', 'standard', 'reverse_charge', 'export', 'exempt')",
            name=op.f("sales_order_tax_treatment_check"),
        ),
        sa.CheckConstraint(
            "credited_total BETWEEN least(total, 0) AND greatest(total, 0)",
            name=op.f("sales_order_credited_check"),
        ),
        sa.CheckConstraint(
            "fits_minor_units(total, currency) AND fits_minor_units(captured_total, currency) AND fits_minor_units(refunded_total, currency) AND fits_minor_units(credited_total, currency)",
            name=op.f("sales_order_minor_units_check"),
        ),
        sa.CheckConstraint(
            "refunded_total BETWEEN 0 AND captured_total", name=op.f("sales_order_refunded_check")
        ),
        sa.CheckConstraint(
            "total = items_total + charges_total - discount_total + CASE WHEN tax_inclusive THEN 0 ELSE tax_total END",
            name=op.f("sales_order_adds_up_check"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "channel_id"],
            ["sales_channel.merchant_id", "sales_channel.id"],
            name=op.f("sales_order_merchant_id_channel_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "delivery_location_id"],
            ["location.merchant_id", "location.id"],
            name=op.f("sales_order_merchant_id_delivery_location_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("sales_order_merchant_id_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("sales_order_pkey")),
        info={"partition_by": "id"},
        postgresql_partition_by="RANGE (id)",
    )
    op.create_index(
        "sales_order_credit_idx",
        "sales_order",
        ["merchant_id", "id"],
        unique=False,
        postgresql_where=sa.text("credit_total > 0"),
    )
    op.create_index(
        "sales_order_delivery_idx",
        "sales_order",
        ["merchant_id", "delivery_location_id", "id"],
        unique=False,
        postgresql_where=sa.text("delivery_location_id IS NOT NULL"),
    )
    op.create_index(
        "sales_order_due_idx",
        "sales_order",
        ["merchant_id", "due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        op.f("sales_order_merchant_id_channel_id_id_idx"),
        "sales_order",
        ["merchant_id", "channel_id", "id"],
        unique=False,
    )
    op.create_index(
        op.f("sales_order_merchant_id_country_code_id_idx"),
        "sales_order",
        ["merchant_id", "country_code", "id"],
        unique=False,
    )
    op.create_index(
        op.f("sales_order_merchant_id_customer_id_id_idx"),
        "sales_order",
        ["merchant_id", "customer_id", "id"],
        unique=False,
    )
    op.create_index(
        op.f("sales_order_merchant_id_fulfilment_state_id_idx"),
        "sales_order",
        ["merchant_id", "fulfilment_state", "id"],
        unique=False,
    )
    op.create_index(
        op.f("sales_order_merchant_id_payment_state_id_idx"),
        "sales_order",
        ["merchant_id", "payment_state", "id"],
        unique=False,
    )
    op.create_index(
        op.f("sales_order_merchant_id_state_id_idx"),
        "sales_order",
        ["merchant_id", "state", "id"],
        unique=False,
    )
    op.create_table(
        "saved_view",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("list_key", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("saved_view_user_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("saved_view_pkey")),
        sa.UniqueConstraint(
            "merchant_id",
            "list_key",
            "user_id",
            "name",
            name=op.f("saved_view_merchant_id_list_key_user_id_name_key"),
        ),
    )
    op.create_index(op.f("saved_view_user_id_idx"), "saved_view", ["user_id"], unique=False)
    op.create_table(
        "stock_count_scan",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("token", sa.Uuid(), nullable=False),
        sa.Column("count_id", sa.BigInteger(), nullable=False),
        sa.Column("variant_id", sa.BigInteger(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("book", sa.Integer(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("mode IN ('add', 'set')", name=op.f("stock_count_scan_mode_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "count_id"],
            ["stock_count.merchant_id", "stock_count.id"],
            name=op.f("stock_count_scan_merchant_id_count_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "token", name=op.f("stock_count_scan_pkey")),
    )
    op.create_index(
        op.f("stock_count_scan_merchant_id_count_id_at_idx"),
        "stock_count_scan",
        ["merchant_id", "count_id", "at"],
        unique=False,
    )
    op.create_table(
        "store_credit",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("customer_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("balance", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.CheckConstraint("balance >= 0", name=op.f("store_credit_balance_check")),
        sa.CheckConstraint(
            "fits_minor_units(balance, currency)", name=op.f("store_credit_minor_units_check")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "customer_id"],
            ["customer.merchant_id", "customer.id"],
            name=op.f("store_credit_merchant_id_customer_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "customer_id", "currency", name=op.f("store_credit_pkey")),
    )
    op.create_table(
        "user_session",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("active_merchant_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ip_address", postgresql.INET(), nullable=True),
        sa.Column("user_agent", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["active_merchant_id"], ["merchant.id"], name=op.f("user_session_active_merchant_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("user_session_user_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("user_session_pkey")),
        sa.UniqueConstraint("token_hash", name=op.f("user_session_token_hash_key")),
    )
    op.create_index(op.f("user_session_expires_at_idx"), "user_session", ["expires_at"], unique=False)
    op.create_index(op.f("user_session_user_id_idx"), "user_session", ["user_id"], unique=False)
    op.create_table(
        "variant",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=False),
        sa.Column("sku", sa.Text(collation="C"), nullable=False),
        sa.Column("sku_key", sa.Text(collation="C"), nullable=False),
        sa.Column("barcode", sa.Text(collation="C"), nullable=True),
        sa.Column("barcode_key", sa.Text(collation="C"), nullable=True),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("is_stocked", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("weight_grams", sa.Integer(), nullable=True),
        sa.Column("unit_cost", sa.Numeric(precision=20, scale=6), nullable=True),
        sa.Column("low_stock_threshold", sa.Integer(), nullable=True),
        sa.Column("stock_policy", sa.Text(), server_default="deny", nullable=False),
        sa.Column("backorder_limit", sa.Integer(), nullable=True),
        sa.Column("preorder_until", sa.Date(), nullable=True),
        sa.Column(
            "option_values", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False
        ),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "stock_policy IN ('deny', 'backorder', 'preorder')", name=op.f("variant_stock_policy_check")
        ),
        sa.CheckConstraint("backorder_limit >= 0", name=op.f("variant_backorder_limit_check")),
        sa.CheckConstraint("unit_cost >= 0", name=op.f("variant_cost_check")),
        sa.CheckConstraint("weight_grams >= 0", name=op.f("variant_weight_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "product_id"],
            ["product.merchant_id", "product.id"],
            name=op.f("variant_merchant_id_product_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("variant_pkey")),
        sa.UniqueConstraint("merchant_id", "sku_key", name=op.f("variant_merchant_id_sku_key_key")),
    )
    op.create_index(
        op.f("variant_merchant_id_barcode_key_idx"), "variant", ["merchant_id", "barcode_key"], unique=False
    )
    op.create_index(
        op.f("variant_merchant_id_product_id_position_id_idx"),
        "variant",
        ["merchant_id", "product_id", "position", "id"],
        unique=False,
    )
    op.create_index(
        "variant_threshold_idx",
        "variant",
        ["merchant_id", "id"],
        unique=False,
        postgresql_where=sa.text("low_stock_threshold IS NOT NULL"),
    )
    op.create_table(
        "voucher_use",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("voucher_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("returned_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("voucher_use_merchant_id_order_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "voucher_id"],
            ["voucher.merchant_id", "voucher.id"],
            name=op.f("voucher_use_merchant_id_voucher_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "voucher_id", "order_id", name=op.f("voucher_use_pkey")),
    )
    op.create_index(
        op.f("voucher_use_merchant_id_order_id_idx"), "voucher_use", ["merchant_id", "order_id"], unique=False
    )
    op.create_index(
        op.f("voucher_use_merchant_id_voucher_id_at_idx"),
        "voucher_use",
        ["merchant_id", "voucher_id", "at"],
        unique=False,
    )
    op.create_table(
        "channel_listing",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("variant_id", sa.BigInteger(), nullable=True),
        sa.Column("remote_product_id", sa.BigInteger(), nullable=False),
        sa.Column("remote_variation_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("remote_sku", sa.Text(collation="C"), server_default="", nullable=False),
        sa.Column("remote_sku_key", sa.Text(collation="C"), nullable=True),
        sa.Column("remote_name", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), server_default="unmatched", nullable=False),
        sa.Column("is_paused", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("wanted_version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("wanted_stock", sa.Integer(), nullable=True),
        sa.Column("wanted_price", sa.Numeric(precision=20, scale=6), nullable=True),
        sa.Column("wanted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("sent_stock", sa.Integer(), nullable=True),
        sa.Column("sent_price", sa.Numeric(precision=20, scale=6), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("acknowledged_stock", sa.Integer(), nullable=True),
        sa.Column("acknowledged_price", sa.Numeric(precision=20, scale=6), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("remote_stock", sa.Integer(), nullable=True),
        sa.Column("remote_price", sa.Numeric(precision=20, scale=6), nullable=True),
        sa.Column("remote_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_missing", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint(
            "(variant_id IS NULL) = (state IN ('unmatched', 'ignored'))",
            name=op.f("channel_listing_matched_to_send_check"),
        ),
        sa.CheckConstraint(
            "state IN ('unmatched', 'ignored', 'in_step', 'waiting', 'unknown', 'failed', 'dead')",
            name=op.f("channel_listing_state_check"),
        ),
        sa.CheckConstraint(
            "acknowledged_version <= sent_version AND sent_version <= wanted_version",
            name=op.f("channel_listing_versions_check"),
        ),
        sa.CheckConstraint(
            "wanted_stock >= 0 AND sent_stock >= 0", name=op.f("channel_listing_never_negative_check")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "account_id"],
            ["channel_account.merchant_id", "channel_account.id"],
            name=op.f("channel_listing_merchant_id_account_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "variant_id"],
            ["variant.merchant_id", "variant.id"],
            name=op.f("channel_listing_merchant_id_variant_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("channel_listing_pkey")),
        sa.UniqueConstraint(
            "merchant_id",
            "account_id",
            "remote_product_id",
            "remote_variation_id",
            name=op.f("channel_listing_merchant_id_account_id_remote_product_id_remote_variation_id_key"),
        ),
    )
    op.create_index(
        "channel_listing_check_idx",
        "channel_listing",
        ["merchant_id", "account_id", "check_at"],
        unique=False,
        postgresql_where=sa.text("check_at IS NOT NULL"),
    )
    op.create_index(
        "channel_listing_due_idx",
        "channel_listing",
        ["merchant_id", "account_id", "next_try_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('waiting', 'unknown', 'failed')"),
    )
    op.create_index(
        op.f("channel_listing_merchant_id_account_id_remote_sku_key_idx"),
        "channel_listing",
        ["merchant_id", "account_id", "remote_sku_key"],
        unique=False,
    )
    op.create_index(
        op.f("channel_listing_merchant_id_account_id_state_id_idx"),
        "channel_listing",
        ["merchant_id", "account_id", "state", "id"],
        unique=False,
    )
    op.create_index(
        op.f("channel_listing_merchant_id_variant_id_idx"),
        "channel_listing",
        ["merchant_id", "variant_id"],
        unique=False,
    )
    op.create_table(
        "composed_order_line",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("draft_id", sa.BigInteger(), nullable=False),
        sa.Column("variant_id", sa.BigInteger(), nullable=False),
        sa.Column("sku", sa.Text(collation="C"), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("tax_class", sa.Text(collation="C"), nullable=False),
        sa.Column("is_stocked", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("list_price", sa.Numeric(precision=20, scale=6), nullable=False),
        sa.Column("unit_price", sa.Numeric(precision=20, scale=6), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("quantity > 0", name=op.f("composed_order_line_quantity_check")),
        sa.CheckConstraint(
            "unit_price = list_price OR reason IS NOT NULL", name=op.f("composed_order_line_override_check")
        ),
        sa.CheckConstraint(
            "unit_price >= 0 AND list_price >= 0", name=op.f("composed_order_line_price_check")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "draft_id"],
            ["composed_order.merchant_id", "composed_order.id"],
            name=op.f("composed_order_line_merchant_id_draft_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "variant_id"],
            ["variant.merchant_id", "variant.id"],
            name=op.f("composed_order_line_merchant_id_variant_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("composed_order_line_pkey")),
        sa.UniqueConstraint(
            "merchant_id",
            "draft_id",
            "variant_id",
            name=op.f("composed_order_line_merchant_id_draft_id_variant_id_key"),
        ),
    )
    op.create_index(
        op.f("composed_order_line_merchant_id_variant_id_idx"),
        "composed_order_line",
        ["merchant_id", "variant_id"],
        unique=False,
    )
    op.create_table(
        "hot_variant",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("variant_id", sa.BigInteger(), nullable=False),
        sa.Column("slots", sa.SmallInteger(), nullable=False),
        sa.Column("is_automatic", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("wanted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("slots BETWEEN 2 AND 64", name=op.f("hot_variant_slots_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "variant_id"],
            ["variant.merchant_id", "variant.id"],
            name=op.f("hot_variant_merchant_id_variant_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "variant_id", name=op.f("hot_variant_pkey")),
    )
    op.create_index("hot_variant_wanted_at_idx", "hot_variant", ["wanted_at"], unique=False)
    op.create_table(
        "low_stock_notice",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("variant_id", sa.BigInteger(), nullable=False),
        sa.Column("location_id", sa.BigInteger(), nullable=False),
        sa.Column("minimum", sa.Integer(), nullable=False),
        sa.Column("available", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("mailed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_id", "variant_id"],
            ["variant.merchant_id", "variant.id"],
            name=op.f("low_stock_notice_merchant_id_variant_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("low_stock_notice_pkey")),
    )
    op.create_index(
        "low_stock_notice_open_idx",
        "low_stock_notice",
        ["merchant_id", "variant_id", "location_id"],
        unique=True,
        postgresql_where=sa.text("cleared_at IS NULL"),
    )
    op.create_index(
        "low_stock_notice_unmailed_idx",
        "low_stock_notice",
        ["merchant_id", "id"],
        unique=False,
        postgresql_where=sa.text("mailed_at IS NULL AND cleared_at IS NULL"),
    )
    op.create_table(
        "media",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=False),
        sa.Column("variant_id", sa.BigInteger(), nullable=True),
        sa.Column("storage_key", sa.Text(), nullable=True),
        sa.Column("source_url", sa.Text(), nullable=True),
        sa.Column("content_hash", sa.Text(collation="C"), nullable=True),
        sa.Column("alt_text", sa.Text(), server_default="", nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "storage_key IS NOT NULL OR source_url IS NOT NULL", name=op.f("media_source_check")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "product_id"],
            ["product.merchant_id", "product.id"],
            name=op.f("media_merchant_id_product_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "variant_id"],
            ["variant.merchant_id", "variant.id"],
            name=op.f("media_merchant_id_variant_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("media_pkey")),
    )
    op.create_index(
        op.f("media_merchant_id_product_id_position_idx"),
        "media",
        ["merchant_id", "product_id", "position"],
        unique=False,
    )
    op.create_table(
        "order_line",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("variant_id", sa.BigInteger(), nullable=True),
        sa.Column("sku", sa.Text(collation="C"), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price", sa.Numeric(precision=20, scale=6), nullable=False),
        sa.Column("discount", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("tax_rate", sa.Numeric(precision=9, scale=6), server_default="0", nullable=False),
        sa.Column("tax_amount", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("tax_class", sa.Text(collation="C"), nullable=True),
        sa.Column("list_price", sa.Numeric(precision=20, scale=6), nullable=True),
        sa.Column("shared_discount", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("line_total", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("location_id", sa.BigInteger(), nullable=True),
        sa.Column("allocated_quantity", sa.Integer(), server_default="0", nullable=False),
        sa.Column("promise_state", sa.Text(), server_default="none", nullable=False),
        sa.Column("cancelled_quantity", sa.Integer(), server_default="0", nullable=False),
        sa.Column("fulfilled_quantity", sa.Integer(), server_default="0", nullable=False),
        sa.Column("returned_quantity", sa.Integer(), server_default="0", nullable=False),
        sa.Column("credited_quantity", sa.Integer(), server_default="0", nullable=False),
        sa.Column("credited_amount", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.Column("credited_tax", sa.Numeric(precision=18, scale=4), server_default="0", nullable=False),
        sa.CheckConstraint(
            "promise_state IN ('none', 'pending', 'allocated', 'backordered', 'preordered', 'short')",
            name=op.f("order_line_promise_state_check"),
        ),
        sa.CheckConstraint(
            "allocated_quantity >= 0 AND fulfilled_quantity >= 0 AND returned_quantity >= 0 AND cancelled_quantity >= 0",
            name=op.f("order_line_counters_check"),
        ),
        sa.CheckConstraint(
            "credited_amount BETWEEN least(line_total, 0) AND greatest(line_total, 0)",
            name=op.f("order_line_credited_check"),
        ),
        sa.CheckConstraint(
            "quantity < 0 OR (cancelled_quantity + fulfilled_quantity <= quantity AND returned_quantity <= fulfilled_quantity AND credited_quantity BETWEEN 0 AND fulfilled_quantity)",
            name=op.f("order_line_within_check"),
        ),
        sa.CheckConstraint("quantity <> 0", name=op.f("order_line_quantity_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("order_line_merchant_id_order_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "variant_id"],
            ["variant.merchant_id", "variant.id"],
            name=op.f("order_line_merchant_id_variant_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "order_id", "n", name=op.f("order_line_pkey")),
        info={"partition_by": "order_id"},
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_index(
        op.f("order_line_merchant_id_variant_id_order_id_idx"),
        "order_line",
        ["merchant_id", "variant_id", "order_id"],
        unique=False,
    )
    op.create_index(
        "order_line_waiting_idx",
        "order_line",
        ["merchant_id", "variant_id", "order_id"],
        unique=False,
        postgresql_where=sa.text("promise_state IN ('backordered', 'preordered', 'short')"),
    )
    op.create_table(
        "order_shortfall",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "n", sa.BigInteger(), server_default=sa.text("new_id(now())"), autoincrement=False, nullable=False
        ),
        sa.Column("line_n", sa.Integer(), nullable=False),
        sa.Column("variant_id", sa.BigInteger(), nullable=True),
        sa.Column("sku", sa.Text(collation="C"), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("value", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("way_out", sa.Text(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by_kind", sa.Text(), nullable=True),
        sa.Column("closed_by_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(state = 'open') = (closed_at IS NULL)", name=op.f("order_shortfall_closed_check")
        ),
        sa.CheckConstraint(
            "state IN ('open', 'solved', 'withdrawn')", name=op.f("order_shortfall_state_check")
        ),
        sa.CheckConstraint(
            "way_out IN ('other_location', 'substitute', 'back_order', 'cancelled', 'promised', 'by_itself')",
            name=op.f("order_shortfall_way_out_check"),
        ),
        sa.CheckConstraint("units > 0", name=op.f("order_shortfall_units_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("order_shortfall_merchant_id_order_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "variant_id"],
            ["variant.merchant_id", "variant.id"],
            name=op.f("order_shortfall_merchant_id_variant_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "order_id", "n", name=op.f("order_shortfall_pkey")),
        info={"partition_by": "order_id"},
        postgresql_partition_by="RANGE (order_id)",
    )
    op.create_index(
        op.f("order_shortfall_merchant_id_variant_id_order_id_idx"),
        "order_shortfall",
        ["merchant_id", "variant_id", "order_id"],
        unique=False,
    )
    op.create_index(
        "order_shortfall_open_idx",
        "order_shortfall",
        ["merchant_id", "order_id", "line_n"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "order_shortfall_state_idx", "order_shortfall", ["merchant_id", "state", "n"], unique=False
    )
    op.create_table(
        "payment_dispute_file",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("dispute_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("file_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "dispute_id"],
            ["payment_dispute.merchant_id", "payment_dispute.id"],
            name=op.f("payment_dispute_file_merchant_id_dispute_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "file_id"],
            ["stored_file.merchant_id", "stored_file.id"],
            name=op.f("payment_dispute_file_merchant_id_file_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("payment_dispute_file_merchant_id_order_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("payment_dispute_file_pkey")),
    )
    op.create_index(
        op.f("payment_dispute_file_merchant_id_dispute_id_idx"),
        "payment_dispute_file",
        ["merchant_id", "dispute_id"],
        unique=False,
    )
    op.create_index(
        op.f("payment_dispute_file_merchant_id_file_id_idx"),
        "payment_dispute_file",
        ["merchant_id", "file_id"],
        unique=False,
    )
    op.create_index(
        op.f("payment_dispute_file_merchant_id_order_id_idx"),
        "payment_dispute_file",
        ["merchant_id", "order_id"],
        unique=False,
    )
    op.create_table(
        "pick_line",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("pick_list_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("fulfilment_n", sa.Integer(), nullable=False),
        sa.Column("line_n", sa.Integer(), nullable=False),
        sa.Column("variant_id", sa.BigInteger(), nullable=False),
        sa.Column("sku", sa.Text(collation="C"), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("picked", sa.Integer(), server_default="0", nullable=False),
        sa.Column("short", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint("picked + short <= wanted", name=op.f("pick_line_within_check")),
        sa.CheckConstraint(
            "wanted > 0 AND picked >= 0 AND short >= 0", name=op.f("pick_line_counters_check")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("pick_line_merchant_id_order_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "pick_list_id"],
            ["pick_list.merchant_id", "pick_list.id"],
            name=op.f("pick_line_merchant_id_pick_list_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "variant_id"],
            ["variant.merchant_id", "variant.id"],
            name=op.f("pick_line_merchant_id_variant_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "pick_list_id", "n", name=op.f("pick_line_pkey")),
    )
    op.create_index(
        op.f("pick_line_merchant_id_order_id_idx"), "pick_line", ["merchant_id", "order_id"], unique=False
    )
    op.create_index(
        op.f("pick_line_merchant_id_pick_list_id_variant_id_n_idx"),
        "pick_line",
        ["merchant_id", "pick_list_id", "variant_id", "n"],
        unique=False,
    )
    op.create_index(
        op.f("pick_line_merchant_id_variant_id_idx"), "pick_line", ["merchant_id", "variant_id"], unique=False
    )
    op.create_table(
        "price",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("variant_id", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("amount", sa.Numeric(precision=20, scale=6), nullable=False),
        sa.Column("compare_at", sa.Numeric(precision=20, scale=6), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("amount >= 0", name=op.f("price_amount_check")),
        sa.CheckConstraint("compare_at IS NULL OR compare_at >= amount", name=op.f("price_compare_at_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "variant_id"],
            ["variant.merchant_id", "variant.id"],
            name=op.f("price_merchant_id_variant_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("price_pkey")),
        sa.UniqueConstraint(
            "merchant_id", "variant_id", "currency", name=op.f("price_merchant_id_variant_id_currency_key")
        ),
    )
    op.create_table(
        "product_option_value",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("option_id", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "option_id"],
            ["product_option.merchant_id", "product_option.id"],
            name=op.f("product_option_value_merchant_id_option_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("product_option_value_pkey")),
        sa.UniqueConstraint(
            "merchant_id",
            "option_id",
            "value",
            name=op.f("product_option_value_merchant_id_option_id_value_key"),
        ),
    )
    op.create_table(
        "purchase_order_line",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("purchase_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("variant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("supplier_sku", sa.Text(collation="C"), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_cost", sa.Numeric(precision=20, scale=6), nullable=True),
        sa.Column("received", sa.Integer(), server_default="0", nullable=False),
        sa.Column("damaged", sa.Integer(), server_default="0", nullable=False),
        sa.Column("waived", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "quantity >= 0 AND received >= 0 AND damaged >= 0 AND waived >= 0",
            name=op.f("purchase_order_line_units_check"),
        ),
        sa.CheckConstraint("unit_cost >= 0", name=op.f("purchase_order_line_cost_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "purchase_id"],
            ["purchase_order.merchant_id", "purchase_order.id"],
            name=op.f("purchase_order_line_merchant_id_purchase_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "variant_id"],
            ["variant.merchant_id", "variant.id"],
            name=op.f("purchase_order_line_merchant_id_variant_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "merchant_id", "purchase_id", "variant_id", name=op.f("purchase_order_line_pkey")
        ),
    )
    op.create_index(
        op.f("purchase_order_line_merchant_id_variant_id_purchase_id_idx"),
        "purchase_order_line",
        ["merchant_id", "variant_id", "purchase_id"],
        unique=False,
    )
    op.create_table(
        "replenishment_rule",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("variant_id", sa.BigInteger(), nullable=False),
        sa.Column("location_id", sa.BigInteger(), nullable=False),
        sa.Column("minimum", sa.Integer(), nullable=False),
        sa.Column("maximum", sa.Integer(), nullable=False),
        sa.Column("lead_days", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("lead_days BETWEEN 0 AND 730", name=op.f("replenishment_rule_lead_days_check")),
        sa.CheckConstraint("minimum >= 0 AND maximum > minimum", name=op.f("replenishment_rule_units_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "location_id"],
            ["location.merchant_id", "location.id"],
            name=op.f("replenishment_rule_merchant_id_location_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "variant_id"],
            ["variant.merchant_id", "variant.id"],
            name=op.f("replenishment_rule_merchant_id_variant_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("replenishment_rule_pkey")),
        sa.UniqueConstraint(
            "merchant_id",
            "variant_id",
            "location_id",
            name=op.f("replenishment_rule_merchant_id_variant_id_location_id_key"),
        ),
    )
    op.create_index(
        op.f("replenishment_rule_merchant_id_location_id_id_idx"),
        "replenishment_rule",
        ["merchant_id", "location_id", "id"],
        unique=False,
    )
    op.create_table(
        "saved_view_role",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("view_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("role_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id", "role_id"],
            ["role.merchant_id", "role.id"],
            name=op.f("saved_view_role_merchant_id_role_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "view_id"],
            ["saved_view.merchant_id", "saved_view.id"],
            name=op.f("saved_view_role_merchant_id_view_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "view_id", "role_id", name=op.f("saved_view_role_pkey")),
    )
    op.create_index(
        op.f("saved_view_role_merchant_id_role_id_idx"),
        "saved_view_role",
        ["merchant_id", "role_id"],
        unique=False,
    )
    op.create_table(
        "stock_count_line",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("count_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("variant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("counted", sa.Integer(), nullable=False),
        sa.Column("book", sa.Integer(), nullable=False),
        sa.Column("book_last", sa.Integer(), nullable=False),
        sa.Column("variance", sa.Integer(), sa.Computed("counted - book", persisted=True), nullable=False),
        sa.Column("scans", sa.Integer(), server_default="1", nullable=False),
        sa.Column("is_excluded", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "begun_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "counted_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("short_units", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint("counted >= 0", name=op.f("stock_count_line_counted_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "count_id"],
            ["stock_count.merchant_id", "stock_count.id"],
            name=op.f("stock_count_line_merchant_id_count_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "variant_id"],
            ["variant.merchant_id", "variant.id"],
            name=op.f("stock_count_line_merchant_id_variant_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "count_id", "variant_id", name=op.f("stock_count_line_pkey")),
        sa.UniqueConstraint("merchant_id", "id", name=op.f("stock_count_line_merchant_id_id_key")),
    )
    op.create_index(
        op.f("stock_count_line_merchant_id_count_id_id_idx"),
        "stock_count_line",
        ["merchant_id", "count_id", "id"],
        unique=False,
    )
    op.create_index(
        op.f("stock_count_line_merchant_id_count_id_variance_id_idx"),
        "stock_count_line",
        ["merchant_id", "count_id", "variance", "id"],
        unique=False,
    )
    op.create_table(
        "stock_draft_scan",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("token", sa.Uuid(), nullable=False),
        sa.Column("paper_kind", sa.Text(), nullable=False),
        sa.Column("paper_id", sa.BigInteger(), nullable=False),
        sa.Column("variant_id", sa.BigInteger(), nullable=False),
        sa.Column("scanned", sa.Integer(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "paper_kind IN ('transfer', 'purchase')", name=op.f("stock_draft_scan_paper_kind_check")
        ),
        sa.CheckConstraint("scanned > 0 AND units > 0", name=op.f("stock_draft_scan_units_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "variant_id"],
            ["variant.merchant_id", "variant.id"],
            name=op.f("stock_draft_scan_merchant_id_variant_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "token", name=op.f("stock_draft_scan_pkey")),
    )
    op.create_index(
        op.f("stock_draft_scan_merchant_id_paper_kind_paper_id_at_idx"),
        "stock_draft_scan",
        ["merchant_id", "paper_kind", "paper_id", "at"],
        unique=False,
    )
    op.create_table(
        "stock_level",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("variant_id", sa.BigInteger(), nullable=False),
        sa.Column("location_id", sa.BigInteger(), nullable=False),
        sa.Column("slot", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("on_hand", sa.Integer(), server_default="0", nullable=False),
        sa.Column("allocated", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reserved", sa.Integer(), server_default="0", nullable=False),
        sa.Column("unavailable", sa.Integer(), server_default="0", nullable=False),
        sa.Column("damaged", sa.Integer(), server_default="0", nullable=False),
        sa.Column("incoming", sa.Integer(), server_default="0", nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("damaged BETWEEN 0 AND unavailable", name=op.f("stock_level_damaged_check")),
        sa.CheckConstraint(
            "on_hand - allocated - reserved - unavailable >= 0", name=op.f("stock_level_available_check")
        ),
        sa.CheckConstraint(
            "on_hand >= 0 AND allocated >= 0 AND reserved >= 0 AND unavailable >= 0 AND incoming >= 0",
            name=op.f("stock_level_counters_check"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "location_id"],
            ["location.merchant_id", "location.id"],
            name=op.f("stock_level_merchant_id_location_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "variant_id"],
            ["variant.merchant_id", "variant.id"],
            name=op.f("stock_level_merchant_id_variant_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "merchant_id", "variant_id", "location_id", "slot", name=op.f("stock_level_pkey")
        ),
        sa.UniqueConstraint("merchant_id", "id", name=op.f("stock_level_merchant_id_id_key")),
    )
    op.create_index(
        op.f("stock_level_merchant_id_location_id_variant_id_idx"),
        "stock_level",
        ["merchant_id", "location_id", "variant_id"],
        unique=False,
    )
    op.create_table(
        "stock_transfer_line",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("transfer_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("variant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("received", sa.Integer(), server_default="0", nullable=False),
        sa.Column("damaged", sa.Integer(), server_default="0", nullable=False),
        sa.Column("missing", sa.Integer(), server_default="0", nullable=False),
        sa.Column("extra", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "quantity >= 0 AND received >= 0 AND damaged >= 0 AND missing >= 0 AND extra >= 0 AND received + damaged + missing <= quantity",
            name=op.f("stock_transfer_line_units_check"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "transfer_id"],
            ["stock_transfer.merchant_id", "stock_transfer.id"],
            name=op.f("stock_transfer_line_merchant_id_transfer_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "variant_id"],
            ["variant.merchant_id", "variant.id"],
            name=op.f("stock_transfer_line_merchant_id_variant_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "merchant_id", "transfer_id", "variant_id", name=op.f("stock_transfer_line_pkey")
        ),
    )
    op.create_index(
        op.f("stock_transfer_line_merchant_id_variant_id_transfer_id_idx"),
        "stock_transfer_line",
        ["merchant_id", "variant_id", "transfer_id"],
        unique=False,
    )
    op.create_table(
        "store_credit_entry",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "id",
            sa.BigInteger(),
            server_default=sa.text("new_id(now())"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("balance_after", sa.Numeric(precision=18, scale=4), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('given', 'refunded', 'spent', 'returned', 'corrected')",
            name=op.f("store_credit_entry_kind_check"),
        ),
        sa.CheckConstraint(
            "amount <> 0 AND balance_after >= 0", name=op.f("store_credit_entry_amount_check")
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "customer_id", "currency"],
            ["store_credit.merchant_id", "store_credit.customer_id", "store_credit.currency"],
            name=op.f("store_credit_entry_merchant_id_customer_id_currency_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "order_id"],
            ["order_ref.merchant_id", "order_ref.order_id"],
            name=op.f("store_credit_entry_merchant_id_order_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("store_credit_entry_pkey")),
        sa.UniqueConstraint("merchant_id", "token", name=op.f("store_credit_entry_merchant_id_token_key")),
    )
    op.create_index(
        op.f("store_credit_entry_merchant_id_customer_id_currency_id_idx"),
        "store_credit_entry",
        ["merchant_id", "customer_id", "currency", "id"],
        unique=False,
    )
    op.create_index(
        op.f("store_credit_entry_merchant_id_order_id_idx"),
        "store_credit_entry",
        ["merchant_id", "order_id"],
        unique=False,
    )
    op.create_table(
        "supplier_item",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("supplier_id", sa.BigInteger(), nullable=False),
        sa.Column("variant_id", sa.BigInteger(), nullable=False),
        sa.Column("supplier_sku", sa.Text(collation="C"), nullable=True),
        sa.Column("unit_cost", sa.Numeric(precision=20, scale=6), nullable=True),
        sa.Column("pack_size", sa.Integer(), server_default="1", nullable=False),
        sa.Column("minimum_quantity", sa.Integer(), server_default="1", nullable=False),
        sa.Column("lead_days", sa.Integer(), nullable=True),
        sa.Column("is_preferred", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("lead_days BETWEEN 0 AND 730", name=op.f("supplier_item_lead_days_check")),
        sa.CheckConstraint(
            "pack_size >= 1 AND minimum_quantity >= 1", name=op.f("supplier_item_quantities_check")
        ),
        sa.CheckConstraint("unit_cost >= 0", name=op.f("supplier_item_cost_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "supplier_id"],
            ["supplier.merchant_id", "supplier.id"],
            name=op.f("supplier_item_merchant_id_supplier_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "variant_id"],
            ["variant.merchant_id", "variant.id"],
            name=op.f("supplier_item_merchant_id_variant_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=op.f("supplier_item_pkey")),
        sa.UniqueConstraint(
            "merchant_id",
            "supplier_id",
            "variant_id",
            name=op.f("supplier_item_merchant_id_supplier_id_variant_id_key"),
        ),
    )
    op.create_index(
        op.f("supplier_item_merchant_id_variant_id_supplier_id_idx"),
        "supplier_item",
        ["merchant_id", "variant_id", "supplier_id"],
        unique=False,
    )
    op.create_index(
        "supplier_item_preferred_idx",
        "supplier_item",
        ["merchant_id", "variant_id"],
        unique=True,
        postgresql_where=sa.text("is_preferred"),
    )
    op.create_table(
        "variant_component",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bundle_id", sa.BigInteger(), nullable=False),
        sa.Column("component_id", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.CheckConstraint("bundle_id <> component_id", name=op.f("variant_component_itself_check")),
        sa.CheckConstraint("quantity BETWEEN 1 AND 10000", name=op.f("variant_component_quantity_check")),
        sa.ForeignKeyConstraint(
            ["merchant_id", "bundle_id"],
            ["variant.merchant_id", "variant.id"],
            name=op.f("variant_component_merchant_id_bundle_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["merchant_id", "component_id"],
            ["variant.merchant_id", "variant.id"],
            name=op.f("variant_component_merchant_id_component_id_fkey"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint(
            "merchant_id", "bundle_id", "component_id", name=op.f("variant_component_pkey")
        ),
    )
    op.create_index(
        op.f("variant_component_merchant_id_component_id_bundle_id_idx"),
        "variant_component",
        ["merchant_id", "component_id", "bundle_id"],
        unique=False,
    )
    # ### end Alembic commands ###
    protect_tenant_tables(TENANT)
    grant(READ_AND_WRITTEN)
    grant(APPEND_ONLY, privileges="SELECT, INSERT")
    grant(SHARED, privileges="SELECT")
    run_functions(
        "accounts",
        "audit",
        "channels",
        "fulfilment",
        "jobs",
        "lookup",
        "outbox",
        "partitions",
        "payments",
        "placement",
        "privacy",
        "reservations",
        "stock",
    )
    op.execute("SELECT ensure_partitions_ahead()")


def downgrade() -> None:
    raise NotImplementedError("There is nothing before the first release; restore a backup instead.")
