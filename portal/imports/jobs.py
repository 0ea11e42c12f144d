"""The three jobs of an import. Each may be stopped anywhere and started again."""

from __future__ import annotations

from collections.abc import Callable

from portal.core import audit
from portal.core.clock import utc_now
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.core.jobs import JobCancelledError, JobRun, job
from portal.imports.connection import one_connection
from portal.imports.history.run import apply_history, check_history
from portal.imports.history.undo import undo_history
from portal.imports.kept import Kept
from portal.imports.listed import clear_listed
from portal.imports.models import Import, ImportKind, ImportState
from portal.imports.products.run import apply_products, check_products
from portal.imports.products.undo import undo_products
from portal.imports.services import table_of


@job("imports.check", title="Check an import", permission="imports.run")
def check(run: JobRun) -> None:
    """Dry run: counts, sums, reasons and differences; nothing else is written."""
    work = {ImportKind.ORDER_HISTORY: check_history, ImportKind.PRODUCTS: check_products}

    def do(found: Import) -> None:
        clear_listed(found.id)
        work[ImportKind(found.kind)](found, table_of(found), run)
        found.state = ImportState.CHECKED

    _steps(run, do, on_cancel=ImportState.MAPPED)


@job("imports.apply", title="Apply an import", permission="imports.run")
def apply(run: JobRun) -> None:
    """Write the rows, batch by batch."""
    work = {ImportKind.ORDER_HISTORY: apply_history, ImportKind.PRODUCTS: apply_products}

    def do(found: Import) -> None:
        work[ImportKind(found.kind)](found, table_of(found), run)
        found.state, found.applied_at = ImportState.APPLIED, utc_now()
        audit.record(
            "import.applied", by=run.by, subject=("import", found.id), after={"counts": found.counts}
        )

    _steps(run, do, on_cancel=ImportState.CANCELLED)


@job("imports.undo", title="Take an import back", permission="imports.run")
def undo(run: JobRun) -> None:
    """Take back what nobody has changed since."""
    work = {ImportKind.ORDER_HISTORY: undo_history, ImportKind.PRODUCTS: undo_products}

    def do(found: Import) -> None:
        kept = Kept(found.id)
        work[ImportKind(found.kind)](found.id, run, by=run.by, kept=kept)
        found.counts = {**found.counts, "kept": kept.count}
        found.state, found.undone_at = ImportState.UNDONE, utc_now()
        audit.record("import.undone", by=run.by, subject=("import", found.id), after={"kept": kept.count})

    _steps(run, do, on_cancel=ImportState.APPLIED)


def _steps(run: JobRun, do: Callable[[Import], None], *, on_cancel: ImportState) -> None:
    import_id = int(run.args["import_id"])
    with one_connection():
        try:
            do(_load(import_id))
            run.commit()
        except JobCancelledError:
            db.session.rollback()
            # A wish to cancel that came with the last commit came too late.
            if _load(import_id).is_at_work():
                _leave(import_id, on_cancel, None)
            raise
        except DomainError as error:
            db.session.rollback()
            _leave(import_id, ImportState.FAILED, error.message)
            raise


def _load(import_id: int) -> Import:
    return db.session.get_one(Import, (current_merchant_id(), import_id))


def _leave(import_id: int, state: ImportState, problem: str | None) -> None:
    found = _load(import_id)
    found.state, found.problem = state, problem
    db.session.commit()
