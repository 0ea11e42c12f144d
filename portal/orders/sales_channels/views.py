"""Settings of sales channels."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, get_or_404, requires
from portal.catalog.conflicts import stale_answer
from portal.catalog.forms import refuse
from portal.core.database import db
from portal.core.errors import DomainError, StaleError
from portal.core.http import render, see_other, toast
from portal.core.merging import pack_base, unpack_base
from portal.core.once import made_at, sent_once
from portal.orders.models import SalesChannel
from portal.orders.sales_channels import services
from portal.orders.sales_channels.forms import SalesChannelForm

bp: Final = Blueprint("sales_channels", __name__, url_prefix="/settings/sales-channels")


@bp.get("")
@requires("settings.view")
def sales_channels() -> Response:
    return render("orders/channels/channels.html", channels=services.all_channels(), kinds=services.KINDS)


@bp.get("/new")
@requires("settings.edit")
def new_sales_channel() -> Response:
    return _page(SalesChannelForm(formdata=None), None)


@bp.post("/new")
@requires("settings.edit")
@sent_once
def create_sales_channel() -> ResponseReturnValue:
    form = SalesChannelForm()
    if not form.validate():
        return _page(form, None, status=422)
    try:
        services.create_channel(form.typed(), by=current_actor())
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "name")
        return _page(form, None, status=error.status)
    toast("The sales channel is there.")
    return made_at(url_for("sales_channels.sales_channels"))


@bp.get("/<int:channel_id>")
@requires("settings.edit")
def edit_sales_channel(channel_id: int) -> Response:
    channel = get_or_404(SalesChannel, channel_id)
    values = services.values_of(channel)
    form = SalesChannelForm(
        formdata=None,
        obj=channel,
        data={"version": str(channel.version), "base": pack_base(values)},
    )
    return _page(form, channel)


@bp.post("/<int:channel_id>")
@requires("settings.edit")
def save_sales_channel(channel_id: int) -> ResponseReturnValue:
    channel, form = get_or_404(SalesChannel, channel_id, lock=True), SalesChannelForm()
    if not form.validate():
        return _page(form, channel, status=422)
    try:
        services.change_channel(
            channel, form.typed(), base=unpack_base(form.base.data or ""), by=current_actor()
        )
    except StaleError as error:
        typed = form.typed()
        return stale_answer(
            form,
            error,
            now=services.values_of(channel),
            mine={
                "name": typed.name,
                "code": typed.code,
                "kind": typed.kind,
                "safety_buffer": str(typed.safety_buffer),
                "is_active": "y" if typed.is_active else "",
            },
            words=_words,
            action_url=url_for("sales_channels.save_sales_channel", channel_id=channel_id),
            heading=channel.name,
            back_url=url_for("sales_channels.sales_channels"),
            back_label="Sales channels",
        )
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "name")
        return _page(form, get_or_404(SalesChannel, channel_id), status=error.status)
    db.session.commit()
    toast("The sales channel is saved.")
    return see_other(url_for("sales_channels.sales_channels"))


def _words(name: str, value: str) -> str:
    if name == "is_active":
        return "In use" if value else "Not in use"
    return services.KINDS.get(value, value) if name == "kind" else value


def _page(form: SalesChannelForm, channel: SalesChannel | None, *, status: int = 200) -> Response:
    return render("orders/channels/edit_channel.html", form=form, channel=channel, status=status)
