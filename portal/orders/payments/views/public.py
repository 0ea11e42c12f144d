"""What the outside may open: the page of a payment link, and the address that gateways tell their news to."""

from __future__ import annotations

from flask import Response, abort, request
from flask.typing import ResponseReturnValue

from portal.accounts.access import public_route
from portal.accounts.models import Merchant
from portal.core.csrf import csrf
from portal.core.database import db, merchant_scope
from portal.core.errors import ConflictError, NotFoundError
from portal.core.http import public_link, render
from portal.orders.gateways.base import SignatureError
from portal.orders.models import Order
from portal.orders.payments import links, notices
from portal.orders.payments.views.blueprint import bp


@bp.get("/pay/<string:token>")
@public_route("whoever has the link may pay; it names an amount and a shop, and no person")
def pay_page(token: str) -> Response:
    with merchant_scope(_merchant_of(token)):
        return _pay_page(token)


@bp.post("/pay/<string:token>")
@public_route("whoever has the link may pay; the gateway's page asks for the card")
def open_checkout(token: str) -> ResponseReturnValue:
    with merchant_scope(_merchant_of(token)):
        link_id = links.link_of_token(token).id
        try:
            url = links.open_checkout(link_id, public_link(f"/pay/{token}"))
        except ConflictError as error:
            db.session.rollback()
            return _pay_page(token, status=error.status, problem=error.message)
        answer = render("orders/payments/leaving.html", url=url)
        answer.headers["Refresh"] = f"0; url={url}"
        return answer


@bp.post("/webhooks/payments/<string:token>")
@public_route("gateways sign what they send; the signature is checked before anything is kept")
def take_notice(token: str) -> ResponseReturnValue:
    """Store and answer; a worker does the rest."""
    merchant_id = notices.merchant_of_token(token)
    if merchant_id is None:
        abort(404)
    body = request.get_data(cache=False) if (request.content_length or 0) <= notices.LARGEST else b""
    with merchant_scope(merchant_id):
        try:
            account = notices.account_of_token(token)
            notices.receive(account, body, dict(request.headers))
        except NotFoundError:
            return Response(status=404)
        except SignatureError:
            return Response(status=400)
        db.session.commit()
    return Response(status=204)


# No browser and no cookie is in play here, so there is nothing to forge.
csrf.exempt(take_notice)


def _pay_page(token: str, *, status: int = 200, problem: str | None = None) -> Response:
    link = links.link_of_token(token)
    order = db.session.get(Order, (link.merchant_id, link.order_id))
    shop = db.session.get_one(Merchant, link.merchant_id).name
    # A buyer comes back here from the gateway before its notice has been applied.
    is_back = link.checkout_reference is not None and link.state == "open"
    return render(
        "orders/payments/pay.html", link=link, token=token, shop=shop, order_number=order.number if order else None,
        is_open=links.is_usable(link), is_back=is_back, status=status, problem=problem,
    )  # fmt: skip


def _merchant_of(token: str) -> int:
    merchant_id = links.merchant_of_token(token)
    if merchant_id is None:
        abort(404)
    return merchant_id
