"""What gateways told us: the list, one notice, and trying one again."""

from __future__ import annotations

import json

from flask import Response, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import can, get_or_404, requires
from portal.core.database import db
from portal.core.http import render, see_other, toast
from portal.core.listing import show_list
from portal.orders.models import OrderRef, PaymentNotice
from portal.orders.payments import accounts, notices
from portal.orders.payments.listings import NOTICES
from portal.orders.payments.views.blueprint import bp


@bp.get("/payments/notices")
@requires("orders.view")
def notice_list() -> ResponseReturnValue:
    return show_list(NOTICES, "orders/payments/notices.html")


@bp.get("/payments/notices/<int:notice_id>")
@requires("orders.view")
def notice(notice_id: int) -> Response:
    found = get_or_404(PaymentNotice, notice_id)
    row = notices.notice_of(notice_id)
    number = db.session.get(OrderRef, (found.merchant_id, found.order_id)) if found.order_id else None
    return render(
        "orders/payments/notice.html", notice=found, account=accounts.account_of(found.account_id),
        number=number.number if number else None, body=_pretty(notices.body_of(row)) if can("orders.edit") else None,
    )  # fmt: skip


@bp.post("/payments/notices/<int:notice_id>/again")
@requires("orders.edit")
def try_notice(notice_id: int) -> ResponseReturnValue:
    get_or_404(PaymentNotice, notice_id)
    notices.try_now(notice_id)
    db.session.commit()
    toast("It is being tried again.")
    return see_other(url_for("payments.notice", notice_id=notice_id))


def _pretty(body: str | None) -> str | None:
    if body is None:
        return None
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body
