"""The list of customers. Who they are is masked: a list is no case."""

from __future__ import annotations

from flask import url_for

from portal.accounts.forms import country_choices
from portal.core.listing import ChoiceFilter, Column, DateFilter, Listing, NumberFilter, Sort, TextFilter
from portal.core.normalise import email_key, full_name_key
from portal.core.subjects import is_unrestricted
from portal.customers.models import Customer

_customer = Customer.__table__.c

CUSTOMERS = Listing(
    key="customers",
    title="Customers",
    permission="customers.view",
    noun=("customer", "customers"),
    source=Customer.__table__,
    tenant=_customer.merchant_id,
    row_key=_customer.id,
    always=lambda: [is_unrestricted(_customer.subject_id)],
    default_sort="-since",
    columns=[
        Column("name", "Name", _customer.name, personal="name"),
        Column("email", "E-mail", _customer.email, personal="email", card=1),
        Column("phone", "Phone", _customer.phone, personal="phone", default=False),
        Column("country", "Country", _customer.country_code, kind="code", card=2),
        Column("orders", "Orders", _customer.order_count, kind="number", card=3),
        Column(
            "last_order",
            "Last order",
            _customer.last_order_at,
            kind="time",
            sort=Sort(
                _customer.last_order_at, index="customer_merchant_id_last_order_at_id_idx", nullable=True
            ),
        ),
        Column(
            "since",
            "Since",
            _customer.created_at,
            kind="time",
            sort=Sort(_customer.id, index="customer_pkey", alone=True),
        ),
        Column("state", "State", _customer.state, kind="state", badge="customer", default=False),
        Column("source", "Source", _customer.source, default=False),
    ],
    filters=[
        TextFilter(
            key="email",
            label="E-mail",
            expression=_customer.email_key,
            normalise=email_key,
            personal=True,
            index="customer_merchant_id_email_key_id_idx",
        ),
        TextFilter(
            key="name",
            label="Name",
            expression=_customer.name_key,
            normalise=full_name_key,
            personal=True,
            index="customer_merchant_id_name_key_id_idx",
        ),
        ChoiceFilter(
            key="country",
            label="Country",
            expression=_customer.country_code,
            index="customer_merchant_id_country_code_id_idx",
            options=lambda: [(choice.value, choice.label) for choice in country_choices()],
        ),
        DateFilter(
            key="last_order",
            label="Last order",
            expression=_customer.last_order_at,
            index="customer_merchant_id_last_order_at_id_idx",
        ),
        NumberFilter(key="orders", label="Orders", expression=_customer.order_count),
        ChoiceFilter(
            key="state",
            label="State",
            expression=_customer.state,
            options=[("active", "Active"), ("erased", "Erased"), ("merged", "Merged")],
        ),
    ],
    link=lambda row: url_for("customers.customer", customer_id=row["row_key"]),
    quick=lambda text: _customer.email_key == email_key(text),
    quick_label="E-mail",
)
