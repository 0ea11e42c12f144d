"""The list of vouchers."""

from __future__ import annotations

from portal.core.listing import ChoiceFilter, Column, Listing, Sort, link_to
from portal.core.normalise import code_key
from portal.orders.models import Voucher
from portal.orders.vouchers.services import KINDS

_voucher = Voucher.__table__.c

VOUCHERS = Listing(
    key="vouchers",
    title="Vouchers",
    permission="orders.view",
    noun=("voucher", "vouchers"),
    source=Voucher.__table__,
    tenant=_voucher.merchant_id,
    row_key=_voucher.id,
    default_sort="-made",
    columns=[
        Column("code", "Code", _voucher.code, kind="code"),
        Column("kind", "Gives", _voucher.kind, names=lambda: list(KINDS.items()), card=1),
        Column("percent", "Per cent", _voucher.percent, kind="number"),
        Column("amount", "Amount", _voucher.amount, kind="money", currency="currency"),
        Column("used", "Used", _voucher.used_count, kind="number", card=2),
        Column("limit", "At most", _voucher.usage_limit, kind="number"),
        Column("ends", "Ends", _voucher.ends_at, kind="time", card=3),
        Column(
            "made",
            "Made",
            _voucher.created_at,
            kind="time",
            default=False,
            sort=Sort(_voucher.id, index="voucher_pkey", alone=True),
        ),
    ],
    hidden={"currency": _voucher.currency},
    filters=[
        ChoiceFilter(key="kind", label="Gives", expression=_voucher.kind, options=list(KINDS.items())),
    ],
    quick=lambda text: _voucher.code_key == (code_key(text) or ""),
    quick_label="Code",
    link=link_to("vouchers.edit_voucher", "voucher_id", "row_key"),
    empty=(
        "A voucher takes something off an order whose buyer knows its code.",
        "vouchers.new_voucher",
        "Add voucher",
    ),
)
