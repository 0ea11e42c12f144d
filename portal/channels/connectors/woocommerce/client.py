"""The calls of the WooCommerce REST API v3 that a sync needs."""

from __future__ import annotations

import base64
import datetime as dt
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import structlog

from portal.channels.connectors.base import (
    ChannelError,
    InboundOrder,
    MappingError,
    OrderStub,
    RemoteItem,
    RemoteKey,
    Update,
    UpdateResult,
)
from portal.channels.connectors.woocommerce import mapping
from portal.channels.connectors.woocommerce.failures import failure_of_answer, failure_of_item
from portal.channels.outbound import (
    AddressRefusedError,
    Answer,
    NoAnswerError,
    Outbound,
    UnreachableError,
)

log = structlog.get_logger(__name__)

API: Final = "/wp-json/wc/v3/"
PAGE: Final = 100
ORDER_PAGE: Final = 50
PAGE_LIMIT: Final = 10_000
ITEM_FIELDS: Final = "id,type,sku,name,manage_stock,stock_quantity,regular_price,variations,attributes"


@dataclass(frozen=True, slots=True)
class WooCommerce:
    """One shop. `key` and `secret` are the consumer key pair the shop's owner made for us."""

    base_url: str
    key: str
    secret: str
    outbound: Outbound
    batch_size: int = PAGE

    def test(self) -> str:
        """Read an order and write nothing: an empty batch is refused without the right to write."""
        self._get("orders", per_page=1, _fields="id")
        self._get("products", per_page=1, _fields="id")
        self._call("POST", "products/batch", body={"update": []})
        return "The shop answers, and the keys may read and write."

    def items(self) -> Iterator[RemoteItem]:
        """Simple products and variations; a product with variations is not itself on sale."""
        for page in self._pages(
            "products", per_page=PAGE, orderby="id", order="asc", status="any", _fields=ITEM_FIELDS
        ):
            for product in page:
                if product.get("type") == "variable":
                    yield from self._variations(product)
                elif product.get("type") in ("simple", None):
                    yield from _items([product])

    def _variations(self, product: Mapping[str, Any]) -> Iterator[RemoteItem]:
        path = f"products/{int(product['id'])}/variations"
        for page in self._pages(path, per_page=PAGE, orderby="id", order="asc", _fields=ITEM_FIELDS):
            yield from _items(page, parent=product)

    def read(self, keys: Sequence[RemoteKey]) -> dict[RemoteKey, RemoteItem]:
        """Ask for exactly these; used when the end of a call is not known."""
        found: dict[RemoteKey, RemoteItem] = {}
        for product_id, ids in _by_parent(keys).items():
            path = f"products/{product_id}/variations" if product_id else "products"
            parent = {"id": product_id, "name": ""} if product_id else None
            for start in range(0, len(ids), PAGE):
                query = {
                    "include": ",".join(map(str, ids[start : start + PAGE])),
                    "per_page": PAGE,
                    "_fields": ITEM_FIELDS,
                }
                try:
                    rows = self._get(path, **query)[0]
                except ChannelError as error:
                    if error.kind == "gone":
                        continue
                    raise
                found |= {item.key: item for item in _items(rows, parent=parent)}
        return found

    def send(self, updates: Sequence[Update]) -> list[UpdateResult]:
        """One batch for the simple products and one for each product with variations."""
        results: list[UpdateResult] = []
        by_key = {update.key: update for update in updates}
        stopped: ChannelError | None = None
        for product_id, ids in _by_parent(list(by_key)).items():
            keys = [RemoteKey(product_id, i) if product_id else RemoteKey(i) for i in ids]
            if stopped is not None:
                results += [UpdateResult(key, stopped) for key in keys]
                continue
            path = f"products/{product_id}/variations/batch" if product_id else "products/batch"
            results += self._send_apart(path, [by_key[key] for key in keys])
            error = results[-1].error
            stopped = error if error is not None and error.is_about_the_account else None
        return results

    def _send_apart(self, path: str, updates: list[Update]) -> list[UpdateResult]:
        """Send together; when the shop refuses the whole, halve it until the one that hurts stands alone."""
        try:
            return self._send_batch(path, updates)
        except ChannelError as caught:
            error = caught
            if error.kind == "server" and not self._is_alive():
                error = ChannelError("down", error.message, status=error.status)
            if error.is_about_the_account or error.kind == "unknown" or len(updates) == 1:
                return [UpdateResult(update.key, error) for update in updates]
        middle = len(updates) // 2
        return self._send_apart(path, updates[:middle]) + self._send_apart(path, updates[middle:])

    def _send_batch(self, path: str, updates: list[Update]) -> list[UpdateResult]:
        body = {"update": [mapping.update(update) for update in updates]}
        answer, _ = self._call("POST", path, body=body)
        rows = answer.get("update") if isinstance(answer, dict) else None
        if not isinstance(rows, list):
            raise ChannelError("unknown", "The shop took the batch and did not say what became of it.")
        answered = {
            row["id"]: row for row in rows if isinstance(row, dict) and isinstance(row.get("id"), int)
        }
        return [
            UpdateResult(update.key, failure_of_item(answered.get(mapping.own_id(update.key))))
            for update in updates
        ]

    def _is_alive(self) -> bool:
        try:
            self._get("products", per_page=1, _fields="id")
        except ChannelError:
            return False
        return True

    def order_pages(self, since: dt.datetime | None) -> Iterator[list[dict[str, Any]]]:
        """Walk by the time of change, not by page number: an order that changes meanwhile moves to the end, and with
        page numbers another would slip through the gap. Only orders of one same second are paged."""
        position, page = since, 1
        for _ in range(PAGE_LIMIT):
            rows, _total = self._get("orders", **_order_query(position), page=page, per_page=ORDER_PAGE)
            if rows:
                yield rows
            if len(rows) < ORDER_PAGE:
                return
            position, page = _further(rows, position, page)

    def order_stubs(self, since: dt.datetime) -> Iterator[OrderStub]:
        """The same walk without the persons."""
        position: dt.datetime | None = since
        page = 1
        for _ in range(PAGE_LIMIT):
            query = _order_query(position) | {"_fields": "id,date_modified_gmt"}
            rows, _total = self._get("orders", **query, page=page, per_page=PAGE)
            yield from _stubs(rows)
            if len(rows) < PAGE:
                return
            position, page = _further(rows, position, page)

    def order(self, external_id: str) -> dict[str, Any] | None:
        """The truth about one order, or None when it is deleted."""
        if not external_id.isdecimal():
            return None
        try:
            answer, _ = self._call("GET", f"orders/{external_id}")
        except ChannelError as error:
            if error.kind == "gone":
                return None
            raise
        if not isinstance(answer, dict):
            raise ChannelError("server", "The shop answered with something that is no order.")
        return answer

    def parse_order(self, document: dict[str, Any]) -> InboundOrder:
        """See the mapping."""
        return mapping.order(document)

    def identify(self, document: dict[str, Any]) -> OrderStub:
        """See the mapping."""
        return mapping.stub(document)

    def _pages(self, path: str, **query: Any) -> Iterator[list[dict[str, Any]]]:
        page, pages = 1, 1
        while page <= min(pages, PAGE_LIMIT):
            rows, pages = self._get(path, **query, page=page)
            yield rows
            page += 1

    def _get(self, path: str, **query: Any) -> tuple[list[dict[str, Any]], int]:
        rows, headers = self._call("GET", path, query=query)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ChannelError("server", "The shop answered with something that is no list.")
        pages = headers.get("x-wp-totalpages", "1")
        return rows, int(pages) if pages.isdecimal() else 1

    def _call(
        self, method: str, path: str, *, query: Mapping[str, Any] | None = None, body: Any = None
    ) -> tuple[Any, Mapping[str, str]]:
        url = self.base_url.rstrip("/") + API + path + (f"?{urlencode(query)}" if query else "")
        token = base64.b64encode(f"{self.key}:{self.secret}".encode()).decode("ascii")
        headers = {"Authorization": f"Basic {token}", "Accept": "application/json"}
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        answer = self._answer(method, url, headers, data)
        try:
            return json.loads(answer.body, parse_float=str), answer.headers
        except (ValueError, RecursionError) as error:
            raise ChannelError(
                "unknown" if method != "GET" else "server", "The shop sent something that is not JSON."
            ) from error

    def _answer(self, method: str, url: str, headers: Mapping[str, str], data: bytes | None) -> Answer:
        try:
            answer = self.outbound.call(method, url, headers, data)
        except AddressRefusedError as error:
            raise ChannelError("address", str(error)) from error
        except UnreachableError as error:
            raise ChannelError("unreachable", str(error)) from error
        except NoAnswerError as error:
            raise ChannelError("unreachable" if method == "GET" else "unknown", str(error)) from error
        failure = failure_of_answer(answer, writing=method != "GET")
        if failure is not None:
            raise failure
        return answer


def _items(rows: list[dict[str, Any]], parent: Mapping[str, Any] | None = None) -> Iterator[RemoteItem]:
    """Articles that can be named; one without an id can be neither matched nor sent, and stops no other."""
    for row in rows:
        try:
            yield mapping.item(row, parent=parent)
        except MappingError as error:
            log.warning("channel.article_unreadable", reason=str(error))


def _stubs(rows: list[dict[str, Any]]) -> Iterator[OrderStub]:
    for row in rows:
        try:
            yield mapping.stub(row)
        except MappingError as error:
            log.warning("channel.order_unreadable", reason=str(error))


def _further(rows: list[dict[str, Any]], position: dt.datetime | None, page: int) -> tuple[dt.datetime, int]:
    """Where to go on after a full page: from its newest change, or to the next page of the same second."""
    newest = max((stub.modified_at for stub in _stubs(rows)), default=None)
    if newest is None:
        raise ChannelError("server", "The shop answered with orders that have no number or time.")
    return (newest, page + 1) if newest == position else (newest, 1)


def _order_query(since: dt.datetime | None) -> dict[str, Any]:
    query: dict[str, Any] = {"orderby": "modified", "order": "asc", "dates_are_gmt": "true", "status": "any"}
    if since is not None:
        # The shop's "after" leaves the instant itself out; an order of the same second may still be unread.
        query["modified_after"] = f"{since - dt.timedelta(seconds=1):%Y-%m-%dT%H:%M:%S}"
    return query


def _by_parent(keys: Sequence[RemoteKey]) -> dict[int, list[int]]:
    """Own ids grouped under the product that holds them; 0 holds the simple products."""
    groups: dict[int, list[int]] = {}
    for key in keys:
        groups.setdefault(key.product_id if key.variation_id else 0, []).append(mapping.own_id(key))
    return groups


def is_consumer_key(text: str) -> bool:
    """Whether a text looks like the key WooCommerce gives out."""
    return re.fullmatch(r"c[ks]_[0-9a-zA-Z]{8,64}", text) is not None
