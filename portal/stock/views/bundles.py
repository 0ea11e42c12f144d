"""What a variant is made of: the region on its page, and saving it."""

from __future__ import annotations

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, requires
from portal.catalog import typed
from portal.catalog.conflicts import stale_page
from portal.catalog.queries import history
from portal.core.audit import AuditEntry
from portal.core.database import db
from portal.core.errors import DomainError, StaleError
from portal.core.http import render_region, see_other, toast
from portal.core.merging import pack_base, unpack_base
from portal.stock import bundles, bundling
from portal.stock.papers import names_of
from portal.stock.views.blueprint import bp, variant_or_404

BLANK_ROWS = 3
CHOICE = "units-of-"
Rows = list[tuple[str, str]]


@bp.get("/variants/<int:variant_id>/components")
@requires("catalog.view")
def components(variant_id: int) -> Response:
    return _region(variant_id)


@bp.post("/variants/<int:variant_id>/components")
@requires("catalog.edit")
def save_components(variant_id: int) -> ResponseReturnValue:
    variant_or_404(variant_id)
    rows = _typed_rows()
    try:
        base = unpack_base(request.form.get("base", ""))
        bundling.save_components(variant_id, _read(rows), base=base, by=current_actor())
    except StaleError as error:
        return _stale(variant_id, rows, error)
    except DomainError as error:
        db.session.rollback()
        return _region(variant_id, rows=rows, error=error.message, status=error.status)
    db.session.commit()
    toast("The components are saved.")
    return see_other(url_for("catalog.variant", variant_id=variant_id, _anchor="components"))


def _typed_rows() -> Rows:
    skus = [typed.text_of(value) for value in request.form.getlist("sku")]
    units = [typed.text_of(value) for value in request.form.getlist("units")]
    return [(sku, count) for sku, count in zip(skus, units, strict=False) if sku] + _chosen_rows()


def _chosen_rows() -> Rows:
    """Components on which two people did not agree: their units come under their key."""
    chosen = {
        int(key): typed.text_of(value)
        for name, value in request.form.items()
        if (key := name.removeprefix(CHOICE)) != name and key.isdecimal() and len(key) < 19
    }
    return [(part.sku, chosen[key] or "0") for key, part in names_of(chosen).items()]


def _read(rows: Rows) -> list[tuple[str, int]]:
    """Rows with their units; empty is one, 0 takes the component out."""
    read = []
    for sku, units in rows:
        number = typed.whole(units or "1", "components", f"The units of {sku}", most=bundling.MOST_PER_BUNDLE)
        if number:
            read.append((sku, number))
    return read


def _region(
    variant_id: int, *, rows: Rows | None = None, error: str | None = None, status: int = 200
) -> Response:
    found = bundles.components_of(variant_id)
    return render_region(
        "stock/_components.html",
        title="Components",
        variant=variant_or_404(variant_id),
        components=found,
        rows=rows if rows is not None else [(part.sku, str(part.quantity)) for part in found],
        names={part.sku: part for part in found},
        blank=BLANK_ROWS,
        base=pack_base(bundling.component_values(found)),
        sellable=bundles.bundle_availability([variant_id]).get(variant_id) if found else None,
        part_of=bundles.bundles_with(variant_id),
        error=error,
        status=status,
    )


def _stale(variant_id: int, rows: Rows, error: StaleError) -> Response:
    """The page on which a person decides component by component; what does not clash is carried along from both."""
    base = unpack_base(request.form.get("base", ""))
    now = bundling.component_values(bundles.components_of(variant_id))
    mine = {str(key): str(units) for key, units in bundling.variants_of(_read(rows)).items()}
    names = names_of(int(key) for key in {*now, *mine, *error.clashes})
    carried = [("base", pack_base(now))]
    for key in {*now, *mine} - {*error.clashes}:
        units = now.get(key) if now.get(key) != base.get(key) else mine.get(key)
        carried += [("sku", names[int(key)].sku), ("units", units or "0")]
    clashes = [
        {
            "name": f"{CHOICE}{key}",
            "label": names[int(key)].sku,
            "mine": typed,
            "theirs": theirs,
            "mine_words": _words(typed),
            "theirs_words": _words(theirs),
        }
        for key, (theirs, typed) in error.clashes.items()
    ]
    answer = stale_page(
        {"clashes": clashes, "version": error.version, "carried": carried},
        action_url=url_for("stock.save_components", variant_id=variant_id),
        heading=f"Components of {variant_or_404(variant_id).sku}",
        back_url=url_for("catalog.variant", variant_id=variant_id, _anchor="components"),
        back_label="Variant",
        history=_saves(variant_id),
    )
    db.session.rollback()
    return answer


def _words(units: str) -> str:
    return f"{int(units):,} in one bundle" if units else "Not in the bundle"


def _saves(variant_id: int) -> list[AuditEntry]:
    """Who saved components, newest first; a variant's history tells of its price, too."""
    done = history("variant", variant_id, most=20)
    return [entry for entry in done if entry.action == "variant.components_saved"]
