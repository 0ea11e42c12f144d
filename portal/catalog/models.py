"""The catalogue: what is sold, in which variants, at which prices."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from portal.core.database import Base
from portal.core.normalise import tracking_key
from portal.core.personal_data import not_pii
from portal.core.tenancy import IdentityKey, Tenant, Timestamped, Versioned, tenant_fk

PRODUCT_STATES = ("draft", "active", "archived")
STOCK_POLICIES = ("deny", "backorder", "preorder")
ATTRIBUTE_KINDS = (
    "text",
    "long_text",
    "integer",
    "decimal",
    "boolean",
    "date",
    "choice",
    "multi_choice",
    "measure",
)

_CATALOGUE = not_pii("catalogue")
# Code points sort alike on every server, and ranges over them are leakproof, so indexes work under RLS.
CODE = sa.Text(collation="C")


class ProductType(Tenant, IdentityKey, Versioned, Timestamped, Base):
    """A kind of product and the attributes its products carry."""

    __tablename__ = "product_type"

    name: Mapped[str] = mapped_column(info=_CATALOGUE)
    code: Mapped[str] = mapped_column(CODE, info=_CATALOGUE)

    attributes: Mapped[list[AttributeDefinition]] = relationship(
        back_populates="product_type", order_by="AttributeDefinition.position", cascade="all, delete-orphan"
    )

    __table_args__ = (sa.UniqueConstraint("merchant_id", "code"),)


class AttributeDefinition(Tenant, IdentityKey, Versioned, Base):
    """A typed attribute of a product type. The merchant adds one without a deploy."""

    __tablename__ = "attribute_definition"

    product_type_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("key"))
    code: Mapped[str] = mapped_column(CODE, info=_CATALOGUE)
    label: Mapped[str] = mapped_column(info=_CATALOGUE)
    kind: Mapped[str] = mapped_column(info=_CATALOGUE)
    unit: Mapped[str | None] = mapped_column(info=_CATALOGUE)
    choices: Mapped[list[Any]] = mapped_column(JSONB, default=list, server_default="[]", info=_CATALOGUE)
    is_required: Mapped[bool] = mapped_column(default=False, server_default=sa.false(), info=_CATALOGUE)
    is_filterable: Mapped[bool] = mapped_column(default=False, server_default=sa.false(), info=_CATALOGUE)
    position: Mapped[int] = mapped_column(default=0, server_default="0", info=_CATALOGUE)

    product_type: Mapped[ProductType] = relationship(back_populates="attributes")

    __table_args__ = (
        tenant_fk("product_type", "product_type_id", ondelete="CASCADE"),
        sa.UniqueConstraint("merchant_id", "product_type_id", "code"),
        sa.CheckConstraint(sa.column("kind").in_(ATTRIBUTE_KINDS), name="kind"),
    )


class Category(Tenant, IdentityKey, Versioned, Timestamped, Base):
    """A node of the merchant's category tree. ``path`` holds the ids from the root, so a subtree is one range."""

    __tablename__ = "category"

    parent_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key"))
    name: Mapped[str] = mapped_column(info=_CATALOGUE)
    slug: Mapped[str] = mapped_column(CODE, info=_CATALOGUE)
    path: Mapped[str] = mapped_column(CODE, default="", server_default="", info=_CATALOGUE)
    position: Mapped[int] = mapped_column(default=0, server_default="0", info=_CATALOGUE)
    description: Mapped[str | None] = mapped_column(info=_CATALOGUE)

    __table_args__ = (
        tenant_fk("category", "parent_id", ondelete="RESTRICT"),
        sa.UniqueConstraint("merchant_id", "slug"),
        sa.Index(None, "merchant_id", "path"),
        sa.Index(None, "merchant_id", "parent_id", "position"),
    )


class Product(Tenant, IdentityKey, Versioned, Timestamped, Base):
    """Something for sale, in one or more variants."""

    __tablename__ = "product"

    product_type_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key"))
    title: Mapped[str] = mapped_column(info=_CATALOGUE)
    title_key: Mapped[str] = mapped_column(CODE, info=not_pii("catalogue, folded title for prefix search"))
    slug: Mapped[str] = mapped_column(CODE, info=_CATALOGUE)
    description: Mapped[str | None] = mapped_column(info=_CATALOGUE)
    vendor: Mapped[str | None] = mapped_column(info=_CATALOGUE)
    state: Mapped[str] = mapped_column(default="draft", server_default="draft", info=not_pii("state"))
    tags: Mapped[list[Any]] = mapped_column(JSONB, default=list, server_default="[]", info=_CATALOGUE)
    tax_class: Mapped[str] = mapped_column(default="standard", server_default="standard", info=_CATALOGUE)
    source: Mapped[str | None] = mapped_column(info=not_pii("how it came here"))
    external_id: Mapped[str | None] = mapped_column(CODE, info=not_pii("identifier in the source"))

    product_type: Mapped[ProductType | None] = relationship()
    options: Mapped[list[ProductOption]] = relationship(
        back_populates="product", order_by="ProductOption.position", cascade="all, delete-orphan"
    )
    media: Mapped[list[Media]] = relationship(order_by="Media.position", cascade="all, delete-orphan")

    __table_args__ = (
        tenant_fk("product_type", "product_type_id"),
        sa.UniqueConstraint("merchant_id", "slug"),
        sa.Index(None, "merchant_id", "title_key", "id"),
        sa.Index(None, "merchant_id", "state", "id"),
        sa.Index(None, "merchant_id", "updated_at", "id"),
        sa.Index(None, "merchant_id", "vendor", "id"),
        sa.CheckConstraint(sa.column("state").in_(PRODUCT_STATES), name="state"),
    )


class ProductCategory(Tenant, Base):
    """A product stands in a category."""

    __tablename__ = "product_category"

    product_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, info=not_pii("key"))
    category_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, info=not_pii("key"))
    position: Mapped[int] = mapped_column(default=0, server_default="0", info=_CATALOGUE)

    __table_args__ = (
        tenant_fk("product", "product_id", ondelete="CASCADE"),
        tenant_fk("category", "category_id", ondelete="RESTRICT"),
        sa.Index(None, "merchant_id", "category_id", "product_id"),
    )


class ProductAttribute(Tenant, Base):
    """The value of one attribute of one product, in the column of its kind."""

    __tablename__ = "product_attribute"

    product_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, info=not_pii("key"))
    attribute_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, info=not_pii("key"))
    text_value: Mapped[str | None] = mapped_column(info=_CATALOGUE)
    number_value: Mapped[Decimal | None] = mapped_column(sa.Numeric(20, 6), info=_CATALOGUE)
    date_value: Mapped[dt.date | None] = mapped_column(info=_CATALOGUE)
    choice_values: Mapped[list[Any] | None] = mapped_column(JSONB, info=_CATALOGUE)

    __table_args__ = (
        tenant_fk("product", "product_id", ondelete="CASCADE"),
        tenant_fk("attribute_definition", "attribute_id", ondelete="CASCADE"),
        sa.Index(None, "merchant_id", "attribute_id", "number_value"),
        sa.Index(
            "product_attribute_text_idx", "merchant_id", "attribute_id", sa.text("left(text_value, 64)")
        ),
    )


class ProductOption(Tenant, IdentityKey, Base):
    """A way in which variants of a product differ: Size, Colour."""

    __tablename__ = "product_option"

    product_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("key"))
    name: Mapped[str] = mapped_column(info=_CATALOGUE)
    position: Mapped[int] = mapped_column(info=_CATALOGUE)

    product: Mapped[Product] = relationship(back_populates="options")
    values: Mapped[list[ProductOptionValue]] = relationship(
        order_by="ProductOptionValue.position", cascade="all, delete-orphan"
    )

    __table_args__ = (
        tenant_fk("product", "product_id", ondelete="CASCADE"),
        sa.UniqueConstraint("merchant_id", "product_id", "name"),
    )


class ProductOptionValue(Tenant, IdentityKey, Base):
    """A choice of an option: Small, Red."""

    __tablename__ = "product_option_value"

    option_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("key"))
    value: Mapped[str] = mapped_column(info=_CATALOGUE)
    position: Mapped[int] = mapped_column(info=_CATALOGUE)

    __table_args__ = (
        tenant_fk("product_option", "option_id", ondelete="CASCADE"),
        sa.UniqueConstraint("merchant_id", "option_id", "value"),
    )


class Variant(Tenant, IdentityKey, Versioned, Timestamped, Base):
    """What is counted, priced and put in a parcel."""

    __tablename__ = "variant"

    product_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("key"))
    sku: Mapped[str] = mapped_column(CODE, info=_CATALOGUE)
    sku_key: Mapped[str] = mapped_column(
        CODE, info=not_pii("catalogue, folded SKU: codes that differ in case are one")
    )
    barcode: Mapped[str | None] = mapped_column(CODE, info=_CATALOGUE)
    barcode_key: Mapped[str | None] = mapped_column(
        CODE, info=not_pii("catalogue, barcode folded for look-up")
    )
    title: Mapped[str] = mapped_column(
        default="", server_default="", info=not_pii("catalogue, option values joined")
    )
    position: Mapped[int] = mapped_column(default=0, server_default="0", info=_CATALOGUE)
    is_active: Mapped[bool] = mapped_column(default=True, server_default=sa.true(), info=not_pii("state"))
    is_stocked: Mapped[bool] = mapped_column(default=True, server_default=sa.true(), info=_CATALOGUE)
    weight_grams: Mapped[int | None] = mapped_column(info=_CATALOGUE)
    unit_cost: Mapped[Decimal | None] = mapped_column(sa.Numeric(20, 6), info=_CATALOGUE)
    low_stock_threshold: Mapped[int | None] = mapped_column(info=_CATALOGUE)
    # What happens when nothing is left: refused, sold to be delivered later, or sold before it is released.
    stock_policy: Mapped[str] = mapped_column(default="deny", server_default="deny", info=_CATALOGUE)
    backorder_limit: Mapped[int | None] = mapped_column(info=_CATALOGUE)
    preorder_until: Mapped[dt.date | None] = mapped_column(info=_CATALOGUE)
    option_values: Mapped[dict[str, Any]] = mapped_column(
        JSONB, default=dict, server_default="{}", info=_CATALOGUE
    )

    product: Mapped[Product] = relationship()

    __table_args__ = (
        tenant_fk("product", "product_id"),
        sa.UniqueConstraint("merchant_id", "sku_key"),
        sa.Index(None, "merchant_id", "product_id", "position", "id"),
        sa.Index(None, "merchant_id", "barcode_key"),
        sa.Index(
            "variant_threshold_idx",
            "merchant_id",
            "id",
            postgresql_where=sa.text("low_stock_threshold IS NOT NULL"),
        ),
        sa.CheckConstraint("weight_grams >= 0", name="weight"),
        sa.CheckConstraint("unit_cost >= 0", name="cost"),
        sa.CheckConstraint(sa.column("stock_policy").in_(STOCK_POLICIES), name="stock_policy"),
        sa.CheckConstraint("backorder_limit >= 0", name="backorder_limit"),
    )

    @validates("barcode")
    def _fold_barcode(self, name: str, value: str | None) -> str | None:
        """Whoever writes a barcode, an import too, keeps the form that look-ups compare in step with it."""
        self.barcode_key = tracking_key(value)
        return value


class VariantComponent(Tenant, Base):
    """So many units of a variant that one unit of a bundle is made of. A component is never a bundle itself."""

    __tablename__ = "variant_component"

    bundle_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, info=not_pii("key"))
    component_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, info=not_pii("key"))
    quantity: Mapped[int] = mapped_column(info=_CATALOGUE)

    __table_args__ = (
        tenant_fk("variant", "bundle_id", ondelete="CASCADE"),
        tenant_fk("variant", "component_id", ondelete="RESTRICT"),
        sa.Index(None, "merchant_id", "component_id", "bundle_id"),
        sa.CheckConstraint("quantity BETWEEN 1 AND 10000", name="quantity"),
        sa.CheckConstraint("bundle_id <> component_id", name="itself"),
    )


class Price(Tenant, IdentityKey, Versioned, Timestamped, Base):
    """The price of a variant in a currency, for all channels. One price: the unique key says so."""

    __tablename__ = "price"

    variant_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("key"))
    currency: Mapped[str] = mapped_column(sa.CHAR(3), info=not_pii("money"))
    amount: Mapped[Decimal] = mapped_column(sa.Numeric(20, 6), info=not_pii("money"))
    compare_at: Mapped[Decimal | None] = mapped_column(sa.Numeric(20, 6), info=not_pii("money"))

    __table_args__ = (
        tenant_fk("variant", "variant_id", ondelete="CASCADE"),
        sa.UniqueConstraint("merchant_id", "variant_id", "currency"),
        sa.CheckConstraint("amount >= 0", name="amount"),
        sa.CheckConstraint("compare_at IS NULL OR compare_at >= amount", name="compare_at"),
    )


class Media(Tenant, IdentityKey, Base):
    """A picture of a product: a stored file of ours, or the address it was imported from."""

    __tablename__ = "media"

    product_id: Mapped[int] = mapped_column(sa.BigInteger, info=not_pii("key"))
    variant_id: Mapped[int | None] = mapped_column(sa.BigInteger, info=not_pii("key"))
    storage_key: Mapped[str | None] = mapped_column(info=_CATALOGUE)
    source_url: Mapped[str | None] = mapped_column(info=_CATALOGUE)
    content_hash: Mapped[str | None] = mapped_column(CODE, info=_CATALOGUE)
    alt_text: Mapped[str] = mapped_column(default="", server_default="", info=_CATALOGUE)
    position: Mapped[int] = mapped_column(default=0, server_default="0", info=_CATALOGUE)
    width: Mapped[int | None] = mapped_column(info=_CATALOGUE)
    height: Mapped[int | None] = mapped_column(info=_CATALOGUE)

    __table_args__ = (
        tenant_fk("product", "product_id", ondelete="CASCADE"),
        tenant_fk("variant", "variant_id", ondelete="CASCADE"),
        sa.Index(None, "merchant_id", "product_id", "position"),
        sa.CheckConstraint("storage_key IS NOT NULL OR source_url IS NOT NULL", name="source"),
    )
