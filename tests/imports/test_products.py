"""Products from Shopify, WooCommerce and plain files."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from portal.catalog.models import (
    Category,
    Media,
    Price,
    Product,
    ProductAttribute,
    ProductOption,
    ProductType,
    Variant,
)
from portal.core import storage
from portal.core.database import db
from portal.core.errors import DomainError
from portal.imports import services
from portal.imports.models import Import, ImportRow
from portal.stock.models import Location, StockLevel, StockMovement
from portal.stock.services import adjust_stock
from tests.imports.conftest import BY, do

SHOPIFY = (
    "Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,Variant Grams,Variant Inventory Qty,"
    "Variant Price,Variant Compare At Price,Image Src,Image Alt Text\n"
    'top,Varsity Top,Casual,Demo,Shirts,"women, casual",true,Size,Small,TOP-S,200,3,60,80,https://example.com/1.jpg,Front\n'
    "top,,,,,,,,Large,TOP-L,210,0,60,,https://example.com/2.jpg,\n"
    "top,,,,,,,,,,,,,,https://example.com/3.jpg,Back\n"
    "mug,Mug,,Demo,,,true,Title,Default Title,MUG,,1,9.50,,,\n"
)
WOO = (
    "ID,Type,SKU,Name,Published,Visibility in catalog,Short description,Description,Stock,Sale price,Regular price,Categories,Tags,Images,"
    "Parent,Grouped products,External URL,Attribute 1 name,Attribute 1 value(s)\n"
    '1,variable,tee,T-Shirt,1,visible,,Soft,,,,Clothing > Tshirts,,"https://example.com/a.png, https://example.com/b.png",,,,Color,"Blue, Red"\n'
    "2,simple,cap,Cap,1,visible,Short,,7,16,18,Clothing > Hats,,,,,,,\n"
    '3,"simple, virtual",album,Album,0,visible,,,,,15,Music,,,,,,,\n'
    '4,grouped,set,Set,1,visible,,,,,,Clothing,,,,"tee, cap",,,\n'
    "5,external,book,Book,1,visible,,,,,30,Books,,,,,https://example.com/buy,,\n"
    "6,variation,tee-blue,T-Shirt - Blue,1,visible,,,,,25,,,,tee,,,Color,Blue\n"
    "7,variation,lost,Lost,1,visible,,,,,25,,,,nowhere,,,Color,Blue\n"
)


def all_of(model: type[Any], *order: Any) -> list[Any]:
    return list(db.session.scalars(sa.select(model).order_by(*order)))


def test_rows_of_one_handle_become_one_product_with_variants_and_images(
    applied: Callable[..., Import],
) -> None:
    found = applied(SHOPIFY)
    assert (found.format, found.counts["created"], found.counts["rows"]) == ("shopify_products", 2, 4)
    top = db.session.scalars(sa.select(Product).where(Product.external_id == "top")).one()
    assert (top.title, top.vendor, top.state, top.tags, top.slug) == (
        "Varsity Top",
        "Demo",
        "active",
        ["women", "casual"],
        "top",
    )
    variants = list(
        db.session.scalars(sa.select(Variant).where(Variant.product_id == top.id).order_by(Variant.position))
    )
    assert [
        (variant.sku, variant.title, variant.option_values, variant.weight_grams) for variant in variants
    ] == [("TOP-S", "Small", {"Size": "Small"}, 200), ("TOP-L", "Large", {"Size": "Large"}, 210)]
    assert [(image.source_url, image.alt_text) for image in all_of(Media, Media.position)] == [
        ("https://example.com/1.jpg", "Front"),
        ("https://example.com/2.jpg", ""),
        ("https://example.com/3.jpg", "Back"),
    ]
    assert [(price.amount, price.compare_at, price.currency) for price in all_of(Price, Price.id)] == [
        (Decimal(60), Decimal(80), "GBP"),
        (Decimal(60), None, "GBP"),
        (Decimal("9.5"), None, "GBP"),
    ]
    assert [option.name for option in all_of(ProductOption)] == ["Size"]
    assert all_of(StockMovement) == []


def test_stock_becomes_an_opening_balance_only_when_asked_for(applied: Callable[..., Import]) -> None:
    found = applied(SHOPIFY, takes_stock=True)
    assert found.counts["opening_stock"] == 2
    assert sorted((move.kind, move.on_hand_delta) for move in all_of(StockMovement)) == [
        ("opening", 1),
        ("opening", 3),
    ]
    assert sorted(level.on_hand for level in all_of(StockLevel)) == [1, 3]
    again = applied(SHOPIFY, takes_stock=True)
    assert (again.counts["opening_stock"], again.counts["unchanged"]) == (0, 2)
    assert len(all_of(StockMovement)) == 2


def test_every_woocommerce_type_finds_its_place(applied: Callable[..., Import]) -> None:
    found = applied(WOO)
    assert (found.counts["created"], found.counts["rejected"]) == (5, 1)
    assert [listed.reason for listed in all_of(ImportRow) if listed.outcome == "rejected"] == [
        "Parent names a parent that the file does not hold"
    ]
    states = {product.external_id: (product.state, product.title) for product in all_of(Product)}
    assert states["album"] == ("draft", "Album")
    stocked = {variant.sku: variant.is_stocked for variant in all_of(Variant)}
    assert stocked == {"tee-blue": True, "cap": True, "album": False, "set": False, "book": False}
    assert {kind.code for kind in all_of(ProductType)} == {"grouped", "external"}
    assert {value.text_value for value in all_of(ProductAttribute)} == {"tee, cap", "https://example.com/buy"}
    paths = {category.name: category.parent_id for category in all_of(Category)}
    assert (
        paths["Tshirts"]
        == paths["Hats"]
        == next(category.id for category in all_of(Category) if category.name == "Clothing")
    )
    cap = db.session.scalars(
        sa.select(Price).join(Variant, Variant.id == Price.variant_id).where(Variant.sku == "cap")
    ).one()
    assert (cap.amount, cap.compare_at) == (Decimal(16), Decimal(18))


def test_the_check_lists_differences_and_writes_nothing(
    applied: Callable[..., Import], checked: Callable[..., Import]
) -> None:
    applied(SHOPIFY)
    found = checked(SHOPIFY.replace("Varsity Top", "College Top").replace(",60,80,", ",55,80,"))
    told = {
        (listed.field, listed.before, listed.after)
        for listed in all_of(ImportRow)
        if listed.import_id == found.id
    }
    assert told == {("title", "Varsity Top", "College Top"), ("TOP-S amount", "60", "55")}
    assert (found.counts["updated"], found.counts["unchanged"]) == (1, 1)
    assert "Varsity Top" in {product.title for product in all_of(Product)}


def test_a_second_import_changes_nothing(applied: Callable[..., Import]) -> None:
    applied(WOO)
    before = [(product.id, product.version, product.updated_at) for product in all_of(Product, Product.id)]
    found = applied(WOO)
    assert (found.counts["created"], found.counts["updated"], found.counts["unchanged"]) == (0, 0, 5)
    assert [
        (product.id, product.version, product.updated_at) for product in all_of(Product, Product.id)
    ] == before


def test_undo_puts_the_values_from_before_back(applied: Callable[..., Import]) -> None:
    applied(SHOPIFY)
    changed = (
        SHOPIFY.replace("Varsity Top", "College Top")
        .replace(",60,80,", ",55,80,")
        .replace("mug,Mug", "mug,Cup")
        + "new,New thing,,,,,true,Title,Default Title,NEW,,,5,,,\n"
    )
    found = applied(changed)
    assert (found.counts["created"], found.counts["updated"]) == (1, 2)
    undone = do(services.start_undo, found)
    assert undone.counts["kept"] == 0
    assert sorted(product.title for product in all_of(Product)) == ["Mug", "Varsity Top"]
    assert sorted(price.amount for price in all_of(Price)) == [Decimal("9.5"), Decimal(60), Decimal(60)]


def test_undo_keeps_what_someone_changed_since(applied: Callable[..., Import], location: Location) -> None:
    found = applied(SHOPIFY, takes_stock=True)
    mug = db.session.scalars(sa.select(Product).where(Product.external_id == "mug")).one()
    mug.title = "My mug"
    top = db.session.scalars(sa.select(Variant).where(Variant.sku == "TOP-S")).one()
    adjust_stock(top.id, location.id, -1, by=BY)
    db.session.commit()
    undone = do(services.start_undo, found)
    assert sorted(product.title for product in all_of(Product)) == ["My mug", "Varsity Top"]
    assert undone.counts["kept"] >= 2
    assert {
        listed.outcome for listed in all_of(ImportRow) if listed.subject == "My mug" and listed.field is None
    } == {"kept"}


def test_undo_of_new_products_leaves_an_empty_catalogue(applied: Callable[..., Import]) -> None:
    undone = do(services.start_undo, applied(WOO, takes_stock=True))
    for model in (Product, Variant, Price, Category, ProductType, Media, StockLevel):
        assert all_of(model) == [], model
    assert undone.counts["kept"] == 0
    assert sum(move.on_hand_delta for move in all_of(StockMovement)) == 0


def test_a_bad_price_refuses_the_whole_product_and_names_the_row(applied: Callable[..., Import]) -> None:
    found = applied(
        SHOPIFY.replace("top,,,,,,,,Large,TOP-L,210,0,60,", "top,,,,,,,,Large,TOP-L,210,0,sixty,")
    )
    assert (found.counts["created"], found.counts["rejected"]) == (1, 3)
    reasons = {
        listed.row_number: listed.reason for listed in all_of(ImportRow) if listed.outcome == "rejected"
    }
    assert reasons[3] == "Variant Price is not a number"
    assert reasons[2] == "The row belongs to a product whose row 3 was refused"


def test_a_card_number_refuses_its_row_and_is_repeated_nowhere(
    applied: Callable[..., Import], upload: Callable[..., Import]
) -> None:
    card = "4242 4242 4242 4242"
    found = applied(
        "SKU,Title,Price,Barcode,Description,Images\n"
        f"A-1,First,1,,Paid with {card},\n"
        f"B-1,Second,2,4242424242424242,Fine,https://example.com/4242424242424242.jpg\n"
        f'C-1,Third {card},3,,"Two\nlines",\n'
    )
    assert (found.counts["created"], found.counts["rejected"]) == (1, 2)
    said = {listed.row_number: listed.reason for listed in all_of(ImportRow) if listed.outcome == "rejected"}
    assert said[2].startswith("Description holds what looks like a card number")
    assert said[4].startswith("Title holds what looks like a card number")
    assert found.rejects_key
    rejects = b"".join(storage.open_stream(found.rejects_key)).decode()
    assert "4242 4242" not in rejects and "[card ending 4242]" in rejects
    assert all("4242" not in reason for reason in said.values())
    with pytest.raises(DomainError, match="card number"):
        upload("SKU,Title\nA,B\n", filename=f"card {card}.csv")


def test_a_sku_belongs_to_one_product_of_the_file(applied: Callable[..., Import]) -> None:
    found = applied("SKU,Title,Price\nA-1,First,1\na-1,Second,2\n")
    assert found.format == "products"
    assert (found.counts["created"], found.counts["rejected"]) == (1, 1)


def test_an_apply_that_would_do_something_else_than_the_check_stops(checked: Callable[..., Import]) -> None:
    found = checked(SHOPIFY)
    db.session.add(Product(title="Mug", title_key="mug", slug="mug-2", source="shopify", external_id="mug"))
    db.session.commit()
    stopped = do(services.start_apply, found)
    assert stopped.state == "failed"
    assert "changed since the check" in (stopped.problem or "")
    assert [product.external_id for product in all_of(Product)] == ["mug"]
