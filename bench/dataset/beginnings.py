"""What a generated shop sells, where it keeps it, and to whom it sells."""

from __future__ import annotations

import datetime as dt
from array import array
from typing import Final

from bench.dataset.ground import CHUNK, Ground
from bench.dataset.sizes import Shop
from bench.vocabulary import FAMILY, GIVEN, NOUNS, QUALITIES
from portal.core import normalise

CHANNELS: Final = (
    ("web", "Web shop", "web"),
    ("app", "App", "app"),
    ("pos", "Till", "pos"),
    ("market", "Marketplace", "marketplace"),
)
COUNTRIES: Final = ("DE",) * 6 + ("AT", "FR", "NL", "GB", "CH", "BE", "IT", "ES")
DIALLING: Final = [f"1{area}55501" for area in range(201, 990) if area % 100 != 11]


class Beginnings:
    """Writes a shop before its first order."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def write(self, shop: Shop) -> None:
        """Places, channels, categories, products with variants and prices, customers."""
        self._places(shop)
        self._catalogue(shop)
        self._customers(shop)

    def _places(self, shop: Shop) -> None:
        m, add = shop.merchant_id, self._ground.tables.add
        shop.location_ids = self._ground.reserve("location", shop.locations)
        for position, key in enumerate(shop.location_ids):
            name = f"Warehouse {position + 1}" if position < 2 or shop.locations > 3 else "Store"
            kind = "store" if name == "Store" else "warehouse"
            add(
                "location",
                "merchant_id,id,name,code,kind,country_code,position",
                f"{m}\t{key}\t{name}\tL{position + 1}\t{kind}\tDE\t{position}\n",
            )
        shop.channel_ids = self._ground.reserve("sales_channel", len(CHANNELS))
        for key, (code, name, kind) in zip(shop.channel_ids, CHANNELS, strict=True):
            add("sales_channel", "merchant_id,id,code,name,kind", f"{m}\t{key}\t{code}\t{name}\t{kind}\n")

    def _catalogue(self, shop: Shop) -> None:
        m, add, pick = shop.merchant_id, self._ground.tables.add, self._ground.random
        category_ids = self._ground.reserve("category", len(NOUNS))
        for position, (key, noun) in enumerate(zip(category_ids, NOUNS, strict=True)):
            add(
                "category",
                "merchant_id,id,name,slug,path,position",
                f"{m}\t{key}\t{noun}s\t{noun.lower()}s\t{key}/\t{position}\n",
            )
        products = max(1, shop.variants // 4)
        product_ids = self._ground.reserve("product", products)
        shop.variant_ids = self._ground.reserve("variant", shop.variants)
        titles: list[str] = []
        for index, key in enumerate(product_ids):
            noun_at = pick.randrange(len(NOUNS))
            title = f"{pick.choice(QUALITIES)} {NOUNS[noun_at]} {index + 1}"
            titles.append(title)
            state = "active" if pick.random() < 0.95 else "draft"
            vendor = f"Vendor {index % 40 + 1}"
            add(
                "product",
                "merchant_id,id,title,title_key,slug,state,vendor,source",
                f"{m}\t{key}\t{title}\t{normalise.fold(title)}\t{title.lower().replace(' ', '-')}\t{state}\t{vendor}\tgenerated\n",
            )
            add(
                "product_category",
                "merchant_id,product_id,category_id",
                f"{m}\t{key}\t{category_ids[noun_at]}\n",
            )
            if index % CHUNK == CHUNK - 1:
                self._ground.tables.write()
        price_ids = self._ground.reserve("price", shop.variants)
        for index, key in enumerate(shop.variant_ids):
            product = min(index // 4, products - 1)
            cents = 199 + pick.randrange(9800)
            shop.prices.append(cents)
            sku, barcode = f"SKU-{index + 1:07d}", f"40{m:04d}{index:07d}"
            shape = ("Small", "Medium", "Large", "Extra large")[index % 4]
            threshold = "5" if index % 3 == 0 else "\\N"
            add(
                "variant",
                "merchant_id,id,product_id,sku,sku_key,barcode,barcode_key,title,position,weight_grams,unit_cost,low_stock_threshold",
                f"{m}\t{key}\t{product_ids[product]}\t{sku}\t{sku}\t{barcode}\t{barcode}\t{shape}\t{index % 4}\t{50 + cents % 2000}\t{cents / 250:.2f}\t{threshold}\n",
            )
            add(
                "price",
                "merchant_id,id,variant_id,currency,amount",
                f"{m}\t{price_ids[index]}\t{key}\t{shop.currency}\t{cents / 100:.2f}\n",
            )
            if index % CHUNK == CHUNK - 1:
                self._ground.tables.write()
        shop.on_hand = array("q", [0]) * (shop.variants * shop.locations)
        shop.allocated = array("q", [0]) * (shop.variants * shop.locations)
        self._ground.tables.write()

    def _customers(self, shop: Shop) -> None:
        m, add, pick = shop.merchant_id, self._ground.tables.add, self._ground.random
        for index in range(shop.customers):
            at = self._ground.since + dt.timedelta(seconds=index)
            subject, customer = self._ground.new_id(at), self._ground.new_id(at)
            given, family = pick.choice(GIVEN), pick.choice(FAMILY)
            name = f"{given} {family}"
            email = f"{given}.{family}{index}@example.com".lower()
            country, phone = pick.choice(COUNTRIES), f"{pick.choice(DIALLING)}{pick.randrange(100):02d}"
            shop.subject_ids.append(subject)
            shop.customer_ids.append(customer)
            shop.people.append((name, normalise.full_name_key(name) or "", email, index, phone))
            shop.last_orders.append(None)
            add("data_subject", "merchant_id,id,created_at", f"{m}\t{subject}\t{at.isoformat()}\n")
            add(
                "customer",
                "merchant_id,id,subject_id,external_id,name,name_key,email,email_key,phone,phone_key,phone_tail,country_code,source,created_at",
                f"{m}\t{customer}\t{subject}\tC{index + 1}\t{name}\t{shop.people[-1][1]}\t{email}\t{email}\t+{phone}\t{phone}\t{phone[::-1]}\t{country}\tgenerated\t{at.isoformat()}\n",
            )
            if index % CHUNK == CHUNK - 1:
                self._ground.tables.write()
        shop.order_counts = array("q", [0]) * shop.customers
        self._ground.tables.write()
