"""Files on an order."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from flask.typing import ResponseReturnValue

from portal.accounts.access import can, current_actor, requires
from portal.core import audit, storage
from portal.core.database import db
from portal.core.once import sent_once
from portal.orders import files as keeping
from portal.orders.queries import find_order, version_of
from portal.orders.views.blueprint import bp
from portal.orders.views.frame import Panel, act


def _files_of(number: str) -> dict[str, Any]:
    found = find_order(number)
    return {
        "files": keeping.files_of(found.order_id), "is_shown": can("orders.edit"), "version": version_of(found.order_id),
        "acted": None, "problem": None, "typed": {},
    }  # fmt: skip


FILES = Panel("orders.order_files", "orders/files/_files.html", "Files", _files_of)


@bp.get("/orders/<order_number:number>/files")
@requires("orders.view", passive=True)
def order_files(number: str) -> Response:
    return FILES.show(number)


@bp.post("/orders/<order_number:number>/files")
@requires("orders.edit")
@sent_once
def add_file(number: str) -> ResponseReturnValue:
    found, upload = find_order(number), request.files.get("file")

    data, name = b"", ""
    if upload is not None:
        data, name = upload.stream.read(keeping.MOST_BYTES + 1), upload.filename or ""

    def add(order_id: int) -> None:
        keeping.add_file(
            order_id, name, data, subject_id=found.subject_id, by=current_actor()
        )  # fmt: skip

    return act(number, "The file is kept.", add, panel=FILES)


@bp.get("/orders/<order_number:number>/files/<int:file_n>")
@requires("orders.edit")
def download_file(number: str, file_n: int) -> Response:
    found = find_order(number)
    row = keeping.file_of(found.order_id, file_n)
    stored = storage.file_of(row["file_id"])
    audit.record(
        action="order.file_opened", by=current_actor(), subject=("order", found.order_id), after={"name": row["name"]},
        data_subject_id=found.subject_id,
    )  # fmt: skip
    key = stored.key
    db.session.commit()
    answer = Response(storage.open_stream(key), mimetype=row["media_type"])
    answer.headers.set("Content-Disposition", "attachment", filename=row["name"])
    return answer


@bp.post("/orders/<order_number:number>/files/<int:file_n>/removal")
@requires("orders.edit")
def remove_file(number: str, file_n: int) -> ResponseReturnValue:
    found = find_order(number)
    return act(
        number, "The file is removed.", panel=FILES,
        work=lambda order_id: keeping.remove_file(order_id, file_n, subject_id=found.subject_id, by=current_actor()),
    )  # fmt: skip
