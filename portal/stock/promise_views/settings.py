"""When units are allocated and how long they are kept: the merchant's setting."""

from __future__ import annotations

from flask import Response, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, requires
from portal.catalog.conflicts import stale_answer
from portal.catalog.forms import refuse
from portal.catalog.queries import history
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError, StaleError
from portal.core.http import render, see_other, toast
from portal.core.merging import pack_base, unpack_base
from portal.stock.promise_settings import FIELDS, MOMENT_WORDS, save_promise_setting, setting_texts
from portal.stock.promise_views.blueprint import bp
from portal.stock.promise_views.forms import PromiseSettingForm


@bp.get("/allocation-settings")
@requires("settings.view")
def promise_settings() -> Response:
    values = setting_texts()
    return _page(PromiseSettingForm(formdata=None, data=values | {"base": pack_base(values)}))


@bp.post("/allocation-settings")
@requires("settings.edit")
def save_promise_settings() -> ResponseReturnValue:
    form = PromiseSettingForm()
    try:
        save_promise_setting(_typed(form), base=unpack_base(form.base.data or ""), by=current_actor())
    except StaleError as error:
        return _stale(form, error)
    except DomainError as error:
        db.session.rollback()
        refuse(form, error, "allocate_on")
        return _page(form, status=error.status)
    db.session.commit()
    toast("The setting is saved.")
    return see_other(url_for("promises.promise_settings"))


def _typed(form: PromiseSettingForm) -> dict[str, str]:
    """What was typed, by field; a tick is a word, an empty box none."""
    return {
        name: ("y" if form[name].data else "") if name == "heats_by_itself" else str(form[name].data or "")
        for name in FIELDS
    }


def _page(form: PromiseSettingForm, *, status: int = 200) -> Response:
    return render("stock/promises/settings.html", form=form, status=status)


def _stale(form: PromiseSettingForm, error: StaleError) -> Response:
    return stale_answer(
        form,
        error,
        now=setting_texts(),
        mine=_typed(form),
        words=_words,
        action_url=url_for("promises.promise_settings"),
        heading="Allocation",
        back_url=url_for("promises.promise_settings"),
        back_label="Allocation",
        history=history("promise_setting", current_merchant_id(), most=1),
    )


def _words(name: str, value: str) -> str:
    if name == "heats_by_itself":
        return "Yes" if value else "No"
    return MOMENT_WORDS.get(value, value) if name == "allocate_on" else value
