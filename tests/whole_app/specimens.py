"""A row of every kind that an address can name, made straight in the database by its administrator.

The rows need not make sense to the business: they are there to be found by a stranger. Foreign keys are switched off
while they are made, so that one row needs no other.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from portal.core.database import Base
from tests.support.databases import MadeDatabase, at_database

# Which table a parameter of an address names, and the column when it is not the key. A new parameter needs a line here.
TABLES: Final = {
    "role_id": "role",
    "invitation_id": "invitation",
    "customer_id": "customer",
    "address_id": "customer_address",
    "request_id": "privacy_request",
    "hold_id": "privacy_legal_hold",
    "record_id": "privacy_retained_record",
    "subject_id": "data_subject",
    "task_id": "privacy_recipient_task",
    "view_id": "saved_view",
    "product_id": "product",
    "variant_id": "variant",
    "category_id": "category",
    "media_id": "media",
    "type_id": "product_type",
    "location_id": "location",
    "job_id": "job",
    "message_id": "message",
    "import_id": "import_run",
    "account_id": "channel_account",
    "order_id": "order_ref",
    "key_id": "api_key",
    "draft_id": "composed_order",
    "line_id": "composed_order_line",
    "rate_id": "tax_rate",
    "voucher_id": "voucher",
    "user_id": "membership",
    "entry_id": "audit_entry",
    "file_id": "stored_file",
    "channel_id": "sales_channel",
    "attribute_id": "attribute_definition",
    "reason_id": "stock_reason",
    "verification_id": "stock_verification",
    "finding_id": "stock_finding",
    "transfer_id": "stock_transfer",
    "supplier_id": "supplier",
    "supplier_item_id": "supplier_item",
    "purchase_id": "purchase_order",
    "count_id": "stock_count",
    "rule_id": "replenishment_rule",
    "reservation_id": "stock_reservation",
    "routing_rule_id": "routing_rule",
    "number": "order_ref.number",
    "inbound_id": "channel_inbound_order",
    "gateway_id": "gateway_account",
    "link_id": "payment_link",
    "dispute_id": "payment_dispute",
    "paper_id": "payment_dispute_file",
    "payout_id": "payment_payout",
    "payout_line_id": "payment_payout_line",
    "notice_id": "payment_notice",
    "listing_id": "channel_listing",
    "list_id": "pick_list",
    "template_id": "letter_template",
    "document_id": "invoice_ref",
}

# Parameters that name no row of a merchant, and why.
NO_ROW: Final = {
    "token": "random, and hashed where it is kept",
    "merchant_id": "names a merchant; test_sign_in tries strangers",
    "size": "of a picture",
    "basket": "a program's own word for what it keeps; one channel's words are not another's",
    "parcel": "counts inside an order",
    "case_n": "counts inside an order",
    "contact_n": "counts inside an order",
    "file_n": "counts inside an order",
    "hold_n": "counts inside an order",
    "line_n": "counts inside a pick list",
    "shipment_id": "tried inside an order, by its parcels",
    "n": "counts inside an order",
    "payment": "counts inside an order",
    "refund": "counts inside an order",
    "return_n": "counts inside an order",
    "session_id": "belongs to the person; test_person tries strangers",
    "counter": "names a figure that every level has",
    "list_key": "names a list that every merchant has",
}

# What a check between columns asks for beyond the columns that are needed.
ASKED_FOR: Final[dict[str, dict[str, Any]]] = {
    "invoice_ref": {"kind": "invoice", "currency": "EUR", "net_total": 1, "tax_total": 1, "total": 2},
    "media": {"source_url": "https://example.com/a-picture.png"},
    "tax_rate": {"country_code": "GB"},
    "voucher": {"percent": 10},
    "replenishment_rule": {"maximum": 2},
    "stock_transfer": {"from_location_id": 1, "to_location_id": 2},
    "routing_rule": {"strategy": "fewest_parcels"},
}


def insert_specimen(database: MadeDatabase, named: str, merchant_id: int) -> Any:
    """Put one row of *merchant_id* into a table; returns what addresses name it by."""
    table_name, _, column_name = named.partition(".")
    table = Base.metadata.tables[table_name]
    key = [column.name for column in table.primary_key.columns if column.name != "merchant_id"]
    values = (
        {"merchant_id": merchant_id}
        | {
            column.name: _value(table, column)
            for column in table.columns
            if column.name != "merchant_id" and _is_needed(column)
        }
        | ASKED_FOR.get(table_name, {})
    )
    statement = sa.insert(table).values(values).returning(table.c[column_name or key[0]])
    engine = sa.create_engine(
        at_database(database.admin_url, database.name).replace("postgresql://", "postgresql+psycopg://"),
        poolclass=sa.NullPool,
    )
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        return connection.execute(statement).scalar_one()


def _is_needed(column: sa.Column[Any]) -> bool:
    if column.identity is not None or column.computed is not None or column.default is not None:
        return False
    return (
        column.primary_key
        and column.server_default is None
        or (not column.nullable and column.server_default is None)
    )


def _value(table: sa.Table, column: sa.Column[Any]) -> Any:
    allowed = _first_allowed(table, column.name)
    if allowed is not None:
        return allowed
    kind = column.type
    if isinstance(kind, sa.Boolean):
        return False
    if isinstance(kind, (sa.Integer, sa.Numeric)):
        return 1
    if isinstance(kind, sa.DateTime):
        return dt.datetime.now(dt.UTC)
    if isinstance(kind, sa.Date):
        return dt.datetime.now(dt.UTC).date()
    if isinstance(kind, sa.LargeBinary):
        return uuid.uuid4().bytes * 2
    if isinstance(kind, postgresql.JSONB):
        return {}
    if isinstance(kind, postgresql.ARRAY):
        return []
    return f"needle-{uuid.uuid4().hex[:8]}"[: getattr(kind, "length", None)]


def _first_allowed(table: sa.Table, column: str) -> str | None:
    for constraint in table.constraints:
        if isinstance(constraint, sa.CheckConstraint):
            text = str(constraint.sqltext.compile(compile_kwargs={"literal_binds": True}))
            found = re.search(rf"\b{column} IN \('([^']+)'", text) or re.search(
                rf"\b{column} = '([^']+)'", text
            )
            if found:
                return found[1]
    return None
