"""Pictures of products: upload, describe, order, remove, show."""

from __future__ import annotations

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, requires
from portal.catalog import pictures
from portal.catalog.forms import PictureForm, refuse
from portal.catalog.views.blueprint import bp, media_or_404, product_or_404
from portal.catalog.views.products import product_page
from portal.core.database import db
from portal.core.errors import DomainError, NotFoundError
from portal.core.http import cacheable, see_other, toast
from portal.core.once import made_at, sent_once

KEEP_SECONDS = 7 * 24 * 3600


@bp.get("/pictures/<int:media_id>/<any(full, thumb):size>")
@requires("catalog.view", passive=True)
def picture(media_id: int, size: str) -> Response:
    """The picture itself. Its bytes never change, so the browser keeps it for a week."""
    found = media_or_404(media_id)
    if found.storage_key is None:
        raise NotFoundError("This picture stands at another address.")
    response = Response(mimetype="image/webp")
    response.set_etag(f"{found.content_hash}-{size}")
    response.headers["Content-Disposition"] = "inline"
    if response.make_conditional(request).status_code != 304:
        response.set_data(pictures.picture_bytes(found, size))
    return cacheable(response, KEEP_SECONDS)


@bp.post("/products/<int:product_id>/pictures")
@requires("catalog.edit")
@sent_once
def add_picture(product_id: int) -> ResponseReturnValue:
    found, form = product_or_404(product_id, lock=True), PictureForm()
    upload = form.picture.data
    try:
        data = upload.read(pictures.LIMITS.most_bytes + 1) if upload else b""
        pictures.add_picture(
            found,
            pictures.read_picture(data),
            filename=getattr(upload, "filename", "") or "",
            alt_text=form.alt_text.data or "",
            by=current_actor(),
        )
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "picture")
        return product_page(product_or_404(product_id), picture_form=form, status=error.status)
    toast("The picture is added.")
    return made_at(_pictures_url(product_id))


@bp.post("/products/<int:product_id>/pictures/order")
@requires("catalog.edit")
def order_pictures(product_id: int) -> ResponseReturnValue:
    found = product_or_404(product_id, lock=True)
    pictures.order_pictures(found, request.form.getlist("media", type=int), by=current_actor())
    db.session.commit()
    return see_other(_pictures_url(product_id))


@bp.post("/pictures/<int:media_id>")
@requires("catalog.edit")
def describe_picture(media_id: int) -> ResponseReturnValue:
    found = media_or_404(media_id)
    product = product_or_404(found.product_id, lock=True)
    try:
        pictures.describe_picture(product, found, request.form.get("alt_text", ""), by=current_actor())
    except DomainError as error:
        db.session.rollback()
        toast(error.message, "danger")
        return see_other(_pictures_url(product.id))
    db.session.commit()
    toast("The description is saved.")
    return see_other(_pictures_url(found.product_id))


@bp.post("/pictures/<int:media_id>/remove")
@requires("catalog.edit")
def remove_picture(media_id: int) -> ResponseReturnValue:
    found = media_or_404(media_id)
    product = product_or_404(found.product_id, lock=True)
    pictures.remove_picture(product, found, by=current_actor())
    product_id = product.id
    db.session.commit()
    toast("The picture is removed.")
    return see_other(_pictures_url(product_id))


def _pictures_url(product_id: int) -> str:
    return url_for("catalog.product", product_id=product_id, _anchor="pictures")
