"""The screens of single things in a channel: its articles and the orders it sent."""

from __future__ import annotations

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, requires
from portal.channels import articles, matching, queries, services
from portal.channels.forms import MatchForm
from portal.channels.listings import ARTICLES, INBOUND
from portal.channels.models import ChannelListing
from portal.channels.views import bp, order_url
from portal.core.database import db
from portal.core.errors import NotFoundError
from portal.core.http import render, render_region, see_other, toast, whole_key
from portal.core.listing import neighbours, show_list


@bp.get("/<int:account_id>/articles")
@requires("channels.view")
def channel_articles(account_id: int) -> ResponseReturnValue:
    account = services.account_of(account_id)
    return show_list(ARTICLES, "channels/articles.html", account=account, health=queries.health_of(account))


@bp.get("/<int:account_id>/articles/<int:listing_id>")
@requires("channels.view")
def article(account_id: int, listing_id: int) -> Response:
    return _article_page(_listing(account_id, listing_id), MatchForm(formdata=None))


@bp.post("/<int:account_id>/articles/<int:listing_id>/push")
@requires("channels.edit")
def push_article(account_id: int, listing_id: int) -> ResponseReturnValue:
    services.require_running(services.account_of(account_id))
    articles.push_listing(_listing(account_id, listing_id).id, by=current_actor())
    services.request_sync(account_id, by=current_actor(), now=True)
    return _done(account_id, listing_id, "It is sent now.")


@bp.post("/<int:account_id>/articles/<int:listing_id>/pause")
@requires("channels.edit")
def pause_article(account_id: int, listing_id: int) -> ResponseReturnValue:
    articles.pause_listing(_listing(account_id, listing_id).id, True, by=current_actor())
    return _done(account_id, listing_id, "The article is paused. What changes meanwhile is remembered.")


@bp.post("/<int:account_id>/articles/<int:listing_id>/resume")
@requires("channels.edit")
def resume_article(account_id: int, listing_id: int) -> ResponseReturnValue:
    articles.pause_listing(_listing(account_id, listing_id).id, False, by=current_actor())
    services.request_sync(account_id, by=current_actor())
    return _done(account_id, listing_id, "The article goes on.")


@bp.post("/<int:account_id>/articles/<int:listing_id>/match")
@requires("channels.edit")
def match_article(account_id: int, listing_id: int) -> ResponseReturnValue:
    listing, form = _listing(account_id, listing_id), MatchForm()
    variant_id = matching.variant_by_sku(form.sku.data or "") if form.validate() else None
    if variant_id is None:
        if not form.sku.errors:
            form.sku.errors = ["No variant has this SKU. Check it under Products."]
        return _article_page(listing, form, status=422)
    articles.match_listing(listing_id, variant_id, by=current_actor())
    _sync_if_running(account_id)
    return _matched(account_id, listing_id, "The article is matched.")


@bp.post("/<int:account_id>/articles/<int:listing_id>/unmatch")
@requires("channels.edit")
def unmatch_article(account_id: int, listing_id: int) -> ResponseReturnValue:
    articles.match_listing(_listing(account_id, listing_id).id, None, by=current_actor())
    return _done(account_id, listing_id, "The article is not matched any more; nothing is sent for it.")


@bp.post("/<int:account_id>/articles/<int:listing_id>/ignore")
@requires("channels.edit")
def ignore_article(account_id: int, listing_id: int) -> ResponseReturnValue:
    articles.ignore_listing(_listing(account_id, listing_id).id, by=current_actor())
    return _matched(account_id, listing_id, "The article is ignored from now on.")


@bp.get("/<int:account_id>/unmatched")
@requires("channels.view")
def unmatched(account_id: int) -> Response:
    account = services.account_of(account_id)
    rows = [(listing, matching.suggestions(listing)) for listing in queries.unmatched(account_id)]
    return render("channels/unmatched.html", account=account, health=queries.health_of(account), rows=rows)


@bp.get("/<int:account_id>/orders")
@requires("channels.view")
def inbound_orders(account_id: int) -> ResponseReturnValue:
    account = services.account_of(account_id)
    return show_list(
        INBOUND, "channels/inbound_orders.html", account=account, health=queries.health_of(account)
    )


@bp.get("/<int:account_id>/orders/<int:inbound_id>")
@requires("channels.view")
def inbound_order(account_id: int, inbound_id: int) -> Response:
    account, inbound = services.account_of(account_id), services.inbound_of(inbound_id)
    if inbound.account_id != account_id:
        raise NotFoundError("There is no such order in this channel.")
    number = queries.order_number(inbound.order_id)
    previous_url, next_url = neighbours(INBOUND, inbound_id, request.args.get("list"))
    return render(
        "channels/inbound_order.html",
        account=account,
        inbound=inbound,
        number=number,
        order_url=order_url(number),
        previous_url=previous_url,
        next_url=next_url,
    )


@bp.get("/order-source")
@requires("channels.view")
def order_source() -> Response:
    """A region of the page of `?order_id=`; empty for an order that no shop sent."""
    found = queries.source_of_order(request.args.get("order_id", 0, type=whole_key))
    return render_region("channels/_order_source.html", title="Came from", found=found)


@bp.post("/<int:account_id>/orders/<int:inbound_id>/retry")
@requires("channels.edit")
def retry_order(account_id: int, inbound_id: int) -> ResponseReturnValue:
    services.require_running(services.account_of(account_id))
    if services.inbound_of(inbound_id).account_id != account_id:
        raise NotFoundError("There is no such order in this channel.")
    services.retry_order(inbound_id, by=current_actor())
    db.session.commit()
    toast("The order is fetched from the shop and tried again now.")
    return see_other(url_for("channels.inbound_order", account_id=account_id, inbound_id=inbound_id))


def _listing(account_id: int, listing_id: int) -> ChannelListing:
    found = articles.listing_for_change(listing_id)
    if found.account_id != account_id:
        raise NotFoundError(articles.ABSENT)
    return found


def _article_page(listing: ChannelListing, form: MatchForm, *, status: int = 200) -> Response:
    previous_url, next_url = neighbours(ARTICLES, listing.id, request.args.get("list"))
    return render(
        "channels/article.html",
        account=services.account_of(listing.account_id),
        listing=listing,
        form=form,
        variant=matching.variant_of(listing),
        suggestions=[] if listing.variant_id else matching.suggestions(listing),
        previous_url=previous_url,
        next_url=next_url,
        status=status,
    )


def _done(account_id: int, listing_id: int, words: str) -> ResponseReturnValue:
    db.session.commit()
    toast(words)
    return see_other(url_for("channels.article", account_id=account_id, listing_id=listing_id))


def _matched(account_id: int, listing_id: int, words: str) -> ResponseReturnValue:
    """Back to the queue when it was answered there, so that the next one is at hand."""
    if request.form.get("from") != "queue":
        return _done(account_id, listing_id, words)
    db.session.commit()
    toast(words)
    return see_other(url_for("channels.unmatched", account_id=account_id))


def _sync_if_running(account_id: int) -> None:
    if services.account_of(account_id).is_running:
        services.request_sync(account_id, by=current_actor())
