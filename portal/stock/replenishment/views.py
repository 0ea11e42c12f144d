"""The screens of replenishment: what to order, the thresholds, who is told."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, get_or_404, get_row_or_404, requires
from portal.catalog.conflicts import stale_answer
from portal.catalog.forms import refuse, texts, version_of
from portal.catalog.models import Variant
from portal.catalog.queries import history
from portal.core.database import db
from portal.core.errors import DomainError, StaleError
from portal.core.http import render, render_region, see_other, toast
from portal.core.listing import neighbours, show_list
from portal.core.merging import pack_base, unpack_base
from portal.core.once import made_at, sent_once
from portal.stock import queries
from portal.stock.models import ReplenishmentRule
from portal.stock.papers import names_of, place_names
from portal.stock.replenishment import services
from portal.stock.replenishment.drafting import draft_proposal
from portal.stock.replenishment.forms import RuleForm, SettingForm
from portal.stock.replenishment.listings import RULES
from portal.stock.replenishment.proposals import MOST_PROPOSED
from portal.stock.replenishment.proposals import proposals as read_proposals
from portal.stock.replenishment.queries import running_low

bp = Blueprint("replenishment", __name__, url_prefix="/stock/replenishment")


@bp.get("")
@requires("stock.view")
def proposals() -> Response:
    """What to order, by supplier."""
    found = read_proposals()
    is_cut = sum(len(each.needs) for each in found) >= MOST_PROPOSED
    return render("stock/replenishment/proposals.html", proposals=found, is_cut=is_cut)


@bp.post("/suppliers/<int:supplier_id>/drafts")
@requires("stock.edit")
@sent_once
def draft(supplier_id: int) -> ResponseReturnValue:
    """One click from the proposal to a draft."""
    try:
        made = [purchase.id for purchase in draft_proposal(supplier_id, by=current_actor())]
    except DomainError as error:
        db.session.rollback()
        if error.status == 404:
            raise
        toast(error.message, "warning")
        return see_other(url_for("replenishment.proposals"))
    toast(
        "The purchase order is drafted. Look it over, then order it."
        if len(made) == 1
        else f"{len(made)} purchase orders are drafted, one per location."
    )
    if len(made) == 1:
        return made_at(url_for("purchasing.purchase", purchase_id=made[0]))
    return made_at(url_for("purchasing.purchases", f=["1.state.is.draft", f"2.supplier.is.{supplier_id}"]))


@bp.get("/thresholds")
@requires("stock.view")
def rules() -> ResponseReturnValue:
    return show_list(RULES, "stock/replenishment/rules.html")


@bp.get("/thresholds/new")
@requires("stock.edit")
def new_rule() -> Response:
    values = {"code": request.args.get("code", "")[:100], "location_id": request.args.get("location", "")}
    return _form_page(RuleForm(formdata=None, data=values), None)


@bp.post("/thresholds/new")
@requires("stock.edit")
@sent_once
def create_rule() -> ResponseReturnValue:
    form = RuleForm()
    try:
        services.add_rule(texts(form), by=current_actor())
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "code")
        return _form_page(form, None, status=error.status)
    toast("The threshold is set.")
    return made_at(url_for("replenishment.rules"))


@bp.get("/thresholds/<int:rule_id>")
@requires("stock.view")
def edit_rule(rule_id: int) -> Response:
    found = get_or_404(ReplenishmentRule, rule_id)
    values = services.rule_texts(found)
    form = RuleForm(formdata=None, data={**values, "version": found.version, "base": pack_base(values)})
    return _form_page(form, found)


@bp.post("/thresholds/<int:rule_id>")
@requires("stock.edit")
def save_rule(rule_id: int) -> ResponseReturnValue:
    found, form = get_or_404(ReplenishmentRule, rule_id, lock=True), RuleForm()
    try:
        services.change_rule(found, texts(form), base=unpack_base(form.base.data or ""), by=current_actor())
    except StaleError as error:
        return _stale(found, form, error)
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "minimum")
        return _form_page(form, get_or_404(ReplenishmentRule, rule_id), status=error.status)
    db.session.commit()
    toast("The threshold is saved.")
    return see_other(url_for("replenishment.rules"))


@bp.post("/thresholds/<int:rule_id>/remove")
@requires("stock.edit")
def remove_rule(rule_id: int) -> ResponseReturnValue:
    services.remove_rule(get_or_404(ReplenishmentRule, rule_id, lock=True), by=current_actor())
    db.session.commit()
    toast("The threshold is removed.")
    return see_other(url_for("replenishment.rules"))


@bp.get("/variants/<int:variant_id>")
@requires("stock.view")
def variant_rules(variant_id: int) -> Response:
    """The thresholds of one variant, for its page."""
    variant = get_row_or_404(sa.select(Variant).where(Variant.id == variant_id))
    found = db.session.scalars(
        sa.select(ReplenishmentRule)
        .where(ReplenishmentRule.variant_id == variant_id)
        .order_by(ReplenishmentRule.location_id)
    ).all()
    return render_region(
        "stock/replenishment/_variant_rules.html",
        title="Thresholds",
        variant=variant,
        rules=found,
        places=place_names(rule.location_id for rule in found),
        may_add=len(found) < len(queries.locations()),
    )


@bp.get("/worklist")
@requires("stock.view", passive=True)
def worklist() -> Response:
    """What runs low, for home."""
    rows, total = running_low()
    return render_region("stock/replenishment/_worklist.html", title="Low stock", rows=rows, total=total)


@bp.get("/settings")
@requires("settings.view")
def settings() -> Response:
    found = services.setting()
    data = {"notify_email": found.notify_email, "is_active": found.is_active, "version": found.version}
    return _settings_page(SettingForm(formdata=None, data=data))


@bp.post("/settings")
@requires("settings.edit")
def save_settings() -> ResponseReturnValue:
    form = SettingForm()
    try:
        values = {"notify_email": form.notify_email.data, "is_active": form.is_active.data}
        services.save_setting(values, version=version_of(request.form), by=current_actor())
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "notify_email")
        return _settings_page(form, status=error.status)
    db.session.commit()
    toast("The settings are saved.")
    return see_other(url_for("replenishment.settings"))


def _form_page(form: RuleForm, found: ReplenishmentRule | None, *, status: int = 200) -> Response:
    previous_url, next_url = neighbours(RULES, found.id if found else 0, request.args.get("list"))
    return render(
        "stock/replenishment/edit_rule.html",
        form=form,
        rule=found,
        variant=names_of([found.variant_id])[found.variant_id] if found else None,
        place=place_names([found.location_id])[found.location_id] if found else None,
        previous_url=previous_url,
        next_url=next_url,
        status=status,
    )


def _stale(found: ReplenishmentRule, form: RuleForm, error: StaleError) -> Response:
    where = place_names([found.location_id])[found.location_id]
    return stale_answer(
        form,
        error,
        now=services.rule_texts(found),
        mine=texts(form),
        action_url=url_for("replenishment.edit_rule", rule_id=found.id),
        heading=f"{names_of([found.variant_id])[found.variant_id].sku} at {where}",
        back_url=url_for("replenishment.rules"),
        back_label="Thresholds",
        history=history(services.SUBJECT, found.id, most=1),
    )


def _settings_page(form: SettingForm, *, status: int = 200) -> Response:
    return render("stock/replenishment/settings.html", form=form, status=status)
