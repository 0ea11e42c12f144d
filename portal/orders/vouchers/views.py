"""Vouchers: the list, a new one, changing one."""

from __future__ import annotations

from typing import Final
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, current_identity, get_or_404, requires
from portal.catalog.conflicts import stale_answer
from portal.catalog.forms import refuse
from portal.core.database import db
from portal.core.errors import DomainError, StaleError
from portal.core.http import render, see_other, toast
from portal.core.listing import show_list
from portal.core.merging import pack_base, unpack_base
from portal.core.once import made_at, sent_once
from portal.orders.models import Voucher
from portal.orders.vouchers import services
from portal.orders.vouchers.forms import VoucherForm
from portal.orders.vouchers.listings import VOUCHERS

bp: Final = Blueprint("vouchers", __name__, url_prefix="/vouchers")


@bp.get("")
@requires("orders.view")
def vouchers() -> ResponseReturnValue:
    return show_list(VOUCHERS, "orders/vouchers/vouchers.html")


@bp.get("/new")
@requires("catalog.price")
def new_voucher() -> Response:
    shop = current_identity().merchant
    values = {"currency": shop.currency if shop else "", "is_active": True}
    return _page(VoucherForm(formdata=None, data=values).offer_currencies(), None)


@bp.post("/new")
@requires("catalog.price")
@sent_once
def create_voucher() -> ResponseReturnValue:
    form = VoucherForm().offer_currencies()
    if not form.validate():
        return _page(form, None, status=422)
    try:
        services.create_voucher(form.typed(), zone=_zone(), by=current_actor())
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "code")
        return _page(form, None, status=error.status)
    toast("The voucher is there.")
    return made_at(url_for("vouchers.vouchers"))


@bp.get("/<int:voucher_id>")
@requires("orders.view")
def edit_voucher(voucher_id: int) -> Response:
    voucher = get_or_404(Voucher, voucher_id)
    values = services.voucher_values(voucher, _zone())
    form = VoucherForm(
        formdata=None, data=values | {"version": str(voucher.version), "base": pack_base(values)}
    )
    form.is_active.data = bool(values["is_active"])
    return _page(form.offer_currencies(), voucher)


@bp.post("/<int:voucher_id>")
@requires("catalog.price")
def save_voucher(voucher_id: int) -> ResponseReturnValue:
    voucher = get_or_404(Voucher, voucher_id, lock=True)
    form = VoucherForm().offer_currencies()
    mine = form.typed()
    try:
        services.change_voucher(
            voucher, mine, base=unpack_base(form.base.data or ""), zone=_zone(), by=current_actor()
        )
    except StaleError as error:
        return stale_answer(
            form,
            error,
            now=services.voucher_values(voucher, _zone()),
            mine=mine,
            action_url=url_for("vouchers.save_voucher", voucher_id=voucher_id),
            heading=voucher.code,
            back_url=url_for("vouchers.vouchers"),
            back_label="Vouchers",
        )
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "code")
        return _page(form, get_or_404(Voucher, voucher_id), status=error.status)
    db.session.commit()
    toast("The voucher is saved.")
    return see_other(url_for("vouchers.vouchers"))


def _page(form: VoucherForm, voucher: Voucher | None, *, status: int = 200) -> Response:
    return render("orders/vouchers/edit_voucher.html", form=form, voucher=voucher, status=status)


def _zone() -> ZoneInfo:
    shop = current_identity().merchant
    return ZoneInfo(shop.time_zone if shop else "UTC")
