"""Forms as a browser fills them in, sent by two clicks at once and once more afterwards: each makes one thing."""

from __future__ import annotations

import datetime as dt
import io
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.accounts.models import ApiKey, Invitation, Role
from portal.accounts.roles import role_by_key
from portal.catalog.models import AttributeDefinition, Category, Price, Product, ProductType, Variant
from portal.catalog.product_types import create_type
from portal.catalog.services import create_product
from portal.channels.models import ChannelAccount
from portal.core.clock import utc_now
from portal.core.database import Base, db, merchant_scope
from portal.core.jobs import Job
from portal.core.mail import Message
from portal.core.once import FIELD
from portal.core.views_model import SavedView
from portal.customers.models import Consent, Customer, CustomerAddress
from portal.customers.services import create_customer
from portal.imports.models import Import
from portal.orders.models import (
    ComposedOrder,
    LetterTemplate,
    OrderChangeDraft,
    OrderContactLog,
    OrderFile,
    OrderFulfilment,
    OrderHold,
    OrderNote,
    OrderPayment,
    PickList,
    SalesChannel,
    TaxRate,
    Voucher,
)
from portal.privacy.models import LegalHold, PrivacyRequest
from portal.stock.models import (
    Location,
    PurchaseOrder,
    ReplenishmentRule,
    RoutingRule,
    StockCount,
    StockReason,
    Supplier,
)
from portal.stock.purchasing.suppliers import add_supplier
from tests.support.client import HouseClient
from tests.support.people import SYSTEM, make_merchant, make_person, sign_in
from tests.support.shop import Shop, open_shop

SENT = 3


@dataclass(frozen=True)
class Form:
    """A form on a page, what is typed into it, and what it makes. Names in braces are of the shop."""

    page: str
    action: str
    makes: type[Base]
    typed: dict[str, str] = field(default_factory=dict)
    file: tuple[bytes, str] | None = None


FORMS = {
    "role": Form("/roles/new", "/roles/new", Role, {"name": "Packers", "permissions": "stock.view"}),
    "invitation": Form(
        "/users/invitations/new", "/users/invitations/new", Invitation,
        {"email": "new@example.com", "role_id": "{role}"},
    ),
    "category": Form("/catalog/categories/new", "/catalog/categories/new", Category, {"name": "Lamps", "position": "0"}),
    "product type": Form("/catalog/product-types", "/catalog/product-types", ProductType, {"name": "Shoes"}),
    "attribute": Form(
        "/catalog/product-types/{type}/attributes/new", "/catalog/product-types/{type}/attributes/new", AttributeDefinition,
        {"label": "Sole", "kind": "text"},
    ),
    "product": Form("/catalog/products/new", "/catalog/products/new", Product, {"title": "Lantern"}),
    "variant": Form("/catalog/products/{product}", "/catalog/products/{product}/variants", Variant, {"sku": "EXTRA"}),
    "channel": Form(
        "/channels/new", "/channels/new", ChannelAccount,
        {"connector": "woocommerce", "name": "Stall", "base_url": "https://shop.example.com", "key": "ck_" + "a" * 40,
         "secret": "cs_" + "b" * 40, "price_currency": "GBP", "safety_buffer": "0"},
    ),
    "customer": Form("/customers/new", "/customers/new", Customer, {"name": "Grace Hopper"}),
    "address": Form(
        "/customers/{customer}/addresses/new", "/customers/{customer}/addresses", CustomerAddress,
        {"line1": "12 High Street", "city": "London", "country_code": "GB"},
    ),
    "consent": Form(
        "/customers/{customer}", "/customers/{customer}/consents", Consent,
        {"channel": "email", "state": "granted", "source": "by phone"},
    ),
    "view of a list": Form(
        "/lists/customers/views/new?list=all&path=/customers", "/lists/customers/views", SavedView, {"name": "Everybody"}
    ),
    "export": Form("/customers", "/lists/customers/export", Job),
    "import": Form("/imports/new", "/imports/new", Import, file=(b"title,sku,price\nLamp,L-1,3\n", "lamps.csv")),
    "change of an order": Form(
        "/orders/{order}/cancellation/new", "/orders/{order}/changes", OrderChangeDraft,
        {"line-1": "1", "reason_code": "other"},
    ),
    "draft": Form("/drafts", "/drafts", ComposedOrder),
    "pick list": Form(
        "/pick-lists/new", "/pick-lists/", PickList, {"location_id": "{location}", "most": "1", "with_unpaid": "1"}
    ),
    "sales channel": Form(
        "/settings/sales-channels/new", "/settings/sales-channels/new", SalesChannel, {"name": "Fair", "kind": "pos"}
    ),
    "tax rate": Form(
        "/settings/tax", "/settings/tax/rates", TaxRate,
        {"country_code": "GB", "tax_class": "standard", "percent": "20", "name": "VAT", "valid_from": "2020-01-01"},
    ),
    "voucher": Form(
        "/vouchers/new", "/vouchers/new", Voucher,
        {"code": "WELCOME", "kind": "percent", "percent": "5", "is_active": "y", "currency": "GBP"},
    ),
    "text": Form(
        "/settings/letters/new", "/settings/letters", LetterTemplate,
        {"name": "Thanks", "locale": "en", "subject": "About {{number}}", "body": "Hello {{name}}", "is_active": "y"},
    ),
    "call": Form(
        "/orders/{order}/contacts", "/orders/{order}/contacts", OrderContactLog, {"way": "phone", "summary": "Called back"}
    ),
    "mail": Form(
        "/orders/{order}/letters/new", "/orders/{order}/letters", Message, {"subject": "Soon", "body": "It leaves on Monday."}
    ),
    "file": Form("/orders/{order}/files", "/orders/{order}/files", OrderFile, file=(b"as agreed", "agreed.txt")),
    "note": Form("/orders/{order}", "/orders/{order}/notes", OrderNote, {"body": "Leave it with the neighbour"}),
    "hold": Form("/orders/{order}", "/orders/{order}/hold", OrderHold, {"reason": "It may be fraud"}),
    "payment": Form(
        "/orders/{order}/payments", "/orders/{order}/payments", OrderPayment, {"amount": "4.50", "method": "cash"}
    ),
    "parcel": Form("/orders/{order}/parcels/new", "/orders/{order}/parcels", OrderFulfilment, {"line-1": "1", "way": "send"}),
    "privacy request": Form(
        "/privacy/requests/new?subject={subject}", "/privacy/requests", PrivacyRequest,
        {"kind": "access", "law": "gdpr", "received_on": "{today}", "contact": "ada@example.com"},
    ),
    "legal hold": Form(
        "/privacy/people/{subject}/hold", "/privacy/people/{subject}/hold", LegalHold,
        {"reason": "Dispute 12 at the county court", "owner_id": "{owner}", "review_on": "{next_month}"},
    ),
    "count": Form("/stock/counts/new", "/stock/counts/new", StockCount, {"name": "Shelf 3", "location_id": "{location}"}),
    "routing rule": Form(
        "/stock/routing/new", "/stock/routing/new", RoutingRule, {"name": "Few parcels", "strategy": "fewest_parcels"}
    ),
    "supplier": Form("/stock/suppliers/new", "/stock/suppliers/new", Supplier, {"name": "Lamps & Co", "locale": "en"}),
    "purchase order": Form(
        "/stock/purchase-orders/new", "/stock/purchase-orders/new", PurchaseOrder,
        {"supplier_id": "{supplier}", "location_id": "{location}"},
    ),
    "threshold": Form(
        "/stock/replenishment/thresholds/new", "/stock/replenishment/thresholds/new", ReplenishmentRule,
        {"code": "MUG", "location_id": "{location}", "minimum": "5", "maximum": "9"},
    ),
    "location": Form("/stock/locations/new", "/stock/locations/new", Location, {"name": "North", "kind": "warehouse", "position": "1"}),
    "reason": Form("/stock/reasons", "/stock/reasons", StockReason, {"label": "Found"}),
}  # fmt: skip


@dataclass
class Desk:
    """A shop with what the forms need, and browsers of its owner."""

    app: Flask
    merchant_id: int
    shop: Shop
    names: dict[str, Any]
    clients: list[HouseClient]

    def named(self, text: str, order: str) -> str:
        return text.format_map(self.names | {"order": order})

    def order(self) -> str:
        with self.app.app_context(), merchant_scope(self.merchant_id):
            return self.shop.order(("MUG", 1, "4.50")).number

    def count(self, model: type[Base]) -> int:
        with self.app.app_context(), merchant_scope(self.merchant_id):
            return db.session.scalar(sa.select(sa.func.count()).select_from(sa.select(model).subquery())) or 0


@pytest.fixture(scope="module")
def desk(app: Flask) -> Iterator[Desk]:
    merchant_id = make_merchant(app)
    owner = make_person(app, merchant_id)
    clients = []
    for _ in range(SENT):
        client = app.test_client()
        assert isinstance(client, HouseClient)
        sign_in(app, client, owner)
        clients.append(client)
    with app.app_context(), merchant_scope(merchant_id):
        shop = open_shop({"MUG": 50})
        db.session.add(Price(variant_id=shop.variants["MUG"], currency="GBP", amount=Decimal("4.50")))
        customer = create_customer({"name": "Ada Lovelace", "email": "ada@example.com"}, by=SYSTEM)
        today = utc_now().date()
        names = {
            "owner": owner.user_id, "role": role_by_key("support").id, "location": shop.location_id, "customer": customer.id,
            "subject": customer.subject_id, "supplier": add_supplier({"name": "Wicks", "locale": "en"}, by=SYSTEM).id,
            "type": create_type("Books", by=SYSTEM).id, "product": create_product({"title": "Bell", "sku": "BELL"}, by=SYSTEM).id,
            "today": today, "next_month": today + dt.timedelta(days=30),
        }  # fmt: skip
        db.session.commit()
    yield Desk(app, merchant_id, shop, names, clients)


@pytest.mark.parametrize("name", FORMS)
def test_a_form_makes_one(desk: Desk, name: str) -> None:
    form, order = FORMS[name], desk.order() if "{order}" in FORMS[name].action or name == "pick list" else ""
    action = desk.named(form.action, order)
    typed = {key: desk.named(value, order) for key, value in form.typed.items()}
    page = desk.clients[0].get(desk.named(form.page, order)).text
    sent = hidden_fields(page, action) | typed
    assert sent.get(FIELD)
    before = desk.count(form.makes)

    places: list[str | None] = []

    def send(client: HouseClient) -> None:
        data: dict[str, Any] = dict(sent)
        if form.file:
            data["file"] = (io.BytesIO(form.file[0]), form.file[1])
        answer = client.post(action, data=data)
        places.append(answer.location if answer.status_code == 303 else answer.text)

    together(send, desk.clients[1:])
    send(desk.clients[0])
    assert len(places) == SENT and len(set(places)) == 1, places
    assert desk.count(form.makes) == before + 1
    assert "it counts once" in desk.clients[0].get(str(places[0])).text


def test_a_key_is_made_once_and_its_secret_shown_once(desk: Desk) -> None:
    client = desk.clients[0]
    sent = hidden_fields(client.get("/settings/api-keys").text, "/settings/api-keys") | {
        "name": "Till", "scopes": "orders.read", "channel_id": str(desk.shop.channel_id), "rate_per_minute": "60",
    }  # fmt: skip
    first = client.post("/settings/api-keys", data=sent)
    assert first.status_code == 200 and "prt_" in first.text
    again = client.post("/settings/api-keys", data=sent)
    assert (again.status_code, again.location) == (303, "/settings/api-keys")
    assert "Its secret is shown only once" in client.get("/settings/api-keys").text
    assert desk.count(ApiKey) == 1


def test_a_line_of_a_draft_is_added_once_and_the_composer_stays(desk: Desk) -> None:
    client = desk.clients[0]
    draft = client.post("/drafts").location
    assert draft
    sent = hidden_fields(client.get(draft).text, draft) | {"find": "MUG"}
    headers = {"HX-Request": "true"}
    first = client.post(f"{draft}/lines", data=sent, headers=headers)
    again = client.post(f"{draft}/lines", data=sent, headers=headers)
    assert first.status_code == 200 and 'id="composer"' in first.text
    assert (again.status_code, again.headers["HX-Redirect"]) == (204, f"{draft}?find=MUG")
    # What comes back with the first answer is another form.
    assert hidden_fields(first.text, draft)[FIELD] != sent[FIELD]


def test_another_file_of_the_same_name_is_another_form(desk: Desk) -> None:
    client, at = desk.clients[0], f"/orders/{desk.order()}/files"
    sent, before = hidden_fields(client.get(at).text, at), desk.count(OrderFile)
    for content in (b"agreed", b"agreed anew", b"agreed"):
        assert client.post(at, data=sent | {"file": (io.BytesIO(content), "a.txt")}).status_code == 303
    assert desk.count(OrderFile) == before + 2


def hidden_fields(page: str, action: str) -> dict[str, str]:
    """What a browser sends of the form with that action besides what is typed."""
    form = re.search(rf'<form[^>]*action="{re.escape(action)}(\?[^"]*)?"[^>]*>(.*?)</form>', page, re.S)
    assert form, f"no form to {action}"
    inputs = re.findall(r"<input[^>]*>", form[2])
    found = {}
    for each in (tag for tag in inputs if 'type="hidden"' in tag):
        name, value = re.search(r'name="([^"]+)"', each), re.search(r'value="([^"]*)"', each)
        if name:
            found[name[1]] = unescape(value[1]) if value else ""
    return found


def together(send: Callable[[HouseClient], None], clients: list[HouseClient]) -> None:
    barrier = threading.Barrier(len(clients))

    def begin(client: HouseClient) -> None:
        barrier.wait()
        send(client)

    threads = [threading.Thread(target=begin, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
