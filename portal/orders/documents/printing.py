"""Documents of many orders as one PDF file, in batches that survive a worker's end.

Each batch is set and stored as a file of its own; at the end they are joined. A worker that dies costs one batch, and
invoices that were issued keep their numbers.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import sqlalchemy as sa

from portal.core import audit, storage
from portal.core.audit import Actor
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.core.jobs import Job, JobRun, enqueue, job
from portal.core.reveal import log_view
from portal.core.selected import Chosen, arguments_of, frozen, let_go
from portal.orders.causes import order_rows
from portal.orders.documents.merging import joined
from portal.orders.documents.papers import Paper
from portal.orders.documents.rendering import documents_of, logos_of_papers, paper_of_document
from portal.orders.documents.services import NothingToInvoiceError, issue_invoice
from portal.orders.documents.settings import document_settings
from portal.orders.documents.slips import packing_papers
from portal.orders.documents.typesetting import AT_ONCE, forget, pdf_of
from portal.orders.listings import ORDERS
from portal.orders.models import InvoiceRef, OrderRef

What = Literal["invoices", "issue_invoices", "packing_slips"]
WHATS: Final[tuple[What, ...]] = ("invoices", "issue_invoices", "packing_slips")
MOST: Final = 5_000
BATCH: Final = 25
# Rows of goods set at once: what bounds the memory of a batch of long invoices.
MOST_ROWS: Final = 300
KEPT_FOR: Final = dt.timedelta(hours=24)
PDF: Final = "application/pdf"


def start_printing(what: str, chosen: Chosen, *, by: Actor) -> Job:
    """Ask for the file. Flushes; the caller commits.

    Raises:
        DomainError: there is no such kind of document, or there are more orders than a file takes.
    """
    if what not in WHATS:
        raise DomainError("Choose what to print.", field="what")
    if chosen.total is None or chosen.total > MOST:
        raise DomainError(f"One file takes {MOST:,} orders; {chosen.words} are chosen. Narrow the list.")
    args = {"what": what, **arguments_of(chosen)}
    return enqueue("documents.print", args, by=by, total=chosen.total, unique_key=f"{what} {chosen.word}")


@job("documents.print", title="Make a PDF of documents", permission="orders.edit", row_names=order_rows)
def print_documents(run: JobRun) -> None:
    """One file with the documents of all chosen orders, to download for a day.

    Raises:
        DomainError: none of them has such a document.
    """
    work = _Printing(run)
    for batch in work.batches():
        work.do(batch)
    work.finish()


@dataclass(slots=True)
class _Made:
    """Papers of one order, or why there are none."""

    papers: list[Paper]
    message: str


class _Printing:
    def __init__(self, run: JobRun) -> None:
        self._run = run
        self._what: What = run.args["what"]
        self._keys = frozen(run, ORDERS)
        self._done = int(run.state.get("done", 0))
        self._parts: list[str] = list(run.state.get("parts", []))
        run.progress(self._done, len(self._keys), "Setting")
        self._keep()
        run.commit(done=self._done)

    def batches(self) -> Iterator[list[int]]:
        while self._done < len(self._keys):
            yield list(self._keys[self._done : self._done + BATCH])

    def do(self, order_ids: Sequence[int]) -> None:
        """Set one batch, and commit it with how far the work is."""
        if self._run.by.kind == "user":
            seen = _subjects(order_ids)
            log_view(self._run.by, seen, case=("documents", self._run.id), fields=("name", "address"))
        papers: list[Paper] = []
        results: dict[int, _Made] = {}
        for order_id in order_ids:
            made = _MAKERS[self._what](self._run, order_id)
            papers += made.papers
            results[order_id] = made
        for chunk in _chunks(papers):
            key = f"documents/prints/{self._run.id}/{len(self._parts):05d}.pdf"
            data = pdf_of(chunk, made_at=utc_now(), logos=logos_of_papers(chunk))
            storage.put(key, data, media_type=PDF, expires_at=utc_now() + KEPT_FOR)
            self._parts.append(key)
        forget()
        for order_id, made in results.items():
            self._run.item(order_id, bool(made.papers), made.message)
        self._done += len(order_ids)
        self._keep()
        self._run.commit(done=self._done)

    def finish(self) -> None:
        """Join the batches, offer the file, drop the parts."""
        if not self._parts:
            raise DomainError("None of these orders has such a document, so there is no file.")
        key = f"documents/prints/{self._run.id}/all.pdf"
        name = f"{'packing-slips' if self._what == 'packing_slips' else 'invoices'}-{self._run.id}.pdf"
        # Read first: the store cannot be read from while it is written to.
        pieces = list(joined(storage.read_bytes(part) for part in self._parts))
        storage.put(
            key,
            pieces,
            filename=name,
            media_type=PDF,
            expires_at=utc_now() + KEPT_FOR,
            by=self._run.by.id,
        )
        self._run.attach_result(key, name, PDF)
        for part in self._parts:
            storage.delete(part)
        let_go(self._run)
        audit.record(
            "documents.printed", by=self._run.by, subject=("job", self._run.id),
            after={"what": self._what, "orders": len(self._keys)},
        )  # fmt: skip

    def _keep(self) -> None:
        self._run.checkpoint({**self._run.state, "done": self._done, "parts": self._parts})


def _issued_invoices(run: JobRun, order_id: int) -> _Made:
    table = InvoiceRef.__table__.c
    ids = db.session.execute(
        sa.select(table.id).where(
            table.merchant_id == current_merchant_id(), table.order_id == order_id, table.kind == "invoice"
        ).order_by(table.id)
    ).scalars().all()  # fmt: skip
    found = documents_of(ids)
    if not found:
        return _Made([], "Not invoiced yet")
    return _Made([paper_of_document(each) for each in found], ", ".join(each.number for each in found))


def _with_missing_invoices(run: JobRun, order_id: int) -> _Made:
    try:
        with db.session.begin_nested():
            issue_invoice(order_id, by=run.by)
    except NothingToInvoiceError:
        pass
    except DomainError as error:
        return _Made([], error.message)
    else:
        # The number's counter is locked until here; nobody else waits for a batch to be set.
        run.commit()
    return _issued_invoices(run, order_id)


def _packing_slips(run: JobRun, order_id: int) -> _Made:
    try:
        return _Made(packing_papers(order_id, document_settings()), "Set")
    except DomainError as error:
        return _Made([], error.message)


_MAKERS: Final[dict[str, Callable[[JobRun, int], _Made]]] = {
    "invoices": _issued_invoices,
    "issue_invoices": _with_missing_invoices,
    "packing_slips": _packing_slips,
}


def _subjects(order_ids: Sequence[int]) -> list[int]:
    table = OrderRef.__table__.c
    rows = db.session.execute(
        sa.select(table.subject_id).where(
            table.merchant_id == current_merchant_id(), table.order_id.in_(order_ids), table.subject_id.is_not(None)
        )
    )  # fmt: skip
    return [int(subject_id) for subject_id in rows.scalars()]


def _chunks(papers: Sequence[Paper]) -> Iterator[list[Paper]]:
    """Papers to set together: few, few rows, and of one layout."""
    chunk: list[Paper] = []
    rows = 0
    for paper in papers:
        own = len(paper.goods.rows) if paper.goods else 0
        is_full = len(chunk) == AT_ONCE or rows + own > MOST_ROWS
        if chunk and (is_full or chunk[0].layout != paper.layout):
            yield chunk
            chunk, rows = [], 0
        chunk.append(paper)
        rows += own
    if chunk:
        yield chunk
