"""What the first shop's articles lack: categories, pictures, thresholds, codes."""

from __future__ import annotations

import io
import random
from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from PIL import Image, ImageDraw

from portal.catalog.categories import create_category
from portal.catalog.models import Price, Product, ProductCategory, Variant
from portal.catalog.pictures import add_picture, read_picture
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.orders.models import OrderLine

CATEGORIES: Final = {
    "Christmas": ("CHRISTMAS", "XMAS", "ADVENT", "SNOW", "REINDEER"),
    "Lighting": ("LIGHT", "CANDLE", "LANTERN", "LAMP", "FAIRY"),
    "Kitchen and baking": (
        "CAKE",
        "BAKING",
        "MUG",
        "CUP",
        "PLATE",
        "BOWL",
        "TEA",
        "KITCHEN",
        "JAM",
        "TIN",
        "SPOON",
        "JUG",
        "BREAD",
    ),
    "Bags and purses": ("BAG", "PURSE", "SHOPPER", "SATCHEL", "LUGGAGE"),
    "Stationery and wrap": (
        "CARD",
        "WRAP",
        "PENCIL",
        "NOTEBOOK",
        "PAPER",
        "TAG",
        "RIBBON",
        "STICKER",
        "BUNTING",
    ),
    "Garden": ("GARDEN", "PLANT", "BIRD", "FLOWER", "HERB", "WATERING"),
    "Toys and games": ("TOY", "GAME", "DOLL", "SKITTLE", "PLAY", "PUZZLE", "DOMINO"),
    "Home decoration": (
        "HEART",
        "FRAME",
        "CLOCK",
        "SIGN",
        "CUSHION",
        "HOOK",
        "WICKER",
        "DOORMAT",
        "MIRROR",
        "DRAWER",
    ),
    "Everything else": (),
}
COLOURS: Final = ("#20495a", "#7a3b2e", "#48633a", "#8a6a1f", "#5a3a6b", "#2f5f8a", "#8a3357", "#3d3d46")
PAPERS: Final = ("#f4efe6", "#eaf1ee", "#f6ece9", "#eef0f7", "#f3f1e4")


def best_sellers(most: int) -> Sequence[sa.Row[tuple[int, int, str, str, object]]]:
    """The variants sold most often: id, product, SKU, title and price."""
    merchant_id = current_merchant_id()
    line, variant, product, price = (model.__table__ for model in (OrderLine, Variant, Product, Price))
    sold = (
        sa.select(line.c.variant_id, sa.func.count().label("times"))
        .where(line.c.merchant_id == merchant_id, line.c.variant_id.is_not(None), line.c.quantity > 0)
        .group_by(line.c.variant_id).order_by(sa.desc("times"), line.c.variant_id).limit(most).subquery()
    )  # fmt: skip
    return db.session.execute(
        sa.select(variant.c.id, variant.c.product_id, variant.c.sku, product.c.title, price.c.amount)
        .join(sold, sold.c.variant_id == variant.c.id)
        .join(product, sa.and_(product.c.merchant_id == variant.c.merchant_id, product.c.id == variant.c.product_id))
        .join(price, sa.and_(price.c.merchant_id == variant.c.merchant_id, price.c.variant_id == variant.c.id))
        .where(variant.c.merchant_id == merchant_id, product.c.merchant_id == merchant_id, price.c.merchant_id == merchant_id, price.c.amount > 0)
        .order_by(sold.c.times.desc(), variant.c.id)
    ).all()  # fmt: skip


def sort_into_categories(*, by: Actor) -> None:
    """File every product under the first category one of whose words its title holds."""
    merchant_id = current_merchant_id()
    ids = {
        name: create_category({"name": name, "position": place}, by=by).id
        for place, name in enumerate(CATEGORIES)
    }
    rows = []
    for product_id, title in db.session.execute(sa.select(Product.id, Product.title)):
        words = title.upper()
        name = next(
            (name for name, marks in CATEGORIES.items() if any(mark in words for mark in marks)),
            "Everything else",
        )
        rows.append({"merchant_id": merchant_id, "product_id": product_id, "category_id": ids[name]})
    db.session.execute(sa.insert(ProductCategory.__table__), rows)
    db.session.commit()


def draw_pictures(product_ids: Sequence[int], *, by: Actor) -> None:
    """A picture each, drawn by us, of no real article."""
    for product_id in product_ids:
        product = db.session.get_one(Product, (current_merchant_id(), product_id))
        picture = read_picture(_drawn(product_id))
        add_picture(
            product,
            picture,
            filename="drawn.png",
            alt_text=f"Drawing that stands for {product.title.strip().lower()}",
            by=by,
        )
    db.session.commit()


def _drawn(seed: int) -> bytes:
    pick = random.Random(seed)
    picture = Image.new("RGB", (640, 640), pick.choice(PAPERS))
    pen = ImageDraw.Draw(picture)
    ink, second = pick.sample(COLOURS, 2)
    pen.ellipse((120, 500, 520, 560), fill="#d9d4c8")
    match pick.randrange(4):
        case 0:
            pen.rounded_rectangle((190, 190, 450, 530), 60, fill=ink)
            pen.arc((420, 260, 540, 440), -90, 90, fill=ink, width=28)
        case 1:
            pen.polygon(((320, 90), (500, 530), (140, 530)), fill=ink)
            pen.ellipse((290, 60, 350, 120), fill=second)
        case 2:
            pen.rectangle((180, 230, 460, 530), fill=ink)
            pen.arc((240, 110, 400, 350), 180, 360, fill=second, width=24)
        case _:
            pen.pieslice((140, 150, 500, 530), 0, 180, fill=ink)
            pen.rectangle((140, 300, 500, 345), fill=second)
    for band in range(pick.randrange(2, 5)):
        top = 360 + band * 36
        pen.line((200, top, 440, top), fill=second, width=10)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
