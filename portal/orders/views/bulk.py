"""Acts on many orders at once, each a job that freezes the set first."""

from __future__ import annotations

from flask import request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, requires
from portal.core.database import db
from portal.core.http import see_other, toast
from portal.core.jobs import enqueue
from portal.core.listing import selection_of
from portal.orders import services
from portal.orders.listings import ORDERS
from portal.orders.views.blueprint import bp


@bp.post("/orders/tags")
@requires("orders.edit")
def tag_orders() -> ResponseReturnValue:
    """Tag the chosen orders, or all that match the list, as a job that freezes the set first."""
    selection, tag = selection_of(ORDERS, request.form), services.checked_tag(request.form.get("value", ""))
    job = enqueue(
        "orders.tag", {"keys": list(selection.keys), "state": selection.state, "tag": tag},
        by=current_actor(), total=len(selection.keys) or None,
    )  # fmt: skip
    job_id = job.id
    db.session.commit()
    toast("Tagging has started.", url=url_for("operations.job", job_id=job_id), link="See the job")
    return see_other(url_for("orders.orders"))
