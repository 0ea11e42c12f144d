"""The pages of an import: upload, mapping, check, apply, report, undo."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.access import current_actor, get_or_404, requires
from portal.core import audit, storage
from portal.core.audit import Actor
from portal.core.card_numbers import without_card_numbers
from portal.core.database import db
from portal.core.errors import DomainError, NotFoundError
from portal.core.http import render, render_region, see_other, toast
from portal.core.jobs import Job, cancel
from portal.core.listing import show_list
from portal.core.once import made_at, sent_once
from portal.imports import services
from portal.imports.forms import ReadingForm, UploadForm, mapping_from, options_form
from portal.imports.listings import IMPORTS
from portal.imports.models import Import
from portal.imports.queries import field_labels, import_page, mapped_columns

bp = Blueprint("imports", __name__, url_prefix="/imports")


@bp.get("")
@requires("imports.run")
def imports() -> ResponseReturnValue:
    return show_list(IMPORTS, "imports/imports.html")


@bp.get("/new")
@requires("imports.run")
def new_import() -> Response:
    return render("imports/new_import.html", form=UploadForm(formdata=None), retried=None)


@bp.post("/new")
@requires("imports.run")
@sent_once
def upload() -> ResponseReturnValue:
    return _receive(None)


@bp.post("/<int:import_id>/retry")
@requires("imports.run")
@sent_once
def retry(import_id: int) -> ResponseReturnValue:
    return _receive(get_or_404(Import, import_id))


@bp.get("/<int:import_id>")
@requires("imports.run")
def show_import(import_id: int) -> ResponseReturnValue:
    found = get_or_404(Import, import_id)
    if found.state == "uploaded":
        return see_other(url_for("imports.map_columns", import_id=found.id))
    return _show(found)


@bp.get("/<int:import_id>/progress")
@requires("imports.run", passive=True)
def progress(import_id: int) -> Response:
    found = get_or_404(Import, import_id)
    return render_region("imports/_progress.html", title="Progress of the import", page=import_page(found))


@bp.get("/<int:import_id>/mapping")
@requires("imports.run")
def map_columns(import_id: int) -> Response:
    return _mapping(get_or_404(Import, import_id))


@bp.post("/<int:import_id>/reading")
@requires("imports.run")
def change_reading(import_id: int) -> ResponseReturnValue:
    found = get_or_404(Import, import_id, lock=True)
    form = ReadingForm()
    if not form.validate():
        return _mapping(found, reading=form, status=422)
    try:
        services.set_reading(
            found,
            format_key=form.format.data,
            encoding=form.encoding.data,
            delimiter=form.delimiter.data,
            header_row=form.header_row.data or 1,
            by=current_actor(),
        )
    except DomainError as error:
        db.session.rollback()
        form.encoding.errors = [error.message]
        return _mapping(get_or_404(Import, import_id), reading=form, status=422)
    db.session.commit()
    return see_other(url_for("imports.map_columns", import_id=import_id))


@bp.post("/<int:import_id>/mapping")
@requires("imports.run")
@sent_once
def save_mapping(import_id: int) -> ResponseReturnValue:
    found = get_or_404(Import, import_id, lock=True)
    form = options_form(found)
    if not form.validate():
        return _mapping(found, options=form, status=422)
    try:
        chosen = mapping_from(found, request.form, len(services.table_of(found).headings))
        services.set_mapping(found, chosen, form.options(), by=current_actor())
        services.start_check(found, by=current_actor())
    except DomainError as error:
        db.session.rollback()
        return _mapping(get_or_404(Import, import_id), options=form, problem=error.message, status=422)
    return made_at(url_for("imports.show_import", import_id=import_id))


@bp.post("/<int:import_id>/check")
@requires("imports.run")
@sent_once
def start_check(import_id: int) -> ResponseReturnValue:
    return _start(import_id, services.start_check)


@bp.post("/<int:import_id>/apply")
@requires("imports.run")
@sent_once
def start_apply(import_id: int) -> ResponseReturnValue:
    return _start(import_id, services.start_apply)


@bp.post("/<int:import_id>/undo")
@requires("imports.run")
@sent_once
def start_undo(import_id: int) -> ResponseReturnValue:
    return _start(import_id, services.start_undo)


@bp.post("/<int:import_id>/cancel")
@requires("imports.run")
def cancel_work(import_id: int) -> ResponseReturnValue:
    found = get_or_404(Import, import_id)
    if found.job_id is not None:
        cancel(found.job_id, by=current_actor())
        db.session.commit()
        toast(
            "The import stops after the batch it is writing. What is written stays, and can be taken back.",
            "info",
        )
    return see_other(url_for("imports.show_import", import_id=import_id))


@bp.get("/<int:import_id>/rejects.csv")
@requires("imports.run")
def download_rejects(import_id: int) -> Response:
    found = get_or_404(Import, import_id)
    if found.rejects_key is None:
        raise NotFoundError("This import refused no row.")
    audit.record("import.rejects_downloaded", by=current_actor(), subject=("import", found.id))
    db.session.commit()
    response = Response(storage.open_stream(found.rejects_key), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="rejects-{import_id}.csv"'
    return response


def _receive(retried: Import | None) -> ResponseReturnValue:
    form = UploadForm()
    if not form.validate():
        return render("imports/new_import.html", form=form, retried=retried, status=422)
    try:
        found = services.receive_file(
            form.file.data.filename or "", form.file.data.stream, by=current_actor(), retry_of=retried
        )
    except DomainError as error:
        db.session.rollback()
        form.file.errors = [error.message]
        return render("imports/new_import.html", form=form, retried=retried, status=422)
    return made_at(url_for("imports.map_columns", import_id=found.id))


def _start(import_id: int, start: Callable[..., Job]) -> ResponseReturnValue:
    by: Actor = current_actor()
    start(get_or_404(Import, import_id, lock=True), by=by)
    return made_at(url_for("imports.show_import", import_id=import_id))


def _show(found: Import, status: int = 200) -> Response:
    return render(
        "imports/import.html",
        page=import_page(found),
        labels=field_labels(found),
        upload=UploadForm(formdata=None),
        status=status,
    )


def _mapping(
    found: Import,
    *,
    reading: ReadingForm | None = None,
    options: object = None,
    problem: str | None = None,
    status: int = 200,
) -> Response:
    table = services.table_of(found)
    given = {
        key.removeprefix("column-"): int(value)
        for key, value in request.form.items()
        if key.startswith("column-") and value.isdecimal()
    }
    return render(
        "imports/map_columns.html",
        found=found,
        headings=table.headings,
        sample=[(number, list(map(without_card_numbers, cells))) for number, cells in table.head(5)],
        problem=problem,
        columns=mapped_columns(found, table, given or found.mapping),
        reading=reading or ReadingForm(formdata=None, obj=found),
        options=options or options_form(found),
        status=status,
    )
