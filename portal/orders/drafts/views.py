"""The composer: one form; every button saves what was typed before it acts, so nothing is lost."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, current_identity, get_or_404, requires
from portal.accounts.forms import country_choices
from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.errors import DomainError, ForbiddenError, NotFoundError
from portal.core.http import can, render, render_region, see_other, toast, wants_fragment, whole_key
from portal.core.listing import show_list
from portal.core.money import minor_units
from portal.core.once import made_at, sent_once
from portal.core.reveal import log_view
from portal.orders.delivery import delivery_choices, delivery_word, parsed_delivery
from portal.orders.drafts import finding, services
from portal.orders.drafts.listings import DRAFTS
from portal.orders.models import ComposedOrder, Order
from portal.orders.payments.services import create_link
from portal.orders.pricing import Priced
from portal.orders.sales_channels.services import channel_choices

bp: Final = Blueprint("drafts", __name__, url_prefix="/drafts")
FIELDS: Final = (*services.DETAILS, "shipping_amount", "discount_amount", "discount_percent")
SHOWN: Final = (*services.PERSON, *services.ADDRESS)


@dataclasses.dataclass(slots=True)
class _Refused:
    """Why something was not done, beside the field it is about, and what was typed meanwhile."""

    message: str = ""
    field: str = ""
    status: int = 200
    typed: dict[str, str] = dataclasses.field(default_factory=dict)


@bp.get("")
@requires("orders.view")
def drafts() -> ResponseReturnValue:
    return show_list(DRAFTS, "orders/drafts/drafts.html")


@bp.post("")
@requires("orders.edit")
@sent_once
def create_draft() -> ResponseReturnValue:
    shop = current_identity().merchant
    assert shop is not None
    made = services.create_draft(
        currency=shop.currency,
        tax_inclusive=shop.prices_include_tax,
        country=shop.country,
        by=current_actor(),
    )
    draft_id = made.id
    return made_at(url_for("drafts.draft", draft_id=draft_id))


@bp.get("/<int:draft_id>")
@requires("orders.view")
def draft(draft_id: int) -> Response:
    return _page(draft_id, _Refused())


@bp.post("/<int:draft_id>")
@requires("orders.edit")
def save_draft(draft_id: int) -> ResponseReturnValue:
    """Recalculate: keeps what was typed and shows what it costs."""
    return _act(draft_id, lambda found: None)


@bp.post("/<int:draft_id>/preview")
@requires("orders.edit")
def preview_draft(draft_id: int) -> Response:
    """What it would cost as it is typed now; nothing is kept."""
    try:
        found = services.open_draft(draft_id)
        _save(found)
        priced, trouble = _quote(found, services.lines_of(found))
        answer = _totals(found, priced, trouble)
    except NotFoundError:
        raise
    except DomainError as error:
        db.session.rollback()
        found = _draft(draft_id)
        answer = _totals(found, None, error.message)
    db.session.rollback()
    return answer


@bp.post("/<int:draft_id>/lines")
@requires("orders.edit")
@sent_once
def add_line(draft_id: int) -> ResponseReturnValue:
    def act(found: ComposedOrder) -> None:
        chosen = request.form.get("variant_id", type=whole_key)
        if chosen is not None:
            services.add_variant(found, chosen)
            return
        text = request.form.get("find", "")
        matches = finding.find_variants(text, found.currency)
        exact = [match for match in matches if match.is_exact]
        if len(exact) == 1:
            services.add_variant(found, exact[0].id)
        elif not matches:
            raise DomainError(f"Nothing that is sold matches “{text.strip()[:60]}”.", field="find")

    return _act(draft_id, act, keep=("find",))


@bp.post("/<int:draft_id>/lines/<int:line_id>/removal")
@requires("orders.edit")
def remove_line(draft_id: int, line_id: int) -> ResponseReturnValue:
    return _act(draft_id, lambda found: services.remove_line(found, line_id), without=line_id)


@bp.post("/<int:draft_id>/customer")
@requires("orders.edit")
def choose_customer(draft_id: int) -> ResponseReturnValue:
    """Find one by what was typed, choose one of those found, or let the chosen one go."""

    def act(found: ComposedOrder) -> None:
        if not can("customers.view"):
            raise ForbiddenError("Your role does not let you look customers up.", field="who")
        if request.form.get("another"):
            services.choose_customer(found, None)
        elif (customer_id := request.form.get("customer_id", type=whole_key)) is not None:
            services.choose_customer(found, customer_id)
        elif not finding.find_customers(request.form.get("who", ""), found.country_code):
            raise DomainError("No customer matches. Type the buyer below.", field="who")

    return _act(draft_id, act, keep=("who",))


@bp.post("/<int:draft_id>/reservation")
@requires("orders.edit")
def keep_units(draft_id: int) -> ResponseReturnValue:
    return _act(
        draft_id,
        lambda found: services.keep_units(found, by=current_actor()),
        done="The units are kept for this draft.",
    )


@bp.post("/<int:draft_id>/reservation/removal")
@requires("orders.edit")
def let_units_go(draft_id: int) -> ResponseReturnValue:
    return _act(
        draft_id,
        lambda found: services.let_units_go(found, by=current_actor()),
        done="The units are on sale again.",
    )


@bp.post("/<int:draft_id>/placement")
@requires("orders.edit")
@sent_once
def place_draft(draft_id: int) -> ResponseReturnValue:
    by = current_actor()
    try:
        found = services.open_draft(draft_id, version=_version())
        _save(found)
        placed = services.place_draft(found, by=by)
        if request.form.get("pay") == "link":
            total = db.session.scalars(_total_of(placed.order_id)).one()
            if total > 0:
                create_link(placed.order_id, total, by=by)
    except DomainError as error:
        return _refuse(draft_id, error)
    if placed.hold_reason:
        toast(f"Order {placed.number} is placed and on hold: {placed.hold_reason}.", "warning")
    else:
        toast(f"Order {placed.number} is placed.")
    return made_at(url_for("orders.order", number=placed.number))


@bp.post("/<int:draft_id>/removal")
@requires("orders.edit")
def discard_draft(draft_id: int) -> ResponseReturnValue:
    try:
        services.discard_draft(services.open_draft(draft_id), by=current_actor())
    except DomainError as error:
        return _refuse(draft_id, error)
    db.session.commit()
    toast("The draft is discarded.")
    return see_other(url_for("drafts.drafts"))


def _act(
    draft_id: int,
    act: Callable[[ComposedOrder], Any],
    *,
    done: str | None = None,
    keep: tuple[str, ...] = (),
    without: int | None = None,
) -> ResponseReturnValue:
    try:
        found = services.open_draft(draft_id, version=_version())
        _save(found, without=without)
        act(found)
    except DomainError as error:
        return _refuse(draft_id, error)
    searched = {name: request.form[name] for name in keep if request.form.get(name, "").strip()}
    if {"variant_id", "customer_id", "another"} & request.form.keys():
        searched = {}
    if done:
        toast(done)
    return made_at(
        url_for("drafts.draft", draft_id=draft_id, find=searched.get("find"), who=searched.get("who")),
        shown=(lambda: _page(draft_id, _Refused(typed=searched))) if wants_fragment() else None,
    )


def _save(found: ComposedOrder, *, without: int | None = None) -> None:
    """Keep everything the form holds; the fields that this request does not send stay."""
    sent = request.form
    if "name" in sent:
        services.change_details(found, {name: sent.get(name) for name in FIELDS})
    if (channel_id := sent.get("channel_id", type=whole_key)) is not None:
        services.choose_channel(found, channel_id)
    if "delivery" in sent:
        services.choose_delivery(found, *parsed_delivery(sent["delivery"]))
    for line in services.lines_of(found):
        if f"quantity-{line.id}" in sent and line.id != without:
            services.change_line(
                line,
                quantity=sent[f"quantity-{line.id}"],
                unit_price=sent.get(f"price-{line.id}"),
                reason=sent.get(f"reason-{line.id}"),
                currency=found.currency,
                may_price=can("catalog.price"),
                by=current_actor(),
            )
    # Lines are rows of their own; the draft's version tells of them, too.
    found.updated_at = utc_now()
    db.session.flush()


def _refuse(draft_id: int, error: DomainError) -> ResponseReturnValue:
    if isinstance(error, NotFoundError):
        raise error
    db.session.rollback()
    return _page(draft_id, _Refused(error.message, error.field or "", error.status, request.form.to_dict()))


def _page(draft_id: int, refused: _Refused) -> Response:
    found = _draft(draft_id)
    lines = services.lines_of(found)
    priced, trouble = _quote(found, lines)
    if found.subject_id is not None and found.state == "draft":
        log_view(current_actor(), [found.subject_id], case=("draft", found.id), fields=SHOWN)
    looked_for = {name: refused.typed.get(name, request.args.get(name, "")) for name in ("find", "who")}
    return render(
        "orders/drafts/draft.html",
        draft=found,
        lines=lines,
        values=_values(found) | {name: text for name, text in refused.typed.items() if name in FIELDS},
        typed=refused.typed,
        priced=priced,
        by_line={line.n: line for line in priced.totals.lines} if priced else {},
        trouble=trouble,
        refused=refused,
        looked_for=looked_for,
        variants=finding.find_variants(looked_for["find"], found.currency) if looked_for["find"] else [],
        customers=finding.find_customers(looked_for["who"], found.country_code)
        if looked_for["who"] and can("customers.view")
        else [],
        channels=channel_choices(),
        deliveries=delivery_choices(),
        delivery=delivery_word(found.delivery, found.delivery_location_id),
        countries=[(choice.value, choice.label) for choice in country_choices()],
        places=minor_units(found.currency),
        is_kept=found.reserved_until is not None and found.reserved_until > utc_now(),
        order_number=db.session.scalars(_number_of(found.order_id)).one_or_none() if found.order_id else None,
        may_edit=can("orders.edit") and found.state == "draft",
        may_price=can("catalog.price"),
        status=refused.status,
    )


def _draft(draft_id: int) -> ComposedOrder:
    return get_or_404(ComposedOrder, draft_id)


def _totals(found: ComposedOrder, priced: Priced | None, trouble: str) -> Response:
    return render_region(
        "orders/drafts/_totals.html", title="What it costs", draft=found, priced=priced, trouble=trouble
    )


def _quote(found: ComposedOrder, lines: Any) -> tuple[Priced | None, str]:
    if not lines or found.state != "draft":
        return None, ""
    try:
        return services.quote(found, lines), ""
    except DomainError as error:
        return None, error.message


def _values(found: ComposedOrder) -> dict[str, str]:
    values = {name: getattr(found, name) or "" for name in services.DETAILS}
    places = minor_units(found.currency)
    values["shipping_amount"] = f"{found.shipping_amount:.{places}f}" if found.shipping_amount else ""
    values["discount_amount"] = f"{found.discount_amount:.{places}f}" if found.discount_amount else ""
    values["discount_percent"] = f"{found.discount_percent.normalize():f}" if found.discount_percent else ""
    return values


def _version() -> int | None:
    return request.form.get("version", type=int)


def _number_of(order_id: int) -> sa.Select[str]:
    return sa.select(Order.number).where(Order.id == order_id)


def _total_of(order_id: int) -> sa.Select[Decimal]:
    return sa.select(Order.total).where(Order.id == order_id)
