"""Acts on many articles of a shop: a page of ticked ones at once; more, or all that match, as a job that is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from flask import request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, requires
from portal.channels import bulk, services
from portal.channels.listings import ARTICLE_STATES, ARTICLES
from portal.channels.models import ChannelAccount, ChannelListing
from portal.channels.views import bp
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.http import render, see_other, toast
from portal.core.jobs import enqueue
from portal.core.listing import list_address, selection_of
from portal.core.once import made_at, sent_once
from portal.core.selected import arguments_of, chosen_by, set_aside, states_of


@bp.post("/<int:account_id>/articles/push")
@requires("channels.edit")
def push_articles(account_id: int) -> ResponseReturnValue:
    return _act(services.account_of(account_id), "push")


@bp.post("/<int:account_id>/articles/pause")
@requires("channels.edit")
def pause_articles(account_id: int) -> ResponseReturnValue:
    return _act(services.account_of(account_id), "pause")


@bp.post("/<int:account_id>/articles/resume")
@requires("channels.edit")
def resume_articles(account_id: int) -> ResponseReturnValue:
    return _act(services.account_of(account_id), "resume")


@bp.post("/<int:account_id>/articles/start")
@requires("channels.edit")
@sent_once
def start_articles(account_id: int) -> ResponseReturnValue:
    """Begin. Pressed twice, it is the same job."""
    account, act = services.account_of(account_id), request.form.get("act", "")
    if act not in bulk.ACTS:
        raise DomainError("Choose what to do.", field="act")
    bulk.require_possible(account, act)
    chosen = chosen_by(ARTICLES, request.form.get("chosen", ""), by=current_actor())
    job = enqueue(
        "channels.articles", {**arguments_of(chosen), "account_id": account_id, "act": act}, by=current_actor(),
        total=chosen.total, unique_key=chosen.word,
    )  # fmt: skip
    url = url_for("operations.job", job_id=job.id)
    toast(f"{bulk.ACTS[act].title}: the job has started.", url=url, link="See the job")
    return made_at(url)


def _act(account: ChannelAccount, act: str) -> ResponseReturnValue:
    """Do it, when the rows were ticked and fit on a page; else count what was chosen, set it aside and ask."""
    bulk.require_possible(account, act)
    selection = selection_of(ARTICLES, request.form)
    if selection.state is None and len(selection.keys) <= ARTICLES.page_size:
        return _at_once(account, selection.keys, act)
    chosen = set_aside(ARTICLES, selection, by=current_actor())
    db.session.commit()
    return render(
        "channels/check_articles.html", account=account, chosen=chosen, act=act, title=bulk.ACTS[act].title,
        words=bulk.ACTS[act].words, states=states_of(ChannelListing.__table__, ARTICLE_STATES, chosen.keys), list_url=_list_url(),
    )  # fmt: skip


def _at_once(account: ChannelAccount, listing_ids: Sequence[int], act: str) -> ResponseReturnValue:
    results = bulk.change_together(account.id, listing_ids, act, by=current_actor())
    bulk.ring(account.id, act, by=current_actor())
    db.session.commit()
    toast(_told(results, act))
    return see_other(_list_url())


def _told(results: Sequence[bulk.Result], act: str) -> str:
    """ "2 articles are paused. 1 is left alone: …", with each reason once."""
    done = sum(each.is_done for each in results)
    refused = Counter(each.words for each in results if not each.is_done)
    one, many = ARTICLES.noun
    told = [
        f"{done or 'No'} {one if done < 2 else many} {'is' if done < 2 else 'are'} {bulk.ACTS[act].done}."
    ]
    told += [f"{count} {'is' if count == 1 else 'are'} left alone: {why}" for why, count in refused.items()]
    return " ".join(told)


def _list_url() -> str:
    return list_address(ARTICLES, url_for("channels.channel_articles"), request.form.get("list"))
