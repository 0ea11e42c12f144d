"""Routing rules: the list in its order, and the form of one."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue
from wtforms.fields.choices import SelectChoice

from portal.accounts.access import current_actor, requires
from portal.accounts.api_keys import channel_choices
from portal.catalog.conflicts import stale_answer
from portal.catalog.forms import refuse, texts, version_of
from portal.catalog.queries import history
from portal.core.database import db
from portal.core.errors import DomainError, StaleError
from portal.core.http import render, see_other, toast
from portal.core.merging import pack_base, unpack_base
from portal.core.once import made_at, sent_once
from portal.stock import queries
from portal.stock.models import RoutingRule
from portal.stock.promise_views.blueprint import bp
from portal.stock.promise_views.forms import RoutingRuleForm
from portal.stock.routing import services


@bp.get("/routing")
@requires("settings.view")
def routing() -> Response:
    return render(
        "stock/routing/rules.html",
        rules=services.routing_rules(),
        words=services.STRATEGY_WORDS,
        places=queries.locations(),
        channels=channel_choices(),
    )


@bp.get("/routing/new")
@requires("settings.edit")
def new_rule() -> Response:
    return _page(None, RoutingRuleForm(formdata=None, data={"strategy": "prefer_location"}))


@bp.post("/routing/new")
@requires("settings.edit")
@sent_once
def create_rule() -> ResponseReturnValue:
    form = RoutingRuleForm()
    try:
        services.add_rule(texts(form), by=current_actor())
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "name")
        return _page(None, form, status=error.status)
    toast("The rule is added. It counts from now on.")
    return made_at(url_for("promises.routing"))


@bp.get("/routing/<int:routing_rule_id>")
@requires("settings.edit")
def edit_rule(routing_rule_id: int) -> Response:
    rule = services.rule_of(routing_rule_id)
    values = services.rule_texts(rule)
    return _page(rule, RoutingRuleForm(formdata=None, data=values | {"base": pack_base(values)}))


@bp.post("/routing/<int:routing_rule_id>")
@requires("settings.edit")
def save_rule(routing_rule_id: int) -> ResponseReturnValue:
    rule, form = services.rule_of(routing_rule_id, lock=True), RoutingRuleForm()
    try:
        services.change_rule(rule, texts(form), base=unpack_base(form.base.data or ""), by=current_actor())
    except StaleError as error:
        return _stale(rule, form, error)
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "name")
        return _page(services.rule_of(routing_rule_id), form, status=error.status)
    db.session.commit()
    toast("The rule is saved.")
    return see_other(url_for("promises.routing"))


@bp.post("/routing/<int:routing_rule_id>/position")
@requires("settings.edit")
def move_rule(routing_rule_id: int) -> ResponseReturnValue:
    services.move_rule(routing_rule_id, -1 if request.form.get("step") == "up" else 1, by=current_actor())
    db.session.commit()
    return see_other(url_for("promises.routing", _anchor=f"rule-{routing_rule_id}"))


@bp.post("/routing/<int:routing_rule_id>/activation")
@requires("settings.edit")
def activate_rule(routing_rule_id: int) -> ResponseReturnValue:
    return _switch(routing_rule_id, on=True)


@bp.post("/routing/<int:routing_rule_id>/activation/remove")
@requires("settings.edit")
def deactivate_rule(routing_rule_id: int) -> ResponseReturnValue:
    return _switch(routing_rule_id, on=False)


@bp.post("/routing/<int:routing_rule_id>/removal")
@requires("settings.edit")
def delete_rule(routing_rule_id: int) -> ResponseReturnValue:
    try:
        services.delete_rule(routing_rule_id, version=version_of(request.form), by=current_actor())
        db.session.commit()
    except DomainError as error:
        db.session.rollback()
        toast(error.message, "warning")
    else:
        toast("The rule is deleted.")
    return see_other(url_for("promises.routing"))


def _switch(routing_rule_id: int, *, on: bool) -> ResponseReturnValue:
    services.switch_rule(routing_rule_id, on=on, by=current_actor())
    db.session.commit()
    toast("The rule counts again." if on else "The rule does not count any more.")
    return see_other(url_for("promises.routing"))


def _page(rule: RoutingRule | None, form: RoutingRuleForm, *, status: int = 200) -> Response:
    places = [
        place for place in queries.locations() if place.is_active or str(place.id) == form.location_id.data
    ]
    form.location_id.choices = [
        SelectChoice("", "None"),
        *(SelectChoice(str(place.id), place.name) for place in places),
    ]
    return render(
        "stock/routing/edit_rule.html", rule=rule, form=form, channels=channel_choices(), status=status
    )


def _stale(rule: RoutingRule, form: RoutingRuleForm, error: StaleError) -> Response:
    return stale_answer(
        form,
        error,
        now=services.rule_texts(rule),
        mine=texts(form),
        words=_words,
        action_url=url_for("promises.edit_rule", routing_rule_id=rule.id),
        heading=rule.name,
        back_url=url_for("promises.routing"),
        back_label="Routing",
        history=history("routing_rule", rule.id, most=1),
    )


def _words(name: str, value: str) -> str:
    """What a value of a field is called, where the form holds keys."""
    known: dict[str, dict[str, Any]] = {
        "strategy": dict(services.STRATEGY_WORDS),
        "location_id": {str(place.id): place.name for place in queries.locations()},
        "channel_ids": {str(key): channel for key, channel in channel_choices()},
    }
    return (
        ", ".join(str(known[name].get(each, each)) for each in value.split("\n")) if name in known else value
    )
