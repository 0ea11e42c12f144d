"""A pick list on paper, for those who fetch without a phone. It names no buyer."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import sqlalchemy as sa

from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.errors import NotFoundError
from portal.orders.documents.codes import bars
from portal.orders.documents.letterheads import hand_of, seller_of
from portal.orders.documents.papers import Cell, Column, Paper, Table
from portal.orders.documents.settings import document_settings, merchant_in_scope
from portal.orders.documents.slips import logos_of
from portal.orders.documents.typesetting import pdf_of
from portal.orders.models import PickList
from portal.orders.picking.queries import lines_with_orders
from portal.stock.models import Location


def pick_list(list_id: int) -> tuple[int, bytes]:
    """What is fetched for which order, in the order of the walk: the list's number, and a PDF in the merchant's language.

    Raises:
        NotFoundError: there is no such list.
    """
    found = db.session.execute(
        sa.select(PickList.number, PickList.created_at, Location.name)
        .join(Location, sa.and_(Location.merchant_id == PickList.merchant_id, Location.id == PickList.location_id))
        .where(PickList.id == list_id)
    ).one_or_none()  # fmt: skip
    if found is None:
        raise NotFoundError("There is no such pick list.")
    settings, merchant = document_settings(), merchant_in_scope()
    hand = hand_of(settings.language, settings.country_code, merchant.time_zone, seller=settings.country_code)
    words = hand.words
    columns = [
        Column(words("done"), "center"), Column(words("quantity"), "end"), Column("SKU"), Column(words("item"), wide=True),
        Column(words("order")),
    ]  # fmt: skip
    rows: list[list[str | Cell]] = [
        ["☐", hand.number(line["wanted"]), line["sku"], line["title"], line["number"]]
        for line in lines_with_orders(list_id)
    ]
    code = bars(str(found.number))
    paper = Paper(
        heading=f"{words('pick_list')} {found.number}", seller=seller_of(settings, hand), language=words.language, direction=words.direction,
        paper=settings.paper, facts=[[words("location"), found.name], [words("dated"), hand.date(found.created_at.astimezone(ZoneInfo(merchant.time_zone)).date())]],
        goods=Table(columns, rows), codes=[code] if code else [], boxes=[words("picked_by"), words("checked_by")],
        page_words=words.raw("page"), logo=settings.logo_key,
    )  # fmt: skip
    return found.number, pdf_of([paper], made_at=utc_now(), logos=logos_of(settings))
