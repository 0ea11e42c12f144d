"""``/api/v1/orders``."""

from __future__ import annotations

import json
from typing import Any, Final

import flask
from flask import Response, current_app, request, url_for

from portal.accounts.access import public_route, requires_scope
from portal.accounts.api_access import current_caller
from portal.core.api import PREFIX, Blueprint, document
from portal.core.database import db
from portal.core.errors import NotFoundError
from portal.core.idempotency import Answer, claim, fingerprint_of, remember
from portal.core.ids import parse_public_id, public_id
from portal.orders.api.placing import order_from
from portal.orders.api.reading import order_document, orders_before
from portal.orders.api.schemas import (
    IdempotencySchema,
    NewOrderSchema,
    OrderPageSchema,
    OrderQuerySchema,
    OrderSchema,
)
from portal.orders.placement import place_order

described: Final = flask.Blueprint("api", __name__, url_prefix=PREFIX)
bp: Final = Blueprint("api_orders", __name__, url_prefix=PREFIX, description="Orders of the merchant")


@described.get("/openapi.json")
@public_route("the description of the API holds nothing of any merchant")
def openapi() -> dict[str, Any]:
    return document(current_app)


@bp.post("/orders")
@bp.doc(summary="Place an order", security=[{"key": ["orders.write"]}])
@bp.arguments(IdempotencySchema, location="headers")
@bp.arguments(NewOrderSchema)
@bp.response(201, OrderSchema)
@requires_scope("orders.write")
def place_new_order(headers: dict[str, Any], sent: dict[str, Any]) -> Response:
    """The same key with the same body is one order and one answer, however often and at once it is sent."""
    caller = current_caller()
    owner, key = f"api-key:{caller.key_id}", headers["idempotency_key"]
    known = claim(owner, key, fingerprint_of(request.method, request.path, request.get_data()))
    if known is not None:
        db.session.rollback()
        return _answered(known)
    placed = place_order(order_from(sent, caller), by=caller.actor)
    body = json.dumps(order_document(placed.order_id, caller.channel_id), ensure_ascii=False).encode()
    location = url_for("api_orders.read_order", order_id=placed.order_id)
    made = Answer(201 if placed.is_new else 200, body, location)
    remember(owner, key, made)
    db.session.commit()
    return _answered(made)


@bp.get("/orders/<public_id(ord):order_id>")
@bp.doc(summary="Read an order", security=[{"key": ["orders.read"]}])
@bp.response(200, OrderSchema)
@requires_scope("orders.read")
def read_order(order_id: int) -> dict[str, Any]:
    """A key that speaks for a channel reads the orders of that channel."""
    found = order_document(order_id, current_caller().channel_id)
    if found is None:
        raise NotFoundError("There is no such order.")
    return found


@bp.get("/orders")
@bp.doc(summary="List orders", security=[{"key": ["orders.read"]}])
@bp.arguments(OrderQuerySchema, location="query")
@bp.response(200, OrderPageSchema)
@requires_scope("orders.read")
def list_orders(asked: dict[str, Any]) -> dict[str, Any]:
    """Newest first. Send ``next_cursor`` as ``cursor`` for the page after."""
    cursor = parse_public_id("cur", asked["cursor"]) if asked["cursor"] else None
    page, further = orders_before(
        cursor,
        limit=asked["limit"],
        channel_id=current_caller().channel_id,
        state=asked["state"],
        placed_after=asked["placed_after"],
        external_id=asked["external_id"],
    )
    return {"orders": page, "next_cursor": public_id("cur", further) if further is not None else None}


def _answered(made: Answer) -> Response:
    response = Response(made.body, made.status, content_type="application/json")
    if made.address:
        response.headers["Location"] = made.address
    return response
