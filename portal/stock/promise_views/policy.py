"""What a variant does when nothing is left: a region on its page."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Response, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, get_row_or_404, requires
from portal.catalog.conflicts import stale_answer
from portal.catalog.forms import refuse, texts
from portal.catalog.models import Variant
from portal.catalog.queries import history
from portal.core.database import db
from portal.core.errors import DomainError, StaleError
from portal.core.http import render_region, see_other, toast
from portal.core.merging import pack_base, unpack_base
from portal.stock.promise_settings import POLICY_WORDS, policy_texts, save_policy
from portal.stock.promise_views.blueprint import bp
from portal.stock.promise_views.forms import PolicyForm
from portal.stock.views.blueprint import variant_or_404


@bp.get("/variants/<int:variant_id>/policy")
@requires("stock.view")
def policy(variant_id: int) -> Response:
    variant = variant_or_404(variant_id)
    values = policy_texts(variant)
    return _region(variant, PolicyForm(formdata=None, data=values | {"base": pack_base(values)}))


@bp.post("/variants/<int:variant_id>/policy")
@requires("catalog.edit")
def save_variant_policy(variant_id: int) -> ResponseReturnValue:
    variant = get_row_or_404(
        sa.select(Variant).where(Variant.id == variant_id).with_for_update(key_share=True)
    )
    form = PolicyForm()
    try:
        save_policy(variant, texts(form), base=unpack_base(form.base.data or ""), by=current_actor())
    except StaleError as error:
        return _stale(variant, form, error)
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "policy")
        return _region(variant_or_404(variant_id), form, status=error.status)
    db.session.commit()
    toast("What happens when nothing is left is saved.")
    return see_other(url_for("catalog.variant", variant_id=variant_id, _anchor="policy"))


def _region(variant: Variant, form: PolicyForm, *, status: int = 200) -> Response:
    return render_region(
        "stock/promises/_policy.html",
        title="When nothing is left",
        variant=variant,
        form=form,
        policies=POLICY_WORDS,
        status=status,
    )


def _stale(variant: Variant, form: PolicyForm, error: StaleError) -> Response:
    return stale_answer(
        form,
        error,
        now=policy_texts(variant),
        mine=texts(form),
        words=lambda name, value: POLICY_WORDS.get(value, value) if name == "policy" else value,
        action_url=url_for("promises.save_variant_policy", variant_id=variant.id),
        heading=f"When nothing is left of {variant.sku}",
        back_url=url_for("catalog.variant", variant_id=variant.id, _anchor="policy"),
        back_label=variant.sku,
        history=history("variant", variant.id, most=1),
    )
