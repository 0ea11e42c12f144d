"""The products and customers an order history names: those that stand are used, the others are made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import sqlalchemy as sa

from portal.catalog.models import Product
from portal.catalog.naming import title_key
from portal.core.database import current_merchant_id, db
from portal.imports.connection import copy_into, copy_text, execute
from portal.imports.history.rules import country_code
from portal.imports.journal import journal
from portal.imports.naming import slug_of
from portal.privacy.suppression import suppressed_before

CHUNK: Final = 5_000

# Titles come from rows that were sold, so that a remark typed into a stock correction never names a product. The most
# frequent wording wins; the most frequent spelling of the code settles codes that differ in case alone.
_SKUS: Final = (
    "DROP TABLE IF EXISTS h_named, h_sku",
    """CREATE TEMP TABLE h_named AS
       SELECT sku_key, code, description, unit_price, unit_price > 0 AND quantity > 0 AS is_sale, count(*) AS times
       FROM h_line WHERE charge IS NULL GROUP BY 1, 2, 3, 4, 5
       UNION ALL
       SELECT sku_key, code, '', 0, false, count(*) FROM h_correction WHERE status IN ('new', 'mine') GROUP BY 1, 2""",
    """CREATE TEMP TABLE h_sku AS
       SELECT s.sku_key, s.code, coalesce(t.description, s.code) AS title, p.unit_price AS list_price, v.id AS variant_id, v.product_id,
              CAST(NULL AS text) AS slug, CAST(NULL AS text) AS title_key, CAST(NULL AS integer) AS chunk
       FROM (SELECT DISTINCT ON (sku_key) sku_key, code FROM h_named GROUP BY sku_key, code
             ORDER BY sku_key, sum(times) DESC, code) s
       LEFT JOIN (SELECT DISTINCT ON (sku_key) sku_key, description FROM h_named WHERE description <> ''
                  GROUP BY sku_key, description
                  ORDER BY sku_key, bool_or(is_sale) DESC, sum(times) DESC, description) t USING (sku_key)
       LEFT JOIN (SELECT DISTINCT ON (sku_key) sku_key, unit_price FROM h_named WHERE is_sale GROUP BY sku_key, unit_price
                  ORDER BY sku_key, sum(times) DESC, unit_price) p USING (sku_key)
       LEFT JOIN variant v ON v.merchant_id = :merchant AND v.sku_key = s.sku_key""",
    "CREATE UNIQUE INDEX ON h_sku (sku_key)",
    "ANALYZE h_sku",
)

_CUSTOMERS: Final = (
    "DROP TABLE IF EXISTS h_customer",
    """CREATE TEMP TABLE h_customer AS
       SELECT o.buyer, o.first_at, o.country, c.id AS customer_id, c.subject_id, CAST(NULL AS integer) AS chunk
       FROM (SELECT buyer, min(at) AS first_at, (array_agg(country ORDER BY at DESC, first_row DESC))[1] AS country
             FROM h_order WHERE buyer <> '' AND status IN ('new', 'mine') GROUP BY buyer) o
       LEFT JOIN customer c ON c.merchant_id = :merchant AND c.external_id = o.buyer""",
    "CREATE UNIQUE INDEX ON h_customer (buyer)",
    "ANALYZE h_customer",
)

_NEW_PRODUCTS: Final = """
    WITH made AS (
        INSERT INTO product (merchant_id, title, title_key, slug, state, source, external_id)
        SELECT :merchant, title, title_key, slug, 'active', 'import', code FROM h_sku
        WHERE chunk = :chunk AND variant_id IS NULL ORDER BY sku_key
        RETURNING id, slug)
    UPDATE h_sku s SET product_id = made.id FROM made WHERE made.slug = s.slug AND s.variant_id IS NULL RETURNING s.product_id
"""
_NEW_VARIANTS: Final = """
    WITH made AS (
        INSERT INTO variant (merchant_id, product_id, sku, sku_key, title)
        SELECT :merchant, product_id, code, sku_key, '' FROM h_sku
        WHERE chunk = :chunk AND variant_id IS NULL ORDER BY sku_key
        RETURNING id, sku_key)
    UPDATE h_sku s SET variant_id = made.id FROM made WHERE made.sku_key = s.sku_key RETURNING s.variant_id
"""
_NEW_PRICES: Final = """
    INSERT INTO price (merchant_id, variant_id, currency, amount)
    SELECT :merchant, variant_id, :currency, list_price FROM h_sku
    WHERE chunk = :chunk AND list_price IS NOT NULL AND variant_id = ANY(:made) ORDER BY variant_id
"""
_NEW_CUSTOMERS: Final = (
    """WITH made AS (
           INSERT INTO data_subject (merchant_id, id)
           SELECT :merchant, subject_id FROM h_customer WHERE chunk = :chunk RETURNING id)
       SELECT count(*) FROM made""",
    """INSERT INTO customer (merchant_id, id, subject_id, external_id, country_code, source)
       SELECT :merchant, customer_id, subject_id, buyer, l.code, 'import'
       FROM h_customer h LEFT JOIN h_country l ON l.name = h.country WHERE chunk = :chunk""",
)


def settle_parties() -> None:
    """Fill ``h_sku``, ``h_customer`` and ``h_country``; ids are empty for what has to be made."""
    merchant = current_merchant_id()
    _leave_out_erased()
    for statement in (*_SKUS, *_CUSTOMERS):
        execute(statement, merchant=merchant)
    execute("DROP TABLE IF EXISTS h_country")
    execute("CREATE TEMP TABLE h_country (name text PRIMARY KEY, code char(2))")
    names = [name for (name,) in execute("SELECT DISTINCT country FROM h_order WHERE country <> ''")]
    copy_into("h_country", (f"{copy_text(name)}\t{country_code(name) or chr(92) + 'N'}\n" for name in names))
    _name_products()


def make_parties(import_id: int, currency: str, commit: Callable[[], None]) -> None:
    """Make the missing products, variants, prices and customers, a chunk per transaction."""
    merchant = current_merchant_id()
    for chunk in range(_chunks("h_sku")):
        values = {"merchant": merchant, "chunk": chunk}
        products = [row[0] for row in execute(_NEW_PRODUCTS, **values)]
        variants = [row[0] for row in execute(_NEW_VARIANTS, **values)]
        execute(_NEW_PRICES, **values, currency=currency, made=variants)
        journal(import_id, "product", products)
        journal(import_id, "variant", variants)
        commit()
    for chunk in range(_chunks("h_customer")):
        for statement in _NEW_CUSTOMERS:
            execute(statement, merchant=merchant, chunk=chunk)
        made = [
            row[0] for row in execute("SELECT customer_id FROM h_customer WHERE chunk = :chunk", chunk=chunk)
        ]
        journal(import_id, "customer", made)
        commit()


def _leave_out_erased() -> None:
    """An order from before its buyer was erased keeps its money and goods and comes as a guest's."""
    buyers = [
        buyer
        for (buyer,) in execute(
            "SELECT DISTINCT buyer FROM h_order WHERE buyer <> '' AND status IN ('new', 'mine') ORDER BY buyer"
        )
    ]
    for start in range(0, len(buyers), CHUNK):
        pairs = [("number", buyer) for buyer in buyers[start : start + CHUNK]]
        for (_, buyer), erased_at in suppressed_before(current_merchant_id(), pairs).items():
            execute(
                "UPDATE h_order SET buyer = '' WHERE buyer = :buyer AND at <= :erased_at",
                buyer=buyer,
                erased_at=erased_at,
            )


def _chunks(table: str) -> int:
    return int(execute(f"SELECT coalesce(max(chunk) + 1, 0) FROM {table}").scalar_one())


def _name_products() -> None:
    """Slugs and search keys are made by the same functions as everywhere, for the codes that are new."""
    new = list(execute("SELECT sku_key, code, title FROM h_sku WHERE variant_id IS NULL ORDER BY sku_key"))
    taken = _taken_slugs({slug_of(title, code) for _, code, title in new})
    execute("DROP TABLE IF EXISTS h_name")
    execute("CREATE TEMP TABLE h_name (sku_key text PRIMARY KEY, slug text, title_key text, chunk integer)")
    lines = []
    for place, (sku_key, code, title) in enumerate(new):
        slug = slug_of(title, code)
        number = 2
        while slug in taken:
            slug = f"{slug_of(title, code)}-{number}"
            number += 1
        taken.add(slug)
        lines.append(
            f"{copy_text(sku_key)}\t{copy_text(slug)}\t{copy_text(title_key(title))}\t{place // CHUNK}\n"
        )
    copy_into("h_name", lines)
    execute(
        "UPDATE h_sku s SET slug = n.slug, title_key = n.title_key, chunk = n.chunk FROM h_name n WHERE n.sku_key = s.sku_key"
    )
    execute(
        """UPDATE h_customer h SET customer_id = new_id(h.first_at), subject_id = new_id(now()), chunk = n.place / :size
               FROM (SELECT buyer, (row_number() OVER (ORDER BY buyer) - 1)::integer AS place
                     FROM h_customer WHERE customer_id IS NULL) n
               WHERE n.buyer = h.buyer""",
        size=CHUNK,
    )


def _taken_slugs(wanted: set[str]) -> set[str]:
    """Slugs that stand and begin as a wanted one, so that a number can be put behind it."""
    found: set[str] = set()
    names = sorted(wanted)
    for start in range(0, len(names), CHUNK):
        query = sa.select(Product.slug).where(
            Product.merchant_id == current_merchant_id(), Product.slug.in_(names[start : start + CHUNK])
        )
        found.update(db.session.scalars(query))
    return found
